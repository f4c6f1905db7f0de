"""The local backend: every sampling field does what it says or is refused, and a narrowed choice of one token is greedy."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.llm.backends.local import UNSUPPORTED, LocalModel
from pipeline.llm.request import Reply, Sampling
from pipeline.settings import REPOSITORY, load_settings
from tests.llm.asking import request

TEACHER = REPOSITORY / "data/mini/teacher"
QUESTION = "Mia has 4 pens and buys 7 more. How many pens does she have?"


def answers(*samplings: Sampling) -> list[Reply]:
    """Replies to one question by several ways of sampling, in one batch."""

    async def scene() -> list[Reply]:
        model = LocalModel(backend="local", model=str(TEACHER), dtype="float64").open(load_settings())
        async with model.start() as backend:
            asked = [request(QUESTION).model_copy(update={"sampling": each}) for each in samplings]
            return await asyncio.gather(*(backend.complete(each) for each in asked))

    return asyncio.run(scene())


def test_a_choice_of_one_token_is_greedy() -> None:
    narrow: list[dict[str, Any]] = [{"temperature": 0.0}, {"top_k": 1}, {"min_p": 1.0}, {"top_p": 1e-6}]
    ways = [Sampling(**{"temperature": 3.0, "max_tokens": 24, **each}) for each in narrow]
    greedy, *others = (reply.text for reply in answers(*ways, Sampling(temperature=3.0, max_tokens=24)))
    assert others[:3] == [greedy] * 3
    assert others[3] != greedy


def test_log_probabilities_are_told_where_they_are_asked_for() -> None:
    plain, own, three, hot = answers(
        Sampling(temperature=0.0, max_tokens=24),
        Sampling(temperature=0.0, max_tokens=24, top_logprobs=0),
        Sampling(temperature=0.0, max_tokens=24, top_logprobs=3),
        Sampling(temperature=9.0, max_tokens=5, top_logprobs=2),
    )
    assert plain.logprobs is None and plain.text == own.text == three.text
    assert own.logprobs and three.logprobs and hot.logprobs
    assert "".join(each["token"] for each in three.logprobs) == three.text
    for each in three.logprobs:
        assert each["top"][0] == {"token": each["token"], "logprob": each["logprob"]}, "greedy takes the likeliest"
        assert len(each["top"]) == 3 and sum(math.exp(one["logprob"]) for one in each["top"]) <= 1.0 + 1e-9
    assert [each["logprob"] for each in own.logprobs] == pytest.approx([each["logprob"] for each in three.logprobs], abs=1e-9)
    assert all(each["top"] == [] for each in own.logprobs)
    assert any(each["logprob"] < each["top"][0]["logprob"] for each in hot.logprobs), "the model's own, before temperature"


def test_a_prompt_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    folder = shutil.copytree(TEACHER, tmp_path / "teacher")
    strict = "{% if messages[0].content == 'No' %}{{ raise_exception('not so') }}{% endif %}{{ messages[0].content }}"
    for file in folder.glob("*.jinja"):
        file.unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": strict}))

    async def scene() -> list[Reply]:
        model = LocalModel(backend="local", model=str(folder)).open(load_settings())
        async with model.start() as backend:
            asked = [request(text) for text in (QUESTION, "No", "half a pair: \ud800")]
            return await asyncio.gather(*(backend.complete(each) for each in asked))

    right, refused, half = asyncio.run(scene())
    assert refused.finish == "error" and "not so" in (refused.error or "")
    assert {right.finish, half.finish} <= {"stop", "length"}


@pytest.mark.parametrize("field", UNSUPPORTED)
def test_a_field_it_does_not_know_is_refused(field: str) -> None:
    value = {"extra_body": {"seed": 1}}.get(field, 1.1)
    with pytest.raises(UserError, match=f"sampling.{field}"):
        answers(Sampling(**{field: value}))


def test_every_field_is_known_or_refused() -> None:
    known = {"temperature", "top_p", "top_k", "min_p", "max_tokens", "stop", "seed", "chat_template_kwargs", "top_logprobs"}
    assert known | set(UNSUPPORTED) == set(Sampling.model_fields)
