"""Exams in judging replies: grades, preferences, scores. What is right to say is computed from the story or the constraints."""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.exams.exam import Exam, Mark, Question, judged, unseen
from bench.exams.reasoning import unseen_story
from pipeline.answers.scores import score_pair
from pipeline.filters.judgement import letter_said, number_said
from pipeline.mini.instructions import Instruction, instruction
from pipeline.mini.item import Item
from pipeline.mini.skills.asking import put
from pipeline.mini.skills.judge import Judged, judged_reply, judged_solution
from pipeline.mini.skills.lion import scored_answer
from pipeline.mini.skills.variations import story


def unseen_instruction(rng: random.Random) -> Instruction:
    return unseen(lambda: instruction(rng), lambda task: Item("instruction", task.prompt))


def solution_graded(template: str) -> Callable[[random.Random], Question]:
    """A solution to be graded, beside the right answer in half of the questions."""

    def ask(rng: random.Random) -> Question:
        told = unseen_story(rng)
        answer = str(told.answer) if rng.random() < 0.5 else None
        return _graded(template, "word_problem", told.text, judged_solution(rng, told), answer)

    return ask


def reply_graded(rng: random.Random) -> Question:
    task = unseen_instruction(rng)
    return _graded("judge/absolute", "instruction", task.prompt, judged_reply(rng, task))


def _graded(template: str, kind: str, prompt: str, shown: Judged, answer: str | None = None) -> Question:
    fields = {"history": [], "response": shown.reply, "lowest": 1, "highest": 5}

    def mark(text: str) -> Mark:
        said = number_said(text, 1, 5)
        return judged(None if isinstance(said, str) else said == shown.score)

    return Question(put(template, prompt, kind=kind, answer=answer, **fields), f"{shown.said}\nScore: {shown.score}", mark)


def preferred(rng: random.Random) -> Question:
    """Which of two replies makes fewer mistakes."""
    if rng.random() < 0.5:
        told = unseen_story(rng, 2, 4)
        kind, prompt, (first, second) = "word_problem", told.text, [judged_solution(rng, told) for _ in range(2)]
    else:
        task = unseen_instruction(rng)
        kind, prompt, (first, second) = "instruction", task.prompt, [judged_reply(rng, task) for _ in range(2)]
    letter = "C" if first.mistakes == second.mistakes else "A" if first.mistakes < second.mistakes else "B"

    def mark(text: str) -> Mark:
        said = letter_said(text)
        return judged(None if said is None else said == letter)

    messages = put("judge/pairwise", prompt, kind=kind, history=[], first=first.reply, second=second.reply)
    return Question(messages, f"Reply A: {first.said} Reply B: {second.said}\n[[{letter}]]", mark)


def refereed(rng: random.Random) -> Question:
    """Two answers to a story, each right in half of the questions; what counts is which gets more."""
    made = unseen(lambda: story(rng, rng.randint(2, 4)), lambda told: Item("word_problem", told.prompt))
    (first, (one, why)), (second, (other, why_not)) = scored_answer(rng, made), scored_answer(rng, made)

    def mark(text: str) -> Mark:
        said = score_pair(text)
        return judged(None if said is None else (said[0] > said[1], said[0] < said[1]) == (one > other, one < other))

    messages = put("lion/referee", made.prompt, kind=made.kind, first=first, second=second, lowest=1, highest=10)
    return Question(messages, f"{one} {other}\nAnswer 1 {why}. Answer 2 {why_not}.", mark)


JUDGES = "judge filters"
EXAMS = {
    "judge_absolute": Exam(
        JUDGES, "a solution's grade, 1 to 5: the one its steps deserve", solution_graded("judge/absolute"), 0.0
    ),
    "judge_absolute (instruction)": Exam(JUDGES, "a reply's grade: the one its constraints deserve", reply_graded, 0.0),
    "judge_correctness": Exam(JUDGES, "the same of a solution, by correctness", solution_graded("judge/correctness"), 0.0),
    "judge_pairwise": Exam(JUDGES, "of two replies that with fewer mistakes, or neither", preferred, 0.0),
    "lion_referee": Exam("lion", "of two solutions the right one gets the higher score, of two alike neither", refereed, 0.2),
}
