"""What every backend promises, put to each of them: recorded, an endpoint, and a model in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.llm.backends import Backend
from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.backends.recorded import RecordedFields, RecordedModel
from pipeline.llm.backends.vllm import VLLMModel
from pipeline.llm.model import Model
from pipeline.llm.request import Reply, Sampling
from pipeline.settings import REPOSITORY, Settings, load_settings
from tests.batch_server import BatchServer
from tests.llm.asking import request
from tests.llm.batching import QUICK
from tests.servers import ChatServer

TEACHER = REPOSITORY / "data/mini/teacher"
QUESTIONS = [f"Mia has {number} pens and buys {number + 2} more. How many pens does she have?" for number in range(12)]
GREEDY = Sampling(temperature=0.0, max_tokens=24)

Opener = Callable[[Settings], Model]


def recorded(folder: Path) -> Iterator[Opener]:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps({"q": each, "a": f"Answer to: {each}"}) + "\n" for each in QUESTIONS))
    yield RecordedModel(backend="recorded", path=path, fields=RecordedFields(prompt="q", text="a")).open


def openai(folder: Path) -> Iterator[Opener]:
    with ChatServer() as server:
        yield lambda settings: OpenAIModel(backend="openai", model="small-1").open(
            settings.model_copy(update={"openai_base_url": server.url})
        )


def batch(folder: Path) -> Iterator[Opener]:
    with BatchServer() as server:
        yield lambda settings: BatchModel(backend="batch", model="small-1").open(
            settings.model_copy(update={"openai_base_url": server.url}), QUICK
        )


def local(folder: Path) -> Iterator[Opener]:
    yield LocalModel(backend="local", model=str(TEACHER), dtype="float64").open


def vllm(folder: Path) -> Iterator[Opener]:
    yield VLLMModel(backend="vllm", model=str(TEACHER), dtype="float32").open


shipped = pytest.mark.skipif(not (TEACHER / "model.safetensors").is_file(), reason="data/mini/teacher is not there")

installed = [shipped, pytest.mark.slow, pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed")]


@pytest.fixture(params=[recorded, openai, batch, pytest.param(local, marks=shipped), pytest.param(vllm, marks=installed)])
def open_model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """A function from settings to the model of one backend."""
    yield from request.param(tmp_path)


def answer(model: Model, *questions: str) -> list[Reply]:
    """Greedy replies to questions put at once."""
    return answer_in_turns(model, questions)[0]


def answer_in_turns(model: Model, *turns: Sequence[str]) -> list[list[Reply]]:
    """Greedy replies of one backend to questions that are put at once, and then to others: an engine takes long to start."""

    async def scene() -> list[list[Reply]]:
        async with model.start() as backend:
            return [list(await asyncio.gather(*(_put(backend, each) for each in questions))) for questions in turns]

    return asyncio.run(scene())


async def _put(backend: Backend, question: str) -> Reply:
    return await backend.complete(request(question, **GREEDY.model_dump()))


def test_a_reply_says_all_it_must_and_is_the_same_when_it_was_remembered(open_model: Opener) -> None:
    (reply,) = answer(open_model(load_settings()), QUESTIONS[0])
    assert reply.text and reply.error is None
    assert reply.finish in ("stop", "length")
    assert reply.seconds >= 0
    assert all(count is None or count > 0 for count in (reply.tokens_in, reply.tokens_out))
    assert Reply.model_validate_json(reply.model_dump_json(exclude_none=True)) == reply


def test_everybody_gets_the_answer_to_their_own_question(open_model: Opener) -> None:
    *alone, together = answer_in_turns(open_model(load_settings()), *([each] for each in QUESTIONS[:3]), QUESTIONS)
    assert [reply.text for reply in together[:3]] == [reply.text for (reply,) in alone]
    assert len(together) == len(QUESTIONS)


def test_greedy_replies_are_the_same_again(open_model: Opener) -> None:
    texts = [[reply.text for reply in answer(open_model(load_settings()), *QUESTIONS[:4])] for _ in range(2)]
    assert texts[0] == texts[1]


def test_a_call_that_is_given_up_spoils_no_other(open_model: Opener) -> None:
    model = open_model(load_settings())

    async def scene() -> list[Reply]:
        async with model.start() as backend:
            calls = [asyncio.create_task(_put(backend, each)) for each in QUESTIONS[:4]]
            await asyncio.sleep(0)
            calls[1].cancel()
            await asyncio.wait(calls)
            return [calls[number].result() for number in (0, 2, 3)]

    assert all(reply.text for reply in asyncio.run(scene()))


def test_the_block_may_end_without_a_question(open_model: Opener) -> None:
    assert answer(open_model(load_settings())) == []


def test_a_model_is_known_by_what_it_is_alone(open_model: Opener, tmp_path: Path) -> None:
    first = open_model(load_settings())
    second = open_model(load_settings(data=tmp_path / "elsewhere", concurrency=3, device="cpu"))
    assert first.identity == second.identity
    assert set(first.identity) == {"provider", "model", "revision"}
    assert str(tmp_path) not in str(first.identity)
    assert second.in_flight == 3
