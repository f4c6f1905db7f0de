"""The sandbox: what a program can do in it, what it cannot do to us, and that its workers come and go as they should."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipeline.answers.sandbox import Limits, Ran, run_code
from pipeline.settings import REPOSITORY
from tests.answers.attacks import ATTACKS

pytest.importorskip("pydantic_monty", reason="programs are run by pydantic-monty: pip install -e '.[code]'")

SHORT = Limits(seconds=0.3)
SECRET = "canary-5417"
MEMORY_BOMB = "[str(n) for n in range(400000)]"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", 2),
        ("'a' * 3", "aaa"),
        ("0.5", 0.5),
        ("1 < 2", True),
        ("[1]", None),
        ("a = 1", None),
        ("class A: pass\n{A()}", None),
    ],
)
def test_value(code: str, value: object) -> None:
    assert run_code(code) == Ran("ok", value=value)  # type: ignore[arg-type]


def test_printed() -> None:
    assert run_code("print('a')\nprint('b', end='')\n1 / 0").printed == "a\nb"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("1 / 0", "failed", "ZeroDivisionError: division by zero"),
        ("raise ValueError('no')", "failed", "ValueError: no"),
        ("raise NotImplementedError", "failed", "NotImplementedError"),
        ("unheard_of", "failed", "NameError: name 'unheard_of' is not defined"),
        ("'a'.unheard_of()", "failed", "'str' object has no attribute 'unheard_of'"),
        ("def f(:", "failed", "SyntaxError"),
        ("eval('2x')", "failed", "SyntaxError"),
        ("'\ud800'", "failed", "SyntaxError"),
        ("assert 1 == 2", "failed", "AssertionError"),
        ("import numpy", "unsupported", "No module named 'numpy'"),
        ("from math import unheard_of", "unsupported", "cannot import name"),
        ("class A: pass\nclass B(A): pass", "unsupported", "class inheritance"),
        ("def f():\n    yield 1", "unsupported", "yield"),
        ("from math import *", "unsupported", "Wildcard imports"),
        ("import sys\nsys.exit(1)", "unsupported", "module 'sys' has no attribute 'exit'"),
        ("sorted(['b'], key=str.lower)", "unsupported", "type object 'str' has no attribute 'lower'"),
        ("input()", "unsupported", "name 'input' is not defined"),
        ("'a'.translate({})", "unsupported", "'str' object has no attribute 'translate'"),
        ("1" + " + 1" * 300, "unsupported", "too deeply nested"),
        ("while True: pass", "limit", "takes too long"),
        ("a = [0] * 10**8", "limit", "takes too much memory"),
        (MEMORY_BOMB, "limit", "takes too much memory"),
        ("def f(): f()\nf()", "limit", "recurses too deeply"),
        ("import time\ntime.sleep(1)", "limit", "sleeps too long"),
        ("while True: print('a' * 1000)", "limit", "takes too much memory or prints too much"),
        ("for n in range(150):\n    try: unheard_of\n    except NameError: pass", "limit", "asks too often"),
        ("#" * 100_001, "limit", "is longer than 100000 characters"),
    ],
)
def test_what_stops_a_program(code: str, status: str, error: str) -> None:
    ran = run_code(code, limits=Limits(seconds=1.5))
    assert ran.status == status and error in ran.error and len(ran.error) <= 200


def test_parts_see_each_others_names_and_are_told_apart() -> None:
    assert run_code("a = 1", "a += 1", "a") == Ran("ok", value=2, part=2)
    assert run_code("a = 1", "a / 0", "a").part == 1
    for swallowing in ('a = """', "a = (", "a = 1 \\", "if True:", "#", "'"):
        ran = run_code(swallowing, "1 / 0")
        assert ran.status == "failed", f"the second part was not run after {swallowing!r}"


def test_the_same_program_gives_the_same(tmp_path: Path) -> None:
    code = (
        "import random, time, datetime\n"
        "str((random.random(), random.Random().random(), time.time(), time.perf_counter(), datetime.datetime.now(), "
        "{'a', 'b', 'c', 'd'}, hash('a'), lambda: 0))"
    )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        assert len({run_code(code), run_code(code), other.submit(run_code, code).result()}) == 1
    assert "2026, 1, 1" in str(run_code(code).value)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str, tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    canary, target = tmp_path / "canary", tmp_path / "written"
    canary.write_text(SECRET)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    code, statuses = ATTACKS[name]
    for mark, what in {"CANARY": canary, "TARGET": target, "PORT": listener.getsockname()[1], "PID": os.getpid()}.items():
        code = code.replace(mark, str(what))
    before = descendants(os.getpid())
    start = time.monotonic()
    ran = run_code(code, limits=SHORT)
    assert time.monotonic() - start < 8  # a second more than the limit for what cannot be interrupted, and a busy machine
    assert ran.status in statuses, ran
    assert SECRET not in f"{ran.printed}{ran.value}{ran.error}" and len(ran.printed) <= SHORT.printed_bytes
    assert sorted(tmp_path.iterdir()) == [canary] and canary.read_text() == SECRET
    with pytest.raises(BlockingIOError):
        listener.accept()
    new = {command for pid, command in descendants(os.getpid()).items() if pid not in before}
    assert new <= {"monty subprocess"}, "a process outlived the program"
    assert run_code("1 + 1").value == 2


def test_attacks_are_many() -> None:
    assert len(ATTACKS) >= 40


def descendants(pid: int) -> dict[int, str]:
    """Living processes below one, by id, with what they are."""
    parents = {}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (each / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (each / "cmdline").read_text().strip("\0").split("\0")
        except (OSError, ValueError):
            continue
        if state != "Z":
            parents[int(each.name)] = (int(parent), " ".join([Path(command[0]).name, *command[1:]]))
    found = {child: command for child, (parent, command) in parents.items() if parent == pid}
    return found | {low: command for child in list(found) for low, command in descendants(child).items()}


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def workers() -> list[int]:
    return [pid for pid, command in descendants(os.getpid()).items() if command == "monty subprocess"]


@needs_proc
def test_a_worker_holds_no_environment() -> None:
    run_code("1")
    assert workers() and all(Path(f"/proc/{pid}/environ").read_text() == "" for pid in workers())


@needs_proc
def test_a_killed_worker_is_replaced() -> None:
    run_code("1")
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    assert run_code("1 + 1").value == 2
    running = threading.Timer(0.3, lambda: [os.kill(pid, signal.SIGKILL) for pid in workers()])
    running.start()
    assert run_code("a = 0\nwhile a < 5000000: a += 1\na", limits=Limits(seconds=30)).value == 5_000_000  # over a second
    running.join()


@needs_proc
def test_a_program_whose_worker_dies_each_time_is_not_judged() -> None:
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.2):
            for pid in workers():
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    ran = run_code("while True: pass", limits=Limits(seconds=20))
    done.set()
    killer.join()
    assert ran.status == "error"
    assert run_code("1 + 1").value == 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes(method: str) -> None:
    before = descendants(os.getpid())
    assert run_code("1 + 1").value == 2  # so a forked process inherits a pool whose threads it lacks
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as processes:
        programs = [f"{n} * 2" for n in range(6)]
        assert [ran.value for ran in processes.map(run_code, programs)] == [0, 2, 4, 6, 8, 10]
        assert processes.submit(run_code, "1 / 0").result().status == "failed"
    assert run_code("1 + 1").value == 2
    left = {
        command
        for number, command in descendants(os.getpid()).items()
        if number not in before and "forkserver" not in command and "tracker" not in command
    }
    assert left <= {"monty subprocess"}


def test_threads_and_event_loops() -> None:
    async def main() -> list[Ran]:
        here = run_code("0")
        return [here, *await asyncio.gather(*(asyncio.to_thread(run_code, str(n)) for n in range(1, 9)))]

    assert [ran.value for ran in asyncio.run(main())] == list(range(9))


PROGRAM = f"""
import sys
from pipeline.answers.sandbox import run_code
if __name__ == "__main__":
    assert run_code({MEMORY_BOMB!r}).status == "limit" and run_code("1").value == 1
    print("ready", flush=True)
    sys.stdin.read()
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@needs_proc
@pytest.mark.parametrize("end", ["exit", "kill"])
def test_nothing_is_left_of_a_process(end: str, tmp_path: Path) -> None:
    arguments, environment = [sys.executable, "-c", PROGRAM], os.environ | {"TMPDIR": str(tmp_path)}
    ends: dict[str, int] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(arguments, cwd=REPOSITORY, env=environment, text=True, **ends) as process:
        assert process.stdin and process.stdout and process.stderr
        assert process.stdout.readline() == "ready\n"
        below = descendants(process.pid)
        if end == "kill":
            process.kill()
        process.stdin.close()
        assert process.stderr.read() == "", "a program without memory is no news on stderr"
    deadline = time.monotonic() + 5
    while any(map(is_alive, below)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert below and not any(map(is_alive, below))
    assert end == "kill" or not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import sys; sys.modules['pydantic_monty'] = None", "pydantic-monty is not installed"),
        ("import os; os.environ['MONTY_BIN'] = '/nowhere/monty'", "the sandbox cannot be started"),
    ],
)
def test_without_the_interpreter_the_user_is_told(before: str, said: str) -> None:
    program = f"{before}\nfrom pipeline.answers.sandbox import run_code\nrun_code('1')"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert "UserError" in done.stderr and said in done.stderr
