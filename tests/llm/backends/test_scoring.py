"""Numbers of texts that are there: as torch has them for each text alone, in any company, and only from who can compute."""

from __future__ import annotations

import asyncio
import random
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.request import EMBEDDED, REWARDED, SCORED, Reply, Request, Sampling
from pipeline.recipe import parse_recipe
from pipeline.records import Message, Response
from pipeline.run import Run
from pipeline.settings import load_settings
from tests.llm.asking import request
from tests.llm.scored import STUDENT, by_hand, numbers_of, reward_model, shipped, student_with
from tests.rows import make_task
from tests.servers import ChatServer

pytestmark = shipped
QUESTION, ANSWER = "Mia has 4 pens and buys 7 more. How many pens does she have?", "4+7=11. The answer is 11."
TEXTS = [ANSWER, "", "4", "The answer is 11." * 20, "\x00\u202eأهلا 🙂" * 5, "x" * 90]


def replies(folder: Path, *requests: Request, dtype: Any = "float64") -> list[Reply]:
    """What a local model says, all asked at once."""

    async def scene() -> list[Reply]:
        model = LocalModel(backend="local", model=str(folder), dtype=dtype).open(load_settings())
        async with model.start() as backend:
            return await asyncio.gather(*(backend.complete(each) for each in requests))

    return asyncio.run(scene())


def values(reply: Reply) -> list[float]:
    assert reply.logprobs is not None and reply.text == ""
    return [each["logprob"] for each in reply.logprobs]


def test_log_probabilities_are_those_of_the_text_alone() -> None:
    given, alone, empty = replies(
        STUDENT, numbers_of(SCORED, QUESTION, ANSWER), numbers_of(SCORED, ANSWER), numbers_of(SCORED, QUESTION, "")
    )
    expected = by_hand(STUDENT, f"<|user|>{QUESTION}<|end|><|assistant|>", ANSWER)
    assert values(given) == pytest.approx(expected, abs=1e-6)
    assert values(alone) == pytest.approx(by_hand(STUDENT, "", ANSWER), abs=1e-6)
    assert len(values(alone)) == len(expected) - 1, "nothing is before the first token"
    assert "".join(each["token"] for each in given.logprobs or ()) == ANSWER
    assert values(empty) == [] and empty.finish == "stop"
    assert (given.tokens_out, given.cost) == (0, 0.0) and (given.tokens_in or 0) > len(expected)


def test_what_begins_every_text_is_the_first_condition(tmp_path: Path) -> None:
    (alone,) = replies(student_with(tmp_path / "s", bos_token="<|system|>"), numbers_of(SCORED, ANSWER))
    assert values(alone) == pytest.approx(by_hand(STUDENT, "<|system|>", ANSWER), abs=1e-6)


def test_a_model_without_a_chat_template_reads_the_messages_as_they_are(tmp_path: Path) -> None:
    plain = student_with(tmp_path / "s", chat_template=False)
    (given,) = replies(plain, numbers_of(SCORED, QUESTION, ANSWER))
    assert values(given) == pytest.approx(by_hand(STUDENT, f"{QUESTION}\n\n", ANSWER), abs=1e-6)
    with pytest.raises(UserError, match="no chat template"):
        replies(plain, request(QUESTION))


def company() -> list[Request]:
    """Requests of every length and of both sorts, in no order."""
    asked = [numbers_of(SCORED, *turns, each) for each in TEXTS for turns in ((QUESTION,), (QUESTION * 5,), ())]
    random.Random(0).shuffle(asked)
    return asked


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 0.0), ("float32", 1e-4)])
def test_nothing_depends_on_the_company(dtype: str, tolerance: float) -> None:
    asked = company()
    together = replies(STUDENT, *asked, dtype=dtype)
    for each, shared in zip(asked[::4], together[::4], strict=True):
        (single,) = replies(STUDENT, each, dtype=dtype)
        assert values(shared) == pytest.approx(values(single), abs=tolerance)
        assert single.model_copy(update={"seconds": 0, "logprobs": None}) == shared.model_copy(
            update={"seconds": 0, "logprobs": None}
        )


def test_few_tokens_at_once_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.llm.backends import scoring

    together = replies(STUDENT, *company())
    monkeypatch.setattr(scoring, "LOGITS_AT_ONCE", 50 * 896)
    assert [values(each) for each in replies(STUDENT, *company())] == [values(each) for each in together]


@pytest.mark.parametrize("response_format", [SCORED, EMBEDDED], ids=["scored", "embedded"])
def test_what_does_not_fit_the_context_is_refused_alone(response_format: dict[str, Any]) -> None:
    long, short = replies(
        STUDENT, numbers_of(response_format, QUESTION, "x " * 5000), numbers_of(response_format, QUESTION, ANSWER)
    )
    assert long.finish == "error" and "context of 2048" in (long.error or "") and long.text is None
    assert short.finish == "stop"


def test_replies_and_numbers_may_be_asked_for_at_once() -> None:
    said, scored, embedded = replies(
        STUDENT,
        request(QUESTION, temperature=0.0, max_tokens=8),
        numbers_of(SCORED, QUESTION, ANSWER),
        numbers_of(EMBEDDED, QUESTION),
    )
    assert said.text and said.logprobs is None and scored.logprobs and embedded.text


def vectors(found: Sequence[Reply]) -> list[np.ndarray]:
    return [np.frombuffer(b64decode(each.text or ""), "<f4") for each in found]


def test_an_embedding_is_the_mean_of_the_last_layer() -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    asked = [numbers_of(EMBEDDED, each) for each in (ANSWER, QUESTION * 7, "4")]
    together = vectors(replies(STUDENT, *asked))
    ids = AutoTokenizer.from_pretrained(STUDENT)(ANSWER, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        states = AutoModel.from_pretrained(STUDENT, dtype=torch.float64).eval()(ids).last_hidden_state[0]
    assert together[0] == pytest.approx(states.mean(0).numpy(), abs=1e-6)
    assert vectors(replies(STUDENT, asked[0]))[0] == pytest.approx(together[0], abs=1e-6)
    (empty,) = replies(STUDENT, numbers_of(EMBEDDED, ""))
    assert (empty.finish, empty.error) == ("error", "there is no text to embed")


def test_a_reward_is_the_model_s_number(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = reward_model(tmp_path)
    asked = [numbers_of(REWARDED, QUESTION, each) for each in TEXTS]
    together = [float(each.text or "nan") for each in replies(folder, *asked)]
    assert together == [float(each.text or "nan") for one in asked for each in replies(folder, one)]
    text = f"<|user|>{QUESTION}<|end|><|assistant|>{ANSWER}<|end|>"
    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float64).eval()
        assert together[0] == pytest.approx(float(model(ids).logits[0, 0]), abs=1e-6)
    assert len(set(together)) == len(TEXTS)


def test_a_model_that_is_no_reward_model_is_refused(tmp_path: Path) -> None:
    asked = numbers_of(REWARDED, QUESTION, ANSWER)
    with pytest.raises(UserError, match=r"no reward model, its weights lack score\.weight"):
        replies(STUDENT, asked)
    with pytest.raises(UserError, match="it has 3 labels"):
        replies(reward_model(tmp_path, labels=3), asked)


def through_the_door(folder: Path, teacher: dict[str, Any], sampling: Sampling | None = None, url: str = "") -> Response:
    """A scored text as a filter asks for it."""
    from pipeline.filters.scoring import texts

    parts = {"source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}], "teacher": teacher}
    messages = (Message(role="user", content=QUESTION), Message(role="assistant", content=ANSWER))

    async def scene() -> Response:
        run = Run(parse_recipe(parts, "run", "run"), load_settings(data=str(folder), openai_base_url=url or None))
        async with run.door:
            return await run.ask(texts("ifd", *messages), task=make_task(), sampling=sampling, response_format=SCORED)

    return asyncio.run(scene())


def test_how_a_model_samples_does_not_change_what_is_remembered(tmp_path: Path) -> None:
    teacher = {"backend": "local", "model": str(STUDENT), "dtype": "float64"}
    first = through_the_door(tmp_path, teacher)
    hotter = through_the_door(tmp_path, teacher | {"sampling": {"temperature": 0.1, "max_tokens": 3}}, Sampling(top_p=0.5))
    assert first.key == hotter.key and first.logprobs == hotter.logprobs and first.seconds == hotter.seconds
    assert [each.role for each in first.messages] == ["user", "assistant"], "nothing is put into words"
    other = through_the_door(tmp_path, teacher, Sampling(chat_template_kwargs={"enable_thinking": False}))
    assert other.key != first.key


@pytest.mark.parametrize("backend", ["openai", "batch"])
def test_an_endpoint_is_not_asked_for_numbers(tmp_path: Path, backend: str) -> None:
    with ChatServer() as server:
        with pytest.raises(UserError, match=r"cannot compute token logprobs(?s:.*)backend: local"):
            through_the_door(tmp_path, {"backend": backend, "model": "small-1"}, url=server.url)
        assert server.hits == 0
