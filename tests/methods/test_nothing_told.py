"""All methods at once: no prompt holds its question twice or the answer to it, unless the row says that the teacher was told.

Every method of the union is put to one task whose answer is like no other text, with a bank that holds the task itself, a copy
in capitals, and others. A reply to which the answer was told is one whose prompt holds it before anybody said it. Methods that
make new tasks are held to what their students read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from pipeline.answers.entities import as_objects, as_pairs
from pipeline.answers.labels import wrong_answer
from pipeline.answers.words import folded
from pipeline.identity import short_id
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation
from pipeline.methods.growth import Growth, Workshop
from pipeline.methods.union import Method
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from tests.rows import make_response, make_task

ADAPTER: TypeAdapter[Distillation] = TypeAdapter(Method)
NAMES = sorted(get_args(each.model_fields["method"].annotation)[0] for each in get_args(get_args(Method)[0]))
SECRET = "7391"
"""The right answer of the task; nothing else in this world says it."""
QUESTION = "Zora has 7300 shells and finds 91 more. How many does she have?"
ANOTHER = "Ann has {} hens and {} ducks. How many birds is that?"


@dataclass(frozen=True)
class World:
    """A task, its bank, and what must not be said of it."""

    task: Task
    bank: list[Task]
    secret: str = SECRET
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> list[Task]:
        """The task, itself again under another name and in capitals, and the others."""
        again = self.task.model_copy(update={"id": "again"})
        shouted = self.task.model_copy(update={"id": "shouted", "prompt": self.task.prompt.upper()})
        return [shouted, again, *self.bank, self.task]


def sums(**parameters: Any) -> World:
    others = [
        make_task(id=f"b{one}", prompt=ANOTHER.format(one, one + 20), answer=f"{one} + {one + 20} makes {2 * one + 20}.")
        for one in range(1, 7)
    ]
    return World(make_task(id="q", prompt=QUESTION, answer=SECRET), others, parameters=parameters)


def texts(**parameters: Any) -> World:
    def task(id: str, name: str, thing: str) -> Task:
        found, types = [(name, "person"), (thing, "animal")], ["person", "animal", "place"]
        prompt = f"{name} feeds the {thing}."
        return make_task(id=id, kind="entities", prompt=prompt, answer=as_objects(found), extra={"types": types})

    others = [
        task(f"b{name}", name, thing) for name, thing in (("Ann", "hen"), ("Ben", "cow"), ("Cora", "fish"), ("Dan", "owl"))
    ]
    return World(task("q", "Zora7391", "ibex"), others, "Zora7391", parameters)


def pairs(**parameters: Any) -> World:
    def task(id: str, color: str, thing: str, label: str) -> Task:
        extra = {"blanked": f"Tom buys the [blank] {thing} at the fair.", "replaced": color}
        context = f"Tom buys the {color} {thing} at the fair."
        return make_task(id=id, kind="pair", prompt=f"The {thing} is red.", context=context, answer=label, extra=extra)

    rows = (("red", "box", "entailment"), ("blue", "hat", "contradiction"), ("old", "cup", "neutral"))
    others = [task(f"b{thing}", color, thing, label) for color, thing, label in rows]
    return World(task("q", "crimson", "vase", "entailment"), others, "crimson", parameters)


def events(**parameters: Any) -> World:
    def task(id: str, head: str, tail: str) -> Task:
        return make_task(id=id, kind="event", prompt=head, answer=None, extra={"tails": {"xWant": [tail]}})

    others = [task(f"b{thing}", f"PersonX buys the {thing}", f"to use the {thing}") for thing in ("lamp", "hat", "kettle")]
    return World(task("q", "PersonX loses the ring", "to find 7391"), others, parameters={"relations": ["xWant"]} | parameters)


def bandits(**parameters: Any) -> World:
    def task(id: str, place: str, *arms: str) -> Task:
        extra = {"arms": list(arms), "means": [0.1, 0.9], "horizon": 14}
        return make_task(id=id, kind="bandit", prompt=f"There are two arms in the {place}.", answer=None, extra=extra)

    world = World(task("q", "cave", "opal", "jade"), [task("b", "park", "red", "blue")], "choose jade", parameters)
    turns = [[0, 0.0], [1, 1.0], [1, 1.0]]
    step = world.task.model_copy(update={"answer": "I choose jade.", "extra": world.task.extra | {"turns": turns}})
    return World(step, world.bank, world.secret, world.parameters)


WORLDS: dict[str, Callable[[], World]] = {
    **dict.fromkeys(NAMES, sums),
    "algorithm_distillation": lambda: bandits(trajectories=1),
    "c_icl": lambda: texts(meanings={"person": "a human being"}, tries=3),
    "disco": lambda: pairs(samples=1, threshold=0.1),
    "evol_instruct": lambda: sums(rounds=2),
    "kard": lambda: sums(passages="PASSAGES", hint=True),
    "knowledge_boundary": lambda: sums(passages="PASSAGES", samples=4),
    "lion": lambda: sums(rounds=1, added=2),
    "selective_reflection": lambda: sums(selected_by="judge"),
    "symbolic_knowledge": lambda: events(lists=1, events=2, samples=1),
    "alpaca": lambda: sums(tasks=2),
    "self_instruct": lambda: sums(tasks=2),
    "universal_ner": texts,
}
EVOLVED = ("constraint", "deepen", "concretise", "reasoning", "breadth")
FRESH = {
    **dict.fromkeys([*(f"evol_instruct/{each}" for each in EVOLVED), "lion/similar", "lion/rarer"], "{}"),
    "alpaca/teacher": "4. Instruction: {}\n4. Input: <noinput>\n4. Output: It floats.\n###",
    "self_instruct/instructions": "\n".join(f"{number}. {{}}" for number in range(1, 17)),
    "selective_reflection/instruction": "Vague.\n[New Instruction] {} [End]\n[New Answer] It floats. [End]",
}
"""Replies that hold a new instruction."""
SAID: dict[str, Callable[[str], str]] = {
    "program_of_thought/teacher": lambda prompt: "```python\ndef solution():\n    return 7300 + 91\n```",
    "socratic/teacher": lambda prompt: (
        f"Q: How many at first?\nA: 7300.\nQ: How many in all?\nA: 7300 + 91 = {SECRET}. The answer is {SECRET}."
    ),
    "multi_view/equation": lambda prompt: "x = 7300 + 91",
    "multi_view/answer": lambda prompt: SECRET,
    "negative_aware/critique": lambda prompt: f"Step 1 is wrong.\nCorrected solution: It grows. The answer is {SECRET}.",
    "knowledge_boundary/teacher": lambda prompt: SECRET,
    "universal_ner/teacher": lambda prompt: as_objects([("Zora7391", "person")] if "Zora7391" in prompt else []),
    "c_icl/teacher": lambda prompt: as_pairs([("Zora7391" if '>>> entities("Zora' in prompt else "hen", "person")]),
    "symbolic_knowledge/heads": lambda prompt: "\n".join(f"{number}. PersonX sings song {number}" for number in range(1, 9)),
    "symbolic_knowledge/tails": lambda prompt: "to rest",
    "disco/flip": lambda prompt: "blue" if prompt.endswith("Label: contradiction\nBlank:") else "small",
    "disco/label": lambda prompt: "contradiction" if " blue " in prompt else "neutral" if " small " in prompt else "entailment",
    "evol_instruct/eliminate": lambda prompt: "Not equal",
    "selective_reflection/response": lambda prompt: "Short.\n[Better Answer] It floats by. [End]",
    "self_instruct/classify": lambda prompt: "no",
    "self_instruct/input_first": lambda prompt: "Input: a boat\nOutput: It floats.",
}


@dataclass
class Teacher:
    """Who says what each template asks for; every second reply to a question is wrong, and all are to the first sample."""

    world: World
    told: dict[str, bool] = field(default_factory=dict)
    """Of each reply by key whether its prompt held the answer, or the wrong one, before anybody said it."""
    prompts: list[tuple[Task, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        content = "\n".join(message.content for message in prompt.messages)
        text, key = self.reply(prompt.template, content, sample, role), short_id(content, sample, role)
        unsaid = content
        for each in sorted(self.said, key=len, reverse=True):
            unsaid = unsaid.replace(each, "")
        secrets = [self.world.secret, *([wrong] if (wrong := wrong_answer(self.world.task)) else [])]
        self.told[key] = task.id == "q" and any(each in without(unsaid, task) for each in secrets)
        self.prompts.append((task, unsaid))
        self.said.append(text)
        return make_response(text, key=key, task_id=task.id, sample=sample, role=role, messages=list(prompt.messages))

    def reply(self, template: str, content: str, sample: int, role: str) -> str:
        wrong = wrong_answer(self.world.task) or ""
        number = SECRET if sample % 2 or f"{SECRET}\n" in content else wrong
        if role == "student":
            return f"Student {number}."
        if template in ("lion/referee", "judge/pairwise"):
            is_right_first = content.find("It is so") < max(content.find("Student"), content.find("It floats"))
            return ("8 5" if is_right_first else "5 8") if template == "lion/referee" else f"[[{'AB'[is_right_first]}]]"
        if template in SAID:
            return SAID[template](content)
        fresh = f"Describe a {('red', 'wooden', 'little')[len(self.said) % 3]} boat {len(self.said)} near the pier at dusk."
        if template in FRESH:
            return FRESH[template].replace("{}", fresh)
        return f"It is so. The answer is {number}."

    def untrained(self) -> str:
        return "student"

    async def train(self, samples: Sequence[Sample], name: str, after: str | None = None) -> str:
        return "student"


def without(text: str, task: Task) -> str:
    """A text without the question it is about and what belongs to that, once each."""
    for part in (task.prompt, task.context, str(task.extra.get("head") or "")):
        text = text.replace(part, "", 1) if part else text
    return text


def method_of(name: str, world: World, folder: Path) -> Distillation:
    (folder / "passages.txt").write_text("Shells are found on beaches.\nHens lay eggs.\nA sum is made of parts.\nDucks swim.\n")
    given = {"method": name} | world.parameters
    given |= {"passages": str(folder / "passages.txt")} if "passages" in given else {}
    return ADAPTER.validate_python(given)


def made(method: Distillation, world: World, teacher: Teacher) -> list[tuple[Task, Sample]]:
    """All samples of the task, and of those that are made; each with its task."""

    async def scene() -> list[tuple[Task, Sample]]:
        found = [(world.task, sample) async for sample in method.distil(world.task, teacher, world.all)]
        if not isinstance(method, Growth):
            return found
        known, word = {task.id: task for task in (*world.all, world.task)}, None
        async with aclosing(method.grow([*world.bank, world.task], Workshop(teacher, teacher))) as growing:
            while len(found) < 60:
                try:
                    each = await growing.asend(word)
                except StopAsyncIteration:
                    break
                word = True
                if isinstance(each, Task):
                    word = each.id not in known
                    known[each.id] = each
                else:
                    found.append((known[each.task_id], each))
        return found

    return asyncio.run(scene())


@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_holds_its_question_twice_or_its_answer(tmp_path: Path, name: str) -> None:
    world = WORLDS[name]()
    method, teacher = method_of(name, world, tmp_path), Teacher(world)
    rows = made(method, world, teacher)
    assert rows, "a method that makes nothing shows nothing"
    for task, sample in rows:
        read = "\n".join(message.content for message in sample.messages if message.role != "assistant")
        assert folded(read).count(folded(task.prompt)) <= 1, sample
        assert world.secret not in without(read, task), sample
        assert task.answer is None or task.id == "q" or task.answer not in without(read, task) or len(task.answer) < 20
    for task, content in teacher.prompts:
        if task.id == "q":
            assert folded(content).count(folded(task.prompt)) <= 1, content
    for prompt in (method.teacher_prompt(world.task, world.all), method.student_prompt(world.task, world.all)):
        content = "\n".join(message.content for message in prompt.messages)
        assert folded(content).count(folded(world.task.prompt)) == 1
        assert world.secret not in without(content, world.task)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_hinted_exactly_where_the_teacher_was_told_an_answer(tmp_path: Path, name: str) -> None:
    world = WORLDS[name]()
    method, teacher = method_of(name, world, tmp_path), Teacher(world)
    rows = made(method, world, teacher)
    for task, sample in rows:
        told = task.id == "q" and any(teacher.told[key] for key in sample.response_keys)
        assert sample.hinted == told, sample
    hinted = {sample.view for _, sample in rows if sample.hinted}
    assert hinted == HINTED.get(name, set())


HINTED = {
    "kard": {"passages_of_rationale", "passages_of_question", "reranker"},
    "negative_aware": {"correction"},
    "rationalisation": {"rationale"},
    "scott": {"factual", "counterfactual"},
}
"""The views of methods that tell the teacher an answer."""
