"""Prompt search against a scripted endpoint: who finds the good instruction, what is frozen, and what a second start pays."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.prompts import Prompt, render, templates_folder
from pipeline.records import Message
from pipeline.run import Run
from pipeline.settings import REPOSITORY
from pipeline.stages.exam import split_tasks
from pipeline.stages.instructed import freeze, instructed, usable
from pipeline.stages.prompt_search import HISTORY, Search, _optimised, _screened, instruction_in, search_prompts
from tests.methods.growing import last_messages, open_run, scripted
from tests.methods.scripted import Scripted
from tests.rows import make_task
from tests.servers import closed_url

COUNT = 30
ROWS: list[dict[str, Any]] = [
    {"prompt": f"How much is {n} + {n + 1}?", "answer": str(2 * n + 1), "solution": f"The answer is {2 * n + 1}."}
    for n in range(COUNT)
]
METHODS = {"method": "chain_of_thought"}, {"method": "instruction_following"}
GOOD = "Count with care."
SEARCH = Search(dev=9, candidates=3, steps=2)


def teacher(prompt: str) -> str | None:
    """Right where the prompt says to count with care, and for every third question anyway."""
    if "What was the instruction?" in prompt:
        return f"Add {re.findall(r'[0-9]+', prompt)[0]}."
    if "Say this instruction in other words" in prompt:
        return prompt.partition("[instruction begins]\n")[2].partition("\n")[0].replace("Add", "Sum up")
    if "Write a new instruction" in prompt:
        return f"[{GOOD}]"
    one, two = map(int, re.findall(r"is (\d+) \+ (\d+)\?", prompt)[-1])
    return f"The answer is {one + two}." if GOOD in prompt or one % 3 == 0 else "The answer is -1."


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A working folder with the prompts as they ship."""
    shutil.copytree(REPOSITORY / "prompts", tmp_path / "prompts")
    templates_folder.cache_clear()
    with contextlib.chdir(tmp_path):
        yield tmp_path
    templates_folder.cache_clear()


def opened(folder: Path, url: str) -> Run:
    run = open_run(folder, url, ROWS, *METHODS, student={"model": str(REPOSITORY / "data/mini/student")})
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def searched(folder: Path, script: Any = teacher, search: Search = SEARCH) -> tuple[int, list[str]]:
    with scripted(script) as server:
        lines = asyncio.run(search_prompts(opened(folder, server.url), search))
        return server.hits, lines


def written(folder: Path) -> list[Path]:
    return sorted((folder / "prompts").rglob("searched_*.jinja"))


def test_the_optimisers_instruction_wins_and_is_frozen(folder: Path) -> None:
    _, lines = searched(folder)
    assert lines[0] == f"before the question: {GOOD}"
    found = re.match(r"dev (\S+) -> (\S+), test (\S+) -> (\S+), gap (\S+) ", lines[1])
    assert found is not None
    tasks = split_tasks(opened(folder, closed_url()), opened(folder, closed_url()).recipe.methods[0], 9)
    plain = [sum(int(re.findall(r"\d+", task.prompt)[0]) % 3 == 0 for task in part) / 9 for part in (tasks.dev, tasks.test)]
    assert [float(each) for each in found.groups()] == pytest.approx([plain[0], 1, plain[1], 1, 0], abs=5e-4)
    [path] = written(folder)
    name = path.relative_to(folder / "prompts").with_suffix("").as_posix()
    assert path.parent.name == "chain_of_thought" and lines[2].endswith(f"methods.0.template: {name}")
    assert lines[1].partition(" (")[0] in path.read_text()


def test_the_frozen_template_says_what_was_scored(folder: Path) -> None:
    with scripted(teacher) as server:
        run = opened(folder, server.url)
        asyncio.run(search_prompts(run, SEARCH))
        asked = {str(body["messages"]) for body in server.bodies}
    [path] = written(folder)
    frozen = run.recipe.methods[0].model_copy(update={"template": f"chain_of_thought/{path.stem}"})
    for task in split_tasks(run, run.recipe.methods[0], 9).dev:
        assert str([message.model_dump() for message in frozen.teacher_prompt(task, ()).messages]) in asked


def test_dev_test_and_shown_tasks_are_apart(folder: Path) -> None:
    with scripted(teacher) as server:
        run = opened(folder, server.url)
        asyncio.run(search_prompts(run, SEARCH))
        shown = [each for each in last_messages(server) if "What was the instruction" in each or "<INS>" in each]
    tasks = split_tasks(run, run.recipe.methods[0], 9)
    assert (len(tasks.dev), len(tasks.test), len(tasks.others)) == (9, 9, COUNT - 18)
    held = [task.prompt for task in [*tasks.dev, *tasks.test]]
    assert len(set(held)) == 18 and shown and not any(question in each for each in shown for question in held)
    with_good = [each for each in last_messages(server) if each.startswith(GOOD)]
    assert len(with_good) == 18  # nobody but the winner sees the test tasks
    assert sum(any(task.prompt in each for task in tasks.test) for each in last_messages(server)) == 18


def test_the_bandit_keeps_the_best_third_and_tries_the_bad_ones_less() -> None:
    """Six candidates, each right as often as its number says of six."""
    tried: list[str] = []

    class Marked:
        tasks = SimpleNamespace(dev=list(range(40)))

        async def marks(self, candidate: str, part: list[int]) -> list[bool]:
            tried.extend([candidate] * len(part))
            return [task % 6 < int(candidate) for task in part]

    best = asyncio.run(_screened(Marked(), list("302541")))  # type: ignore[arg-type]
    assert best == ["5", "4"] and tried.count("0") < tried.count("5") <= 40


def test_the_optimiser_reads_the_best_twenty() -> None:
    teacher = Scripted(lambda content, sample: "[Think.]")
    scores = {"": 0.9} | {f"Try way {number}.": number / 100 for number in range(30)}
    others = [make_task(id=f"o{number}", prompt=f"Question {number}?", answer=str(number)) for number in range(9)]
    exam = SimpleNamespace(scores=scores, tasks=SimpleNamespace(others=others), run=SimpleNamespace(ask=teacher))
    asyncio.run(_optimised(exam, 0, Search(candidates=1)))  # type: ignore[arg-type]
    read = [int(number) for number in re.findall(r"Try way (\d+)\.", teacher.asked[0])]
    assert read == list(range(30 - HISTORY, 30)) and HISTORY == 20


def test_the_optimiser_reads_scores_from_the_lowest_to_the_highest(folder: Path) -> None:
    with scripted(teacher) as server:
        asyncio.run(search_prompts(opened(folder, server.url), SEARCH))
        asked = [each for each in last_messages(server) if "Write a new instruction" in each]
    scores = [[int(score) for score in re.findall(r"^Score: (\d+)$", each, flags=re.MULTILINE)] for each in asked]
    assert len(asked) == 2 * SEARCH.candidates and all(each == sorted(each) for each in scores)
    assert scores[-1][-1] == 100 and f"Instruction: {GOOD}" in asked[-1] and GOOD not in asked[0]


def test_started_again_it_pays_for_nothing(folder: Path) -> None:
    hits, first = searched(folder)
    assert hits > 50
    assert asyncio.run(search_prompts(opened(folder, closed_url()), SEARCH)) == first and len(written(folder)) == 1


def test_an_owed_call_freezes_nothing_and_is_all_that_is_asked_again(folder: Path) -> None:
    whole = searched(folder)
    shutil.rmtree(folder / "data")
    written(folder)[0].unlink()
    failing = split_tasks(opened(folder, closed_url()), opened(folder, closed_url()).recipe.methods[0], 9).test[0].prompt
    _, lines = searched(folder, lambda prompt: None if failing in prompt else teacher(prompt))
    assert "the same command asks them again" in lines[0] and not written(folder)
    again, lines = searched(folder)
    assert lines == whole[1] and again == 1 + 9 and len(written(folder)) == 1  # the owed one, and the winner on the test part


def test_where_nothing_is_better_nothing_is_written(folder: Path) -> None:
    def dull(prompt: str) -> str | None:
        return teacher(prompt.replace(GOOD, ""))

    _, lines = searched(folder, dull)
    assert len(lines) == 1 and "none is better" in lines[0] and not written(folder)


def test_the_instruction_may_stand_behind(folder: Path) -> None:
    _, lines = searched(folder, search=Search(method=1, dev=9, candidates=3, steps=1, place="after"))
    assert lines[0] == f"after the question: {GOOD}" and "methods.1.template: instruction_following/searched_" in lines[2]


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        (Search(method=2), "--method 2: the recipe has 2 methods"),
        (Search(dev=13), "has 30 tasks with a known answer, and the search needs 31"),
    ],
)
def test_what_cannot_be_searched(folder: Path, search: Search, problem: str) -> None:
    with pytest.raises(UserError, match=re.escape(problem)):
        asyncio.run(search_prompts(opened(folder, closed_url()), search))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("template", ["chain_of_thought/teacher", "in_context/teacher", "instruction_following/teacher"])
def test_a_template_with_an_instruction_in_it(folder: Path, template: str, place: Any) -> None:
    instruction = 'Mind {{ this }} and {% that %}: "all" of it.'
    name = freeze(template, instruction, place, "own", "a note")
    for context in ("", "a b -> b a"):
        task = make_task(prompt="How many?", context=context)
        shown = [{"prompt": "p", "answer": "a"}]
        plain, frozen = render(template, task, demonstrations=shown), render(name, task, demonstrations=shown)
        assert frozen.messages == instructed(plain, instruction, place).messages != plain.messages
        lines = frozen.messages[-1].content.splitlines()
        assert lines[0 if place == "before" else -1] == instruction


def test_no_instruction_changes_nothing() -> None:
    prompt = Prompt((Message(role="user", content="Hm?"),), "x", "h")
    assert instructed(prompt, "", "before") is prompt
    assert instructed(prompt, "Do.", "after").messages[-1].content == "Hm?\nDo."
    assert instructed(prompt, "Do.", "after").template_hash != "h"


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("[Do it.]", "Do it."),
        ("Here it is:\n[Do this.] or rather [Do that.]", "Do that."),
        ("Instruction: Do it.", "Do it."),
        ("12", None),
        ("", None),
    ],
)
def test_the_instruction_in_a_reply(reply: str, found: str | None) -> None:
    assert instruction_in(reply) == found


@given(st.text(max_size=900))
def test_usable_instructions_are_one_short_line(text: str) -> None:
    found = usable(text)
    assert found is None or (found and len(found) <= 600 and "\n" not in found and found == usable(found))


PROGRAM = "```python\ndef solution():\n    return {}\n```"


def test_programs_are_graded_by_what_they_compute(folder: Path) -> None:
    """Right where the prompt says to count with care; no program says its value anywhere."""

    def script(prompt: str) -> str | None:
        if "ython" not in prompt:
            return teacher(prompt)
        one, two = map(int, re.findall(r"is (\d+) \+ (\d+)\?", prompt)[-1])
        return PROGRAM.format(f"{one} + {two}" if GOOD in prompt else "0 - 1")

    with scripted(script) as server:
        run = open_run(
            folder, server.url, ROWS, {"method": "program_of_thought"}, student={"model": str(REPOSITORY / "data/mini/student")}
        )
        lines = asyncio.run(search_prompts(run, SEARCH))
    assert lines[0] == f"before the question: {GOOD}" and "dev 0.000 -> 1.000" in lines[1]


@pytest.mark.parametrize("reply", ["", "### [[ ]] ```", "7"], ids=["nothing", "garbage", "no word"])
def test_a_teacher_of_no_use_ends_it(folder: Path, reply: str) -> None:
    hits, lines = searched(folder, lambda prompt: reply)
    assert "none is better than the prompt as it is" in lines[0] and not written(folder)
    assert hits <= 9 + 3 + 2 * 3 + 9 * (3 + 2 * 3), "the method as it is, and what was written, each on nine tasks at most"
