"""The ballots of a vote: which answer each sample gives, and which samples are one and the same draw of the teacher.

A method may show one reply in several views, so samples are not votes: replies are. Of the samples of a reply the one that says
the answer most plainly speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from pipeline.answers.choices import said_choice
from pipeline.answers.final import final_answer, said_answer
from pipeline.answers.formula import formula_in
from pipeline.answers.markers import after_marker
from pipeline.answers.numbers import as_number, is_several
from pipeline.answers.words import said_truth
from pipeline.records import Sample, Task

MOST_WORDS = 5
"""Of an answer that nothing marks as one: `New York` is one, a sentence is none."""
REFUSES = re.compile(
    r"\W*(?:(?:i'?m |i am )?(?:so |very |really )?(?:sorry|afraid|unable|not sure|not certain)\b|no idea\b|unfortunately\b"
    r"|apologies\b|as an ai\b"
    r"|i (?:can'?t|cannot|can not|couldn'?t|could not|don'?t|do not|won'?t|will not|have no idea|apologi[sz]e)\b)",
    flags=re.IGNORECASE,
)
"""How a text begins that gives no answer, however short it is."""


def answer_of(task: Task, sample: Sample) -> str | None:
    """The answer a sample ends with: the option it picks where there are some, else what its method or the target says."""
    if task.choices:
        picked = said_choice(said_answer(sample.target), task.choices)
        return None if picked is None else ascii_uppercase[picked : picked + 1] or task.choices[picked]
    found = final_answer(sample.target)
    if sample.answer is not None and sample.answer != found:
        return sample.answer
    return found if found is not None and (_is_marked(sample.target) or is_plain_answer(found)) else None


def graded_text(sample: Sample) -> str:
    """What is graded of a sample: the answer its method says it comes to, where its target ends with another; else that."""
    return sample.target if sample.answer in (None, final_answer(sample.target)) else sample.answer or ""


def is_plain_answer(answer: str) -> bool:
    """Whether a text that nothing marks is an answer: a number, a formula, yes or no, or a few words, and no refusal."""
    if as_number(answer) is not None or is_several(answer):
        return True
    if REFUSES.match(answer.replace("’", "'")):
        return False
    return len(answer.split(None, MOST_WORDS)) <= MOST_WORDS or said_truth(answer) is not None or formula_in(answer) is not None


def _is_marked(target: str) -> bool:
    said = said_answer(target)
    return after_marker(said) is not None or not target.endswith(said)


def one_per_reply(samples: Sequence[Sample]) -> dict[tuple[str, ...], Sample]:
    """Of samples made of the same replies the one that says the answer most plainly: one reply is one piece of evidence.

    A method may show one reply in several views. The shortest target counts, since a label says the answer and a rationale may
    not; one whose method has found an answer goes before the others.
    """
    found: dict[tuple[str, ...], Sample] = {}
    for sample in samples:
        reply = reply_of(sample)
        if reply not in found or _plainness(sample) < _plainness(found[reply]):
            found[reply] = sample
    return found


def reply_of(sample: Sample) -> tuple[str, ...]:
    """What names the replies a sample is made of."""
    return tuple(sample.response_keys) or (sample.id,)


def _plainness(sample: Sample) -> tuple[bool, int, str, str]:
    return sample.answer is None, len(sample.target), sample.target, sample.id
