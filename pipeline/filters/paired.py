"""Keeps of each pair the two right rationales that differ most, as MCC-KD chooses them (Chen et al. 2023, arXiv 2310.14747).

In: the samples of one task, of which those that share `pair` are candidates. Difference is 1 minus the Jaccard similarity of
word 3-grams; in a tie the earlier two stay. A rationale that is alone, or a copy of the only other, teaches no agreement and
goes. So do wrong ones, where the task says what is right; where it does not, the filters before say it. Samples without `pair`
are none of its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar, Literal

from pipeline.answers.grading import grade_answer
from pipeline.filters.diverse import jaccard, word_ngrams
from pipeline.filters.verdicts import GroupFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class Paired(GroupFilter):
    """Is one of the two that differ most; the score is how much they do."""

    source: ClassVar[str] = "Chen et al. 2023 (MCC-KD), arXiv 2310.14747; Jaccard of word 3-grams as in mentor-kd"
    filter: Literal["paired"]
    """One of the two most different right rationales."""

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        words = [_fitness(task, sample) for sample in samples]
        fitting: dict[str, list[int]] = {}
        for place, (sample, word) in enumerate(zip(samples, words, strict=True)):
            if word.decision == "keep" and sample.pair is not None:
                fitting.setdefault(sample.pair, []).append(place)
        for places in fitting.values():
            for place, word in _chosen([samples[place].target for place in places]).items():
                words[places[place]] = word
        return words


def _fitness(task: Task, sample: Sample) -> Word:
    """Whether a sample may be one of two, by itself."""
    if sample.pair is None:
        return keep("of no pair")
    if sample.answer_span is None:
        return drop("its answer has no place of its own")
    right = grade_answer(task, sample.target).correct if task.answer is not None else True
    if right is None:
        return unverifiable("nobody can tell whether it is right")
    return keep("may be one of two") if right else drop("wrong answer")


def _chosen(texts: Sequence[str]) -> dict[int, Word]:
    """The word on each of the right rationales of one pair, by place."""
    features = [word_ngrams(text) for text in texts]
    apart = {couple: 1 - jaccard(*(features[each] for each in couple)) for couple in combinations(range(len(texts)), 2)}
    best = max(apart, key=lambda couple: (apart[couple], [-each for each in couple]), default=None)
    if best is None:
        return {0: drop("no other right rationale")}
    if not apart[best]:
        return dict.fromkeys(range(len(texts)), drop("the other right rationales say the same", 0.0))
    words = dict.fromkeys(range(len(texts)), drop("two others differ more", apart[best]))
    return words | dict.fromkeys(best, keep("one of the two that differ most", apart[best]))
