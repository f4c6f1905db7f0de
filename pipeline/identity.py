"""Names made of content: the same thing has the same name on every machine, in every process and library version.

Everything is SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8); ids that people read are its first 16 hex digits.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

SHORT = 16
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
WEIGHTS = (
    "*.safetensors", "*.bin", "config.json", "generation_config.json", "*.jinja", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "*.model",
)  # fmt: skip
"""What decides how a model folder answers; a README beside it does not."""


def canonical_json(value: Any) -> str:
    """JSON with one spelling per value; floats as `repr` has them, NaN refused."""
    return _ENCODER.encode(value)


def content_hash(*parts: Any) -> str:
    """64 hex digits naming the parts, which must be JSON values."""
    return json_hash(canonical_json(parts))


def json_hash(text: str) -> str:
    """64 hex digits naming canonical JSON that is written out already."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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


Stamp = tuple[Path, int, int, int]


def stamp(path: Path) -> Stamp:
    """Path, inode, bytes and time of the last change (nanoseconds) of a file: while they stay, so does what was read of it."""
    found = path.stat()
    return path, found.st_ino, found.st_size, found.st_mtime_ns


def model_hash(folder: Path) -> str:
    """The revision of a local model: its weights, configuration, tokenizer and chat template, wherever the folder lies.

    Files that did not change are read once in a process.
    """
    files = sorted({path for pattern in WEIGHTS for path in folder.absolute().glob(pattern)})
    return _files_hash(tuple(stamp(path) for path in files))


@lru_cache(maxsize=64)
def _files_hash(stamps: tuple[Stamp, ...]) -> str:
    return content_hash([(path.name, file_hash(path)) for path, *_ in stamps])


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Names the code of this project as it lies on the disk: what follows from tables also follows from it."""
    root = Path(__file__).parent
    return content_hash([(str(path.relative_to(root)), file_hash(path)) for path in sorted(root.rglob("*.py"))])
