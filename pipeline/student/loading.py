"""The student before it is trained: its tokenizer, its weights and, where the recipe asks for them, low-rank adapters.

In: a job. Out: tokenizer and model of `transformers`, the model a `PeftModel` where only adapters are trained. What the machine
cannot do, or the model has not got, is refused here, before anything is computed.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, set_seed

from pipeline.errors import UserError
from pipeline.student.job import Job, LowRank

LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError)
ALL_LINEAR = ("all-linear",)


def load_tokenizer(job: Job) -> Any:
    """The student's tokenizer with the chat template it is trained with.

    Raises:
        UserError: there is none, or it cannot be loaded.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(job.model, revision=job.revision)
    except LOAD_ERRORS as error:
        raise _unloadable(job, error) from None
    tokenizer.chat_template = job.chat_template or tokenizer.chat_template
    return tokenizer


def load_weights(job: Job, **options: Any) -> Any:
    """The untouched student, in float32 unless said otherwise.

    Raises:
        UserError: it cannot be loaded.
    """
    try:
        model = AutoModelForCausalLM.from_pretrained(job.model, revision=job.revision, **{"dtype": torch.float32} | options)
    except torch.OutOfMemoryError:
        raise  # a RuntimeError, too
    except LOAD_ERRORS as error:
        raise _unloadable(job, error) from None
    _mend_sampling(model.generation_config)
    return model


def load_student(job: Job, device: str) -> Any:
    """What is trained: the whole model, or a model with adapters.

    Args:
        device: cpu, cuda or mps, as `device_of` has it.

    Raises:
        UserError: it cannot be loaded, an adapter has no layer to go to, or QLoRA has no GPU.
    """
    adapter = job.student.adapter
    if adapter is None:
        return load_weights(job)
    if find_spec("peft") is None:
        raise UserError("student.adapter: peft is not installed", "pip install -e '.[train]'")
    model = load_weights(job, **_in_four_bits(device)) if adapter.quantized else load_weights(job)
    set_seed(job.student.seed)  # adapters start from random numbers
    return _with_adapters(model, adapter)


def device_of(job: Job) -> str:
    """cpu, cuda or mps: where this process computes.

    Raises:
        UserError: the machine has no such device, or fewer GPUs than there are processes.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    device = job.device if job.device != "auto" else "cuda" if there["cuda"] else "cpu"
    if not there[device]:
        raise UserError(f"DISTILL_DEVICE={device}: this machine has none", "Leave it out, or say cpu.")
    if device == "cuda" and processes() > torch.cuda.device_count():
        raise UserError(
            f"DISTILL_PROCESSES={processes()}: this machine has {torch.cuda.device_count()} GPUs",
            "Lower it: one process a GPU.",
        )
    return device


def processes() -> int:
    """Processes that train together, as their launcher says; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _unloadable(job: Job, error: Exception) -> UserError:
    words = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return UserError(
        f"student.model: {job.model} (revision {job.revision}) cannot be loaded: {words}",
        "Name a transformers folder, or a model on the hub that this machine can reach.",
    )


def _mend_sampling(generation: Any) -> None:
    """A greedy generation config with sampling values in it, as many models have, could not be saved: it is meant to sample."""
    try:
        generation.validate(strict=True)
    except ValueError:
        generation.do_sample = True


def _in_four_bits(device: str) -> dict[str, Any]:
    """Options to load a model as QLoRA does (Dettmers et al. 2023, arXiv 2305.14314, section 3)."""
    if device != "cuda":
        raise UserError(
            f"student.adapter.quantized: bitsandbytes needs a GPU, and this training runs on {device}",
            "Set student.adapter.quantized to false, or train on a machine with a GPU.",
        )
    if find_spec("bitsandbytes") is None:
        raise UserError("student.adapter.quantized: bitsandbytes is not installed", "pip install bitsandbytes")
    if processes() > 1:
        raise UserError("student.adapter.quantized: QLoRA runs in one process here", "Leave DISTILL_PROCESSES out.")
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
    )
    return {"quantization_config": four_bits, "dtype": torch.bfloat16, "device_map": {"": 0}}


def _with_adapters(model: Any, adapter: LowRank) -> Any:
    from peft import LoraConfig, get_peft_model

    _check_targets(model, adapter.targets)
    everywhere = adapter.targets == ALL_LINEAR
    lora = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha,  # type: ignore[arg-type]
        lora_dropout=adapter.dropout, task_type="CAUSAL_LM",
        target_modules="all-linear" if everywhere else list(adapter.targets),
    )  # fmt: skip
    return get_peft_model(model, lora)


def _check_targets(model: Any, targets: tuple[str, ...]) -> None:
    """Refuses a target that ends the name of no linear layer: peft would pass over it in silence where others match."""
    output = model.get_output_embeddings()
    names = [name for name, each in model.named_modules() if _is_linear(each) and each is not output]
    layers = {name.rpartition(".")[2] for name in names}
    for target in targets if targets != ALL_LINEAR else ():
        if not any(f".{name}".endswith(f".{target}") for name in names):
            raise UserError(
                f"student.adapter.targets: {type(model).__name__} has no layer {target!r} that can have an adapter",
                f"There are {', '.join(sorted(layers))}, or all-linear.",
            )


def _is_linear(layer: Any) -> bool:
    return isinstance(layer, torch.nn.Linear) or type(layer).__name__ in ("Conv1D", "Linear4bit")
