"""Programs of a teacher: they hold up nothing else that is under way, and many at once give what each gives alone."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pipeline.methods import programs
from pipeline.methods.programs import answered, run
from tests.rows import make_response

ENDLESS = "```python\ndef solution():\n    while True:\n        pass\n```"


def program(number: int) -> str:
    steps = "\n".join(f"    n += {number}" for _ in range(40))
    return f"```python\ndef solution():\n    n = {number}\n{steps}\n    return n\n```"


def test_one_that_never_ends_holds_up_nothing_else(monkeypatch: Any) -> None:
    monkeypatch.setattr(programs, "SECONDS", 1.0)

    async def scene() -> tuple[str, float]:
        running = asyncio.create_task(run(ENDLESS))
        longest, last = 0.0, time.monotonic()
        while not running.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return running.result().error, longest

    error, longest = asyncio.run(scene())
    assert error == "takes too long" and longest < 0.5


def test_many_at_once_give_what_each_gives_alone() -> None:
    async def scene() -> list[str | None]:
        said = [answered(make_response(program(number))) for number in range(1, 60)]
        return [answer for _, answer in await asyncio.gather(*said)]

    assert asyncio.run(scene()) == [str(41 * number) for number in range(1, 60)]
