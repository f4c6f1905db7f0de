"""Thoughts and answers apart: every notation, every way it comes out wrong, and what holds for any text at all."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.llm.reasoning import CLOSING, FRAME, NAMES, OPENING, TAG, split
from pipeline.llm.request import Reply
from tests.completions import APART, APART_BY_THE_NEW_NAME, IN_TAGS, TWICE, UNOPENED
from tests.llm.asking import door, model, request
from tests.servers import ChatServer, closed_url

PAIRS = [(f"<{name}>", f"</{name}>") for name in NAMES] + [
    ("<THINK>", "</Think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]


def apart(text: str | None, **fields: object) -> tuple[str | None, str | None]:
    """Text and reasoning of a reply."""
    reply = split(Reply(text=text, **fields))
    return reply.text, reply.reasoning


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_every_notation(opening: str, closing: str) -> None:
    assert apart(f"{opening}\nTwo and two.\n{closing}\n\nFour.") == ("Four.", "Two and two.")


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_a_tag_alone(opening: str, closing: str) -> None:
    assert apart(f"Two and two.\n{closing}\n\nFour.") == ("Four.", "Two and two.")
    assert apart(f"{opening}Two and") == ("", "Two and")
    assert apart(opening) == apart(closing) == apart(f"{opening}\n\n{closing}") == ("", None)


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("<think>\n\n</think>\n\nFour.", "Four.", None),
        ("<think>One.</think>\n<think>Two.</think>\nFour.", "Four.", "One.\n\nTwo."),
        ("First <think>One.</think> then <think>two.</think> last.", "First\n\nthen\n\nlast.", "One.\n\ntwo."),
        ("<think>One <think>two</think> three</think> Four.", "Four.", "One\n\ntwo\n\nthree"),
        ("<think><think>One</think> Four.", "Four.", "One"),
        ("<think>One</think></think> Four.", "Four.", "One"),
        ("<think>One <reasoning>two</reasoning> three</think> Four.", "Four.", "One\n\ntwo\n\nthree"),
        ("One</think>Two</think>Four.", "Four.", "One\n\nTwo"),
        ("One</think>Four.<think>Two", "Four.", "One\n\nTwo"),
        ("  <think> One </think>  Four.  \n", "Four.", "One"),
        ("<think>def f():</think>\n\n    return 4\n", "    return 4", "def f():"),
        ("<think>One</th", "", "One</th"),
        ("<|begin_of_thought|>One<|end_of_thought|>\n<|begin_of_solution|>Four.<|end_of_solution|>", "Four.", "One"),
        ("<|START_THINKING|>One<|END_THINKING|><|START_RESPONSE|>Four.<|END_RESPONSE|>", "Four.", "One"),
        ("<|channel|>analysis<|message|>One<|end|>", "", "One"),
        ("One<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>", "Four.", "One"),
        ("<|channel|>analysis<|message|>One<|end|><|start|>assistant<|channel|>analysis<|message|>two<|end|>"
         "<|start|>assistant<|channel|>final <|constrain|>json<|message|>{}<|return|>", "{}", "One\n\ntwo"),
    ],
)  # fmt: skip
def test_blocks_that_come_out_wrong(text: str, said: str, thought: str | None) -> None:
    assert apart(text) == (said, thought)


QUOTING = [
    "R1 opens with `<think>` and closes with `</think>`, always.",
    "Templates write ``<think>`` and `` `</think>` ``.",
    "Like this:\n```\n<think>One</think>Four.\n```\nThat is all.",
    "Like this:\n  ```xml\n  <think>One</think>\n  ```\n",
    "~~~\n</think>\n~~~",
    "````\n```\n<think>\n```\n````",
]


@pytest.mark.parametrize("text", QUOTING)
def test_quoted_tags_are_text(text: str) -> None:
    reply = Reply(text=text, tokens_out=9)
    assert split(reply) == reply
    assert apart(f"<think>One</think>\n\n{text}") == (text.rstrip(), "One")
    assert apart(f"<think>One\n{text}\n</think>\nFour.") == ("Four.", f"One\n{text}".rstrip())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>A stray ` tick.</think>\nUse `x` here.", "Use `x` here."),
        ("<think>```py\nx = 1\n</think>\nSo:\n```py\nx = 2\n```", "So:\n```py\nx = 2\n```"),
        ("<think>```\nx = 1\n</think>\nFour.", "Four."),
        ("x = `1\n</think>\nFour`.", "Four`."),
    ],
)
def test_quotes_that_nobody_closed_quote_nothing(text: str, said: str) -> None:
    assert apart(text)[0] == said


@pytest.mark.parametrize(
    "text", ["", " Four. \n", "a < b > c", "[think] he said", "<thinker>", "<reflection>So?</reflection>", "think: <", "<|x|>"]
)
def test_what_is_no_tag(text: str) -> None:
    reply = Reply(text=text, tokens_out=9)
    assert split(reply) is reply


def test_reasoning_that_came_apart() -> None:
    assert apart("Four.", reasoning="\nOne ") == ("Four.", "One")
    assert apart("Four.", reasoning=" \n") == ("Four.", None)
    assert apart("<think>\nOne\n</think>\nFour.", reasoning="One") == ("Four.", "One")
    assert apart("<think>One</think><think>two</think>Four.", reasoning="One\ntwo") == ("Four.", "One\ntwo")
    assert apart("<think>Two</think>Four.", reasoning="One") == ("Four.", "One\n\nTwo")
    assert apart("<think></think>Four.", reasoning="One") == ("Four.", "One")
    assert apart(None, reasoning="One") == (None, "One")
    assert apart(None) == (None, None)


@pytest.mark.parametrize(
    ("text", "fields", "tokens"),
    [
        ("<think>123456</think>12", {"tokens_out": 8}, 6),
        ("<think>123456</think>12", {"tokens_out": 8, "tokens_reasoning": 5}, 5),
        ("<think>123456</think>12", {"tokens_out": 8, "tokens_reasoning": 0}, 6),
        ("<think>123456</think>12", {}, None),
        ("<think>123456", {"tokens_out": 8}, 8),
        ("12", {"tokens_out": 8, "reasoning": "123456"}, 6),
        ("12", {"tokens_out": 8, "tokens_reasoning": 6}, 6),
        ("12", {"tokens_out": 8, "tokens_reasoning": 0}, 0),
        ("12", {"tokens_out": 8}, None),
        ("<think></think>12", {"tokens_out": 8}, None),
        (None, {"tokens_out": 8, "reasoning": "123456"}, 8),
    ],
)
def test_tokens(text: str | None, fields: dict[str, object], tokens: int | None) -> None:
    assert split(Reply(text=text, **fields)).tokens_reasoning == tokens


@pytest.mark.parametrize("words", [IN_TAGS, UNOPENED, TWICE, APART, APART_BY_THE_NEW_NAME])
def test_the_door_takes_thoughts_out_of_new_replies_and_of_remembered_ones(tmp_path: Path, words: str) -> None:
    async def ask(url: str) -> Reply:
        async with door(tmp_path) as opened:
            return (await opened.ask(model(url), request(f"How much is 2 + 3? Please {words}.")))[1]

    with ChatServer() as server:
        reply = asyncio.run(ask(server.url))
    assert reply.text and reply.text.startswith("By way") and reply.text.endswith("The answer is 5.")
    more = "\n\nThen I look again." if words == TWICE else ""
    assert reply.reasoning == f"First I add the two numbers.{more}"
    assert reply.tokens_reasoning and reply.tokens_out and 0 < reply.tokens_reasoning < reply.tokens_out
    assert asyncio.run(ask(closed_url())) == reply


TAGS = [*sorted(OPENING | CLOSING | FRAME), "[THINK]", "[/THINK]", "</THINK>"]
MARKS = [
    "`",
    "``",
    "```",
    "```\n",
    "\n```\n",
    "\n```py\n",
    "\n~~~\n",
    "\n````\n",
    "\n",
    "\n\n",
    " ",
    "    ",
    "<",
    "<|",
    "/think>",
]
PROSE = st.text("ab1.,<>/[]|`~ \n", min_size=1).map(str.strip).filter(lambda text: text and not TAG.search(text))
PLAIN = st.text("ab1.,<>/[]| \n", min_size=1).map(str.strip).filter(lambda text: text and not TAG.search(text))
SOUP = st.lists(st.sampled_from(TAGS + 3 * MARKS + 5 * ["word"]), max_size=40).map(
    lambda parts: "".join(f"w{place} " if part == "word" else part for place, part in enumerate(parts))
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PAIRS), PLAIN, PLAIN), min_size=1, max_size=5))
def test_what_was_composed_comes_back(parts: list[tuple[tuple[str, str], str, str]]) -> None:
    text = "".join(f"{opening}\n{thought}\n{closing}\n{said}\n" for (opening, closing), thought, said in parts)
    assert apart(text) == ("\n\n".join(part[2] for part in parts), "\n\n".join(part[1] for part in parts))


@settings(deadline=None)
@given(PROSE, st.integers(0, 99), st.none() | PROSE)
def test_without_tags_nothing_changes(text: str, tokens: int, reasoning: str | None) -> None:
    reply = Reply(text=f" {text}\n", reasoning=reasoning, tokens_out=tokens)
    after = split(reply)
    assert after.model_copy(update={"tokens_reasoning": None}) == reply


@settings(deadline=None, max_examples=500)
@given(SOUP, st.none() | PROSE, st.none() | st.integers(0, 99))
@example("</think>```\n\n~~~\n```\n</think>\n~~~\n", None, None)  # without the thought, the first fence begins a line
def test_once_is_enough(text: str, reasoning: str | None, tokens: int | None) -> None:
    once = split(Reply(text=text, reasoning=reasoning, tokens_out=tokens))
    assert split(once) == once


@settings(deadline=None, max_examples=500)
@given(SOUP)
def test_every_word_is_in_one_of_the_columns_in_its_order(text: str) -> None:
    said, thought = apart(text)
    columns = [re.findall(r"w\d+", column or "") for column in (said, thought)]
    words = re.findall(r"w\d+", text)
    assert sorted(columns[0] + columns[1]) == sorted(words)
    assert all(column == sorted(column, key=words.index) for column in columns)


@settings(deadline=None, max_examples=500)
@given(SOUP.map(lambda text: re.sub("[`~]", "", text)))
def test_without_quotes_no_tag_is_left(text: str) -> None:
    said, thought = apart(text)
    assert not TAG.search(said or "") and not TAG.search(thought or "")


@settings(deadline=None)
@given(st.text(), st.text(), st.sampled_from(TAGS))
def test_any_text_at_all(before: str, after: str, tag: str) -> None:
    once = split(Reply(text=before + tag + after, tokens_out=7))
    assert split(once) == once


WORST = [
    "<think>",
    "</think>",
    "` ",
    "`` ` ``` ",
    "```py\n",
    "~~~",
    "```\n<think>\n",
    "`<think>` ",
    "<|",
    "<think>```\n</think>",
]


@pytest.mark.parametrize("unit", [*WORST, "fences"])
def test_a_megabyte_takes_linear_time(unit: str) -> None:
    """A second at most where it was measured (0.06 to 0.8); quadratic time would be hours."""
    worst = "\n".join("`" * size for size in range(1400, 0, -1)) if unit == "fences" else unit * (1_000_000 // len(unit))
    started = time.process_time()
    split(Reply(text=f"<think>{worst}", tokens_out=1))
    assert time.process_time() - started < 10
