"""The score of Deita (Liu et al. 2024, arXiv 2312.15685): the level a model expects, on the scale from 1 to 6.

A model is asked for a digit. Where it tells the likeliest first tokens, the score is the sum of k times the share of digit k
among the six, so that a model which wavers between 3 and 4 says 3.5; else it is the number said. Deita's own code returns 3.0
where there is none; here such a sample is unverifiable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from pipeline.filters.judgement import DETAIL, failure, number_said
from pipeline.filters.template import template_hash
from pipeline.filters.verdicts import AskingFilter, Word, unverifiable
from pipeline.llm.request import Sampling
from pipeline.records import Response

LOWEST, HIGHEST = 1, 6
LEVELS = {str(level): level for level in range(LOWEST, HIGHEST + 1)}
DIGIT = re.compile(r"\s{0,8}(?P<digit>[1-6])[.*]?[ \t]{0,8}(?:\n(?!\s*+[0-9]).*)?", flags=re.DOTALL)
"""A digit that stands alone, at least in its line: `4 out of 10`, `3-4` and `2 reasons` begin with one and mean more."""
UNSEEN = 0.01
"""Largest share that digits missing among the likeliest tokens may have: then the score is off by 0.05 at most."""


def level(response: Response) -> tuple[float, str] | Word:
    """The score and how it came about, or why there is none. A reply that was cut off after its digit has one."""
    reason, text = failure(response), response.text or ""
    if not reason or response.finish == "length":
        expected = _expected(_rivals(text, response.logprobs or ()))
        if expected is not None:
            return expected, "expected level"
    said = reason or number_said(text, LOWEST, HIGHEST)
    return (
        unverifiable(said, (response.error or "")[:DETAIL] or text[-DETAIL:]) if isinstance(said, str) else (said, "level said")
    )


def _rivals(text: str, logprobs: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The likeliest tokens in place of the digit a reply begins with; none where thoughts or words stand first."""
    digit = DIGIT.fullmatch(text)
    first = next((each for each in logprobs if each["token"].strip()), None)
    if digit is None or first is None or first["token"].strip() != digit["digit"]:
        return ()
    return first.get("top") or ()


def _expected(top: Sequence[dict[str, Any]]) -> float | None:
    """The mean level by the likeliest tokens; None where digits that are not among them may weigh too much."""
    shares = dict.fromkeys(LEVELS.values(), 0.0)
    for each in top:
        if (digit := each["token"].strip()) in LEVELS:
            shares[LEVELS[digit]] += math.exp(each["logprob"])
    seen, missing = sum(shares.values()), sum(not share for share in shares.values())
    unseen = missing * min((math.exp(each["logprob"]) for each in top), default=1.0)
    if not seen or unseen > UNSEEN * (seen + unseen):
        return None
    return round(sum(digit * share for digit, share in shares.items()) / seen, 6)


class Levelled(AskingFilter):
    """A filter by Deita's levels; a subclass says what is asked, and of what."""

    source: ClassVar[str] = "Liu et al. 2024 (Deita), arXiv 2312.15685"
    min_score: float = Field(1.0, ge=LOWEST, le=HIGHEST)
    """Lowest level that is kept."""
    template: str
    """What the model is asked."""
    sampling: Sampling = Sampling(top_logprobs=10)
    """How the model samples, where not as it says itself; without `top_logprobs` the number said counts.
    An endpoint that refuses log-probabilities refuses the call, and the sample is unverifiable: set `sampling: {}`."""

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]
