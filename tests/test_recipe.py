"""Recipes: those that ship load, `--set` reaches every field, and what does not fit is refused with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.benchmarks.svamp import Svamp
from pipeline.errors import UserError
from pipeline.filters.length import Length
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.recipe import Recipe, load_recipe, parse_recipe, recipe_path
from pipeline.settings import REPOSITORY
from pipeline.sources.files import FileSource

SHIPPED = sorted((REPOSITORY / "recipes").glob("*.yaml"))
LEAST = {
    "source": {"kind": "mini"},
    "teacher": {"backend": "local", "model": "teacher"},
    "methods": [{"method": "chain_of_thought"}],
}


def parse(**changes: Any) -> Recipe:
    return parse_recipe({**LEAST, **changes}, "least", "least.yaml")


def written(folder: Path, text: str, name: str = "own.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    recipe = load_recipe(path.stem)
    assert recipe.name == path.stem
    assert parse_recipe(yaml.safe_load(recipe.as_yaml()), "other", "copy") == recipe


def test_only_three_parts_must_be_given() -> None:
    recipe = parse()
    assert [each.filter for each in recipe.filters] == [
        "finished",
        "not_empty",
        "not_refusal",
        "no_duplicates",
        "not_contaminated",
    ]
    assert (recipe.name, recipe.selection.per_task, recipe.evaluation.split) == ("least", None, ("test",))
    with pytest.raises(UserError) as refused:
        parse_recipe({}, "x", "x.yaml")
    assert [line.split(": ")[1] for line in refused.value.what.splitlines()] == ["source", "teacher", "methods"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"evaluation": {"limit": None, "split": "test"}},
        {"selection": {"per_task": 2, "unverifiable": "keep"}},
        {"teacher": {"backend": "local", "model": "m", "sampling": {"temperature": 0, "stop": ["\n", "ä: #"]}}},
        {"teacher": {"backend": "openai", "model": "m", "price": {"input": 0.25, "output": 2}}},
        {"source": {"kind": "csv", "path": "a b.csv", "fields": {"prompt": "q.text", "answer": "a"}}, "name": "n"},
        {"filters": []},
    ],
)
def test_the_resolved_recipe_loads_again_equal(changes: dict[str, Any]) -> None:
    recipe = parse(**changes)
    assert parse_recipe(yaml.safe_load(recipe.as_yaml()), "other", "copy") == recipe


def test_a_name_alone_is_a_filter() -> None:
    short, long = parse(filters=["length"]), parse(filters=[{"filter": "length"}])
    assert short == long
    assert isinstance(short.filters[0], Length) and short.filters[0].tokenizer == short.student.model
    own = parse(filters=[{"filter": "length", "tokenizer": "other"}]).filters[0]
    assert isinstance(own, Length) and own.tokenizer == "other"


def test_recorded_answers_are_in_the_source_unless_said() -> None:
    source = {"kind": "jsonl", "path": "rows.jsonl"}
    assert parse(source=source, teacher={"backend": "recorded"}).teacher.path == Path("rows.jsonl")  # type: ignore[union-attr]
    given = parse(source=source, teacher={"backend": "recorded", "path": "x"}).teacher
    assert given.path == Path("x")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"evaluation": {"benchmarks": ["svamp", {"benchmark": "svamp"}]}}, r"evaluation\.benchmarks: .*once only: svamp"),
        ({"studnet": {}}, r"studnet: unknown key \(value {}\); known keys: decontaminate, evaluation, filters"),
        ({"selection": {"pertask": 2}}, r"selection\.pertask: unknown key \(value 2\); known keys: diversity, mix, per_kind"),
        ({"filters": [{"filter": "length", "max": 3}]}, r"filters\.0\.max: unknown key .*filter, kinds, max_tokens"),
        ({"source": {"kind": "jsonl", "path": "x", "fields": {"promt": "x"}}}, r"source\.fields\.promt: unknown key"),
        ({"source": {"kind": "jsonl"}}, r"source\.path: missing"),
        ({"source": {"kind": "mini", "limit": "few"}}, r"source\.limit: 'few': .*integer"),
        ({"source": {"kind": "mini", "limit": 10**20}}, r"source\.limit: 100000000000000000000"),
        ({"source": {"kind": "jsonl", "path": "~nobody-here/x"}}, r"source\.path: .*no such home"),
        ({"source": {"kind": "jsonl", "path": "x" * 300}}, r"source\.path: .*too long"),
        ({"source": {"kind": "web"}}, r"source: .*'web'.*'mini', 'jsonl'"),
        ({"teacher": {"model": "x"}}, "teacher: 'backend' is missing"),
        ({"teacher": {**LEAST["teacher"], "sampling": {"temperature": -1}}}, r"teacher\.sampling\.temperature: -1"),
        ({"methods": [{"method": "chain_of_thought", "samples": 0}]}, r"methods\.0\.samples: 0"),
        ({"methods": []}, r"methods: \[\]"),
        ({"filters": ["finnished"]}, r"filters\.0: .*'finnished'.*'finished', 'not_empty'"),
        ({"student": {"epochs": "many"}}, r"student\.epochs: 'many'"),
        ({"name": "my run"}, "name: 'my run'"),
        ({"name": "../run"}, "name: '../run'"),
    ],
)
def test_what_does_not_fit(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError, match=rf"(?m)^least\.yaml: {problem}"):
        parse(**changes)


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("source.limit=10", ("source", "limit"), 10),
        ("teacher.sampling.temperature=0.2", ("teacher", "sampling", "temperature"), 0.2),
        ("student.learning_rate=1e-5", ("student", "learning_rate"), 1e-5),
        ("selection.per_task=null", ("selection", "per_task"), None),
        ("evaluation.split=ood", ("evaluation", "split"), ["ood"]),
        ("evaluation.split=[dev, test]", ("evaluation", "split"), ["dev", "test"]),
        ("methods.0.samples=3", ("methods", 0, "samples"), 3),
        ("teacher.model=a=b", ("teacher", "model"), "a=b"),
        ("name=other", ("name",), "other"),
        ("filters=[finished]", ("filters", 0, "filter"), "finished"),
        ("filters.0.kinds=[x]", ("filters", 0), {"filter": "finished", "kinds": ["x"]}),  # stands there by its name alone
        ("evaluation.benchmarks.0.limit=7", ("evaluation", "benchmarks", 0, "limit"), 7),
    ],
)
def test_set(change: str, path: tuple[str | int, ...], value: Any) -> None:
    found: Any = load_recipe("mini", [change]).model_dump(mode="json")
    for part in path:
        found = found[part]
    assert found == value


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("source.limit", "not of the form path=value"),
        ("=3", "not of the form path=value"),
        ("methods.9.samples=3", "no place methods.9.samples"),
        ("methods.first.samples=3", "no place methods.first.samples"),
        ("evaluation.split.0.x=3", "no place evaluation.split.0.x"),
        ("name.first=x", "no place|unknown key|valid string"),
        ("source.limt=3", r"source\.limt: unknown key"),
        ("source.limit=many", r"source\.limit: 'many'"),
    ],
)
def test_set_that_does_not_fit(change: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        load_recipe("mini", [change])


@pytest.mark.parametrize("place", ["source.path=rows.jsonl", "source.limit=5"], ids=["before", "after"])
def test_a_file_in_place_of_a_data_set(place: str) -> None:
    """What the hub's error proposes; what only a data set has is left out, the rest stays."""
    changes = ["source.path=rows.jsonl", "source.kind=jsonl", place]
    recipe = load_recipe("gsm8k", changes if "limit" in place else changes[::-1])
    assert isinstance(recipe.source, FileSource)
    assert (recipe.source.path.name, recipe.source.fields.prompt, recipe.source.licence) == ("rows.jsonl", "question", "MIT")
    assert recipe.source.limit == (5 if "limit" in place else 500)
    with pytest.raises(UserError, match=r"source\.dataset: unknown key"):
        load_recipe("gsm8k", [*changes, "source.dataset=other"])
    with pytest.raises(UserError, match=r"source: .*'web'"):
        load_recipe("gsm8k", ["source.kind=web"])


def test_a_benchmarks_file() -> None:
    recipe = load_recipe("gsm8k", ["evaluation.benchmarks.0.path=svamp.json"])
    assert isinstance(recipe.evaluation.benchmarks[0], Svamp) and recipe.evaluation.benchmarks[0].path == Path("svamp.json")


def test_another_backend_keeps_model_and_sampling() -> None:
    recipe = load_recipe("mini", ["teacher.model=gpt"], backend="openai")
    assert isinstance(recipe.teacher, OpenAIModel)
    assert (recipe.teacher.model, recipe.teacher.sampling.max_tokens) == ("gpt", 160)


def test_recipe_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no recipe of this name(.|\n)*mini"):
        recipe_path("nosuch")
    with pytest.raises(UserError, match="does not exist"):
        recipe_path(str(tmp_path / "nosuch.yaml"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a: [1\nb: 2", "line 2: not YAML"), ("- a\n", "not a recipe"), ("", "not a recipe"), ("a\x00: 1", "not YAML")],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        load_recipe(written(tmp_path, text))


def test_a_recipe_at_a_path_is_named_like_its_file(tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, yaml.safe_dump(LEAST))).name == "own"
    with pytest.raises(UserError, match="name: 'my recipe'"):
        load_recipe(written(tmp_path, yaml.safe_dump(LEAST), "my recipe.yaml"))


def test_contamination_is_looked_for_unless_told_not_to() -> None:
    names = [each.filter for each in parse(filters=["finished"]).filters]
    assert names == ["finished", "not_contaminated"]
    assert [each.filter for each in parse(filters=["finished"], decontaminate=False).filters] == ["finished"]
    own = parse(filters=[{"filter": "not_contaminated", "coverage": 0.9}, "finished"]).filters
    assert [each.filter for each in own] == ["not_contaminated", "finished"]


def test_filters_take_the_student_where_nothing_else_is_said() -> None:
    recipe = parse(
        filters=["length", "ifd", {"filter": "perplexity", "model": {"backend": "local", "model": "mine"}}],
        student={"model": "s"},
    )
    length, ifd, perplexity, _ = recipe.filters
    assert length.tokenizer == ifd.model.model == "s" and perplexity.model.model == "mine"
