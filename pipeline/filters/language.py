"""Keeps replies written in one of the wanted languages: fastText's probability of at least 0.65, as FineWeb has it.

Code and formulas are taken off before; where fewer than 20 letters are left the reply is unverifiable, since every identifier
guesses there.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.answers.arguments import Code
from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task
from pipeline.texts.language import MIN_LETTERS, languages, letters, model_name


class Language(RowFilter):
    """The target's language; the score is the probability of the likeliest wanted one."""

    source: ClassVar[str] = "FineWeb (Penedo et al. 2024, arXiv 2406.17557); fastText lid.176"
    filter: Literal["language"]
    """Is written in a wanted language."""
    languages: Annotated[tuple[Code, ...], Field(min_length=1)] = ("en",)
    """The wanted languages, by their codes in ISO 639-1."""
    min_probability: float = Field(0.65, gt=0, le=1)
    """Least probability of one of them."""

    def rests_on(self) -> list[str]:
        return [model_name()]

    def judge(self, task: Task, sample: Sample) -> Word:
        found = languages(sample.target)
        if found is None:
            count = sum(map(str.isalpha, letters(sample.target)))
            return unverifiable("too few letters to tell the language", f"{count} letters, at least {MIN_LETTERS}")
        score = max(found.get(code, 0.0) for code in self.languages)
        likeliest = next(iter(found))
        detail = f"{likeliest} {found[likeliest]:.2f}"
        if score >= self.min_probability:
            return keep("in a wanted language", score, detail)
        if likeliest in self.languages:
            return drop("not surely in a wanted language", score, detail)
        return drop("in another language", score, detail)
