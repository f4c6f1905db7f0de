"""What a row cost: every reply once, by method and in all, and unknown where anything of it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.publication import write_table
from pipeline.records import Example, Message, Response, Sample, Verdict
from pipeline.report.funnel import read_funnel
from pipeline.report.page import write_page
from pipeline.report.spending import WHOLE_RUN, Spending
from pipeline.report.status import as_text
from tests.report.test_page import Outline
from tests.rows import make_response, make_sample, make_task

ANSWERS = "chain_of_thought/teacher"


def reply(key: str, template: str = ANSWERS, **fields: Any) -> Response:
    return make_response("5", key=key, template=template, **{"tokens_in": 100, "tokens_out": 20, "cost": 0.5} | fields)


def made_of(key: str, method: str = "chain_of_thought", view: str = "answer") -> Sample:
    return make_sample("5", id=f"{method} {view} {key}", method=method, view=view, response_keys=[key])


def example(sample: Sample) -> Example:
    return Example(
        id=f"e {sample.id}", sample_id=sample.id, task_id="t1", method=sample.method, view=sample.view, split="train",
        messages=[Message(role="assistant", content="5")], weight=1, tokens=1,
    )  # fmt: skip


def write(folder: Path, responses: list[Response], samples: list[Sample], dropped: tuple[int, ...] = (), rows: int = 0) -> None:
    """A run whose samples of these numbers were dropped and whose first so many others are its corpus."""
    folder.mkdir(exist_ok=True)
    write_table(folder, "1_tasks", [make_task()])
    write_table(folder, "2_responses", responses)
    write_table(folder, "3_samples", samples)
    words = [Verdict(sample_id=each.id, filter="f", decision="keep", reason="") for each in samples]
    verdicts = [each.model_copy(update={"decision": "drop"}) if n in dropped else each for n, each in enumerate(words)]
    write_table(folder, "4_verdicts", verdicts)
    kept = [each for number, each in enumerate(samples) if number not in dropped]
    write_table(folder, "5_corpus", [example(each) for each in kept[:rows]])


def spent(folder: Path, method: str = WHOLE_RUN) -> Spending:
    return read_funnel(folder).spending[method]


def test_each_method_and_the_whole_run(tmp_path: Path) -> None:
    write(
        tmp_path,
        [reply("a"), reply("b"), reply("c", "evolve/teacher", cost=2.0), reply("d", finish="owed", cost=None)],
        [made_of("a"), made_of("b"), made_of("c", "evolve")],
        dropped=(0,),
        rows=2,
    )
    assert spent(tmp_path) == Spending(3, 300, 60, 3.0, 0, 2, 2)
    assert spent(tmp_path, "chain_of_thought") == Spending(2, 200, 40, 1.0, 0, 1, 1)
    assert spent(tmp_path, "evolve") == Spending(1, 100, 20, 2.0, 0, 1, 1)
    whole = spent(tmp_path)
    assert (whole.cost_per_row, whole.cost_per_passed, whole.tokens_per_row, whole.tokens_per_passed) == (1.5, 1.5, 180, 180)


def test_a_reply_of_several_samples_counts_once(tmp_path: Path) -> None:
    responses = [reply("a", "in_context/teacher")] * 2  # two methods of one name asked the same
    write(tmp_path, responses, [made_of("a", "in_context", view) for view in ("with", "without")], rows=2)
    assert spent(tmp_path) == spent(tmp_path, "in_context") == Spending(1, 100, 20, 0.5, 0, 2, 2)
    assert spent(tmp_path).cost_per_row == 0.25


def test_a_reply_two_methods_share_counts_for_both_and_once_in_all(tmp_path: Path) -> None:
    write(tmp_path, [reply("a")], [made_of("a"), made_of("a", "self_consistency")], rows=2)
    assert [spent(tmp_path, method).calls for method in ("chain_of_thought", "self_consistency", WHOLE_RUN)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("response", "method"),
    [
        (reply("x", finish="content_filter"), "chain_of_thought"),
        (reply("x", "mine/first_turn"), "mine"),
        (reply("x", "ours"), "evolve"),
    ],
    ids=["of its template's others", "of its template's folder", "of a template elsewhere"],
)
def test_replies_without_a_sample_belong_to_a_method(tmp_path: Path, response: Response, method: str) -> None:
    write(tmp_path, [reply("a"), reply("b", "ours"), response], [made_of("a"), made_of("b", "evolve")], rows=1)
    before = {"chain_of_thought": 1, "evolve": 1}.get(method, 0)
    assert spent(tmp_path, method).calls == before + 1
    assert spent(tmp_path).calls == 3


def test_replies_on_which_no_sample_rests_are_told(tmp_path: Path) -> None:
    """Else nobody knew why many answered calls made few samples."""
    unread = [reply(name, "socratic/teacher") for name in "bc"]
    write(tmp_path, [reply("a"), *unread, reply("d", finish="owed")], [made_of("a")], rows=1)
    assert read_funnel(tmp_path).unused == {"socratic/teacher": 2}
    assert "    no sample rests on 2 (2 socratic/teacher)" in as_text(tmp_path).splitlines()
    assert "On 2 replies no sample rests" in Outline(write_page(tmp_path).read_text()).text


def test_one_unknown_cost_makes_the_sum_unknown(tmp_path: Path) -> None:
    write(
        tmp_path,
        [reply("a"), reply("b", "evolve/teacher", cost=None)],
        [made_of("a"), made_of("b", "evolve")],
        rows=2,
    )
    whole = spent(tmp_path)
    assert (whole.cost, whole.cost_per_row, whole.cost_per_passed, whole.tokens_per_row) == (None, None, None, 120)
    assert (spent(tmp_path, "chain_of_thought").cost_per_row, spent(tmp_path, "evolve").cost_per_row) == (0.5, None)
    words = as_text(tmp_path)
    assert "200 tokens in, 40 out, cost unknown (replies without one: 1; the others: $0.5)" in words
    assert "120.0 tokens, unknown" in words and "120.0 tokens, $0.5" in words
    page = Outline(write_page(tmp_path).read_text()).text
    assert "cost unknown replies without one: 1; the others: $0.5" in page
    assert "evolve 1 120 100 in, 20 out unknown 1 120.0 tokens each cost of each: unknown" in page


def test_a_refused_call_costs_nothing(tmp_path: Path) -> None:
    refused = reply("x", finish="error", tokens_in=None, tokens_out=None, cost=None)
    write(tmp_path, [reply("a"), refused], [made_of("a")], rows=1)
    assert spent(tmp_path) == Spending(2, 100, 20, 0.5, 0, 1, 1)


def test_nothing_accepted_has_no_price(tmp_path: Path) -> None:
    write(tmp_path, [reply("a")], [made_of("a")], dropped=(0,))
    assert (spent(tmp_path).cost_per_row, spent(tmp_path).tokens_per_passed) == (None, None)
    assert "all methods 1 120 $0.5 – –" in " ".join(as_text(tmp_path).split())
    assert "120 100 in, 20 out $0.5 0 0" in Outline(write_page(tmp_path).read_text()).text


def test_before_there_are_samples(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    assert spent(tmp_path) == Spending()
    assert "taken by" not in as_text(tmp_path)


@pytest.mark.parametrize(("unverifiable", "passed"), [("drop", 1), ("keep", 2)])
def test_passed_is_what_selection_could_take(tmp_path: Path, unverifiable: str, passed: int) -> None:
    write(tmp_path, [reply("a"), reply("b")], [made_of("a"), made_of("b")])
    undecided = Verdict(sample_id=made_of("b").id, filter="f", decision="unverifiable", reason="")
    write_table(tmp_path, "4_verdicts", [undecided])
    (tmp_path / "recipe.yaml").write_text(f"selection: {{unverifiable: {unverifiable}}}")
    assert spent(tmp_path).passed == passed
