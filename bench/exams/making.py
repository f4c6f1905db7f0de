"""Exams in making tasks from nothing but a few others, and in finding instructions: Self-Instruct, Alpaca, prompt search.

Lists are graded item by item: of so many instructions that were asked for, those that are new and of the mini world.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.exams.exam import Exam, Mark, Question, itemised, judged, unseen
from bench.exams.told import command_rules, is_command, read
from pipeline.answers.alone import sole_text
from pipeline.answers.blocks import Block, instances, task_blocks
from pipeline.answers.instructions import fault
from pipeline.answers.lists import numbered_items
from pipeline.answers.words import said_truth
from pipeline.mini.commands import RULE_PHRASES, SORTINGS, Command, classification, label_of, list_command
from pipeline.mini.induction import RULES
from pipeline.mini.item import Item
from pipeline.mini.skills import alpaca
from pipeline.mini.skills.asking import put
from pipeline.mini.skills.prompt_search import ANSWER, MEANINGS, STEPS_AND_END, WORDINGS
from pipeline.mini.skills.self_instruct import instruction
from pipeline.mini.skills.variations import Request, request, story
from pipeline.stages.prompt_search import instruction_in

SHOWN = ADDED = 8
INSTANCES, BLOCKS = 3, 4


def unseen_command(make: Callable[[], Command]) -> Command:
    return unseen(make, lambda made: Item("command", made.instruction, made.input))


def is_good(text: str) -> bool:
    """Whether an instruction can be carried out: a command, or an answerable story or request, that keeps all rules of form."""
    told = read(text)
    return fault(text) is None and (is_command(text) or (told is not None and told.is_answerable))


def instructions(rng: random.Random) -> Question:
    """Eight more instructions for a list of eight."""
    there: list[str] = []
    while len(there) < SHOWN + ADDED:
        there.extend({each for each in (instruction(rng),) if is_good(each)} - set(there))
    shown, new = there[:SHOWN], there[SHOWN:]

    def mark(text: str) -> Mark:
        said = numbered_items(text, SHOWN + 1, SHOWN + ADDED)
        return itemised([each not in (*shown, *said[:place]) and is_good(each) for place, each in enumerate(said)], ADDED)

    right = "\n".join(f"{number}. {each}" for number, each in enumerate(new, SHOWN + 1))
    return Question(put("self_instruct/instructions", "", demonstrations=shown, count=ADDED), right, mark)


def classified(rng: random.Random) -> Question:
    is_so = rng.random() < 0.5
    text = classification(rng).instruction if is_so else _no_classification(rng)

    def mark(reply: str) -> Mark:
        said = said_truth(reply)
        return judged(None if said is None else said is is_so)

    return Question(put("self_instruct/classify", text), "yes" if is_so else "no", mark)


def _no_classification(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return list_command(rng, rng.choice(tuple(RULES))).instruction
    return _unseen_request(rng).prompt


def _unseen_request(rng: random.Random) -> Request:
    while (made := request(rng)).is_taught:
        pass
    return made


def lists_first(rng: random.Random) -> Question:
    """Three lists and what becomes of them."""
    first = list_command(rng, rng.choice(tuple(RULES)))
    others = list[Command]()
    while len(others) < INSTANCES:
        made = list_command(rng, first.name, first.instruction)
        others += [made] if made.input != made.output and made not in others else []

    def mark(text: str) -> Mark:
        return itemised([_applied(first.name, each.input) == each.output.split() for each in instances(text)], INSTANCES)

    right = "\n".join(f"Input: {each.input}\nOutput: {each.output}" for each in others)
    return Question(put("self_instruct/input_first", first.instruction, count=INSTANCES), right, mark)


def output_alone(rng: random.Random) -> Question:
    """A request, which needs no input, and its reply."""
    made = _unseen_request(rng)

    def mark(text: str) -> Mark:
        found = instances(text)
        return judged(made.is_met(found[0].output) and not found[0].input if found else None)

    right = f"Input: <noinput>\nOutput: {made.reply(rng)}"
    return Question(put("self_instruct/input_first", made.prompt, count=INSTANCES), right, mark)


def labels_first(rng: random.Random) -> Question:
    """Labels by turns, each with an input that it is right for."""
    like = classification(rng)
    labels = [like.labels[number % 2] for number in range(INSTANCES)]
    made = [classification(rng, like, label) for label in labels]

    def mark(text: str) -> Mark:
        return itemised([_is_labelled(like, each.input, each.output) for each in instances(text)], INSTANCES)

    right = "\n".join(f"Output: {each.output}\nInput: {each.input}" for each in made)
    return Question(put("self_instruct/output_first", like.instruction, count=INSTANCES), right, mark)


def _is_labelled(like: Command, text: str, label: str) -> bool:
    try:
        return label_of(Command(like.name, like.instruction, text, label)) == label
    except (ValueError, IndexError):  # `is the word sun odd?`
        return False


def blocks(rng: random.Random) -> Question:
    """Four more whole tasks behind three."""
    shown, new = [[alpaca.task(rng) for _ in range(count)] for count in (alpaca.SHOWN, BLOCKS)]
    first, last = alpaca.SHOWN + 1, alpaca.SHOWN + BLOCKS

    def mark(text: str) -> Mark:
        return itemised([each not in shown and is_right(each) for each in task_blocks(text, first, last)], BLOCKS)

    right = "\n".join(alpaca.block_text(number, each, torn=False) for number, each in enumerate(new, first))
    demonstrations = [each._asdict() for each in shown]
    return Question(put("alpaca/teacher", "", demonstrations=demonstrations, count=BLOCKS), right, mark)


def is_right(block: Block) -> bool:
    """Whether a task can be carried out and its output is right."""
    for rule in command_rules(block.instruction):
        return _applied(rule, block.input) == block.output.split()
    if is_command(block.instruction):
        return any(_is_labelled(each, block.input, block.output) for each in _sortings(block.instruction))
    told = read(block.instruction)
    return told is not None and told.is_answerable and not block.input and told.is_answered(block.output) is True


def _applied(rule: str, text: str) -> list[str] | None:
    """What a rule makes of a list; None where it makes nothing of it."""
    try:
        return RULES[rule](text.split())
    except (ValueError, IndexError):
        return None


def _sortings(instruction: str) -> list[Command]:
    """What a classification may ask, by its wording."""
    words = instruction.replace("?", " ").replace(".", " ").replace(":", " ").split()
    keyed = [(name, key) for name, sorting in SORTINGS.items() for phrase in sorting.phrases for key in ("", *words)
             if phrase.format(key=key) == instruction]  # fmt: skip
    return [Command(f"{name}/{key}", instruction, "", "") for name, key in dict.fromkeys(keyed)]


def induced(rng: random.Random) -> Question:
    """What was asked, from three inputs and outputs."""
    first = unseen_command(lambda: list_command(rng, rng.choice(tuple(RULES))))
    like = [first, *(unseen_command(lambda: list_command(rng, first.name, first.instruction)) for _ in range(2))]

    def mark(text: str) -> Mark:
        said = instruction_in(text)
        fits = (all(_applied(rule, each.input) == each.output.split() for each in like) for rule in command_rules(said or ""))
        return judged(None if said is None else any(fits))

    shown = [{"input": each.input, "output": each.output} for each in like]
    return Question(put("prompt_search/induce", "", demonstrations=shown), first.instruction, mark)


def induced_of_stories(rng: random.Random) -> Question:
    """What was asked of two or three stories: a worked solution, or the answer alone."""
    with_steps = rng.random() < 0.5
    stories = [story(rng, rng.randint(1, 3)) for _ in range(3)]
    shown = [
        {"input": each.prompt, "output": each.reply(rng) if with_steps else f"The answer is {each.problem.answer}."}
        for each in stories
    ]
    fitting = STEPS_AND_END if with_steps else ANSWER

    def mark(text: str) -> Mark:
        said = instruction_in(text)
        return judged(None if said is None else said in fitting)

    return Question(put("prompt_search/induce", "", demonstrations=shown), rng.choice(fitting), mark)


def paraphrased(rng: random.Random) -> Question:
    group = rng.choice((*MEANINGS, *MEANINGS, *(RULE_PHRASES[name] for name in RULES)))
    old, new = rng.sample(group, 2)

    def mark(text: str) -> Mark:
        said = sole_text(text)
        return judged(None if said is None else said in group and said != old)

    return Question(put("prompt_search/paraphrase", old), new, mark)


def optimised(rng: random.Random) -> Question:
    tried = rng.sample(WORDINGS, 6)
    history = [{"instruction": each, "score": score} for each, score in zip(tried, range(30, 90, 10), strict=True)]
    exemplars = [{"input": each.prompt, "output": str(each.problem.answer)} for each in (story(rng, 2) for _ in range(3))]

    def mark(text: str) -> Mark:
        said = instruction_in(text) if "[" in text else None
        return judged(None if said is None else said in WORDINGS and said not in tried)

    messages = put("prompt_search/optimise", "", history=history, exemplars=exemplars, place="before")
    return Question(messages, f"[{rng.choice([each for each in WORDINGS if each not in tried])}]", mark)


PER_ITEM = "by item:"
SEARCH = "distill search-prompts"
EXAMS = {
    "self_instruct_instructions": Exam(
        "self_instruct", f"{PER_ITEM} of 8 more instructions, those that are new and can be carried out", instructions, 0.9, 256
    ),
    "self_instruct_classify": Exam("self_instruct", "whether an instruction is a classification", classified),
    "self_instruct_input_first": Exam(
        "self_instruct", f"{PER_ITEM} of 3 lists with outputs, those that are right", lists_first
    ),
    "self_instruct_input_first (none)": Exam("self_instruct", "a request is met, without an input", output_alone),
    "self_instruct_output_first": Exam("self_instruct", f"{PER_ITEM} of 3 labels with inputs, those that fit", labels_first),
    "alpaca_blocks": Exam("alpaca", f"{PER_ITEM} of 4 more tasks, those that are new, whole and right", blocks, 0.9, 320),
    "prompt_induce": Exam(SEARCH, "the command makes all outputs shown of their inputs", induced, 0.9),
    "prompt_induce (stories)": Exam(
        SEARCH, "it asks for steps where steps are shown, else for an answer", induced_of_stories, 0.9
    ),
    "prompt_paraphrase": Exam(SEARCH, "another wording of the same that the world knows", paraphrased, 0.9),
    "prompt_optimise": Exam(SEARCH, "in brackets an instruction that the world knows and the list has not", optimised, 1.0),
}
