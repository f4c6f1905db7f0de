"""The store: what `put` returned for is there after a kill, however many write, and its failures are the user's to mend."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.databases.sqlite import SqliteDatabase
from pipeline.llm.request import Reply
from pipeline.llm.store import Store
from pipeline.settings import load_settings

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
    with closing(sqlite3.connect(path)) as connection:
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
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


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


@pytest.mark.parametrize(
    "where", ["mysql://user:secret@host/name", Path("postgresql://user:secret@host/name"), "http://secret"]
)
def test_an_address_that_is_not_understood_is_not_shown(where: str | Path) -> None:
    with pytest.raises(UserError, match="neither a path nor") as caught:
        Store(where)
    assert "secret" not in str(caught.value)


def test_settings_do_not_show_the_address_of_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("postgresql://user:secret@host/name", "mysql://user:secret@host/name", "postgres:/user:secret@host/name"):
        monkeypatch.setenv("DISTILL_STORE", address)
        settings = load_settings()
        assert settings.store_path == address
        assert "secret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_who_claims_first_asks_and_the_others_get_the_reply(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Store(tmp_path / "responses.sqlite") as one, Store(tmp_path / "responses.sqlite") as other:
            assert await one.claim("key") is None
            waiting = [asyncio.create_task(store.claim("key")) for store in (one, other, other)]
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in waiting)
            await one.put("key", Reply(text="bought once"))
            assert [reply and reply.text for reply in await asyncio.gather(*waiting)] == ["bought once"] * 3
            assert await other.claim("key") == Reply(text="bought once")

    asyncio.run(scene())


def test_a_claim_given_up_goes_to_one_of_those_who_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Store(tmp_path / "responses.sqlite") as one, Store(tmp_path / "responses.sqlite") as other:
            assert await one.claim("key") is None
            waiting = {asyncio.create_task(store.claim("key")) for store in (one, other, other)}
            await one.release("key")
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [None]
            done, waiting = await asyncio.wait(waiting, timeout=0.2)
            assert not done and len(waiting) == 2
            for task in waiting:
                task.cancel()

    asyncio.run(scene())


def test_a_claim_of_who_is_gone_is_nobodys(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Store(tmp_path / "responses.sqlite") as store:
            for turns in range(60):  # from before the store looks until after it answered
                claiming = asyncio.create_task(store.claim(str(turns)))
                for _ in range(turns % 10):
                    await asyncio.sleep(0)
                await asyncio.sleep(turns // 10 * 2e-4)
                answered = claiming.done()
                claiming.cancel()
                if not answered:
                    assert await asyncio.wait_for(store.claim(str(turns)), 1) is None

    asyncio.run(scene())


def test_a_claim_of_who_left_while_it_was_answered_is_nobodys(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Store(tmp_path / "responses.sqlite") as store:
            claiming = asyncio.create_task(store.claim("key"))
            await asyncio.sleep(0)
            await store.get("other")  # of the same look, and answered first: the claim is granted, and not yet heard of
            assert not claiming.done()
            claiming.cancel()
            assert await asyncio.wait_for(store.claim("key"), 1) is None

    asyncio.run(scene())


class Dawdling(SqliteDatabase):
    """A file that takes its time between looking for replies and claiming the missing ones."""

    def take(self, keys: Collection[str]) -> set[str]:
        time.sleep(0.2)
        return super().take(keys)


def test_a_reply_that_lands_between_look_and_claim_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        slow = Store(path)
        slow._database = Dawdling(path, 1.0)
        async with Store(path) as quick, slow:
            claiming = asyncio.create_task(slow.claim("key"))
            await asyncio.sleep(0.05)
            assert await quick.claim("key") is None
            await quick.put("key", Reply(text="x"))
            assert not claiming.done()
            assert await claiming == Reply(text="x")
            assert await asyncio.wait_for(quick.claim("key"), 1) == Reply(text="x")

    asyncio.run(scene())


def test_a_claim_ends_with_the_reply(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        async with Store(path) as one, Store(path) as other:
            assert await one.claim("key") is None
            await one.put("key", Reply(text="x"))
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("DELETE FROM replies")
                connection.commit()
            assert await asyncio.wait_for(other.claim("key"), 1) is None

    asyncio.run(scene())


def test_claims_end_with_their_store_and_not_with_another(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"

    async def scene() -> None:
        async with Store(path) as one:
            async with Store(path) as other:
                assert await one.claim("mine") is None
                assert await other.claim("yours") is None
            assert await asyncio.wait_for(one.claim("yours"), 1) is None
            assert not could_claim(path, "mine")
        assert could_claim(path, "mine")

    asyncio.run(scene())


def could_claim(path: Path, key: str) -> bool:
    """Whether another process gets a claim at once."""
    program = f"""
import asyncio
from pipeline.llm.store import Store

async def main():
    async with Store({str(path)!r}) as store:
        await asyncio.wait_for(store.claim({key!r}), 0.3)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or "TimeoutError" in done.stderr, done.stderr
    return done.returncode == 0
