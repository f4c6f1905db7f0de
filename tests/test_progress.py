"""Progress: a line when something advances, and where somebody waits also when nothing does."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.progress import Progress


def test_a_line_is_shown_while_nothing_advances(capsys: pytest.CaptureFixture[str]) -> None:
    said = ["trying"]

    async def scene() -> None:
        async with (progress := Progress("asking", 4, lambda: said[-1])):
            progress._pause = 0.001
            await asyncio.sleep(0.02)
            said.append("last error: cannot be reached")
            await asyncio.sleep(0.02)

    asyncio.run(scene())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "asking: 0 of 4 · 0.0 a second · trying"
    assert lines[-2] == "asking: 0 of 4 · 0.0 a second · last error: cannot be reached"
    assert lines[-1].endswith("in all") and sum(line.endswith("in all") for line in lines) == 1


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
