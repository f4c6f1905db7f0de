"""The batch file our backend writes, run by vLLM's own `run-batch` on the mini teacher, and what it writes, read by our reader.

Between the two is the test's provider of batches, which has vLLM do the work. vLLM lives in an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.request import Reply, Request
from pipeline.mini.world import problem_item
from pipeline.settings import load_settings
from tests.batch_server import BatchServer
from tests.llm.asking import request
from tests.llm.batching import QUICK, answers

REPOSITORY = Path(__file__).resolve().parents[2]
TEACHER = REPOSITORY / "data/mini/teacher"
CONTEXT = 256

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("VLLM_PYTHON"), reason="VLLM_PYTHON names no Python with vLLM"),
]


def run_batch(folder: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The result lines of `vllm run-batch`."""
    asked, brought = folder / "input.jsonl", folder / "output.jsonl"
    asked.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command = [os.environ["VLLM_PYTHON"], "-m", "vllm.entrypoints.launchers.run_batch", "-i", str(asked), "-o", str(brought)]
    command += ["--model", str(TEACHER), "--served-model-name", "mini-teacher", "--dtype", "float32", "--enforce-eager"]
    command += ["--max-model-len", str(CONTEXT)]
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in brought.read_text(encoding="utf-8").splitlines() if line]


def test_vllm_runs_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    rng = random.Random(7)
    problems = [problem_item(rng, steps=2) for _ in range(10)]
    sums = [request(problem.prompt, temperature=0.0, max_tokens=80) for problem in problems]
    rich = request(
        "Tom has 4 cups – “blue” ones\u2028and 5 more. How many?", temperature=0.7, top_p=0.9, max_tokens=20, stop=("\n\n",),
        seed=7, presence_penalty=0.1, frequency_penalty=0.1, top_k=20, min_p=0.01, repetition_penalty=1.01, top_logprobs=2,
        chat_template_kwargs={"enable_thinking": False}, extra_body={"user": "me"},
    )  # fmt: skip
    too_long = request("7 + " * CONTEXT + "7", max_tokens=8)
    replies = ask(tmp_path, *sums, rich, too_long)
    good, richly, refused = replies[:10], replies[10], replies[11]
    right = [f"answer is {problem.answer}." in str(reply.text) for problem, reply in zip(problems, good, strict=True)]
    assert sum(right) >= 7, [reply.text for reply in good]
    assert all(reply.tokens_in and reply.tokens_out for reply in good)
    assert richly.logprobs and len(richly.logprobs) == richly.tokens_out and len(richly.logprobs[0]["top"]) == 2
    assert refused.finish == "error" and refused.text is None and str(CONTEXT) in str(refused.error)


def ask(folder: Path, *requests: Request) -> list[Reply]:
    with BatchServer() as server:
        server.worker = lambda rows: run_batch(folder, rows)
        model = BatchModel(backend="batch", model="mini-teacher").open(load_settings(openai_base_url=server.url), QUICK)
        outcomes = asyncio.run(answers(model, *requests))
        assert [each["status"] for each in server.batches.values()] == ["completed"]
    replies = [each for each in outcomes if isinstance(each, Reply)]
    assert len(replies) == len(requests), outcomes
    return replies
