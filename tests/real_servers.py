"""Real servers with the mini teacher, for tests and measurements: vLLM's OpenAI server, or whatever a command starts."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TEACHER = REPOSITORY / "data/mini/teacher"
NAME = "mini-teacher"
"""What the vLLM server calls it."""
SECONDS_TO_START = 300


@contextmanager
def vllm_server(python: str, log: Path, model: Path = TEACHER) -> Iterator[str]:
    """A model, the mini teacher unless said, behind vLLM's server; `python` has vLLM. Yields the address with /v1."""
    port = free_port()
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", NAME]
    command += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "1024", "--host", "127.0.0.1", "--port", str(port)]
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    with serving(command, port, log) as address:
        yield address


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int, log: Path) -> Iterator[str]:
    """A server while it runs; yields the address with /v1."""
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=REPOSITORY)
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)


def _wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise AssertionError(f"{address} did not come up:\n{log.read_text()[-2000:]}")
