"""The mini teacher behind real servers: vLLM's OpenAI server and `transformers serve`, asked as a user would.

vLLM lives in an environment of its own (`VLLM_PYTHON`), since it holds transformers back; see tests/vllm-requirements.txt.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.real_servers import NAME, REPOSITORY, TEACHER, free_port, serving, vllm_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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


@pytest.mark.skipif(not os.environ.get("VLLM_PYTHON"), reason="VLLM_PYTHON names no Python with vLLM")
def test_vllm_server_makes_the_corpus(tmp_path: Path) -> None:
    with vllm_server(os.environ["VLLM_PYTHON"], tmp_path / "server.log") as address:
        check_corpus(generate(address, NAME, tmp_path / "data"), tmp_path / "data")
        wrong = generate(address, "no-such-model", tmp_path / "other")
        assert wrong.returncode == 2
        assert "no-such-model" in wrong.stderr and "Traceback" not in wrong.stderr
    again = generate(address, NAME, tmp_path / "data")  # the server is gone: every reply is remembered
    assert again.returncode == 0, again.stderr
    assert "0 asked" in again.stderr


def test_transformers_serve_makes_the_corpus(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="transformers[serving] is not installed")
    port = free_port()
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(TEACHER), "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, tmp_path / "server.log") as address:
        check_corpus(generate(address, str(TEACHER), tmp_path / "data"), tmp_path / "data")
