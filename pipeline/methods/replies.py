"""Methods of several replies: a sample that is made of several, and in the evaluation a reply that is.

In: the replies to one task, in the order in which they were asked for. Out: one sample, whose id tells which of a reply's
samples it is; or one response with what all of them took, so that a student who needs five turns is billed for five.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.answers.votes import count_votes
from pipeline.identity import content_hash, short_id
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task

LOST = ("owed", "missing", "error")
UNUSABLE = (*LOST, "content_filter")
"""How replies end that say nothing of who was asked; in an evaluation, one the provider stopped says nothing either."""


def is_lost(reply: Response) -> bool:
    """Whether there is no reply to make a sample of."""
    return reply.text is None or reply.finish in LOST


def first_unusable(replies: Iterable[Response]) -> Response | None:
    """The first of a student's replies without which nothing can be graded."""
    return next((each for each in replies if each.text is None or each.finish in UNUSABLE), None)


def sample_of(
    task: Task, method: str, view: str, prompt: Prompt, target: str, replies: Sequence[Response], part: int = 0, **fields: Any
) -> Sample:  # fmt: skip
    """A sample made of these replies.

    Args:
        part: its number where a view has several of one reply.
        fields: further fields of the sample; `finish` is that of the last reply unless said.
    """
    keys = [reply.key for reply in replies]
    named = [task.id, method, view, prompt.template_hash, keys, *([part] if part else [])]
    given = {"finish": replies[-1].finish if replies else "stop"} | fields
    return Sample(
        id=short_id("sample", *named), task_id=task.id, method=method, view=view, messages=list(prompt.messages), target=target,
        response_keys=keys, **given,
    )  # fmt: skip


def elected(answers: Sequence[str | None]) -> str | None:
    """The answer that most give, as the first of them says it; of several with as many votes, the first."""
    vote = count_votes([answer or None for answer in answers])
    most = max(vote.votes, default=0)
    leading = (
        answer
        for answer, number in zip(answers, vote.classes, strict=True)
        if number is not None and vote.votes[number] == most
    )
    return next(leading, None)


def joined(replies: Sequence[Response], text: str) -> Response:
    """One reply that says `text`, made of all these, and took what they took; cut where one of them was."""
    last = replies[-1]
    return last.model_copy(
        update={
            "text": text,
            "key": last.key if len(replies) == 1 else content_hash([each.key for each in replies]),
            "finish": next((each.finish for each in replies if each.finish != "stop"), last.finish),
            "tokens_in": total([each.tokens_in for each in replies]),
            "tokens_out": total([each.tokens_out for each in replies]),
            "tokens_reasoning": total([each.tokens_reasoning for each in replies]),
            "cost": total([each.cost for each in replies]),
            "seconds": sum(each.seconds for each in replies),
            "logprobs": None,
        }
    )


def total(values: Sequence[Any]) -> Any:
    """The sum; None where one of them is not known."""
    return None if None in values else sum(values)
