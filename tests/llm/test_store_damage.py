"""A store that is damaged, full, forbidden, locked, old or too new says so and what to do; what was stored stays stored."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.databases.sqlite import SqliteDatabase
from pipeline.llm.databases.stored import Damaged, reply_in
from pipeline.llm.request import Reply
from pipeline.llm.store import Store
from tests.llm.test_store import stored

KEYS = [str(number) for number in range(600)]


def text(key: str) -> str:
    """What is stored under a key: from a few bytes to some pages."""
    return f"{key} " * random.Random(key).choice([1, 30, 300, 3000])


def filled(path: Path) -> Path:
    """A store with a reply under each of the keys."""

    async def scene() -> None:
        async with Store(path) as store:
            for start in range(0, len(KEYS), 100):
                await asyncio.gather(*(store.put(key, Reply(text=text(key))) for key in KEYS[start : start + 100]))

    asyncio.run(scene())
    return path


def claim_all(path: Path) -> dict[str, Reply | None]:
    """What a store says to a claim of each key."""

    async def scene() -> dict[str, Reply | None]:
        async with Store(path) as store:
            return dict(zip(KEYS, await asyncio.gather(*map(store.claim, KEYS)), strict=True))

    return asyncio.run(scene())


def broken(folder: Path) -> Path:
    path = folder / "responses.sqlite"
    path.write_bytes(b"this is no database, " * 500)
    return path


def a_folder(folder: Path) -> Path:
    path = folder / "responses.sqlite"
    path.mkdir()
    return path


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "responses.sqlite"


@pytest.mark.parametrize("make", [broken, a_folder, below_a_file])
def test_a_file_that_cannot_be_used_is_the_users_to_mend(tmp_path: Path, make: object) -> None:
    path = make(tmp_path)  # type: ignore[operator]

    async def scene() -> None:
        async with Store(path):
            pass

    with pytest.raises(UserError, match=r"responses\.sqlite: the response store cannot be used: ") as caught:
        asyncio.run(scene())
    assert "DISTILL_STORE" in caught.value.remedy


def test_a_row_that_is_no_reply_is_the_users_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        async with Store(path) as store:
            await store.put("key", Reply(text="x"))
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE replies SET reply = '{half'")
            await store.get("key")

    with pytest.raises(UserError, match="DISTILL_STORE"):
        asyncio.run(scene())


@pytest.mark.parametrize("seed", range(12))
def test_no_reply_that_changed_on_the_disk_is_believed(tmp_path: Path, seed: int) -> None:
    """Bytes turned at random: a reply is as it was put, or the store is refused, or it is asked for again."""
    path = filled(tmp_path / "responses.sqlite")
    draw, data = random.Random(seed), bytearray(path.read_bytes())
    start = draw.randrange(4096, len(data) - 5000)
    for place in range(start, start + draw.choice([1, 10, 5000])):
        data[place] ^= draw.randrange(1, 256)
    path.write_bytes(data)
    try:
        replies = claim_all(path)
    except Damaged as error:
        assert str(path) in error.what and "distill store export" in error.remedy
    else:
        assert all(reply is None or reply.text == text(key) for key, reply in replies.items())
        assert sum(reply is None for reply in replies.values()) <= 2


def test_a_changed_reply_is_named(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    data = path.read_bytes()
    assert data.count(b'"377 377 377 ') == 1
    path.write_bytes(data.replace(b'"377 377 377 ', b'"377 378 377 '))
    with pytest.raises(Damaged, match=r"responses\.sqlite: the reply under 377 is damaged: its checksum differs"):
        claim_all(path)


def test_a_row_of_other_bytes_is_damage(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE replies SET reply = x'00ff' WHERE key = '4'")
    with pytest.raises(Damaged, match="the reply under 4 is damaged"):
        claim_all(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = filled(tmp_path / "responses.sqlite")
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(Damaged, match=r"responses\.sqlite: the response store cannot be used: .*malformed"):
        claim_all(path)


def test_damage_met_while_writing(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)

    async def scene() -> None:
        async with Store(path) as store:
            await store.put("new", Reply(text="x"))

    with pytest.raises(UserError, match=r"malformed; 1 of the replies that came could not be stored"):
        asyncio.run(scene())


def test_all_but_the_damaged_rows_can_be_read(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(data)
    damaged: list[Damaged] = []
    whole = 0
    with SqliteDatabase(path, 1.0, reading=True) as database:
        for row in (row for rows in database.pages(damaged) for row in rows):
            try:
                assert reply_in(row, "").text == text(row.key)
                whole += 1
            except Damaged as damage:
                damaged.append(damage)
    assert damaged
    assert len(KEYS) - 60 < whole < len(KEYS)


OLD = "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL, landed REAL NOT NULL) WITHOUT ROWID"


def test_a_store_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(OLD)
        rows = [(key, Reply(text=key).model_dump_json()) for key in KEYS]
        connection.executemany("INSERT INTO replies VALUES (?, ?, 1.5)", rows)
    assert {key: reply and reply.text for key, reply in claim_all(path).items()} == {key: key for key in KEYS}
    with sqlite3.connect(path) as connection:
        question = "SELECT landed, provider, model, checksum, count(*) FROM replies GROUP BY 1, 2, 3, 4"
        assert connection.execute(question).fetchall() == [(1.5, None, None, None, len(KEYS))]
    assert claim_all(path)["0"] == Reply(text="0")


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(UserError, match=r"\.sqlite: a newer version of this program made this store: version 7") as caught:
        claim_all(path)
    assert "Update" in caught.value.remedy


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE places (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(UserError, match="a database of another program"):
        claim_all(path)
    assert path.read_bytes() == before


def test_what_another_program_kept_from_being_stored_is_stored_in_the_end(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    other = sqlite3.connect(path, isolation_level=None)

    async def scene() -> None:
        async with Store(path, patience=0.2) as store:
            other.execute("BEGIN EXCLUSIVE")
            assert await store.claim("new") is None
            with pytest.raises(UserError, match="locked: another program holds it"):
                await store.put("new", Reply(text="paid for"))
            other.execute("COMMIT")

    asyncio.run(scene())
    assert stored(path)["new"] == "paid for"


def test_what_could_not_be_stored_is_counted(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    async def scene() -> None:
        async with Store(path, patience=0.2) as store:
            for number in range(3):
                with pytest.raises(UserError, match="another program holds it"):
                    await store.put(f"new {number}", Reply(text="x"))

    with pytest.raises(UserError, match="another program holds it; 3 of the replies that came could not be stored"):
        asyncio.run(scene())
    other.execute("COMMIT")
    assert stored(path).keys() == set(KEYS)


def test_a_store_that_is_held_locked_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    async def scene() -> None:
        async with Store(path, patience=0.2):
            pass

    with pytest.raises(UserError, match="another program holds it"):
        asyncio.run(scene())


FILL = """
    import asyncio, os, resource, sys
    from pipeline.errors import UserError
    from pipeline.llm.request import Reply
    from pipeline.llm.store import Store

    async def main():
        {first}
        async with Store(sys.argv[1]) as store:
            for number in range(2000):
                await store.put(f"new {{number}}", Reply(text="x" * 5000))
                print(f"new {{number}}")
    try:
        asyncio.run(main())
    except UserError as error:
        print(f"exit {{error.exit_code}}: {{error}}")
"""
"""Puts replies until it cannot, and prints the key of each that is durable."""


def fill(path: Path, first: str = "") -> str:
    """What a process says that does something first and then fills the store."""
    program = textwrap.dedent(FILL).format(first=first)
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def expect_nothing_lost(path: Path, said: str) -> None:
    *landed, last = [line for line in said.splitlines() if not line.startswith(" ")]
    assert 2 < len(landed) < 2000
    assert last.startswith(f"exit 2: {path}: the response store cannot be used: ")
    assert "1 of the replies that came could not be stored and will be asked for again" in last
    there = stored(path)
    assert set(landed) | set(KEYS) <= there.keys()
    assert all(there[key].strip() == text(key).strip() for key in KEYS)


def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "responses.sqlite")
    expect_nothing_lost(path, fill(path, "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))"))


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of a few megabytes, which only root can make."""
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("a small file system cannot be mounted here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    finally:
        folder.rmdir()


def test_a_full_disk_loses_nothing() -> None:
    with small_disk(10) as folder:
        path = filled(folder / "responses.sqlite")
        said = fill(path)
        assert "database or disk is full" in said
        expect_nothing_lost(path, said)


def forbid_folder(path: Path) -> None:
    path.parent.chmod(0o555)


def forbid_file(path: Path) -> None:
    path.chmod(0o444)


@pytest.mark.parametrize("forbid", [forbid_folder, forbid_file])
def test_a_store_that_may_not_be_written(forbid: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = filled(folder / "responses.sqlite")
        path.chmod(0o666)
        forbid(path)
        said = fill(path, "os.geteuid() or os.seteuid(65534)")
        assert f"exit 2: {path}: the response store cannot be used: " in said
        folder.chmod(0o777)
        assert stored(path).keys() == set(KEYS)
