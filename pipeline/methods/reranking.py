"""A student that says what helps: of what was found for a question, a passage or a solved task, whether it is of use.

In training the teacher's replies tell what was of use, and the student learns yes and no. In the evaluation it is asked of each
candidate before it answers; those it says yes to come first. So a retriever is distilled into the student itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from pipeline.answers.words import said_truth
from pipeline.methods.distillation import Put
from pipeline.methods.replies import first_unusable, joined
from pipeline.prompts import Prompt
from pipeline.records import Response

USEFUL, USELESS = "yes", "no"
RERANKER = "reranker"
"""The view in which they are learned."""
Candidate = TypeVar("Candidate")


async def answer_with_the_useful(
    candidates: Sequence[Candidate],
    count: int,
    judging: Callable[[Candidate], Prompt],
    answering: Callable[[Sequence[Candidate]], Prompt],
    put: Put,
) -> Response:
    """The student's reply with the `count` candidates that it says are of use, filled up with the nearest of the others.

    Args:
        candidates: the nearest first.
        judging: asks whether one is of use.
        answering: asks the question with those that were taken.
    """
    words = list(await asyncio.gather(*(put(judging(each)) for each in candidates))) if len(candidates) > count else []
    if unusable := first_unusable(words):
        return unusable
    useful = {place for place, word in enumerate(words) if said_truth(word.text or "")}
    places = sorted(range(len(candidates)), key=lambda place: (place not in useful, place))[:count]
    reply = await put(answering([candidates[place] for place in places]))
    return reply if first_unusable([reply]) else joined([*words, reply], reply.text or "")
