"""Verdicts to corpus: the samples that passed, capped, as training examples in `5_corpus`, and beside it a random control.

The control is as many samples of each method, drawn from all of them as if there were no filters: what filtering is worth can
then be measured. Splits were decided by task before anything was sampled, so no task is in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from pipeline.errors import UserError
from pipeline.identity import short_id, unit_interval
from pipeline.records import Example, Message, Sample
from pipeline.run import Run
from pipeline.student.tokens import token_counter
from pipeline.tables import Publication, read_frame, read_rows


async def select(run: Run) -> None:
    """Makes `5_corpus` and `5_control`.

    Raises:
        UserError: the tables before are not there, or nothing passed the filters.
    """
    splits = dict(read_frame(run.folder, "1_tasks", ["id", "split"]).iter_rows())
    rejected = _rejected(run)
    samples = list(read_rows(run.folder, "3_samples", Sample))
    chosen = capped((each for each in samples if each.id not in rejected), run.recipe.selection.per_task)
    if not any(splits[each.task_id] == "train" for each in chosen):
        raise UserError(
            f"{run.folder}: none of {len(samples)} samples passed all filters, so there is nothing to train on",
            f"See why with `distill status {run.recipe.name}`; then mend the prompts, the filters or selection.unverifiable.",
        )
    control = _control(samples, [each for each in chosen if splits[each.task_id] == "train"], splits, run)
    with Publication(run.folder, "5_corpus", "5_control") as new:
        for name, rows in (("5_corpus", chosen), ("5_control", control)):
            for sample in rows:
                new[name].append(example(sample, splits[sample.task_id], run.recipe.student.model))


def _rejected(run: Run) -> set[str]:
    """Ids of the samples that some filter dropped, or could not decide where the recipe wants certainty."""
    decisions = ["drop"] if run.recipe.selection.unverifiable == "keep" else ["drop", "unverifiable"]
    verdicts = read_frame(run.folder, "4_verdicts", ["sample_id", "decision"])
    return set(verdicts.filter(pl.col("decision").is_in(decisions))["sample_id"])


def capped(samples: Iterable[Sample], per_task: int | None) -> list[Sample]:
    """The first `per_task` samples of each task, method and view, in their order."""
    taken: Counter[tuple[str, str, str]] = Counter()
    chosen = []
    for sample in samples:
        place = (sample.task_id, sample.method, sample.view)
        if per_task is None or taken[place] < per_task:
            taken[place] += 1
            chosen.append(sample)
    return chosen


def _control(samples: list[Sample], chosen: list[Sample], splits: dict[str, str], run: Run) -> list[Sample]:
    """As many samples of each method and view as were chosen, drawn from all training samples."""
    wanted = Counter((each.method, each.view) for each in chosen)
    pool = [each for each in samples if splits[each.task_id] == "train" and each.target.strip()]
    pool.sort(key=lambda each: unit_interval("control", run.recipe.selection.seed, each.id))
    drawn = []
    for sample in pool:
        if wanted[(sample.method, sample.view)] > 0:
            wanted[(sample.method, sample.view)] -= 1
            drawn.append(sample)
    return drawn


def example(sample: Sample, split: str, student: str) -> Example:
    """The training example a sample becomes; reasoning that came apart stands in think tags before the answer."""
    thought = f"<think>\n{sample.reasoning.strip()}\n</think>\n\n" if sample.reasoning else ""
    messages = [*sample.messages, Message(role="assistant", content=thought + sample.target)]
    count = token_counter(student)
    return Example(
        id=short_id("example", sample.id, [message.model_dump() for message in messages]),
        sample_id=sample.id,
        task_id=sample.task_id,
        method=sample.method,
        view=sample.view,
        split=split,
        messages=messages,
        weight=sample.weight,
        tokens=sum(count(message.content) for message in messages),
    )
