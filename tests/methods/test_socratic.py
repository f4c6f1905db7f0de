"""Socratic chain of thought: a decomposer's and the solver's examples, each with exactly the steps before it, and its reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.methods.quota import Quota
from pipeline.methods.socratic import Socratic
from pipeline.records import Sample
from tests.methods.by_template import Scripted, always, contents, in_turn, made, replied, views
from tests.methods.served import corpus, generated, open_run, says
from tests.rows import make_response, make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = Socratic(method="socratic")
TASK = make_task(prompt="Ann has 12 eggs, buys 5 and sells 4. How many now?", answer="13")
SPLIT = "Q: How many after buying?\nA: 12+5=17.\nQ: How many after selling?\nA: 17-4=13. The answer is 13."


def of(reply: str, method: Socratic = METHOD) -> list[Sample]:
    return made(method, TASK, Scripted({"socratic/teacher": always(reply)}))


def test_one_example_for_the_decomposer_and_one_for_each_step_of_the_solver() -> None:
    samples = of(SPLIT)
    assert views(samples) == ["decomposer", "solver", "solver"]
    assert [sample.target for sample in samples] == [
        "How many after buying?\nHow many after selling?", "12+5=17.", "17-4=13. The answer is 13.",
    ]  # fmt: skip
    assert len({sample.id for sample in samples}) == 3 and len({tuple(sample.response_keys) for sample in samples}) == 1
    assert samples[0].messages == list(METHOD.student_prompt(TASK, ()).messages)
    assert not any(sample.hinted for sample in samples)


def test_the_solver_reads_exactly_the_earlier_steps() -> None:
    _, first, second = contents(of(SPLIT))
    assert first == f"{TASK.prompt}\nQ: How many after buying?\nA:"
    assert second == f"{TASK.prompt}\nQ: How many after buying?\nA: 12+5=17.\nQ: How many after selling?\nA:"
    assert "13" not in second


def test_a_later_step_reads_all_that_are_before_it() -> None:
    steps = [f"Q: How many after {n}?\nA: {n}+1={n + 1}." for n in range(1, 5)]
    samples = of("\n".join(steps) + " The answer is 5.")
    for step, content in enumerate(contents(samples)[1:]):
        question = steps[step].partition("\n")[0]
        assert content == "\n".join([TASK.prompt, *steps[:step], question, "A:"])


def test_every_part_is_judged_by_the_answer_of_the_whole() -> None:
    assert [sample.answer for sample in of(SPLIT)] == ["13"] * 3
    assert [sample.answer for sample in of(SPLIT.replace("13", "14").replace("17-4=14", "18-4=14"))] == ["14"] * 3


@pytest.mark.parametrize(
    "reply",
    [
        "12+5=17. The answer is 17.",
        SPLIT.replace(" The answer is 13.", ""),
        SPLIT.replace("12+5=17.", "12+5=17. The answer is 17."),
        SPLIT.replace("Q: How many after selling?\n", ""),
        SPLIT.replace("12+5=17", "12+5=27"),
    ],
    ids=["no pairs", "nothing stated", "stated too early", "two answers in turn", "a calculation is off"],
)
def test_what_is_no_sound_decomposition_makes_nothing(reply: str) -> None:
    assert of(reply) == []


def test_a_wrong_calculation_is_left_to_the_answer_where_the_recipe_says_so() -> None:
    assert len(of(SPLIT.replace("12+5=17", "12+5=27"), METHOD.model_copy(update={"arithmetic": False}))) == 3


def test_a_reply_counts_once_and_only_if_all_of_it_passes() -> None:
    method = METHOD.model_copy(update={"samples": Quota(accept=1, at_most=4)})
    teacher = Scripted({"socratic/teacher": in_turn("none", SPLIT, SPLIT, SPLIT)})
    made(method, TASK, teacher, passing=lambda sample: True)
    assert teacher.asked == [("socratic/teacher", 0), ("socratic/teacher", 1)]
    strict = Scripted({"socratic/teacher": always(SPLIT)})
    made(method, TASK, strict, passing=lambda sample: sample.view == "solver")
    assert len(strict.asked) == 4


def test_a_call_that_is_owed_makes_nothing() -> None:
    assert made(METHOD, TASK, Scripted({"socratic/teacher": always(None)})) == []


def student(*answers: str | None, questions: str = "How many after buying?\nHow many after selling?") -> Scripted:
    """Asks these questions, and answers them in turn."""
    left = iter(answers)
    return Scripted({"socratic/decomposer": always(questions), "socratic/solver": lambda prompt, sample: next(left)})


def test_a_student_asks_itself_and_answers_in_turn() -> None:
    asking = student("12+5=17.", "17-4=13. The answer is 13.")
    assert replied(METHOD, TASK, asking).text == SPLIT
    assert [prompt.messages[-1].content for prompt in asking.prompts[1:]] == contents(of(SPLIT))[1:]


def test_a_student_reads_all_its_steps_before_the_next() -> None:
    asking = student("1+1=2.", "2+1=3.", "3+1=4. The answer is 4.", questions="After one?\nAfter two?\nAfter three?")
    replied(METHOD, TASK, asking)
    last = asking.prompts[-1].messages[-1].content
    assert last == f"{TASK.prompt}\nQ: After one?\nA: 1+1=2.\nQ: After two?\nA: 2+1=3.\nQ: After three?\nA:"


def test_it_stops_at_the_final_answer_and_at_the_most_questions() -> None:
    early = replied(METHOD, TASK, student("So 17. The answer is 17.", "never asked"))
    assert (early.text or "").endswith("The answer is 17.") and "selling" not in (early.text or "")
    asking = student("17", "13", "12", questions="one?\ntwo?\nthree?")
    text = replied(METHOD.model_copy(update={"most_questions": 2}), TASK, asking).text
    assert text == "Q: one?\nA: 17\nQ: two?\nA: 13" and len(asking.asked) == 3


def test_a_student_that_answers_at_once_is_taken_at_its_word() -> None:
    for words in ("13", "12+5=17. 17-4=13. The answer is 13."):
        asking = student(questions=words)
        assert replied(METHOD, TASK, asking).text == words and len(asking.asked) == 1


def test_a_turn_that_could_not_be_had_leaves_nothing_to_grade() -> None:
    assert replied(METHOD, TASK, student("12+5=17.", None)).finish == "owed"


def test_all_turns_are_counted() -> None:
    def said(text: str, finish: str = "stop") -> object:
        return make_response(text, tokens_in=10, tokens_out=3, seconds=0.5, finish=finish)

    script = {"socratic/decomposer": always(said("one?\ntwo?")), "socratic/solver": always(said("17", "length"))}  # type: ignore[arg-type]
    reply = replied(METHOD, TASK, Scripted(script))
    assert (reply.tokens_in, reply.tokens_out, reply.seconds, reply.cost, reply.finish) == (30, 9, 1.5, None, "length")
    assert reply.key != make_response("").key


SOUND = says("Split the problem", lambda n: f"Q: What is it?\nA: It is {n}.\nQ: And in all?\nA: As before. The answer is {n}.")
WRONG = says("Split the problem", lambda n: f"Q: What is it?\nA: It is {n + 1}. The answer is {n + 1}.")


def test_a_run_keeps_all_parts_of_right_decompositions_and_asks_nothing_twice(tmp_path: Path) -> None:
    with ChatServer(Trouble(where="14 + 3", change=WRONG.change, right=True), SOUND) as server:
        run = open_run(tmp_path / "work", server.url, {"method": "socratic"})
        samples = generated(run)
        assert [views(samples[at : at + 3]) for at in (0, 3)] == [["decomposer", "solver", "solver"]] * 2
        kept = corpus(run)
        assert len(samples) == 3 * 3 + 2 and len(kept) == 9, "the two parts of the wrong one are dropped"
        assert generated(open_run(tmp_path / "work", server.url, {"method": "socratic"})) == samples
        assert server.hits == 4


def test_what_was_owed_is_asked_again_alone(tmp_path: Path) -> None:
    slow = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="14 + 3")
    with ChatServer(slow, SOUND) as server:
        run = open_run(tmp_path / "work", server.url, {"method": "socratic"})
        assert len(generated(run)) == 9
        server.troubles.remove(slow)
        before = server.hits
        assert len(generated(open_run(tmp_path / "work", server.url, {"method": "socratic"}))) == 12
        assert server.hits == before + 1
