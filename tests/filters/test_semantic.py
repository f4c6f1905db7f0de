"""No semantic duplicates, with a small random model2vec model of its own words, in which synonyms have nearly one vector."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline.errors import UserError
from pipeline.filters.no_semantic_duplicates import NoSemanticDuplicates, load_model
from pipeline.filters.verdicts import Word
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task

pytest.importorskip("semhash", reason="semhash is not installed: pip install -e '.[semantic]'")
WORDS = ["cat", "feline", "sat", "rested", "mat", "rug", "dog", "ran", "far", *(f"w{n}" for n in range(300))]
SYNONYMS = [("cat", "feline"), ("sat", "rested"), ("mat", "rug")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from model2vec import StaticModel

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0} | {word: n + 1 for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(WORDS) + 1, 32)).astype(np.float32)
    vectors[0] = 0
    for word, synonym in SYNONYMS:
        vectors[WORDS.index(synonym) + 1] = vectors[WORDS.index(word) + 1] + 0.1
    folder = tmp_path_factory.mktemp("model")
    StaticModel(vectors, tokenizer).save_pretrained(folder)
    yield folder
    load_model.cache_clear()


def judged(model: Path | str, tasks: Sequence[tuple[str, Sequence[str]]], at_a_time: int = 3, **fields: object) -> list[Word]:
    """The words on the targets of some tasks with a prompt each; samples are named t0.0, t0.1, t1.0 and so on."""
    rows = [
        (make_task(id=f"t{n}", prompt=prompt), make_sample(target, id=f"t{n}.{k}", task_id=f"t{n}"))
        for n, (prompt, targets) in enumerate(tasks)
        for k, target in enumerate(targets)
    ]
    condition = NoSemanticDuplicates.model_validate({"filter": "no_semantic_duplicates", "model": str(model)} | fields)
    return list(condition.judge_all(Rows(rows, at_a_time=at_a_time)))


def test_paraphrases_are_found_and_answers_share_their_fate(model: Path) -> None:
    tasks = [
        ("The cat sat on the mat", ["7", "8"]),
        ("the dog ran far", ["7"]),
        ("the feline rested on the rug", ["7", "9"]),
        ("THE CAT SAT  on the mat", ["7"]),
    ]
    words = judged(model, tasks)
    assert [word.detail for word in words] == ["", "", "", "t0.0", "t0.0", ""]
    assert [word.decision for word in words] == ["keep", "keep", "keep", "drop", "drop", "keep"]
    assert all(word.score is not None and 0.9 <= word.score < 1 for word in words if word.decision == "drop")


def test_targets(model: Path) -> None:
    words = judged(model, [("cat", ["cat mat", "dog far"]), ("dog", ["feline rug", "cat mat"])], of="target")
    assert [word.detail for word in words] == ["", "", "t0.0", ""]


def test_what_has_no_known_word_is_unverifiable(model: Path) -> None:
    words = judged(model, [("", ["7"]), ("🙂", ["7"]), ("cat", ["7"])])
    assert [word.decision for word in words] == ["unverifiable", "unverifiable", "keep"]
    assert judged(model, []) == []


def test_long_texts_are_read_to_their_end(model: Path) -> None:
    shared = " ".join(f"w{n % 300}" for n in range(600))
    words = judged(model, [(shared, ["7"]), (shared + " dog" * 300, ["7"]), ("cat " * 250_000, ["7"])])
    assert [word.decision for word in words] == ["keep"] * 3


def test_the_same_every_time_and_as_by_comparing_all(model: Path) -> None:
    dice = np.random.default_rng(1)
    texts = [" ".join(dice.choice(WORDS[9:], size=8)) for _ in range(400)]
    texts += [" ".join([*text.split()[:7], "cat"]) for text in texts[:200]]
    tasks = [(text, ["7"]) for text in dice.permutation(texts).tolist()]
    words = judged(model, tasks)
    assert words == judged(model, tasks, at_a_time=100) == judged(model, tasks)
    vectors = load_model(str(model)).encode([text for text, _ in tasks])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept: list[int] = []
    for row, vector in enumerate(vectors):
        if not kept or (vectors[kept] @ vector).max() < 0.9:
            kept.append(row)
    found = {row for row, word in enumerate(words) if word.decision == "keep"}
    assert 400 <= len(kept) < 560
    assert len(found ^ set(kept)) <= 0.02 * len(kept)


def test_what_it_rests_on(model: Path) -> None:
    assert NoSemanticDuplicates(filter="no_semantic_duplicates", model="owner/name").rests_on() == ["owner/name"]
    assert len(NoSemanticDuplicates(filter="no_semantic_duplicates", model=str(model)).rests_on()[0]) == 64


def test_a_missing_model_is_said_plainly(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "gone")):
        with pytest.raises(UserError, match="cannot be loaded"):
            judged(name, [("cat", ["7"])])


def test_without_semhash_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "semhash", None)  # Python then finds no such module
    with pytest.raises(UserError, match=r"pip install -e '\.\[semantic\]'"):
        judged("anything", [("cat", ["7"])])


@pytest.mark.parametrize("slip", [{"threshold": 0}, {"threshold": 1.1}, {"of": "pair"}, {"model": ""}])
def test_slips_are_refused(slip: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoSemanticDuplicates.model_validate({"filter": "no_semantic_duplicates"} | slip)
