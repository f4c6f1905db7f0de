"""Reads word problems and requests of the mini world back from their text, so that invented ones can be checked.

In: any text. Out: the story with its steps, the request with what it demands, or None where it is none of the world's language.
A story is answerable where its amounts stay whole and between 1 and 99, as in all that were taught.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from pipeline.answers.constraints import constraints_met
from pipeline.answers.final import final_answer
from pipeline.mini.commands import RULE_PHRASES, SORTINGS
from pipeline.mini.induction import RULES
from pipeline.mini.instructions import ASKS, KINDS, Constraint, Draft
from pipeline.mini.problems import FORMS, LARGEST, SYMBOLS, Form, Step, applied
from pipeline.mini.skills.variations import STORY_DEMANDS
from pipeline.mini.words import ADJECTIVES, NAMES, TOPICS

SLOT = re.compile(r"\\\{([\w\[\]\\]+)\\\}")
SENTENCE = re.compile(r"(?<=[.?]) ")


@dataclass(frozen=True)
class ToldStory:
    """A word problem as it was read."""

    form: Form
    things: str
    steps: tuple[Step, ...]
    demands: tuple[str, ...]

    @property
    def is_answerable(self) -> bool:
        return all(1 <= step.after <= LARGEST and _is_whole(step) for step in self.steps)

    def is_answered(self, text: str) -> bool | None:
        """Whether a reply gives its answer; None where it gives none."""
        said = final_answer(text)
        return None if said is None else said == str(self.steps[-1].after)


@dataclass(frozen=True)
class ToldRequest:
    """A request to write about a topic as it was read."""

    topic: str
    asks_place: bool
    constraints: tuple[Constraint, ...]
    is_answerable = True

    @property
    def kinds(self) -> set[str]:
        return {each["kind"] for each in self.constraints}

    def is_answered(self, text: str) -> bool | None:
        """Whether a reply is about the topic and meets what is demanded."""
        about = all(word in text.lower() for word in self.topic.lower().split())
        return None if not text.strip() else about and all(constraints_met(text, self.constraints))


Told = ToldStory | ToldRequest


def read(text: str) -> Told | None:
    """The story or request a text is."""
    return read_request(text) or read_story(text)


def read_story(text: str) -> ToldStory | None:
    """The story a text tells."""
    body, demands = _without_demands(" ".join(text.split()))
    sentences = SENTENCE.split(body)
    if len(sentences) < 3:
        return None
    return next((told for form in FORMS if (told := _in_form(form, sentences, demands))), None)


def _without_demands(text: str) -> tuple[str, tuple[str, ...]]:
    demands: list[str] = []
    while found := next((each for each in STORY_DEMANDS if text.endswith(f" {each}")), None):
        text, demands = text.removesuffix(found).rstrip(), [found, *demands]
    return text, tuple(demands)


def _in_form(form: Form, sentences: list[str], demands: tuple[str, ...]) -> ToldStory | None:
    start, *middle, question = sentences
    began, asked = _match(form.start, start), _match(form.question, question)
    if began is None or asked is None:
        return None
    people, things, amount, steps = [began, asked], began["things"], int(began["n"]), list[Step]()
    for sentence in middle:
        operation, found = _operation(form, sentence)
        if found is None:
            return None
        people.append(found)
        operand = int(found["n"])
        after = applied(operation, amount, operand) if operand else 0
        steps.append(Step(operation, operand, amount, after))
        amount = after
    same = _one_person(people) and {each["things"] for each in people if "things" in each} == {things}
    plain = things.split()[-1] in form.things and set(things.split()[:-1]) <= set(ADJECTIVES)
    return ToldStory(form, things, tuple(steps), demands) if same and plain else None


def _operation(form: Form, sentence: str) -> tuple[str, dict[str, str] | None]:
    for operation in SYMBOLS:
        if (found := _match(getattr(form, operation), sentence)) is not None:
            return operation, found
    return "", None


def _one_person(found: list[dict[str, str]]) -> bool:
    """Whether names and pronouns are one person's."""
    fitting = [each for each in NAMES if all(here.get("name", each[0]) == each[0] for here in found)]
    fitting = [each for each in fitting if all(here.get("He", each[1].capitalize()) == each[1].capitalize() for here in found)]
    return any(all(here.get("him", each[2]) == each[2] for here in found) for each in fitting)


def _is_whole(step: Step) -> bool:
    return step.operand > 0 and (step.operation != "divide" or step.before % step.operand == 0)


def read_request(text: str) -> ToldRequest | None:
    """The request a text is: its topic, whether its place is asked for, and every constraint."""
    text = " ".join(text.split())
    for ask in ASKS:
        for place in (" and its place.", "."):
            found = _pattern(ask.replace(".", place)).match(text)
            if found and _is_topic(found["topic"]):
                demanded = _demanded(text[found.end() :].strip())
                return None if demanded is None else ToldRequest(found["topic"], place != ".", demanded)
    return None


def _is_topic(topic: str) -> bool:
    *before, last = topic.split()
    return last in TOPICS and set(before) <= set(ADJECTIVES)


def _demanded(text: str) -> tuple[Constraint, ...] | None:
    """The constraints that a text says one after the other; None where anything else is between them."""
    if not text:
        return ()
    for make, phrasing in _phrasings():
        found = _pattern(phrasing).match(text)
        if found and (not text[found.end() :] or text[found.end()] == " "):
            rest = _demanded(text[found.end() :].strip())
            if rest is not None:
                return make(found.groupdict()), *rest
    return None


@lru_cache(maxsize=1)
def _phrasings() -> list[tuple[Callable[[dict[str, str]], Constraint], str]]:
    """How each constraint is said, and what it is."""
    return [(partial(_constraint, number), phrasing) for number, kind in enumerate(KINDS) for phrasing in kind.phrasings]


def _constraint(number: int, said: dict[str, str]) -> Constraint:
    """The constraint of a kind with the arguments that were said."""
    made = KINDS[number].make(Draft("topic"), random.Random(0))
    return {name: _argument(name, value, said) for name, value in made.items()}


def _argument(name: str, made: object, said: dict[str, str]) -> object:
    if isinstance(made, list):
        return [said.get(f"{name}_{place}_", each) for place, each in enumerate(made)]
    if name not in said:
        return made
    return int(said[name]) if isinstance(made, int) else said[name]


def _match(wordings: tuple[str, ...], sentence: str) -> dict[str, str] | None:
    return next((found.groupdict() for each in wordings if (found := _pattern(each).fullmatch(sentence))), None)


@lru_cache(maxsize=512)
def _pattern(wording: str) -> re.Pattern[str]:
    """A pattern for a wording with slots, each a word or some, or a number; the same slot twice says the same."""
    seen: set[str] = set()

    def slot(found: re.Match[str]) -> str:
        name = re.sub(r"\W", "_", found[1].replace("\\", ""))
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{_form_of(name)})"

    return re.compile(SLOT.sub(slot, re.escape(wording)))


def _form_of(slot: str) -> str:
    if slot == "n" or slot.startswith(("num_", "frequency")):
        return r"\d{1,3}"
    if slot in ("things", "topic"):
        return r"[a-z]+(?: [a-z]+){0,3}?"
    return r"[A-Z][\w ]+\." if slot == "end_phrase" else r"\w+"


def is_command(text: str) -> bool:
    """Whether a text is a command on lists or a classification, as it is said in the mini world."""
    return text in COMMANDS or any(_pattern(phrase).fullmatch(text) for phrase in CLASSIFICATIONS)


def command_rules(text: str) -> Iterator[str]:
    """The rules on lists that a command names."""
    return (rule for rule in RULES if text in RULE_PHRASES[rule])


COMMANDS = {phrase for rule in RULES for phrase in RULE_PHRASES[rule]}
CLASSIFICATIONS = [phrase for sorting in SORTINGS.values() for phrase in sorting.phrases]
