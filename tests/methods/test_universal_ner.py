"""UniversalNER: a turn a type, each behind the turns before it, types that are not there, and a list put together again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.entities import as_objects, said_entities
from pipeline.errors import UserError
from pipeline.methods.universal_ner import UniversalNer
from pipeline.prompts import Prompt
from pipeline.records import Sample, Task
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = UniversalNer(method="universal_ner")
TEXT = "Tom meets Ann at the market."
RIGHT = [("Tom", "person"), ("Ann", "person"), ("market", "place")]
TYPES = ["person", "place", "animal", "food", "thing"]


def ner_task(prompt: str = TEXT, id: str = "t1", **extra: Any) -> Task:
    return make_task(id=id, kind="entities", prompt=prompt, answer=as_objects(RIGHT), extra=extra)


def lists(**said: str) -> Scripted:
    """A teacher that lists this where the prompt holds the word."""
    return Scripted(lambda content, sample: next((reply for word, reply in said.items() if word in content), "[]"))


def kind_of(sample: Sample) -> str:
    """The type a turn asks for."""
    return sample.messages[-1].content.partition("What describes ")[2].partition(" in the text?")[0]


def test_a_turn_a_type_each_behind_those_before_it() -> None:
    samples = distilled(METHOD, ner_task(types=TYPES), lists(Tom=as_objects(RIGHT)))
    kinds = [kind_of(sample) for sample in samples]
    assert {"person", "place"} <= set(kinds) <= set(TYPES) and len(set(kinds)) == len(kinds)
    said = {kind_of(sample): json.loads(sample.target) for sample in samples}
    assert said == {kind: [text for text, its in RIGHT if its == kind] for kind in kinds}
    for place, sample in enumerate(samples):
        system, *turns = sample.messages
        assert system.role == "system" and len(turns) == 2 * place + 1
        assert sum(TEXT in turn.content for turn in turns) == 1 and TEXT in turns[0].content
        for earlier, question, answer in zip(samples, turns[::2], turns[1::2], strict=False):
            assert question == earlier.messages[-1] and answer.content == earlier.target
    assert {sample.answer for sample in samples} == {as_objects(RIGHT)} and len({sample.id for sample in samples}) == len(kinds)


def test_the_evaluation_begins_with_a_turn_that_was_taught() -> None:
    for number in range(20):
        task = ner_task(id=f"t{number}", types=TYPES)
        samples = distilled(METHOD, task, lists(Tom=as_objects(RIGHT)))
        assert samples[0].messages == list(METHOD.student_prompt(task, ()).messages)


def test_as_many_absent_types_as_wanted() -> None:
    for wanted in (0, 1, 3):
        method = METHOD.model_copy(update={"negatives": wanted})
        samples = distilled(method, ner_task(types=TYPES), lists(Tom=as_objects(RIGHT)))
        first = METHOD.known_types(ner_task(types=TYPES))[0]
        assert sum(sample.target == "[]" for sample in samples) == min(3, wanted + (first not in ("person", "place")))


def test_absent_types_are_drawn_by_how_often_they_occur_elsewhere() -> None:
    """Of 100 texts with persons alone the ones whose absent type is the frequent one."""
    bank = [ner_task(f"A truck {n}.", id=f"b{n}") for n in range(9)] + [ner_task("A soup.", id="b9")]
    teacher = lists(
        truck='[{"entity": "truck", "type": "vehicle"}]', soup='[{"entity": "soup", "type": "food"}]', Tom='[["Tom", "person"]]'
    )
    method, drawn = METHOD.model_copy(update={"negatives": 1}), Counter[str]()
    for number in range(100):
        samples = distilled(method, ner_task(id=f"t{number}"), teacher, bank)
        assert len(samples) == 2
        drawn.update(kind_of(sample) for sample in samples)
    assert drawn["person"] == 100 and 80 <= drawn["vehicle"] <= 98, "nine in ten"


def test_only_what_stands_in_the_text() -> None:
    samples = distilled(METHOD, ner_task(types=TYPES), lists(Tom='[["Tom", "person"], ["Tomas", "person"], ["To", "person"]]'))
    assert {sample.answer for sample in samples} == {as_objects([("Tom", "person")])}


@pytest.mark.parametrize("reply", ["", "missing", "error", "Tom is a person.", '[{"entity": "Tom"'])
def test_what_is_no_list_makes_nothing(reply: str) -> None:
    assert distilled(METHOD, ner_task(types=TYPES), Scripted(lambda content, sample: reply)) == []


def test_a_task_for_one_type_is_one_turn() -> None:
    task = make_task(kind="entity_type", context=TEXT, prompt="What describes person in the text?", extra={"type": "person"})
    [sample] = distilled(METHOD, task, teacher := Scripted(lambda content, sample: '["Tom", "Ann"]'))
    assert sample.messages == list(METHOD.student_prompt(task, ()).messages) and sample.target == '["Tom", "Ann"]'
    assert teacher.asked == [f"Text: {TEXT}\n\nWhat describes person in the text?"]


def test_the_students_turns_are_put_together() -> None:
    task, prompts = ner_task(types=TYPES), list[Prompt]()
    student = Scripted(lambda content, sample: {"person": '["Ann", "Tom"]', "place": '["market"]', "food": "none?"}.get(
        content.partition("describes ")[2].partition(" in the")[0], "[]"
    ))  # fmt: skip

    async def put(prompt: Prompt) -> Any:
        prompts.append(prompt)
        return await student(prompt, task=task)

    reply = asyncio.run(METHOD.reply(task, METHOD.student_prompt(task, ()), (), put))
    assert set(said_entities(reply.text or "") or []) == set(RIGHT)
    assert len(prompts) == 5 and prompts[0] == METHOD.student_prompt(task, ())
    assert [len(prompt.messages) for prompt in prompts] == [2, 4, 6, 8, 10]
    assert [turn.content for turn in prompts[-1].messages if turn.role == "assistant"] != [], "it reads its own words"


def test_without_types_nobody_knows_what_to_ask_for() -> None:
    with pytest.raises(UserError, match="which types of entities"):
        METHOD.student_prompt(ner_task(), ())
    named = METHOD.model_copy(update={"types": ("person",)})
    assert "describes person" in named.student_prompt(ner_task(), ()).messages[-1].content


def test_what_is_owed_is_asked_again_and_nothing_else(tmp_path: Path) -> None:
    """The list of another text is needed for the types that are not there."""
    bank = [ner_task("A hen.", id="b1"), ner_task("A cup.", id="b2")]

    def change(right: dict[str, Any]) -> dict[str, Any]:
        right["choices"][0]["message"]["content"] = '[["Tom", "person"], ["hen", "animal"]]'
        return right

    says = Trouble(change=change, right=True)
    with ChatServer(Trouble(**{**OVERLOADED.__dict__, "where": "A cup"}), says) as server:
        assert harvested(tmp_path, server.url, ner_task(), bank=bank, method="universal_ner").samples == []
        server.troubles[:] = [says]
        before = server.hits
        samples = harvested(tmp_path, server.url, ner_task(), bank=bank, method="universal_ner").samples
        assert server.hits - before == 1 and {kind_of(sample) for sample in samples} == {"person", "animal"}
