"""What goes through the door and what comes back, the same for every backend."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveInt

from pipeline.identity import content_hash
from pipeline.records import Frozen, Message


class Sampling(Frozen):
    """How the model samples. A field left empty is not sent, so the endpoint's own default holds."""

    temperature: NonNegativeFloat | None = None
    """0 is greedy."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Nucleus: the smallest set of tokens with this probability."""
    max_tokens: PositiveInt | None = None
    """Longest reply in tokens."""
    stop: tuple[str, ...] | None = None
    """Texts that end the reply; they are not part of it."""
    seed: int | None = None
    """Seed of the sampling, where the endpoint honours it."""
    presence_penalty: float | None = None
    """Penalty on tokens that are already there."""
    frequency_penalty: float | None = None
    """Penalty that grows with how often a token is there."""

    def over(self, other: Sampling) -> Sampling:
        """`other` with the fields given here put in their place."""
        return other.model_copy(update=self.model_dump(exclude_none=True))


class Price(Frozen):
    """US dollars for a million tokens."""

    input: NonNegativeFloat
    """Prompt tokens."""
    output: NonNegativeFloat
    """Reply tokens, reasoning included."""

    def of(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


class Request(Frozen):
    """One question to one model."""

    messages: tuple[Message, ...]
    """The rendered prompt."""
    sampling: Sampling
    """How to sample."""
    response_format: dict[str, Any] | None = None
    """Structured output, as the OpenAI protocol has it."""
    sample: int = 0
    """Number of this sample among those of the same prompt."""
    question: str = ""
    """The task's own prompt before any template: what recorded answers are found by. Decides nothing else."""

    def key(self, identity: dict[str, str]) -> str:
        """Hash of all that determines the reply; `identity` is the model's."""
        question = {"question": self.question} if identity["provider"] == "recorded" else {}
        messages = [] if question else [message.model_dump() for message in self.messages]
        return content_hash(
            identity, messages, self.sampling.model_dump(), self.response_format, self.sample, question
        )  # fmt: skip


def _whole(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair, which JSON lets through, becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(_whole)]


class Reply(Frozen):
    """What came back, as it is remembered."""

    text: Text | None = None
    """The reply without its reasoning."""
    reasoning: Text | None = None
    """The reasoning, where the provider says it."""
    finish: str = "stop"
    """stop, length, content_filter, missing or error."""
    tokens_in: int | None = None
    """Prompt tokens."""
    tokens_out: int | None = None
    """Reply tokens, reasoning included."""
    tokens_reasoning: int | None = None
    """Reply tokens spent on reasoning."""
    cost: float | None = None
    """US dollars, empty where unknown."""
    seconds: float = 0.0
    """Time the call took."""
    error: Text | None = None
    """Why there is no text, for outcomes that asking again would not change."""
