"""What pages show of rows, stories and models: the row that was meant, whole examples, hostile names, tables without rows."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.datastructures import QueryParams

from pipeline.inspect.pages import link
from pipeline.inspect.remembered import Remembered
from pipeline.inspect.views import MOST_ROWS, Inspected, row, tables, works
from pipeline.publication import write_table
from pipeline.records import Verdict
from pipeline.tables import table_path
from pipeline.terminal import harmless
from tests.hostile import acting
from tests.inspect.runs import example, get, held, sample_id, served, task_id, whole_run
from tests.report.grades import make_grade
from tests.rows import make_sample

NOBODY, SOMEBODY = 65534, 65533
NASTY = "dis\u202etilled\x1b[2J"


def inspected(folder: Path) -> Inspected:
    return Inspected(folder, "elsewhere", Remembered(folder))


def test_a_number_of_another_row_shows_no_other_row(tmp_path: Path) -> None:
    shown = inspected(whole_run(tmp_path / "run", 20))
    words = {"table": "3_samples", "id": sample_id(5)}
    assert row(shown, {**words, "number": "5"})["fields"]["id"] == sample_id(5)
    for number in ("7", "0", "19", "20", "-1", "\u0665"):
        assert row(shown, {**words, "number": number})["fields"].get("id", sample_id(5)) == sample_id(5)


def test_no_example_of_a_long_story_is_empty(tmp_path: Path) -> None:
    run, many = whole_run(tmp_path / "run", 3), 230
    write_table(run, "3_samples", [make_sample("It is 80.", id=sample_id(n), task_id=task_id(0)) for n in range(many)])
    words = [Verdict(sample_id=sample_id(n), filter="f", decision="keep", reason="r") for n in range(many)]
    write_table(run, "4_verdicts", words)
    rows = [example(n).model_copy(update={"task_id": task_id(0)}) for n in range(many)]
    for name in ("5_corpus", "5_control"):
        write_table(run, name, rows)
    write_table(run, "5_gold_labels", [rows[0].model_copy(update={"id": "dddd000000000000"})])
    found = row(inspected(run), {"id": task_id(0)})
    assert found["trained"]["dddd000000000000"]
    with served(run) as port:
        text = get(port, f"/row?id={task_id(0)}")[2]
    assert text.count('class="tokens"') == MOST_ROWS * 2 + 1 and '<p class="tokens" dir="auto"></p>' not in text


def test_an_address_keeps_a_zero(tmp_path: Path) -> None:
    assert link("/row", number=0, id="a", table="", find=None, page=False) == "/row?number=0&id=a"
    with served(whole_run(tmp_path / "run", 3)) as port:
        address = f"/row?table=3_samples&id={sample_id(0)}&number=0"
        assert f'href="{address.replace("&", "&amp;")}"' in get(port, "/tables?table=3_samples")[2]
        assert "The row as 3_samples has it" in get(port, address)[2]


def test_a_table_that_was_not_made_has_a_page(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", 3)
    found = tables(inspected(run), QueryParams({"table": "4_judgements"}))
    assert found["page"] is None and found["ids"] == [] and "does not exist" in found["problem"].what
    with served(run) as port:
        assert get(port, "/tables?table=4_judgements")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs of others")
def test_a_program_of_another_user_works_there() -> None:
    with tempfile.TemporaryDirectory() as name:  # where everybody may look, unlike pytest's own
        folder = Path(name)
        folder.chmod(0o755)
        (folder / ".lock").touch(0o644)
        with held(folder / ".lock", NOBODY):
            number = int((folder / ".lock").read_text())
            os.seteuid(SOMEBODY)
            try:
                with pytest.raises(PermissionError):
                    os.kill(number, 0)
                assert works(folder)
            finally:
                os.seteuid(0)


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """A run in whose evaluation a model has a name that means harm."""
    run = whole_run(tmp_path / "run", 3)
    write_table(run, "6_evaluation", [make_grade("i", name, True, benchmark="b:test") for name in (NASTY, "teacher")])
    return run


def test_the_name_of_a_model_is_text_in_every_place(graded: Path) -> None:
    with served(graded) as port:
        status, _, text = get(port, "/evaluation")
        scores = get(port, "/part/scores")
        chosen = get(port, f"/evaluation?{urlencode({'first': harmless(NASTY), 'second': 'teacher', 'case': 'both'})}")
    assert status == 200 and not acting(text)
    assert text.count(r'<option value="dis\u202etilled\x1b[2J"') == 2
    assert scores[0] == 200 and not acting(scores[2])
    assert chosen[0] == 200 and chosen[2].count(" selected>dis") == 1, "the name that a page wrote is understood"


@pytest.mark.parametrize("rows", ["none", "sampled", "no table"])
def test_an_evaluation_without_greedy_rows(graded: Path, rows: str) -> None:
    write_table(graded, "6_evaluation", [make_grade("i", "distilled", True, mode="sampled")] if rows == "sampled" else [])
    if rows == "no table":
        table_path(graded, "6_evaluation").unlink()
    with served(graded) as port:
        for page in ("/evaluation", "/", "/evaluation?first=distilled&second=teacher", "/part/scores"):
            assert get(port, page)[0] == 200
