"""Row and group filters over shards of samples, in as many processes as there are cores: each shard's text is read once.

In: filters with the pieces their words go to, and the shards that lack them. Out: the pieces. A filter that fails on a sample
leaves that sample unverifiable and harms no other; a process that dies takes nothing with it but the shards it was at.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.errors import UserError
from pipeline.filters.verdicts import Condition, GroupFilter, RowFilter, word_of, words_of
from pipeline.pieces import Pieces, Words
from pipeline.settings import cores
from pipeline.shards import Flags, Shard, groups, stop_if_interrupted, tasks_and_samples

AT_A_TIME = 500
"""Samples that are read, and then judged by one filter after the other."""


@dataclass(frozen=True)
class Job:
    """What is to be judged in one shard."""

    folder: Path
    shard: Shard
    conditions: tuple[tuple[Condition, Pieces], ...]
    """Row filters, or one group filter."""
    survives: Flags | None = None
    """For a group filter, a flag for each sample of the shard."""


def judge(job: Job) -> None:
    """Writes the pieces of one shard."""
    if job.survives is None:
        _judge_rows(job)
    else:
        _judge_groups(job, job.survives)


def _judge_rows(job: Job) -> None:
    found = [(condition, pieces, Words()) for condition, pieces in job.conditions]
    left, row = tasks_and_samples(job.folder, job.shard), job.shard.start
    while some := list(islice(left, AT_A_TIME)):
        for condition, _, words in found:
            started = time.perf_counter()
            judged = [
                (row + place, word_of(condition, task, sample))
                for place, (task, sample) in enumerate(some)
                if isinstance(condition, RowFilter) and condition.is_for(task)
            ]
            words.add([row for row, _ in judged], [word for _, word in judged], time.perf_counter() - started)
        row += len(some)
        stop_if_interrupted()
    for _, pieces, words in found:
        pieces.write(job.shard.number, words)


def _judge_groups(job: Job, survives: Flags) -> None:
    ((condition, pieces),) = job.conditions
    assert isinstance(condition, GroupFilter)
    words = Words()
    for task, rows, samples in groups(job.folder, job.shard, survives):
        started = time.perf_counter()
        words.add(rows, words_of(condition, task, samples), time.perf_counter() - started)
        stop_if_interrupted()
    pieces.write(job.shard.number, words)


async def judge_all(jobs: Sequence[Job], done: Callable[[], None]) -> None:
    """Does all jobs, several at once where there are several and more than one core.

    Args:
        done: called after each.

    Raises:
        UserError: a filter lacks what it needs, or a process was killed.
    """
    workers = min(cores(), len(jobs))
    if workers < 2:
        for job in jobs:
            judge(job)
            done()
            await asyncio.sleep(0)
        return
    context = multiprocessing.get_context("forkserver")  # fork would copy our threads' locks, spawn loads all for each
    pool = ProcessPoolExecutor(workers, context, _begin_worker, (str(Path.cwd()),))
    futures: list[asyncio.Future[None]] = []
    try:
        futures += [asyncio.wrap_future(pool.submit(judge, job)) for job in jobs]
        for future in asyncio.as_completed(futures):
            await future
            done()
        pool.shutdown()
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():  # pieces are whole or not there, so nothing is lost
            process.terminate()
        await asyncio.gather(*futures, return_exceptions=True)
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                "a process that filtered was killed, perhaps for want of memory",
                "Free some; the same command goes on with the shards that are left.",
            ) from None
        raise


def _begin_worker(folder: str) -> None:
    """Works in the caller's folder, leaves interrupts to the caller, and ends when the caller does."""
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
