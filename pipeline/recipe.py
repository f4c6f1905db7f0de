"""The recipe: what to do, as a file people edit and as models that check it. The only reader of `recipes/*.yaml`.

Another value here would make other data; where and how fast is in the settings. What does not fit is refused with the path of
the field, the value, and what would be right.
"""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from pipeline.errors import UserError
from pipeline.evaluation import Evaluation
from pipeline.explained import explain
from pipeline.filters.labels import LabelFile
from pipeline.filters.not_contaminated import NotContaminated
from pipeline.filters.union import Filter
from pipeline.filters.verdicts import filter_names
from pipeline.llm.backends.models import AnyModel
from pipeline.llm.backends.recorded import RecordedModel
from pipeline.methods.growth import Growth
from pipeline.methods.union import Method
from pipeline.records import Frozen
from pipeline.selection import Selection
from pipeline.settings import project_path
from pipeline.sources.files import FileSource
from pipeline.sources.hub import HubSource
from pipeline.sources.mini import MiniSource
from pipeline.training import Student

SOURCES = (MiniSource, FileSource, HubSource)
Source = Annotated[MiniSource | FileSource | HubSource, Field(discriminator="kind")]
NAMED = {"filters": "filter", "benchmarks": "benchmark"}
"""Lists of what may stand there by its name alone, and the field that has it."""

DEFAULT_FILTERS = ("finished", "not_empty", "not_refusal", "no_duplicates", "not_contaminated")


class Recipe(Frozen):
    """One distillation from source to evaluation."""

    name: str = Field("", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$|^$")
    """Names the run's folder; the file's name unless said."""
    source: Source
    """Where the tasks come from."""
    teacher: AnyModel
    """Who answers."""
    methods: tuple[Method, ...] = Field(min_length=1)
    """How the teacher is asked and the student taught."""
    filters: tuple[Filter, ...] = Field(DEFAULT_FILTERS, validate_default=True)
    """Conditions for keeping, in order."""
    decontaminate: bool = True
    """Whether `not_contaminated` is the last filter of a list that does not name it."""
    labels: LabelFile | None = None
    """What people said of samples; the report measures the filters by it."""
    selection: Selection = Selection()
    """Which of those that passed make the corpus."""
    student: Student = Student()
    """Who learns, and how."""
    evaluation: Evaluation = Evaluation()
    """What the models are compared on."""

    def completed(self) -> Recipe:
        """With what follows from other fields filled in, so that it stands alone."""
        filters = tuple(each.for_student(self.student.model) for each in self.filters)
        if self.decontaminate and not any(isinstance(each, NotContaminated) for each in filters):
            filters += (NotContaminated(filter="not_contaminated"),)
        teacher, labels = self.teacher, self.labels
        if isinstance(self.source, FileSource):
            labels = labels and labels.beside(self.source.path)
            if isinstance(teacher, RecordedModel) and teacher.path is None:
                teacher = teacher.model_copy(update={"path": self.source.path})
        return self.model_copy(update={"filters": filters, "teacher": teacher, "labels": labels})

    def as_yaml(self) -> str:
        """The recipe as a file that can be run."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_recipe(name: str, changes: typing.Sequence[str] = (), backend: str | None = None) -> Recipe:
    """The recipe called `name` in `recipes/`, or at that path, with `changes` like `teacher.sampling.temperature=0.2`.

    Args:
        backend: another backend for the teacher, of which only model and sampling are then kept.

    Raises:
        UserError: there is no such recipe, it is not YAML, or something in it does not fit.
    """
    path = recipe_path(name)
    raw = read_yaml(path)
    if backend and isinstance(raw.get("teacher"), dict) and raw["teacher"].get("backend") != backend:
        kept = {key: raw["teacher"][key] for key in ("model", "sampling") if key in raw["teacher"]}
        raw["teacher"] = {"backend": backend, **kept}
    _change_source(raw, changes)
    for change in changes:
        _set(raw, change)
    return parse_recipe(raw, path.stem, str(path))


def parse_recipe(raw: Any, name: str, place: str) -> Recipe:
    """A checked recipe from plain data; `place` is what errors call it."""
    named = {**raw, "name": raw.get("name") or name} if isinstance(raw, dict) else raw
    try:
        recipe = Recipe.model_validate(named).completed()
    except ValidationError as error:
        places = [problem["loc"] for problem in error.errors()]
        inner = [  # a list with a bad element is also said to be too short
            problem
            for problem in error.errors()
            if not any(len(other) > len(problem["loc"]) and other[: len(problem["loc"])] == problem["loc"] for other in places)
        ]
        lines = [explain(problem, Recipe) for problem in inner]
        raise UserError("\n".join(f"{place}: {line}" for line in lines), "Mend the recipe, or the --set.") from None
    _check_made(recipe, place)
    names = filter_names(recipe.filters)
    for name in recipe.selection.score_filters:
        if name not in names:
            raise UserError(
                f"{place}: selection: it needs the scores of {name!r}, which is no filter of this recipe",
                f"Name one of {', '.join(names)}, or add it to filters.",
            )
    return recipe


def _check_made(recipe: Recipe, place: str) -> None:
    """Refuses a method that waits for tasks which nobody makes."""
    waiting = [number for number, method in enumerate(recipe.methods) if method.made]
    if waiting and not any(isinstance(method, Growth) for method in recipe.methods):
        raise UserError(
            f"{place}: methods.{waiting[0]}.made: True, and no method of this recipe makes tasks",
            "Leave it out, or add a method that does, such as self_instruct; `distill methods` tells of all.",
        )


def recipe_path(name: str) -> Path:
    """Where a recipe lies.

    Raises:
        UserError: nowhere; the message lists those there are.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        if Path(name).is_file():
            return Path(name)
        raise UserError(f"{name}: this recipe does not exist", "Give a path, or a name in recipes/.")
    folder = project_path("recipes")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise UserError(f"{name}: there is no recipe of this name in {folder}", f"Recipes there are: {there}.")
    return path


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping a YAML file holds.

    Raises:
        UserError: it is not YAML, or no mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason})", "Save it as UTF-8.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}", "Mend the file there.") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: not a recipe", "It needs at least source, teacher and methods.")
    return raw


def _change_source(raw: dict[str, Any], changes: typing.Sequence[str]) -> None:
    """Takes away what a source of another kind has no use for, where a change names one: a file lies in for a data set."""
    kinds = [change.removeprefix("source.kind=") for change in changes if change.startswith("source.kind=")]
    source = raw.get("source")
    if not kinds or not isinstance(source, dict) or source.get("kind") == kinds[-1]:
        return
    for model in SOURCES:
        if kinds[-1] in typing.get_args(model.model_fields["kind"].annotation):
            raw["source"] = {key: value for key, value in source.items() if key in model.model_fields}


def _set(raw: dict[str, Any], change: str) -> None:
    """Puts one `dotted.path=value` into plain data; numbers go into lists, also to what stands there by its name alone."""
    path, sign, text = change.partition("=")
    if not sign or not path:
        raise UserError(f"--set {change}: not of the form path=value", "For example --set source.limit=100.")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = text
    where: Any = raw
    *parents, last = path.split(".")
    try:
        for part, before in zip(parents, ["", *parents], strict=False):
            if isinstance(where, list) and isinstance(where[int(part)], str) and before in NAMED:
                where[int(part)] = {NAMED[before]: where[int(part)]}
            where = where[int(part)] if isinstance(where, list) else where.setdefault(part, {})
        if isinstance(where, list):
            where[int(last)] = value
        else:
            where[last] = value
    except (ValueError, IndexError, TypeError, AttributeError):
        raise UserError(f"--set {change}: the recipe has no place {path}", "Look at the recipe's file.") from None
