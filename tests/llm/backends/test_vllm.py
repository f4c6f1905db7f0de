"""The vLLM backend: what names a model, and where vLLM is installed, the mini teacher in engines that are asked and killed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.identity import content_hash
from pipeline.llm.backends import CallFailed
from pipeline.settings import load_settings
from tests.llm.asking import request
from tests.llm.backends.engines import PENS, TEACHER, Engine, adapter, die, engine, marked_by_anybody, model

INSTALLED = importlib.util.find_spec("vllm") is not None
STORY = " ".join(f"Mia has {number} pens and buys 5 more." for number in range(12))
"""A prompt of several blocks of the cache."""

shipped = pytest.mark.skipif(not (TEACHER / "model.safetensors").is_file(), reason="data/mini/teacher is not there")


@shipped
def test_a_model_is_its_files_its_numbers_and_its_adapter(tmp_path: Path) -> None:
    shutil.copytree(TEACHER, tmp_path / "copy")
    first = model().open(load_settings())
    settings = load_settings(tensor_parallel=2, data_parallel=2, gpu_memory=0.5, context=512, concurrency=7, data=tmp_path)
    assert model(tmp_path / "copy").open(settings).identity == first.identity
    one, other = adapter(tmp_path / "one"), adapter(tmp_path / "other", seed=1)
    shutil.copytree(one, tmp_path / "same")
    others: list[dict[str, Any]] = [{"dtype": "float16"}, {"quantization": "fp8"}, {"adapter": one}, {"adapter": other}]
    names = [content_hash(model(**fields).open(load_settings()).identity) for fields in others]
    assert len({content_hash(first.identity), *names}) == 5
    assert content_hash(model(adapter=tmp_path / "same").open(load_settings()).identity) == names[2]


@shipped
def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"teacher\.adapter: .* has no adapter_config.json"):
        model(adapter=tmp_path).open(load_settings())


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
@shipped
def test_without_vllm_it_says_what_to_install() -> None:
    with pytest.raises(UserError, match="vllm is not installed") as error:
        asyncio.run(model().open(load_settings()).start().__aenter__())
    assert error.value.remedy == "pip install -e '.[vllm]'"


needs_vllm = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed")]


@pytest.fixture(scope="module")
def teacher() -> Iterator[Engine]:
    with engine() as started:
        yield started


class TestAnEngine:
    """One engine that is asked many things."""

    pytestmark = needs_vllm

    def test_samples_share_one_prefill_and_differ(self, teacher: Engine) -> None:
        replies = teacher.ask(*(request(STORY, sample=number, temperature=0.9, max_tokens=12) for number in range(4)))
        first, *others = [reply.tokens_cached for reply in replies]
        tokens_in = replies[0].tokens_in or 0
        assert first == 0 and all(tokens_in - 32 <= (each or 0) < tokens_in for each in others)
        assert {reply.tokens_in for reply in replies} == {tokens_in}
        assert len({reply.text for reply in replies}) > 1

    def test_a_seed_and_a_sample_number_make_the_reply(self, teacher: Engine) -> None:
        asked = [request(PENS, sample=number, temperature=1.0, seed=5, max_tokens=24) for number in (0, 1, 2, 3)]
        texts = [reply.text for reply in teacher.ask(*asked)]
        assert [reply.text for reply in teacher.ask(*reversed(asked))] == texts[::-1]
        assert len(set(texts)) > 1
        shifted = request(PENS, sample=1, temperature=1.0, seed=6, max_tokens=24)  # the seeds run on from sample to sample
        assert teacher.ask(shifted)[0].text == texts[2]

    def test_ends_are_told_apart(self, teacher: Engine) -> None:
        whole, cut, stopped = teacher.ask(
            request(PENS, temperature=0.0, max_tokens=60),
            request(PENS, temperature=0.0, max_tokens=3),
            request(PENS, temperature=0.0, max_tokens=60, stop=(" The",)),
        )
        assert (whole.finish, cut.finish, stopped.finish) == ("stop", "length", "stop")
        assert whole.text and cut.tokens_out == 3 and whole.text.startswith(cut.text or "?")
        assert stopped.text == whole.text.partition(" The")[0]

    def test_log_probabilities_are_recorded(self, teacher: Engine) -> None:
        (reply,) = teacher.ask(request(PENS, temperature=0.0, max_tokens=4, top_logprobs=3))
        assert reply.logprobs and "".join(each["token"] for each in reply.logprobs) == reply.text
        for each in reply.logprobs:
            assert [other["logprob"] for other in each["top"]] == sorted(
                (other["logprob"] for other in each["top"]), reverse=True
            )
            assert len(each["top"]) == 3 and each["top"][0]["token"] == each["token"]

    def test_a_reply_can_be_held_to_a_schema(self, teacher: Engine) -> None:
        held = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"enum": ["eight", "nine"]}}}
        asked = request(PENS, temperature=1.0, max_tokens=20).model_copy(update={"response_format": held})
        replies = teacher.ask(*(asked.model_copy(update={"sample": number}) for number in range(8)))
        assert {json.loads(reply.text or "") for reply in replies} <= {"eight", "nine"}
        (reply,) = teacher.ask(asked.model_copy(update={"response_format": {"type": "json_object"}}))
        assert (reply.text or "").startswith("{")
        with pytest.raises(UserError, match="response_format"):
            teacher.ask(asked.model_copy(update={"response_format": {"type": "xml"}}))

    def test_fields_of_vllms_own_are_sent(self, teacher: Engine) -> None:
        (reply,) = teacher.ask(request(PENS, max_tokens=9, extra_body={"structured_outputs": {"regex": "[0-9]{3}"}}))
        assert (reply.text or "").isdigit() and len(reply.text or "") == 3

    @pytest.mark.parametrize(
        ("field", "sampling"),
        [
            ("sampling.extra_body.reasoning_effort", {"extra_body": {"reasoning_effort": "high"}}),
            ("sampling.extra_body.n", {"extra_body": {"n": 2}}),
            ("sampling.logprobs", {"top_logprobs": 50}),
            ("sampling: temperature", {"temperature": 3.0}),
        ],
    )
    def test_what_vllm_does_not_have_is_refused_by_name(self, teacher: Engine, field: str, sampling: dict[str, Any]) -> None:
        with pytest.raises(UserError) as error:
            teacher.ask(request(PENS, **sampling))
        assert error.value.what.startswith(field)

    def test_a_prompt_longer_than_the_model_is_an_outcome(self, teacher: Engine) -> None:
        (reply,) = teacher.ask(request("word " * 5000, max_tokens=4))
        assert reply.finish == "error" and reply.text is None
        assert "fills the context of 2048" in (reply.error or "")

    def test_a_call_that_is_given_up_is_ended_in_the_engine(self, teacher: Engine) -> None:
        async def scene() -> float:
            endless = request(PENS, max_tokens=1900, extra_body={"ignore_eos": True})
            calls = [asyncio.create_task(teacher.backend.complete(endless)) for _ in range(8)]
            await asyncio.sleep(0.5)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            started = time.monotonic()
            await teacher.backend.complete(request(PENS, temperature=0.0, max_tokens=2))
            assert teacher.unfinished == 0
            return time.monotonic() - started

        assert teacher.run(scene()) < 5


class TestOtherEngines:
    """What needs an engine of its own."""

    pytestmark = needs_vllm

    def test_requests_of_one_moment_are_handed_over_in_the_order_of_their_prompts(self) -> None:
        """With one place in the engine they land as they were handed over; what its user's context cuts off is owed."""
        with engine(settings={"concurrency": 1, "context": 96}) as teacher:
            words = ["dog bird", "cat", "dog", "ant", "cat fish", "dog"]
            asked = [request(f"The {each}", sample=number, max_tokens=2) for number, each in enumerate(words)]
            teacher.ask(*asked)
            assert [(each.messages[0].content, each.sample) for each in teacher.landed] == [
                ("The ant", 3), ("The cat", 1), ("The cat fish", 4), ("The dog", 2), ("The dog", 5), ("The dog bird", 0),
            ]  # fmt: skip
            for text, sampling in ((STORY, {}), (PENS, {"extra_body": {"ignore_eos": True}})):
                with pytest.raises(CallFailed, match="DISTILL_CONTEXT") as error:
                    teacher.ask(request(text, max_tokens=500, **sampling))
                assert not error.value.again

    def test_adapters_speak_and_thoughts_that_are_special_tokens_survive(self, teacher: Engine, tmp_path: Path) -> None:
        shutil.copytree(TEACHER, tmp_path / "thinker")
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            path = tmp_path / "thinker" / name
            path.write_text(path.read_text().replace("<|system|>", "<think>"))
        vocabulary = json.loads((tmp_path / "thinker/tokenizer.json").read_text())
        (think,) = [each["id"] for each in vocabulary["added_tokens"] if each["content"] == "<think>"]
        plain = request(PENS, temperature=0.0, max_tokens=24)
        text = teacher.ask(plain)[0].text
        with engine(tmp_path / "thinker", adapter=adapter(tmp_path / "adapter")) as bent:
            assert bent.ask(plain)[0].text != text
            (reply,) = bent.ask(request(PENS, max_tokens=2, extra_body={"allowed_token_ids": [think]}))
            assert reply.text == "<think><think>"

    def test_an_adapter_of_another_model_is_refused_and_nothing_is_left(self, tmp_path: Path) -> None:
        folder = adapter(tmp_path / "adapter")
        (folder / "adapter_model.safetensors").write_bytes(b"no tensors at all")
        before = marked_by_anybody()
        with pytest.raises(UserError, match=r"teacher\.adapter"), engine(adapter=folder):
            pass
        assert marked_by_anybody() <= before

    def test_what_it_cannot_load_is_said_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="quantization") as error, engine(quantization="no-such-method"):
            pass
        assert "\n" not in error.value.what
        with pytest.raises(UserError, match="max_model_len"), engine(settings={"context": 1_000_000}):
            pass

    def test_a_dead_engine_costs_what_was_in_flight_and_the_third_in_a_row_ends_the_run(self) -> None:
        with engine() as teacher:
            teacher.run(die(teacher, "EngineCore"))
            assert teacher.ask(request(PENS, temperature=0.0, max_tokens=4))[0].text  # by another engine
            for _ in range(3):
                teacher.run(die(teacher, "Worker"))
            with pytest.raises(UserError, match="died 3 times in a row"):
                teacher.ask(request(PENS, max_tokens=4))
            assert teacher.processes == []
