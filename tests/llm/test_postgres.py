"""The store in PostgreSQL: a real server that is shared, restarted, locked, refused, and never told on."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.databases import database_at, session
from pipeline.llm.databases.stored import Stored, checksum
from pipeline.llm.request import Reply
from pipeline.llm.store import Store
from pipeline.report.replies import export, prune, stats
from pipeline.settings import load_settings
from tests.llm.test_store import stored
from tests.llm.test_store_processes import expect_each_asked_once, expect_only_what_was_in_flight_asked_twice
from tests.postgres import ESCAPED, PASSWORD, Cluster, needs_postgres

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as server:
        yield server


@pytest.fixture
def where(cluster: Cluster) -> str:
    """The address of an empty database."""
    cluster.ask("DROP SCHEMA public CASCADE")
    cluster.ask("CREATE SCHEMA public")
    return cluster.address()


def test_put_and_get_at_once(where: str) -> None:
    async def scene() -> None:
        async with Store(where) as store:

            async def put_and_get(number: int) -> None:
                reply = Reply(text=f"Größe {number} 🙂\n\0", finish="length", tokens_in=3, cost=0.25, seconds=1.5)
                assert await store.get(str(number)) is None
                assert await store.claim(str(number)) is None
                await store.put(str(number), reply, provider="host" if number % 2 else "", model="m")
                assert await store.get(str(number)) == reply

            await asyncio.gather(*(put_and_get(number) for number in range(300)))
            await store.put("7", Reply(text="second"))
            assert (await store.claim("7") or Reply()).text == "Größe 7 🙂\n\0"

    asyncio.run(scene())
    with database_at(where, reading=True) as database:
        rows = [row for page in database.pages() for row in page]
        assert len({row.key for row in rows}) == 300
        assert {(row.provider, row.model) for row in rows} == {("host", "m"), (None, "m")}
        assert database.size() > 8192
        assert database.remove(["1", "2", "none"]) == 2


def test_who_claims_first_asks_and_the_others_get_the_reply(where: str, cluster: Cluster) -> None:
    async def scene() -> None:
        async with Store(where) as one, Store(where) as other:
            assert await one.claim("key") is None
            assert await one.claim("given up") is None
            waiting = [asyncio.create_task(store.claim("key")) for store in (one, other, other)]
            free = asyncio.create_task(other.claim("given up"))
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in [*waiting, free])
            await one.put("key", Reply(text="bought once"))
            await one.release("given up")
            assert [reply and reply.text for reply in await asyncio.gather(*waiting)] == ["bought once"] * 3
            assert await free is None
            assert cluster.ask("SELECT key FROM distill_claims") == [("given up",)]

    asyncio.run(scene())

    async def later() -> None:
        async with Store(where) as store:
            assert cluster.ask("SELECT key FROM distill_claims") == []  # of one who is gone
            assert await store.claim("given up") is None

    asyncio.run(later())


def test_a_reply_lands_though_who_asked_is_gone(where: str, cluster: Cluster) -> None:
    async def scene() -> None:
        async with Store(where) as store:
            putting = asyncio.create_task(store.put("key", Reply(text="paid for")))
            await asyncio.sleep(0)
            putting.cancel()

    asyncio.run(scene())
    assert cluster.ask("SELECT reply::jsonb ->> 'text' FROM distill_replies") == [("paid for",)]


@pytest.mark.slow
def test_each_key_is_asked_once(where: str, tmp_path: Path) -> None:
    expect_each_asked_once(where, tmp_path / "log")


def test_after_a_kill_only_what_was_in_flight_is_asked_again(where: str, tmp_path: Path) -> None:
    expect_only_what_was_in_flight_asked_twice(where, tmp_path / "log")


def test_stats_export_and_prune(where: str, cluster: Cluster, tmp_path: Path) -> None:
    with database_at(where) as database:
        for number in range(1000):
            reply = Reply(text=str(number), tokens_in=2, tokens_out=1, cost=0.5).model_dump_json().encode()
            database.put([Stored(str(number), reply, 1e9, f"p{number % 2}", "m", checksum(str(number), reply))])
    first, _, *models = stats(where)
    assert first.startswith(f"postgresql://127.0.0.1:{cluster.port}/replies: 1,000 replies in ")
    assert [line.split() for line in models] == [[f"p{kind}", "m", "500", "1,000", "500", "250.0000", "0"] for kind in (0, 1)]
    assert export(where, tmp_path / "copy.sqlite") == [f"{tmp_path}/copy.sqlite: 1,000 replies"]
    assert stored(tmp_path / "copy.sqlite") == {str(number): str(number) for number in range(1000)}
    assert prune(where, provider="p1")[0] == 500
    assert prune(where, older_than_days=1)[0] == 500
    assert "/replies: 0 replies in" in stats(where)[0]


def end_connections(cluster: Cluster) -> None:
    ended = cluster.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'distill' AND datname = 'replies'"
    )
    assert ended


def test_a_lost_connection_is_made_again_and_claims_are_kept(where: str, cluster: Cluster) -> None:
    async def scene() -> None:
        async with Store(where) as one:
            assert await one.claim("mine") is None
            assert await one.claim("given up") is None
            end_connections(cluster)
            await one.put("other", Reply(text="x"))
            async with Store(where) as other:
                assert await other.claim("other") == Reply(text="x")
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(other.claim("mine"), 0.3)
                end_connections(cluster)
                await one.put("mine", Reply(text="y"))
                await one.release("given up")
                assert await other.claim("mine") == Reply(text="y")
                assert await asyncio.wait_for(other.claim("given up"), 1) is None

    asyncio.run(scene())


def test_a_server_that_is_restarted_is_waited_for(where: str, cluster: Cluster) -> None:
    async def scene() -> None:
        async with Store(where) as store:
            assert await store.claim("key") is None
            cluster.stop()
            putting = asyncio.create_task(store.put("key", Reply(text="x")))
            await asyncio.to_thread(cluster.start)
            await putting
            assert await store.get("key") == Reply(text="x")

    asyncio.run(scene())


def test_a_server_that_is_gone_is_the_users_to_mend(where: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RECONNECT", 0.5)

    async def scene() -> None:
        async with Store(where) as store:
            await store.get("key")
            cluster.stop()
            await store.put("key", Reply(text="x"))

    try:
        with pytest.raises(UserError) as caught:
            asyncio.run(scene())
    finally:
        cluster.start()
    assert caught.value.what.startswith(f"postgresql://127.0.0.1:{cluster.port}/replies: the response store cannot be used: ")
    assert "1 of the replies that came could not be stored" in caught.value.what


def test_a_table_another_program_holds(where: str, cluster: Cluster) -> None:
    import psycopg

    async def scene() -> None:
        async with Store(where, patience=0.2) as store:
            with psycopg.connect(cluster.address()) as other:
                other.execute("LOCK TABLE distill_replies IN EXCLUSIVE MODE")
                with pytest.raises(UserError, match="another program holds it"):
                    await store.put("key", Reply(text="x"))

    asyncio.run(scene())
    assert cluster.ask("SELECT key FROM distill_replies") == [("key",)]  # stored in the end


def test_a_store_of_a_newer_version_is_refused(where: str, cluster: Cluster) -> None:
    async def scene() -> None:
        async with Store(where):
            pass

    asyncio.run(scene())
    cluster.ask("UPDATE distill_version SET version = 7")
    with pytest.raises(UserError, match="a newer version of this program made this store: version 7"):
        asyncio.run(scene())


def test_where_nothing_was_stored_there_is_nothing_to_read(where: str) -> None:
    with pytest.raises(UserError, match="no replies are stored there"), database_at(where, reading=True):
        pass


def open_store(address: str) -> None:
    async def scene() -> None:
        async with Store(address):
            pass

    asyncio.run(scene())


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://distill:{password}@127.0.0.1:{port}/nowhere",
        "postgresql://distill:wr0ng{password}@127.0.0.1:{port}/replies",
        "postgresql://distill:{password}@127.0.0.1:1/replies",
        "postgresql://distill:{raw}@127.0.0.1:{port}/replies",
        "postgresql://distill:12/34{password}@127.0.0.1/replies",
        "postgresql://distill:12%zz{password}@127.0.0.1/replies",
        "postgresql://127.0.0.1:{port}/replies?user=distill&password={password}&sslmode=none",
        "postgresql://127.0.0.1:{port}/replies?user=distill&pass={password}",
        "postgres:/distill:{password}@127.0.0.1/replies",
    ],
)
def test_a_password_is_never_shown(address: str, cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    filled = address.format(password=ESCAPED, raw=PASSWORD, port=cluster.port)
    with pytest.raises(UserError) as caught:
        open_store(filled)
    shown = f"{caught.getrepr(showlocals=False, style='value')} {caplog.text} {load_settings(store=filled)!r}"
    assert not any(part in shown for part in ("s3cret", "k3y", "geheim", "zz"))


def test_the_driver_is_loaded_only_where_it_is_needed(tmp_path: Path) -> None:
    program = "import sys; from pipeline.llm.store import Store; Store(sys.argv[1]); assert 'psycopg' not in sys.modules"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "x")], check=True, timeout=60)


def test_a_driver_that_is_missing_is_named() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None; from pipeline.llm.store import Store; Store('postgresql://u:geheim@h/d')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "UserError" in done.stderr and "pip install -e '.[postgres]'" in done.stderr
    assert "geheim" not in done.stderr.replace(program, "")
