"""Answers as JSON objects, over HTTP: who is sent a schema and who reads it, what is asked again, and what is never learned."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.errors import UserError
from pipeline.llm.structured import REPAIRS, ask_object
from pipeline.prompts import render
from pipeline.recipe import load_recipe, parse_recipe, read_yaml
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.harvest import Harvest, harvest
from tests.completions import BROKEN_JSON_FIRST, IN_TAGS
from tests.rows import make_task
from tests.servers import ChatServer, Trouble, closed_url

FIELDS = {"rationale": "string", "answer": "integer"}
PARTS: dict[str, Any] = {
    "source": {"kind": "mini"}, "teacher": {"backend": "openai", "model": "small-1"}, "filters": ["finished"],
    "methods": [{"method": "chain_of_thought", "samples": 1, "reply_fields": FIELDS}],
}  # fmt: skip
COMPLAINT = "This is not the JSON that was asked for"
UNHELD = {"teacher": {"backend": "openai", "model": "small-1", "json_schema": False}}


class Steps(BaseModel):
    """As a judge would have it."""

    rationale: str
    answer: int


def says(text: str, where: str = "", finish: str = "stop") -> Trouble:
    """The model says something else where the prompt holds `where`."""

    def change(right: dict[str, Any]) -> dict[str, Any]:
        choice = right["choices"][0]
        return right | {"choices": [choice | {"message": choice["message"] | {"content": text}, "finish_reason": finish}]}

    return Trouble(change=change, where=where)


def task(words: str = "") -> Task:
    return make_task(prompt=f"How much is 2 + 3? {words}".strip(), answer="5")


def asked(folder: Path, url: str, work: Callable[[Run], Any], **parts: Any) -> Any:
    """What comes of asking in a run whose memory lies in `folder`."""

    async def scene() -> Any:
        run = Run(parse_recipe(PARTS | parts, "run", "run"), load_settings(data=str(folder), openai_base_url=url))
        async with run.door:
            return await work(run)

    return asyncio.run(scene())


def harvested(folder: Path, url: str, words: str = "", **parts: Any) -> Harvest:
    """What the recipe's only method makes of one task."""
    brought = asked(folder, url, lambda run: harvest(run, task(words), [0], []), **parts)
    assert isinstance(brought, Harvest)
    return brought


def judged(folder: Path, url: str, **parts: Any) -> tuple[Response, Steps | None]:
    """The answer to one task as an object."""
    prompt = render("chain_of_thought/teacher", task())
    found: tuple[Response, Steps | None] = asked(
        folder, url, lambda run: ask_object(run.ask, prompt, Steps, task=task()), **parts
    )
    return found


def test_an_endpoint_that_knows_schemas_is_sent_one(tmp_path: Path) -> None:
    with ChatServer() as server:
        brought = harvested(tmp_path, server.url)
    [body], [sample], [response] = server.bodies, brought.samples, brought.responses
    sent = body["response_format"]["json_schema"]
    assert sent["strict"] is True and sent["schema"]["required"] == ["rationale", "answer"]
    assert "JSON" not in json.dumps(body["messages"])
    assert sample.target == json.dumps(json.loads(response.text or ""), separators=(",", ":"))
    assert sample.target.startswith('{"rationale":"by way') and sample.target.endswith('"answer":5}')
    assert sample.answer == "5" and sample.response_keys == [response.key] and sample.finish == "stop"


def test_to_others_the_prompt_says_it(tmp_path: Path) -> None:
    good = '```json\n{"answer": 5, "rationale": "2 + 3 is 5"}\n```'
    with ChatServer(says(good)) as server:
        brought = harvested(tmp_path, server.url, **UNHELD)
    [body], [sample], [response] = server.bodies, brought.samples, brought.responses
    assert "response_format" not in body
    assert body["messages"] == [message.model_dump() for message in response.messages], "what was sent is what the table says"
    assert '"required":["rationale","answer"]' in body["messages"][0]["content"]
    assert sample.target == '{"rationale":"2 + 3 is 5","answer":5}' and response.text == good


@pytest.mark.parametrize("parts", [{}, UNHELD], ids=["sent", "said"])
def test_what_does_not_fit_is_put_before_the_model(tmp_path: Path, parts: dict[str, Any]) -> None:
    bad, good = '{"rationale": "r", "answer": "five"}', '{"rationale":"r","answer":5}'
    with ChatServer(says(good, where=COMPLAINT), says(bad)) as server:
        brought = harvested(tmp_path, server.url, **parts)
    first, second = (body["messages"] for body in server.bodies)
    assert second[: len(first)] == first, "so that the endpoint knows the beginning already"
    assert [turn["role"] for turn in second[len(first) :]] == ["assistant", "user"]
    assert second[-2]["content"] == bad
    assert "answer: Input should be a valid integer" in second[-1]["content"] and '"required"' in second[-1]["content"]
    [sample] = brought.samples
    assert {each.text for each in brought.responses} == {bad, good}
    assert sample.target == good
    assert sample.response_keys == [each.key for each in brought.responses if each.text == good]
    again = harvested(tmp_path, closed_url(), **parts)
    assert (again.samples, again.responses) == (brought.samples, brought.responses)


def test_each_sample_is_mended_by_itself(tmp_path: Path) -> None:
    methods = [PARTS["methods"][0] | {"samples": 3}]
    with ChatServer() as server:
        brought = harvested(tmp_path, server.url, BROKEN_JSON_FIRST, methods=methods)
    assert server.hits == len({each.key for each in brought.responses}) == 6
    assert len({each.id for each in brought.samples}) == 3 and {each.finish for each in brought.samples} == {"stop"}


def test_it_is_not_asked_for_ever(tmp_path: Path) -> None:
    with ChatServer(says("Five.")) as server:
        brought = harvested(tmp_path, server.url)
    assert server.hits == len(brought.responses) == 1 + REPAIRS
    [sample] = brought.samples
    assert (sample.finish, sample.target) == ("invalid", "Five.")
    assert {each.finish for each in brought.responses} == {"stop"}


@pytest.mark.parametrize(
    ("trouble", "finishes"),
    [
        (says('{"rationale": "r', finish="length"), ["length"]),
        (says("", finish="stop"), ["invalid"]),
        (says("I must not.", finish="content_filter"), ["content_filter"]),
        (Trouble(400, '{"error": {"message": "too long"}}'), []),
        (Trouble(418, "{}"), []),
    ],
    ids=["cut off", "empty", "filtered", "refused", "owed"],
)
def test_what_would_come_back_the_same_is_not_asked_again(tmp_path: Path, trouble: Trouble, finishes: list[str]) -> None:
    with ChatServer(trouble) as server:
        brought = harvested(tmp_path, server.url)
    assert server.hits == len(brought.responses) == 1
    assert [sample.finish for sample in brought.samples] == finishes


@pytest.mark.parametrize("status", [400, 418], ids=["refused", "owed"])
def test_a_repair_that_fails_leaves_no_sample(tmp_path: Path, status: int) -> None:
    with ChatServer(Trouble(status, "{}", where=COMPLAINT), says("Five.")) as server:
        brought = harvested(tmp_path, server.url)
    assert server.hits == len(brought.responses) == 2 and not brought.samples


def test_recorded_answers_are_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"q": task().prompt, "a": "Five."}) + "\n")
    teacher = {"backend": "recorded", "path": str(path), "fields": {"prompt": "q", "text": "a"}}
    brought = harvested(tmp_path, closed_url(), teacher=teacher)
    assert [sample.finish for sample in brought.samples] == ["invalid"] and len(brought.responses) == 1


def test_thoughts_may_come_before_the_object(tmp_path: Path) -> None:
    with ChatServer() as server:
        brought = harvested(tmp_path, server.url, IN_TAGS)
    [sample] = brought.samples
    assert server.hits == 1 and json.loads(sample.target)["answer"] == 5
    assert sample.reasoning == "First I add the two numbers."


def test_a_judge_gets_the_object(tmp_path: Path) -> None:
    with ChatServer(says('{"rationale": "r", "answer": 5}')) as server:
        response, found = judged(tmp_path, server.url)
        assert found == Steps(rationale="r", answer=5) and response.text == '{"rationale": "r", "answer": 5}'
    with ChatServer(says("Five.")) as server:
        response, found = judged(tmp_path / "other", server.url)
        assert found is None and (response.text, response.finish) == ("Five.", "stop") and server.hits == 1 + REPAIRS


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"answer": "int"}, "methods.0.reply_fields.answer: 'int'"), ({}, "at least 1 item"), ("answer", "valid dictionary")],
)
def test_fields_that_are_none_are_refused(fields: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parse_recipe(PARTS | {"methods": [{"method": "chain_of_thought", "reply_fields": fields}]}, "run", "run")


def test_the_order_of_the_fields_is_kept_in_the_recipe(tmp_path: Path) -> None:
    change = "methods.0.reply_fields={rationale: string, answer: integer}"
    (tmp_path / "again.yaml").write_text(load_recipe("mini", [change]).as_yaml())
    again = parse_recipe(read_yaml(tmp_path / "again.yaml"), "mini", "again")
    assert list(again.methods[0].model_dump()["reply_fields"]) == ["rationale", "answer"]
