"""Counting tokens as the student will, without loading the student: its `tokenizer.json` alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from tokenizers import Tokenizer

from pipeline.errors import UserError
from pipeline.settings import project_path


@lru_cache(maxsize=8)
def token_counter(model: str | None) -> Callable[[str], int]:
    """A function from text to its number of tokens, special ones not counted.

    Args:
        model: a model folder, or a name on the hub.

    Raises:
        UserError: there is no such tokenizer, or no model was named.
    """
    if model is None:
        raise UserError("length: no tokenizer to count with", "Name the student (student.model) or filters.N.tokenizer.")
    folder = project_path(model)
    try:
        here = folder.is_dir()
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json")) if here else Tokenizer.from_pretrained(model)
    except Exception as error:  # tokenizers raises bare Exception
        raise UserError(
            f"{model}: its tokenizer cannot be loaded: {str(error).splitlines()[0]}",
            "Name a model folder with a tokenizer.json, or a model on the hub that this machine can reach.",
        ) from None

    @lru_cache(maxsize=1 << 16)  # a prompt stands in many samples, a target passes several filters
    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
