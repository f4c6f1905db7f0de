"""Examples to the tensors of one batch: each in a row of its own, or several packed into a row.

In: examples as token ids, labels, weight, answer, pair and negative. Out: tensors which say of every token whose it is, so that
no objective needs to know how the examples lie. Packing happens inside the batch: a step learns from the same examples with it
and without, and the loss is the same; only padding goes. Examples of a pair are one unit of the dataset, so that no shuffling
parts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Literal

import torch
from transformers import modeling_utils

from pipeline.errors import UserError
from pipeline.student.proof import IGNORED

Row = dict[str, Any]
"""One example: `input_ids`, `labels` (-100 untrained) and `answer` (1 for a token of the final answer) are lists of one length;
`weight` is a float, `pair` a number that both of a pair share (-1: none), `negative` is 1 where it shows what is wrong."""
Unit = dict[str, list[Row]]
"""A row of the dataset: `examples` that must come into the same batch, an example alone or a pair."""
NOBODY = -1
LEAVES_OUT = hasattr(modeling_utils, "slice_logits_to_keep")
LEAK = 0.05
"""Mean change of a token's logits, in standard deviations, above which packed examples must have seen each other."""


def units(rows: Iterable[Row], negatives: Literal["leave", "unlikelihood", "likelihood"]) -> list[Unit]:
    """Groups pairs, in the order in which the first of each comes; leaves negatives out, or takes them for none, as the recipe
    says."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for number, row in enumerate(rows):
        if not (row["negative"] and negatives == "leave"):
            group = ("pair", row["pair"]) if row["pair"] >= 0 else ("alone", number)
            groups.setdefault(group, []).append(row | {"negative": 0} if negatives == "likelihood" else row)
    return [{"examples": group} for group in groups.values()]


def pack(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Shares examples out to few rows of about the same length, since all rows are padded to the longest.

    The longest example comes first, each into the emptiest row (Graham 1969, longest processing time); the number of rows is
    the smallest with which this fits.

    Args:
        lengths: of each example, in tokens.
        room: tokens a row may hold; where an example is longer, as many as that has.

    Returns:
        For each row the numbers of its examples; the same for the same lengths.
    """
    longest_first = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    room = max([room, *lengths])
    rows: list[list[int]] = []
    for count in range(-(-sum(lengths) // room), len(lengths) + 1):
        rows, filled = [[] for _ in range(count)], [0] * count
        for number in longest_first:
            emptiest = filled.index(min(filled))
            rows[emptiest].append(number)
            filled[emptiest] += lengths[number]
        if max(filled, default=0) <= room:
            break
    return rows


class Collator:
    """Lays units out as a batch.

    The batch holds, with as many columns as its longest row has tokens:
        input_ids, labels: (rows, tokens); padded at the end. No example's first token has a label: nothing comes before it.
        attention_mask: (rows, tokens), 0 at padding; or, where examples are packed, position_ids, which start again with each.
        example: (rows, tokens), the number of the example a token belongs to, -1 at padding.
        answer: (rows, tokens), 1 at tokens of a final answer.
        keep: (rows, tokens), true where the next token has a label or is of an answer: the logits that objectives need.
        weight, pair, negative: (examples,).

    Args:
        pad: the token that fills rows up.
        room: tokens a row may hold, where examples are to be packed.
    """

    def __init__(self, pad: int, room: int | None = None) -> None:
        self.pad = pad
        self.room = room

    def __call__(self, units: Sequence[Unit]) -> dict[str, torch.Tensor]:
        examples = [example for unit in units for example in unit["examples"]]
        lengths = [len(example["input_ids"]) for example in examples]
        rows = pack(lengths, self.room) if self.room else [[number] for number in range(len(examples))]
        batch = {
            "input_ids": _laid(rows, [example["input_ids"] for example in examples], self.pad),
            "labels": _laid(rows, [[IGNORED, *example["labels"][1:]] for example in examples], IGNORED),
            "answer": _laid(rows, [[0, *example["answer"][1:]] for example in examples], 0),
            "example": _laid(rows, [[number] * length for number, length in enumerate(lengths)], NOBODY),
            "weight": torch.tensor([example["weight"] for example in examples], dtype=torch.float32),
            "pair": torch.tensor([example["pair"] for example in examples]),
            "negative": torch.tensor([bool(example["negative"]) for example in examples]),
        }
        if self.room:
            batch["position_ids"] = _laid(rows, [range(length) for length in lengths], 0)
        else:
            batch["attention_mask"] = (batch["example"] != NOBODY).long()
        needed = (batch["labels"] != IGNORED) | (batch["answer"] == 1)
        batch["keep"] = needed.roll(-1, dims=1)  # a row's first token is never needed, so nothing comes in at its end
        return batch


def _laid(rows: list[list[int]], values: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    """The examples' values row by row, filled up at the end; (rows, tokens)."""
    laid = [list(chain.from_iterable(values[number] for number in row)) for row in rows]
    longest = max(map(len, laid))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in laid])


def kept_logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The model's logits at the kept places of a batch, row after row; (kept places, vocabulary).

    Where `transformers` can leave out the others (from 5.21 on), the output layer is spared the prompts and the padding.
    `use_cache` must be off: with a cache it does not look at where positions start again, and packed examples would see each
    other.
    """
    bounds = "position_ids" if "position_ids" in batch else "attention_mask"
    given = {"input_ids": batch["input_ids"], bounds: batch[bounds], "use_cache": False}
    logits: torch.Tensor = model(**given, **({"logits_to_keep": batch["keep"]} if LEAVES_OUT else {})).logits
    return logits if logits.ndim == 2 else logits[batch["keep"]]


def check_packing(model: Any) -> None:
    """Makes sure that a model keeps packed examples apart.

    Layers that carry a state along may not, and flash attention does not in a batch of several rows.

    Raises:
        UserError: an example's logits change with what is packed before it.
    """
    examples = [_wholly_trained(range(start, start + 8)) for start in (1, 9, 17, 25)]
    alone, packed = (_logits(model, Collator(pad=0, room=room)([{"examples": examples}])) for room in (None, 16))
    if (alone - packed).abs().mean(dim=1).max() > LEAK * alone.std():
        raise UserError(
            f"student.packing: {type(model).__name__} lets examples of one row see each other", "Set student.packing to false."
        )


def _wholly_trained(tokens: Sequence[int]) -> Row:
    return {
        "input_ids": tokens, "labels": tokens, "answer": [0] * len(tokens), "weight": 1.0, "pair": NOBODY, "negative": 0,
    }  # fmt: skip


def _logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits at the kept places without dropout, example after example, (kept places, vocabulary)."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = kept_logits(model, {name: value.to(model.device) for name, value in batch.items()})
    model.train(was_training)
    return logits.float().cpu()[batch["example"][batch["keep"]].argsort(stable=True)]
