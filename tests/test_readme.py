"""What the README shows runs: its make commands, its recipe, its Python."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.cli import _parser as parser
from pipeline.filters.union import Filter
from pipeline.methods.union import Method
from pipeline.recipe import load_recipe, parse_recipe
from pipeline.report.catalogue import members, name_of
from pipeline.selection import Selection

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INSPECT = (REPOSITORY / "docs/inspect.md").read_text(encoding="utf-8")
"""Its walks are run by test_walks.py."""


def blocks(language: str, page: str = README) -> list[str]:
    """The text of each block; every fence is read, so that none that closes a block is taken for one that opens another."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [text for its, text in found if its == language]


def make_lines() -> list[str]:
    fenced = [
        line.split("#")[0].strip() for page in (README, INSPECT) for block in blocks("", page) for line in block.splitlines()
    ]
    inline = re.findall(r"`(make [^`]+)`", README + INSPECT)
    return sorted({line.replace("…", "0123abcd") for line in [*fenced, *inline] if line.startswith("make ")})


RECIPE_VERBS = ("generate", "train", "evaluate", "estimate", "preview", "status", "report", "play", "search-prompts")


def test_there_is_something_to_run() -> None:
    assert len(make_lines()) > 10
    assert {line.split()[1] for line in make_lines()} >= {"generate", "train", "methods", "search-prompts", "play", "push"}
    assert blocks("python") and blocks("yaml")


@pytest.mark.parametrize("line", make_lines())
def test_every_make_command_is_one(line: str) -> None:
    done = subprocess.run(f"{line} --dry-run", shell=True, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any(what in done.stdout for what in ("distill", "pytest", "bench/"))
    called = [shlex.split(each)[1:] for each in done.stdout.splitlines() if each.startswith(".venv/bin/distill ")]
    for words in called:
        arguments = parser().parse_args(words)
        if words[0] in RECIPE_VERBS:
            recipe = load_recipe(arguments.recipe, arguments.set, arguments.backend)
            assert getattr(arguments, "method", 0) < len(recipe.methods)


def test_every_picture_is_there_and_has_words() -> None:
    shown = dict(re.findall(r"!?\[([^]]*)\]\((docs/pictures/[^)]+)\)", README))
    assert all(len(words) > 5 for words in shown)
    assert {REPOSITORY / path for path in shown.values()} == set((REPOSITORY / "docs/pictures").iterdir())


def test_filters_and_methods_that_are_named_are_there() -> None:
    """What stands in code in the texts, where its name could be no other thing's."""
    there = {name_of(each, "filter") for each in members(Filter)} | {name_of(each, "method") for each in members(Method)}
    told = (REPOSITORY / "docs/filters.md").read_text(encoding="utf-8")
    assert {"paired", "answer_recovered", "entities_match", "plausible"} <= there & set(re.findall(r"`([a-z_]+)`", told))
    log = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    missing = {name_of(each, "method") for each in members(Method)} - set(re.findall(r"`([a-z_]+)`", log))
    assert not missing, "the change log names every method"


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_recipe_is_one(text: str) -> None:
    recipe = parse_recipe(yaml.safe_load(text), "readme", "README.md")
    assert recipe.teacher.backend in ("openai", "recorded")


def test_the_selection_of_the_page_on_filters_is_one() -> None:
    text = (REPOSITORY / "docs/filters.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    selection = Selection.model_validate(yaml.safe_load(block)["selection"])
    assert selection.mix and selection.diversity and selection.rows
    assert set(re.findall(r"`([a-z_]+)`", text)) >= {"answer_matches", "self_consistency", "judge"}


def test_main_job_on_a_few_tasks_and_the_python_beside_it(tmp_path: Path) -> None:
    """`make generate` as the README says it, for a few tasks; then the Python snippet on its tables."""
    command = [sys.executable, "-m", "pipeline", "generate", "mini", "--limit", "30", "--data", str(tmp_path / "data")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert first.returncode == 0, first.stderr
    assert "corpus" in first.stdout
    again = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0 and "0 asked" in again.stderr
    for snippet in blocks("python"):
        ran = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert "detail" in ran.stdout
