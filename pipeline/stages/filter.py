"""Samples to verdicts: every filter's word on every sample it is for, in `4_verdicts`.

Row filters judge every sample, so that their overlap can be seen; the others judge those that no filter before them dropped,
so that no model is asked about what is dropped anyway. Each filter's words lie in pieces beside the tables, shard by shard; a
piece that follows from the same samples, thresholds and code as before is not made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.filters.verdicts import AskingFilter, Condition, GroupFilter, RowFilter, TableFilter, checked, filter_names
from pipeline.identity import canonical_json, code_hash, content_hash, file_hash
from pipeline.pieces import FOLDER, Pieces, Words
from pipeline.progress import Progress
from pipeline.publication import Publication
from pipeline.records import Response
from pipeline.run import Run
from pipeline.shards import SHARD, Flags, Shards, SurvivingRows, read_shards
from pipeline.stages.judgements import as_judge, ask_all
from pipeline.stages.judging import Job, judge_all
from pipeline.stages.live import Live
from pipeline.tables import CORPORA, check_table, made_of, read_rows_of, readable, remove_tables, row_groups, table_path
from pipeline.terminal import complain

DOWNSTREAM = (*CORPORA, "6_items", "6_evaluation")


@dataclass(frozen=True)
class Named:
    """A filter, what verdicts call it, and the name of all it rests on but the samples that reach it."""

    condition: Condition
    name: str
    rests_on: str

    def pieces(self, shards: Shards, survives: Flags | None = None) -> Pieces:
        """Its pieces: of all samples, or of those that survive, of which a table filter sees all, the others their shard's."""
        folder, asks = shards.folder / FOLDER / self.name, isinstance(self.condition, AskingFilter)
        if survives is None:
            return Pieces(folder, [content_hash(self.rests_on)] * len(shards.shards))
        if isinstance(self.condition, TableFilter):
            return Pieces(folder, [content_hash(self.rests_on, _named_flags(survives))] * len(shards.shards))
        reached = [_named_flags(survives[each.start : each.stop]) for each in shards.shards]
        return Pieces(folder, [content_hash(self.rests_on, each) for each in reached], asks)


def _named_flags(flags: Flags) -> str:
    return content_hash(np.packbits(flags).tobytes().hex())


async def filter_samples(run: Run, shard_rows: int = SHARD) -> None:
    """Makes `4_verdicts` from `1_tasks` and `3_samples`; where a filter asks models, `4_judgements` of their replies, too.

    Args:
        shard_rows: samples of a shard.

    Raises:
        UserError: those tables are not there, or a filter lacks what it needs.
        BudgetReached: a ceiling was met before every sample was judged; what landed is kept.
    """
    for table in ("1_tasks", "3_samples"):
        check_table(run.folder, table)
    filters = _named(run, shard_rows)
    name = content_hash([(each.name, each.rests_on) for each in filters])
    asking = any(isinstance(each.condition, AskingFilter) for each in filters)
    tables = ("4_judgements", "4_verdicts") if asking else ("4_verdicts",)
    if all(made_of(run.folder, table) == name for table in tables):
        return
    if run.recipe.labels is not None:
        run.recipe.labels.check()  # only the report needs them, and then they had better be right
    shards = read_shards(run.folder, shard_rows)
    _note_absent_kinds(filters, shards.kinds)
    judged = await _judge(run, shards, filters)
    owed = any(pieces.asks and not pieces.has(shard.number) for pieces in judged for shard in shards.shards)
    with Publication(run.folder, *tables, made_of="" if owed else name) as new:
        for each, pieces in zip(filters, judged, strict=True):
            _put_together(new, shards, each.name, pieces)
        remove_tables(run.folder, *DOWNSTREAM, *(() if asking else ("4_judgements",)))  # of the verdicts before
    _tidy(run.folder / FOLDER, judged)


def _note_absent_kinds(filters: Sequence[Named], kinds: Sequence[str]) -> None:
    """Says which filters judge nothing, for want of tasks of their kinds: a slip in a kind's name would turn one off."""
    for each in filters:
        if each.condition.kinds and not set(each.condition.kinds) & set(kinds):
            named, there = ", ".join(each.condition.kinds), ", ".join(kinds)
            complain(f"note: {each.name} judges nothing: it is for tasks of kind {named}, and there are {there}")


def _tidy(folder: Path, judged: Sequence[Pieces]) -> None:
    """Removes the pieces of filters and shards that are no more."""
    for each in folder.glob("*"):
        if each.is_dir() and each not in {pieces.folder for pieces in judged}:
            shutil.rmtree(each)
    for pieces in judged:
        pieces.tidy()


def _named(run: Run, shard_rows: int) -> list[Named]:
    """The recipe's filters with what they rest on: the tables before, the recipe, files and models, and our code."""
    tables = [file_hash(table_path(run.folder, table)) for table in ("1_tasks", "3_samples")]
    given = run.recipe.filters
    return [
        Named(
            each, name, content_hash(tables, shard_rows, each.model_dump(mode="json"), _outside(run, each, name), code_hash())
        )
        for each, name in zip(given, filter_names(given), strict=True)
    ]


def _outside(run: Run, condition: Condition, name: str) -> list[str]:
    """What decides a filter's words and does not stand in its own part of the recipe."""
    if not isinstance(condition, AskingFilter):
        return condition.rests_on()
    identity = canonical_json(as_judge(run, condition, name).identity)
    return [*condition.rests_on(), identity, run.sampling(name).canonical]


async def _judge(run: Run, shards: Shards, filters: Sequence[Named]) -> list[Pieces]:
    """Makes the pieces that are missing; returns those of every filter, in their order."""
    of_rows = [(each.condition, each.pieces(shards)) for each in filters if isinstance(each.condition, RowFilter)]
    jobs = [
        Job(run.folder, shard, stale)
        for shard in shards.shards
        if (stale := tuple((condition, pieces) for condition, pieces in of_rows if not pieces.has(shard.number)))
    ]
    with Progress("filtering, shards", len(jobs)) as progress:
        await judge_all(jobs, progress.advance)
    dropped, judged = np.zeros(len(shards), dtype=bool), []
    for each in filters:
        if isinstance(each.condition, RowFilter):
            pieces = each.pieces(shards)
        else:
            pieces = await _judge_survivors(run, shards, each, ~dropped & shards.of_kinds(each.condition.kinds))
        for shard in shards.shards:
            words = pieces.read(shard.number)
            dropped[words["row"].filter(pc.equal(words["decision"], "drop")).to_numpy()] = True
        judged.append(pieces)
    return judged


async def _judge_survivors(run: Run, shards: Shards, named: Named, survives: Flags) -> Pieces:
    """Makes the pieces of a filter that judges what is left, where they are missing."""
    condition, pieces = named.condition, named.pieces(shards, survives)
    stale = [shard for shard in shards.shards if not pieces.has(shard.number)]
    if not stale:
        return pieces
    steps = len(shards.shards) if isinstance(condition, TableFilter) else len(stale)
    facts = Live(run).facts if isinstance(condition, AskingFilter) else list
    async with Progress(f"filtering, {named.name}", steps, facts=facts) as progress:
        if isinstance(condition, GroupFilter):
            jobs = [Job(run.folder, each, ((condition, pieces),), survives[each.start : each.stop]) for each in stale]
            await judge_all(jobs, progress.advance)
        elif isinstance(condition, AskingFilter):
            await ask_all(run, condition, named.name, pieces, stale, survives, progress)
        elif isinstance(condition, TableFilter):
            _judge_table(condition, pieces, shards, survives, progress)
    return pieces


def _judge_table(condition: TableFilter, pieces: Pieces, shards: Shards, survives: Flags, progress: Progress) -> None:
    """Writes the pieces of a table filter, shard by shard as its words come."""
    words, started = iter(condition.judge_all(SurvivingRows(shards, survives))), perf_counter()
    for shard in shards.shards:
        rows = (np.flatnonzero(survives[shard.start : shard.stop]) + shard.start).tolist()
        some = [checked(word) for word in islice(words, len(rows))]
        assert len(some) == len(rows), f"{condition.filter} gave too few words"
        pieces.write(shard.number, Words(rows, some, perf_counter() - started))
        started = perf_counter()
        progress.advance()
    assert next(words, None) is None, f"{condition.filter} gave too many words"


def _put_together(new: Publication, shards: Shards, name: str, pieces: Pieces) -> None:
    """Adds a filter's words to the table, with the ids of their samples, and its calls to theirs."""
    path = table_path(shards.folder, "3_samples")
    with readable(path), pq.ParquetFile(path, pre_buffer=False) as file:
        for shard in shards.shards:
            words = pieces.read(shard.number).combine_chunks()
            before, some = row_groups(file, shard.start, shard.stop)
            ids = file.read_row_groups(some, columns=["id"])["id"].combine_chunks()
            columns = {each: words[each] for each in ("decision", "score", "reason", "detail")}
            columns |= {"sample_id": ids.take(pc.subtract(words["row"], before)), "filter": pa.repeat(name, len(words))}
            new["4_verdicts"].extend(columns)
            for call in read_rows_of(pieces.calls_path(shard.number), Response) if pieces.asks else ():
                new["4_judgements"].append(call)
