"""The licence of a source: stated or not, never empty, and nothing but cards depends on it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.recipe import load_recipe, parse_recipe
from pipeline.settings import REPOSITORY
from pipeline.sources.files import FileSource
from pipeline.sources.hub import HubSource
from pipeline.sources.mini import MiniSource
from pipeline.tables import made_of
from tests.servers import ChatServer
from tests.small_runs import done, tables, undisturbed_folder

FILE = {"kind": "jsonl", "path": "tasks.jsonl"}
NAMED = ("4_verdicts", "5_corpus", "5_control")
"""Tables that say what they were made of."""


def source(**fields: Any) -> Any:
    raw = {"source": fields, "teacher": {"backend": "openai", "model": "x"}, "methods": [{"method": "chain_of_thought"}]}
    return parse_recipe(raw, "r", "here").source


@pytest.mark.parametrize("kind", [FILE, {"kind": "hub", "dataset": "owner/data"}], ids=["file", "hub"])
def test_it_may_be_stated(kind: dict[str, str]) -> None:
    assert source(**kind).licence is None
    assert source(**kind, licence=" CC BY-SA 4.0 ").licence == "CC BY-SA 4.0"


@pytest.mark.parametrize("licence", ["", "  ", "MIT\n- Base: x", 0, ["MIT"]])
def test_it_is_a_line_of_words(licence: Any) -> None:
    with pytest.raises(UserError, match=r"source\.licence: "):
        source(**FILE, licence=licence)


def test_the_mini_world_is_under_the_projects_own() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert MiniSource.licence == project["license"] == "Apache-2.0"
    with pytest.raises(UserError, match=r"source\.licence: unknown key"):
        source(kind="mini", licence="MIT")


@pytest.mark.parametrize("name", ["gsm8k", "gsm8k_recorded", "strategyqa"])
def test_recipes_of_published_data_state_it(name: str) -> None:
    published = load_recipe(name).source
    assert isinstance(published, FileSource | HubSource) and published.licence == "MIT"


def test_it_changes_no_id_no_request_and_no_verdict(tmp_path: Path) -> None:
    folder = undisturbed_folder(tmp_path / "work", 12)
    run = folder / "data/runs/small"
    before, names = tables(folder), [made_of(run, table) for table in NAMED]
    with ChatServer() as server:
        done(folder, server.url, "--set", "source.licence=MIT")
        assert server.hits == 0
    assert tables(folder) == before and len(before["4_verdicts"]) > 12
    assert [made_of(run, table) for table in NAMED] == names and all(names)
    assert yaml.safe_load((run / "recipe.yaml").read_text())["source"]["licence"] == "MIT"
