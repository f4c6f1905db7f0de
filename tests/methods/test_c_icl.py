"""C-ICL: negatives that are frequent, wrong, near, and shown with their correction; what the student is asked is plain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.entities import as_objects, as_pairs
from pipeline.methods.c_icl import CIcl
from pipeline.records import Task
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = CIcl(method="c_icl", meanings={"animal": "a living animal", "food": "something to eat", "person": "a human being"})
QUERY = "Tom feeds the fish."
RIGHT = [("Tom", "person"), ("fish", "animal")]


def ner_task(id: str, prompt: str, *entities: tuple[str, str]) -> Task:
    return make_task(id=id, kind="entities", prompt=prompt, answer=as_objects(entities))


TASK = ner_task("q", QUERY, *RIGHT)
BANK = [
    ner_task("often", "Ann feeds the fish.", ("Ann", "person"), ("fish", "animal")),
    ner_task("once", "Ben feeds the hen.", ("Ben", "person"), ("hen", "animal")),
    ner_task("never", "Cora eats soup.", ("Cora", "person"), ("soup", "food")),
    TASK,
]
WRONG = as_pairs([("Ann", "person"), ("fish", "food")])


def asked_for(content: str) -> str:
    """The text that the last call of a prompt is about."""
    return json.loads(content.rpartition(">>> entities(")[2].partition(")\n")[0])


def says(content: str, sample: int) -> str:
    """Wrong of Ann's fish three times in five, of Ben's hen once, of nothing else."""
    text = asked_for(content)
    if text.startswith("Ann") and sample in (1, 2, 4):
        return WRONG
    if text.startswith("Ben") and sample == 0:
        return as_pairs([("hen", "food")])
    return as_pairs(next(entities_of(each) for each in BANK if each.prompt == text))


def entities_of(task: Task) -> list[tuple[str, str]]:
    return [(each["entity"], each["type"]) for each in json.loads(task.answer or "[]")]


def test_a_negative_is_frequent_wrong_and_shown_corrected() -> None:
    samples = distilled(METHOD, TASK, teacher := Scripted(says), BANK)
    final = teacher.asked[-1]
    assert asked_for(final) == QUERY and len(teacher.asked) == 3 * 5 + 1
    assert f'>>> entities("Ann feeds the fish.")\n{WRONG}  # WRONG\n{as_pairs(entities_of(BANK[0]))}  # right' in final
    assert final.count("# WRONG") == 1 and as_pairs([("hen", "food")]) not in final
    assert final.count("Ann feeds") == 1, "what is shown as a mistake is not shown as a right list, too"
    assert "Ben feeds the hen." in final and "Cora eats soup." in final
    assert samples and all("WRONG" not in message.content for sample in samples for message in sample.messages)


def test_no_demonstration_holds_the_text_or_its_list() -> None:
    distilled(METHOD, TASK, teacher := Scripted(says), BANK)
    for content in teacher.asked:
        assert content.count(json.dumps(asked_for(content))) == 1
    final = teacher.asked[-1]
    assert as_pairs(RIGHT) not in final and '"Tom"' not in final


def test_the_same_text_under_another_question_is_no_demonstration() -> None:
    task = TASK.model_copy(update={"context": QUERY, "prompt": "List the entities."})
    others = [each.model_copy(update={"context": each.prompt, "prompt": "List the entities."}) for each in BANK[:3]]
    again = task.model_copy(update={"id": "again", "prompt": "What is named here?", "context": QUERY.upper()})
    distilled(METHOD, task, teacher := Scripted(says), [*others, again])
    assert teacher.asked[-1].count(">>> entities(") == 4 and QUERY.upper() not in teacher.asked[-1]


def test_how_often_and_how_many() -> None:
    more = METHOD.model_copy(update={"frequent": 1})
    distilled(more, TASK, teacher := Scripted(says), BANK)
    assert teacher.asked[-1].count("# WRONG") == 2 and teacher.asked[-1].index("Ann") < teacher.asked[-1].index("Ben")
    for changed in ({"frequent": 4}, {"negatives": 0}):
        distilled(METHOD.model_copy(update=changed), TASK, teacher := Scripted(says), BANK)
        assert "# WRONG" not in teacher.asked[-1] and "# right" not in teacher.asked[-1]
    assert len(teacher.asked) == 1, "nobody is tried where no mistake is to be shown"
    distilled(METHOD.model_copy(update={"considered": 1, "positives": 1}), TASK, teacher := Scripted(says), BANK)
    assert len(teacher.asked) == 6 and teacher.asked[-1].count(">>>") == 3


def test_of_several_wrong_lists_the_most_frequent_is_shown() -> None:
    """The rarer one comes first; whatever its order, a list is the same list."""
    lists = [as_pairs([("Ann", "food")])] * 2 + [WRONG, as_pairs([("fish", "food"), ("Ann", "person")]), WRONG]

    def wavers(content: str, sample: int) -> str:
        return lists[sample] if asked_for(content).startswith("Ann") else says(content, sample)

    distilled(METHOD, TASK, teacher := Scripted(wavers), BANK)
    assert f"{WRONG}  # WRONG" in teacher.asked[-1] and teacher.asked[-1].count("# WRONG") == 1


def test_the_last_question_is_asked_at_its_own_temperature() -> None:
    distilled(METHOD, TASK, teacher := Scripted(says), BANK)
    assert teacher.samplings[-1] is not None and teacher.samplings[-1].temperature == 0.3
    assert set(teacher.samplings[:-1]) == {None}


def test_types_with_their_meanings_and_turns_for_all_of_them() -> None:
    samples = distilled(METHOD, TASK, teacher := Scripted(says), BANK)
    assert '"animal",  # a living animal' in teacher.asked[-1]
    said = {sample.messages[-1].content.partition("describes ")[2].split()[0]: sample.target for sample in samples}
    assert said == {"person": '["Tom"]', "animal": '["fish"]', "food": "[]"}
    assert samples[0].messages == list(METHOD.student_prompt(TASK, BANK).messages)
    assert {sample.answer for sample in samples} == {as_objects(RIGHT)}


def test_spans_that_are_not_in_the_text_are_left_out() -> None:
    def invents(content: str, sample: int) -> str:
        return as_pairs([("Tom", "person"), ("fishes", "animal")]) if asked_for(content) == QUERY else says(content, sample)

    samples = distilled(METHOD, TASK, Scripted(invents), BANK)
    assert {sample.answer for sample in samples} == {as_objects([("Tom", "person")])}


@pytest.mark.parametrize("lost", ["missing", "error", "no list"])
def test_without_a_list_there_is_no_sample(lost: str) -> None:
    assert distilled(METHOD, TASK, Scripted(lambda content, sample: lost), BANK) == []


def test_a_training_text_that_is_owed_is_asked_again_and_nothing_else(tmp_path: Path) -> None:
    def change(right: dict[str, Any]) -> dict[str, Any]:
        right["choices"][0]["message"]["content"] = '[("Tom", "person")]'
        return right

    answers = Trouble(change=change, right=True)
    fields = {**METHOD.model_dump(mode="json"), "tries": 2}
    ben = Trouble(**{**OVERLOADED.__dict__, "where": '>>> entities(\\"Ben feeds the hen.\\")\\n```'})
    with ChatServer(ben, answers) as server:
        first = harvested(tmp_path, server.url, TASK, bank=BANK, **fields)
        assert first.samples == [] and sum(each.finish == "owed" for each in first.responses) == 2
        server.troubles[:] = [answers]
        before = server.hits
        again = harvested(tmp_path, server.url, TASK, bank=BANK, **fields)
        assert server.hits - before == 3, "the two that were owed, and the question itself"
        assert len(again.samples) == 3 and again == harvested(tmp_path, server.url, TASK, bank=BANK, **fields)
