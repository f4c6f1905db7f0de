"""Exams in answering tasks as they are: stories, stories behind solved ones, sums, requests, hidden rules, commands."""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.exams.exam import Exam, Mark, Question, judged, unseen_item
from pipeline.answers.final import final_answer
from pipeline.answers.grading import grade
from pipeline.answers.steps import steps
from pipeline.mini.commands import command_item
from pipeline.mini.item import Item
from pipeline.mini.lessons import arithmetic
from pipeline.mini.skills.asking import put
from pipeline.mini.world import draw_item, problem_item
from pipeline.sources.mini import to_task

TEMPLATES = {
    "word_problem": "chain_of_thought/teacher", "instruction": "instruction_following/teacher",
    "induction": "in_context/teacher", "command": "instruction_following/teacher",
}  # fmt: skip


def answered(item: Item, text: str) -> Mark:
    """Graded as an evaluation does; a solution without an answer cannot be read."""
    unreadable = not text.strip() or (item.kind == "word_problem" and final_answer(text) is None)
    return judged(None if unreadable else grade(to_task(item, "test"), text).correct is True)


def question_of(item: Item) -> Question:
    """An item put by the template of its kind."""
    messages = put(TEMPLATES[item.kind], item.prompt, kind=item.kind, context=item.context, demonstrations=[])
    return Question(messages, item.reply, lambda text: answered(item, text))


def of_kind(name: str) -> Callable[[random.Random], Question]:
    """Questions of one kind of tasks."""
    make = command_item if name == "command" else lambda rng, ood: draw_item(rng, name, ood)
    return lambda rng: question_of(unseen_item(rng, make))


def behind_solved(rng: random.Random) -> Question:
    """A story behind one or two solved ones, as in-context methods put it."""
    item = unseen_item(rng, lambda rng, ood: draw_item(rng, "word_problem", ood))
    shown = [problem_item(rng, rng.randint(2, 4)) for _ in range(rng.randint(1, 2))]
    demonstrations = [{"prompt": each.prompt, "answer": each.reply} for each in shown]
    messages = put("in_context/teacher", item.prompt, kind=item.kind, demonstrations=demonstrations)
    return Question(messages, item.reply, lambda text: answered(item, text))


def sums(rng: random.Random) -> Question:
    """One to five sums in a row."""
    messages, reply = arithmetic(rng)
    wanted = [each.text for each in steps(reply)]

    def mark(text: str) -> Mark:
        said = [each.text for each in steps(text)]
        return judged(said == wanted if said else None)

    return Question(messages, reply, mark)


EVERY = "all that ask for answers"
EXAMS = {
    "word_problem": Exam(EVERY, "a story of 2 to 5 steps: the answer", of_kind("word_problem")),
    "few_shot": Exam("in_context, demo_retriever", "the same behind one or two solved ones", behind_solved),
    "arithmetic": Exam("none by itself", "one to five sums: all of them", sums),
    "instruction": Exam(EVERY, "every constraint is met", of_kind("instruction")),
    "induction": Exam("in_context", "the list that the hidden rule makes", of_kind("induction")),
    "command": Exam("alpaca, self_instruct", "the list or the label", of_kind("command")),
}
