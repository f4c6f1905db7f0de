"""Prompt search: an instruction induced from pairs (APE, arXiv 2211.01910), said in other words, and optimised (OPRO, arXiv
2309.03409).

The mini teacher cannot tell which instruction scores higher: it writes one that is not yet in the list.
"""

from __future__ import annotations

import random

from pipeline.mini.commands import RULE_PHRASES, SORTINGS, Command, classification, command, list_command
from pipeline.mini.induction import RULES
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.commands import taught_command
from pipeline.mini.skills.variations import Story, story

STEPS = (
    "Solve the problem step by step.", "Solve this word problem step by step.", "Think step by step.",
    "Let's think step by step.", "Show each step.", "Show your steps.", "Explain how you get the answer.",
)  # fmt: skip
STEPS_AND_END = (
    "Solve the problem step by step and end with the answer.", "Work step by step and end with the answer.",
    "Think step by step, then give the answer.", 'Think step by step. End with the sentence "The answer is" and the number.',
)  # fmt: skip
ANSWER = ("Work out the answer.", "Answer the question.", "Read the story and answer the question.", "Solve the problem.")
MEANINGS = (STEPS, STEPS_AND_END, ANSWER)
"""Wordings of three instructions, as the mini world's prompts put them."""
WORDINGS = (*STEPS, *STEPS_AND_END, *ANSWER)
MOST_HISTORY, EXEMPLARS = 8, 3


def induce(rng: random.Random) -> Lesson:
    """What was asked, from what came out: lists and labels, and stories with their solution or their answer alone."""
    if rng.random() < 0.6:
        first = taught_command(lambda: command(rng))
        like = [_another(rng, first) for _ in range(rng.randint(2, 4))]
        shown = [{"input": each.input, "output": each.output} for each in (first, *like)]
        return asked(rng, "prompt_search/induce", "", demonstrations=shown), first.instruction
    with_steps = rng.random() < 0.5
    stories = [_story(rng) for _ in range(rng.randint(2, 3))]
    shown = [{"input": each.prompt, "output": each.reply(rng) if with_steps else _answer(each)} for each in stories]
    return asked(rng, "prompt_search/induce", "", demonstrations=shown), rng.choice(STEPS_AND_END if with_steps else ANSWER)


def _another(rng: random.Random, first: Command) -> Command:
    if first.labels:
        return taught_command(lambda: classification(rng, first))
    return taught_command(lambda: list_command(rng, first.name, first.instruction))


def _story(rng: random.Random) -> Story:
    while not (made := story(rng, rng.randint(1, 3))).is_taught:
        pass
    return made


def _answer(made: Story) -> str:
    return f"The answer is {made.problem.answer}."


def paraphrase(rng: random.Random) -> Lesson:
    """Another wording of the same."""
    if rng.random() < 0.3:
        sorting = SORTINGS[rng.choice(tuple(SORTINGS))]
        key = sorting.key(rng)
        group = tuple(phrase.format(key=key) for phrase in sorting.phrases)
    else:
        group = rng.choice((*MEANINGS, *MEANINGS, *(RULE_PHRASES[name] for name in RULES)))
    old, new = rng.sample(group, 2)
    return asked(rng, "prompt_search/paraphrase", old), new


def optimise(rng: random.Random) -> Lesson:
    """One that is not in the list, in square brackets."""
    tried = rng.sample(WORDINGS, rng.randint(1, MOST_HISTORY))
    scores = sorted(rng.randint(0, 100) for _ in tried)
    history = [{"instruction": each, "score": score} for each, score in zip(tried, scores, strict=True)]
    stories = [_story(rng) for _ in range(EXEMPLARS)]
    exemplars = [{"input": each.prompt, "output": str(each.problem.answer)} for each in stories]
    place = rng.choice(("before", "after"))
    messages = asked(rng, "prompt_search/optimise", "", history=history, exemplars=exemplars, place=place)
    return messages, f"[{rng.choice([each for each in WORDINGS if each not in tried])}]"


SKILLS = {"prompt_induce": induce, "prompt_paraphrase": paraphrase, "prompt_optimise": optimise}
