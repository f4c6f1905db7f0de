"""Samples to verdicts: every filter's word on every sample it is for, in `4_verdicts`. Nobody is asked.

Row filters judge every sample, so that their overlap can be seen; table filters judge those no filter before them dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.filters.verdicts import Condition, RowFilter, TableFilter, Word
from pipeline.progress import Progress
from pipeline.records import Sample, Task, Verdict
from pipeline.run import Run
from pipeline.tables import Publication, read_rows


async def filter_samples(run: Run) -> None:
    """Makes `4_verdicts` from `1_tasks` and `3_samples`.

    Raises:
        UserError: those tables are not there, or a filter lacks what it needs.
    """
    tasks = {task.id: task for task in read_rows(run.folder, "1_tasks", Task)}
    names = filter_names(run.recipe.filters)
    dropped: set[str] = set()
    with Publication(run.folder, "4_verdicts") as new, Progress("filtering", len(names)) as progress:
        for condition, name in zip(run.recipe.filters, names, strict=True):
            for sample, word in _words(condition, run, tasks, dropped):
                if word.decision == "drop":
                    dropped.add(sample.id)
                new["4_verdicts"].append(
                    Verdict(
                        sample_id=sample.id,
                        filter=name,
                        decision=word.decision,
                        score=word.score,
                        reason=word.reason,
                        detail=word.detail,
                    )
                )
            progress.advance()


def filter_names(filters: Sequence[Condition]) -> list[str]:
    """Names of the filters in verdicts: their own, numbered from the second use on."""
    used: Counter[str] = Counter()
    names = []
    for each in filters:
        name = str(each.filter)
        used[name] += 1
        names.append(name if used[name] == 1 else f"{name}_{used[name]}")
    return names


def _words(condition: Condition, run: Run, tasks: dict[str, Task], dropped: set[str]) -> Iterator[tuple[Sample, Word]]:
    """One filter's words on the samples it is for, in their order."""

    def rows() -> Iterator[tuple[Task, Sample]]:
        for sample in read_rows(run.folder, "3_samples", Sample):
            task = tasks[sample.task_id]
            if condition.kinds is None or task.kind in condition.kinds:
                yield task, sample

    if isinstance(condition, RowFilter):
        for task, sample in rows():
            yield sample, condition.judge(task, sample)
    elif isinstance(condition, TableFilter):
        before = frozenset(dropped)
        survivors = [sample for _, sample in rows() if sample.id not in before]
        words = condition.judge_all((task, sample) for task, sample in rows() if sample.id not in before)
        yield from zip(survivors, words, strict=True)
