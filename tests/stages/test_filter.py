"""Filtering: shards and processes change no word, what stands is not made again, and no row harms another."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.filters.answer_matches import AnswerMatches
from pipeline.filters.finished import Finished
from pipeline.filters.length import Length
from pipeline.filters.verdicts import Condition, GroupFilter, RowFilter, Survivors, TableFilter, Word, drop, keep
from pipeline.pieces import FOLDER, seconds_of
from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Sample, Task, Verdict
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.shards import SurvivingRows, groups, read_shards, tasks_and_samples
from pipeline.stages.filter import filter_samples
from pipeline.stages.judging import judge_all
from pipeline.stages.select import select
from pipeline.tables import made_of, read_frame, read_rows, table_path
from tests.rows import make_sample, make_task

TASKS = [make_task(id=f"t{n:03}", kind="odd" if n % 2 else "even", answer=str(n)) for n in range(60)]
SAMPLES = [
    make_sample(f"The answer is {n if number < 2 else 'x'}.", id=f"s{n:03}-{number}", task_id=task.id,
                finish="length" if n % 7 == 0 else "stop")
    for n, task in enumerate(TASKS)
    for number in range(n % 4)
]  # fmt: skip


class Moody(RowFilter):
    """Keeps most, and fails in three ways."""

    filter: Literal["moody"] = "moody"

    def judge(self, task: Task, sample: Sample) -> Word:
        if sample.id == "s009-0":
            raise RuntimeError("cannot bear this one")
        if sample.id == "s010-0":
            return keep("fine", math.nan)
        return drop("too big", math.inf) if sample.id == "s011-0" else keep("fine", 1.0)


class AloneOnly(GroupFilter):
    """Keeps the only survivor of a task, and fails on groups of three."""

    filter: Literal["alone"] = "alone"

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        if len(samples) == 3:
            raise ValueError("three is a crowd")
        return [keep("alone", 1.0) if len(samples) == 1 else drop("not alone", 0.0, task.id)] * len(samples)


class EveryOther(TableFilter):
    """Keeps every other of the survivors, after looking at them in all the ways there are."""

    filter: Literal["every_other"] = "every_other"

    def judge_all(self, survivors: Survivors) -> list[Word]:
        ids = [sample.id for _, sample in survivors.rows()]
        frames = pl.concat([*survivors.frames(), pl.DataFrame(schema=EMPTY)])
        assert frames["id"].to_list() == ids and len(ids) == len(survivors)
        assert frames["prompt"].to_list() == ["How many?"] * len(ids)
        assert len(list(survivors.tasks())) == len(TASKS)
        return [keep("even") if place % 2 == 0 else drop("odd", detail=each) for place, each in enumerate(ids)]


EMPTY = {"id": pl.String, "task_id": pl.String, "prompt": pl.String, "reasoning": pl.String, "target": pl.String}
FINISHED, MATCHES = Finished(filter="finished"), AnswerMatches(filter="answer_matches", kinds=("odd",))


def open_run(folder: Path, *filters: Condition, tables: bool = True, **parts: Any) -> Run:
    given = {
        "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "m"},
        "methods": [{"method": "chain_of_thought"}], "filters": ["finished"],
    }  # fmt: skip
    recipe = parse_recipe(given | parts, "run", "run").model_copy(update={"filters": filters})
    run = Run(recipe, load_settings(data=str(folder)))
    run.folder.mkdir(parents=True, exist_ok=True)
    if tables:
        write_table(run.folder, "1_tasks", TASKS)
        write_table(run.folder, "3_samples", SAMPLES)
    return run


def filtered(run: Run, shard_rows: int = 1_000_000) -> list[Verdict]:
    asyncio.run(filter_samples(run, shard_rows))
    return list(read_rows(run.folder, "4_verdicts", Verdict))


def pieces(run: Run) -> dict[str, int]:
    """When each piece was written."""
    return {str(path.relative_to(run.folder)): path.stat().st_mtime_ns for path in sorted(run.folder.glob(f"{FOLDER}/*/*"))}


def test_shards_hold_whole_tasks_and_every_sample_once(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    shards = read_shards(run.folder, 10)
    assert len(shards.shards) > 5 and len(shards) == len(SAMPLES)
    parts = [list(tasks_and_samples(run.folder, shard)) for shard in shards.shards]
    assert [sample for part in parts for _, sample in part] == SAMPLES == [s for _, s in tasks_and_samples(run.folder)]
    assert all(task.id == sample.task_id for part in parts for task, sample in part)
    owners = [{task.id for task, _ in part} for part in parts]
    assert sum(map(len, owners)) == len(set.union(*owners)), "a task is in two shards"
    assert [shards.kinds[code] for code in shards.kind] == [TASKS[int(each.task_id[1:])].kind for each in SAMPLES]


def test_groups_are_the_survivors_of_a_task(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    shards = read_shards(run.folder, 20)
    survives = shards.of_kinds(("odd",))
    survives[0] = False
    found = [each for shard in shards.shards for each in groups(run.folder, shard, survives[shard.start : shard.stop])]
    assert [row for _, rows, _ in found for row in rows] == [row for row in range(len(SAMPLES)) if survives[row]]
    assert all(task.id == sample.task_id for task, _, samples in found for sample in samples)
    assert len({task.id for task, _, _ in found}) == len(found)
    assert [sample.id for _, sample in SurvivingRows(shards, survives).rows()] == [s.id for _, _, some in found for s in some]


@pytest.mark.parametrize("shard_rows", [1, 7, 30])
def test_shards_and_processes_change_no_word(tmp_path: Path, shard_rows: int) -> None:
    """With more than one shard, row and group filters run in processes of their own."""
    filters = (FINISHED, MATCHES, Moody(), AloneOnly(), EveryOther())
    whole = filtered(open_run(tmp_path / "whole", *filters))
    assert filtered(open_run(tmp_path / "cut", *filters), shard_rows) == whole
    assert {each.filter for each in whole} == {"finished", "answer_matches", "moody", "alone", "every_other"}


def test_a_filter_that_fails_says_nothing_of_this_sample_and_harms_no_other(tmp_path: Path) -> None:
    words = {each.sample_id: each for each in filtered(open_run(tmp_path, Moody()))}
    assert len(words) == len(SAMPLES)
    odd = {name: (word.decision, word.reason, word.score) for name, word in words.items() if word.decision != "keep"}
    assert odd == {
        "s009-0": ("unverifiable", "the filter failed", None),
        "s010-0": ("unverifiable", "the score is no number", None),
        "s011-0": ("unverifiable", "the score is no number", None),
    }
    assert words["s009-0"].detail == "RuntimeError: cannot bear this one"


def test_a_group_that_fails_harms_no_other_group(tmp_path: Path) -> None:
    words = filtered(open_run(tmp_path, AloneOnly()))
    by_size = {size: {each.decision for each in words if int(each.sample_id[1:4]) % 4 == size} for size in (1, 2, 3)}
    assert by_size == {1: {"keep"}, 2: {"drop"}, 3: {"unverifiable"}}


def test_what_a_filter_before_dropped_is_not_judged_by_those_that_see_survivors(tmp_path: Path) -> None:
    words = filtered(open_run(tmp_path, FINISHED, AloneOnly(), EveryOther()))
    dropped = {each.sample_id for each in words if each.filter == "finished" and each.decision == "drop"}
    assert dropped and dropped.isdisjoint(each.sample_id for each in words if each.filter == "alone")
    alone = {each.sample_id for each in words if each.filter == "alone" and each.decision != "drop"}
    assert [each.sample_id for each in words if each.filter == "every_other"] == [s.id for s in SAMPLES if s.id in alone]


def test_another_threshold_judges_anew_by_that_filter_alone(tmp_path: Path) -> None:
    tokenizer = {"tokenizer": "data/mini/student"}
    lengths = [Length(filter="length", min_tokens=least, **tokenizer) for least in (1, 2)]
    run = open_run(tmp_path, FINISHED, lengths[0], EveryOther())
    filtered(run, 30)
    before = pieces(run)
    filtered(open_run(tmp_path, FINISHED, lengths[1], EveryOther(), tables=False), 30)
    changed = {name.split("/")[1] for name, when in pieces(run).items() if before[name] != when}
    assert changed == {"length"}, "what survives is the same, so the filter after it is not asked again"
    filtered(open_run(tmp_path, FINISHED, lengths[1], tables=False), 30)
    assert {name.split("/")[1] for name in pieces(run)} == {"finished", "length"}


def test_a_filter_that_sees_survivors_judges_anew_where_they_are_others(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, EveryOther())
    first = filtered(run)
    second = filtered(open_run(tmp_path, AloneOnly(), EveryOther(), tables=False))
    words = [[each.sample_id for each in some if each.filter == "every_other"] for some in (first, second)]
    assert words[0] != words[1]


def test_a_rerun_is_byte_identical_and_makes_nothing(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, MATCHES, EveryOther())
    filtered(run, 30)
    table, before = table_path(run.folder, "4_verdicts").read_bytes(), pieces(run)
    asyncio.run(filter_samples(run, 30))
    assert pieces(run) == before
    table_path(run.folder, "4_verdicts").unlink()
    filtered(run, 30)
    assert pieces(run) == before and table_path(run.folder, "4_verdicts").read_bytes() == table
    filtered(open_run(tmp_path / "elsewhere", FINISHED, MATCHES, EveryOther()), 30)
    assert table_path(tmp_path / "elsewhere/runs/run", "4_verdicts").read_bytes() == table


@pytest.mark.parametrize("harm", ["missing", "broken", "damaged", "foreign", "of another filter"])
def test_a_piece_that_is_not_whole_is_made_again(tmp_path: Path, harm: str) -> None:
    run = open_run(tmp_path, FINISHED, MATCHES)
    whole = filtered(run, 30)
    piece = run.folder / FOLDER / "finished" / "00001.parquet"
    if harm == "missing":
        piece.unlink()
    elif harm == "broken":
        piece.write_bytes(piece.read_bytes()[:-20])
    elif harm == "damaged":
        content = bytearray(piece.read_bytes())
        content[8:60] = bytes(52)
        piece.write_bytes(content)
    elif harm == "foreign":
        table = pq.read_table(piece)
        pq.write_table(table.append_column("mine", table["row"]), piece)
    else:
        piece.write_bytes((run.folder / FOLDER / "answer_matches" / "00001.parquet").read_bytes())
    table_path(run.folder, "4_verdicts").unlink()
    assert filtered(run, 30) == whole


def test_selection_refuses_verdicts_that_do_not_belong_to_the_samples(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, student={"model": "data/mini/student"})
    filtered(run)
    frame = read_frame(run.folder, "4_verdicts")
    path = table_path(run.folder, "4_verdicts")

    def refused(changed: pl.DataFrame, words: str) -> None:
        changed.write_parquet(path)
        with pytest.raises(UserError, match=words):
            asyncio.run(select(run))
        assert not table_path(run.folder, "5_corpus").exists()

    refused(frame.with_columns(mine=pl.lit(1)), r"4_verdicts\.parquet: .*a foreign column 'mine'")
    refused(frame.drop("score"), r"4_verdicts\.parquet: .*no column 'score'")
    refused(frame.head(-3), rf"finished judged {len(SAMPLES) - 3} of {len(SAMPLES)} samples.*\n.*distill filter run")
    refused(pl.concat([frame, frame.head(1).with_columns(sample_id=pl.lit("x"))]), "1 verdicts are of samples that are not")
    frame.write_parquet(path)
    asyncio.run(select(run))
    assert table_path(run.folder, "5_corpus").exists()


def test_samples_out_of_order_are_refused(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED)
    write_table(run.folder, "3_samples", SAMPLES[::-1])
    with pytest.raises(UserError, match=r"3_samples\.parquet: a sample's task is not in 1_tasks"):
        asyncio.run(filter_samples(run))
    write_table(run.folder, "1_tasks", TASKS[:50])
    write_table(run.folder, "3_samples", SAMPLES)
    with pytest.raises(UserError, match=r"3_samples\.parquet: a sample's task is not in 1_tasks"):
        asyncio.run(filter_samples(run))
    assert not table_path(run.folder, "4_verdicts").exists()


def test_samples_with_one_id_are_refused(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED)
    write_table(run.folder, "3_samples", [SAMPLES[0], *SAMPLES])
    with pytest.raises(UserError, match=r"3_samples\.parquet: 1 samples have the id of another"):
        asyncio.run(filter_samples(run))


def test_one_changed_sample_judges_its_shard_anew(tmp_path: Path) -> None:
    """Whether by a row filter or by one that sees the survivors of a task; other tables make other pieces altogether."""
    filters = (Length(filter="length", min_tokens=1, tokenizer="data/mini/student"), AloneOnly())
    run = open_run(tmp_path, *filters)
    filtered(run, 30)
    before = pieces(run)
    stricter = Length(filter="length", min_tokens=1, max_tokens=9, tokenizer="data/mini/student")
    filtered(open_run(tmp_path, stricter, filters[1], tables=False), 30)
    changed = {name for name, when in pieces(run).items() if before[name] != when}
    assert {name.split("/")[1] for name in changed} == {"length"}, "the same samples reach the second"


def test_what_is_of_no_shard_or_filter_goes(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, MATCHES)
    filtered(run, 10)
    (run.folder / FOLDER / ".stray").write_text("x")
    many = len(pieces(run))
    filtered(open_run(tmp_path, FINISHED, tables=False), 60)
    assert {name.split("/")[1] for name in pieces(run) if "stray" not in name} == {"finished"}
    assert len(pieces(run)) < many / 2


def test_no_samples_at_all(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, EveryOther())
    write_table(run.folder, "3_samples", [])
    assert filtered(run) == []
    assert made_of(run.folder, "4_verdicts")


def test_what_the_user_can_mend_is_told_from_any_process(tmp_path: Path) -> None:
    (tmp_path / "no-tokenizer").mkdir()
    run = open_run(tmp_path, FINISHED, Length(filter="length", tokenizer=str(tmp_path / "no-tokenizer")))
    for shard_rows in (1_000, 10):
        with pytest.raises(UserError, match="no-tokenizer: its tokenizer cannot be loaded"):
            asyncio.run(filter_samples(run, shard_rows))
        assert not table_path(run.folder, "4_verdicts").exists()


def test_the_time_each_filter_took_is_known(tmp_path: Path) -> None:
    run = open_run(tmp_path, FINISHED, EveryOther())
    filtered(run, 30)
    assert all((seconds_of(run.folder, name) or 0) >= 0 for name in ("finished", "every_other"))
    assert seconds_of(run.folder, "length") is None


def test_nothing_to_do() -> None:
    asyncio.run(judge_all([], lambda: pytest.fail("there was nothing to do")))
