"""Judging replies: what is right and wrong in them step by step or rule by rule, then a grade or a preference.

Grades of solutions: 5 where every step is right, 3 where a step is wrong and the answer right, 2 for one step wrong or missing,
1 for more. Grades of replies to instructions: 5 where every rule is kept, 3 where some are, 2 where none is, 1 for another
topic. Two replies are compared by the number of their mistakes. What is right is computed, never guessed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.answers.constraints import constraint_met
from pipeline.mini.instructions import Instruction, instruction
from pipeline.mini.item import Item
from pipeline.mini.problems import Problem
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import attempt_of, mistaken, miswritten, spoken, taught_story, words_on
from pipeline.mini.words import TOPICS

PROBLEM_SHARE = 0.6
"""Share of lessons about word problems; the others are about instructions."""
REFERENCE_SHARE = 0.5
"""Share of judged solutions that stand beside the right answer."""
OTHER_TOPIC = "The topic is another."


@dataclass(frozen=True)
class Judged:
    """A reply and what there is to say of it."""

    reply: str
    said: str
    mistakes: int
    score: int


def judge_absolute(rng: random.Random) -> Lesson:
    """A grade from 1 to 5."""
    if rng.random() < PROBLEM_SHARE:
        return _graded_solution(rng, "judge/absolute")
    task = taught_instruction(rng)
    return _graded(rng, "judge/absolute", "instruction", task.prompt, judged_reply(rng, task))


def judge_correctness(rng: random.Random) -> Lesson:
    """A grade for how correct a solution is."""
    return _graded_solution(rng, "judge/correctness")


def judge_pairwise(rng: random.Random) -> Lesson:
    """Which of two replies makes fewer mistakes."""
    if rng.random() < PROBLEM_SHARE:
        story = taught_story(rng, 2, 4)
        kind, prompt, judged = "word_problem", story.text, [judged_solution(rng, story) for _ in range(2)]
    else:
        task = taught_instruction(rng)
        kind, prompt, judged = "instruction", task.prompt, [judged_reply(rng, task) for _ in range(2)]
    first, second = judged
    messages = asked(rng, "judge/pairwise", prompt, kind=kind, history=[], first=first.reply, second=second.reply)
    letter = "C" if first.mistakes == second.mistakes else "A" if first.mistakes < second.mistakes else "B"
    return messages, f"Reply A: {first.said} Reply B: {second.said}\n[[{letter}]]"


def _graded_solution(rng: random.Random, template: str) -> Lesson:
    story = taught_story(rng)
    answer = str(story.answer) if rng.random() < REFERENCE_SHARE else None
    return _graded(rng, template, "word_problem", story.text, judged_solution(rng, story), answer)


def _graded(rng: random.Random, template: str, kind: str, prompt: str, judged: Judged, answer: str | None = None) -> Lesson:
    messages = asked(rng, template, prompt, kind=kind, answer=answer, history=[], response=judged.reply, lowest=1, highest=5)
    return messages, f"{judged.said}\nScore: {judged.score}"


def judged_solution(rng: random.Random, story: Problem) -> Judged:
    """An attempt at a story: right in four of ten, wrong in five, with a wrong step and the right answer in one."""
    dice = rng.random()
    attempt = attempt_of(rng, story) if dice < 0.4 else mistaken(rng, story) if dice < 0.9 else miswritten(rng, story)
    words = words_on(story, attempt)
    mistakes = len(words) - words.count("right")
    almost = attempt.answer == story.answer
    score = 5 if not mistakes else 1 if mistakes > 1 else 3 if almost else 2
    return Judged(attempt.text, spoken(words), mistakes, score)


def taught_instruction(rng: random.Random) -> Instruction:
    """An instruction that is not held out for the tests."""
    while True:
        task = instruction(rng)
        if not Item("instruction", task.prompt).held_out:
            return task


def judged_reply(rng: random.Random, task: Instruction) -> Judged:
    """A reply to an instruction: its own in four of ten, that to another on the topic in five, else one on another topic."""
    dice = rng.random()
    reply = task.reply if dice < 0.4 else _other_reply(rng, task, same_topic=dice < 0.9)
    if _topic(task.prompt) not in reply.lower():
        return Judged(reply, OTHER_TOPIC, len(task.constraints) + 1, 1)
    kept = [constraint_met(reply, each) is True for each in task.constraints]
    said = " ".join(f"Rule {number} is {'kept' if met else 'broken'}." for number, met in enumerate(kept, 1))
    return Judged(reply, said, kept.count(False), 5 if all(kept) else 3 if any(kept) else 2)


def _other_reply(rng: random.Random, task: Instruction, same_topic: bool) -> str:
    while True:
        other = instruction(rng)
        if (_topic(other.prompt) == _topic(task.prompt)) == same_topic:
            return other.reply


def _topic(prompt: str) -> str:
    """What an instruction is about."""
    return next(topic for topic in TOPICS if f"the {topic}." in prompt)


SKILLS = {"judge_absolute": judge_absolute, "judge_correctness": judge_correctness, "judge_pairwise": judge_pairwise}
