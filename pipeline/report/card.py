"""Model cards: what lies in a student's folder says where it comes from, what it can do, and how to load and re-make it.

In: a run's folder with its tables, recipe, log and training curves. Out: `README.md` in the folder of each student, with the
metadata that model hubs read, and the card of the corpus as a data set. Every figure is read from the tables; what nobody
stated, such as a licence, is said to be not stated.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.errors import UserError
from pipeline.identity import file_hash
from pipeline.prompts import templates_folder
from pipeline.recipe import Recipe, Source, parse_recipe, read_yaml
from pipeline.report.comparison import read_differences
from pipeline.report.scores import ALL_KINDS, Score, ordered, read_scores
from pipeline.settings import project_path
from pipeline.sources.files import FileSource
from pipeline.sources.hub import HubSource
from pipeline.student.job import Schooling, curve_lines, curve_path
from pipeline.tables import TABLES, read_frame, table_path

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
"""owner/name."""
ABSOLUTE = re.compile(r"/[^\n/]+/[^\n]*[^\n/]/*")
"""A path from the root, of two parts at least: `/no_think` is none."""
ARXIV = re.compile(r"\b\d{4}\.\d{5}\b")
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Taught:
    """A student that has a folder, and what it learned from."""

    name: str
    """Its folder in `student/`."""
    model: str
    """What the figures call it."""
    table: str
    seed: int


class Facts:
    """What the cards of a run tell; each is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe the tables were made with.

        Raises:
            UserError: it is not there.
        """
        path = self.folder / "recipe.yaml"
        if not path.is_file():
            raise UserError(f"{path}: is not there", f"Make it with `make generate RECIPE={self.folder.name}`.")
        return parse_recipe(read_yaml(path), self.folder.name, str(path))

    @cached_property
    def log(self) -> dict[str, Any]:
        """What `run.json` says of versions; nothing where there is none."""
        path = self.folder / "run.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    @cached_property
    def fingerprints(self) -> list[tuple[str, int, str]]:
        """Name, rows and SHA-256 of every table the students follow from."""
        there = [name for name in TABLES if name < "6" and table_path(self.folder, name).exists()]
        paths = {name: table_path(self.folder, name) for name in there}
        return [(name, pq.read_metadata(path).num_rows, file_hash(path)) for name, path in paths.items()]

    @cached_property
    def scores(self) -> list[Score]:
        return read_scores(self.folder) if table_path(self.folder, "6_evaluation").exists() else []

    @cached_property
    def models(self) -> list[str]:
        """Who was evaluated, without those of a share of the corpus."""
        return [name for name in ordered(score.model for score in self.scores) if "@" not in name]

    @cached_property
    def figures(self) -> list[tuple[str, int, list[str]]]:
        """A row for each benchmark and kind: what it is called, its items, and a cell a model."""
        rows = dict.fromkeys((score.benchmark, score.kind) for score in self.scores)
        cells = {(score.benchmark, score.kind, score.model): score for score in self.scores}
        return [
            (
                f"{benchmark}, {kind}",
                max(each.items for each in self.scores if (each.benchmark, each.kind) == (benchmark, kind)),
                [_cell(cells.get((benchmark, kind, model))) for model in self.models],
            )
            for benchmark, kind in rows
        ]

    @cached_property
    def harness(self) -> bool:
        """Whether some figures are lm-evaluation-harness's."""
        return any(score.benchmark.startswith("harness:") for score in self.scores)

    @cached_property
    def sentences(self) -> list[str]:
        """Whether the distilled student can be told from the others, and what it keeps of the teacher, over all kinds."""
        found = [each for each in read_differences(self.folder) if each.kind == ALL_KINDS] if self.scores else []
        kept = [
            f"{each.benchmark}: {each.kept_sentence}" for each in found if each.second == "teacher" and each.kept is not None
        ]
        return [f"{each.benchmark}: {each.sentence}" for each in found] + kept

    @cached_property
    def sources(self) -> list[str]:
        """Where questions come from, and under which licence."""
        benchmarks = [f"{each.benchmark} (evaluation only): {each.source}" for each in self.recipe.evaluation.benchmarks]
        return [origin(self.recipe.source), *benchmarks]

    @cached_property
    def methods(self) -> list[str]:
        """Each method with what it is and its papers."""
        return list(dict.fromkeys(_method(each) for each in self.recipe.methods))

    @cached_property
    def prompts(self) -> dict[str, str]:
        """The templates students read, by name."""
        names = [
            value
            for method in self.recipe.methods
            for field, value in method
            if field in ("student_template", "alone_template")
        ]
        return {name: Path(templates_folder(), f"{name}.jinja").read_text(encoding="utf-8").strip() for name in names}

    @cached_property
    def base(self) -> str:
        """What the untouched student is called: its name on the hub, or the last part of its folder."""
        model = self.recipe.student.model
        return Path(model).name if project_path(model).is_dir() else str(portable(model))

    @cached_property
    def teacher(self) -> str:
        return str(portable(self.recipe.teacher.model))

    @cached_property
    def yaml(self) -> str:
        """The recipe, with no path of the machine it ran on."""
        return yaml.safe_dump(portable(self.recipe.model_dump(mode="json")), sort_keys=False, allow_unicode=True)

    @cached_property
    def base_licence(self) -> str:
        """The licence of the untouched student, where the card in its folder tells."""
        readme = project_path(self.recipe.student.model) / "README.md"
        try:
            front = readme.read_text(encoding="utf-8").split("---\n") if readme.is_file() else []
            metadata = yaml.safe_load(front[1]) if len(front) > 2 and not front[0] else None
        except (yaml.YAMLError, UnicodeDecodeError):
            return NOT_STATED
        return str(metadata.get("license") or NOT_STATED) if isinstance(metadata, dict) else NOT_STATED

    def examples(self, table: str) -> list[tuple[str, str, int]]:
        """Split, method and number of the examples of a table."""
        frame = read_frame(self.folder, table, ["split", "method"])
        return list(
            frame.group_by("split", "method").agg(pl.len()).sort("split", "method", descending=[True, False]).iter_rows()
        )

    def training(self, student: Taught) -> dict[str, Any]:
        """How a student was trained, and what its curve ends with."""
        settings = self.recipe.student.model_dump(mode="json", include=set(Schooling.model_fields)) | {"seed": student.seed}
        last = (curve_lines(curve_path(self.folder, student.name)) or [{}])[-1]
        told = {key: last[key] for key in ("steps", "tokens", "seconds", "peak_bytes") if key in last}
        return {key: value for key, value in settings.items() if value is not None} | told


def write_cards(folder: Path, students: Sequence[Taught]) -> None:
    """Writes the card of each student that has a folder.

    Raises:
        UserError: there is no recipe beside the tables, or a table cannot be read.
    """
    facts = Facts(folder)
    for student in students:
        place = folder / "student" / student.name
        if place.is_dir():
            unfinished = place / ".README.md.unfinished"
            unfinished.write_text(_render("card.md.jinja", facts, _metadata(facts), student=student), encoding="utf-8")
            os.replace(unfinished, place / "README.md")


def corpus_card(folder: Path) -> str:
    """The card of the corpus as a data set, whose splits are Parquet files of their names."""
    facts = Facts(folder)
    splits = dict.fromkeys(split for split, _, _ in facts.examples("5_corpus"))
    files = [{"split": "validation" if split == "dev" else split, "path": f"{split}.parquet"} for split in splits]
    metadata = {"configs": [{"config_name": "default", "data_files": files}], "tags": ["distillation", "synthetic"]}
    return _render("corpus_card.md.jinja", facts, metadata, columns=TABLES["5_corpus"].model_fields)


def origin(source: Source) -> str:
    """Where tasks come from, in words."""
    if isinstance(source, HubSource):
        revision = f"revision {source.revision}" if source.revision else "no revision pinned"
        part = f" [{source.config}]" if source.config else ""
        licence = source.licence or f"{NOT_STATED}, see the data set's own card"
        return f"{source.dataset}{part}, split {source.split}, {revision}; licence: {licence}"
    if isinstance(source, FileSource):
        return f"{source.path.name} ({source.kind}); licence: {source.licence or NOT_STATED}"
    return f"the mini world, seed {source.seed}, made by this project; licence: {source.licence}"


def portable(value: Any) -> Any:
    """A JSON value whose absolute paths are cut down to their last part: where they lie is nobody's business.

    >>> portable({"path": "/home/me/tasks.jsonl", "system": "/no_think", "model": "owner/base"})
    {'path': 'tasks.jsonl', 'system': '/no_think', 'model': 'owner/base'}
    """
    if isinstance(value, dict):
        return {key: portable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [portable(each) for each in value]
    return Path(value).name if isinstance(value, str) and ABSOLUTE.fullmatch(value) else value


def _metadata(facts: Facts) -> dict[str, Any]:
    """What model hubs read of a student's card; only names that a hub knows stand there."""
    recipe = facts.recipe
    known: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["distillation"]}
    if HUB_NAME.fullmatch(recipe.student.model) and not project_path(recipe.student.model).is_dir():
        known["base_model"] = recipe.student.model
    if isinstance(recipe.source, HubSource):
        known["datasets"] = [recipe.source.dataset]
    return known


def _method(method: Any) -> str:
    """Its name, the first line its file says of it, and the papers named there."""
    words = inspect.getdoc(inspect.getmodule(type(method))) or ""
    papers = ", ".join(f"[{number}](https://arxiv.org/abs/{number})" for number in dict.fromkeys(ARXIV.findall(words)))
    return f"{method.method}: {words.splitlines()[0]}" + (f" {papers}" if papers else "")


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{100 * score.share:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def _render(template: str, facts: Facts, metadata: dict[str, Any], **fields: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    front = yaml.safe_dump(metadata, sort_keys=True, allow_unicode=True)
    return environment.get_template(template).render(facts=facts, recipe=facts.recipe, front=front, **fields)
