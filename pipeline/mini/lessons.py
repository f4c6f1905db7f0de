"""What the mini models are taught, as (messages, reply) pairs: the teacher everything, the student single steps only.

The student's curriculum stops where distillation is to begin: arithmetic, stories of one step, saying which operation each
sentence of a story means, and short instructions and inductions. It never sees a solution of two steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from pipeline.mini.item import Item
from pipeline.mini.phrasings import phrase
from pipeline.mini.problems import SYMBOLS, Step, problem, solution, with_slips
from pipeline.mini.skills.asking import Lesson
from pipeline.mini.skills.attempts import SLIP_RATE, taught_story
from pipeline.mini.skills.catalogue import SKILLS
from pipeline.mini.world import draw_item, problem_item

TEACHER_MIX = {"chain": 54, "few_shot": 6, "single": 3, "arithmetic": 4, "instruction": 15, "induction": 18}
TEACHER_SECOND_MIX = {"careless": 30, "careless_few_shot": 5, "arithmetic": 2, "instruction": 13, "induction": 50}
TEACHER_THIRD_MIX = {
    "careless": 16, "careless_few_shot": 3, "arithmetic": 2, "instruction": 8, "induction": 14, "command": 3,
    "rationalise": 4, "ask_and_answer": 4, "program": 4, "refine_program": 1, "equation": 3, "bare_answer": 1, "critique": 3,
    "judge_absolute": 1, "judge_correctness": 2, "judge_pairwise": 2, "self_instruct_instructions": 2,
    "self_instruct_classify": 1, "self_instruct_input_first": 2, "self_instruct_output_first": 1, "alpaca_blocks": 2,
    "evol_constraint": 1, "evol_deepen": 1, "evol_concretise": 1, "evol_reasoning": 1, "evol_breadth": 1, "evol_eliminate": 1,
    "evol_answer": 2, "lion_referee": 1, "lion_similar": 1, "lion_rarer": 1, "reflection_instruction": 1,
    "reflection_response": 1, "prompt_induce": 1, "prompt_paraphrase": 1, "prompt_optimise": 1, "entities_listed": 2,
    "entities_conversed": 1, "entities_coded": 2, "fact_recalled": 3, "fact_routed": 1, "fact_reasoned": 2,
    "fact_justified": 2, "fact_read": 2, "pair_flipped": 2, "pair_labelled": 1, "events_continued": 1, "event_concluded": 2,
    "event_criticised": 1, "bandit_chosen": 2, "bandit_followed": 1,
}  # fmt: skip
"""What methods ask of a teacher, and enough of what it knows that it forgets nothing."""
STUDENT_MIX = {"single": 30, "arithmetic": 20, "reading": 20, "instruction": 15, "induction": 15}


def lessons(mix: dict[str, int], seed: int) -> Iterator[Lesson]:
    """An endless, repeatable stream of lessons drawn by the weights of `mix`."""
    rng = random.Random(f"lessons/{seed}")
    kinds, weights = list(mix), list(mix.values())
    while True:
        yield _lesson(rng, rng.choices(kinds, weights)[0])


def _lesson(rng: random.Random, kind: str) -> Lesson:
    if kind in SKILLS:
        return SKILLS[kind](rng)
    if kind == "arithmetic":
        return arithmetic(rng)
    if kind == "reading":
        return _reading(rng)
    if kind in ("few_shot", "careless_few_shot"):
        return _few_shot(rng, careless=kind != "few_shot")
    if kind == "careless":
        prompt, reply = _careless(rng)
        return phrase(rng, "word_problem", prompt), reply
    if kind in ("chain", "single"):
        item = _taught(rng, "word_problem", 1 if kind == "single" else rng.randint(2, 5))
        return phrase(rng, item.kind, item.prompt), item.reply
    item = _taught(rng, kind)
    body = f"{item.context}\n{item.prompt}" if item.context else item.prompt
    return phrase(rng, item.kind, body), item.reply


def _taught(rng: random.Random, kind: str, steps: int = 0) -> Item:
    """An item that is not held out for the tests."""
    while True:
        item = problem_item(rng, steps) if steps else draw_item(rng, kind, ood=False)
        if not item.held_out:
            return item


def _careless(rng: random.Random) -> tuple[str, str]:
    """A word problem and a solution that may slip, so that the teacher is not always right and filters have something to do."""
    story = taught_story(rng)
    return story.text, solution(rng, with_slips(rng, story, SLIP_RATE))


def _few_shot(rng: random.Random, careless: bool) -> Lesson:
    """A word problem after one to three solved ones, in the layouts people use for demonstrations."""
    shown = [_taught(rng, "word_problem", rng.randint(2, 4)) for _ in range(rng.randint(1, 3))]
    if careless:
        asked, reply = _careless(rng)
    else:
        item = _taught(rng, "word_problem", rng.randint(2, 5))
        asked, reply = item.prompt, item.reply
    question, answer = rng.choice((("", ""), ("Question: ", "Answer: "), ("Q: ", "A: "), ("Problem: ", "Solution: ")))
    blocks = [f"{question}{item.prompt}\n{answer}{item.reply}" for item in shown]
    last = f"{question}{asked}" + (f"\n{answer.strip()}" if answer and rng.random() < 0.7 else "")
    return phrase(rng, "few_shot", "\n\n".join([*blocks, last])), reply


def _steps(rng: random.Random, count: int) -> list[Step]:
    """`count` operations that have nothing to do with each other."""
    return [problem(rng, 1).steps[0] for _ in range(count)]


def arithmetic(rng: random.Random) -> Lesson:
    """One to five sums in a row, each on its own."""
    steps = _steps(rng, rng.randint(1, 5))
    asked = ", ".join(f"{s.before}{SYMBOLS[s.operation]}{s.operand}" for s in steps)
    prompt = rng.choice(("Compute: {}", "Compute {}.", "What is {}?", "{}")).format(asked)
    return phrase(rng, "arithmetic", prompt), " ".join(f"{s.equation}." for s in steps)


def _reading(rng: random.Random) -> Lesson:
    """A story, to be answered with the operation that each sentence means; nothing is computed."""
    story = problem(rng, rng.randint(1, 5))
    reply = [str(story.steps[0].before), *(f"{SYMBOLS[s.operation]}{s.operand}" for s in story.steps)]
    ask = rng.choice(("List the operations.", "Write the operations of this story.", "Which operations happen?"))
    return phrase(rng, "reading", f"{ask}\n{story.text}"), " ".join(reply)
