"""Tables: columns follow from the records, rows come back as they went in, and a table is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.publication import ROW_GROUP, Publication, write_table
from pipeline.records import Example, Message, Record, Sample, Span, Task
from pipeline.report.show import as_json
from pipeline.tables import (
    MADE_OF,
    TABLES,
    arrow_schema,
    check_table,
    read_frame,
    read_rows,
    readable,
    rows_hash,
    table_path,
)
from tests.rows import make_sample, make_task


@pytest.mark.parametrize("record", sorted(set(TABLES.values()), key=str))
def test_every_record_has_columns_and_every_column_a_line(record: type[Record]) -> None:
    assert arrow_schema(record).names == list(record.model_fields)
    assert all(info.description for info in record.model_fields.values())


def test_types() -> None:
    task, sample, example = arrow_schema(Task), arrow_schema(Sample), arrow_schema(Example)
    assert task.field("constraints").type == task.field("extra").type == pa.string()
    assert task.field("choices").type == pa.list_(pa.string())
    assert sample.field("messages").type == pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    assert example.field("loss_spans").type == pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))
    assert (sample.field("weight").type, sample.field("hinted").type) == (pa.float64(), pa.bool_())


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    tasks = [
        make_task(),
        make_task(id="t2", constraints=[{"kind": "a", "n": 1}, {"kind": "b", "words": ["ä"]}], extra={"x": None, "y": [1.5]}),
        make_task(id="t3", choices=["yes", "no"], answer="", constraints=[], extra={"history": [{"role": "user"}]}),
    ]
    assert write_table(tmp_path, "1_tasks", tasks) == 3
    assert list(read_rows(tmp_path, "1_tasks", Task)) == tasks
    assert read_frame(tmp_path, "1_tasks", ["constraints"])["constraints"].null_count() == 1


def test_nested_rows(tmp_path: Path) -> None:
    fields = {
        "id": "e", "sample_id": "s", "task_id": "t", "method": "m", "view": "v", "split": "train", "weight": 0.5, "tokens": 3,
    }  # fmt: skip
    turns = [Message(role="user", content="?"), Message(role="assistant", content="!\n")]
    rows = [Example(**fields, messages=turns), Example(**fields, messages=[], loss_spans=[Span(start=0, end=1)])]
    write_table(tmp_path, "5_corpus", rows)
    assert list(read_rows(tmp_path, "5_corpus", Example)) == rows


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_table(tmp_path / name, "3_samples", (make_sample(str(n)) for n in range(100)))
    assert table_path(tmp_path / "a", "3_samples").read_bytes() == table_path(tmp_path / "b", "3_samples").read_bytes()


def test_rows_have_a_hash_whatever_they_were_made_of(tmp_path: Path) -> None:
    def hashed(*ids: str, made_of: bytes = b"a") -> str:
        write_table(tmp_path, "1_tasks", [make_task(id=each) for each in ids])
        path = table_path(tmp_path, "1_tasks")
        table = pq.read_table(path)
        pq.write_table(table.replace_schema_metadata({MADE_OF: made_of}), path, row_group_size=1)
        return rows_hash(tmp_path, "1_tasks")

    assert hashed("x", "y") == hashed("x", "y", made_of=b"of other code")
    assert len({hashed("x", "y"), hashed("y", "x"), hashed("x"), hashed("x", "z")}) == 4


def test_many_row_groups(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", (make_task(id=str(n)) for n in range(ROW_GROUP + 5)))
    assert [task.id for task in read_rows(tmp_path, "1_tasks", Task)] == [str(n) for n in range(ROW_GROUP + 5)]


def test_an_exception_leaves_the_old_tables_and_nothing_else(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="old")])
    with pytest.raises(RuntimeError, match="half-way"), Publication(tmp_path, "1_tasks", "3_samples") as new:
        new["1_tasks"].append(make_task(id="new"))
        raise RuntimeError("half-way")
    assert [task.id for task in read_rows(tmp_path, "1_tasks", Task)] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["1_tasks.parquet"]


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    with Publication(tmp_path, "1_tasks", "3_samples") as new:
        new["1_tasks"].append(make_task())
        assert not list(tmp_path.glob("*.parquet"))
    assert {path.name for path in tmp_path.iterdir()} == {"1_tasks.parquet", "3_samples.parquet"}


def test_a_table_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1_tasks\.parquet.*\n.*make generate"):
        list(read_rows(tmp_path, "1_tasks", Task))
    with pytest.raises(UserError, match="make train"):
        read_frame(tmp_path, "6_evaluation")


@pytest.mark.parametrize("broken", [b"", b"PAR1 and then nothing"])
def test_a_broken_table_is_named_with_the_command_that_mends_it(tmp_path: Path, broken: bytes) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    table_path(tmp_path, "1_tasks").write_bytes(broken)
    for read in (lambda: read_frame(tmp_path, "1_tasks"), lambda: list(read_rows(tmp_path, "1_tasks", Task))):
        with pytest.raises(UserError, match=r"1_tasks\.parquet: this table cannot be read") as caught:
            read()
        assert "make generate" in caught.value.remedy


def test_a_table_of_other_columns_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    table_path(tmp_path, "1_tasks").rename(table_path(tmp_path, "3_samples"))
    with pytest.raises(UserError, match=r"3_samples\.parquet: this table cannot be read"):
        list(read_rows(tmp_path, "3_samples", Sample))


READS: dict[str, Callable[[Path], object]] = {
    "condition": lambda folder: list(as_json(folder, "1_tasks", "prompt LIKE '%many%'", [], None)),
    "polars": lambda folder: read_frame(folder, "1_tasks"),
    "arrow": lambda folder: list(read_rows(folder, "1_tasks", Task)),
    "hash": lambda folder: rows_hash(folder, "1_tasks"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_bytes_overwritten_within_a_table(tmp_path: Path, read: str, place: float) -> None:
    """Wherever they lie, readers raise what they like, and it becomes one error, which names the file."""
    write_table(tmp_path, "1_tasks", [make_task(id=f"{n:016x}", prompt=f"How many are {n * n}?") for n in range(500)])
    path = table_path(tmp_path, "1_tasks")
    whole = bytearray(path.read_bytes())
    start = int(len(whole) * place)
    whole[start : start + 300] = b"\xff" * 300
    path.write_bytes(whole)
    with pytest.raises(UserError, match=r"1_tasks\.parquet: this table cannot be read: .") as caught:
        READS[read](tmp_path)
    assert "make generate" in caught.value.remedy


@pytest.mark.parametrize("read", READS)
def test_a_folder_in_the_place_of_a_table(tmp_path: Path, read: str) -> None:
    table_path(tmp_path, "1_tasks").mkdir()
    with pytest.raises(UserError, match=r"1_tasks\.parquet: this table cannot be read: .*directory"):
        READS[read](tmp_path)


@pytest.mark.parametrize("new", ["broken", "other columns", "gone"])
def test_a_table_that_is_replaced_while_it_is_read(tmp_path: Path, new: str) -> None:
    """Who reads says so, and not that the new table, which nobody has looked at, were broken."""
    write_table(tmp_path, "1_tasks", [make_task()])
    path, other = table_path(tmp_path, "1_tasks"), tmp_path / "other"
    with pytest.raises(UserError, match=r"1_tasks\.parquet: this table was made anew or removed") as caught, readable(path):
        rows = pl.scan_parquet(path).select("id", "prompt")
        if new == "gone":
            path.unlink()
        else:
            pl.DataFrame({"other": [1]}).write_parquet(other)
            if new == "broken":
                other.write_bytes(b"PAR1 and then nothing")
            os.replace(other, path)
        rows.collect()
    assert caught.value.remedy == "Do the same again."


def test_the_disks_own_errors_are_not_the_tables(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    with pytest.raises(OSError, match="full"), readable(table_path(tmp_path, "1_tasks")):
        raise OSError(28, "the disk is full")
    check_table(tmp_path, "1_tasks")
