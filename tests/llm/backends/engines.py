"""What the tests of the vLLM backend share: the mini teacher in an engine, an adapter for it, and its processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.leftovers import NAME, marked
from pipeline.llm.backends.vllm import VLLMBackend, VLLMModel
from pipeline.llm.request import Reply, Request
from pipeline.settings import REPOSITORY, load_settings
from tests.llm.asking import request

TEACHER = REPOSITORY / "data/mini/teacher"
PENS = "Mia has 3 pens and buys 5 more. How many pens does she have?"


def model(folder: Path = TEACHER, **fields: Any) -> VLLMModel:
    return VLLMModel(backend="vllm", model=str(folder), **fields)


def adapter(folder: Path, seed: int = 0) -> Path:
    """A LoRA adapter of the mini teacher that bends every query."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir()
    draw = np.random.default_rng(seed)
    weights = {}
    for layer in range(5):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_"
        weights[f"{name}A.weight"] = draw.normal(size=(8, 160)).astype(np.float32)
        weights[f"{name}B.weight"] = draw.normal(size=(160, 8)).astype(np.float32)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none", "lora_dropout": 0.0}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


class Engine:
    """A started backend, and the event loop it lives in."""

    def __init__(self, runner: asyncio.Runner, backend: VLLMBackend) -> None:
        self.run, self.backend = runner.run, backend
        self.landed: list[Request] = []
        """Requests in the order their replies came."""

    def ask(self, *requests: Request) -> list[Reply]:
        """Replies to requests put at once."""
        self.landed.clear()

        async def scene() -> list[Reply]:
            return list(await asyncio.gather(*(self._put(each) for each in requests)))

        return self.run(scene())

    async def _put(self, each: Request) -> Reply:
        reply = await self.backend.complete(each)
        self.landed.append(each)
        return reply

    @property
    def processes(self) -> list[int]:
        return marked(self.backend._guard.mark)

    @property
    def unfinished(self) -> int:
        return int(self.backend._engine._llm.get_num_unfinished_requests())


@contextmanager
def engine(folder: Path = TEACHER, settings: dict[str, Any] | None = None, **fields: Any) -> Iterator[Engine]:
    opened = model(folder, **{"dtype": "float32", **fields}).open(load_settings(**settings or {}))
    backend = opened.start()
    assert isinstance(backend, VLLMBackend)
    with asyncio.Runner() as runner:
        runner.run(backend.__aenter__())
        try:
            yield Engine(runner, backend)
        finally:
            runner.run(backend.__aexit__(None, None, None))


async def die(teacher: Engine, name: str) -> None:
    """Kills a process of the engine while a call is in flight."""
    endless = request(PENS, max_tokens=1900, extra_body={"ignore_eos": True})
    call = asyncio.create_task(teacher.backend.complete(endless))
    while not (teacher.backend._engine.alive and teacher.unfinished):  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.1)
    named = [process for process in teacher.processes if name in title(process)]
    assert len(named) == 1
    os.kill(named[0], signal.SIGKILL)
    with pytest.raises(CallFailed, match="vLLM engine failed"):
        await call


def title(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()


def marked_by_anybody() -> set[int]:
    """Processes of any engine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{NAME}=".encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found
