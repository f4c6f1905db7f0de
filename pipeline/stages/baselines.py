"""Corpus to bare answers: the same questions, and nothing but the right answer to learn, or the answer the teacher gave.

In: the samples of the corpus with their tasks. Out: for each task one sample that reads what the first of them reads, once with
the task's answer (`5_gold_labels`) and once with the one most of them end with (`5_teacher_labels`). What the students of these
tables know less than the distilled one is what the teacher's rationales are worth (Hsieh et al. 2023, arXiv 2305.02301, compare
with both). A task whose answer is not known, such as an instruction with constraints, has neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from pipeline.answers.final import AROUND_JSON, said_answer
from pipeline.answers.labels import right_answer
from pipeline.answers.markers import after_marker
from pipeline.answers.votes import count_votes
from pipeline.methods.negative_aware import CORRECTION
from pipeline.methods.reranking import RERANKER
from pipeline.methods.scott import COUNTERFACTUAL
from pipeline.records import Sample, Task

GOLD, TEACHER = "5_gold_labels", "5_teacher_labels"
LABELS = (GOLD, TEACHER)
ELSEWHERE = (COUNTERFACTUAL, CORRECTION, RERANKER)
"""Views that are no answers to the question: to a wrong one it was told, to an attempt, to whether something is of use."""


def label_samples(rows: Iterable[tuple[Task, Sample]]) -> dict[str, list[tuple[Sample, str]]]:
    """What the two tables are made of: samples with their splits, at most one a task.

    Args:
        rows: samples of the corpus, those of a task together.
    """
    made: dict[str, list[tuple[Sample, str]]] = {name: [] for name in LABELS}
    answering = ((task, sample) for task, sample in rows if not sample.negative and sample.view not in ELSEWHERE)
    for _, group in groupby(answering, lambda each: each[0].id):
        some = list(group)
        (task, first), samples = some[0], [sample for _, sample in some]
        for table, answer in ((GOLD, right_answer(task)), (TEACHER, given_answer(samples))):
            if answer:
                made[table].append((labelled(first, answer), task.split))
    return made


def given_answer(samples: Sequence[Sample]) -> str | None:
    """The answer that most samples end with; of several with as many votes, the first."""
    answers = [sample.answer for sample in samples]
    vote = count_votes(answers)
    leading = {number for number, votes in enumerate(vote.votes) if votes == max(vote.votes)}
    return next((answer for answer, number in zip(answers, vote.classes, strict=True) if number in leading), None)


def labelled(sample: Sample, answer: str) -> Sample:
    """The sample with nothing but an answer as its target."""
    bare = {"reasoning": None, "answer": answer, "loss_spans": None, "answer_span": None, "pair": None}
    return sample.model_copy(update=bare | {"target": worded(answer, sample.target)})


def worded(answer: str, like: str) -> str:
    """An answer in the form a target has its own in: a JSON object, a sentence with a marker, or by itself."""
    if like.rstrip(AROUND_JSON).endswith("}") and said_answer(like) != like:
        return json.dumps({"answer": answer}, ensure_ascii=False)
    return answer if after_marker(like) is None else f"The answer is {answer}."
