"""Filters that look at the text alone: thoughts, boilerplate, refusals, template words, prose. Hostile texts are below."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.filters.fits_schema import FitsSchema
from pipeline.filters.no_pii import NoPii
from pipeline.filters.no_template_words import NoTemplateWords
from pipeline.filters.not_boilerplate import NotBoilerplate
from pipeline.filters.not_echo import NotEcho
from pipeline.filters.not_refusal import NotRefusal
from pipeline.filters.not_repetitive import NotRepetitive
from pipeline.filters.readable import Readable
from pipeline.filters.thinks import Thinks
from pipeline.filters.verdicts import RowFilter, Word, word_of
from pipeline.records import Message, Sample, Task
from tests.rows import make_sample, make_task, public_data

THINKS = Thinks(filter="thinks")
NOT_BOILERPLATE = NotBoilerplate(filter="not_boilerplate")
NO_TEMPLATE_WORDS = NoTemplateWords(filter="no_template_words")
READABLE = Readable(filter="readable")
ALL: list[RowFilter] = [
    THINKS,
    NOT_BOILERPLATE,
    NO_TEMPLATE_WORDS,
    READABLE,
    NotRefusal(filter="not_refusal"),
    NotEcho(filter="not_echo"),
    NoPii(filter="no_pii"),
    NotRepetitive(filter="not_repetitive"),
    FitsSchema(filter="fits_schema", json_schema={"items": {"pattern": "(a+)+$"}, "uniqueItems": True}),
]


def judge(condition: RowFilter, target: str, task: Task | None = None, **fields: Any) -> Word:
    return condition.judge(task or make_task(), make_sample(target, **fields))


@pytest.mark.parametrize(
    ("target", "reasoning", "reason"),
    [
        ("<think>\n3 + 4 = 7\n</think>\n7", None, "thinks, then answers"),
        ("  <think>x</think>7", None, "thinks, then answers"),
        ("7", "3 + 4 = 7", "thinks, then answers"),
        ("The tag is `<think>`.", "What is it?", "thinks, then answers"),
        ("", "3 + 4 = 7", "no answer after the thoughts"),
        ("<think>x</think>b", "a", "not one balanced block of thoughts"),
        ("</think>b", "a", "not one balanced block of thoughts"),
        ("7", " \n", "no thoughts"),
        ("7", None, "no thoughts"),
        ("<think>x</think> \n", None, "no answer after the thoughts"),
        ("<think>\n\n</think>7", None, "empty thoughts"),
        ("So: <think>x</think>7", None, "something before the thoughts"),
        ("x</think>7", None, "not one balanced block of thoughts"),
        ("<think>x 7", None, "not one balanced block of thoughts"),
        ("</think>x<think>7", None, "not one balanced block of thoughts"),
        ("<think>x</think><think>y</think>7", None, "not one balanced block of thoughts"),
        ("<think>x<think>y</think></think>7", None, "not one balanced block of thoughts"),
    ],
)
def test_thinks(target: str, reasoning: str | None, reason: str) -> None:
    word = judge(THINKS, target, reasoning=reasoning)
    assert (word.reason, word.decision) == (reason, "keep" if reason == "thinks, then answers" else "drop")


def test_thinks_in_tags_of_its_own() -> None:
    scratch = Thinks(filter="thinks", opening="[[", closing="]]")
    assert judge(scratch, "[[x]] 7").decision == "keep"
    assert judge(scratch, "<think>x</think> 7").detail == "0 × [[, 0 × ]]"


@pytest.mark.parametrize(
    "tags",
    [
        {"opening": ""},
        {"opening": " ", "closing": "\n"},
        {"opening": "|", "closing": "|"},
        {"opening": "think", "closing": "/think"},
    ],
)
def test_tags_that_cannot_be_told_apart(tags: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Thinks(filter="thinks", **tags)


@pytest.mark.parametrize(
    ("target", "decision", "kinds"),
    [
        ("3 + 4 = 7. The answer is 7.", "keep", ""),
        ("Sure enough, the train arrived. Of course the man paid 5 dollars.", "keep", ""),
        ("He hopes this helps. She let me know if it rained.", "keep", ""),
        ("Sure! 4.", "keep", "opener"),
        ("Of course, 5 + 3 = 8.", "keep", "opener"),
        ("Certainly! Here is the solution:\n\n3 + 4 = 7", "keep", "opener opener"),
        ("7 apples are left.\n\nI hope this helps! Let me know if you have any questions.", "keep", "closer closer"),
        ("Here are three tips:\n1. Eat well\n2. Sleep\n\n**Would you like more?** 😊", "keep", "opener closer"),
        ("Yes.\n\n**Feel free to ask if you need more!** 😊", "keep", "closer"),
        ("Sure, 42.\n\nLet me know if you need anything else!", "keep", "opener closer"),
        ("Certainly! Here is the answer: 42", "keep", "opener opener"),
        ("Paris. Is there anything else I can do?", "keep", "closer"),
        ("4\n\nI hope this helps!", "keep", "closer"),
        ("The following is true: x > 0", "keep", "opener"),
        ("Absolutely.", "keep", "opener"),
        ("OK.", "keep", "opener"),
        ("Sure! Let me know if you need more.", "drop", "opener closer"),
        ("My training data consisted of 5,000 images.", "keep", ""),
        ("It ran until my training loss was 0.1.", "keep", ""),
        ("My knowledge base article is short.", "keep", ""),
        ("As an AI model gets larger, it learns more.", "keep", ""),
        ("As an AI assistant improves, it errs less.", "keep", ""),
        ("GPT-3 was developed by OpenAI.", "keep", ""),
        ("I'm ChatGPT, made by OpenAI.", "drop", "self_reference"),
        ("My training data only goes up to 2021.", "drop", "dated_knowledge"),
        ("Certainly! Here is the poem you asked for:", "drop", "opener opener"),
        ("Sure! I’d be happy to help. Let me know if you have any questions.", "drop", "opener opener closer"),
        ("I hope this helps!", "drop", "closer"),
        ("I hope this helps. " * 4, "drop", "closer closer closer closer"),
        ("Apples are red. As a language model, I cannot eat them.", "drop", "self_reference"),
        ("Apples are red, but I’m just an AI.", "drop", "self_reference"),
        ("As of my last update in September 2021, there are eight.", "drop", "dated_knowledge"),
        ("There are eight, as of my knowledge cutoff.", "drop", "dated_knowledge"),
    ],
)
def test_boilerplate(target: str, decision: str, kinds: str) -> None:
    word = judge(NOT_BOILERPLATE, target)
    found = [part.partition(":")[0].strip() for part in word.detail.split(";") if part]
    assert (word.decision, " ".join(found)) == (decision, kinds)


def test_boilerplate_that_drops_outright() -> None:
    strict = NotBoilerplate(filter="not_boilerplate", outright=("opener", "closer"))
    assert judge(strict, "Sure! There are four apples left, and two pears beside them.").reason == "boilerplate: opener"
    assert judge(strict, "As an AI, I count four.").decision == "keep"
    assert judge(NotBoilerplate(filter="not_boilerplate", max_share=0.3), "Sure! 4.").decision == "drop"


@pytest.mark.parametrize(
    "target",
    [
        "I’m afraid I can’t do that.",
        "I must respectfully decline.",
        "I have to decline this request.",
        "I'm not comfortable writing this.",
        "I do not feel comfortable with it.",
        "Thank you for asking, but I cannot help with it.",
        "I understand that this matters to you, but I'm unable to help.",
        "My apologies, but I cannot help.",
        "It would be inappropriate for me to provide this.",
        "It is not appropriate for me to write such a text.",
    ],
)
def test_more_refusals_are_dropped(target: str) -> None:
    assert judge(NotRefusal(filter="not_refusal"), target).reason == "declines"


@pytest.mark.parametrize(
    "target",
    [
        "Thank you for asking, but four are left.",
        "I understand it so: 3 + 4 = 7.",
        "It is not appropriate to write 1/0.5 as 1/5, so the answer is 2.",
        "I must go. Four are left.",
        "Sorry to hear that. Sleep well.",
    ],
)
def test_what_is_no_refusal_is_kept(target: str) -> None:
    assert judge(NotRefusal(filter="not_refusal"), target).reason == "does not decline"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Here is the rewritten prompt.", "words of a template"),
        ("#Given Prompt#: 3 + 4", "words of a template"),
        ("7<|im_end|>", "a mark of a chat template"),
        ("7 <|eot_id|><|start_header_id|>user", "a mark of a chat template"),
        ("7<｜end▁of▁sentence｜>", "a mark of a chat template"),
        ("[INST] What? [/INST] 7", "a mark of a chat template"),
        ("<<SYS>>", "a mark of a chat template"),
        ("<start_of_turn>model\n7", "a mark of a chat template"),
        ("7</s>\n", "a mark of a chat template"),
        ("7\n\n### Instruction:\nAdd 3 and 5.", "a mark of a chat template"),
        ("Dear {{ name }}, it is 7.", "an unfilled placeholder"),
        ("The question {question} is hard.", "an unfilled placeholder"),
        ("{% if context %}7", "an unfilled placeholder"),
    ],
)
def test_template_words_are_dropped(target: str, reason: str) -> None:
    word = judge(NO_TEMPLATE_WORDS, target)
    assert (word.decision, word.reason) == ("drop", reason) and word.detail.endswith("in the reply")
    assert judge(NO_TEMPLATE_WORDS, "7", reasoning=target).reason == reason
    assert judge(NO_TEMPLATE_WORDS, target, make_task(prompt=f"What is meant by this: {target}")).decision == "keep"


@pytest.mark.parametrize(
    "target",
    [
        "$x^{{2}} + \\frac{{a}}{b}$ and \\boxed{answer} and \\text{input}",
        "```jinja\nDear {{ name }}\n```",
        "Write `{question}` there.",
        "Text <s>struck</s> out.",
        "f(x) <| g(x) |> h",
        "The prompt was given at noon.",
        "In Vue, {{{ html }}} is raw.",
        "# Instructions:\nMix.",
        "## Instructions:\n1. Mix flour",
        "### Input:\n3\n### Output:\n4",
        "## System: overview",
        "## User: guide",
        "<s>struck</s>",
        "```\n### Instruction:\nAdd.\n```",
    ],
)
def test_what_is_no_leak_is_kept(target: str) -> None:
    assert judge(NO_TEMPLATE_WORDS, target).decision == "keep"


def test_words_of_the_evolver_in_an_evolved_question() -> None:
    evolved = [Message(role="user", content="#Rewritten Prompt#: What is 3 + 4?")]
    word = judge(NO_TEMPLATE_WORDS, "7", make_task(prompt="3 + 4?"), messages=evolved)
    assert (word.reason, word.detail) == ("words of a template", "'rewritten prompt' in the question")
    marked = [Message(role="user", content="### Instruction:\n3 + 4?")]  # a student's own template may be Alpaca's
    assert judge(NO_TEMPLATE_WORDS, "7", make_task(prompt="3 + 4?"), messages=marked).decision == "keep"
    assert judge(NoTemplateWords(filter="no_template_words", words=("my cue",)), "Follow My Cue.").decision == "drop"


PROSE = "The man went to the market with a basket and he bought the apples that were left."


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (PROSE, "reads like prose"),
        (PROSE + "\n- and\n- so\n- on", "reads like prose"),
        ("a b c to be of an of", "words too short"),
        ("Donaudampfschifffahrtsgesellschaft of the Kapitänsmützenhersteller", "words too long"),
        ("### the ## cat # and # dog", "too many symbols"),
        ("the cat... and... dog... went", "too many symbols"),
        ("- the cat went\n* and the dog\n1. that went home", "too many bullets"),
        (f"{PROSE}...\n{PROSE}…\n{PROSE}", "too many lines end with an ellipsis"),
        ("the price of 1234 + 4567 + 8910 and 1112", "too few words with letters"),
        ("Cats chase small mice daily", "too few stop words"),
        ("The cats chase the small mice", "too few stop words"),
        (" \n", "no words"),
    ],
)
def test_readable(target: str, reason: str) -> None:
    word = judge(READABLE, target)
    assert (word.reason, word.decision) == (reason, "keep" if reason == "reads like prose" else "drop")


def test_readable_in_another_language() -> None:
    german = Readable(filter="readable", stop_words=("der", "und"))
    assert judge(german, "Der Hund lief heim und schlief.").decision == "keep"
    with pytest.raises(ValidationError, match="above max_word_length"):
        Readable(filter="readable", min_word_length=11)
    with pytest.raises(ValidationError, match="above the number of stop_words"):
        Readable(filter="readable", stop_words=())
    with pytest.raises(ValidationError):
        NoTemplateWords(filter="no_template_words", words=("   ",))


def gold() -> Iterator[tuple[Task, Sample]]:
    for line in public_data("gsm8k_train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield (
            make_task(prompt=row["question"], answer=row["answer"]),
            make_sample(row["answer"], messages=[Message(role="user", content=row["question"])]),
        )


def test_golden_right_solutions_of_gsm8k() -> None:
    """None of 7,473 is dropped by what is meant for solutions; prose they are not."""
    rows = list(gold())
    dropped = Counter(each.filter for each in ALL for task, sample in rows if each.judge(task, sample).decision != "keep")
    assert dropped == {"thinks": 7473, "fits_schema": 7473, "readable": 6842}


MILLION = 1_000_000
HOSTILE = {
    "one letter": "a" * MILLION,
    "one digit": "1" * MILLION,
    "line ends": "\n" * MILLION,
    "spaces": "7" + " " * MILLION + "7",
    "brackets": "[" * MILLION,
    "braces": "{{ " * 300_000,
    "at signs": "a@" * 500_000,
    "dots": "1." * 500_000,
    "colons": "a:" * 500_000,
    "backticks": "`" * MILLION,
    "fences": "```a" * 250_000,
    "closers": "I hope this helps. " * 50_000,
    "dates": "as of my last " * 70_000,
    "marks": "<|aa" * 250_000,
    "think tags": "<think>" * 140_000,
    "numbers": "call 4 1 " * 110_000,
    "IBANs": "DE89 AAAA " * 100_000,
    "long words": ("ab" * 5000 + " ") * 100,
    "NUL": "\0" * MILLION,
    "lone surrogates": "\ud800" * MILLION,
    "right to left": "\u202e\u05d0" * 500_000,
    "emoji": "😀" * MILLION,
    "grows when lowered": "İ" * MILLION,
}


@pytest.mark.parametrize("length", [MILLION // 20, pytest.param(MILLION, marks=pytest.mark.slow)])
@pytest.mark.parametrize("condition", ALL, ids=lambda each: each.filter)
def test_a_hostile_text_is_answered_in_linear_time(condition: RowFilter, length: int) -> None:
    for name, text in HOSTILE.items():
        task, sample = make_task(prompt=text[: length // 4]), make_sample(text[:length])
        started = process_time()
        word = word_of(condition, task, sample)
        assert process_time() - started < 1 + length * 2e-6, name
        assert word.reason != "the filter failed", f"{name}: {word.detail}"
        assert len(word.detail) <= 300, name
