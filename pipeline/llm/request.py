"""What goes through the door and what comes back, the same for every backend."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from pipeline.identity import canonical_json, json_hash
from pipeline.records import AsJson, Frozen, Message

SCORED: dict[str, Any] = {"type": "token_logprobs"}
"""Response format that asks for no text: the reply's `logprobs` are those of the last message's tokens, given the messages
before it. Where none is before it they are unconditional, and a first token with nothing before it is left out."""
REWARDED: dict[str, Any] = {"type": "reward"}
"""Response format that asks a reward model about the conversation; the reply's text is the number."""
EMBEDDED: dict[str, Any] = {"type": "embedding"}
"""Response format that asks for the mean of the last layer over the messages' tokens: base64 of float32, lowest byte first."""
COMPUTED = ("token_logprobs", "reward", "embedding")
"""Types of the response formats above: numbers of texts that are there, which only a model in this process computes."""


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
    top_k: PositiveInt | None = None
    """Only the so many likeliest tokens; not every endpoint knows it."""
    min_p: float | None = Field(None, ge=0, le=1)
    """Only tokens with at least this share of the likeliest one's probability; not every endpoint knows it."""
    repetition_penalty: float | None = Field(None, gt=0)
    """Divisor for tokens that are already there; not every endpoint knows it."""
    top_logprobs: NonNegativeInt | None = None
    """How many log-probabilities to record at each token of the reply, beside its own."""
    chat_template_kwargs: dict[str, Any] | None = None
    """Arguments of the model's chat template, such as `enable_thinking: false`."""
    extra_body: dict[str, Any] | None = None
    """Further fields of the request, sent as they are, such as `reasoning_effort: high`."""

    @cached_property
    def canonical(self) -> str:
        """The fields that are given, as canonical JSON; one object samples thousands of replies."""
        return canonical_json(self.model_dump(exclude_none=True))

    def __copy__(self) -> Sampling:
        copied = super().__copy__()
        copied.__dict__.pop("canonical", None)  # it is the original's
        return copied

    def over(self, other: Sampling) -> Sampling:
        """`other` with the fields given here put in their place."""
        return other.model_copy(update=self.model_dump(exclude_none=True))

    def for_computing(self) -> Sampling:
        """What of it decides numbers that are computed of texts: the arguments of the chat template, nothing else."""
        return Sampling(chat_template_kwargs=self.chat_template_kwargs)


class Price(Frozen):
    """US dollars for a million tokens."""

    input: NonNegativeFloat
    """Prompt tokens."""
    cached_input: NonNegativeFloat | None = None
    """Prompt tokens the provider had in its cache; as `input` unless said."""
    output: NonNegativeFloat
    """Reply tokens, reasoning included."""
    batch_discount: float = Field(0.0, ge=0, le=1)
    """Share taken off in batch files: 0.5 is half price."""

    def of(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        """Dollars for so many tokens; `tokens_cached` are part of `tokens_in`."""
        cached = min(tokens_cached, tokens_in)
        cached_input = self.input if self.cached_input is None else self.cached_input
        return ((tokens_in - cached) * self.input + cached * cached_input + tokens_out * self.output) / 1e6

    def discounted(self) -> Price:
        """The price in batch files."""
        share = 1 - self.batch_discount
        cached_input = None if self.cached_input is None else self.cached_input * share
        return Price(input=self.input * share, cached_input=cached_input, output=self.output * share)


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
        recorded = identity["provider"] == "recorded"
        messages = [] if recorded else [{"role": each.role, "content": each.content} for each in self.messages]
        response_format = "null" if self.response_format is None else canonical_json(self.response_format)
        question = canonical_json({"question": self.question}) if recorded else "{}"
        who, asked = _canonical_identity(tuple(identity.items())), canonical_json(messages)
        return json_hash(f"[{who},{asked},{self.sampling.canonical},{response_format},{self.sample},{question}]")


def computed(response_format: dict[str, Any] | None) -> str | None:
    """Which of `COMPUTED` a response format asks for, if any."""
    kind = (response_format or {}).get("type")
    return kind if kind in COMPUTED else None


@lru_cache(maxsize=64)
def _canonical_identity(items: tuple[tuple[str, str], ...]) -> str:
    """The identity of a model as canonical JSON; there are few models and many requests."""
    return canonical_json(dict(items))


def whole(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair, which JSON lets through, becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(whole)]


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
    tokens_cached: int | None = None
    """Prompt tokens the provider had in its cache and bills at a lower price."""
    logprobs: Annotated[list[dict[str, Any]] | None, AsJson] = None
    """For each token of the reply `token`, `logprob` and `top`, the likeliest tokens with theirs, where asked for."""
    cost: float | None = None
    """US dollars, empty where unknown."""
    seconds: float = 0.0
    """Time the call took."""
    error: Text | None = None
    """Why there is no text, for outcomes that asking again would not change."""
