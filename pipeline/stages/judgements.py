"""Filters that ask models: the samples of each task put to the filter's model through the door, many tasks at once.

In: a filter and the samples that no filter before it dropped. Out: its pieces, and beside them every call, for `4_judgements`.
A call that failed for now leaves its sample unverifiable until the next start asks it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pipeline.filters.verdicts import AskingFilter, Word, failed, looked_at, on_all
from pipeline.llm.model import Model
from pipeline.llm.request import Sampling
from pipeline.pieces import Pieces, Words
from pipeline.progress import Progress
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from pipeline.run import Run
from pipeline.shards import Flags, Shard, groups
from pipeline.stages.generate import in_order, window

Group = tuple[Task, list[int], list[Sample]]


def as_judge(run: Run, condition: AskingFilter, name: str) -> Model:
    """The model a filter asks, which plays a role of the filter's name: its own, or the recipe's teacher."""
    if run.has_model(name):
        return run.model(name)
    if condition.model is None:
        run.add_model(name, run.model("teacher"), run.sampling("teacher"))
    else:
        run.add_model(name, condition.model.open(run.settings), condition.model.sampling)
    return run.model(name)


@dataclass
class Judged:
    """What came of one task's samples."""

    rows: list[int]
    words: Sequence[Word]
    calls: list[Response]


class RoleAsk:
    """An `Ask` whose questions all go to the model of one role, and are kept."""

    def __init__(self, run: Run, role: str) -> None:
        self._run, self._role = run, role
        self.calls: list[Response] = []

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        response = await self._run.ask(
            prompt, task=task, sample=sample, sampling=sampling, role=role or self._role, response_format=response_format
        )
        self.calls.append(response)
        return response


async def ask_all(
    run: Run, condition: AskingFilter, name: str, pieces: Pieces, shards: Iterable[Shard], survives: Flags, progress: Progress
) -> None:
    """Writes the pieces of an asking filter.

    Raises:
        BudgetReached: a ceiling was met; what landed is kept, and the next start goes on.
    """
    model = as_judge(run, condition, name)

    async def work_on(group: Group) -> Judged:
        task, rows, samples = group
        ask, seen = RoleAsk(run, name), looked_at(condition, samples)
        try:
            words = await condition.judge_asking(task, seen, ask) if seen else []
        except Exception as error:
            words = [failed(error)] * len(seen)
        assert len(words) == len(seen), f"{name} gave {len(words)} words on {len(seen)} samples"
        return Judged(rows, on_all(condition, samples, words), sorted(ask.calls, key=lambda call: (call.template, call.key)))

    async with run.door:
        for shard in shards:
            words, owed, started = Words(), False, perf_counter()
            work = groups(run.folder, shard, survives[shard.start : shard.stop])
            with pieces.calls(shard.number) as calls:
                async with aclosing(in_order(work, work_on, window(model.in_flight))) as harvest:
                    async for judged in harvest:
                        words.add(judged.rows, judged.words)
                        owed |= any(call.finish == "owed" for call in judged.calls)
                        for call in judged.calls:
                            calls.append(call)
            words.seconds = perf_counter() - started
            pieces.write(shard.number, words, complete=not owed)
            progress.advance()
