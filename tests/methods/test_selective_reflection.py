"""Selective Reflection: what replaces what, by the student's scores or the judge's word, and what is left as it was."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached
from pipeline.filters.verdicts import unverifiable
from pipeline.llm.request import SCORED, Sampling
from pipeline.methods.growth import Workshop
from pipeline.methods.selective_reflection import SelectiveReflection, improves
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from tests.methods.growing import grown, last_messages, open_run, scripted
from tests.rows import make_response, make_task
from tests.servers import closed_url

TASK = make_task(prompt="Name a fruit.", kind="instruction")
OLD, NEW, BETTER, HARDER = (
    "An apple.",
    "A fig, since it is sweet.",
    "A ripe fig, since it is the sweetest.",
    "Name a sweet fruit.",
)
ROWS = [{"prompt": f"Name fruit {number}."} for number in range(5)]
JUDGED: dict[str, Any] = {"method": "selective_reflection", "selected_by": "judge"}


@dataclass
class Both:
    """A teacher who betters everything, and a student to whom texts are as hard as `losses` says, given what it reads.

    Alone, every text has a loss of 2; so a score is exp(loss - 2).
    """

    losses: dict[str, float]
    new_instruction: str | None = f"It is vague.\n[New Instruction] {HARDER} [End]\n[New Answer] {NEW} [End]"
    better_answer: str | None = f"It is short.\n[Better Answer] {BETTER} [End]"
    scored: list[tuple[str, str]] = field(default_factory=list)
    """What was given, and the text that was scored."""

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        text = prompt.messages[-1].content
        if role == "student":
            assert response_format == SCORED
            given = "\n".join(message.content for message in prompt.messages[:-1])
            self.scored.append((given, text))
            loss = 2.0 if not given else self.losses[text if "Guess the instruction" not in given else given.split("\n")[2]]
            return make_response("", logprobs=[{"token": "x", "logprob": -loss}] * 3, role=role)
        said = OLD
        if "Improve an instruction" in text:
            said = self.new_instruction  # type: ignore[assignment]
        elif "Improve the answer" in text:
            said = self.better_answer  # type: ignore[assignment]
        return make_response(said, key=text[-40:], finish="owed" if said is None else "stop", messages=list(prompt.messages))

    def untrained(self) -> str:
        return "student"

    async def train(self, samples: object, name: str, after: str | None = None) -> str:
        raise AssertionError("nobody is trained")


def reflected(both: Both) -> tuple[list[Task], list[Sample]]:
    async def scene() -> list[Task | Sample]:
        made, word, method = [], None, SelectiveReflection(method="selective_reflection")
        growing = method.grow([TASK], Workshop(both, both))
        while True:
            try:
                made.append(await growing.asend(word))
            except StopAsyncIteration:
                return made
            word = True

    made = asyncio.run(scene())
    return [each for each in made if isinstance(each, Task)], [each for each in made if isinstance(each, Sample)]


@pytest.mark.parametrize(
    ("losses", "instruction", "target"),
    [
        ({OLD: 1.0, NEW: 1.5, BETTER: 1.0}, HARDER, BETTER),
        ({OLD: 1.0, NEW: 1.5, BETTER: 1.7}, HARDER, NEW),
        ({OLD: 1.0, NEW: 0.5, BETTER: 0.9}, TASK.prompt, BETTER),
        ({OLD: 1.0, NEW: 0.5, BETTER: 1.1}, TASK.prompt, OLD),
        ({OLD: 1.0, NEW: 2.1, BETTER: 1.1}, TASK.prompt, OLD),
        ({OLD: 3.0, NEW: 2.5, BETTER: 2.5}, TASK.prompt, OLD),
    ],
    ids=["both rise", "worse answer", "easier instruction", "neither", "IFD above 1", "reversed IFD above 1"],
)
def test_the_student_takes_harder_instructions_and_answers_that_tell_them(
    losses: dict[str, float], instruction: str, target: str
) -> None:
    both = Both(losses)
    tasks, [sample] = reflected(both)
    assert (sample.messages[-1].content, sample.target) == (instruction, target)
    assert [task.prompt for task in tasks] == [HARDER] * (instruction == HARDER)
    assert sample.task_id == (tasks[0].id if tasks else TASK.id)
    assert all(task.extra["parents"] == [TASK.id] and task.kind == "instruction" for task in tasks)


def test_what_is_scored_given_what() -> None:
    """IFD: the answer given its instruction. Reversed: the instruction given the answer and the request to guess."""
    both = Both({OLD: 1.0, NEW: 1.5, BETTER: 1.0})
    reflected(both)
    assert set(both.scored[:4]) == {(TASK.prompt, OLD), ("", OLD), (HARDER, NEW), ("", NEW)}
    given = {pair for pair in both.scored[4:] if pair[0]}
    assert {text for _, text in both.scored[4:]} == {HARDER} and len(given) == 2
    assert all("Guess the instruction" in each and any(answer in each for answer in (NEW, BETTER)) for each, _ in given)


def test_scores_by_hand() -> None:
    assert improves("instruction", math.exp(-1), math.exp(-0.5)) and improves("answer", 0.5, 0.4)
    assert not improves("instruction", 0.5, 0.5) and not improves("answer", 0.5, 0.5)
    assert not improves("instruction", 0.5, 1.0) and not improves("answer", 1.2, 1.1)
    assert improves("answer", unverifiable("the text is too short to be scored"), 0.1) is False
    assert improves("answer", 0.9, unverifiable("a call is owed")) is None


@pytest.mark.parametrize(
    ("said", "target"),
    [("It is vague. [New Instruction] cut off", BETTER), ("[New Answer] A fig. [End]", BETTER), ("No.", BETTER)],
)
def test_what_cannot_be_read_leaves_what_was_there(said: str, target: str) -> None:
    tasks, [sample] = reflected(Both({OLD: 1.0, BETTER: 0.9}, new_instruction=said))
    assert not tasks and (sample.messages[-1].content, sample.target) == (TASK.prompt, target)
    _, [sample] = reflected(Both({OLD: 1.0}, new_instruction=said, better_answer="[Better Answer] cut"))
    assert sample.target == OLD and len(sample.response_keys) == 1


def test_what_is_owed_makes_nothing_yet() -> None:
    assert reflected(Both({OLD: 1.0}, new_instruction=None)) == ([], [])
    tasks, samples = reflected(Both({OLD: 1.0, NEW: 1.5}, better_answer=None))
    assert not tasks and not samples, "the answer may yet become another"


def teacher(prompt: str) -> str | None:
    """Betters all; as a judge takes new answers to even numbers alone, and of fruit 4 whatever stands first."""
    number = int((re.findall(r"fruit (\d)", prompt) or ["0"])[-1])
    if "Say which reply does better" in prompt:
        first, second = prompt.index("[reply A begins]"), prompt.index("[reply B begins]")
        new_first = "new" in prompt[first:second]
        if number == 4:
            return "[[A]]"
        return f"[[{'A' if new_first == (number % 2 == 0) else 'B'}]]"
    if "Improve an instruction" in prompt:
        return f"[New Instruction] Name a new fruit {number} now. [End] [New Answer] A new {number}. [End]"
    if "Improve the answer" in prompt:
        return f"[Better Answer] A new and better {number}. [End]" if number == 2 else "Nothing is better."
    return f"An old {number}."


def test_a_judge_must_prefer_the_new_one_in_both_orders(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        tasks, samples = grown(open_run(tmp_path, server.url, ROWS, JUDGED))
    assert sorted(task.prompt for task in tasks) == ["Name a new fruit 0 now.", "Name a new fruit 2 now."]
    assert sorted(sample.target for sample in samples) == ["A new 0.", "A new 2.", "An old 1.", "An old 3.", "An old 4."]
    judged = [prompt for prompt in last_messages(server) if "Say which reply does better" in prompt]
    assert len(judged) == 2 * 5 + 2, "two calls for each comparison"
    both = [prompt for prompt in judged if "fruit 1" in prompt]
    assert ["A new 1" in prompt.partition("[reply B begins]")[0] for prompt in both] in ([True, False], [False, True])


def test_stopped_by_a_ceiling_it_asks_only_for_the_rest(tmp_path: Path) -> None:
    with scripted(teacher) as whole:
        first = grown(open_run(tmp_path / "whole", whole.url, ROWS, JUDGED))
    with scripted(teacher) as server:
        with pytest.raises(BudgetReached):
            grown(open_run(tmp_path / "cut", server.url, ROWS, JUDGED, max_calls=9))
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, JUDGED)) == first
        assert server.by_body == whole.by_body
    assert grown(open_run(tmp_path / "cut", closed_url(), ROWS, JUDGED)) == first
