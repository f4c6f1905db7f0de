"""The rows of the six tables. A line under a field is what `make show` says of the column.

Tables are narrow and joined by id; a verdict never becomes a column, so a new filter changes no schema.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BLANK_LINES = re.compile(r"\A\s*\n")
"""Those that a text begins with."""


class AsJson:
    """Marks a field which the table holds as JSON text, since its shape differs from row to row."""


Limit = Annotated[int, Field(gt=0, lt=2**63)]
"""A number of rows to stop at; Python counts no further."""


class Frozen(BaseModel):
    """A frozen model with nothing beside its named fields; the line under a field is its description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Record(Frozen):
    """One row of a table."""


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    """Who speaks."""
    content: str
    """What is said."""


class Span(Record):
    """Part of the last message's text, in characters."""

    start: int
    """First character."""
    end: int
    """One past the last character."""


Decision = Literal["keep", "drop", "unverifiable"]


class Task(Record):
    """One input: what a teacher is asked about, and what is known to be true of the answer."""

    id: str
    """Hash of kind, context and prompt: the same input has the same id in every run, whatever file it lies in."""
    source: str
    """Where it comes from, as `kind:place`."""
    split: str
    """train and dev are given to the teacher; test, ood and others are for evaluation alone."""
    kind: str
    """What sort of task it is; methods and filters can be limited to kinds."""
    prompt: str
    """The question or instruction as the source has it, before any template."""
    context: str = ""
    """What belongs before the prompt: a passage, or demonstrations a line each."""
    answer: str | None = None
    """The right answer where the source knows it."""
    choices: list[str] | None = None
    """The options of a multiple-choice question."""
    constraints: Annotated[list[dict[str, Any]] | None, AsJson] = None
    """Checkable demands on the reply, with IFEval's names, as JSON."""
    extra: Annotated[dict[str, Any], AsJson] = {}
    """Everything else of the source's row, as JSON; `history` holds earlier turns."""


class Response(Record):
    """One model call of this run."""

    key: str
    """Hash of everything that determined the reply; the store knows it by this."""
    task_id: str
    """The task it was asked for."""
    role: str
    """What the model was asked as: teacher, judge, student."""
    template: str
    """The template that made the prompt."""
    template_hash: str
    """Hash of that template's text."""
    provider: str
    """Who answered: a host, `local` or `recorded`."""
    model: str
    """The model's name there."""
    sample: int
    """Number of this sample among those of the same prompt, from 0."""
    messages: list[Message]
    """The rendered prompt, exactly as sent."""
    text: str | None = None
    """The reply without its reasoning; empty where there was an error."""
    reasoning: str | None = None
    """What the model thought before answering, where the provider says it."""
    finish: str
    """stop, length, content_filter, missing (nothing recorded), error (refused for good) or owed (asked again next time)."""
    tokens_in: int | None = None
    """Prompt tokens as the provider counts them."""
    tokens_out: int | None = None
    """Reply tokens as the provider counts them, reasoning included."""
    tokens_reasoning: int | None = None
    """Reply tokens spent on reasoning: the provider's count, else by its share of the characters."""
    tokens_cached: int | None = None
    """Prompt tokens billed at the lower price of the provider's cache, where it says."""
    cost: float | None = None
    """US dollars when the reply was bought; empty where the price is unknown, 0 for a local model."""
    seconds: float = 0.0
    """Time the call took when it was made."""
    logprobs: Annotated[list[dict[str, Any]] | None, AsJson] = None
    """For each token of the reply `token`, `logprob` and `top`, where the recipe asks for them, as JSON."""
    error: str | None = None
    """What went wrong, in the provider's words."""


class Sample(Record):
    """One candidate for training."""

    id: str
    """Hash of task, method, view and the replies it is made of."""
    task_id: str
    """The task it answers."""
    method: str
    """The method that made it."""
    view: str
    """Which of the method's forms it is."""
    messages: list[Message]
    """What the student will read."""
    target: str
    """What the student shall write."""
    reasoning: str | None = None
    """The teacher's reasoning, where it came apart from the text."""
    answer: str | None = None
    """The final answer it comes to: found in the target, or said by its method, as of a program what it computes."""
    response_keys: list[str]
    """The replies it is made of, by key in 2_responses."""
    finish: str
    """How the last of these replies ended; `invalid` where it is not the JSON asked for."""
    weight: float = 1.0
    """Weight of its loss in training."""
    hinted: bool = False
    """Whether the teacher was told which answer to explain or to come to, right or wrong: such a sample has no vote."""
    loss_spans: list[Span] | None = None
    """Parts of the full target that are trained; all of it where empty."""
    answer_span: Span | None = None
    """Where the final answer stands in the full target, for objectives that compare answers."""
    pair: str | None = None
    """Samples that share it are two rationales of one answer, whose answers training may draw together."""
    negative: bool = False
    """Whether it shows what is wrong; training uses it only where the recipe says how."""

    @property
    def full_target(self) -> str:
        """What the student shall write, its thoughts in tags before it.

        Behind them there is one blank line, whatever stood there: providers that take thoughts apart leave line breaks in the
        text, and templates such as Qwen3's write their own. The margin of the first line stays, since it may be code.
        """
        if not self.reasoning:
            return self.target
        return f"<think>\n{self.reasoning.strip()}\n</think>\n\n{BLANK_LINES.sub('', self.target)}"


class Verdict(Record):
    """One filter's word on one sample."""

    sample_id: str
    """The sample judged."""
    filter: str
    """The filter's name, numbered when a recipe uses it twice."""
    decision: Decision
    """keep, drop, or unverifiable: nobody could tell."""
    score: float | None = None
    """The number the decision rests on, where there is one."""
    reason: str
    """A short phrase, the same for every sample decided for this reason."""
    detail: str = ""
    """What it was in this sample."""


class Example(Record):
    """One training example."""

    id: str
    """Hash of the sample and the messages."""
    sample_id: str
    """The sample it comes from."""
    task_id: str
    """The task it answers."""
    method: str
    """The method that made it."""
    view: str
    """Which of the method's forms it is."""
    split: str
    """train, or dev for the loss that is only watched."""
    messages: list[Message]
    """The conversation, the assistant's answer last."""
    weight: float
    """Weight of its loss."""
    loss_spans: list[Span] | None = None
    """Parts of the answer that are trained; all of it where empty."""
    answer_span: Span | None = None
    """Where the final answer stands in the answer."""
    pair: str | None = None
    """Examples that share it are two rationales of one answer."""
    negative: bool = False
    """Whether it shows what is wrong."""
    tokens: int
    """Tokens of all messages by the student's tokenizer, without the template's own."""


class Item(Task):
    """One evaluated item, as the models were asked."""

    benchmark: str
    """What it belongs to, as `source:split`, with `+change` where it was changed on purpose."""
    original: str | None = None
    """The item it was made from by such a change."""
    change: str | None = None
    """What was done to it: typos, distractor, reordered or numbers."""


class Speed(Record):
    """How fast one model answers on this machine, one request after the other."""

    model: str
    """base, distilled, teacher, …"""
    device: str
    """Where it computed: cpu, cuda or mps."""
    parameters: int
    """Its weights."""
    items: int
    """Replies that were timed."""
    latency: float
    """Median seconds of a reply alone."""
    tokens_per_second: float
    """Tokens written a second, one reply after the other."""


class Grade(Record):
    """One graded reply of one model to one item."""

    benchmark: str
    """What was asked, as `source:split`, with `+change` where the items were changed on purpose."""
    task_id: str
    """The item."""
    kind: str
    """The item's kind."""
    level: str | None = None
    """How hard the item is, by the field of the task that `evaluation.by` names."""
    model: str
    """base, gold_labels, teacher_labels, control, distilled, teacher; `distilled@25%` is of a quarter of the corpus."""
    seed: int = 0
    """Seed of the training; 0 where nobody trained it."""
    mode: str
    """How it was asked: greedy, sampled, or swapped (another rationale was put into its mouth)."""
    sample: int = 0
    """Number of the sample among those of the item."""
    key: str
    """Hash of all that determined the reply."""
    finish: str | None = None
    """How the reply ended, such as stop or length; empty where an outside harness does not say."""
    text: str
    """The reply."""
    prediction: str | None
    """The answer found in it; empty where there is none."""
    expected: str | None
    """The right answer, or the constraints; where the rationale was swapped, what follows from it."""
    correct: bool | None
    """Whether it is right, as the filters judge; empty where nobody can tell."""
    strict: bool | None = None
    """Whether it is right, and in the form that was asked for: the answer behind the marker, constraints met as they stand."""
    loose: bool | None = None
    """Whether it is right by the most lenient reading: constraints met by any of IFEval's loosened texts."""
    met: list[bool | None] | None = None
    """For each constraint, whether it is met as it stands."""
    met_loosely: list[bool | None] | None = None
    """For each constraint, whether any loosened text meets it."""
    tokens_in: int | None = None
    """Prompt tokens."""
    tokens_out: int | None = None
    """Reply tokens."""
    cost: float | None = None
    """US dollars when the reply was bought."""
    seconds: float
    """Time the call took when it was made."""
