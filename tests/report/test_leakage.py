"""Items of the evaluation in the corpus: planted ones are found, all that an example holds, by the filter's own measure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Example, Item, Message, Sample
from pipeline.report.leakage import Leakage, read_leakage
from tests.rows import make_sample, make_task, public_data

ONE = "Anna has nine red apples and gives four of them to her little brother on Monday morning"
TWO = "A farmer keeps seven old cows in each of his three green barns behind the long river"
RECIPE = {
    "source": {"kind": "mini"}, "teacher": {"backend": "openai", "model": "x"}, "methods": [{"method": "chain_of_thought"}],
    "filters": ["finished"],
}  # fmt: skip


def item(name: str, prompt: str, benchmark: str = "svamp", **fields: str) -> Item:
    return Item(**{"id": name, "source": "s", "split": "svamp", "kind": "q", "prompt": prompt, "benchmark": benchmark} | fields)


def sample(number: int, prompt: str, target: str = "So 7.") -> Sample:
    said = [Message(role="user", content=prompt)]
    return make_sample(target, id=f"s{number}", task_id=f"t{number}", messages=said)


def example(of: Sample, split: str) -> Example:
    said = [*of.messages, Message(role="assistant", content=of.target)]
    return Example(id=f"e{of.id}", sample_id=of.id, task_id=of.task_id, method=of.method, view=of.view, split=split,
                   messages=said, weight=1.0, tokens=1)  # fmt: skip


def looked(folder: Path, samples: Sequence[Sample], items: Sequence[Item], dev: Sequence[str] = ()) -> Leakage:
    """What is found where all samples are in the corpus, those named for watching alone."""
    write_table(folder, "1_tasks", [make_task(id=each.task_id) for each in samples])
    write_table(folder, "3_samples", samples)
    write_table(folder, "5_corpus", [example(each, "dev" if each.id in dev else "train") for each in samples])
    write_table(folder, "6_items", items)
    found = read_leakage(folder)
    assert found is not None
    return found


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    """The prompt of one item, and of another the worked answer."""
    items = [item("a", ONE), item("b", "Who?", answer=TWO), item("c", "What is this?", "gsm8k")]
    samples = [sample(1, f"Solve this. {ONE}"), sample(2, "Now think.", f"I think: {TWO}"), sample(3, "Something else.")]
    found = looked(tmp_path, samples, items)
    assert dict(found.benchmarks) == {"svamp": 2, "gsm8k": 1} and dict(found.found) == {"svamp": 2}
    assert (found.trained, found.examples) == (3, 2)


def test_a_short_question_is_looked_for_with_what_stands_before_it(tmp_path: Path) -> None:
    items = [item("a", "How many are left?", context=ONE), item("b", "How many are left?", "gsm8k", context=TWO)]
    assert dict(looked(tmp_path, [sample(1, f"{TWO}\nHow many are left?")], items).found) == {"gsm8k": 1}


def test_every_item_that_one_example_holds(tmp_path: Path) -> None:
    """The filter names one of them; the same text in two benchmarks is an item of each."""
    found = looked(tmp_path, [sample(1, f"{ONE}. {TWO}.")], [item("a", ONE), item("b", TWO), item("a", ONE, "gsm8k")])
    assert dict(found.found) == {"svamp": 2, "gsm8k": 1} and found.examples == 1


def test_the_thresholds_are_the_filters_or_the_recipes(tmp_path: Path) -> None:
    """Eight of sixteen words are half of the item: enough for the filter's own threshold, and too few for 0.51."""
    samples = [
        sample(1, "Anna has nine red apples and gives four dogs away"),
        sample(2, "Anna has nine red apples and gives no"),
    ]
    assert len(ONE.split()) == 17
    items = [item("a", ONE.removesuffix(" morning"))]
    found = looked(tmp_path, samples, items)
    assert (found.examples, found.of_recipe, found.measure.coverage, found.measure.ngram) == (1, False, 0.5, 8)
    own = {"filter": "not_contaminated", "coverage": 0.51, "benchmarks": [{"path": "/gone.jsonl"}]}  # files are not read again
    for filters, share, has in (([], 0.5, False), ([own], 0.51, True)):
        raw = RECIPE | {"filters": ["finished", *filters], "decontaminate": False}
        (tmp_path / "recipe.yaml").write_text(parse_recipe(raw, "r", "here").as_yaml())
        found = looked(tmp_path, samples, items)
        assert (found.of_recipe, found.measure.coverage, found.examples) == (has, share, 1 - has)
    for broken in (
        "filters: [",
        "filters: [not_contaminated]",
        "filters: [{filter: not_contaminated, coverage: 7}]",
        "filters:",
    ):
        (tmp_path / "recipe.yaml").write_text(broken)
        found = looked(tmp_path, samples, items)
        assert (found.of_recipe, found.measure.coverage) == (False, 0.5)
    (tmp_path / "recipe.yaml").write_text("of: an older version\nfilters: [{filter: not_contaminated, coverage: 0.51}]")
    assert looked(tmp_path, samples, items).of_recipe


def test_what_is_not_trained_on_and_what_was_changed_do_not_count(tmp_path: Path) -> None:
    items = [item("a", ONE, "s:dev", split="dev"), item("b", TWO, "s:dev+typos", original="x", change="typos")]
    samples = [sample(1, ONE), sample(2, TWO)]
    found = looked(tmp_path, samples, items, dev=["s1"])
    assert (dict(found.benchmarks), found.trained, found.examples) == ({"s:dev": 1}, 1, 0)
    assert dict(looked(tmp_path, samples, items).found) == {"s:dev": 1}  # items of dev are looked for as any others


def test_nothing_to_look_at(tmp_path: Path) -> None:
    assert read_leakage(tmp_path) is None
    empty = looked(tmp_path, [], [])
    assert (empty.trained, empty.examples, dict(empty.benchmarks)) == (0, 0, {})
    assert looked(tmp_path, [sample(1, ONE)], []).examples == 0


def test_golden_gsm8k(tmp_path: Path) -> None:
    """Of 7,473 training questions three hold at least half of a test question: two of 1,319."""
    train, test = (
        [json.loads(line)["question"] for line in public_data(f"gsm8k_{name}.jsonl").open()] for name in ("train", "test")
    )
    samples = [sample(number, question) for number, question in enumerate(train)]
    found = looked(tmp_path, samples, [item(f"i{number}", question) for number, question in enumerate(test)])
    assert (found.trained, found.examples, found.benchmarks["svamp"], found.found["svamp"]) == (7473, 3, 1319, 2)


@pytest.mark.parametrize("missing", ["1_tasks", "3_samples", "5_corpus", "6_items"])
def test_a_table_is_missing(tmp_path: Path, missing: str) -> None:
    looked(tmp_path, [sample(1, ONE)], [item("a", ONE)])
    (tmp_path / f"{missing}.parquet").unlink()
    assert read_leakage(tmp_path) is None
