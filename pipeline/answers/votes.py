"""Votes over answers: which of them are the same answer, how many replies gave each, and how much they disagree.

In: the final answers of several replies to one question, None where a reply has none. Out: classes of equal answers, the
largest first, whatever the order of the replies. Numbers are equal as decimals (5,600 = 5600.0), words but for case, spacing
and outer punctuation. Only what looks like mathematics and is no plain number, and yes and no, are compared pair by pair, since
that may start a computer algebra system; a pair nobody can decide leaves both classes *doubtful*.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pipeline.answers.final import same_answer
from pipeline.answers.numbers import as_number

TRUTH = {"true": "yes", "false": "no"}
LONGEST_FORMULA = 200
"""Characters; a longer answer is prose, and is compared as words."""
COMPARISONS = 64
"""Pairs of formulas compared for one question at most, at about 30 ms each. Those beyond are doubtful."""
UNDECIDED = 16
"""A comparison without a result uses up as much as so many, since it may have run into a time-out."""


@dataclass(frozen=True)
class Vote:
    """How the replies to one question voted; class 0 has the most votes."""

    classes: tuple[int | None, ...]
    """The class of each answer, in their order; None where there is none."""
    votes: tuple[int, ...]
    """The votes of each class, most first."""
    texts: tuple[str, ...]
    """How each class is written: its shortest spelling."""
    cast: int
    """All votes, those of replies without an answer included."""
    doubtful: frozenset[int] = frozenset()
    """Classes that may be the same as another: nobody could tell."""

    @property
    def margin(self) -> int:
        """Votes by which the first class leads the second; 0 is a tie."""
        first, second = (*self.votes, 0, 0)[:2]
        return first - second

    @property
    def entropy(self) -> float:
        """Of the answers given, in bits: 0 where all agree."""
        given = sum(self.votes)
        return sum(-votes / given * math.log2(votes / given) for votes in self.votes if 0 < votes < given)

    def share(self, number: int | None) -> float:
        """Votes of a class among all that were cast; 0 for no answer."""
        return 0.0 if number is None or not self.cast else self.votes[number] / self.cast


Comparable = Literal["key", "formula", "yes or no"]
"""How two answers are found to be the same: by their keys alone, or by comparing what they mean."""


@dataclass
class _Class:
    """Answers that are the same, by their places."""

    places: list[int]
    text: str
    votes: int
    how: Comparable
    doubtful: bool = False

    @property
    def rank(self) -> tuple[int, int, str]:
        return -self.votes, len(self.text), self.text

    def take(self, other: _Class) -> None:
        """Joins the other to this one, written as the shorter of both."""
        self.places += other.places
        self.votes += other.votes
        if (len(other.text), other.text) < (len(self.text), self.text):
            self.text, self.how = other.text, other.how


@dataclass
class _Comparing:
    """Merges classes that mean the same, as long as the comparisons last."""

    leaders: list[_Class] = field(default_factory=list)
    left: int = COMPARISONS

    def add(self, new: _Class) -> None:
        """Joins the first class that is the same; else stands alone."""
        unsure = []
        for leader in self.leaders:
            same = self._same(leader, new)
            if same:
                leader.take(new)
                return
            if same is None:
                unsure.append(leader)
        for each in [*unsure, new] if unsure else []:
            each.doubtful = True
        self.leaders.append(new)

    def _same(self, leader: _Class, new: _Class) -> bool | None:
        """A formula is taken as the expected answer: in a reply it might be read as the last number in it. So is yes or no."""
        if leader.how == new.how == "key" or "yes or no" == leader.how == new.how:
            return False
        expected, given = (leader, new) if leader.how != "key" else (new, leader)
        if expected.how == "yes or no":
            return same_answer(expected.text, given.text)
        return self._same_formula(expected, given)

    def _same_formula(self, expected: _Class, given: _Class) -> bool | None:
        if self.left <= 0:
            return None
        same = same_answer(expected.text, given.text)
        self.left -= UNDECIDED if same is None else 1
        return same


def count_votes(answers: Sequence[str | None], voting: Sequence[bool] | None = None) -> Vote:
    """The vote of replies by their final answers.

    Args:
        answers: the final answer of each reply, as `final_answer` finds it; None where it has none.
        voting: whether each has a vote; all unless said. The others are only told which class they are in.
    """
    voting = [True] * len(answers) if voting is None else voting
    found = equivalence_classes(answers, voting)
    of = {place: number for number, each in enumerate(found) for place in each.places}
    return Vote(
        classes=tuple(of.get(place) for place in range(len(answers))),
        votes=tuple(each.votes for each in found),
        texts=tuple(each.text for each in found),
        cast=sum(voting),
        doubtful=frozenset(number for number, each in enumerate(found) if each.doubtful),
    )


def equivalence_classes(answers: Sequence[str | None], voting: Sequence[bool]) -> list[_Class]:
    """The classes of the answers there are, most votes first, then by their text."""
    by_key: dict[Decimal | str, _Class] = {}
    for place, answer in enumerate(answers):
        if answer is not None and (key := canonical(answer)) != "":
            new = _Class([place], answer.strip(), int(voting[place]), comparable(answer))
            if key in by_key:
                by_key[key].take(new)
            else:
                by_key[key] = new
    words = [each for key, each in by_key.items() if isinstance(key, str)]
    comparing = _Comparing()
    for each in sorted([*_close_numbers(by_key), *words], key=lambda each: each.rank):
        comparing.add(each)
    return sorted(comparing.leaders, key=lambda each: each.rank)


def canonical(answer: str) -> Decimal | str:
    """What is the same for spellings of one answer: the number it is, else its text; empty where it says nothing."""
    number = as_number(answer)
    if number is not None:
        return number
    text = unicodedata.normalize("NFKC", answer)
    if comparable(text) == "formula":
        return "".join(text.split()).rstrip(".").strip("$")
    text = " ".join(text.casefold().split()).strip(" .,;:!?\"'*`")
    letter = text.strip("()[]")
    return letter if len(letter) == 1 and letter.isalpha() else TRUTH.get(text, text)


def comparable(answer: str) -> Comparable:
    """What an answer is compared by. A formula looks like mathematics beyond a plain number, and is short enough to be some."""
    if len(answer) > LONGEST_FORMULA or as_number(answer) is not None:
        return "key"
    if answer.casefold().strip(" .!") in {*TRUTH, *TRUTH.values()}:
        return "yes or no"
    return "formula" if any(sign.isdigit() or sign in "\\^√π∞=" for sign in answer) else "key"


def _close_numbers(by_key: dict[Decimal | str, _Class]) -> list[_Class]:
    """Numbers within the tolerance of the least of them are one class: no order of replies matters."""
    found: list[tuple[str, _Class]] = []
    for number in sorted(key for key in by_key if isinstance(key, Decimal)):
        text = f"{number:f}"
        if found and same_answer(found[-1][0], text):
            found[-1][1].take(by_key[number])
        else:
            found.append((text, by_key[number]))
    return [each for _, each in found]
