"""Models to be scored with: the shipped ones, a reward model with weights drawn here, and what torch says of a text by hand."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.request import Request, Sampling
from pipeline.records import Message
from pipeline.settings import REPOSITORY

TEACHER, STUDENT = (REPOSITORY / "data/mini" / name for name in ("teacher", "student"))
shipped = pytest.mark.skipif(not (TEACHER / "model.safetensors").is_file(), reason="data/mini/teacher is not there")


def numbers_of(response_format: dict[str, Any] | None, *turns: str, **sampling: Any) -> Request:
    """A request for numbers of a conversation whose last turn is the assistant's."""
    roles = ["user", "assistant"] * len(turns)
    messages = tuple(Message(role=role, content=text) for role, text in zip(roles[-len(turns) :], turns, strict=True))  # type: ignore[arg-type]
    return Request(messages=messages, sampling=Sampling(**sampling), response_format=response_format)


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    return AutoTokenizer.from_pretrained(folder), model


def by_hand(folder: Path, before: str, text: str) -> list[float]:
    """Log-probabilities of a text's tokens after others, one text alone, in float64; those with nothing before are left out."""
    import torch

    tokenizer, model = _loaded(folder)
    first, last = (tokenizer.encode(each, add_special_tokens=False) for each in (before, text))
    with torch.inference_mode():
        scores = model(torch.tensor([first + last])).logits[0].log_softmax(-1)
    places = range(max(1, len(first)), len(first) + len(last))
    return [float(scores[place - 1, (first + last)[place]]) for place in places]


def reward_model(folder: Path, labels: int = 1) -> Path:
    """The student's body with a head of weights that count up: a reward model of a sort."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(STUDENT, num_labels=labels, dtype=torch.float64)
    with torch.no_grad():
        model.score.weight.copy_(torch.linspace(-1, 1, model.score.weight.numel()).reshape(model.score.weight.shape))
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(STUDENT / name, folder)
    return folder


def student_with(folder: Path, chat_template: bool = True, **tokenizer: Any) -> Path:
    """The student with other settings of its tokenizer."""
    shutil.copytree(STUDENT, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | tokenizer))
    if not chat_template:
        (folder / "chat_template.jinja").unlink()
    return folder
