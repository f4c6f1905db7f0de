"""Symbolic knowledge distillation against a scripted endpoint: new events, phrases for each relation, restarts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.words import folded
from pipeline.methods.symbolic_knowledge import Event, SymbolicKnowledge, surprise
from tests.methods.growing import grown, last_messages, open_run, scripted
from tests.rows import make_response, make_task
from tests.servers import ChatServer, closed_url

HEADS = [f"PersonX {verb} the {thing}" for verb in ("buys", "loses", "paints") for thing in ("lamp", "hat")]
TAILS = {"xWant": ["to rest"], "xReact": ["glad"]}
ROWS: list[dict[str, Any]] = [{"prompt": head, "tails": TAILS} for head in HEADS]
METHOD: dict[str, Any] = {
    "method": "symbolic_knowledge", "relations": ["xWant", "xReact"], "lists": 3, "seeds": 4, "events": 5, "samples": 2,
    "demonstrations": 2,
}  # fmt: skip
NEW = ("PersonX sings a song.", "personx  SINGS a song", "PersonX buys the LAMP", "PersonX waits", "PersonX runs")


def teacher(prompt: str) -> str | None:
    """Goes on with a list by events of which one repeats another and one the source; answers in a phrase."""
    if "Continue it with" in prompt:
        first = len(re.findall(r"^\d+\. ", prompt, flags=re.MULTILINE)) + 1
        return "\n".join(f"{number}. {text}" for number, text in enumerate(NEW, first))
    return "to sleep well." if "want to do next" in prompt else "calm"


def run(folder: Path, script: Any = teacher, **method: Any) -> tuple[ChatServer, Any]:
    with scripted(script) as server:
        return server, grown(open_run(folder, server.url, ROWS, METHOD | method))


def asked_event(prompt: str) -> str:
    return re.findall(r"^Event: (.*)$", prompt, flags=re.MULTILINE)[-1]


def test_new_events_are_new_and_each_is_asked_for_every_relation(tmp_path: Path) -> None:
    server, (tasks, samples) = run(tmp_path)
    heads = Counter(task.extra["head"] for task in tasks)
    assert heads == {"PersonX sings a song": 2, "PersonX waits": 2, "PersonX runs": 2}
    assert {(task.source, task.split) for task in tasks} == {("made:symbolic_knowledge", "train")}
    assert [task.prompt for task in tasks[:2]] == ["PersonX sings a song\nxWant:", "PersonX sings a song\nxReact:"]
    assert all(len(task.extra["parents"]) == 4 for task in tasks)
    calls = Counter("list" if "Continue it with" in each else "phrase" for each in last_messages(server))
    assert calls == {"list": 3, "phrase": (len(HEADS) * 2 + len(tasks)) * 2}
    assert len(samples) == 2 * calls["phrase"]  # each phrase as a triple, and in words


def test_what_the_student_reads_and_writes(tmp_path: Path) -> None:
    _, (tasks, samples) = run(tmp_path)
    made = [(each.view, each.messages[-1].content, each.target) for each in samples if each.task_id == tasks[0].id][:2]
    assert made == [
        ("xWant", "PersonX sings a song\nxWant:", "to sleep well"),
        ("xWant in words", "PersonX sings a song. As a result, PersonX wants", "to sleep well."),
    ]
    assert not any(each.hinted for each in samples) and len({each.id for each in samples}) == len(samples)
    without = run(tmp_path / "other", in_words=False)[1][1]
    assert {each.view for each in without} == {"xWant", "xReact"}


def test_demonstrations_are_of_other_events(tmp_path: Path) -> None:
    server, _ = run(tmp_path)
    for prompt in last_messages(server):
        if "Continue it with" not in prompt:
            events = re.findall(r"^Event: (.*)$", prompt, flags=re.MULTILINE)
            assert len(events) == 3 and folded(asked_event(prompt)) not in map(folded, events[:-1])
            assert ("to rest" in prompt) == ("want to do next" in prompt) and ("glad" in prompt) != ("to rest" in prompt)


def test_a_task_that_names_its_relation_is_asked_for_that_alone() -> None:
    method = SymbolicKnowledge(method="symbolic_knowledge")
    task = make_task(prompt="whatever", extra={"head": "PersonX naps", "relation": "xNeed"})
    assert method.student_prompt(task, ()).messages[-1].content == "PersonX naps\nxNeed:"
    asked = method.teacher_prompt(task, ()).messages[-1].content
    assert "Event: PersonX naps" in asked and "What does PersonX need before this?" in asked and "whatever" not in asked


def test_the_least_likely_fifth_of_the_new_events_is_trimmed() -> None:
    method = SymbolicKnowledge(method="symbolic_knowledge")
    found = [Event(number / 10, f"event {number}", []) for number in range(1, 11)]
    kept = [text for text, _ in method._likely(found, {"event 3"})]
    assert kept == [f"event {number}" for number in (1, 2, 4, 5, 6, 7, 8, 9)]  # of nine, one is a fifth
    untold = [Event(0.0, f"event {number}", []) for number in range(10)]
    assert len(method._likely(untold, set())) == 10


def test_surprise_is_the_mean_of_the_events_own_tokens() -> None:
    tokens = [("1. ", -9.0), ("Person", -1.0), ("X naps", -2.0), ("\n2. ", -9.0), ("PersonX eats", -0.5)]
    reply = make_response("", logprobs=[{"token": token, "logprob": logprob} for token, logprob in tokens])
    assert surprise(reply, "PersonX naps") == pytest.approx(1.5) and surprise(reply, "PersonX eats") == pytest.approx(0.5)
    assert surprise(reply, "PersonX runs") == 0.0 and surprise(make_response("x"), "x") == 0.0


def test_a_limit_on_tasks(tmp_path: Path) -> None:
    _, (tasks, _) = run(tmp_path, tasks=3)
    assert len(tasks) == 3


def test_what_is_owed_is_all_that_a_second_start_asks(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")[1]

    def failing(prompt: str) -> str | None:
        return None if "How does PersonX feel" in prompt and "sings" in asked_event(prompt) else teacher(prompt)

    run(tmp_path / "broken", failing)
    server, again = run(tmp_path / "broken")
    assert server.hits == 2 and again == whole
    assert grown(open_run(tmp_path / "broken", closed_url(), ROWS, METHOD)) == whole


def test_an_owed_list_makes_no_events_until_it_is_there(tmp_path: Path) -> None:
    def failing(prompt: str) -> str | None:
        return None if "Continue it with" in prompt else teacher(prompt)

    _, (tasks, samples) = run(tmp_path, failing)
    assert not tasks and len(samples) == len(HEADS) * 2 * 2 * 2
    server, (tasks, _) = run(tmp_path)
    assert len(tasks) == 6 and server.hits == 3 + 6 * 2


def test_a_reply_of_several_lines_is_no_phrase(tmp_path: Path) -> None:
    _, (_, samples) = run(tmp_path, lambda prompt: teacher(prompt) if "feel" not in prompt else "glad\nand more")
    assert {each.view.partition(" ")[0] for each in samples} == {"xWant"}
