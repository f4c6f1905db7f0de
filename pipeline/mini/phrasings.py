"""The many ways a task is put to the mini models while they learn, so that an edited template still works within reason.

Every training prompt draws a system message, a lead-in and a closing line, and now and then a run of stray words that mean
nothing. The lists named `UNSEEN_…` are never trained on; `bench/mini_models.py` asks with them to see how far that carries.
"""

from __future__ import annotations

import random

SYSTEMS = (
    "You are a helpful assistant.", "You are a careful teacher.", "You are a friendly tutor.", "You answer questions.",
    "You are good at math.", "Answer every question as well as you can.", "You follow instructions exactly.",
    "Be brief and correct.",
)  # fmt: skip
PROBLEM_LEADS = (
    "Solve the problem.", "Solve this word problem.", "Read the story and answer the question.", "Here is a problem.",
    "Question:", "Problem:", "Q:", "Work out the answer.", "Please solve this problem step by step.",
    "Solve the problem step by step and end with the answer.", "Answer the question.",
)  # fmt: skip
PROBLEM_TAILS = (
    "Think step by step.", "Let's think step by step.", "Show your steps.", "Answer:", "Show each step.", "A:",
    "Think step by step, then give the answer.", 'End with "The answer is" and the number.',
    'Think step by step. End with the sentence "The answer is" and the number.',
    "Work step by step and end with the answer.", "Explain how you get the answer.", "Solution:",
)  # fmt: skip
INSTRUCTION_LEADS = (
    "Follow the instruction.", "Instruction:", "Do what is asked.", "Please do this.", "Task:",
    "Follow every part of this instruction.",
)  # fmt: skip
INSTRUCTION_TAILS = ("Reply:", "Response:", "Follow every rule.", "Do all of this.")
INDUCTION_LEADS = (
    "Find the rule.", "Find the rule and answer the last line.", "Here are some examples.", "Follow the pattern.",
    "Examples:", "Each line follows the same rule.", "Complete the last line.", "Learn the rule from the examples.",
)  # fmt: skip
INDUCTION_TAILS: tuple[str, ...] = ()

UNSEEN_SYSTEMS = ("You reason like a patient scientist.", "Respond precisely.")
UNSEEN_LEADS = ("Have a look at what follows.", "Consider the text below with care.", "Now comes a new exercise:")
UNSEEN_TAILS = ("Take your time and reason carefully.", "What do you conclude?", "Write down how you got there.")

STRAY_WORDS = (
    "please", "now", "the", "a", "carefully", "first", "then", "number", "write", "give", "explain", "result", "each",
    "short", "clear", "reply", "with", "and", "of", "to", "in", "you", "your", "this", "all", "reason", "think", "how",
    "what", "look", "text", "below", "new", "exercise", "down", "time", "take", "follow", "consider", "precise",
)  # fmt: skip

Messages = list[dict[str, str]]


def phrase(rng: random.Random, kind: str, body: str) -> Messages:
    """Messages asking `body` in one of the trained phrasings."""
    leads, tails = {
        "word_problem": (PROBLEM_LEADS, PROBLEM_TAILS),
        "instruction": (INSTRUCTION_LEADS, INSTRUCTION_TAILS),
        "induction": (INDUCTION_LEADS, INDUCTION_TAILS),
    }.get(kind, ((), ()))
    lead = _draw(rng, leads, 0.5)
    tail = _draw(rng, tails, 0.5) if kind != "induction" else ""
    return _assemble(rng, _draw(rng, SYSTEMS, 0.4), lead, body, tail)


def phrase_unseen(rng: random.Random, kind: str, body: str) -> Messages:
    """Messages asking `body` in words that no model was trained on."""
    tail = rng.choice(UNSEEN_TAILS) if kind == "word_problem" else ""
    return _assemble(rng, rng.choice(UNSEEN_SYSTEMS), rng.choice(UNSEEN_LEADS), body, tail)


def _draw(rng: random.Random, choices: tuple[str, ...], share: float) -> str:
    """One of `choices` in `share` of the draws, stray words in a tenth, else nothing."""
    dice = rng.random()
    if dice < share and choices:
        return rng.choice(choices)
    if dice > 0.9:
        return " ".join(rng.choices(STRAY_WORDS, k=rng.randint(2, 8))).capitalize() + rng.choice((".", ":", ""))
    return ""


def _assemble(rng: random.Random, system: str, lead: str, body: str, tail: str) -> Messages:
    separator = rng.choice(("\n", "\n", " ", "\n\n"))
    user = separator.join(part for part in (lead, body, tail) if part)
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": user}]
