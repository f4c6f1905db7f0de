"""Proof that what was generated is what the student trains on: a corpus in the student's own chat template and tokens.

In: training examples. Out: of each the token ids, and which are trained: the assistant's message and the end token, or those
spans of it that the example names. The mask is made here, from where the message stands in the rendering, so that templates
need no generation markers. The first example of which this does not hold stops the training before it begins, with what is
wrong and what to do. `traps` tells apart what templates do, `tokenized` proves that the tokens are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from pipeline.errors import UserError
from pipeline.records import Example, Span
from pipeline.student.tokenized import Tokens, check_tokenizer, faithful, special_tokens, tokenize
from pipeline.student.tokens import token_counter
from pipeline.student.traps import OWN, Rendered, check_reasoning, find_answer

IGNORED = -100
TOGETHER = 500
"""Examples that are tokenized at once."""
AGAIN = "The corpus is not what its method made: remove 3_samples.parquet, and make it again with `make generate`."


@dataclass(frozen=True)
class Encoded:
    """An example as the trainer takes it."""

    input_ids: list[int]
    labels: list[int]
    """The token to predict at each place, or -100 where nothing is trained."""
    weight: float
    answer: list[int]
    """1 for each token of the final answer, else 0."""
    pair: str | None
    """What it shares with the other rationale of its answer."""
    negative: bool
    """Whether it shows what is wrong."""


def prove(examples: Sequence[Example], tokenizer: Any, max_tokens: int) -> list[Encoded]:
    """All of a corpus as the trainer takes it, in its order.

    Args:
        examples: of every split.
        tokenizer: a fast one of `transformers`, loaded from where the student lies.
        max_tokens: the longest example with the template's tokens.

    Raises:
        UserError: an example is not what the student would learn, the corpus is of another tokenizer, or there is none.
    """
    if not any(example.split == "train" for example in examples):
        raise UserError(
            f"the corpus: none of its {len(examples)} examples is of the split train, so there is nothing to learn from",
            "Look at `distill status` for the filter that keeps nothing, or raise source.limit.",
        )
    check_tokenizer(tokenizer)
    _check_counts(examples, tokenizer)
    encoded: list[Encoded] = []
    for start in range(0, len(examples), TOGETHER):
        encoded += _encode_all(examples[start : start + TOGETHER], tokenizer, max_tokens)
    return encoded


def encode(example: Example, tokenizer: Any, max_tokens: int) -> Encoded:
    """One example as the trainer takes it; see `prove`."""
    check_tokenizer(tokenizer)
    return _encode_all([example], tokenizer, max_tokens)[0]


def _check_counts(examples: Sequence[Example], tokenizer: Any) -> None:
    """Makes sure that the corpus was selected with this tokenizer, by its counts.

    Raises:
        UserError: another one counted the tokens of an example.
    """
    texts = [[message.content for message in example.messages] for example in examples]
    counts = iter(token_counter(tokenizer.name_or_path).each([text for some in texts for text in some]))
    for example, some in zip(examples, texts, strict=True):
        tokens = sum(next(counts) for _ in some)
        if tokens != example.tokens:
            raise UserError(
                f"example {example.id}: {example.tokens} tokens where this student's tokenizer "
                f"({tokenizer.name_or_path}) counts {tokens}, so the corpus was selected for another student",
                "Filter and select it for this one: `make filter RECIPE=… STUDENT=…`; the teacher is asked nothing.",
            )


def _encode_all(examples: Sequence[Example], tokenizer: Any, max_tokens: int) -> list[Encoded]:
    special = special_tokens(tokenizer)
    texts: list[tuple[str, str, int]] = []
    for example in examples:
        with _naming(example):
            texts.append(_prompt_and_target(example, tokenizer, special))
    batch = tokenize(tokenizer, [prompt for prompt, _, _ in texts], [target for _, target, _ in texts])
    encoded = []
    for example, (prompt, target, answer), tokens in zip(examples, texts, batch, strict=True):
        with _naming(example):
            kept = faithful(tokens, prompt, target, tokenizer, special)
            _check_end(kept, tokenizer, max_tokens)
            encoded.append(_labelled(example, kept, answer))
    return encoded


@contextmanager
def _naming(example: Example) -> Iterator[None]:
    """Puts the example's place before what is wrong with it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"example {example.id}: {error.what}", error.remedy) from None


def _prompt_and_target(example: Example, tokenizer: Any, special: re.Pattern[str]) -> tuple[str, str, int]:
    """The texts an example becomes, and at which character of the target its answer begins.

    Raises:
        UserError: it has a trap in it, or the template is one.
    """
    for message in example.messages:
        if mark := special.search(message.content):
            raise UserError(
                f"the {message.role}'s message contains {mark.group()!r}, which the tokenizer takes for its special token: "
                f"{message.content[max(0, mark.start() - 30) : mark.end() + 30]!r}",
                "Keep such samples out with the filter `no_template_words`, or take the task out of the source.",
            )
    check_reasoning(example.messages[-1].content)
    text = _rendered(example, tokenizer)
    place = find_answer(text, tokenizer.eos_token, special)
    return text.whole[: place.start], text.whole[place.start : place.stop], place.answer - place.start


def _rendered(example: Example, tokenizer: Any) -> Rendered:
    messages = [{"role": message.role, "content": message.content} for message in example.messages]
    try:
        asked = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
        bare = tokenizer.apply_chat_template(messages[:-1], tokenize=False)
    except (TemplateError, TypeError, ValueError) as error:
        raise UserError(f"the chat template cannot render it: {error}", OWN) from None
    return Rendered(bare, asked, whole, messages[-1]["content"])


def _check_end(tokens: Tokens, tokenizer: Any, max_tokens: int) -> None:
    length = len(tokens.prompt) + len(tokens.target)
    if length > max_tokens:
        raise UserError(
            f"{length} tokens, more than student.max_tokens={max_tokens} or the model's context",
            "Raise student.max_tokens as far as the model goes, or keep long samples out with the filter `length`.",
        )
    if tokens.target[-1] != tokenizer.eos_token_id:
        raise UserError(
            f"its last token is {tokens.target[-1]}, not the end token {tokenizer.eos_token_id}",
            "Without it the student would never stop: mend the tokenizer's eos_token.",
        )


def _labelled(example: Example, tokens: Tokens, answer: int) -> Encoded:
    """The ids with what is trained of them.

    Args:
        answer: the character of the target at which the answer begins; below 0 where the prompt opens its reasoning.
    """
    text = example.messages[-1].content
    trained = [True] * len(tokens.target)
    if example.loss_spans:
        covered = [_covered(span, text, tokens, answer, "loss span") for span in example.loss_spans]
        ends = answer + len(text.rstrip()) if not text[max(span.end for span in example.loss_spans) :].strip() else None
        trained = [
            any(each) or (ends is not None and first >= ends)
            for *each, (first, _) in zip(*covered, tokens.characters, strict=True)
        ]  # fmt: skip
    marked = _covered(example.answer_span, text, tokens, answer, "answer span") if example.answer_span else []
    read = len(tokens.prompt)
    return Encoded(
        input_ids=tokens.prompt + tokens.target,
        labels=[IGNORED] * read
        + [token if is_trained else IGNORED for token, is_trained in zip(tokens.target, trained, strict=True)],
        weight=example.weight,
        answer=[0] * read + [int(each) for each in marked or [False] * len(tokens.target)],
        pair=example.pair,
        negative=example.negative,
    )


def _covered(span: Span, text: str, tokens: Tokens, answer: int, name: str) -> list[bool]:
    """For each token of the target, whether any of its characters lies in a span of the answer.

    A token that lies in it only partly counts: it cannot be learned in part, and without it the span would lose characters.

    Raises:
        UserError: the span lies outside of the answer, or no token in it.
    """
    if not 0 <= span.start < span.end <= len(text):
        raise UserError(f"{name} {span.start} to {span.end} is not inside the answer's {len(text)} characters", AGAIN)
    start, end = span.start + answer, span.end + answer
    found = [first < end and last > start for first, last in tokens.characters]
    if not any(found):
        raise UserError(
            f"{name} {span.start} to {span.end}, {text[span.start : span.end]!r}, covers no token that is trained", AGAIN
        )
    return found
