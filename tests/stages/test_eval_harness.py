"""What lm-evaluation-harness wrote becomes rows beside those that are there; what it cannot say is refused."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.identity import short_id
from pipeline.publication import write_table
from pipeline.recipe import load_recipe
from pipeline.records import Grade
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.eval_harness import Examinee, eval_harness, kept_rows, read_samples
from pipeline.tables import CORPORA, read_rows, table_path
from tests.stages.contests import example, pretend_trained

EXAMINEE = Examinee("distilled", "distilled-seed4", 4, "/models/distilled", "hash", True)


def sample(number: int, right: float, **fields: Any) -> dict[str, Any]:
    """An item as the harness writes it down."""
    given = {
        "doc_id": number, "target": "5", "resps": [["2+3=5. The answer is 5."]], "filtered_resps": ["5"], "filter": "strict",
        "metrics": ["exact_match"], "exact_match": right, "doc_hash": str(number) * 64, "prompt_hash": f"p{number}",
    }  # fmt: skip
    return given | fields


def written(folder: Path, task: str, rows: list[dict[str, Any]]) -> Path:
    place = folder / "__models__distilled"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"samples_{task}_2026-01-02T03-04-05.678901.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_rows_of_an_item(tmp_path: Path) -> None:
    [right, wrong] = read_samples(written(tmp_path, "my_task", [sample(0, 1.0), sample(1, 0.0)]), EXAMINEE)
    assert (right.benchmark, right.kind, right.model, right.seed, right.mode) == (
        "harness:my_task",
        "my_task",
        "distilled",
        4,
        "greedy",
    )
    assert (right.text, right.prediction, right.expected) == ("2+3=5. The answer is 5.", "5", "5")
    assert (right.correct, wrong.correct) == (True, False)
    assert right.key != wrong.key and right.task_id != wrong.task_id


def test_the_first_way_of_reading_counts(tmp_path: Path) -> None:
    rows = [sample(0, 1.0, filter="strict"), sample(1, 0.0, filter="strict"), sample(0, 0.0, filter="flexible")]
    assert [row.correct for row in read_samples(written(tmp_path, "t", rows), EXAMINEE)] == [True, False]


def test_options_are_told_by_number(tmp_path: Path) -> None:
    likelihoods = [["-3.5", "False"], ["-0.25", "True"], ["-10.0", "False"]]
    chosen = {"resps": [[each] for each in likelihoods], "filtered_resps": likelihoods, "target": "1"}
    acc = {"metrics": ["acc", "acc_norm"], "acc": 1.0, "acc_norm": 0.0}
    [row] = read_samples(written(tmp_path, "t", [sample(0, 1.0, **chosen, **acc)]), EXAMINEE)
    assert (row.prediction, row.expected, row.correct, row.text) == ("1", "1", True, "")


def test_what_says_neither_right_nor_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"bleu is 0\.3.*neither right nor wrong"):
        list(read_samples(written(tmp_path, "t", [sample(0, 1.0, metrics=["bleu"], bleu=0.3)]), EXAMINEE))
    with pytest.raises(UserError, match="wrote no samples"):
        list(read_samples(tmp_path / "nothing", EXAMINEE))


HARNESS = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
output = pathlib.Path(words[words.index("--output_path") + 1])
(output / "words.json").write_text(json.dumps(words))
if "broken" in words:
    sys.exit("ValueError: no such task: broken")
output.joinpath("samples_t_2026-01-02T03-04-05.678901.jsonl").write_text({rows!r})
"""
"""A program that is called like the harness and writes such files."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose table holds rows of ours and of an earlier call, with a harness that finds one item right."""
    program = tmp_path / "python"
    program.write_text(HARNESS.format(python=sys.executable, rows=json.dumps(sample(0, 1.0)) + "\n"))
    program.chmod(0o755)
    monkeypatch.setenv("HARNESS_PYTHON", str(program))
    run = Run(load_recipe("mini"), load_settings(data=str(tmp_path)))
    run.folder.mkdir(parents=True)
    write_table(
        run.folder, "6_evaluation", [grade("mini:test", "base"), grade("harness:t", "base"), grade("harness:t", "control")]
    )
    return run


def grade(benchmark: str, model: str) -> Grade:
    given = {"benchmark": benchmark, "task_id": "old", "kind": "k", "model": model, "mode": "greedy", "key": "k", "text": ""}
    return Grade(**given, prediction=None, expected="5", correct=False, seconds=0.0)


def rows(run: Run) -> list[tuple[str, str, str]]:
    return [(row.benchmark, row.model, row.task_id) for row in read_rows(run.folder, "6_evaluation", Grade)]


NEW = short_id("t", 0, "0" * 64)


def test_only_rows_of_the_same_task_and_model_are_replaced(run: Run) -> None:
    asyncio.run(eval_harness(run, ["t"], run.folder, ["base"]))
    assert rows(run) == [("mini:test", "base", "old"), ("harness:t", "control", "old"), ("harness:t", "base", NEW)]
    words = json.loads((run.folder / "harness/base/words.json").read_text())
    assert words[words.index("--include_path") + 1] == str(run.folder)
    assert json.loads(words[words.index("--model_args") + 1]) == {"pretrained": str(REPOSITORY / "data/mini/student")}
    assert words[words.index("--tasks") + 1] == "t" and "--log_samples" in words


def test_rows_of_weights_that_are_still_the_same_are_kept(run: Run) -> None:
    asyncio.run(eval_harness(run, ["t"], None, ["base"]))
    for table in CORPORA:
        write_table(run.folder, table, [example("f" * 16)])
    pretend_trained(run)
    asyncio.run(eval_harness(run, ["t"], None, ["control", "distilled"]))
    seeds = run.recipe.student.seeds
    assert Counter(row.model for row in kept_rows(run)) == {"base": 1, "control": seeds, "distilled": seeds}
    (run.folder / "student/distilled/README.md").write_text("a card decides nothing")
    weights = run.folder / "student/control/generation_config.json"
    weights.write_text(weights.read_text() + " ")
    shutil.rmtree(run.folder / "student/distilled-seed1")
    assert Counter(row.model for row in kept_rows(run)) == {"base": 1, "control": seeds - 1, "distilled": seeds - 1}


def test_rows_of_a_student_that_the_recipe_has_no_longer_are_not_kept(run: Run) -> None:
    asyncio.run(eval_harness(run, ["t"], None, ["base"]))
    student = run.recipe.student.model_copy(update={"model": "data/mini/teacher"})
    assert [row.model for row in kept_rows(run)] == ["base"]
    assert not kept_rows(Run(run.recipe.model_copy(update={"student": student}), run.settings))


def test_of_a_hub_s_models_the_name_tells_the_weights() -> None:
    one, other = (Examinee("base", "base", 0, name, "main", False) for name in ("owner/one", "owner/other"))
    assert one.weights != other.weights
    here, moved = (Examinee("base", "base", 0, place, "hash", True) for place in ("/here", "/there"))
    assert here.weights == moved.weights


def test_a_table_that_cannot_be_read_keeps_nothing(run: Run) -> None:
    table_path(run.folder, "6_evaluation").write_bytes(b"torn")
    assert kept_rows(run) == []


def test_where_it_fails_the_table_stays(run: Run) -> None:
    before = rows(run)
    with pytest.raises(UserError, match=r"ended with code 1; its last words(.|\n)*no such task: broken"):
        asyncio.run(eval_harness(run, ["broken"], None, ["base"]))
    assert rows(run) == before


def test_a_model_s_rows_are_there_when_a_later_model_fails(run: Run) -> None:
    program = Path(os.environ["HARNESS_PYTHON"])
    fails = "if words.count('--output_path') and output.name != 'base': sys.exit('no memory')\n"
    program.write_text(program.read_text().replace('if "broken"', f'{fails}if "broken"'))
    for table in CORPORA:
        write_table(run.folder, table, [example("f" * 16)])
    pretend_trained(run)
    with pytest.raises(UserError, match="no memory"):
        asyncio.run(eval_harness(run, ["t"], None, ["base", "control"]))
    assert rows(run) == [("mini:test", "base", "old"), ("harness:t", "control", "old"), ("harness:t", "base", NEW)]


def test_a_base_with_the_recipe_s_chat_template_is_refused(run: Run, tmp_path: Path) -> None:
    student = run.recipe.student.model_copy(update={"chat_template": tmp_path / "template.jinja"})
    other = Run(run.recipe.model_copy(update={"student": student}), run.settings)
    with pytest.raises(UserError, match=r"--model base: .* not .*template\.jinja"):
        asyncio.run(eval_harness(other, ["t"], None, ["base"]))


def test_students_that_are_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"--model nobody: there is no such student.*\n.*base, distilled"):
        asyncio.run(eval_harness(run, ["t"], None, ["nobody"]))
    monkeypatch.setenv("HARNESS_PYTHON", "/nowhere/python")
    with pytest.raises(UserError, match=r"/nowhere/python: lm-evaluation-harness is not installed there"):
        asyncio.run(eval_harness(run, ["t"], None, ["base"]))


def test_the_shipped_items_are_those_the_command_makes() -> None:
    code = "import runpy; print(runpy.run_path('data/harness/items.py')['lines'](), end='')"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == (REPOSITORY / "data/harness/mini_word_problems.jsonl").read_text()
