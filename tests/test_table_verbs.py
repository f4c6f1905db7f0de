"""Every verb that prints what models and sources wrote, as a command in a terminal and in a pipe: nothing acts.

One run, whose questions and replies are hostile, and an endpoint whose errors are.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipeline.records import Task
from pipeline.settings import REPOSITORY
from pipeline.tables import read_rows
from tests import here, small_runs
from tests.hostile import HOSTILE, SGR, acting, in_terminal
from tests.servers import ChatServer, Trouble
from tests.trouble import Answer, whole

LONGEST = 900_000
"""Characters of a question: the server refuses a body of 1 MiB."""
QUESTIONS = {name: f"{name}: {text[:LONGEST]}" for name, text in HOSTILE.items()}
NO_UTF8 = "(bytes)"
"""What stands for bytes that are no UTF-8 until the server sends them."""
BROKEN = {"half a pair": "one \ud800 half", "no UTF-8": f"the {NO_UTF8} end"}
"""What a model says that is no text."""
CALL = (sys.executable, "-m", "pipeline")
DATA = {"DISTILL_DATA": "data"}


def says(name: str, text: str) -> Trouble:
    """Lets the model answer a question with a text."""

    def change(right: dict[str, Any]) -> dict[str, Any]:
        right["choices"][0]["message"]["content"] = text + "\nThe answer is 1."
        return right

    return Trouble(where=f"{name}: ", change=change, wire=as_bytes)


async def as_bytes(request: web.Request, answer: Answer) -> web.StreamResponse:
    return await whole(request, replace(answer, body=answer.body.replace(NO_UTF8.encode(), b"\xff\xfe")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder in which `generate` has run with hostile questions, and was answered with hostile replies."""
    folder = small_runs.make_folder(tmp_path_factory.mktemp("hostile") / "work", range(1))
    asked = [*QUESTIONS.values(), *(f"{name}: how much?" for name in BROKEN)]
    rows = [{"question": text, "answer": "1"} for text in asked]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with ChatServer(*(says(name, text) for name, text in (HOSTILE | BROKEN).items())) as server:
        ended = small_runs.done(folder, server.url)
    assert not acting(ended.out + ended.err)
    yield folder


def call(folder: Path, *words: str, code: int = 0, **variables: str) -> str:
    """What a command writes into pipes."""
    ended = here.piped(words, folder, **DATA | variables)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    return ended.out if code == 0 else ended.err


def seen(folder: Path, *words: str, columns: int = 100, **variables: str) -> str:
    """What a command writes to a terminal."""
    ended = here.shown(words, folder, columns, **DATA | variables)
    assert ended.code == 0, ended.out
    return ended.out


def tasks(folder: Path) -> dict[str, str]:
    """The id of each question, by its name."""
    ids = {task.prompt: task.id for task in read_rows(folder / "data/runs/small", "1_tasks", Task)}
    return {name: ids[text] for name, text in QUESTIONS.items()}


VERBS = {
    "show": ("show", "--recipe", "small"),
    "show tasks": ("show", "tasks", "--recipe", "small"),
    "show responses": ("show", "responses", "--recipe", "small", "--limit", "3"),
    "show a row": ("show", "samples", "--recipe", "small", "--limit", "1"),
    "show json": ("show", "samples", "--recipe", "small", "--json"),
    "status": ("status", "small"),
    "preview": ("preview", "small"),
}


@pytest.mark.parametrize("name", VERBS)
def test_nothing_acts_on_a_terminal_or_from_a_pipe(run: Path, name: str) -> None:
    assert not acting(seen(run, *VERBS[name]), colours=True)
    assert not acting(call(run, *VERBS[name]))


def test_the_same_from_a_program_of_its_own(run: Path) -> None:
    words = VERBS["show a row"]
    settings = DATA | {"PYTHONPATH": str(REPOSITORY)}
    assert in_terminal([*CALL, *words], run, 100, **settings) == seen(run, *words)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("colours", r"\x1b[31;5mred and blinking\x1b[0m"),
        ("turns", r"user\u202egnp.exe \u2066\u2067isolated\u2069 \u200f"),
        ("long line", "x… (1,048,576 characters)"),
    ],
)
def test_why_shows_hostile_text_as_text(run: Path, name: str, text: str) -> None:
    words = ("why", tasks(run)[name], "--recipe", "small")
    told = seen(run, *words)
    assert not acting(told, colours=True) and len(told) < 100_000
    unwrapped = re.sub(r"\n +", "" if name == "long line" else " ", SGR.sub("", told))
    assert f"prompt: {name}: " in unwrapped and text in unwrapped
    assert json.loads(call(run, *words, "--json"))["task"]["prompt"] == QUESTIONS[name]


@pytest.mark.parametrize(("name", "text"), [("half a pair", "one � half"), ("no UTF-8", "the �� end")])
def test_a_reply_that_is_no_text_is_shown_as_far_as_it_is(run: Path, name: str, text: str) -> None:
    assert f"said: {text}" in call(run, "why", f"{name}: how", "--recipe", "small")
    assert f"said: {text}" in SGR.sub("", seen(run, "why", f"{name}: how", "--recipe", "small"))
    words = ("show", "responses", "--recipe", "small", "--where", f"text LIKE '{text}%'", "--columns", "finish")
    assert call(run, *words).split() == ["finish", "stop"]


def test_colours_and_none(run: Path) -> None:
    words = ("why", tasks(run)["null"], "--recipe", "small")
    assert SGR.search(seen(run, *words))
    assert not acting(seen(run, *words, NO_COLOR="1"))
    assert SGR.search(call(run, *words, FORCE_COLOR="1")) and not acting(call(run, *words))


@pytest.mark.parametrize("columns", [50, 80, 160])
def test_a_terminal_is_as_wide_as_it_is(run: Path, columns: int) -> None:
    words = ("show", "verdicts", "--recipe", "small", "--limit", "4")
    told = seen(run, *words, columns=columns, NO_COLOR="1")
    assert max(map(len, told.splitlines())) <= columns
    assert re.search(r"^4 of \d+ rows of 4_verdicts", told, re.MULTILINE)
    assert seen(run, *words, columns=80, COLUMNS="160", NO_COLOR="1") == seen(run, *words, columns=160, NO_COLOR="1")


def test_into_a_pipe_goes_all_of_it(run: Path) -> None:
    told = call(run, "show", "verdicts", "--recipe", "small").splitlines()
    assert len(told) > 25 and told[0].startswith("sample_id\tfilter\tdecision\t")
    assert len(call(run, "show", "verdicts", "--recipe", "small", "--limit", "3").splitlines()) == 4
    first = subprocess.run(
        f"{sys.executable} -m pipeline show responses --recipe small | head -1", shell=True, cwd=run, capture_output=True,
        text=True, env=small_runs.environment("", data="data"), check=False,
    )  # fmt: skip
    assert (first.returncode, first.stderr) == (0, "") and first.stdout.startswith("key\ttask_id")


def test_a_question_that_is_missing(run: Path) -> None:
    """From words of a question to what became of it, in two commands."""
    found = call(run, "show", "tasks", "--recipe", "small", "--where", "prompt LIKE '%before%'", "--columns", "id")
    by_id = call(run, "why", found.split()[1], "--recipe", "small")
    assert "samples in the corpus" in by_id and by_id == call(run, "why", "before", "--recipe", "small")


def test_a_run_is_found_without_its_recipe(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "work")
    (moved / "recipes/small.yaml").write_text("not: [a recipe")
    whole = call(run, "show", "tasks", "--recipe", "small", "--columns", "id")
    assert call(moved, "show", "tasks", "--recipe", "small", "--columns", "id") == whole
    (moved / "recipes/small.yaml").unlink()
    for name in ("small", "data/runs/small"):
        assert call(moved, "show", "tasks", "--recipe", name, "--columns", "id") == whole


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "samples", "--recipe", "nosuch"), ("data/runs/nosuch: there is no such run", "small", "make generate")),
        (("compare", "small", ""), ("no run is named", "make compare A=mini B=mini-b", "small")),
        (("show", "sampels", "--recipe", "small"), ("there is no table of this name", "Did you mean samples?")),
        (("show", "samples", "--recipe", "small", "--columns", "tagret"), ("no column 'tagret'", "Did you mean target?")),
        (("show", "samples", "--recipe", "small", "--where", "weight >"), ("--where 'weight >'", "what follows WHERE")),
        (("show", "samples", "--recipe", "small", "--limit", "0"), ("--limit", "1 or more")),
        (("show", "evaluation", "--recipe", "small"), ("this table does not exist", "make train RECIPE=small")),
        (("why", "\x1b[2Jno such words", "--recipe", "small"), ("no question has these words", "make show TABLE=tasks")),
        (("why", "x", "--recipe", "empty"), ("1_tasks.parquet: this table does not exist", "make generate RECIPE=empty")),
    ],
)
def test_what_is_wrong_is_said(run: Path, words: tuple[str, ...], says: tuple[str, ...]) -> None:
    (run / "data/runs/empty").mkdir(exist_ok=True)
    told = call(run, *words, code=2)
    assert told.startswith("error: ") and not acting(told)
    assert all(each in told for each in says), told


def test_an_endpoint_whose_error_is_hostile(tmp_path: Path) -> None:
    folder = small_runs.make_folder(tmp_path / "work", range(3))
    message = json.dumps({"error": {"message": HOSTILE["clears the screen"] + HOSTILE["turns"] + HOSTILE["C1"]}})
    with ChatServer(Trouble(401, message)) as server:
        told = small_runs.generate(folder, server.url)
    assert told.code == 2 and r"\x1b[2J" in told.err and r"\u202e" in told.err and not acting(told.err)
    with ChatServer(Trouble(503, message, where=small_runs.question(1))) as server:
        settings = small_runs.environment(server.url, data="data", patience_seconds=1)
        on_screen = in_terminal([*CALL, "generate", "small"], folder, 200, **settings)
    assert "failed for now" in on_screen and r"\u202e" in on_screen
    assert "\x1b[2J" not in on_screen and "\u202e" not in on_screen and "\x1bc" not in on_screen
