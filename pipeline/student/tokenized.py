"""Rendered conversations as token ids, and back: nothing may be lost between the two.

In: prompts and what follows them, as text. Out: their ids, and which characters each id stands for. Prompt and target are
tokenized apart, as when the student is asked: it reads the ids of the prompt and writes its own. Tokenizers that begin every
text with a blank (Llama 2's) would write one more than there is; there the ids are those of the whole text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UserError
from pipeline.student.traps import CLOSE, EXCERPT, OPEN, OWN

OTHER = "Name a student whose tokenizer can write every text, or mend its tokenizer.json."


@dataclass(frozen=True)
class Tokens:
    """The ids of one conversation."""

    prompt: list[int]
    target: list[int]
    offsets: Sequence[tuple[int, int]]
    """For each id of the target the characters it stands for, as the tokenizer says."""

    @property
    def characters(self) -> list[tuple[int, int]]:
        """For each id of the target the characters of the target's text it stands for: first, and one past the last.

        There are no gaps: a blank that was trimmed off belongs to its token, and a character to all tokens of its bytes.
        """
        found, reached = [], 0
        for start, end in self.offsets:
            found.append((min(start, reached), end))
            reached = max(reached, end)
        return found


def check_tokenizer(tokenizer: Any) -> None:
    """Makes sure that a tokenizer can be proven at all.

    Raises:
        UserError: it has no chat template or no end token, is none of the library `tokenizers`, or splits its special tokens.
    """
    place = f"student.model: the tokenizer of {tokenizer.name_or_path}"
    if not tokenizer.is_fast:
        raise UserError(f"{place} has no tokenizer.json, which tells what each token stands for", OTHER)
    if not tokenizer.chat_template:
        raise UserError(f"{place} has no chat template", OWN)
    if not tokenizer.eos_token:
        raise UserError(f"{place} has no end token (eos_token), so the student would never stop", OTHER)
    known = tokenizer.all_special_tokens
    for token, ids in zip(known, tokenizer(known, add_special_tokens=False)["input_ids"], strict=True):
        if ids != [tokenizer.convert_tokens_to_ids(token)]:
            raise UserError(f"{place} splits its special token {token!r} into {len(ids)} tokens", OTHER)


def special_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Matches the special tokens; the tags of reasoning are words, whatever the tokenizer says of them."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    words = sorted({*tokenizer.all_special_tokens, *added} - {OPEN, CLOSE}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)) or "(?!)")


def tokenize(tokenizer: Any, prompts: Sequence[str], targets: Sequence[str]) -> list[Tokens]:
    """The ids of conversations, in one batch."""
    read = _encoded(tokenizer, prompts)
    written = _encoded(tokenizer, targets)
    return [
        Tokens(prompt, target, offsets)
        for (prompt, _), (target, offsets) in zip(read, written, strict=True)
    ]  # fmt: skip


def faithful(tokens: Tokens, prompt: str, target: str, tokenizer: Any, special: re.Pattern[str]) -> Tokens:
    """Ids that stand for exactly these texts, and begin with those of the prompt alone.

    Raises:
        UserError: there are none.
    """
    if _same(tokens, prompt, target, tokenizer, special):
        return tokens
    ids, offsets = _encoded(tokenizer, [prompt + target])[0]
    read = len(tokens.prompt)
    after = [(max(0, start - len(prompt)), max(0, end - len(prompt))) for start, end in offsets[read:]]
    joined = Tokens(ids[:read], ids[read:], after)
    if ids[:read] != tokens.prompt and _decoded(tokenizer, ids) == prompt + target:
        raise UserError(
            f"the tokenizer joins the end of the prompt, {prompt[-EXCERPT:]!r}, to the beginning of the answer, so that the "
            "student would learn tokens that it never meets when it is asked",
            f"Let the prompt end with a special token. {OWN}",
        )
    if not _same(joined, prompt, target, tokenizer, special):
        raise UserError(f"the tokenizer changes the text: {_difference(_decoded(tokenizer, ids), prompt + target)}", OTHER)
    return joined


def _same(tokens: Tokens, prompt: str, target: str, tokenizer: Any, special: re.Pattern[str]) -> bool:
    """Whether ids read as the texts do, but for blanks that tokenizers write beside special tokens."""
    pairs = ((tokens.target, target), (tokens.prompt + tokens.target, prompt + target))
    for ids, text in pairs:
        read = _decoded(tokenizer, ids)
        if read != text and _settled(read, special) != _settled(text, special):
            return False
    return True


def _settled(text: str, special: re.Pattern[str]) -> str:
    bare = re.sub(rf"\s*({special.pattern})\s*", r"\1", text).strip()
    return unicodedata.normalize("NFC", bare)  # many tokenizers compose accents


def _difference(read: str, text: str) -> str:
    place = next((n for n, (one, other) in enumerate(zip(read, text, strict=False)) if one != other), min(len(read), len(text)))
    begin = max(0, place - EXCERPT // 2)
    return f"{text[begin : begin + EXCERPT]!r} becomes {read[begin : begin + EXCERPT]!r}"


def _decoded(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False))


def _encoded(tokenizer: Any, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Ids and offsets of each text."""
    found = tokenizer(
        list(texts), add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False, verbose=False
    )
    return list(zip(found["input_ids"], found["offset_mapping"], strict=True))
