"""A folder in which the commands of a page of the docs are run as they are written, by make itself.

In: the folder. Out: what each command printed. A server that knows the mini world's answers stands for its teacher, so that a
walk takes seconds: the variables of make that a page does not set, it takes from the environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.mini.world import items
from pipeline.settings import REPOSITORY
from tests import here
from tests.completions import completion
from tests.servers import ChatServer

TASKS = 40
NEVER = "The word young must come at least 2 times."
"""What the teacher cannot do."""
NEEDED = "Think step by step"
"""Words without which it is right on every third problem only."""
KNOWN = {item.prompt: item for item in islice(items("train", 1), 4 * TASKS)}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


class WorldServer(ChatServer):
    """Answers as a teacher that knows the mini world."""

    def right(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        prompt = str(body["messages"][-1]["content"])
        item = KNOWN[max(KNOWN, key=lambda each: (prompt.rfind(each), len(each)))]
        told, tries = item.reply, self.by_body[name]
        if NEVER in prompt:
            told = "The king is old."
        elif item.kind == "word_problem":
            told = f"Look {tries}. {told}"
            if NEEDED not in prompt and "Question:" not in prompt and len(item.prompt) % 3:
                told = "The answer is 0."
        found = completion(body, name)
        found["choices"][0]["message"]["content"] = told
        return found


def lines(text: str) -> list[str]:
    """The commands in the blocks of a text that name no language."""
    return [line for language, block in FENCE.findall(text) if not language for line in block.splitlines() if line.strip()]


class Walk:
    """A working folder with the recipes, prompts and Makefile that ship."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(REPOSITORY / name, folder)
        for name in ("recipes", "prompts"):
            shutil.copytree(REPOSITORY / name, folder / name)
        (folder / "data").mkdir()
        (folder / "data/mini").symlink_to(REPOSITORY / "data/mini")
        (folder / "venv/bin").mkdir(parents=True)
        distill = folder / "venv/bin/distill"
        distill.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > words\n')
        distill.chmod(0o755)
        (folder / "venv/.ready").touch()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISTILL_", "OPENAI_", "MAKE"))}
        self.given = kept | {"BACKEND": "openai", "BASE_URL": url, "TEACHER": "world-1", "LIMIT": str(TASKS), "VENV": "venv"}

    def run(self, line: str) -> str:
        """What a command printed; it must work."""
        made = subprocess.run(line, shell=True, cwd=self.folder, env=self.given, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        words = (self.folder / "words").read_text().split("\0")[:-1]
        ended = here.piped(words, self.folder, OPENAI_API_KEY="sk-none", NO_PROXY="127.0.0.1")
        assert ended.code == 0, ended.err
        return ended.out
