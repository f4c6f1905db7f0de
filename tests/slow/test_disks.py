"""`distill generate` on disks that are full, folders that are read-only, and stores that another program has locked.

What is promised: it ends with exit code 2 and says what to mend; what had landed is kept, and when it is mended the same
command asks only for what never landed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import ChatServer
from tests.slow.conftest import ROWS
from tests.small_runs import (
    Ended,
    done,
    end,
    generate,
    make_folder,
    replies,
    start,
    tables,
    write_rows,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@contextmanager
def small_disk(place: Path, kibibytes: int) -> Iterator[None]:
    """A disk of its own at a folder."""
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_under_the_store(work: Path, undisturbed: Path) -> None:
    with small_disk(work / "store", 512), ChatServer(seconds=0.01) as server:
        (work / "store/ballast").write_bytes(b" " * 300 * 1024)
        words = ("--store", "store/replies.sqlite")
        ended = generate(work, server.url, *words, concurrency=8)
        assert ended.code == 2 and "Traceback" not in ended.err, ended.err
        assert "store/replies.sqlite" in ended.err and "Free space" in ended.err
        assert "never retrieved" not in ended.err
        (work / "store/ballast").unlink()
        kept, before = replies(work, "store/replies.sqlite"), server.hits
        assert 0 < kept < ROWS
        assert before - kept <= 2 * 8  # landed while the disk was found to be full
        subprocess.run(["mount", "-o", "remount,size=8m", work / "store"], check=True)
        done(work, server.url, *words)
        assert server.hits - before == ROWS - kept
    assert tables(work) == tables(undisturbed)


def test_a_full_disk_under_the_tables(work: Path, undisturbed: Path) -> None:
    with small_disk(work / "data/runs", 40), ChatServer() as server:
        ended = generate(work, server.url)
        assert ended.code == 2 and "Traceback" not in ended.err, ended.err
        assert "No space left" in ended.err and "Free space" in ended.err
        assert not list((work / "data/runs/small").glob("*.parquet"))
        subprocess.run(["mount", "-o", "remount,size=8m", work / "data/runs"], check=True)
        done(work, server.url)
        assert server.hits == ROWS
        assert tables(work) == tables(undisturbed)


@pytest.mark.parametrize("folder", ["data", "data/runs", "data/runs/small"])
def test_a_read_only_folder(tmp_path: Path, undisturbed: Path, folder: str) -> None:
    work = Path(shutil.copytree(undisturbed, tmp_path / "work"))
    before = tables(work)
    write_rows(work, range(ROWS + 20))
    with ChatServer() as server, read_only(work / folder):
        ended = generate(work, server.url)
        assert ended.code == 2 and "Traceback" not in ended.err, ended.err
        assert str(Path(folder)) in ended.err
    assert tables(work) == before
    with ChatServer() as mended:
        done(work, mended.url)
        assert server.hits + mended.hits == 20
        assert sorted({**server.answered, **mended.answered}.values()) == [1] * 20


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder nobody can write to, not even root."""
    if os.getuid():
        place.chmod(0o500)
        yield
        place.chmod(0o700)
        return
    subprocess.run(["mount", "--bind", place, place], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_store_another_program_has_locked(tmp_path: Path, undisturbed: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        fresh, filled = make_folder(tmp_path / "fresh", range(ROWS)), Path(shutil.copytree(undisturbed, tmp_path / "filled"))
        both = pool.submit(locked_in_the_middle, fresh), pool.submit(locked_from_the_start, filled)
        for each in both:
            each.result()
    assert tables(fresh) == tables(filled) == tables(undisturbed)


def locked_in_the_middle(work: Path, in_flight: int = 8) -> None:
    with ChatServer(seconds=0.05) as server:
        process = start(work, server.url, concurrency=in_flight)
        server.wait_for_hits(ROWS // 2)
        with exclusive(work / "data/responses.sqlite"):
            refused(end(process))
        kept, before = replies(work), server.hits
        assert before - kept <= 2 * in_flight  # what had come back when the lock was met, and what was asked meanwhile
        done(work, server.url)
        assert server.hits - before == ROWS - kept > 0


def locked_from_the_start(work: Path, in_flight: int = 8) -> None:
    with ChatServer() as server:
        with exclusive(work / "data/responses.sqlite"):
            done(work, server.url)  # all is remembered, and reading is not forbidden
            write_rows(work, range(ROWS + 60))
            refused(generate(work, server.url, concurrency=in_flight))
        assert server.hits <= 2 * in_flight
        done(work, server.url)
        assert 60 <= server.hits <= 60 + 2 * in_flight and len(server.by_body) == 60
        write_rows(work, range(ROWS))
        done(work, server.url)


@contextmanager
def exclusive(store: Path) -> Iterator[None]:
    """Another program holds the store, as a backup or a shell with an open transaction does."""
    locker = sqlite3.connect(store, isolation_level=None, timeout=60)
    locker.execute("BEGIN EXCLUSIVE")
    yield
    locker.execute("ROLLBACK")
    locker.close()


def refused(ended: Ended) -> None:
    assert ended.code == 2 and "Traceback" not in ended.err and "never retrieved" not in ended.err, ended.err
    assert "responses.sqlite" in ended.err and "locked" in ended.err
