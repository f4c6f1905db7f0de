"""Keeps the best of the replies to a task by a rule of its own: the shortest, the longest, or the most agreed on.

Agreement is the mean similarity to the other replies (Jaccard of word 3-grams): what several draws say alike is seldom a slip.
Samples of one method and view compete, as a label is always shorter than a rationale. In a tie the earlier one wins. A filter
does not see other filters' verdicts: the best by a reward model's or a judge's score is chosen by `selection`, which ranks by
them. The filters that drop wrong replies shall stand before it, else the shortest may be a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import PositiveInt

from pipeline.filters.diverse import Features, jaccard, same_form, word_ngrams
from pipeline.filters.verdicts import GroupFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class BestOfN(GroupFilter):
    """Is among the best replies to its task; the score is its words, or its mean similarity to the others."""

    source: ClassVar[str] = (
        "Stiennon et al. 2020, arXiv 2009.01325 (best of n); Kumar and Byrne 2004, minimum Bayes risk (agreement)"
    )
    filter: Literal["best_of_n"]
    """Among the best."""
    by: Literal["shortest", "longest", "agreement"]
    """What is best: few words, many words, or similarity to the other replies."""
    per_task: PositiveInt = 1
    """At most so many of each task, method and view."""

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        words: list[Word] = [drop("empty")] * len(samples)
        for places in same_form(samples):
            texts = {place: samples[place].target for place in places if samples[place].target.strip()}
            if self.by == "agreement" and len(texts) == 1:
                words[next(iter(texts))] = unverifiable("no other reply to agree with")
                continue
            scores, order = self._ranked(texts)
            for rank, place in enumerate(order):
                words[place] = self._word(rank, len(order), scores[place])
        return words

    def _ranked(self, texts: dict[int, str]) -> tuple[dict[int, float], list[int]]:
        """Scores by place, and the places, best first."""
        if self.by == "agreement":
            scores = mean_similarity({place: word_ngrams(text) for place, text in texts.items()})
            return scores, sorted(texts, key=lambda place: (-scores[place], place))
        lengths = {place: (len(text.split()), len(text)) for place, text in texts.items()}
        sign = 1 if self.by == "shortest" else -1
        order = sorted(texts, key=lambda place: (sign * lengths[place][0], sign * lengths[place][1], place))
        return {place: float(words) for place, (words, _) in lengths.items()}, order

    def _word(self, rank: int, of: int, score: float) -> Word:
        detail = f"rank={rank + 1}/{of}"
        return keep("among the best", score, detail) if rank < self.per_task else drop("a better one stays", score, detail)


def mean_similarity(features: dict[int, Features]) -> dict[int, float]:
    """Of each to all others, by place; there are at least two."""
    totals = dict.fromkeys(features, 0.0)
    places = list(features)
    for number, place in enumerate(places):
        for other in places[number + 1 :]:
            similarity = jaccard(features[place], features[other])
            totals[place] += similarity
            totals[other] += similarity
    return {place: total / (len(places) - 1) for place, total in totals.items()}
