"""The mini teacher behind real servers: vLLM's OpenAI server and `transformers serve`, asked as a user would.

One vLLM server makes a corpus, runs a recipe of every family of methods, and searches for a prompt. vLLM lives in an
environment of its own (`VLLM_PYTHON`), since it holds transformers back; see tests/vllm-requirements.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline.cli import main
from tests.mini_recipes import Small
from tests.real_servers import NAME, REPOSITORY, TEACHER, free_port, serving, vllm_server
from tests.servers import closed_url

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
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
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of vLLM's server."""
    if not os.environ.get("VLLM_PYTHON"):
        pytest.skip("VLLM_PYTHON names no Python with vLLM")
    with vllm_server(os.environ["VLLM_PYTHON"], tmp_path_factory.mktemp("vllm") / "server.log") as address:
        yield address


def generate(address: str, model: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "generate", "mini", "--limit", "20", "--backend", "openai"]
    command += ["--base-url", address, "--teacher", model, "--data", str(data), "--concurrency", "8"]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=600, check=False)


def check_corpus(done: subprocess.CompletedProcess[str], data: Path) -> None:
    """The corpus is there, every call was counted by the server, and right answers came."""
    assert done.returncode == 0, done.stderr
    run = data / "runs/mini"
    responses = pl.read_parquet(run / "2_responses.parquet")
    assert set(responses["provider"]) == {"127.0.0.1"}
    assert responses["tokens_out"].min() > 0
    verdicts = pl.read_parquet(run / "4_verdicts.parquet").filter(pl.col("filter") == "answer_matches")
    assert (verdicts["decision"] == "keep").mean() > 0.4
    assert pl.read_parquet(run / "5_corpus.parquet").height > 10


def test_transformers_serve_makes_the_corpus(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="transformers[serving] is not installed")
    port = free_port()
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(TEACHER), "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, tmp_path / "server.log") as address:
        check_corpus(generate(address, str(TEACHER), tmp_path / "data"), tmp_path / "data")


def test_vllm_server_makes_the_corpus(vllm: str, tmp_path: Path) -> None:
    check_corpus(generate(vllm, NAME, tmp_path / "data"), tmp_path / "data")
    wrong = generate(vllm, "no-such-model", tmp_path / "other")
    assert wrong.returncode == 2
    assert "no-such-model" in wrong.stderr and "Traceback" not in wrong.stderr
    again = generate(closed_url(), NAME, tmp_path / "data")  # nobody is there: every reply is remembered
    assert again.returncode == 0, again.stderr
    assert "0 asked" in again.stderr


def served(address: str) -> list[str]:
    return ["--backend", "openai", "--base-url", address, "--teacher", NAME]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recipe_of_the_family(family: str, vllm: str, tmp_path: Path) -> None:
    small = Small(FAMILIES[family], tmp_path, (UNSEEDED,))
    assert {each.family for each in small.recipe.methods} == {family}
    assert main(small.words("generate", *served(vllm))) == 0
    responses, corpus = small.table("2_responses"), small.table("5_corpus")
    assert set(responses["provider"]) == {"127.0.0.1"} and (responses["tokens_out"] > 0).all()
    assert not responses["error"].drop_nulls().len()
    assert set(corpus["method"]) == {each.method for each in small.recipe.methods}
    assert main(small.words("generate", *served(vllm))) == 0
    assert small.starts[-1]["asked"] == 0


def test_the_search_for_a_prompt(
    vllm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(REPOSITORY / "prompts", tmp_path / "prompts")  # where what is found is written
    monkeypatch.chdir(tmp_path)
    small = Small("self_consistency_mini", tmp_path / "data", (UNSEEDED, "source.limit=30"))
    fewer = ("--dev", "6", "--candidates", "3", "--steps", "1")
    assert main(small.words("search-prompts", *served(vllm), *fewer)) == 0
    first = capsys.readouterr().out
    assert "dev" in first
    assert small.starts[-1]["asked"] > 20
    assert main(small.words("search-prompts", *served(vllm), *fewer)) == 0
    assert capsys.readouterr().out == first
    assert small.starts[-1]["asked"] == 0
