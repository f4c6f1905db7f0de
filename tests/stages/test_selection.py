"""What selection takes first and where it stops: caps, budgets, scores, mixes of difficulty, samples unlike each other."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.filters.verdicts import RowFilter, Word, keep, unverifiable
from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Example, Sample, Task
from pipeline.run import Run
from pipeline.selection import Mix, Selection
from pipeline.settings import load_settings
from pipeline.stages.choosing import ranked, within_rows, within_tokens
from pipeline.stages.filter import filter_samples
from pipeline.stages.likeness import Likeness, term_vector
from pipeline.stages.select import select
from pipeline.tables import read_rows, table_path
from tests.rows import make_sample, make_task


class ScoreOf(RowFilter):
    """Keeps all; the score stands at the end of the target, and a question mark there is no score."""

    filter: Literal["score_of"] = "score_of"

    def judge(self, task: Task, sample: Sample) -> Word:
        said = sample.target.split()[-1]
        return unverifiable("no score") if said == "?" else keep("scored", float(said))


TASKS = [
    make_task(id=f"t{n:02}", split="dev" if n >= 20 else "train", kind="ab"[n % 2], source=f"from:{n % 3}") for n in range(25)
]


def scored(task: int, place: int) -> str:
    return f"words of sample {task} and {place} score {(task * 7 + place * 3) % 11}"


SAMPLES = [make_sample(scored(n, p), id=f"s{n:02}{p}", task_id=task.id) for n, task in enumerate(TASKS) for p in range(3)]


def corpus(folder: Path, samples: list[Sample] = SAMPLES, **selection: Any) -> list[Example]:
    """The training examples a selection takes."""
    return [each for each in whole_corpus(folder, samples, **selection) if each.split == "train"]


def whole_corpus(folder: Path, samples: list[Sample] = SAMPLES, **selection: Any) -> list[Example]:
    recipe = parse_recipe(
        {
            "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "m"},
            "methods": [{"method": "chain_of_thought"}], "student": {"model": "data/mini/student"},
        },
        "run", "run",
    )  # fmt: skip
    recipe = recipe.model_copy(update={"filters": (ScoreOf(),), "selection": Selection(**selection)})
    run = Run(recipe, load_settings(data=str(folder)))
    run.folder.mkdir(parents=True)
    write_table(run.folder, "1_tasks", TASKS)
    write_table(run.folder, "3_samples", samples)

    async def stages() -> None:
        await filter_samples(run)
        await select(run)

    asyncio.run(stages())
    assert not list(run.folder.glob(".likeness*"))
    return list(read_rows(run.folder, "5_corpus", Example))


def score(example: Example) -> int:
    return int(example.messages[-1].content.split()[-1])


def test_rows_without_a_ranking_are_a_seeded_draw(tmp_path: Path) -> None:
    some = corpus(tmp_path / "a", rows=20)
    assert len(some) == 20
    assert [each.id for each in corpus(tmp_path / "b", rows=20)] == [each.id for each in some]
    other = corpus(tmp_path / "c", rows=20, seed=1)
    assert {each.id for each in other} != {each.id for each in some}
    assert len({each.task_id for each in some}) > 10, "not the first of the table"
    order = [each.sample_id for each in some]
    assert order == sorted(order), "the corpus stands in the order of the samples"


def test_more_rows_than_there_are(tmp_path: Path) -> None:
    assert len(corpus(tmp_path, rows=1_000)) == 60


def test_dev_is_cut_to_the_same_share(tmp_path: Path) -> None:
    counts = Counter(each.split for each in whole_corpus(tmp_path, rows=20))
    assert counts == {"train": 20, "dev": 5}


@pytest.mark.parametrize(("rank", "best"), [("score_of", max), ("-score_of", min)])
def test_the_best_scores_are_taken_first(tmp_path: Path, rank: str, best: Any) -> None:
    taken = corpus(tmp_path, rows=12, rank_by=rank)
    every = sorted(int(each.target.split()[-1]) for each in SAMPLES[:60])
    assert sorted(map(score, taken)) == (every[-12:] if best is max else every[:12])


def test_a_ranking_decides_which_of_a_task_stay(tmp_path: Path) -> None:
    taken = corpus(tmp_path, per_task=1, rank_by="score_of")
    assert len(taken) == 20
    for each in taken:
        assert score(each) == max(int(s.target.split()[-1]) for s in SAMPLES if s.task_id == each.task_id)


def test_samples_without_a_score_come_last(tmp_path: Path) -> None:
    samples = [*SAMPLES[:59], make_sample("no score ?", id="none", task_id="t19")]
    taken = corpus(tmp_path / "a", samples, rows=59, rank_by="score_of", unverifiable="keep")
    assert "none" not in {each.sample_id for each in taken}
    taken = corpus(tmp_path / "b", samples, rows=60, rank_by="score_of", unverifiable="keep")
    assert "none" in {each.sample_id for each in taken}


def test_caps_by_kind_and_source(tmp_path: Path) -> None:
    kinds = {task.id: task.kind for task in TASKS}
    taken = corpus(tmp_path / "a", per_kind=7, rank_by="score_of")
    assert Counter(kinds[each.task_id] for each in taken) == {"a": 7, "b": 7}
    sources = {task.id: task.source for task in TASKS}
    taken = corpus(tmp_path / "b", per_source=5)
    assert Counter(sources[each.task_id] for each in taken) == {"from:0": 5, "from:1": 5, "from:2": 5}


def test_a_budget_of_tokens(tmp_path: Path) -> None:
    ordered = sorted(corpus(tmp_path / "all", rank_by="score_of"), key=lambda each: (-score(each), each.sample_id))
    wanted = sum(each.tokens for each in ordered[:10])
    taken = corpus(tmp_path / "exact", tokens=wanted, rank_by="score_of")
    assert {each.id for each in taken} == {each.id for each in ordered[:10]}
    assert len(corpus(tmp_path / "less", tokens=wanted - 1, rank_by="score_of")) == 9


def test_no_budget_is_large_enough_for_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of 75 samples passed, and the selection takes none of them"):
        corpus(tmp_path, tokens=1)
    assert not table_path(tmp_path / "runs/run", "5_corpus").exists()


def test_a_mix_of_difficulties(tmp_path: Path) -> None:
    taken = corpus(tmp_path, rows=20, mix={"by": "score_of", "edges": [3, 8], "shares": [0.25, 0.5, 0.25]})
    bands = Counter("low" if score(each) < 3 else "middle" if score(each) < 8 else "high" for each in taken)
    assert bands == {"low": 5, "middle": 10, "high": 5}


def test_a_ranking_without_scores_is_refused(tmp_path: Path) -> None:
    samples = [make_sample("no score ?", id="none", task_id="t00")]
    with pytest.raises(UserError, match="it needs the scores of score_of, which gave none"):
        corpus(tmp_path, samples, rank_by="score_of", unverifiable="keep")


def test_a_mix_has_no_near_copies_across_its_bands(tmp_path: Path) -> None:
    samples = [make_sample(f"the very same words every time score {n}", id=f"s{n:02}", task_id=f"t{n:02}") for n in range(10)]
    mix = {"by": "score_of", "edges": [5], "shares": [0.5, 0.5]}
    assert len(corpus(tmp_path / "all", samples, rows=8, mix=mix)) == 8
    assert len(corpus(tmp_path / "unlike", samples, rows=8, mix=mix, diversity={"max_similarity": 0.3})) == 1


def test_near_copies_are_left_out(tmp_path: Path) -> None:
    copies = [
        make_sample(f"Add the apples to the pears and share them among {n % 5} friends, then say {word} score {n}",
                    id=f"s{n:02}", task_id=f"t{n:02}")
        for n, word in enumerate(["aloud", "aloud", "quietly", "nothing", "more"] * 4)
    ]  # fmt: skip
    far = make_sample("An altogether different sentence of other things score 3", id="far", task_id="t19")
    taken = corpus(tmp_path, [*copies, far], rank_by="score_of", diversity={"max_similarity": 0.6})
    names = {each.sample_id for each in taken}
    assert "far" in names and "s19" in names and len(names) < 10
    assert len(corpus(tmp_path / "all", [*copies, far], rank_by="score_of", diversity={"max_similarity": 1.0})) == 21


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rows": 3, "tokens": 3}, "two budgets"),
        ({"mix": {"by": "x", "edges": [0.5], "shares": [0.5, 0.5]}}, "mix shares out rows"),
        ({"rows": 3, "mix": {"by": "x", "edges": [0.5, 0.5], "shares": [0.5, 0.5, 0]}}, "edges must rise"),
        ({"rows": 3, "mix": {"by": "x", "edges": [0.5], "shares": [0.5]}}, "shares"),
        ({"rows": 3, "mix": {"by": "x", "edges": [0.5], "shares": [0.9, 0.5]}}, "add up to 1"),
        ({"rank_by": ["a", "-b"]}, "stands alone"),
        ({"rank_by": "quality"}, "it needs the scores of 'quality'.*\n.*Name one of finished"),
        ({"rows": 0}, r"selection\.rows: 0"),
    ],
)
def test_what_does_not_fit(given: dict[str, Any], words: str) -> None:
    recipe = {
        "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "m"}, "methods": [{"method": "chain_of_thought"}],
        "filters": ["finished"], "selection": given,
    }  # fmt: skip
    with pytest.raises(UserError, match=words):
        parse_recipe(recipe, "run", "run")


FRAME = pl.DataFrame(
    {"row": range(40), "id": [f"i{n}" for n in range(40)], "hard": [None if n % 5 == 0 else n / 40 for n in range(40)]}
)


@given(st.integers(1, 50), st.integers(0, 100), st.integers(0, 100), st.integers(1, 100))
def test_bands_never_take_more_than_their_share(rows: int, low: int, middle: int, high: int) -> None:
    total = low + middle + high
    mix = Mix(by="hard", edges=(0.3, 0.6), shares=(low / total, middle / total, high / total))
    taken = within_rows(ranked(FRAME, Selection()), rows, mix, lambda order, wanted: order[:wanted])
    assert len(taken) <= rows and taken["hard"].null_count() == 0
    for band, share in ((taken["hard"] < 0.3, low), (taken["hard"] >= 0.6, high)):
        assert band.sum() <= rows * share / total + 1


def test_tokens_stop_at_the_first_that_does_not_fit() -> None:
    frame = ranked(FRAME.head(4), Selection(rank_by=("hard",)))
    order = frame.sort("rank")["row"].to_list()
    of = dict(zip(order, [5, 6, 1, 1], strict=True))
    assert set(within_tokens(frame, 10, of)["row"]) == set(order[:1])
    assert set(within_tokens(frame, 11, of)["row"]) == set(order[:2])


def test_terms_are_placed_alike_on_every_machine() -> None:
    vector = term_vector("Three apples and three pears", 64)
    assert {place: round(float(vector[place]), 3) for place in vector.nonzero()[0].tolist()} == GOLDEN
    assert not term_vector("…!", 64).any()


GOLDEN = {6: 1.0, 24: 1.0, 27: -1.0, 40: 1.0, 45: -1.0, 47: -1.0, 53: -1.693, 58: -1.0}


def test_likeness_is_the_cosine_to_all_taken_before(tmp_path: Path) -> None:
    """Against a plain computation, over more texts than are compared at a time."""
    draws = np.random.default_rng(0)
    texts = [" ".join(draws.choice(list("abcdefgh"), 12)) for _ in range(1_500)]
    with Likeness(range(len(texts)), 128, tmp_path) as likeness:
        for row, text in enumerate(texts):
            likeness.add(row, text)
        taken = likeness.unlike(list(range(len(texts))), None, 0.5)
        vectors = likeness._unit(list(range(len(texts))))
    with Likeness(range(len(texts)), 128, tmp_path) as likeness:
        for row, text in enumerate(texts):
            likeness.add(row, text)
        few = likeness.unlike(list(range(len(texts))), 7, 0.5)
        more = likeness.unlike(list(range(len(texts))), 7, 0.5)
    kept: list[int] = []
    for row in range(len(texts)):
        if all(vectors[row] @ vectors[other] <= 0.5 for other in kept):
            kept.append(row)
    assert taken == kept and few == kept[:7] and more == kept[7:14] and 14 < len(kept) < 1_000
