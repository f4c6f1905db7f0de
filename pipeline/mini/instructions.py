"""Instructions with checkable constraints: write a little about a topic, and obey one or two rules while doing so.

In: a random generator. Out: the instruction, its constraints (IFEval names, so that `answers.constraints` checks them), and a
reply that fulfils them, which is what the teacher learns from. Seventeen kinds in two or three phrasings each.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.mini.words import ADJECTIVES, OOD_TOPICS, PLACES, TOPICS, VERBS

Constraint = dict[str, Any]
Wrap = Callable[[str], str]

ASKS = (
    "Tell me about the {topic}.", "Write about the {topic}.", "Write something about the {topic}.",
    "Please describe the {topic}.", "Describe the {topic}.", "Say something about the {topic}.",
)  # fmt: skip


@dataclass(frozen=True)
class Instruction:
    """An instruction, what its reply must fulfil, and one reply that does."""

    prompt: str
    constraints: tuple[Constraint, ...]
    reply: str


@dataclass
class Draft:
    """What a reply is being made of; each constraint changes one of these before the text is put together."""

    topic: str
    sentences: int = 2
    commas: bool = True
    place: str | None = None
    adjective: str | None = None
    avoid: tuple[str, ...] = ()
    end: str = ""
    wraps: list[Wrap] = field(default_factory=list)
    form: str = "prose"
    count: int = 0


def _lowercase(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(str.lower)
    return {"kind": "change_case:english_lowercase"}


def _capital(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(str.upper)
    return {"kind": "change_case:english_capital"}


def _no_comma(draft: Draft, rng: random.Random) -> Constraint:
    draft.commas = False
    return {"kind": "punctuation:no_comma"}


def _quotation(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(lambda text: f'"{text}"')
    return {"kind": "startend:quotation"}


def _end(draft: Draft, rng: random.Random) -> Constraint:
    draft.end = rng.choice(("That is all.", "Have a nice day.", "See you soon."))
    return {"kind": "startend:end_checker", "end_phrase": draft.end}


def _existence(draft: Draft, rng: random.Random) -> Constraint:
    draft.place = rng.choice(PLACES)
    return {"kind": "keywords:existence", "keywords": [draft.place]}


def _forbidden(draft: Draft, rng: random.Random) -> Constraint:
    draft.avoid = tuple(rng.sample([word for word in ADJECTIVES if word != draft.adjective], 2))
    return {"kind": "keywords:forbidden_words", "forbidden_words": list(draft.avoid)}


def _frequency(draft: Draft, rng: random.Random) -> Constraint:
    draft.sentences = rng.choice((2, 3))
    draft.adjective = rng.choice(ADJECTIVES)
    return {
        "kind": "keywords:frequency", "keyword": draft.adjective,
        "relation": "at least", "frequency": draft.sentences,
    }  # fmt: skip


def _words_less(draft: Draft, rng: random.Random) -> Constraint:
    draft.sentences, draft.commas = 1, False
    return {"kind": "length_constraints:number_words", "relation": "less than", "num_words": rng.choice((10, 12, 15))}


def _sentences_least(draft: Draft, rng: random.Random) -> Constraint:
    draft.sentences = rng.choice((2, 3, 4))
    return {
        "kind": "length_constraints:number_sentences", "relation": "at least", "num_sentences": draft.sentences,
    }  # fmt: skip


def _paragraphs(draft: Draft, rng: random.Random) -> Constraint:
    draft.form, draft.count = "paragraphs", rng.choice((2, 3))
    return {"kind": "length_constraints:number_paragraphs", "num_paragraphs": draft.count}


def _bullets(draft: Draft, rng: random.Random) -> Constraint:
    draft.form, draft.count = "bullets", rng.choice((2, 3, 4))
    return {"kind": "detectable_format:number_bullet_lists", "num_bullets": draft.count}


def _json(draft: Draft, rng: random.Random) -> Constraint:
    draft.form = "json"
    return {"kind": "detectable_format:json_format"}


def _two_responses(draft: Draft, rng: random.Random) -> Constraint:
    draft.form = "two"
    return {"kind": "combination:two_responses"}


def _title(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(lambda text: f"<<the {draft.topic}>>\n{text}")
    return {"kind": "detectable_format:title"}


def _postscript(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(lambda text: f"{text}\nP.S. {rng.choice(('Write soon.', 'Come back soon.'))}")
    return {"kind": "detectable_content:postscript", "postscript_marker": "P.S."}


def _placeholders(draft: Draft, rng: random.Random) -> Constraint:
    draft.wraps.append(lambda text: f"{text} Ask [name] at [address].")
    return {"kind": "detectable_content:number_placeholders", "num_placeholders": 2}


@dataclass(frozen=True)
class ConstraintKind:
    make: Callable[[Draft, random.Random], Constraint]
    phrasings: tuple[str, ...]
    frame: bool
    """Whether it shapes the whole reply; two frames never meet in one instruction."""


KINDS: tuple[ConstraintKind, ...] = (
    ConstraintKind(_lowercase, ("Use only lowercase letters.", "Write all in lowercase.", "No capital letters are allowed."), True),
    ConstraintKind(_capital, ("Use only capital letters.", "Write all in capital letters.", "Use capital letters only."), True),
    ConstraintKind(_no_comma, ("Do not use commas.", "Use no commas.", "Avoid commas in your reply."), False),
    ConstraintKind(_quotation, ("Wrap your whole reply in double quotation marks.", "Put your reply in double quotation marks."), True),
    ConstraintKind(_end, ("End with the phrase: {end_phrase}", "Finish your reply with: {end_phrase}"), True),
    ConstraintKind(_existence, ("Use the word {keywords[0]}.", "Include the word {keywords[0]}.", "Your reply must have the word {keywords[0]}."), False),
    ConstraintKind(_forbidden, ("Do not use the words {forbidden_words[0]} and {forbidden_words[1]}.", "Avoid the words {forbidden_words[0]} and {forbidden_words[1]}."), False),
    ConstraintKind(_frequency, ("Use the word {keyword} at least {frequency} times.", "The word {keyword} must come at least {frequency} times."), True),
    ConstraintKind(_words_less, ("Use less than {num_words} words.", "Write less than {num_words} words."), True),
    ConstraintKind(_sentences_least, ("Write at least {num_sentences} sentences.", "Use at least {num_sentences} sentences."), True),
    ConstraintKind(_paragraphs, ("Write {num_paragraphs} paragraphs and put *** between them.", "Give {num_paragraphs} paragraphs with *** between them."), True),
    ConstraintKind(_bullets, ("Write exactly {num_bullets} bullet points.", "Give exactly {num_bullets} bullet points.", "Use a list of exactly {num_bullets} bullet points."), True),
    ConstraintKind(_json, ("Reply in JSON.", "Write the whole reply as JSON.", "Use the JSON format."), True),
    ConstraintKind(_two_responses, ("Give two different replies with ****** between them.", "Write two replies and put ****** between them."), True),
    ConstraintKind(_title, ("Begin with a title in double angle brackets.", "Add a title in double angle brackets."), True),
    ConstraintKind(_postscript, ("At the end add a postscript that starts with P.S.", "Add a postscript that starts with P.S."), True),
    ConstraintKind(_placeholders, ("Use at least 2 placeholders in square brackets.", "Include at least 2 placeholders in square brackets."), True),
)  # fmt: skip


def instruction(rng: random.Random, ood: bool = False) -> Instruction:
    """One or two constraints on a topic; `ood` takes topics that no model trained on, and three constraints."""
    topic = rng.choice(OOD_TOPICS if ood else TOPICS)
    draft = Draft(topic)
    kinds = _kinds(rng, 3 if ood else rng.choice((1, 1, 2)))
    constraints = tuple(kind.make(draft, rng) for kind in kinds)
    said = [rng.choice(kind.phrasings).format(**each) for kind, each in zip(kinds, constraints, strict=True)]
    prompt = " ".join([rng.choice(ASKS).format(topic=topic), *said])
    return Instruction(prompt, constraints, compose(draft, rng))


def _kinds(rng: random.Random, wanted: int) -> list[ConstraintKind]:
    """`wanted` different kinds of which at most one shapes the whole reply."""
    frames = [kind for kind in KINDS if kind.frame]
    details = [kind for kind in KINDS if not kind.frame]
    if wanted == 1:
        return [rng.choice(KINDS)]
    return [rng.choice(frames), *rng.sample(details, wanted - 1)]


def compose(draft: Draft, rng: random.Random) -> str:
    """Puts the reply together in the form the constraints ask for."""
    if draft.form == "json":
        text = json.dumps({"text": _sentence(draft, rng)})
    elif draft.form == "bullets":
        text = "\n".join(f"* {_sentence(draft, rng)}" for _ in range(draft.count))
    elif draft.form == "paragraphs":
        text = " *** ".join(_sentence(draft, rng) for _ in range(draft.count))
    elif draft.form == "two":
        text = " ****** ".join((_sentence(draft, rng, "The"), _sentence(draft, rng, "A")))
    else:
        text = " ".join(_sentence(draft, rng) for _ in range(draft.sentences))
    if draft.end:
        text = f"{text} {draft.end}"
    for wrap in draft.wraps:
        text = wrap(text)
    return text


def _sentence(draft: Draft, rng: random.Random, article: str = "The") -> str:
    """`The old dog waits at the park.`, or with commas `The dog, old and kind, waits at the park.`"""
    allowed = [word for word in ADJECTIVES if word not in draft.avoid]
    first, second = rng.sample(allowed, 2)
    first = draft.adjective or first
    place = draft.place or rng.choice(PLACES)
    end = f"{rng.choice(VERBS)} at the {place}."
    if draft.commas and rng.random() < 0.5:
        return f"{article} {draft.topic}, {first} and {second}, {end}"
    return f"{article} {first} {draft.topic} {end}"
