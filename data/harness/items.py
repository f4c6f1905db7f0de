"""The word problems among the first hundred items of mini:test, for the task file beside this one.

lm-evaluation-harness calls `load`, in an environment of its own. `python data/harness/items.py` in the project's writes
`mini_word_problems.jsonl` anew; the same items come out on every machine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("mini_word_problems.jsonl")
FIRST = 100
"""Of the items that evaluation puts to the models; three in five are word problems."""


def load(**_: Any) -> Any:
    """The task's data, as the harness wants them."""
    from datasets import Dataset

    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return {"test": Dataset.from_list(rows)}


def lines() -> str:
    """A JSON object a line: question and answer."""
    from pipeline.sources.mini import MiniSource

    tasks = MiniSource(kind="mini", limit=1).tasks(("test",), FIRST)
    rows = [
        {"question": each.prompt, "answer": each.answer}
        for each in tasks
        if (each.split, each.kind) == ("test", "word_problem")
    ]
    return "".join(f"{json.dumps(row)}\n" for row in rows)


if __name__ == "__main__":
    FILE.write_text(lines(), encoding="utf-8")
