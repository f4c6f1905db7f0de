"""What is seen of long work: a panel on a real terminal, lines without one, and nothing that an endpoint wrote is obeyed."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from pipeline.llm.tally import KEPT, Complaints
from pipeline.progress import LONGEST, Progress
from pipeline.stages.harvest import Yields
from tests.here import all_of
from tests.servers import ChatServer
from tests.small_runs import done, environment, make_folder
from tests.trouble import Trouble

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202eevil\u202c \u200b <script> \x00\x9b31m [bold]red[/bold]"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What the panel itself sends: colours, and moves of the cursor."""


def on_a_terminal(folder: Path, url: str, columns: int = 100, **settings: object) -> tuple[int, str]:
    """`distill generate small` in a terminal of its own: exit code, and all that was written to it."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, columns))
    given = environment(url, data="data", **settings) | {"TERM": "xterm-256color"}
    command = (sys.executable, "-m", "pipeline", "generate", "small")
    process = subprocess.Popen(command, cwd=folder, env=given, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b"".join(all_of(ours))
    os.close(ours)
    return process.wait(60), written.decode()


def test_the_panel_of_a_run(tmp_path: Path) -> None:
    make_folder(tmp_path, range(40))
    refused = Trouble(429, '{"error": {"message": "Slow down."}}', {"Retry-After": "0.1"}, where="14 + 3?", times=2)
    with ChatServer(refused, seconds=0.3) as server:
        code, written = on_a_terminal(tmp_path, server.url, concurrency=4, max_calls=500, max_tokens=1_000_000)
    seen = ESCAPES.sub("", written)
    assert code == 0, seen
    assert re.search(r"asking small-1: \d+ of 40 · [\d.]+ a second · \d:\d\d left", seen)
    assert re.search(r"calls +\d+ asked, [1-4] in flight.*; ceiling 500", seen)
    assert re.search(r"tokens +[\d,]+ in, [\d,]+ out; [\d,]+ of at most 1,000,000", seen)
    assert re.search(r"samples +\d+ of \d+ pass", seen) and "money    cost unknown" in seen
    assert re.search(r"errors +.*Slow down", seen)


def test_an_error_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    make_folder(tmp_path, range(12))
    body = b"{" + f'"error": {{"message": "{HOSTILE}"}}'.encode().replace(b"\x1b", b"\\u001b") + b"}"
    text = body.decode().replace("\x00", "\\u0000").replace("\x07", "\\u0007")
    with ChatServer(Trouble(400, text, where="14 + 3?"), seconds=0.3) as server:
        code, written = on_a_terminal(tmp_path, server.url, concurrency=2)
    assert code == 0 and "errors" in written and "x1b" in written and "u202e" in written
    assert not any(each in ESCAPES.sub("", written) for each in ("\x1b", "\x07", "\x00", "\u202e", "\u200b", "\x9b"))
    assert "\x1b[2J" not in written and "[bold]" in written


def test_lines_without_a_terminal(tmp_path: Path) -> None:
    make_folder(tmp_path, range(5))
    with ChatServer() as server:
        ended = done(tmp_path, server.url)
    (line,) = [each for each in ended.err.splitlines() if each.startswith("asking")]
    assert "\x1b" not in ended.err
    assert re.fullmatch(
        r"asking small-1: 5 of 5 · [\d.]+ a (second|minute) · \d:\d\d in all · calls 5 asked, 0 in flight · "
        r"tokens [\d,]+ in, [\d,]+ out · money cost unknown · samples 5 of 5 pass",
        line,
    )


def test_long_and_hostile_facts_are_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("asking", 2, facts=lambda: [("errors", HOSTILE + "\n" + "x" * 1_000_000), ("", "two")])
    panel, line = progress.panel().plain, progress.line()
    assert len(panel.splitlines()) == 3 and len(panel) < 3 * LONGEST
    assert len(line) < 2 * LONGEST and "\n" not in line
    assert not any(each in panel + line for each in "\x1b\x07\x00\u202e\u200b\x9b")


def test_the_rate_is_that_of_late() -> None:
    now = [0.0]
    progress = Progress("asking", 3000, now=lambda: now[0])
    now[0] = 10.0
    progress.advance(2000)  # from memory
    for _ in range(20):
        now[0] += 10.0
        progress.advance(20)
    assert progress.line().startswith("asking: 2,400 of 3,000 · 2.0 a second · 5:00 left")
    assert "11.4 a second" in progress.line(final=True)


def test_slow_work_is_counted_by_the_minute() -> None:
    now = [0.0]
    progress = Progress("asking", 10, now=lambda: now[0])
    now[0] = 60.0
    progress.advance(3)
    assert "3.0 a minute" in progress.line() and "2:20 left" in progress.line()


def test_yields_name_what_stops_most() -> None:
    yields = Yields(samples=1200, passed=700)
    yields.seen.update(finished=1200, answer_matches=1100, length=800)
    yields.stopped.update(finished=100, answer_matches=300)
    assert str(yields) == "700 of 1,200 pass: answer_matches 73 %, finished 92 %".replace(" %", "%")


def test_complaints_are_the_latest_ones() -> None:
    complaints = Complaints()
    for number in range(KEPT + 10):
        complaints.note(f"error {number}")
    complaints.note("error 20")
    assert complaints.latest(2) == [("error 20", 2), (f"error {KEPT + 9}", 1)]
    assert len(complaints.latest(1000)) == KEPT


def test_a_line_is_shown_while_nothing_advances(capsys: pytest.CaptureFixture[str]) -> None:
    said = ["trying"]

    async def scene() -> None:
        async with Progress("asking", 4, lambda: said[-1], lambda: [("calls", "1 in flight")], pause=0.001):
            await asyncio.sleep(0.02)
            said.append("last error: cannot be reached")
            await asyncio.sleep(0.02)

    asyncio.run(scene())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "asking: 0 of 4 · 0.0 a second · trying · calls 1 in flight"
    assert lines[-2] == "asking: 0 of 4 · 0.0 a second · last error: cannot be reached · calls 1 in flight"
    assert "in all" in lines[-1] and sum("in all" in line for line in lines) == 1


def test_work_that_fails_ends_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene() -> None:
        async with Progress("asking", 4):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(scene())
    assert capsys.readouterr().err == "asking: 0 of 4 · 0.0 a second · 0:00 in all\n"


def test_lines_are_some_seconds_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("counting", 3) as progress:
        for _ in range(3):
            progress.advance()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("counting: 3 of 3")
