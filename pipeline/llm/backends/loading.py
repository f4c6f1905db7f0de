"""Weights and tokenizer of a `transformers` model, loaded as what they are needed for, on the device that is there.

Loaded by name from `local`, since it needs torch. In: a place, a number format, a device. Out: the model ready to compute. A
model whose file lacks a part that is needed, such as the head of a reward model, is refused: it would be drawn at random.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from pipeline.errors import UserError

AS = {"causal": AutoModelForCausalLM, "reward": AutoModelForSequenceClassification, "encoder": AutoModel}
"""What a model can be loaded as."""
SPARE = ("pooler.",)
"""Parts that nothing here computes with; many encoders come without them."""


@dataclass(frozen=True)
class Loaded:
    """A model in memory."""

    place: str
    model: Any
    tokenizer: Any
    device: str
    context: int
    """Most tokens it reads."""


def load(what: str, place: str, revision: str, dtype: str, device: str) -> Loaded:
    """A model loaded as `causal`, `reward` or `encoder`.

    Raises:
        UserError: it cannot be loaded, lacks a part, or the machine lacks the device.
    """
    logging.disable_progress_bar()
    device = _device(device)
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, padding_side="left")
        model, told = AS[what].from_pretrained(place, revision=revision, dtype=getattr(torch, dtype), output_loading_info=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{place}: the model cannot be loaded: {str(error).splitlines()[0]}",
            "Name a transformers folder, or a model on the hub that this machine can reach.",
        ) from None
    missing = sorted(name for name in told["missing_keys"] if not name.startswith(SPARE))
    if missing:
        raise UserError(f"{place}: no {what} model, its weights lack {', '.join(missing[:3])}", "Name a model that has them.")
    context = getattr(model.config.get_text_config(), "max_position_embeddings", 1 << 30)
    return Loaded(place, model.to(device).eval(), tokenizer, device, context)


def free_memory() -> None:
    """Gives back what a model took that nobody holds any more; models hold on to themselves in circles."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if (device == "cuda" and not torch.cuda.is_available()) or (device == "mps" and not torch.backends.mps.is_available()):
        raise UserError(f"DISTILL_DEVICE={device}: this machine has none", "Leave it out, or say cpu.")
    return device
