"""Asks for the numbers a local model has for a sample, through the door like every other question, and reads the replies.

In: messages, the assistant's last. Out: the log-probabilities of the last one's tokens, or a word that says why there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Self

from pipeline.filters.judgement import DETAIL, failure
from pipeline.filters.verdicts import AsksOfEach, Word, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.request import SCORED
from pipeline.prompts import Prompt
from pipeline.records import Message, Response, Task


class ScoredByStudent(AsksOfEach):
    """A filter that asks a local model for numbers: the student as it is before training, unless said."""

    def for_student(self, student: str) -> Self:
        return self.model_copy(update={"model": self.model or LocalModel(backend="local", model=student)})


def texts(name: str, *messages: Message) -> Prompt:
    """Messages that no template made; `name` is what the table calls their template."""
    return Prompt(messages, name, "")


def assistant(text: str) -> Message:
    return Message(role="assistant", content=text)


async def log_probabilities(ask: Ask, task: Task, prompt: Prompt) -> list[float] | Word:
    """Log-probabilities of the last message's tokens given the messages before it; of none where it is empty."""
    response = await ask(prompt, task=task, response_format=SCORED)
    if reason := failure(response):
        return unverifiable(reason, (response.error or "")[:DETAIL])
    if response.logprobs is None:
        return unverifiable("the reply has no log-probabilities", f"{response.provider}: {response.model}")
    return [float(each["logprob"]) for each in response.logprobs]


def loss(logprobs: Sequence[float]) -> float:
    """Mean negative log-likelihood of a token, in nats."""
    return -fmean(logprobs)


def refusal(response: Response) -> Word | None:
    """The word on a sample whose call brought nothing."""
    reason = failure(response)
    return unverifiable(reason, (response.error or "")[:DETAIL]) if reason else None
