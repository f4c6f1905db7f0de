"""The store: what `put` returned for is there after a kill, however many write, and its failures are the user's to mend."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.request import Reply
from pipeline.llm.store import Store

WRITER = """
import asyncio, sys
from pathlib import Path
from pipeline.llm.request import Reply
from pipeline.llm.store import Store

async def main(path, name, rows):
    async with Store(path) as store:
        async def put(number):
            await store.put(f"{name}{number}", Reply(text=f"reply {name}{number}"))
            print(f"{name}{number}", flush=True)
        for start in range(0, rows, 8):
            await asyncio.gather(*(put(number) for number in range(start, start + 8)))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


def writer(path: Path, name: str, rows: int) -> subprocess.Popen[str]:
    """A process that puts rows and prints the key of each that is durable."""
    words = [sys.executable, "-c", WRITER, str(path), name, str(rows)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def stored(path: Path) -> dict[str, str]:
    """Keys and texts in a store file, read by a connection of its own."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT key, reply FROM replies").fetchall()
    return {key: str(Reply.model_validate_json(reply).text) for key, reply in rows}


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    process = writer(path, "a", 1_000_000)
    assert process.stdout is not None
    landed = [process.stdout.readline().strip() for _ in range(200)]
    process.kill()
    landed += [line for line in process.stdout.read().split("\n")[:-1] if line]
    process.wait()
    assert len(landed) >= 200
    there = stored(path)
    assert all(there[key] == f"reply {key}" for key in landed)


def test_processes_make_and_fill_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    processes = [writer(path, name, 200) for name in "abc"]
    assert [len(process.communicate()[0].split()) for process in processes] == [200, 200, 200]
    assert stored(path).keys() == {f"{name}{number}" for name in "abc" for number in range(200)}


def test_put_and_get_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Store(tmp_path / "deep" / "responses.sqlite") as store:

            async def put_and_get(number: int) -> None:
                reply = Reply(text=f"Größe {number} 🙂\n", finish="length", tokens_in=3, cost=0.25, seconds=1.5)
                assert await store.get(str(number)) is None
                await store.put(str(number), reply)
                assert await store.get(str(number)) == reply

            await asyncio.gather(*(put_and_get(number) for number in range(300)))

    asyncio.run(scene())


def test_replies_that_land_together_share_a_commit(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        async with Store(path) as store:
            await asyncio.gather(*(store.put(str(number), Reply(text="x")) for number in range(500)))

    asyncio.run(scene())
    with sqlite3.connect(path) as connection:
        rows, commits = connection.execute("SELECT count(*), count(DISTINCT landed) FROM replies").fetchone()
    assert rows == 500
    assert commits <= 3


def test_the_first_reply_under_a_key_stays(tmp_path: Path) -> None:
    async def scene() -> Reply | None:
        async with Store(tmp_path / "responses.sqlite") as store:
            await store.put("key", Reply(text="first"))
            await store.put("key", Reply(text="second"))
            return await store.get("key")

    reply = asyncio.run(scene())
    assert reply is not None and reply.text == "first"


def test_a_reply_lands_though_who_asked_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        async with Store(path) as store:
            putting = asyncio.create_task(store.put("key", Reply(text="paid for")))
            await asyncio.sleep(0)
            putting.cancel()

    asyncio.run(scene())
    assert stored(path) == {"key": "paid for"}


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


def test_an_address_is_no_path() -> None:
    with pytest.raises(UserError, match="only a path"):
        Store(Path("postgresql://host/name"))
