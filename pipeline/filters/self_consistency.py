"""Keeps replies whose final answer most replies to the task agree on: self-consistency (Wang et al. 2022, arXiv 2203.11171).

Needs no right answer. Votes are counted over classes of equal answers; a reply without one counts among all, for nobody, and so
does a refusal or a sentence that marks no answer. The samples of one method vote together, whatever their views, but a reply
shown in several views has one vote: it is one draw of the teacher. Another method asks something else and votes by itself. A
sample whose teacher was told the answer has no vote and is judged by the others'. A tie, or too few replies, decides nothing.
The vote is over what the filters before left: those that drop wrong answers shall stand after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from pipeline.answers.ballots import answer_of, one_per_reply, reply_of
from pipeline.answers.votes import Vote, count_votes
from pipeline.filters.verdicts import GroupFilter, Negatives, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

LONGEST_WINNER = 80
DETAIL = re.compile(r"votes=(\d+)/(\d+) margin=(\d+) entropy=([\d.]+) winner=(.*)", flags=re.DOTALL)


class SelfConsistency(GroupFilter):
    """The final answer is the one most replies give; the score is the share of votes that the sample's own answer has."""

    source: ClassVar[str] = "Wang et al. 2022, arXiv 2203.11171"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["self_consistency"]
    """Agrees with the majority."""
    min_share: float = Field(0.5, gt=0, le=1)
    """Least share of all replies that the winning answer must have."""
    min_margin: PositiveInt = 1
    """Votes by which it must lead the second."""
    min_samples: int = Field(2, ge=2)
    """Fewer replies than this are no vote, nor are fewer with an answer."""

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        methods = dict.fromkeys(sample.method for sample in samples)
        words = {method: self._words(task, [each for each in samples if each.method == method]) for method in methods}
        return [words[sample.method][reply_of(sample)] for sample in samples]

    def _words(self, task: Task, samples: Sequence[Sample]) -> dict[tuple[str, ...], Word]:
        """The word on each reply of one method."""
        ballots = one_per_reply(samples)
        answers = [answer_of(task, sample) for sample in ballots.values()]
        vote = count_votes(answers, [not sample.hinted for sample in ballots.values()])
        return {reply: self._word(vote, number) for reply, number in zip(ballots, vote.classes, strict=True)}

    def _word(self, vote: Vote, number: int | None) -> Word:
        """The word on a reply whose answer is in a class."""
        detail = str(tally(vote))
        if vote.cast < self.min_samples:
            return unverifiable("too few replies to vote", detail)
        if not any(vote.votes):
            return unverifiable("no reply has an answer", detail)
        if sum(vote.votes) < self.min_samples:
            return unverifiable("too few replies have an answer", detail)
        if vote.margin == 0:
            return unverifiable("a tie", detail)
        return self._decided(vote, number, detail)

    def _decided(self, vote: Vote, number: int | None, detail: str) -> Word:
        """The word where one class leads. In the worst case all doubtful classes but the first are one."""
        doubt = sum(vote.votes[each] for each in vote.doubtful if each != 0)
        share, margin = vote.share(0), vote.margin
        firm = share >= self.min_share and min(margin, vote.votes[0] - doubt) >= self.min_margin
        if vote.doubtful and (not firm or number in vote.doubtful - {0}):
            return unverifiable("answers cannot be compared", detail)
        if number != 0:
            return drop("another answer wins" if number is not None else "no answer", vote.share(number), detail)
        if firm:
            return keep("the majority's answer", share, detail)
        return drop("share too small" if share < self.min_share else "margin too small", share, detail)


@dataclass(frozen=True)
class Tally:
    """A vote in one line, as the details of verdicts have it; `str` writes what `read_tally` reads."""

    votes: int
    """Votes of the first class."""
    cast: int
    """All votes."""
    margin: int
    """Lead over the second class."""
    entropy: float
    """Of the answers given, in bits."""
    winner: str
    """The winning answer; empty in a tie."""

    def __str__(self) -> str:
        return f"votes={self.votes}/{self.cast} margin={self.margin} entropy={self.entropy:.3f} winner={self.winner}"


def tally(vote: Vote) -> Tally:
    """The line on a vote; what no table can hold of the winner is replaced."""
    winner = " ".join(vote.texts[0][: 2 * LONGEST_WINNER].split()) if vote.margin else ""
    shown = winner[:LONGEST_WINNER].encode("utf-8", "replace").decode()
    return Tally(vote.votes[0] if vote.votes else 0, vote.cast, vote.margin, vote.entropy, shown)


def read_tally(detail: str) -> Tally | None:
    """The vote a verdict's detail speaks of; None where it speaks of none."""
    found = DETAIL.fullmatch(detail)
    if not found:
        return None
    votes, cast, margin, entropy, winner = found.groups()
    return Tally(int(votes), int(cast), int(margin), float(entropy), winner)
