"""What a recipe may say wrongly of a method: refused with place, value and remedy before anybody is asked, exit code 2."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.errors import UserError
from pipeline.recipe import load_recipe
from tests.servers import ChatServer

RECIPES = sorted(path.stem for path in Path("recipes").glob("*_mini.yaml"))
NUMBERS = (0, -1, 10**30, math.nan, math.inf, 1.5)


def is_number(schema: dict[str, Any]) -> bool:
    return schema.get("type") in ("integer", "number") or any(map(is_number, schema.get("anyOf", ())))


def numeric(name: str) -> list[str]:
    """The numeric parameters of a recipe's first method."""
    method = load_recipe(name).methods[0]
    return [field for field, schema in type(method).model_json_schema()["properties"].items() if is_number(schema)]


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_out_of_range_are_refused_by_name_and_value(name: str) -> None:
    """What is not refused makes sense: no demonstrations, no limit that is ever met, a weight of 0."""
    fields = numeric(name)
    refused = 0
    for field in fields:
        for value in NUMBERS:
            shown = {math.nan: ".nan", math.inf: ".inf"}.get(value, value) if value == value else ".nan"
            try:
                load_recipe(name, [f"methods.0.{field}={shown}"])
            except UserError as error:
                refused += 1
                assert f"{name}.yaml: methods.0" in str(error) and field in str(error) and error.remedy
                assert str(value) in str(error) or isinstance(value, float), str(error)
    assert refused >= 3 * len(fields), "-1, not a number and infinity at least"


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("scott_mini", 'methods.0.counterfactual_tag="[factual]"', "tag and counterfactual_tag are both '[factual]'"),
        ("mixed_mini", 'methods.0.program_prefix="cot:"', "both prefixes are 'cot:'"),
        ("multi_view_mini", "methods.0.views=[rationale,answer,rationale]", "views: rationale stands there twice"),
        ("universal_ner_mini", 'methods.0.types=[person," "]', "methods.0.types.1"),
    ],
)
def test_what_a_student_could_not_tell_apart(name: str, change: str, problem: str) -> None:
    with pytest.raises(UserError, match=r"methods\.0") as refused:
        load_recipe(name, [change])
    assert problem in str(refused.value)


def rows(path: Path) -> str:
    """A change of a recipe, to the rows of a file without answers."""
    source = f"kind: jsonl, path: {path}, fields: {{prompt: prompt}}, task_kind: bandit, dev_share: 0, test_share: 0"
    return f"source={{{source}}}"


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, verb: str, name: str, *changes: str) -> str:
    """What a command says that asks nobody and writes nothing."""
    with ChatServer() as server:
        words = [each for change in changes for each in ("--set", change)]
        where = ["--data", str(folder), "--backend", "openai", "--base-url", server.url]
        assert main([verb, name, "--limit", "20", *words, *where]) == 2
        assert server.hits == 0
    assert not list(folder.rglob("*.parquet"))
    return capsys.readouterr().err


@pytest.fixture(autouse=True)
def _has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


@pytest.mark.parametrize("verb", ["generate", "estimate"])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("rationalisation_mini", "hint_template"),
        ("program_of_thought_mini", "refine_template"),
        ("disco_mini", "label_template"),
    ],
)
def test_a_template_that_is_needed_later_is_missed_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, name: str, field: str
) -> None:
    told = refusal(capsys, tmp_path, verb, name, f"methods.0.{field}=no/such")
    assert f"methods.0.{field}: " in told and "no/such.jinja: this template does not exist" in told
    assert "Templates there are: " in told


def test_nobody_makes_the_tasks_that_are_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, tmp_path, "generate", "mcc_kd_mini", "methods.0.made=true")
    assert "methods.0.made: True, and no method of this recipe makes tasks" in told and "self_instruct" in told
    load_recipe("evol_instruct_mini", ["methods.0.made=true"])
    load_recipe("symbolic_knowledge_mini")


def test_a_game_without_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "games.jsonl").write_text('{"prompt": "Choose.", "arms": ["a", "b"], "means": [0.2, 0.7], "horizon": "long"}\n')
    changes = rows(tmp_path / "games.jsonl"), "methods.0.horizon=null"
    told = refusal(capsys, tmp_path, "generate", "algorithm_distillation_mini", *changes)
    assert "extra.horizon is 'long'" in told and "`horizon`" in told


@pytest.mark.parametrize(
    ("name", "row", "problem"),
    [
        ("disco_mini", {"prompt": "It rains.", "context": "It pours.", "answer": "neutral"}, "its premise with [blank] once"),
        ("algorithm_distillation_mini", {"prompt": "Choose.", "horizon": 4}, "no task to begin with has `extra.arms`"),
        ("demo_retriever_mini", {"prompt": "Choose."}, "None of them has an answer, which some methods need"),
        ("scott_mini", {"prompt": "Choose."}, "None of them has an answer, which some methods need"),
    ],
)
def test_tasks_without_what_a_method_works_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, row: dict[str, Any], problem: str
) -> None:
    """Nobody is asked, and it is said what is missing; DISCO would else teach the source's pairs and no counterfactual."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row | {"number": number}) + "\n" for number in range(3)))
    fields = ", ".join(f"{name}: {name}" for name in row if name in ("prompt", "context", "answer"))
    change = rows(tmp_path / "rows.jsonl").replace("prompt: prompt", fields)
    assert problem in refusal(capsys, tmp_path, "generate", name, change)


def test_a_solved_task_alone_has_no_demonstrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "2 + 2?", "answer": "4"}\n')
    change = rows(tmp_path / "rows.jsonl").replace("prompt: prompt", "prompt: prompt, answer: answer")
    told = refusal(capsys, tmp_path, "generate", "demo_retriever_mini", change)
    assert "nobody was asked: no method of the recipe found in its tasks what it works on" in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["mcc_kd_mini", "--set", "{rows}"], "has 0 tasks with a known answer"),
        (["mcc_kd_mini", "--dev", "1000"], "the search needs 2005"),
        (["mcc_kd_mini", "--method", "7"], "--method 7: the recipe has 1 methods"),
        (["mcc_kd_mini", "--dev", "0"], "it should be 1 or more"),
        (["mcc_kd_mini", "--candidates", str(10**9)], "at most 1000"),
    ],
)
def test_a_search_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], problem: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Say something."}\n' * 3)
    with ChatServer() as server:
        more = ["--data", str(tmp_path), "--backend", "openai", "--base-url", server.url]
        words = [rows(tmp_path / "rows.jsonl") if each == "{rows}" else each for each in words]
        try:
            code = main(["search-prompts", *words, *more])
        except SystemExit as error:
            code = int(str(error.code))
        assert code == 2 and server.hits == 0
    assert problem in capsys.readouterr().err


def test_nobody_to_play_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, tmp_path, "play", "mcc_kd_mini")
    assert "error: " in told and "make generate" in told
