"""The tokenizer by which the page colours what is trained: the trained student's, else the recipe's where it is here."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, models

from pipeline.inspect.trained import tokenizer_of


def tokenizer(folder: Path, *words: str) -> Path:
    """A folder with a tokenizer that knows some words."""
    folder.mkdir(parents=True)
    Tokenizer(models.WordLevel({word: number for number, word in enumerate(("?", *words))}, unk_token="?")).save(
        str(folder / "tokenizer.json")
    )
    return folder


def words(run: Path) -> set[str]:
    found = tokenizer_of(run)
    return set() if found is None else set(found.get_vocab()) - {"?"}


def test_the_trained_one_comes_before_the_recipes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert words(run) == set()
    (run / "recipe.yaml").write_text(f"student: {{model: {tokenizer(tmp_path / 'model', 'base')}}}\n")
    assert words(run) == {"base"}
    tokenizer(run / "student/distilled", "trained")
    assert words(run) == {"trained"}


def test_one_that_is_elsewhere_or_broken_is_none(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("student: {model: somebody/a-model-of-a-hub}\n")
    assert words(tmp_path) == set()
    (tokenizer(tmp_path / "student/distilled", "trained") / "tokenizer.json").write_text("{")
    assert words(tmp_path) == set()
