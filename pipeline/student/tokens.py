"""Counting tokens as the student will, without loading the student: its `tokenizer.json` alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tokenizers import Tokenizer

from pipeline.errors import UserError
from pipeline.identity import file_hash
from pipeline.settings import project_path

KEPT = 2048
"""Texts whose count is kept: a prompt stands in several samples, one after the other."""


class TokenCounter:
    """Counts the tokens of texts, special ones not counted."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._one = lru_cache(maxsize=KEPT)(lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids))

    def __call__(self, text: str) -> int:
        return int(self._one(text))

    def each(self, texts: Sequence[str]) -> list[int]:
        """The tokens of many texts, counted on all cores, each text once."""
        distinct = list(dict.fromkeys(texts))
        encoded = self._tokenizer.encode_batch_fast(distinct, add_special_tokens=False)
        tokens = {text: len(each.ids) for text, each in zip(distinct, encoded, strict=True)}
        return [tokens[text] for text in texts]


@lru_cache(maxsize=8)
def token_counter(model: str | None) -> TokenCounter:
    """The counter of a model's tokenizer.

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
        return TokenCounter(Tokenizer.from_file(str(folder / "tokenizer.json")) if here else Tokenizer.from_pretrained(model))
    except Exception as error:  # tokenizers raises bare Exception
        raise UserError(
            f"{model}: its tokenizer cannot be loaded: {str(error).splitlines()[0]}",
            "Name a model folder with a tokenizer.json, or a model on the hub that this machine can reach.",
        ) from None


def tokenizer_hash(model: str) -> str:
    """Names the tokenizer of a model folder by its content; one on the hub by the model's name."""
    path = project_path(model) / "tokenizer.json"
    return file_hash(path) if path.is_file() else model
