"""A sentence with a number that has nothing to do with the story, before its question; the right answer stays.

As in GSM-IC (Shi et al. 2023, arXiv 2302.00093), whose models follow what is irrelevant. The sentence speaks of nothing that
the prompt speaks of, and its number stands neither in the prompt nor as the answer. Only stories get one: facts, a question and
a number as the answer.
"""

from __future__ import annotations

import random
import re

from pipeline.answers.final import final_answer
from pipeline.answers.numbers import as_number
from pipeline.changes.wording import facts_and_question, rewritten
from pipeline.records import Task

SENTENCES = (
    "The lighthouse by the cape was painted {n} years ago.",
    "A clock tower in another town rises {n} meters.",
    "The museum across the border owns {n} statues.",
    "A comet was seen over the desert for {n} nights.",
    "The oldest oak of the valley carries {n} nests.",
    "An opera in the capital lasts {n} minutes.",
    "The library of a distant island lends {n} atlases.",
    "A volcano far away smoked for {n} hours.",
)
"""Each with things of its own, so that some fit any story."""
SMALLEST, LARGEST = 12, 97


def with_distractor(task: Task, rng: random.Random) -> Task | None:
    """The task with such a sentence; None where it is no story."""
    parts, answer = facts_and_question(task.prompt), final_answer(task.answer or "")
    if parts is None or not parts[0] or as_number(answer or "") is None:
        return None
    said = _stems(f"{task.context} {task.prompt} {answer}")
    fitting = [sentence for sentence in SENTENCES if not _stems(sentence) & said]
    numbers = [number for number in range(SMALLEST, LARGEST + 1) if str(number) not in said]
    if not fitting or not numbers:
        return None
    _, (start, _) = parts
    sentence = rng.choice(fitting).format(n=rng.choice(numbers))
    return rewritten(task, f"{task.prompt[:start]}{sentence} {task.prompt[start:]}")


def _stems(text: str) -> set[str]:
    """The first four letters of its longer words, and its numbers."""
    return {word[:4].lower() for word in re.findall(r"[A-Za-z]{4,}", text)} | set(re.findall(r"\d+", text))
