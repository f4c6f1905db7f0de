"""Recorded answers: columns by name, chat logs, request/response pairs; what is not there is an outcome."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.llm.backends.recorded import RecordedFields, RecordedModel
from pipeline.llm.model import Model
from pipeline.llm.request import Reply
from pipeline.logs import turns
from pipeline.settings import load_settings
from tests.llm.asking import request


def recorded(folder: Path, rows: list[Any], fields: RecordedFields | None = None) -> Model:
    """A model whose answers are `rows`, a line each."""
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return RecordedModel(backend="recorded", path=path, fields=fields).open(load_settings())


def look_up(model: Model, *wanted: tuple[str, int]) -> list[Reply]:
    """Replies to (question, sample) pairs."""

    async def scene() -> list[Reply]:
        async with model.start() as backend:
            return [await backend.complete(request(question, sample)) for question, sample in wanted]

    return asyncio.run(scene())


def test_columns_by_name(tmp_path: Path) -> None:
    rows = [{"q": "2 + 3", "a": "5", "why": "2 and 3"}, {"q": "größer?", "a": 7, "why": None}]
    model = recorded(tmp_path, rows, RecordedFields(prompt="q", text="a", reasoning="why"))
    first, second = look_up(model, ("2 + 3", 0), ("größer?", 0))
    assert (first.text, first.reasoning, first.finish, first.cost) == ("5", "2 and 3", "stop", 0.0)
    assert (second.text, second.reasoning) == ("7", None)


def test_dotted_columns(tmp_path: Path) -> None:
    rows = [{"in": {"text": "2 + 3"}, "out": {"best": {"text": "5"}}}, {"in.text": "1 + 1", "out": {"best": {"text": "2"}}}]
    model = recorded(tmp_path, rows, RecordedFields(prompt="in.text", text="out.best.text"))
    assert [each.text for each in look_up(model, ("2 + 3", 0), ("1 + 1", 0))] == ["5", "2"]


def test_several_text_columns_and_rows_are_samples(tmp_path: Path) -> None:
    rows = [{"q": "2 + 3", "a": "5", "b": "five"}, {"q": "2 + 3", "a": "V", "b": "6"}]
    model = recorded(tmp_path, rows, RecordedFields(prompt="q", text=("a", "b")))
    replies = look_up(model, *(("2 + 3", number) for number in range(5)))
    assert [each.text for each in replies] == ["5", "five", "V", "6", None]
    assert replies[4].finish == "missing" and "4 answers" in str(replies[4].error)


CHAT = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "2 + 3"},
    {"role": "assistant", "content": "5", "reasoning_content": "2 and 3"},
]


def test_chat_logs_with_the_answer_last(tmp_path: Path) -> None:
    alone = [{"messages": [{"role": "user", "content": "1 + 1"}, {"role": "assistant", "content": "2"}]}]
    model = recorded(tmp_path, [*alone, {"messages": CHAT}])
    question = turns(CHAT, "here").key
    plain, with_history, bare = look_up(model, ("1 + 1", 0), (question, 0), ("2 + 3", 0))
    assert plain.text == "2"
    assert (with_history.text, with_history.reasoning) == ("5", "2 and 3")
    assert bare.finish == "missing"


def test_request_and_response_pairs(tmp_path: Path) -> None:
    choices = [
        {"message": {"role": "assistant", "content": "5"}, "finish_reason": "stop"},
        {"message": {"role": "assistant", "content": "2 + 3 is"}, "finish_reason": "length"},
    ]
    pair = {
        "request": {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "2 + 3"}]}]},
        "response": {"choices": choices, "usage": {"prompt_tokens": 4, "completion_tokens": 2}},
    }
    first, second = look_up(recorded(tmp_path, [pair]), ("2 + 3", 0), ("2 + 3", 1))
    assert (first.text, first.finish, first.tokens_in, first.tokens_out) == ("5", "stop", 4, 2)
    assert (second.text, second.finish) == ("2 + 3 is", "length")


def test_a_question_without_an_answer_is_an_outcome(tmp_path: Path) -> None:
    model = recorded(tmp_path, [{"q": "2 + 3", "a": "5"}], RecordedFields(prompt="q", text="a"))
    (reply,) = look_up(model, ("something else", 0))
    assert (reply.text, reply.finish, reply.error) == (None, "missing", "no answer is recorded")


def test_an_empty_answer_is_no_text(tmp_path: Path) -> None:
    model = recorded(tmp_path, [{"q": "2 + 3", "a": None}], RecordedFields(prompt="q", text="a"))
    assert look_up(model, ("2 + 3", 0))[0].text == ""


def test_other_answers_and_other_columns_are_another_model(tmp_path: Path) -> None:
    fields = RecordedFields(prompt="q", text="a")
    first = recorded(tmp_path, [{"q": "2 + 3", "a": "5", "b": "6"}], fields)
    columns = recorded(tmp_path, [{"q": "2 + 3", "a": "5", "b": "6"}], RecordedFields(prompt="q", text="b"))
    answers = recorded(tmp_path, [{"q": "2 + 3", "a": "V", "b": "6"}], fields)
    assert len({request().key(each.identity) for each in (first, columns, answers)}) == 3


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "2 + 3"}, "neither `messages` nor `request` and `response`"),
        ({"messages": CHAT[:2]}, "the last message is not the assistant's"),
        ({"messages": []}, "not a list of messages"),
        ({"messages": [CHAT[2]]}, "no question"),
        ({"request": {}, "response": {}}, "no column 'request.messages'"),
        ({"request": {"messages": CHAT[:2]}, "response": {}}, "no column 'response.choices'"),
        ({"request": {"messages": CHAT[:2]}, "response": None}, "no column 'response.choices'"),
        ({"request": {"messages": CHAT[:2]}, "response": {"choices": [{}]}}, "no message in '{}'"),
        ({"request": {"messages": CHAT[:2]}, "response": {"choices": [{"message": "5"}]}}, "no message in"),
        ({"request": {"messages": CHAT[:2]}, "response": {"choices": {"a": 1}}}, "`choices` is no list"),
        ({"request": {"messages": CHAT[:2]}, "response": {"choices": None}}, "`choices` is no list"),
        ([1], "a list, not an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_is_nothing_of_this_is_named(tmp_path: Path, row: Any, words: str) -> None:
    good = {"messages": [*CHAT]}
    with pytest.raises(UserError) as caught:
        look_up(recorded(tmp_path, [good, row]), ("2 + 3", 0))
    assert "answers.jsonl, line 2: " in caught.value.what and words in caught.value.what
    assert caught.value.remedy


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    model = recorded(tmp_path, [{"q": "2 + 3", "a": "5"}], RecordedFields(prompt="q", text="b"))
    with pytest.raises(UserError, match=r"line 1: no column 'b'\n  Columns there are: q, a\."):
        look_up(model, ("2 + 3", 0))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.jsonl does not exist"):
        RecordedModel(backend="recorded", path=tmp_path / "nowhere.jsonl").open(load_settings())


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_columns_of_other_files(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"q": ["How many?", "And now?"], "a": ["05", "7"]})
    path = tmp_path / f"answers.{kind}"
    {"csv": frame.write_csv, "parquet": frame.write_parquet, "json": frame.write_json}[kind](path)
    model = RecordedModel(backend="recorded", path=path, fields=RecordedFields(prompt="q", text="a")).open(load_settings())
    assert [reply.text for reply in look_up(model, ("How many?", 0), ("And now?", 0))] == ["05", "7"]
