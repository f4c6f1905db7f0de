"""`distill show`: rows by SQL, as wide as a terminal for people, whole for programs; and what is said of a wrong question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from rich.cells import cell_len

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.records import Message, Verdict
from pipeline.report.query import SHORT, columns_of, query, table_named
from pipeline.report.show import as_json, as_tsv, for_people
from pipeline.tables import TABLES, table_path
from tests.hostile import HOSTILE, acting
from tests.rows import make_sample, make_task

ROWS = 60
LONG = "a long explanation, 日本語 too, " * 20


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_table(
        folder, "1_tasks", [make_task(id=f"{n:016x}", prompt=f"How many\tare {n}?", extra={"level": n}) for n in range(ROWS)]
    )
    samples = [
        make_sample(
            f"{LONG}\nThe answer is {n}.", id=f"{ROWS + n:016x}", task_id=f"{n:016x}", answer=str(n) if n else None,
            weight=n / 10,
            messages=[Message(role="system", content="Be brief."), Message(role="user", content=f"Question {n}")],
        )
        for n in range(ROWS)
    ]  # fmt: skip
    write_table(folder, "3_samples", samples)
    verdicts = [
        Verdict(
            sample_id=each.id, filter="answer_matches", decision="drop" if n % 3 else "keep", score=n / 7,
            reason="wrong answer", detail=f"'{n}', expected 'something else that is rather long'",
        )
        for n, each in enumerate(samples)
    ]  # fmt: skip
    write_table(folder, "4_verdicts", verdicts)
    return folder


def ids(folder: Path, where: str, table: str = "3_samples") -> list[int]:
    rows = query(folder, table, where, ["id"]).collect()["id"].to_list()
    return [int(each, 16) - ROWS * (table == "3_samples") for each in rows]


@pytest.mark.parametrize("name", [*TABLES, *SHORT, "3_samples.parquet"])
def test_a_table_by_any_of_its_names(name: str) -> None:
    assert table_named(name).removesuffix(".parquet").endswith(name.removesuffix(".parquet"))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", list(range(ROWS))),
        ("weight > 5.7", [58, 59]),
        ("WHERE weight > 5.7", [58, 59]),
        ("answer IS NULL", [0]),
        ("target LIKE '%answer is 7.%' OR target LIKE '%answer is 9.%'", [7, 9]),
        ("conversation ILIKE 'be brief%question 12'", [12]),
        ("id IN (SELECT sample_id FROM verdicts WHERE decision = 'keep' AND score > 8)", [57]),
        ("task_id IN (SELECT id FROM tasks WHERE prompt LIKE '%are 33?')", [33]),
        ("weight < 0.4 ORDER BY weight DESC", [3, 2, 1, 0]),
        ("weight > 100", []),
    ],
)
def test_conditions(run: Path, where: str, found: list[int]) -> None:
    assert ids(run, where) == found


@pytest.mark.parametrize(
    ("where", "what", "remedy"),
    [
        ("wieght > 1", 'unable to find column "wieght"', "Did you mean weight? Columns there are: id, task_id"),
        ('method = "drop"', 'unable to find column "drop"', "Text stands in 'single quotes'."),
        ("weight >", "Expected: an expression, found: EOF", "what follows WHERE in SQL"),
        ("weight > 1; DROP TABLE samples", "one (and only one) statement", "what follows WHERE"),
        ("weight > 'a'", "cannot compare string with numeric type", "Columns of 3_samples: id"),
        ("target", "must be of type `Boolean`", "what follows WHERE"),
        ("target ~ '('", "regex", "what follows WHERE"),
        ("nosuch(target) = 1", "unsupported function 'nosuch'", "what follows WHERE"),
        ("messages LIKE '%x%'", "expected String type", "conversation LIKE '%…%'"),
        ("id IN (SELECT id FROM taks)", "relation 'taks' was not found", "Did you mean tasks?"),
        ("id IN (SELECT sample_id FROM corpus)", "5_corpus.parquet: this table does not exist", "make generate"),
        ("(" * 4_000 + "1 = 1" + ")" * 4_000, "recursion limit", "what follows WHERE"),
        ("id = 'a' OR " * 1_000 + "1 = 1", "12,005 characters are too many", "at most 10,000"),
        ("id = '\udcff'", "is no UTF-8", "encoding of the terminal"),
        ("\x1b[2J = 1", "--where '\\x1b[2J = 1'", "what follows WHERE"),
    ],
)
def test_a_condition_that_is_wrong(run: Path, where: str, what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        list(as_json(run, "3_samples", where, [], None))
    assert what in caught.value.what and remedy in caught.value.remedy
    assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize(
    "reads", ["read_csv", "Read_CSV", '"read_csv"', "read_parquet", "read_ipc", "read_json", "read_ndjson"]
)
def test_a_condition_reads_tables_of_the_run_alone(run: Path, tmp_path: Path, reads: str) -> None:
    rows = pl.DataFrame({"id": [f"{ROWS + 7:016x}"]})
    kind = reads.strip('"').lower().removeprefix("read_")
    getattr(rows, f"write_{kind}")(tmp_path / "ids")
    with pytest.raises(UserError, match=rf"(?i)^--where: read_{kind} would read a file that is no table") as caught:
        query(run, "3_samples", f"id IN (SELECT id FROM {reads}('{tmp_path}/ids'))").collect()
    assert "Tables there are: tasks" in caught.value.remedy
    with pytest.raises(UserError, match="would read a file"):
        as_json(run, "3_samples", "id IN (SELECT column_1 FROM read_csv('/etc/passwd'))", [], None)


def test_the_conversation_of_another_table(run: Path) -> None:
    assert ids(run, "id IN (SELECT task_id FROM samples WHERE conversation LIKE '%Question 21')", "1_tasks") == [21]


@pytest.mark.parametrize("columns", [["id", "id"], ["target", "id", "target"]])
def test_a_column_that_is_named_twice(run: Path, columns: list[str]) -> None:
    for show in (as_json, as_tsv):
        with pytest.raises(UserError, match=rf"--columns: '{columns[0]}' is named twice"):
            show(run, "3_samples", "", columns, None)


def test_what_only_shows_while_rows_are_read(run: Path) -> None:
    with pytest.raises(UserError, match=r"--where 'CAST\(target AS INT\) > 3': conversion from"):
        list(as_tsv(run, "3_samples", "CAST(target AS INT) > 3", [], None))


def test_names_that_are_wrong(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sampels: there is no table of this name\n  Did you mean samples\?"):
        table_named("sampels")
    with pytest.raises(UserError, match=r"3_samples has no column 'tagret'\n  Did you mean target\?"):
        as_tsv(run, "3_samples", "", ["tagret"], None)
    with pytest.raises(UserError, match=r"4_judgements.*does not exist\n.*make filter"):
        query(run, "4_judgements")
    table_path(tmp_path, "1_tasks").write_bytes(b"PAR1 torn")
    with pytest.raises(UserError, match=r"1_tasks\.parquet: this table cannot be read"):
        query(tmp_path, "1_tasks")
    table_path(tmp_path, "3_samples").write_bytes(table_path(run, "1_tasks").read_bytes())
    with pytest.raises(UserError, match="a foreign column 'prompt'"):
        query(tmp_path, "3_samples")


def test_for_programs(run: Path) -> None:
    head, first, *others = as_tsv(run, "1_tasks", "", ["id", "prompt", "answer", "extra"], None)
    assert head == "id\tprompt\tanswer\textra" and first == '0000000000000000\tHow many\\tare 0?\t\t{"level": 0}'
    assert len(others) == ROWS - 1
    rows = [json.loads(each) for each in as_json(run, "1_tasks", "", [], 2)]
    assert [row["extra"] for row in rows] == [{"level": 0}, {"level": 1}] and list(rows[0]) == columns_of("1_tasks")
    (sample,) = [json.loads(each) for each in as_json(run, "3_samples", "weight = 0.3", ["messages", "answer", "pair"], None)]
    assert sample["messages"][1] == {"role": "user", "content": "Question 3"} and sample["pair"] is None


def people(run: Path, table: str, width: int, limit: int = 5, where: str = "", columns: tuple[str, ...] = ()) -> list[str]:
    return [str(each) for each in for_people(run, table, where, columns, limit, width)]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("table", ["1_tasks", "4_verdicts"])
def test_a_table_fits_its_terminal(run: Path, table: str, width: int) -> None:
    *rows, count = people(run, table, width)
    assert count.startswith(f"5 of 60 rows of {table}")
    if width < 80:
        assert rows[0] == "row 1", "long texts would be left too little room"
    else:
        assert len(rows) == 6 and max(map(cell_len, rows)) <= width


def test_what_a_row_says(run: Path) -> None:
    head, first, second, _ = people(run, "4_verdicts", 200, 2)
    assert head.split() == ["sample_id", "filter", "decision", "score", "reason", "detail"]
    assert first.split("  ")[0] == f"{ROWS:016x}" and " keep " in first and " drop " in second and "0.142857" in second
    narrow = people(run, "4_verdicts", 80, 2)
    assert f"{ROWS:016x}" in narrow[1], "an id is never cut"
    styles = {style for each in for_people(run, "4_verdicts", "", [], 2, 200) for _, style in each.head}
    assert {"green", "red", "bold", "dim"} <= styles


def test_a_wide_table_is_a_block_a_row(run: Path) -> None:
    told = people(run, "3_samples", 80, 2)
    assert told[0] == "row 1" and told.count("row 2") == 1
    assert told[-1] == "2 of 60 rows of 3_samples · empty: reasoning, loss_spans, answer_span, pair"
    (target,) = [each for each in told if each.startswith("  target ") and each.endswith("…")][:1]
    assert cell_len(target) <= 3 * 80
    (messages,) = {each for each in told if each.startswith("  messages") and "Question 0" in each}
    assert "system: Be brief.⏎user: Question 0" in messages


def test_a_single_row_is_whole(run: Path) -> None:
    told = people(run, "3_samples", 80, where="weight = 0.3")
    assert any(each.endswith("The answer is 3.") for each in "\n".join(told).splitlines()) and told[-1].startswith("1 row of")


def test_no_rows(run: Path) -> None:
    assert people(run, "3_samples", 80, where="weight > 100") == ["0 rows of 3_samples"]
    assert len(list(as_tsv(run, "3_samples", "weight > 100", [], None))) == 1
    assert list(as_json(run, "3_samples", "weight > 100", [], None)) == []


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    write_table(folder, "3_samples", [make_sample(text, id=name) for name, text in HOSTILE.items()])
    yield folder


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_comes_back_as_it_is(hostile: Path, name: str) -> None:
    asked = (hostile, "3_samples", f"id = '{name}'", ["id", "target"])
    (told,) = as_json(*asked, None)
    assert json.loads(told) == {"id": name, "target": HOSTILE[name]} and not acting(told)
    _, row = as_tsv(*asked, None)
    assert not acting(row) and row.count("\t") == 1
    table = "".join(people(hostile, "3_samples", 80, 20, columns=("id", "target")))
    assert not acting(table) and len(table) < 5_000
