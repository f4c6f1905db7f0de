"""Pages of rows: those that fit, in order, by their numbers; and clear words about what cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.inspect.rows import LONGEST_WORDS, PAGE_ROWS, Question, count_rows, read_numbered, read_page, rows_in
from pipeline.publication import ROW_GROUP, write_table
from pipeline.records import Speed
from pipeline.tables import TABLES, arrow_schema, table_path
from tests.inspect.runs import SAMPLES, sample_id, task_id, whole_run
from tests.rows import make_task


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(tmp_path_factory.mktemp("runs") / "run")


def ids(folder: Path, asked: Question) -> list[str]:
    return [row["id"] for row in read_page(folder, asked).rows]


def test_pages_follow_one_another_to_the_end(run: Path) -> None:
    pages = [read_page(run, Question("3_samples", page=number)) for number in range(4)]
    assert [row["id"] for page in pages for row in page.rows] == [sample_id(n) for n in range(SAMPLES)]
    assert [page.more for page in pages] == [True, True, False, False]
    assert [len(page.rows) for page in pages] == [PAGE_ROWS, PAGE_ROWS, SAMPLES - 2 * PAGE_ROWS, 0]


def test_a_condition_a_word_and_an_order(run: Path) -> None:
    asked = Question("2_responses", where="tokens_out >= 57", sort="seconds", descending=True)
    page = read_page(run, asked)
    assert ([row["tokens_out"] for row in page.rows], page.numbers, page.more) == ([59, 58, 57], [59, 58, 57], False)
    assert count_rows(run, asked) == 3
    assert ids(run, Question("1_tasks", find="HOW much  is 21 and")) == [task_id(21)]
    assert ids(run, Question("3_samples", find=sample_id(33)[:15])) == [sample_id(n) for n in range(32, 48)]
    assert ids(run, Question("5_corpus", find="it is 100.")) == ["cccc000000000032"]
    assert (
        count_rows(run, Question("3_samples", where="id IN (SELECT sample_id FROM verdicts WHERE reason = 'contaminated')"))
        == 1
    )
    assert ids(run, Question("3_samples", find="no such words")) == []


def test_words_are_words_and_no_pattern(run: Path) -> None:
    assert count_rows(run, Question("3_samples", find=".*")) == 0
    assert count_rows(run, Question("3_samples", find="alert('owned')</script>")) == 1


def test_rows_come_by_number_from_several_row_groups(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id=f"{n:016x}") for n in range(2 * ROW_GROUP + 3)])
    wanted = [2 * ROW_GROUP + 2, 0, ROW_GROUP, ROW_GROUP - 1]
    assert [row["id"] for row in read_numbered(tmp_path, "1_tasks", wanted, ("id",))] == [f"{n:016x}" for n in wanted]


def test_so_many_words_and_no_more(run: Path) -> None:
    longest = Question("3_samples", find="x " * (LONGEST_WORDS // 2 - 1) + "xx")
    assert len(longest.find) == LONGEST_WORDS and read_page(run, longest).rows == []
    for ask in (read_page, count_rows):
        with pytest.raises(UserError, match="1,001 characters are too many") as caught:
            ask(run, replace(longest, find=longest.find + "x"))
        assert "at most 1,000" in caught.value.remedy


def test_words_of_a_table_without_texts(tmp_path: Path) -> None:
    given = {"device": "cpu", "parameters": 1, "items": 1, "latency": 0.5, "tokens_per_second": 2.0}
    write_table(tmp_path, "6_speed", [Speed(model=name, **given) for name in ("base", "distilled", "teacher")])
    asked = Question("6_speed", find="DISTIL", columns=("model",))
    assert read_page(tmp_path, asked).rows == [{"model": "distilled"}] and count_rows(tmp_path, asked) == 1
    assert read_page(tmp_path, replace(asked, find="nobody")).rows == []


def test_the_conversation_of_another_table_in_a_condition(run: Path) -> None:
    where = "id IN (SELECT task_id FROM responses WHERE conversation LIKE '%21 and 21? Think.')"
    assert ids(run, Question("1_tasks", where=where)) == [task_id(21)]
    assert count_rows(run, Question("3_samples", where="conversation LIKE '% 21 and 21?'")) == 1


@pytest.mark.parametrize("reads", ["read_csv", "READ_CSV", '"read_csv"', "read_csv "])
def test_a_condition_reads_tables_of_the_run_alone(run: Path, tmp_path: Path, reads: str) -> None:
    (tmp_path / "ids.csv").write_text(f"id\n{sample_id(21)}\n")
    asked = Question("3_samples", where=f"id IN (SELECT id FROM {reads}('{tmp_path}/ids.csv'))")
    for ask in (read_page, count_rows):
        with pytest.raises(UserError, match=r"(?i)^where: read_csv would read a file") as caught:
            ask(run, asked)
        assert "samples" in caught.value.remedy


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Question("3_samples", where="nope = 1"), r"where 'nope = 1'.*nope"),
        (Question("3_samples", where="id ="), r"where 'id ='"),
        (Question("3_samples", where="weight"), r"where 'weight'"),
        (Question("3_samples", where="1; DROP"), r"where '1; DROP'"),
        (Question("3_samples", sort="targt"), r"no column 'targt'\n.*Did you mean target"),
        (Question("3_samples", sort="messages"), r"messages has no order"),
        (Question("3_samples", columns=("weigth",)), r"Did you mean weight"),
        (Question("4_judgements"), r"does not exist"),
    ],
)
def test_what_cannot_be_asked_is_said(run: Path, asked: Question, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_page(run, asked)
    assert caught.value.remedy


def test_a_table_of_another_version_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["x"], "colour": ["red"]}).write_parquet(table_path(tmp_path, "1_tasks"))
    with pytest.raises(UserError, match="a foreign column 'colour'"):
        rows_in(tmp_path, "1_tasks")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    schema = arrow_schema(TABLES["1_tasks"])
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0])), pa.py_buffer(b"\xff\xfe")]
    )
    columns = [
        bad if field.name == "prompt" else pa.array([""] if field.type == pa.string() else [None], field.type)
        for field in schema
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), table_path(tmp_path, "1_tasks"))
    with pytest.raises(UserError, match=r"no UTF-8: b'\\xff'"):
        read_page(tmp_path, Question("1_tasks"))
