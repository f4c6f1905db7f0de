"""Proof that what was generated is what the student trains on: renders an example with the student's own chat template.

In: a training example. Out: its token ids, and which of them are trained: the answer and the end token, nothing else.
An example that cannot be rendered so is refused with what is wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from pipeline.errors import UserError
from pipeline.records import Example

IGNORED = -100


@dataclass(frozen=True)
class Encoded:
    """An example as the trainer takes it."""

    input_ids: list[int]
    labels: list[int]
    """The token to predict at each place, or -100 where nothing is trained."""
    weight: float


def encode(example: Example, tokenizer: Any, max_tokens: int) -> Encoded:
    """Token ids and labels of one example.

    Args:
        tokenizer: of `transformers`, with a chat template.
        max_tokens: the longest example.

    Raises:
        UserError: the template changes when it is rendered in two steps, loses the answer or the end token, or the example is
            too long.
    """
    place = f"5_corpus, example {example.id}"
    messages = [message.model_dump() for message in example.messages]
    try:
        asked = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
    except (TemplateError, TypeError, ValueError) as error:
        raise UserError(f"{place}: the student's chat template is broken: {error}", "Mend the template.") from None
    answer = messages[-1]["content"]
    if not whole.startswith(asked):
        raise UserError(
            f"{place}: the student's chat template renders the prompt differently once the answer follows",
            "Use a template whose generation prompt is the start of the assistant's turn.",
        )
    written = whole[len(asked) :]
    if written.count(answer.strip()) < 1:
        raise UserError(f"{place}: the student's chat template changes the answer: {written[:120]!r}", "Mend the template.")
    end = tokenizer.eos_token
    if not end or end not in written:
        raise UserError(
            f"{place}: the student's chat template does not end the answer with the end token {end!r}",
            "Without it the student would never stop: mend the template or the tokenizer's eos_token.",
        )
    written = written[: written.rindex(end) + len(end)]
    prompt = tokenizer.encode(asked, add_special_tokens=False)
    target = tokenizer.encode(written, add_special_tokens=False)
    if len(prompt) + len(target) > max_tokens:
        raise UserError(
            f"{place}: {len(prompt) + len(target)} tokens, more than student.max_tokens={max_tokens} or the model's context",
            "Raise student.max_tokens as far as the model goes, or keep long samples out with the filter `length`.",
        )
    return Encoded(prompt + target, [IGNORED] * len(prompt) + target, example.weight)
