"""Exams in all that methods ask about word problems beside their answer: rationales, questions, programs, views, corrections.

Arithmetic is computed again, programs are run in the sandbox.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from bench.exams.exam import Exam, Mark, Question, judged, unseen
from pipeline.answers.arithmetic import value
from pipeline.answers.computed import computed
from pipeline.answers.critique import critique_in
from pipeline.answers.equation import equation_in
from pipeline.answers.final import final_answer, same_answer, stated_number
from pipeline.answers.question_pairs import question_pairs
from pipeline.answers.steps import Step as Calculation
from pipeline.answers.steps import steps
from pipeline.mini.item import Item
from pipeline.mini.problems import Problem, problem
from pipeline.mini.skills.asking import put
from pipeline.mini.skills.attempts import equations, mistaken
from pipeline.mini.skills.multi_view import nested
from pipeline.mini.skills.negative_aware import first_mistake
from pipeline.mini.skills.program_of_thought import FAILURES, fenced, program_lines
from pipeline.mini.skills.rationalisation import ending_with, wrong_answer
from pipeline.mini.skills.socratic import question as small_question


def unseen_story(rng: random.Random, least: int = 2, most: int = 5) -> Problem:
    """A story that is held out for the tests."""
    return unseen(lambda: problem(rng, rng.randint(least, most)), lambda story: Item("word_problem", story.text))


def asks(template: str, story: Problem, right: str, mark: Callable[[str], Mark], **fields: object) -> Question:
    return Question(put(template, story.text, kind="word_problem", **fields), right, mark)


def operations(found: Sequence[Calculation]) -> list[str]:
    """What is done in each step, `+5`, whatever it is done to."""
    return [each.text.partition("=")[0].lstrip("0123456789. ") for each in found]


def works_out(text: str, story: Problem) -> bool:
    """Whether a text takes the steps of a story, each right, and states its answer."""
    found = steps(text)
    same = operations(found) == operations(steps(equations(story)))
    return same and all(each.right for each in found) and same_answer(str(story.answer), text) is True


def rationale(rng: random.Random) -> Question:
    """A right answer to be explained."""
    story = unseen_story(rng)

    def mark(text: str) -> Mark:
        return judged(works_out(text, story) if steps(text) and final_answer(text) else None)

    return asks("rationalisation/teacher", story, equations(story), mark, hint=str(story.answer))


def wrong_rationale(rng: random.Random) -> Question:
    """A wrong answer to be explained; only the last step may be false."""
    story = unseen_story(rng)
    hint = wrong_answer(rng, story.answer)
    ending = equations(ending_with(story, hint))

    def mark(text: str) -> Mark:
        found = steps(text)
        if not found or final_answer(text) is None:
            return judged(None)
        leads = all(each.right for each in found[:-1]) and found[-1].text.endswith(f"={hint}")
        return judged(leads and operations(found) == operations(steps(ending)) and same_answer(str(hint), text) is True)

    return asks("rationalisation/teacher", story, ending, mark, hint=str(hint))


def socratic(rng: random.Random) -> Question:
    story = unseen_story(rng)
    lines = [f"Q: {small_question(step)}\nA: {step.equation}." for step in story.steps]
    right = "\n".join(lines) + f" The answer is {story.answer}."

    def mark(text: str) -> Mark:
        pairs = question_pairs(text)
        if pairs is None or stated_number(pairs[-1].answer) is None:
            return judged(None)
        return judged(len(pairs) == len(story.steps) and works_out("\n".join(each.answer for each in pairs), story))

    return asks("socratic/teacher", story, right, mark)


def runs(story: Problem) -> Callable[[str], Mark]:
    """Marks programs by what they compute."""

    def mark(text: str) -> Mark:
        ran = computed(text)
        return judged(None if ran.code is None else same_answer(str(story.answer), ran.answer) is True)

    return mark


def program(rng: random.Random) -> Question:
    story = unseen_story(rng)
    return asks("program_of_thought/teacher", story, fenced(program_lines(story)), runs(story))


def refined(rng: random.Random) -> Question:
    story = unseen_story(rng)
    error, fail = rng.choice(tuple(FAILURES.items()))
    failing = "\n".join(fail(rng, program_lines(story)))
    fields = {"program": failing, "error": error}
    return asks("program_of_thought/refine", story, fenced(program_lines(story)), runs(story), **fields)


def equation(rng: random.Random) -> Question:
    story = unseen_story(rng)

    def mark(text: str) -> Mark:
        found = equation_in(text)
        return judged(None if found is None else value(found) == story.answer)

    return asks("multi_view/equation", story, nested(story), mark)


def bare_answer(steps_of_story: int) -> Callable[[random.Random], Question]:
    """Questions for the bare answer of stories of so many steps."""

    def ask(rng: random.Random) -> Question:
        story = unseen_story(rng, steps_of_story, steps_of_story)
        right = f"The answer is {story.answer}."
        return asks("multi_view/answer", story, right, lambda text: alone(text, story))

    return ask


def alone(text: str, story: Problem) -> Mark:
    """Right where the answer is, without any step."""
    return judged(None if stated_number(text) is None or steps(text) else same_answer(str(story.answer), text) is True)


def correction(rng: random.Random) -> Question:
    """A wrong attempt; the first mistake is to be named, then all is to be done right."""
    story = unseen_story(rng)
    attempt = mistaken(rng, story)
    answer = str(story.answer) if rng.random() < 0.5 else None
    said = first_mistake(story, attempt)

    def mark(text: str) -> Mark:
        found = critique_in(text)
        return judged(None if found is None else works_out(found.solution, story))

    right = f"{said}\nCorrected solution: {equations(story)}"
    return asks("negative_aware/critique", story, right, mark, answer=answer, attempt=attempt.text)


def mistake(rng: random.Random) -> Question:
    """The same question, marked by what is said of the mistake alone."""
    story = unseen_story(rng)
    attempt = mistaken(rng, story)
    said = first_mistake(story, attempt)

    def mark(text: str) -> Mark:
        found = critique_in(text)
        return judged(None if found is None else found.said.strip() == said)

    right = f"{said}\nCorrected solution: {equations(story)}"
    return asks("negative_aware/critique", story, right, mark, answer=None, attempt=attempt.text)


EXAMS = {
    "rationalise": Exam(
        "rationalisation, scott", "told the right answer: the story's own steps, all true, lead to it", rationale
    ),
    "rationalise (wrong)": Exam(
        "scott", "told a wrong answer: the story's own steps lead to it, all true but the last", wrong_rationale
    ),
    "ask_and_answer": Exam("socratic", "a question a step, every answer true, the last one right", socratic),
    "program": Exam("program_of_thought, mixed, multi_view", "it runs and computes the answer", program),
    "refine_program": Exam("program_of_thought, mixed", "shown a failing program and its error: the new one is right", refined),
    "equation": Exam("multi_view", "one equation, whose value is the answer", equation),
    "bare_answer": Exam("multi_view", "stories of 2 steps: the answer, without a step", bare_answer(2)),
    "bare_answer (3 steps)": Exam("multi_view", "stories of 3 steps: the answer, without a step", bare_answer(3)),
    "critique": Exam("negative_aware", "shown a wrong attempt: the corrected solution is right", correction),
    "critique (mistake)": Exam("negative_aware", "the same, answer untold: the first mistake is named and mended", mistake),
}
