"""Names made of content: the same thing has the same name on every machine, in every process and library version.

Everything is SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8); ids that people read are its first 16 hex digits.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

SHORT = 16
WEIGHTS = ("*.safetensors", "config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja")
"""What decides how a model folder answers; a README beside it does not."""


def canonical_json(value: Any) -> str:
    """JSON with one spelling per value; floats as `repr` has them, NaN refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(*parts: Any) -> str:
    """64 hex digits naming the parts, which must be JSON values."""
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()


def short_id(*parts: Any) -> str:
    """The first 16 hex digits of `content_hash`: the id of a row."""
    return content_hash(*parts)[:SHORT]


def unit_interval(*parts: Any) -> float:
    """A number in [0, 1) that depends on the parts alone: for splits and draws that never move."""
    return int(content_hash(*parts)[:13], 16) / 16**13


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_hash(folder: Path) -> str:
    """The revision of a local model: its weights, configuration, tokenizer and chat template, wherever the folder lies."""
    files = sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)})
    return content_hash([(path.name, file_hash(path)) for path in files])
