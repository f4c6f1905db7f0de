"""Alpaca against a scripted endpoint: what is shown, which blocks are taken, and what a second start pays for."""

from __future__ import annotations

import random
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.request import Sampling
from pipeline.methods.alpaca import Alpaca
from pipeline.texts.rouge import rouge_l, rouge_words
from tests.methods.growing import grown, last_messages, open_run, scripted
from tests.servers import closed_url

WORDS = (
    "amber", "bridge", "candle", "desert", "engine", "forest", "garden", "harbor", "island", "jungle", "kettle", "lantern",
    "meadow", "needle", "orchard", "pepper",
)  # fmt: skip
ROWS = [{"prompt": f"Say what {word} is made of.", "context": f"old {word}", "answer": f"Of {word} stone."} for word in WORDS]
ROWS += [{"prompt": "Tell me about something without an answer."}]
METHOD: dict[str, Any] = {"method": "alpaca", "tasks": 40, "added": 5, "at_once": 2}
SHOWN = re.compile(r"^(\d+)\. (Instruction|Input|Output): (.*)$", flags=re.MULTILINE)


def teacher(prompt: str) -> str | None:
    """Three new blocks, one without an output, and one that asks for a picture."""
    draw = random.Random(prompt)
    lines = []
    for number in range(4, 9):
        one, two, three = draw.sample(WORDS, 3)
        text = "Draw a map of the harbor." if number == 6 else f"Compare {one} with {two} and then count every {three}."
        lines += [f"{number}. Instruction: {text}", f"{number}. Input: {'<noinput>' if number == 4 else f'my {one}'}"]
        lines += [] if number == 7 else [f"{number}. Output: There are {draw.randint(2, 99)}."]
        lines.append("###")
    return "\n".join(lines)


def test_defaults_are_those_of_the_paper() -> None:
    method = Alpaca(method="alpaca")
    assert (method.demonstrations, method.demonstrations + method.added, method.rouge) == (3, 20, 0.7)
    assert method.sampling == Sampling(temperature=1, top_p=1)


def test_three_whole_tasks_of_the_source_are_shown(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        tasks, _ = grown(open_run(tmp_path, server.url, ROWS, METHOD))
    known = {(str(row["prompt"]), str(row["context"]), str(row["answer"])) for row in ROWS[:-1]}
    for prompt in last_messages(server):
        fields = [text for _, _, text in SHOWN.findall(prompt)]
        shown = {tuple(fields[start : start + 3]) for start in (0, 3, 6)}
        assert len(fields) == 9 and len(shown) == 3 and shown <= known
        assert "numbered from 4 to 8" in prompt
    assert all(len(task.extra["parents"]) == 3 for task in tasks)


def test_whole_blocks_are_taken_where_they_are_unlike_all_others(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        tasks, samples = grown(open_run(tmp_path, server.url, ROWS, METHOD))
    said = "\n".join(str(teacher(prompt)) for prompt in last_messages(server))
    assert len(tasks) == len(samples) > 10
    words = [rouge_words(task.prompt, 100) for task in tasks]
    assert max(rouge_l(one, other) for one, other in combinations(words, 2)) <= 0.7
    assert not any("map" in task.prompt for task in tasks) and any(task.context == "" for task in tasks)
    for task, sample in zip(tasks, samples, strict=True):
        assert re.search(
            rf"Instruction: {task.prompt}\n\d\. Input: {task.context or '<noinput>'}\n\d\. Output: {sample.target}", said
        )
        assert task.prompt in sample.messages[-1].content and sample.target not in sample.messages[-1].content


def test_the_last_block_of_a_reply_that_was_cut_is_dropped(tmp_path: Path) -> None:
    text = "4. Instruction: Count all the birds here.\n4. Input: a b\n4. Output: Two.\n###\n"
    torn = "5. Instruction: Weigh seven heavy stones now.\n5. Input: c d\n5. Output: Thir"
    with scripted(lambda prompt: text + torn, finish=lambda said: "length") as server:
        tasks, samples = grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD))
    assert [task.prompt for task in tasks] == ["Count all the birds here."] and samples[0].finish == "stop"
    with scripted(lambda prompt: text + torn) as server:
        tasks, _ = grown(open_run(tmp_path / "whole", server.url, ROWS, METHOD))
    assert len(tasks) == 2


def test_stopped_by_a_ceiling_it_asks_only_for_the_rest(tmp_path: Path) -> None:
    with scripted(teacher) as whole:
        first = grown(open_run(tmp_path / "whole", whole.url, ROWS, METHOD))
    with scripted(teacher) as server:
        with pytest.raises(BudgetReached):
            grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD, max_calls=5))
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
        assert server.by_body == whole.by_body
    assert grown(open_run(tmp_path / "cut", closed_url(), ROWS, METHOD)) == first


def test_behind_a_call_that_is_owed_nothing_is_asked(tmp_path: Path) -> None:
    with scripted(teacher) as whole:
        first = grown(open_run(tmp_path / "whole", whole.url, ROWS, METHOD))
    lost = last_messages(whole)[2]
    with scripted(lambda prompt: None if prompt == lost else teacher(prompt)) as server:
        grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD))
    assert server.hits == 4
    with scripted(teacher) as server:
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
    assert server.hits == whole.hits - 3


def test_without_a_solution_to_show_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no training task has an answer or a solution"):
        grown(open_run(tmp_path, closed_url(), ROWS[-1:], METHOD))
