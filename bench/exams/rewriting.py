"""Exams in rewriting instructions: Evol-Instruct's operations, Lion's similar and rarer ones, Selective Reflection.

New instructions are read back by `told`; what cannot be read is no instruction of the mini world and is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.exams.exam import Exam, Mark, Question, judged
from bench.exams.told import Told, ToldRequest, ToldStory, read
from pipeline.answers.alone import said_equal, sole_text
from pipeline.answers.sections import section
from pipeline.mini.problems import solution, with_slips
from pipeline.mini.skills.asking import put
from pipeline.mini.skills.evol_instruct import evolved
from pipeline.mini.skills.variations import OPERATIONS, Story, Variable, request, story, taught

MOST_ADDED = 20
SLIP_RATE = 0.15


def unseen_task(rng: random.Random, most_steps: int = 4) -> Variable:
    """A story or a request that is held out for the tests, demands and all."""
    while (made := story(rng, rng.randint(2, most_steps)) if rng.random() < 0.6 else request(rng)).is_taught:
        pass
    return made


def known(task: Variable) -> Told:
    told = read(task.prompt)
    assert told is not None, task.prompt
    return told


def added(old: Told, new: Told) -> bool:
    """Whether all that was asked is kept and more of the same sort is asked."""
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        kept = new.form == old.form and new.steps[: len(old.steps)] == old.steps and set(old.demands) <= set(new.demands)
        return kept and (len(new.steps), len(new.demands), new.things) != (len(old.steps), len(old.demands), old.things)
    if isinstance(old, ToldRequest) and isinstance(new, ToldRequest):
        kept = all(each in new.constraints for each in old.constraints) and new.topic.endswith(old.topic)
        more = len(new.constraints) > len(old.constraints) or new.asks_place > old.asks_place or new.topic != old.topic
        return kept and more
    return False


def constrained(old: Told, new: Told) -> bool:
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return added(old, new) and new.steps == old.steps and len(new.demands) > len(old.demands)
    return added(old, new) and len(_parts(new)) > len(_parts(old))


def deepened(old: Told, new: Told) -> bool:
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return added(old, new) and len(new.steps) == len(old.steps) + 1
    return added(old, new)


def concretised(old: Told, new: Told) -> bool:
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return added(old, new) and new.steps == old.steps and new.things.endswith(f" {old.things}")
    if isinstance(old, ToldRequest) and isinstance(new, ToldRequest):
        return added(old, new) and new.topic.endswith(f" {old.topic}")
    return False


def reasoned(old: Told, new: Told) -> bool:
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return added(old, new) and len(new.steps) > len(old.steps)
    return added(old, new) and len(_parts(new)) > len(_parts(old))


def another(old: Told, new: Told) -> bool:
    """Whether it is of another sort: another family of stories, another topic, a request for a story."""
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return new.form != old.form
    return not (isinstance(old, ToldRequest) and isinstance(new, ToldRequest)) or new.topic.split()[-1] != old.topic.split()[-1]


def alike(old: Told, new: Told) -> bool:
    """Whether it is of the same sort and as long, but another."""
    if isinstance(old, ToldStory) and isinstance(new, ToldStory):
        return new.form == old.form and len(new.steps) == len(old.steps) and new.steps != old.steps
    if isinstance(old, ToldRequest) and isinstance(new, ToldRequest):
        return new.topic != old.topic and new.kinds == old.kinds
    return False


def _parts(told: Told) -> tuple[object, ...]:
    return told.constraints if isinstance(told, ToldRequest) else (*told.steps, *told.demands)


Relation = Callable[[Told, Told], bool]


def written(
    template: str, relation: Relation, operation: Callable[[Variable, random.Random], Variable]
) -> Callable[..., Question]:
    """Questions for a new instruction that stands in this relation to the old one and can be answered."""

    def ask(rng: random.Random) -> Question:
        while not relation(known(old := unseen_task(rng)), known(new := operation(old, rng))):
            pass

        def mark(text: str) -> Mark:
            said = sole_text(text)
            told = read(said) if said else None
            return judged(None if said is None else told is not None and told.is_answerable and relation(known(old), told))

        return Question(put(template, old.prompt, kind=old.kind), new.prompt, mark)

    return ask


def equal(rng: random.Random) -> Question:
    """Two wordings of one instruction, or two of which one is harder or another."""
    one, is_equal = unseen_task(rng), rng.random() < 0.5
    other = one.reworded(rng) if is_equal else evolved(rng, one, rng.choice(tuple(OPERATIONS)))
    first, second = (one, other) if rng.random() < 0.5 else (other, one)

    def mark(text: str) -> Mark:
        said = said_equal(text)
        return judged(None if said is None else said is is_equal)

    messages = put("evol_instruct/eliminate", one.prompt, first=first.prompt, second=second.prompt)
    return Question(messages, "Equal" if is_equal else "Not equal", mark)


def evolved_answer(rng: random.Random) -> Question:
    """An evolved instruction to be answered: up to five steps, or up to four constraints."""
    while isinstance(new := OPERATIONS[rng.choice(tuple(OPERATIONS))](unseen_task(rng), rng), Story) and len(new.chain) > 5:
        pass
    template = "chain_of_thought/teacher" if isinstance(new, Story) else "instruction_following/teacher"
    return Question(put(template, new.prompt, kind=new.kind), new.reply(rng), lambda text: judged(known(new).is_answered(text)))


def reflected_instruction(rng: random.Random) -> Question:
    """A harder instruction and its answer."""
    while not added(known(old := unseen_task(rng)), known(new := old.constrained(rng))):
        pass
    right = f"It could ask for more.\n[New Instruction] {new.prompt} [End]\n[New Answer] {new.reply(rng)} [End]"

    def mark(text: str) -> Mark:
        instruction, answer = section(text, "New Instruction"), section(text, "New Answer")
        if not instruction or not answer:
            return judged(None)
        told = read(instruction)
        return judged(told is not None and told.is_answerable and added(known(old), told) and told.is_answered(answer) is True)

    messages = put("selective_reflection/instruction", old.prompt, kind=old.kind, response=_old_answer(rng, old))
    return Question(messages, right, mark)


def reflected_answer(rng: random.Random) -> Question:
    made = unseen_task(rng, 5)

    def mark(text: str) -> Mark:
        answer = section(text, "Better Answer")
        return judged(None if not answer else known(made).is_answered(answer) is True)

    messages = put("selective_reflection/response", made.prompt, kind=made.kind, response=_old_answer(rng, made))
    return Question(messages, f"It could be clearer.\n[Better Answer] {made.reply(rng)} [End]", mark)


def _old_answer(rng: random.Random, made: Variable) -> str:
    return solution(rng, with_slips(rng, made.problem, SLIP_RATE)) if isinstance(made, Story) else made.reply(rng)


def _evolving(operation: str, relation: Relation, said: str) -> Exam:
    return Exam("evol_instruct", said, written(f"evol_instruct/{operation}", relation, OPERATIONS[operation]), 0.7, 256)


ANSWERABLE = "an instruction of the world that can be answered, with"
EXAMS = {
    "evol_constraint": _evolving("constraint", constrained, f"{ANSWERABLE} one demand or constraint more, all else kept"),
    "evol_deepen": _evolving("deepen", deepened, f"{ANSWERABLE} one step more, or the place asked for, all else kept"),
    "evol_concretise": _evolving("concretise", concretised, f"{ANSWERABLE} things or a topic of a certain sort, all else kept"),
    "evol_reasoning": _evolving("reasoning", reasoned, f"{ANSWERABLE} more steps or constraints, all else kept"),
    "evol_breadth": _evolving("breadth", another, "another sort of story or topic of a request, which can be answered"),
    "evol_eliminate": Exam("evol_instruct", "whether two instructions are equal", equal, 0.0),
    "evol_answer": Exam("evol_instruct", "an evolved instruction is answered right", evolved_answer, 0.7, 256),
    "lion_similar": Exam(
        "lion", "another story of the sort and length, or request of the kinds of constraints, which can be answered",
        written("lion/similar", alike, lambda old, rng: taught(lambda: old.alike(rng))),
    ),
    "lion_rarer": Exam(
        "lion", "an instruction of another sort, which can be answered",
        written("lion/rarer", another, lambda old, rng: taught(lambda: old.broadened(rng))),
    ),
    "reflection_instruction": Exam(
        "selective_reflection", "a new instruction that asks for more, and a right answer", reflected_instruction, 0.7, 320
    ),
    "reflection_response": Exam("selective_reflection", "the better answer is right", reflected_answer, 0.7, 320),
}  # fmt: skip
