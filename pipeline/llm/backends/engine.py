"""A vLLM engine at work: it starts, answers requests as the door knows them, and ends without leaving a process.

Loaded by name from `vllm`, since it needs vLLM and torch. The engine computes in processes of its own. Prompts are rendered and
sampling is defaulted as vLLM's `LLM.chat` and its server do it, so a model answers here as it does there.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from vllm.config import VllmConfig
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMClientError, VLLMServerError
from vllm.lora.request import LoRARequest
from vllm.platforms import current_platform
from vllm.renderers import ChatParams
from vllm.usage.usage_lib import UsageContext
from vllm.utils.mistral import is_mistral_tokenizer
from vllm.v1.engine.async_llm import AsyncLLM

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed, engine_log, leftovers
from pipeline.llm.backends.sampling_params import read_logprobs, sampling_params
from pipeline.llm.backends.vllm import EnginePlan
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.records import Message

CPU_CACHE_BYTES = 2 << 30
"""Memory for the cache on a CPU: vLLM would take most of the machine."""
CPU_BLOCK = 32
"""Tokens of a prompt that are shared as one; vLLM shares 128 on a CPU, which is more than short prompts have in common."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
STOP_SECONDS = 30.0
"""How long an engine may take to end; a small one takes four to nine seconds on two cores."""
THOUGHT_TAGS = {"<think>", "</think>"}
REMEDY = (
    "Where memory is short: a lower DISTILL_CONTEXT, another DISTILL_GPU_MEMORY, or more GPUs with DISTILL_TENSOR_PARALLEL. "
    "VLLM_LOGGING_LEVEL=INFO shows all that vLLM says."
)
_STARTS = threading.Lock()
"""Two engines that start at once would measure each other's memory."""


class Engine:
    """A started engine.

    Args:
        mark: what its processes carry in their environment.

    Raises:
        UserError: vLLM cannot serve this model here.
    """

    def __init__(self, plan: EnginePlan, mark: str) -> None:
        _check_device(plan.device)
        self._since = engine_log.size()
        self._numbers = count()
        try:
            config = _engine_args(plan).create_engine_config(usage_context=UsageContext.LLM_CLASS)
            own_context = config.model_config.max_model_len
            self._llm = _start(config, mark)
        except Exception as error:  # of whatever class: it may come from any library that reads models
            raise UserError(f"{plan.place}: vLLM cannot serve it: {self._in_short(error)}", REMEDY) from None
        self.context = self._llm.model_config.max_model_len
        self._limited = plan.context is not None or self.context < own_context
        self._adapter = LoRARequest("adapter", 1, plan.adapter) if plan.adapter else None
        self._renderer = self._llm.renderer
        self._tokenizer = self._llm.get_tokenizer()
        self._defaults = self._llm.model_config.get_diff_sampling_param()
        self._keep_special = bool(THOUGHT_TAGS & set(getattr(self._tokenizer, "all_special_tokens", ())))
        self._tokenize = replace(
            self._renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False), max_total_tokens=None
        )
        self._rendered: tuple[Any, Any] = (None, None)
        try:
            self._prompt(Request(messages=(Message(role="user", content="Hello"),), sampling=Sampling()))
        except Exception as error:
            self.stop(gently=False)
            raise UserError(f"{plan.place}: no use of its chat template: {error}", "Name an instruction-tuned model.") from None

    async def ready(self) -> None:
        """Loads the adapter, and whatever the first request would have to wait for.

        Raises:
            UserError: the adapter does not fit the model.
        """
        await self._llm.get_supported_tasks()
        if self._adapter is not None:
            try:
                await self._llm.add_lora(self._adapter)
            except Exception as error:  # of whatever class: it comes from another process
                words = f"teacher.adapter: {self._adapter.path}: {self._in_short(error)}"
                raise UserError(words, "Name the folder of a LoRA adapter of this very model.") from None

    @property
    def alive(self) -> bool:
        return self._llm is not None and not self._llm.errored

    def reason(self) -> str:
        """Why it died."""
        return engine_log.reason(self._since)

    async def answer(self, request: Request) -> Reply:
        """The reply to one request.

        Raises:
            CallFailed: the engine died, or there was no room for the whole reply.
            UserError: the sampling asks for something vLLM does not have.
        """
        started = time.monotonic()
        params = sampling_params(request, self._defaults, self._keep_special)
        try:
            prompt = self._prompt(request)
            tokens_in = len(prompt["prompt_token_ids"])
            if tokens_in >= self.context:
                return self._too_long(tokens_in)
            output = await self._generate(prompt, params)
        except VLLMClientError as error:
            if parameter := getattr(error, "parameter", None):
                raise UserError(f"sampling.{parameter}: {error}", "Change or leave out that field.") from None
            return Reply(finish="error", error=str(error), tokens_out=0, cost=0.0)
        except VLLMServerError as error:
            raise CallFailed(f"the vLLM engine failed: {error.__cause__ or self.reason()}") from None
        return self._reply(request, output, tokens_in, time.monotonic() - started)

    def _prompt(self, request: Request) -> Any:
        """The prompt as the engine takes it; samples of one prompt come one after the other, so the last is kept."""
        given = request.sampling.chat_template_kwargs or {}
        if self._rendered[0] != (request.messages, given):
            kwargs = {"add_generation_prompt": True, "continue_final_message": False, "tools": None} | given
            kwargs["tokenize"] = is_mistral_tokenizer(self._tokenizer)
            messages: Any = [message.model_dump() for message in request.messages]
            _, (prompt,) = self._renderer.render_chat([messages], ChatParams(chat_template_kwargs=kwargs), self._tokenize)
            self._rendered = (request.messages, given), prompt
        return self._rendered[1]

    async def _generate(self, prompt: Any, params: Any) -> Any:
        answers = self._llm.generate(prompt, params, str(next(self._numbers)), lora_request=self._adapter)
        outputs = [output async for output in answers]
        if not outputs or outputs[-1].outputs[0].finish_reason in (None, "abort", "error"):
            raise VLLMServerError("the request was given up")
        return outputs[-1]

    def _too_long(self, tokens_in: int) -> Reply:
        words = f"the prompt of {tokens_in} tokens fills the context of {self.context}"
        if self._limited:  # not the model's own limit: another setting would make another reply
            raise CallFailed(f"{words}; raise DISTILL_CONTEXT or DISTILL_GPU_MEMORY", again=False)
        return Reply(finish="error", error=words, tokens_in=tokens_in, tokens_out=0, cost=0.0)

    def _reply(self, request: Request, output: Any, tokens_in: int, seconds: float) -> Reply:
        written = output.outputs[0]
        tokens_out = len(written.token_ids)
        if self._limited and written.finish_reason == "length" and tokens_in + tokens_out >= self.context:
            raise CallFailed(f"the reply was cut at {self.context} tokens; raise DISTILL_CONTEXT", again=False)
        return Reply(
            text=written.text,
            finish=written.finish_reason,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=output.num_cached_tokens,
            logprobs=read_logprobs(written, request.sampling.top_logprobs),
            cost=0.0,
            seconds=round(seconds, 6),
        )

    def stop(self, gently: bool = True) -> None:
        """Ends the engine's processes; what is in flight fails."""
        llm, self._llm = self._llm, None  # nothing may keep it until Python ends, for its end needs vLLM's modules
        if llm is not None:
            llm.shutdown(timeout=STOP_SECONDS if gently else 0.0)
        multiprocessing.active_children()  # takes leave of those that have ended

    def _in_short(self, error: Exception) -> str:
        """One line of what is wrong; what happened in another process is only in its log."""
        if isinstance(error, RuntimeError | TimeoutError):
            found = self.reason()
            return str(error).splitlines()[0] if found == engine_log.ELSEWHERE else found
        problems: list[Any] = getattr(error, "errors", list)()
        words = str(problems[0]["msg"]) if problems else f"{type(error).__name__}: {error}"
        return words.removeprefix("Value error, ").splitlines()[0][:300]


def _check_device(device: str) -> None:
    kind = current_platform.device_type
    if device not in ("auto", kind):
        raise UserError(f"DISTILL_DEVICE={device}: this vLLM runs on {kind}", "Leave it out, or install the other vLLM.")


def _engine_args(plan: EnginePlan) -> AsyncEngineArgs:
    """The plan in vLLM's words. Its own defaults hold for the rest, above all prefix caching where the model allows it."""
    arguments: dict[str, Any] = {
        "model": plan.place, "revision": plan.revision, "tokenizer_revision": plan.revision,
        "dtype": plan.dtype, "quantization": plan.quantization,
        "tensor_parallel_size": plan.tensor_parallel, "data_parallel_size": plan.data_parallel,
        "max_model_len": plan.context or -1,  # -1: as much of the model's own as there is memory for
        "max_num_seqs": plan.at_once,
        "seed": secrets.randbelow(2**31),  # with a fixed one, a second run's samples would repeat the first's
        "disable_log_stats": True, "use_tqdm_on_load": False,
    }  # fmt: skip
    if plan.gpu_memory is not None:
        arguments["gpu_memory_utilization"] = plan.gpu_memory
    if current_platform.is_cpu():  # compiling takes a minute there, and gains nothing on small models
        arguments |= {"enforce_eager": True, "block_size": CPU_BLOCK}
        arguments |= {} if plan.gpu_memory else {"kv_cache_memory_bytes": CPU_CACHE_BYTES}
    if plan.adapter is not None:
        rank = json.loads((Path(plan.adapter) / "adapter_config.json").read_text())["r"]
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": min(each for each in RANKS if each >= rank)}
    return AsyncEngineArgs(**arguments)


def _start(config: VllmConfig, mark: str) -> AsyncLLM:
    with _STARTS, _for_children(mark):
        return AsyncLLM.from_vllm_config(config, usage_context=UsageContext.LLM_CLASS, disable_log_stats=True)


@contextmanager
def _for_children(mark: str) -> Iterator[None]:
    """What the engine's processes inherit: the mark, and deafness to Ctrl-C, which only this program shall hear, so that what
    is in flight can land. The environment is restored, since vLLM changes it for its own sake."""
    resource_tracker.ensure_running()  # starting it, Python would give the signal back to this thread
    environment = dict(os.environ)
    os.environ[leftovers.NAME] = mark
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.environ.clear()
        os.environ.update(environment)
