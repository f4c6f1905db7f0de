"""Evol-Instruct against a scripted endpoint: operations, what is eliminated and tried again, the union of rounds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached
from pipeline.llm.request import Sampling
from pipeline.methods.evol_instruct import OPERATIONS, EvolInstruct, answer_fault, copied, operation_for
from pipeline.records import Sample, Task
from pipeline.stages.growing import grow
from tests.methods.growing import Script, grown, last_messages, open_run, scripted, shown_in
from tests.rows import make_task
from tests.servers import closed_url

ROWS = [{"prompt": f"Explain thing {number} to me."} for number in range(12)]
METHOD: dict[str, Any] = {"method": "evol_instruct", "rounds": 3}
CUES = {
    "constraint": "add one more constraint", "deepen": "ask for more depth", "concretise": "replace general words",
    "reasoning": "more steps of reasoning", "breadth": "but rarer",
}  # fmt: skip


def operation_of(prompt: str) -> str:
    return next((name for name, cue in CUES.items() if cue in prompt), "")


def teacher(prompt: str) -> str | None:
    """Writes the operation behind an instruction; finds all different; answers."""
    if operation := operation_of(prompt):
        return f"{shown_in(prompt)} Then {operation} it."
    return "Not equal" if "Are these two instructions equal?" in prompt else f"Answer to: {prompt}"


def run_with(folder: Path, script: Script, rows: int = 12, **method: Any) -> tuple[list[Task], list[Sample]]:
    with scripted(script) as server:
        return grown(open_run(folder, server.url, ROWS[:rows], METHOD | method))


def test_defaults_are_those_of_the_paper() -> None:
    method = EvolInstruct(method="evol_instruct")
    assert method.rounds == 4 and method.sampling == Sampling(temperature=1, top_p=0.95)


def test_operations_are_drawn_uniformly_and_for_good() -> None:
    tasks = [make_task(id=f"t{number}") for number in range(5000)]
    drawn = [operation_for(1, task) for task in tasks]
    assert set(drawn) == set(OPERATIONS) == set(CUES)
    assert all(abs(count - 1000) < 4 * (5000 * 0.2 * 0.8) ** 0.5 for count in Counter(drawn).values())
    assert drawn == [operation_for(1, task) for task in tasks]
    same = sum(one == operation_for(2, task) for one, task in zip(drawn, tasks, strict=True))
    assert abs(same - 1000) < 4 * (5000 * 0.2 * 0.8) ** 0.5, "another round draws anew"


def test_each_round_goes_on_with_what_survived_and_the_corpus_holds_all_rounds(tmp_path: Path) -> None:
    tasks, samples = run_with(tmp_path, teacher)
    assert Counter(task.extra["round"] for task in tasks) == {1: 12, 2: 12, 3: 12}
    by_id = {task.id: task for task in tasks}
    for task in tasks:
        [parent] = task.extra["parents"]
        before = by_id[parent].prompt if parent in by_id else task.prompt.partition(" Then ")[0]
        assert task.prompt == f"{before} Then {task.extra['operation']} it." and task.source == "made:evol_instruct"
        assert (parent in by_id) == (task.extra["round"] > 1)
    assert len(samples) == 48, "twelve of the source, and three rounds"
    assert all(sample.target == f"Answer to: {sample.messages[-1].content}" for sample in samples)


@pytest.mark.parametrize(
    ("spoiled", "outcome"),
    [
        (lambda prompt: "Equal" if "Are these two" in prompt else None, "equal"),
        (lambda prompt: "It is hard to say." if "Are these two" in prompt else None, ""),
        (lambda prompt: "The rewritten prompt says so." if operation_of(prompt) else None, "words of the template"),
        (lambda prompt: "[instruction begins] do it" if operation_of(prompt) else None, "words of the template"),
        (lambda prompt: "Sorry, that is beyond me." if prompt.endswith(" it.") else None, "a short apology"),
        (lambda prompt: "That is what it was." if prompt.endswith(" it.") else None, "stop words only"),
        (lambda prompt: "..." if operation_of(prompt) else None, "nothing was said"),
    ],
    ids=["equal", "unread", "leaked words", "leaked marks", "apology", "stop words", "nothing"],
)  # fmt: skip
def test_what_is_eliminated_is_not_made_and_its_instruction_tried_again(
    tmp_path: Path, spoiled: Callable[[str], str | None], outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def script(prompt: str) -> str | None:
        if operation_of(prompt):
            asked.append(shown_in(prompt))
        return spoiled(prompt) or teacher(prompt)

    tasks, samples = run_with(tmp_path, script, rows=4)
    told = capsys.readouterr().err
    if outcome:
        assert not tasks and len(samples) == 4
        assert Counter(asked) == {row["prompt"]: 3 for row in ROWS[:4]}, "once in each round"
        assert sum(map(int, re.findall(rf"(\d+) {outcome}", told))) == 12
    else:
        assert len(tasks) == 12, "a judge who says neither eliminates nothing"


def test_the_survival_of_each_operation_is_counted(tmp_path: Path) -> None:
    def script(prompt: str) -> str | None:
        return "Equal" if "Are these two" in prompt and "Then deepen it." in prompt else teacher(prompt)

    async def scene(url: str) -> dict[str, Counter[str]]:
        run = open_run(tmp_path, url, ROWS, METHOD)
        async with run.door:
            tasks = list(run.recipe.source.tasks(("dev",), None))
            return (await grow(run, tasks)).notes["evol_instruct"]

    with scripted(script) as server:
        notes = asyncio.run(scene(server.url))
    assert sum(sum(each.values()) for each in notes.values()) == 36
    assert set(notes["deepen"]) == {"equal"} and all(set(notes[name]) == {"survived"} for name in set(notes) - {"deepen"})


def test_every_rewriting_is_another_sample(tmp_path: Path) -> None:
    """The same operation on the same instruction in two rounds is not the same call."""
    calls: list[str] = []

    def script(prompt: str) -> str | None:
        if operation_of(prompt):
            calls.append(prompt)
            return "..."
        return teacher(prompt)

    run_with(tmp_path, script, rows=3, rounds=20)
    assert len(calls) == 60 > len(set(calls))


def test_a_dev_task_evolves_into_a_dev_task(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, METHOD)
        source = run.recipe.source.model_copy(update={"dev_share": 0.4})
        run.recipe = run.recipe.model_copy(update={"source": source})
        tasks, _ = grown(run)
    splits = {task.prompt.partition(" Then ")[0]: set[str]() for task in tasks}
    for task in tasks:
        splits[task.prompt.partition(" Then ")[0]].add(task.split)
    assert all(len(each) == 1 for each in splits.values()) and {"dev"} in splits.values() and {"train"} in splits.values()


def test_stopped_by_a_ceiling_it_asks_only_for_the_rest(tmp_path: Path) -> None:
    with scripted(teacher) as whole:
        first = grown(open_run(tmp_path / "whole", whole.url, ROWS, METHOD))
    assert whole.hits == 12 + 3 * 3 * 12
    with scripted(teacher) as server:
        with pytest.raises(BudgetReached):
            grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD, max_calls=50))
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
        assert server.by_body == whole.by_body
    assert grown(open_run(tmp_path / "cut", closed_url(), ROWS, METHOD)) == first


def test_an_instruction_whose_call_is_owed_waits_and_the_others_go_on(tmp_path: Path) -> None:
    with scripted(teacher) as whole:
        first = grown(open_run(tmp_path / "whole", whole.url, ROWS, METHOD))
    lost = next(prompt for prompt in last_messages(whole) if operation_of(prompt) and "thing 7 " in prompt)
    with scripted(lambda prompt: None if prompt == lost else teacher(prompt)) as server:
        tasks, _ = grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD))
    assert len(tasks) == 33 and server.hits == whole.hits - 8
    with scripted(teacher) as server:
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
    assert server.hits == 9


def test_answers_of_a_word_are_answers() -> None:
    assert not any(map(answer_fault, ["No.", "B", "42", "sorry " + "word " * 80]))
    assert answer_fault("sorry " + "word " * 78) and not answer_fault("sorry " + "word " * 79), "80 words are no short answer"
    assert answer_fault("I am sorry.") == "a short apology"
    assert answer_fault("...") == answer_fault("") == answer_fault("There, that is it!") == "stop words only"


def test_words_that_were_there_before_are_not_copied() -> None:
    old = make_task(prompt="What does 'rewritten prompt' mean?")
    assert not copied("What does 'rewritten prompt' mean in English?", old) and copied("Given Prompt: do it.", old)
