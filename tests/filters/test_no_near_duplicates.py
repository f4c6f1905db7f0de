"""No near duplicates: what counts as one of pairs, prompts and targets, and on real questions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.no_near_duplicates import BYTES_AT_ONCE, NoNearDuplicates, _pieces
from pipeline.filters.verdicts import Word
from pipeline.records import Message, Sample
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task, public_data
from tests.texts.test_minhash import changed, jaccard

GOLDEN_KEPT, GOLDEN_TRAINING = 795, 1
WORDS = [f"w{n}" for n in range(400)]
Pair = tuple[str, str]


def sampled(pairs: Sequence[Pair]) -> list[Sample]:
    return [
        make_sample(target, id=f"s{n}", messages=[Message(role="user", content=prompt)])
        for n, (prompt, target) in enumerate(pairs)
    ]


def judged(samples: Sequence[Sample], at_a_time: int = 3, **fields: object) -> list[Word]:
    condition = NoNearDuplicates.model_validate({"filter": "no_near_duplicates"} | fields)
    return list(condition.judge_all(Rows([(make_task(), sample) for sample in samples], at_a_time=at_a_time)))


def earlier(samples: Sequence[Sample], **fields: object) -> list[str]:
    return [word.detail for word in judged(samples, **fields)]


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def test_of_pairs_prompt_and_reply_must_be_alike() -> None:
    question, other = text(1, 300), text(2, 300)
    samples = sampled(
        [
            (question, text(3)),
            (question, text(4)),  # another answer to the same long prompt
            (question, text(3) + " indeed"),
            (other, text(3)),  # the same answer to another prompt
            (question + " please", text(4)),
        ]
    )
    assert earlier(samples) == ["", "", "s0", "", "s1"]
    assert earlier(samples, of="prompt") == ["", "s0", "s0", "", "s0"]
    assert earlier(samples, of="target") == ["", "", "s0", "s0", "s1"]


def test_labels_of_different_texts_are_no_duplicates() -> None:
    samples = sampled([(f"Is this review positive or negative? {text(n, 30)}", "positive") for n in range(40)])
    assert earlier(samples) == [""] * 40
    assert earlier(samples, of="target") == ["", *["s0"] * 39]


def test_words_tell_the_likeness_and_the_other() -> None:
    kept, dropped = judged(sampled([("How many?", text(1)), ("How many?", text(1) + " end")]))
    assert (kept.decision, kept.score, kept.reason) == ("keep", None, "first of its likes")
    assert (dropped.decision, dropped.detail) == ("drop", "s0")
    assert dropped.score == pytest.approx(jaccard(text(1), text(1) + " end")) == pytest.approx(56 / 57)


def test_reasoning_is_part_of_the_reply() -> None:
    same = make_sample("So 7.", id="s0", reasoning=text(1)), make_sample("So 7.", id="s1", reasoning=text(2))
    assert earlier(same) == ["", ""]
    assert earlier(same, of="target") == ["", "s0"]


def test_right_answers_to_one_task_stay() -> None:
    """Of real answers to one question none are dropped unless they share most word five-grams."""
    rows = [json.loads(line) for line in public_data("gsm8k_model_solutions.jsonl").read_text().splitlines()][:200]
    models = [name for name in rows[0] if isinstance(rows[0][name], dict)]
    pairs = [(row["question"], row[model]["solution"]) for row in rows for model in models]
    samples = sampled(pairs)
    words = judged(samples, at_a_time=97)
    for word, this in zip(words, pairs, strict=True):
        if word.decision == "drop":
            that = pairs[int(word.detail[1:])]
            assert word.score == min(jaccard(this[0], that[0]), jaccard(this[1], that[1])) >= 0.7
    assert len(models) == 4
    assert sum(word.decision == "keep" for word in words) == GOLDEN_KEPT
    assert sum(not name for name in earlier(samples, of="prompt")) == 200


def test_golden_training_questions() -> None:
    questions = [json.loads(line)["question"] for line in public_data("gsm8k_train.jsonl").read_text().splitlines()]
    found = earlier(sampled([(question, "") for question in questions]), of="prompt", at_a_time=1000)
    pairs = [(row, int(name[1:])) for row, name in enumerate(found) if name]
    assert all(jaccard(questions[row], questions[other]) >= 0.7 for row, other in pairs)
    assert len(pairs) == GOLDEN_TRAINING


def test_frames_make_no_difference_and_reruns_are_the_same() -> None:
    dice = random.Random(0)
    originals = [dice.choices(WORDS, k=dice.randint(1, 80)) for _ in range(100)]
    texts = [" ".join(changed(words, 0.04, dice)) for words in originals for _ in range(3)]
    samples = sampled([("How many?", each) for each in texts])
    words = judged(samples, at_a_time=3)
    assert words == judged(samples, at_a_time=1000) == judged(samples, at_a_time=17)
    assert 30 < sum(word.decision == "drop" for word in words) < 200


def test_the_order_decides_only_who_is_first() -> None:
    dice = random.Random(0)
    originals = [dice.choices(WORDS, k=dice.randint(10, 80)) for _ in range(300)]
    samples = sampled([("How many?", " ".join(changed(words, 0.04, dice))) for words in originals for _ in range(3)])
    assert components(samples) == components(dice.sample(samples, len(samples)))


def components(samples: Sequence[Sample]) -> set[frozenset[str]]:
    group: dict[str, set[str]] = {sample.id: {sample.id} for sample in samples}
    for sample, name in zip(samples, earlier(samples, at_a_time=100), strict=True):
        if name:
            merged = group[sample.id] | group[name]
            for each in merged:
                group[each] = merged
    return {frozenset(each) for each in group.values()}


def test_long_texts_are_taken_in_smaller_pieces() -> None:
    long, short = "a" * (BYTES_AT_ONCE - 10), "b" * 20
    frame = pl.DataFrame({"prompt": [short, long, short, short, long], "target": ["", "", "", "", short]})
    pieces = list(_pieces(frame))
    assert pl.concat(pieces).equals(frame)
    assert [piece.height for piece in pieces] == [1, 3, 1]
    assert not list(_pieces(frame.head(0)))


@pytest.mark.parametrize("samples", [[], sampled([("", "")]), sampled([("", ""), ("", "")])])
def test_few_and_empty(samples: list[Sample]) -> None:
    assert earlier(samples) == ["", "s0"][: len(samples)]


@pytest.mark.parametrize(
    "slip",
    [{"threshold": 0}, {"threshold": 1.01}, {"ngram": 0}, {"bands": 0}, {"rows": 0}, {"of": "reasoning"}, {"bands": 10**6}],
)
def test_slips_are_refused(slip: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoNearDuplicates.model_validate({"filter": "no_near_duplicates"} | slip)


def test_no_room_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(UserError, match="TMPDIR"):
        judged(sampled([("a", "b")]))
