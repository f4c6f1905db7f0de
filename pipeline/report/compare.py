"""`distill compare A B`: two runs on the tasks both asked about, and in plain words whether the second is better, worse, or not
to be told from the first.

In: two run folders. Out: what their recipes differ in, how their prompts differ, what was accepted at which price, what their
students are worth, and outputs side by side. The word on both is of the few measures that matter, read together (Holm); every
other figure stands for itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipeline.errors import UserError
from pipeline.report.compared_rows import ALL, CHANCE, Measure, Rows, accepted, kept, read_rows_of_run, taken
from pipeline.report.compared_texts import Outputs, Prompts, compare_outputs, compare_prompts
from pipeline.report.comparison import Difference, differences
from pipeline.report.scores import ALL_KINDS, CHANGED, greedy, read_grades
from pipeline.run import changed_parts
from pipeline.statistics import holm
from pipeline.tables import table_path

MODELS = ("distilled", "control", "teacher")
"""Of the evaluation, those that are set beside each other."""
LONGEST_VALUE = 200
"""Characters of a recipe's field that are shown."""


@dataclass(frozen=True)
class Field:
    """A field in which the recipes differ."""

    path: str
    first: str
    second: str


@dataclass(frozen=True)
class Tasks:
    """Tasks a teacher was asked about."""

    both: int
    only_first: int
    only_second: int


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same tasks; `first` and `second` are their names."""

    first: str
    second: str
    tasks: Tasks
    recipe: list[Field]
    prompts: list[Prompts]
    accepted: list[Measure]
    taken: list[Measure]
    filters: list[Measure]
    evaluation: list[Difference]
    """Of each model in both runs on the same items, the second run's first."""
    outputs: Outputs

    @property
    def headlines(self) -> list[tuple[str, str]]:
        """The measures that the word on both runs is of, and what each says, read together."""
        measures = [each for each in self.accepted if each.name == ALL and each.change is not None]
        costs = [each for each in self.taken if each.change is not None]
        measures += [each for each in costs if each.unit == "$"] or costs
        students = [each for each in self.evaluation if _is_headline(each, self.second)]
        p_values = holm([each.p_value for each in measures] + [each.p_value for each in students])
        words = [each.word(p) for each, p in zip(measures, p_values, strict=False)]
        words += [_word(each, p) for each, p in zip(students, p_values[len(measures) :], strict=True)]
        names = [each.what for each in measures] + [f"students on {each.benchmark}" for each in students]
        return list(zip(names, words, strict=True))

    @property
    def sentence(self) -> str:
        """Better, worse, or not told apart, and by what."""
        by = {word: [name for name, said in self.headlines if said == word] for word in ("better", "worse", "not told apart")}
        apart = ", ".join(by["not told apart"])
        if not by["better"] and not by["worse"]:
            return f"{self.second} and {self.first} are not told apart" + (
                f" by {apart}" if apart else ": there is nothing to go by"
            )
        words = " and ".join(f"{word} by {', '.join(by[word])}" for word in ("better", "worse") if by[word])
        return f"{self.second} beside {self.first} is {words}" + (f"; not told apart by {apart}" if apart else "")

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values; what is no number is empty."""
        told: dict[str, Any] = {"sentence": self.sentence, "headlines": dict(self.headlines), **asdict(self)}
        for name in ("accepted", "taken", "filters"):
            for each, measure in zip(told[name], getattr(self, name), strict=True):
                each["word"] = measure.word()
        for prompts in told["prompts"]:
            for example in prompts["examples"]:
                example["pieces"] = [list(each) for each in example["pieces"]]
        return told


def _is_headline(each: Difference, second: str) -> bool:
    return each.kind == ALL_KINDS and CHANGED not in each.benchmark and each.first == f"distilled of {second}"


def _word(each: Difference, p_value: float) -> str:
    return "not told apart" if p_value >= CHANCE else "better" if each.points > 0 else "worse"


def compare(first: Path, second: Path, examples: int = 20) -> Comparison:
    """Two runs on the tasks of which both asked a teacher.

    Args:
        examples: prompts and outputs that are shown, at most.

    Raises:
        UserError: they are the same, one is not finished or of another version, or they have no task in common.
    """
    if first.resolve() == second.resolve():
        raise UserError(
            f"{first}: this run is compared with itself",
            f"Make another beside it: `make generate RECIPE={first.name} SET=name={first.name}-b`, then compare the two.",
        )
    whole = [read_rows_of_run(folder) for folder in (first, second)]
    common = whole[0].asked.filter(whole[0].asked.is_in(whole[1].asked.implode()))
    if common.is_empty():
        asked = " and ".join(f"{each.asked.len():,}" for each in whole)
        raise UserError(
            f"{first} and {second}: no task of which both asked a teacher, among {asked}",
            "Compare runs of the same source; ids of tasks are made of their texts.",
        )
    one, other = (rows.of(common) for rows in whole)
    names = _names(first, second)
    return Comparison(
        *names,
        tasks=Tasks(common.len(), whole[0].asked.len() - common.len(), whole[1].asked.len() - common.len()),
        recipe=_changed_fields(first, second),
        prompts=compare_prompts(one, other, min(examples, 5)),
        accepted=list(accepted(one, other)),
        taken=list(taken(one, other)),
        filters=list(kept(one, other)),
        evaluation=_evaluation(one, other, names),
        outputs=compare_outputs(one, other, examples),
    )


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What the runs are called: their folders' names, or where these are the same, the folders."""
    if first.resolve().name != second.resolve().name:
        return first.resolve().name, second.resolve().name
    return str(first), str(second)


def _changed_fields(first: Path, second: Path) -> list[Field]:
    """Where the recipes differ, but for their names."""
    recipes = [_recipe(folder) for folder in (first, second)]
    paths = [path for path in changed_parts(recipes[0], recipes[1]) if path != "name"]
    return [Field(path, *(_shown(_at(recipe, path)) for recipe in recipes)) for path in paths]


def _recipe(folder: Path) -> dict[str, Any]:
    """The recipe as it was run; nothing where somebody broke or removed it. Parts of lists have their numbers as names."""
    try:
        found = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return _numbered(found) if isinstance(found, dict) else {}


def _numbered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _numbered(each) for name, each in value.items()}
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return {str(number): _numbered(each) for number, each in enumerate(value)}
    return value


def _at(recipe: Any, path: str) -> Any:
    for part in path.split("."):
        recipe = recipe.get(part) if isinstance(recipe, dict) else None
    return recipe


def _shown(value: Any) -> str:
    words = "–" if value is None else str(value)
    return words if len(words) <= LONGEST_VALUE else f"{words[:LONGEST_VALUE]}…"


def _evaluation(first: Rows, second: Rows, names: tuple[str, str]) -> list[Difference]:
    """Each model of the second run beside the same of the first, on the items both were graded on."""
    folders = (first.folder, second.folder)
    if not all(table_path(folder, "6_evaluation").exists() for folder in folders):
        return []
    frames = [
        greedy(read_grades(folder)).filter(pl.col("model").is_in(MODELS)).with_columns(pl.col("model") + f" of {name}")
        for folder, name in zip(folders, names, strict=True)
    ]
    pairs = tuple((f"{model} of {names[1]}", f"{model} of {names[0]}") for model in MODELS)
    return differences(pl.concat(frames, how="vertical_relaxed"), pairs)
