"""The types of the arguments that IFEval's constraints take; what does not fit them makes a constraint unverifiable."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SkipValidation, StringConstraints

from pipeline.texts.language import CODES

Text = SkipValidation[str]
"""The reply: any text at all, halves of characters too, which pydantic would refuse."""
Relation = Literal["at least", "less than"]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Phrases = Annotated[list[Phrase], Field(min_length=1)]
Letter = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1)]


def known(code: str) -> str:
    """A language code without its country (`zh-cn` is `zh`), refused where the model knows no such language."""
    language = code.strip().lower().partition("-")[0]
    if language not in CODES:
        raise ValueError(f"no language the model knows: {code!r}")
    return language


Code = Annotated[str, AfterValidator(known)]
