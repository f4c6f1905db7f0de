"""The local backend goes on with a reply that has begun, lets its model go when it closes, and says how large it was."""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.backends.local import LocalBackend, LocalModel
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.prompts import Prompt
from pipeline.recipe import parse_recipe
from pipeline.records import Message
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from tests.rows import make_task

TEACHER = str(REPOSITORY / "data/mini/teacher")
QUESTION = Message(role="user", content="Tom has 36 apples. He buys 4 more. How many apples does Tom have now?")
GREEDY = Sampling(temperature=0.0, max_tokens=60)


def replies(*begun: str, chat_template: str | None = None) -> list[Reply]:
    """What the teacher says to the question, or goes on with."""

    async def scene() -> list[Reply]:
        model = LocalModel(backend="local", model=TEACHER, dtype="float64").open(load_settings(), chat_template)
        async with model.start() as backend:
            said = [(QUESTION, Message(role="assistant", content=each)) if each else (QUESTION,) for each in begun]
            return await asyncio.gather(*(backend.complete(Request(messages=each, sampling=GREEDY)) for each in said))

    return asyncio.run(scene())


def test_from_its_own_words_it_goes_on_as_it_did() -> None:
    whole = replies("")[0]
    assert whole.text
    start = whole.text[: whole.text.index("40")]
    going_on = replies(start.rstrip())[0]
    assert start.rstrip() + (going_on.text or "") == whole.text
    assert (going_on.tokens_in or 0) > (whole.tokens_in or 0)


def test_another_beginning_ends_otherwise() -> None:
    right, wrong = replies("36+4=40. The answer is", "36+4=43. The answer is")
    assert (right.text or "").strip() == "40."
    assert right.text != wrong.text


def test_a_chat_template_of_the_user_s_is_used_and_is_part_of_who_answers() -> None:
    own, other = (LocalModel(backend="local", model=TEACHER).open(load_settings(), text) for text in (None, "{{ messages }}"))
    assert own.identity != other.identity
    plain, odd = replies("")[0], replies("", chat_template="{{ messages[0].content }}<|assistant|>")[0]
    assert odd.tokens_in == (plain.tokens_in or 0) - 2, "neither <|user|> nor <|end|>"


def test_a_closed_backend_holds_no_model() -> None:
    async def scene() -> tuple[str, int, weakref.ref[object]]:
        async with LocalModel(backend="local", model=TEACHER).open(load_settings(device="cpu")).start() as backend:
            assert isinstance(backend, LocalBackend)
            await backend.complete(Request(messages=(QUESTION,), sampling=GREEDY))
            return *backend.size, weakref.ref(backend._part("text").model)

    device, parameters, model = asyncio.run(scene())
    assert device == "cpu" and parameters > 100_000
    assert model() is None


def test_a_backend_that_cannot_go_on_refuses(tmp_path: Path) -> None:
    recipe = {
        "source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}],
        "teacher": {"backend": "openai", "model": "small-1"},
    }  # fmt: skip
    run = Run(parse_recipe(recipe, "run", "run"), load_settings(data=str(tmp_path), openai_base_url="http://127.0.0.1:9/v1"))
    begun = Prompt((QUESTION, Message(role="assistant", content="36+4=")), "x", "h")
    with pytest.raises(UserError, match="cannot go on with a reply that has begun, only `local` can"):
        asyncio.run(run.ask(begun, task=make_task()))
