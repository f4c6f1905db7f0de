"""The mini models that ship stay small: the teacher's weights would fit in 12 MB as bfloat16."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from pipeline.settings import REPOSITORY

MODELS = REPOSITORY / "data/mini"
LARGEST = 12_000_000
"""Bytes."""


def parameters(folder: Path) -> int:
    """Numbers in a model's weights, counted from the header of its safetensors file."""
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


@pytest.mark.parametrize("model", ["teacher", "student"])
def test_weights_are_small(model: str) -> None:
    count = parameters(MODELS / model)
    assert 2 * count <= LARGEST
    assert f"{count:,} parameters" in (REPOSITORY / "docs/mini.md").read_text(encoding="utf-8")
