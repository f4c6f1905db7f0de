"""Every lesson of the instruction skills: read by the parser of its method, right by the verifiers, short, repeatable."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest
from tokenizers import Tokenizer

from pipeline.answers.alone import said_equal, sole_text
from pipeline.answers.blocks import instances, task_blocks
from pipeline.answers.instructions import fault
from pipeline.answers.lists import numbered_items
from pipeline.answers.scores import score_pair
from pipeline.answers.sections import bracketed, section
from pipeline.answers.steps import steps
from pipeline.answers.words import said_truth
from pipeline.mini.commands import RULE_PHRASES, SORTINGS
from pipeline.mini.induction import RULES
from pipeline.mini.instructions import ASKS
from pipeline.mini.item import Item
from pipeline.mini.skills import alpaca, commands, evol_instruct, lion, prompt_search, selective_reflection, self_instruct
from pipeline.mini.skills.asking import Lesson
from pipeline.settings import REPOSITORY

MODULES = (alpaca, commands, evol_instruct, lion, prompt_search, selective_reflection, self_instruct)
SKILLS: dict[str, Callable[[random.Random], Lesson]] = {name: skill for each in MODULES for name, skill in each.SKILLS.items()}
DRAWS, LONGEST = 120, 800
STARTS = tuple(each.partition("{topic}")[0] for each in ASKS)
"""How requests begin."""
RULE_OF = {phrase: RULES[name] for name, phrases in RULE_PHRASES.items() if name in RULES for phrase in phrases}
LABELS = [
    (re.compile(re.escape(phrase).replace(r"\{key\}", r"(?P<key>\w+)")), name)
    for name, sorting in SORTINGS.items()
    for phrase in sorting.phrases
]


def lessons(name: str, draws: int = DRAWS) -> Iterator[tuple[str, str]]:
    """What is asked, and the reply."""
    rng = random.Random(7)
    for _ in range(draws):
        messages, reply = SKILLS[name](rng)
        yield messages[-1]["content"], reply


def shown(prompt: str, what: str = "instruction") -> str:
    """What stands between a template's markers."""
    return prompt.partition(f"[{what} begins]\n")[2].partition(f"\n[{what} ends]")[0]


def is_classification(instruction: str) -> bool:
    return any(pattern.fullmatch(instruction) for pattern, _ in LABELS)


def is_command(instruction: str) -> bool:
    return instruction in RULE_OF or is_classification(instruction)


def fits(instruction: str, given: str, output: str) -> bool:
    """Whether an output is right for a command's input; found anew from their texts."""
    if instruction in RULE_OF:
        return output.split() == RULE_OF[instruction](given.split())
    pattern, name = next((pattern, name) for pattern, name in LABELS if pattern.fullmatch(instruction))
    found = pattern.fullmatch(instruction)
    key = found.groupdict().get("key", "") if found else ""
    words = given.strip(".").split()
    if name == "odd":
        return output == ("odd" if int(given) % 2 else "even")
    is_so = int(given) > int(key) if name == "larger" else words[0] == key if name == "begins" else key in words
    return output == ("yes" if is_so else "no")


def is_sound(text: str) -> bool:
    """Whether the sums in a text are all right."""
    return all(step.right is not False for step in steps(text))


def test_names_are_one_each() -> None:
    assert len(SKILLS) == sum(len(each.SKILLS) for each in MODULES) == 21


@pytest.mark.parametrize("name", SKILLS)
def test_the_same_seed_gives_the_same_lessons(name: str) -> None:
    assert list(lessons(name, 10)) == list(lessons(name, 10))
    assert len(set(lessons(name, 30))) > 20


@pytest.mark.parametrize("name", SKILLS)
def test_lessons_are_short(name: str) -> None:
    tokenizer = Tokenizer.from_file(str(REPOSITORY / "data/mini/teacher/tokenizer.json"))
    lengths = sorted(len(tokenizer.encode(f"{prompt}{reply}").ids) for prompt, reply in lessons(name))
    assert lengths[-1] < LONGEST
    assert lengths[len(lengths) // 2] < 520


@pytest.mark.parametrize("name", SKILLS)
def test_no_test_item_is_asked_or_written(name: str) -> None:
    marked = ("instruction", "question", "old instruction", "first instruction", "second instruction")
    for prompt, reply in lessons(name):
        listed = numbered_items(shown(prompt, "list"), 1, 8) + numbered_items(reply, 1, 99)
        blocks = [block.instruction for text in (prompt, reply) for block in task_blocks(text)]
        pairs = instances(prompt.partition("[pairs begin]\n")[2].partition("[pairs end]")[0])
        exemplars = re.findall(r"^Question: (.+)$", prompt, flags=re.MULTILINE)
        texts = [*(shown(prompt, what) for what in marked), *listed, *blocks, *(each.input for each in pairs), *exemplars]
        new = section(reply, "New Instruction") or reply
        alone = [text for text in (*texts, new) if "\n" not in text and (text.startswith(STARTS) or "How many" in text)]
        assert not any(Item("word_problem", text).held_out for text in alone), "such a prompt is a test's"


def test_instructions_go_on() -> None:
    repeated = new = faulty = 0
    for prompt, reply in lessons("self_instruct_instructions"):
        first, last = map(int, re.findall(r"numbered from (\d+) to (\d+)", prompt)[0])
        there = numbered_items(shown(prompt, "list"), 1, first - 1)
        items = numbered_items(reply, first, last)
        assert len(there) == first - 1 == len(set(there)) and len(items) == last - first + 1
        assert reply.count("\n") == len(items) - 1
        repeated += sum(item in there for item in items)
        faulty += sum(fault(item) is not None for item in items)
        new += len(items)
    assert 0.06 < repeated / new < 0.2
    assert 0.02 < faulty / new < 0.15


def test_classifications_are_told() -> None:
    said = [(said_truth(reply), is_classification(shown(prompt))) for prompt, reply in lessons("self_instruct_classify")]
    assert all(one is other for one, other in said)
    assert {one for one, _ in said} == {True, False}


@pytest.mark.parametrize("name", ["self_instruct_input_first", "self_instruct_output_first"])
def test_instances_are_right(name: str) -> None:
    without = 0
    for prompt, reply in lessons(name):
        instruction, most = shown(prompt), int(re.findall(r"up to (\d)", prompt)[0])
        found = instances(reply)
        assert 1 <= len(found) <= most
        assert len(found) >= reply.count("Input: ") - 1, "those whose output is their input are left out"
        for each in found:
            without += not each.input
            assert is_sound(each.output) if not each.input else fits(instruction, each.input, each.output)
            assert not each.input or not Item("command", instruction, each.input).held_out
    assert bool(without) == (name == "self_instruct_input_first")


def test_commands_are_obeyed() -> None:
    for prompt, reply in lessons("command"):
        lines = prompt.split("\n")
        place = next(number for number, line in enumerate(lines) if is_command(line))
        assert fits(lines[place], lines[place + 2], reply)


def test_blocks_are_whole_and_right() -> None:
    torn = asked = 0
    for prompt, reply in lessons("alpaca_blocks"):
        first, last = map(int, re.findall(r"numbered from (\d+) to (\d+)", prompt)[0])
        blocks = task_blocks(reply, first, last)
        asked += last - first + 1
        torn += last - first + 1 - len(blocks)
        assert len(task_blocks(prompt.partition("\n\n")[2])) == 3
        for block in blocks:
            assert is_sound(block.output)
            assert not block.input or fits(block.instruction, block.input, block.output)
        assert len(task_blocks(reply, first, last, cut=True)) == len(blocks), "a line of ### follows the last"
    assert 0 < torn / asked < 0.08


@pytest.mark.parametrize("operation", ["constraint", "deepen", "concretise", "reasoning"])
def test_evolved_instructions_are_longer(operation: str) -> None:
    same = 0
    for prompt, reply in lessons(f"evol_{operation}"):
        old, new = shown(prompt), sole_text(reply)
        assert new == reply and new != old
        assert len(new.split()) <= len(old.split()) + evol_instruct.MOST_ADDED
        same += len(new.split()) <= len(old.split())
    assert same < 0.2 * DRAWS


def test_equal_is_said_of_the_same_requests() -> None:
    said = [said_equal(reply) for _, reply in lessons("evol_eliminate")]
    assert 0.35 * DRAWS < said.count(True) < 0.65 * DRAWS and None not in said
    for prompt, reply in lessons("evol_eliminate"):
        first, second = (shown(prompt, f"{which} instruction") for which in ("first", "second"))
        numbers = [re.findall(r"\d+", text) for text in (first, second)]
        assert first != second
        assert numbers[0] == numbers[1] or not said_equal(reply)


def test_answers_to_evolved_instructions_are_sound() -> None:
    replies = [reply for _, reply in lessons("evol_answer")]
    assert all(map(is_sound, replies))
    assert any("the answer is" in reply.lower() for reply in replies)


def test_scores_follow_the_sums() -> None:
    seen = set()
    for prompt, reply in lessons("lion_referee", 300):
        scores = score_pair(reply)
        assert scores is not None
        seen |= set(scores)
        for score, number in zip(scores, (1, 2), strict=True):
            wrong = sum(step.right is False for step in steps(shown(prompt, f"answer {number}")))
            assert score == {0: score, 1: 5, 2: 3, 3: 3, 4: 3}[wrong]
            assert score not in (5, 3) or wrong
    assert seen == {9, 5, 4, 3, 1}


@pytest.mark.parametrize("name", ["lion_similar", "lion_rarer", "evol_breadth"])
def test_new_instructions_are_others(name: str) -> None:
    for prompt, reply in lessons(name):
        assert sole_text(reply) == reply != shown(prompt)
        assert not Item("instruction", reply).held_out
        assert ("How many" in reply) == ("How many" in shown(prompt))


def test_reflection_improves() -> None:
    for prompt, reply in lessons("reflection_instruction"):
        new, answer = section(reply, "New Instruction"), section(reply, "New Answer")
        assert new and answer and new != shown(prompt, "old instruction")
        assert is_sound(answer)
        numbers = re.findall(r"\d+", new)
        assert "How many" not in new or all(number in answer for number in numbers)
    wrong = 0
    for prompt, reply in lessons("reflection_response"):
        better = section(reply, "Better Answer")
        assert better and is_sound(better)
        wrong += not is_sound(shown(prompt, "old answer"))
    assert 0.1 < wrong / DRAWS < 0.5


def test_induced_instructions_produce_the_outputs() -> None:
    for prompt, reply in lessons("prompt_induce"):
        pairs = instances(prompt.partition("[pairs begin]\n")[2].partition("[pairs end]")[0])
        assert sole_text(reply) == reply and pairs
        if is_command(reply):
            assert all(fits(reply, each.input, each.output) for each in pairs)
        else:
            assert reply in prompt_search.WORDINGS
            assert (reply in prompt_search.STEPS_AND_END) == any("=" in each.output for each in pairs)


def test_paraphrases_mean_the_same() -> None:
    for prompt, reply in lessons("prompt_paraphrase"):
        old = shown(prompt)
        assert sole_text(reply) == reply != old
        if old in RULE_OF:
            assert RULE_OF[old] is RULE_OF[reply]
        else:
            assert is_classification(old) == is_classification(reply)


def test_optimised_instructions_are_new() -> None:
    for prompt, reply in lessons("prompt_optimise"):
        tried = re.findall(r"^Instruction: (.+)$", prompt, flags=re.MULTILINE)
        scores = [int(each) for each in re.findall(r"^Score: (\d+)$", prompt, flags=re.MULTILINE)]
        assert bracketed(reply) in prompt_search.WORDINGS and bracketed(reply) not in tried
        assert scores == sorted(scores) and len(scores) == len(tried)
        assert prompt.count("<INS>") == 1 + prompt_search.EXEMPLARS
