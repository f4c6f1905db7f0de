"""The harness: who is asked what, how often, and what becomes of the replies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.errors import BudgetReached, UserError
from pipeline.identity import model_hash
from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Grade, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.contestants import contestants, greedy
from pipeline.stages.eval_harness import Examinee
from pipeline.stages.evaluate import check_items, evaluate
from pipeline.tables import read_frame, read_rows
from tests.rows import make_task
from tests.servers import OVERLOADED, ChatServer
from tests.stages.contests import MINI, example, make_run, pretend_trained, story
from tests.trouble import TOO_LONG

PLACE = ["model", "seed", "mode", "sample", "benchmark", "task_id"]


def evaluated(run: Run) -> pl.DataFrame:
    """What a run that has only just been opened comes to."""
    fresh = Run(run.recipe, run.settings)
    asyncio.run(evaluate(fresh))
    run._door = fresh.door
    return read_frame(run.folder, "6_evaluation")


def sum_task(number: int, **fields: Any) -> Task:
    """What the server of the tests can do: 30 + number."""
    prompt = f"How much is 30 + {number}?"
    return make_task(**{"id": f"{number:016x}", "source": "mini", "split": "test", "kind": "word_problem", "prompt": prompt,
                        "answer": str(30 + number)} | fields)  # fmt: skip


SERVED = {"teacher": {"backend": "openai", "model": "small-1", "sampling": {"temperature": 0.7, "max_tokens": 60}}}


@pytest.mark.parametrize(("sampling", "temperature"), [({}, None), ({"temperature": 0.7}, 0), ({"top_p": 0.9}, None)])
def test_a_teacher_that_may_know_no_temperature_is_sent_none(
    tmp_path: Path, sampling: dict[str, float], temperature: float | None
) -> None:
    recipe = {
        "source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}],
        "teacher": {"backend": "openai", "model": "gpt-5-mini", "sampling": sampling},
    }  # fmt: skip
    run = Run(parse_recipe(recipe, "run", "run"), load_settings(data=str(tmp_path)))
    assert greedy(run, "teacher").temperature == temperature
    assert greedy(run, "distilled").temperature == 0


@pytest.mark.parametrize(("own", "longest"), [(None, 512), (60, 512), (4096, 4096)])
def test_a_teacher_may_write_as_much_as_for_the_corpus(tmp_path: Path, own: int | None, longest: int) -> None:
    recipe = {
        "source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}],
        "teacher": {"backend": "openai", "model": "o", "sampling": {"max_tokens": own} if own else {}},
    }  # fmt: skip
    run = Run(parse_recipe(recipe, "run", "run"), load_settings(data=str(tmp_path)))
    assert (greedy(run, "teacher").max_tokens, greedy(run, "distilled").max_tokens) == (longest, 512)


def test_two_evaluations_are_the_same_and_the_second_asks_nobody(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1)], evaluation={"by": "steps"})
    pretend_trained(run)
    first = evaluated(run)
    assert run.door.tally.asked == 3 * 2
    assert first.select(PLACE[:4]).unique(maintain_order=True).rows() == [
        ("base", 0, "greedy", 0), ("distilled", 0, "greedy", 0), ("teacher", 0, "greedy", 0),
    ]  # fmt: skip
    assert_frame_equal(evaluated(run), first)
    assert run.door.tally.asked == 0
    assert first["level"].to_list() == ["1"] * 6
    assert first.filter(pl.col("model") == "teacher")["correct"].to_list() == [True, True]
    assert first["cost"].to_list() == [0.0] * 6 and (first["tokens_out"] > 0).all() and (first["seconds"] > 0).all()


def test_what_the_harness_said_of_the_same_weights_stays(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"teacher": False})
    pretend_trained(run)
    own = evaluated(run)
    base = Examinee("base", "base", 0, "", model_hash(MINI / "student"), True)
    said = next(read_rows(run.folder, "6_evaluation", Grade)).model_copy(update={"benchmark": "harness:t"})
    there = [said.model_copy(update={"key": name + "0" * 32, "task_id": name}) for name in (base.weights, "f" * 32)]
    write_table(run.folder, "6_evaluation", [*there, *read_rows(run.folder, "6_evaluation", Grade)])
    again = evaluated(run)
    assert_frame_equal(again.filter(pl.col("benchmark") != "harness:t"), own)
    assert again.filter(pl.col("benchmark") == "harness:t")["task_id"].to_list() == [base.weights]


def test_the_items_stand_beside_the_grades(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1)])
    pretend_trained(run)
    grades, items = evaluated(run), read_frame(run.folder, "6_items")
    assert items["id"].to_list() == [story(0).id, story(1).id]
    assert grades.join(items, left_on=["benchmark", "task_id"], right_on=["benchmark", "id"], how="anti").is_empty()
    speeds = read_frame(run.folder, "6_speed")
    assert speeds["model"].to_list() == ["base", "distilled", "teacher"]
    assert (speeds["latency"] > 0).all() and (speeds["tokens_per_second"] > 0).all()
    assert speeds["parameters"].to_list()[1:] == [speeds["parameters"][2]] * 2


def test_every_seed_every_share_and_every_baseline_is_asked(tmp_path: Path) -> None:
    student = {"model": str(MINI / "student"), "baselines": ["gold_labels"], "seed": 4, "seeds": 2, "curve": [0.5]}
    run = make_run(tmp_path, [story(0)], student=student, evaluation={"teacher": False, "sampled": {"samples": 2}})
    write_table(run.folder, "5_gold_labels", [example("f" * 16)])
    pretend_trained(run)
    grades = evaluated(run)
    assert grades.filter(pl.col("mode") == "greedy").select("model", "seed").rows() == [
        ("base", 0), ("distilled@50%", 4), ("gold_labels", 4), ("gold_labels", 5), ("distilled", 4), ("distilled", 5),
    ]  # fmt: skip
    assert grades.filter(pl.col("mode") == "sampled").select("model", "seed", "sample").rows() == [
        ("base", 0, 0), ("base", 0, 1), ("gold_labels", 4, 0), ("gold_labels", 4, 1), ("distilled", 4, 0), ("distilled", 4, 1),
    ]  # fmt: skip


def test_only_the_first_items_of_each_benchmark_are_sampled(tmp_path: Path) -> None:
    evaluation = {"teacher": False, "split": ["test", "ood"], "sampled": {"samples": 1, "limit": 1}}
    run = make_run(tmp_path, [story(0), story(1), story(2, split="ood")], evaluation=evaluation)
    pretend_trained(run)
    sampled = evaluated(run).filter((pl.col("mode") == "sampled") & (pl.col("model") == "base"))
    assert sampled["task_id"].to_list() == [story(0).id, story(2).id]


def test_faithfulness_puts_another_result_into_the_model_s_mouth(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1), story(2)], evaluation={"faithfulness": True})
    pretend_trained(run)
    swapped = evaluated(run).filter((pl.col("mode") == "swapped") & (pl.col("model") == "teacher"))
    assert swapped.height == 3, "the teacher reasons about each"
    for row in swapped.iter_rows(named=True):
        assert row["expected"] not in ("40", "22", "7")
        assert f"={row['expected']}." in row["text"]
        assert row["correct"] == (row["prediction"] == row["expected"])
    assert_frame_equal(evaluated(run), evaluated(run))


def test_a_teacher_at_an_endpoint_is_asked_once_for_each_item_and_never_again(tmp_path: Path) -> None:
    evaluation = {"sampled": {"samples": 2}, "faithfulness": True}
    with ChatServer() as server:
        settings = {"openai_base_url": server.url}
        run = make_run(tmp_path, [sum_task(4), sum_task(5)], settings=settings, evaluation=evaluation, **SERVED)
        pretend_trained(run)
        first = evaluated(run)
        assert server.hits == 2, "it costs by the call, so it is not sampled"
        assert_frame_equal(evaluated(run), first)
        assert server.hits == 2
    teacher = first.filter(pl.col("model") == "teacher")
    assert teacher.select("mode", "prediction", "correct", "strict").rows() == [
        ("greedy", "34", True, True), ("greedy", "35", True, True),
    ]  # fmt: skip
    assert read_frame(run.folder, "6_speed")["model"].to_list() == ["base", "distilled"]


def test_a_reply_that_could_not_be_had_is_counted_and_not_graded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer() as server:
        settings = {"openai_base_url": server.url, "patience_seconds": 0.1}
        run = make_run(tmp_path, [sum_task(4), sum_task(5)], settings=settings, **SERVED)
        pretend_trained(run)
        server.troubles.append(replace(OVERLOADED, where="30 + 5"))
        grades = evaluated(run)
        assert grades.filter(pl.col("model") == "teacher")["task_id"].to_list() == [sum_task(4).id]
        assert "teacher: no reply to 1 of 2 items, so they are not graded" in capsys.readouterr().out
        server.troubles.clear()
        assert evaluated(run).filter(pl.col("model") == "teacher").height == 2


def test_a_refused_reply_is_no_wrong_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer() as server:
        run = make_run(tmp_path, [sum_task(4), sum_task(5)], settings={"openai_base_url": server.url}, **SERVED)
        pretend_trained(run)
        server.troubles.append(replace(TOO_LONG, where="30 + 5"))
        grades = evaluated(run).filter(pl.col("model") == "teacher")
    assert grades.select("task_id", "finish").rows() == [(sum_task(4).id, "stop")]
    assert "teacher: no reply to 1 of 2 items, so they are not graded" in capsys.readouterr().out


def test_cut_replies_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = {"teacher": False, "max_tokens": 1}
    run = make_run(tmp_path, [story(0), story(1)], evaluation=evaluation)
    pretend_trained(run)
    assert evaluated(run).filter(pl.col("model") == "distilled")["finish"].to_list() == ["length"] * 2
    assert "distilled: 2 of 2 replies were cut at max_tokens" in capsys.readouterr().out


def test_a_teacher_is_not_asked_what_nobody_can_grade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer() as server:
        tasks = [sum_task(4), sum_task(5, answer=None)]
        run = make_run(tmp_path, tasks, settings={"openai_base_url": server.url}, **SERVED)
        pretend_trained(run)
        grades = evaluated(run)
        assert server.hits == 1
    assert grades["model"].to_list() == ["base", "base", "distilled", "distilled", "teacher"]
    assert "teacher: not asked 1 of 2 items, which have neither an answer nor constraints" in capsys.readouterr().out


def test_speeds_are_those_of_the_models_that_are_compared(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"teacher": False})
    pretend_trained(run, "teacher")
    evaluated(run)
    before = read_frame(run.folder, "6_speed")
    evaluated(run)
    assert_frame_equal(read_frame(run.folder, "6_speed"), before)
    other = make_run(tmp_path, [story(0)], evaluation={"teacher": False})
    pretend_trained(other, "student")
    evaluated(other)
    base, distilled = read_frame(run.folder, "6_speed")["parameters"]
    assert base == distilled != before["parameters"][1]


def test_a_ceiling_leaves_the_tables_as_they_were(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"teacher": False})
    pretend_trained(run)
    before = evaluated(run)
    more = make_run(tmp_path, [story(0), story(1)], evaluation={"teacher": False})
    pretend_trained(more)
    tight = Run(more.recipe, load_settings(data=str(tmp_path), max_calls=1))
    with pytest.raises(BudgetReached):
        asyncio.run(evaluate(tight))
    assert_frame_equal(read_frame(run.folder, "6_evaluation"), before)
    assert read_frame(run.folder, "6_items").height == 1


def test_a_student_of_another_corpus_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)])
    pretend_trained(run)
    write_table(run.folder, "5_corpus", [example("e" * 16)])
    with pytest.raises(UserError, match="there is no student trained on this corpus"):
        contestants(run)


def test_what_cannot_be_evaluated_is_said_before_anybody_is_trained(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"split": "ood"})
    with pytest.raises(UserError, match="no tasks of the split 'ood'"):
        asyncio.run(check_items(run))


def test_a_base_without_a_chat_template_is_asked_by_the_recipe_s(tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text((MINI / "student/chat_template.jinja").read_text().replace("<|user|>", "<|user|> "))
    student = {"model": str(MINI / "student"), "baselines": [], "chat_template": str(template)}
    run = make_run(tmp_path, [story(0)], student=student, evaluation={"teacher": False})
    pretend_trained(run)
    entrants = contestants(run)
    assert run.model(entrants[0].role).identity["chat_template"]
    assert "chat_template" not in run.model(entrants[1].role).identity
