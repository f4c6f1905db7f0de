"""Proves a corpus without training on it; a process of its own: `python -m pipeline.student.prove`, with a job as its input.

In: a job, as JSON on standard input. Out: JSON objects, one a line: the first examples of each method and view token by token,
and the figures of the whole corpus; or what is wrong with it. Only the tokenizer and the model's configuration are loaded.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from transformers import AutoConfig
from transformers.utils import logging

from pipeline.errors import UserError
from pipeline.records import Example
from pipeline.student.job import Job
from pipeline.student.loading import LOAD_ERRORS, load_tokenizer
from pipeline.student.proof import IGNORED, Encoded, prove
from pipeline.student.shown import Proven, Shown, Token
from pipeline.student.tokenized import special_tokens
from pipeline.tables import read_rows

FIRST = 3
"""Examples of each method and view that are shown."""
BROKEN = "\ufffd"
"""What a part of a character is decoded to."""


def main() -> int:
    logging.set_verbosity_error()
    job = Job.model_validate_json(sys.stdin.read())
    try:
        for line in lines(job):
            print(line.model_dump_json(), flush=True)
    except UserError as error:
        print(json.dumps({"error": error.what, "remedy": error.remedy}), flush=True)
        return UserError.exit_code
    return 0


def lines(job: Job) -> Iterator[Shown | Proven]:
    """What is to be said of a corpus, its figures last.

    Raises:
        UserError: it cannot be trained on.
    """
    tokenizer, limit = load_tokenizer(job), _limit(job)
    examples = list(read_rows(job.folder, job.table, Example))
    encoded = prove(examples, tokenizer, limit)
    seen: Counter[tuple[str, str]] = Counter()
    for example, each in zip(examples, encoded, strict=True):
        seen[example.method, example.view] += 1
        if seen[example.method, example.view] <= FIRST:
            yield shown(example, each, tokenizer)
    yield Proven(
        examples=Counter(example.split for example in examples),
        tokens=sum(len(each.input_ids) for each in encoded),
        trained=sum(_trained(each) for each in encoded),
        longest=max(len(each.input_ids) for each in encoded),
        limit=limit,
    )


def _limit(job: Job) -> int:
    """The longest example: what the recipe says, or what the model can read."""
    try:
        config = AutoConfig.from_pretrained(job.model, revision=job.revision).get_text_config()
    except LOAD_ERRORS as error:
        raise UserError(
            f"student.model: {job.model} (revision {job.revision}) has no readable config.json: {str(error).splitlines()[0]}",
            "Name a transformers folder, or a model on the hub that this machine can reach.",
        ) from None
    return min(job.student.max_tokens, getattr(config, "max_position_embeddings", job.student.max_tokens))


def _trained(encoded: Encoded) -> int:
    return sum(label != IGNORED for label in encoded.labels)


def shown(example: Example, encoded: Encoded, tokenizer: Any) -> Shown:
    """An example to look at."""
    told = example.model_dump(include=set(Shown.model_fields) - {"tokens"})
    counts = {"length": len(encoded.input_ids), "trained": _trained(encoded)}
    return Shown(**told, **counts, tokens=tuple(_tokens(encoded, tokenizer)))


def _tokens(encoded: Encoded, tokenizer: Any) -> Iterator[Token]:
    """Each token with what it adds to the text; those that end within a character wait for the next."""
    special = special_tokens(tokenizer)
    written, begin = "", 0
    for end in range(1, len(encoded.input_ids) + 1):
        text = _decoded(tokenizer, encoded.input_ids[:end])
        if text.endswith(BROKEN) and end < len(encoded.input_ids):
            continue
        piece = text[len(written) :]
        yield Token(
            text=piece,
            trained=any(label != IGNORED for label in encoded.labels[begin:end]),
            answer=any(encoded.answer[begin:end]),
            special=bool(special.fullmatch(piece.strip())),
        )
        written, begin = text, end


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


if __name__ == "__main__":
    raise SystemExit(main())
