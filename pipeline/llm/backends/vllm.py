"""A model in this process through vLLM: continuous batching and prefix caching, on GPUs or with its CPU build.

Requests of the same moment are handed over in the order of their prompts, so that those that begin alike meet in the prefix
cache. The samples of one prompt meet there, too: vLLM's own `n` is as many requests that share a prefill in this very way, but
asked one by one each reply lands as soon as it is written.

An engine that dies costs the calls that were in flight, and the next call starts another.
"""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from pipeline.errors import UserError
from pipeline.identity import content_hash, file_hash, model_hash
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.engine_log import log_to_file
from pipeline.llm.backends.leftovers import Guard
from pipeline.llm.backends.local import model_folder
from pipeline.llm.model import Model
from pipeline.llm.prices import FREE
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.records import Frozen
from pipeline.settings import HomePath, Settings

IN_FLIGHT = 1024
"""vLLM decodes 256 requests at once, 1024 on the largest GPUs; more wait, so that a place that falls free is filled at once."""
GATHER_SECONDS = 0.01
"""How long a request waits for others of its moment, which are asked for at once but looked up one by one."""
DEATHS = 3
"""So many engines may die with no reply between them before the user is asked to mend it."""
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


class VLLMModel(Frozen):
    """A model in this process through vLLM."""

    backend: Literal["vllm"]
    """A vLLM engine in this process."""
    model: str = Field(min_length=1)
    """A model folder, or a name on the hub."""
    revision: str = "main"
    """Revision on the hub; a folder is known by the hash of its weights."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format it computes in."""
    quantization: str | None = None
    """How vLLM shall quantize the weights, such as `fp8`; weights that are quantized already need nothing."""
    adapter: HomePath | None = None
    """Folder of a LoRA adapter of this model."""
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=512)
    """How it samples, unless a method says otherwise."""
    price: None = Field(None, description="A local model costs nothing by the token.")

    def open(self, settings: Settings) -> Model:
        """The model, ready to be asked; nothing is loaded yet."""
        folder = model_folder(self.model)
        parts = (self.dtype, self.quantization, self.adapter and adapter_hash(self.adapter))
        plan = EnginePlan(
            place=str(folder or self.model), revision=None if folder else self.revision, dtype=self.dtype,
            quantization=self.quantization, adapter=str(self.adapter.resolve()) if self.adapter else None,
            device=settings.device, tensor_parallel=settings.tensor_parallel, data_parallel=settings.data_parallel,
            gpu_memory=settings.gpu_memory, context=settings.context, at_once=settings.concurrency,
        )  # fmt: skip
        return Model(
            identity={
                "provider": "vllm",
                "model": model_hash(folder) if folder else f"{self.model}@{self.revision}",
                "revision": "+".join(part for part in parts if part),
            },
            name=Path(self.model).name if folder else self.model,
            start=lambda: VLLMBackend(plan),
            in_flight=settings.concurrency or IN_FLIGHT * settings.data_parallel,
            price=FREE,
            json_schema=True,
        )


def adapter_hash(folder: Path) -> str:
    """The revision of a LoRA adapter, wherever its folder lies.

    Raises:
        UserError: the folder holds none.
    """
    missing = [name for name in ADAPTER_FILES if not (folder / name).is_file()]
    if missing:
        raise UserError(f"teacher.adapter: {folder} has no {', '.join(missing)}", "Name the folder of a LoRA adapter.")
    return content_hash([(name, file_hash(folder / name)) for name in ADAPTER_FILES])


class EnginePlan(NamedTuple):
    """What an engine is started with. Only the first five decide what it says."""

    place: str
    """A model folder, or a name on the hub."""
    revision: str | None
    dtype: str
    quantization: str | None
    adapter: str | None
    device: str
    tensor_parallel: int
    data_parallel: int
    gpu_memory: float | None
    context: int | None
    at_once: int | None
    """Requests decoded at once; vLLM's own choice unless said."""


class VLLMBackend:
    """Puts requests to an engine, and starts another where one has died."""

    def __init__(self, plan: EnginePlan) -> None:
        self._plan = plan
        self._waiting: list[tuple[list[str], int, asyncio.Future[None]]] = []
        self._starting = asyncio.Lock()
        self._deaths = 0

    async def __aenter__(self) -> VLLMBackend:
        await self._start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        interrupted = isinstance(exception[1], BaseException) and not isinstance(exception[1], Exception)
        await self._stop(gently=not interrupted)

    async def complete(self, request: Request) -> Reply:
        await self._turn(request)
        if not self._engine.alive:
            await self._restart()
        reply: Reply = await self._engine.answer(request)
        self._deaths = 0
        return reply

    async def _turn(self, request: Request) -> None:
        """Waits until what came at the same moment is there, too, and for the place among it."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        if not self._waiting:
            loop.call_later(GATHER_SECONDS, self._let_go)
        self._waiting.append(([message.content for message in request.messages], request.sample, mine))
        await mine

    def _let_go(self) -> None:
        waiting, self._waiting = sorted(self._waiting, key=lambda each: each[:2]), []
        for _, _, future in waiting:
            if not future.done():
                future.set_result(None)

    async def _restart(self) -> None:
        """Replaces a dead engine, once for all who noticed.

        Raises:
            CallFailed: the new one would not start.
            UserError: too many have died.
        """
        async with self._starting:
            if self._engine.alive:
                return
            self._deaths += 1
            reason = self._engine.reason()
            await self._stop(gently=False)
            if self._deaths >= DEATHS:
                raise UserError(
                    f"{self._plan.place}: the vLLM engine died {self._deaths} times in a row: {reason}",
                    "Where memory is short: a lower DISTILL_CONTEXT, DISTILL_GPU_MEMORY or DISTILL_CONCURRENCY.",
                )
            try:
                await self._start()
            except UserError as error:
                raise CallFailed(error.what) from None

    async def _start(self) -> None:
        """Starts an engine; whoever is interrupted meanwhile does not wait for it."""
        self._guard = Guard()
        starting = asyncio.ensure_future(asyncio.to_thread(_load, self._plan, self._guard.mark))
        try:
            self._engine = await asyncio.shield(starting)
            await self._engine.ready()
        except BaseException:
            await self._abandon(starting)
            raise

    async def _abandon(self, starting: asyncio.Future[Any]) -> None:
        """Ends an engine that is on its way, or did not turn out well."""
        while not starting.done():  # its thread cannot be stopped, but what that waits for can
            self._guard.sweep()
            await asyncio.wait([starting], timeout=0.2)
        if starting.exception() is None:
            await asyncio.to_thread(starting.result().stop, gently=False)
        await asyncio.to_thread(self._guard.end)

    async def _stop(self, gently: bool) -> None:
        await asyncio.to_thread(self._engine.stop, gently)
        await asyncio.to_thread(self._guard.end)


def _load(plan: EnginePlan, mark: str) -> Any:
    """A started engine, which takes from seconds to many minutes.

    Raises:
        UserError: vLLM is not there, or cannot serve this model.
    """
    log_to_file()
    try:
        engine = importlib.import_module("pipeline.llm.backends.engine")
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed, and the vllm backend needs it", "pip install -e '.[vllm]'") from None
    except (ImportError, OSError) as error:  # a library of the driver is missing, or of another version
        raise UserError(f"vLLM cannot be loaded: {error}", "Install the vLLM that was built for this machine.") from None
    return engine.Engine(plan, mark)
