"""A recipe of every family of methods, and the search for a prompt, with the mini teacher behind vLLM's server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.mini_recipes import Small
from tests.real_servers import NAME, REPOSITORY, vllm_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("VLLM_PYTHON"), reason="VLLM_PYTHON names no Python with vLLM"),
]
FAMILIES = {
    "chain of thought": "socratic_mini",
    "instruction following": "alpaca_mini",
    "in context": "in_context_mini",
    "symbolic and counterfactual": "disco_mini",
    "beyond one view": "multi_view_mini",
}
UNSEEDED = "teacher.sampling.seed=null"
"""vLLM's server dies on a CPU of a seed in a request that waits for its turn (0.32.0: CPU Generator does not use offset)."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with vllm_server(os.environ["VLLM_PYTHON"], tmp_path_factory.mktemp("vllm") / "server.log") as url:
        yield url


def served(address: str) -> list[str]:
    return ["--backend", "openai", "--base-url", address, "--teacher", NAME]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recipe_of_the_family(family: str, address: str, tmp_path: Path) -> None:
    small = Small(FAMILIES[family], tmp_path, (UNSEEDED,))
    assert {each.family for each in small.recipe.methods} == {family}
    assert main(small.words("generate", *served(address))) == 0
    responses, corpus = small.table("2_responses"), small.table("5_corpus")
    assert set(responses["provider"]) == {"127.0.0.1"} and (responses["tokens_out"] > 0).all()
    assert not responses["error"].drop_nulls().len()
    assert set(corpus["method"]) == {each.method for each in small.recipe.methods}
    assert main(small.words("generate", *served(address))) == 0
    assert small.starts[-1]["asked"] == 0


def test_the_search_for_a_prompt(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(REPOSITORY / "prompts", tmp_path / "prompts")  # where what is found is written
    monkeypatch.chdir(tmp_path)
    small = Small("self_consistency_mini", tmp_path / "data", (UNSEEDED, "source.limit=30"))
    fewer = ("--dev", "6", "--candidates", "3", "--steps", "1")
    assert main(small.words("search-prompts", *served(address), *fewer)) == 0
    first = capsys.readouterr().out
    assert "dev" in first
    assert small.starts[-1]["asked"] > 20
    assert main(small.words("search-prompts", *served(address), *fewer)) == 0
    assert capsys.readouterr().out == first
    assert small.starts[-1]["asked"] == 0
