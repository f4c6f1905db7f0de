"""The proof as users meet it: real corpora are never refused, `preview --training` says what is learned or what is wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from transformers import AutoTokenizer

from pipeline.cli import main
from pipeline.mini.lessons import TEACHER_MIX, TEACHER_SECOND_MIX, lessons
from pipeline.publication import write_table
from pipeline.recipe import load_recipe
from pipeline.records import Example, Message, Span
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.select import examples, select
from pipeline.stages.train import training_job
from pipeline.student.proof import IGNORED, encode, prove
from pipeline.student.prove import lines, shown
from pipeline.student.shown import Proven, Shown
from pipeline.tables import read_rows
from tests.rows import make_sample, public_data

STUDENT = REPOSITORY / "data/mini/student"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(STUDENT)


def made(folder: Path, recipe: str, *changes: str) -> Run:
    """A run of a recipe up to its corpus."""
    run = Run(load_recipe(recipe, changes), load_settings(data=str(folder / "data")))

    async def all_stages() -> None:
        for stage in (generate, filter_samples, select):
            await stage(run)

    run.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(all_stages())
    return run


def all_is_learned(corpus: list[Example], tokenizer: Any) -> int:
    """Proves a corpus, and that of each example the last message is trained; how many there are."""
    for each, encoded in zip(corpus, prove(corpus, tokenizer, 2048), strict=True):
        trained = tokenizer.decode([label for label in encoded.labels if label != IGNORED])
        assert trained == f"{each.messages[-1].content}<|end|>"
    return len(corpus)


def strategyqa_recipe(folder: Path) -> str:
    """A recipe over StrategyQA whose teacher says the facts that come with each question, and yes or no."""
    rows = json.loads(public_data("strategyqa_dev.json").read_text(encoding="utf-8"))
    words = {True: "yes", False: "no"}
    told = [
        {"question": row["question"], "answer": words[row["answer"]]}
        | {"text": f"<think>{' '.join(row['facts'])}</think>\nThe answer is {words[row['answer']]}."}
        for row in rows
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    fields = {"prompt": "question", "answer": "answer"}
    recipe = {
        "source": {"kind": "jsonl", "path": str(folder / "rows.jsonl"), "fields": fields, "test_share": 0},
        "teacher": {"backend": "recorded", "fields": {"prompt": "question", "text": ["text"]}},
        "methods": [{"method": "chain_of_thought"}], "filters": ["finished", "answer_matches"],
        "student": {"model": str(STUDENT)},
    }  # fmt: skip
    (folder / "facts.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return str(folder / "facts.yaml")


def test_the_corpus_of_gsm8k_is_never_refused(tmp_path: Path, tokenizer: Any) -> None:
    path = public_data("gsm8k_model_solutions.jsonl")
    run = made(tmp_path, "gsm8k_recorded", f"source.path={path}")
    assert all_is_learned(list(read_rows(run.folder, "5_corpus", Example)), tokenizer) > 500


def test_the_corpus_of_strategyqa_is_never_refused_with_its_reasoning(tmp_path: Path, tokenizer: Any) -> None:
    run = made(tmp_path, strategyqa_recipe(tmp_path))
    corpus = list(read_rows(run.folder, "5_corpus", Example))
    assert all(each.messages[-1].content.startswith("<think>\n") for each in corpus)
    assert all_is_learned(corpus, tokenizer) > 200


def test_what_the_mini_world_says_is_never_refused(tokenizer: Any) -> None:
    streams = [lessons(mix, seed=11) for mix in (TEACHER_MIX, TEACHER_SECOND_MIX)]
    told = [next(stream) for stream in streams for _ in range(300)]
    samples = [
        make_sample(reply, id=f"s{n}", messages=[Message.model_validate(each) for each in asked])
        for n, (asked, reply) in enumerate(told)
    ]
    assert all_is_learned(examples([(sample, "train") for sample in samples], str(STUDENT)), tokenizer) == 600


@pytest.mark.slow
def test_the_corpus_of_mini_is_never_refused(tmp_path: Path, tokenizer: Any) -> None:
    run = made(tmp_path, "mini", "source.limit=10")
    assert all_is_learned(list(read_rows(run.folder, "5_corpus", Example)), tokenizer) > 5


def recipe_with_corpus(folder: Path, count: int = 5) -> tuple[str, Path]:
    """A recipe, and the folder of its run with a corpus of two views."""
    recipe = {
        "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": str(REPOSITORY / "data/mini/teacher")},
        "methods": [{"method": "chain_of_thought"}], "student": {"model": str(STUDENT), "max_tokens": 60},
    }  # fmt: skip
    (folder / "small.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    samples = [
        make_sample(f"{n}+1={n + 1}.", id=f"s{n}", view=view, answer_span=Span(start=4, end=5))
        for n in range(count)
        for view in ("rationale", "label")
    ]
    run = folder / "data/runs/small"
    run.mkdir(parents=True)
    corpus = examples([(each, "dev" if each.id == "s4" else "train") for each in samples], str(STUDENT))
    write_table(run, "5_corpus", corpus)
    return str(folder / "small.yaml"), run


def test_the_figures_are_of_the_whole_corpus_and_the_first_of_each_view_are_shown(tmp_path: Path) -> None:
    recipe, _ = recipe_with_corpus(tmp_path)
    run = Run(load_recipe(recipe), load_settings(data=str(tmp_path / "data")))
    *first, proven = lines(training_job(run, run.pupils()[-1]))
    assert isinstance(proven, Proven) and all(isinstance(each, Shown) for each in first)
    read = first[0].length - 7  # 0 + 1 = 1 . <|end|> are written
    assert proven.examples == {"train": 8, "dev": 2}
    assert (proven.tokens, proven.trained, proven.longest, proven.limit) == (10 * (read + 7), 70, read + 7, 60)
    assert [each.view for each in first] == ["rationale", "label"] * 3
    assert [each.tokens[-8].text + each.tokens[-7].text for each in first[::2]] == [f"<|assistant|>{n}" for n in range(3)]
    assert [token.text for token in first[0].tokens if token.trained] == ["0", "+", "1", "=", "1", ".", "<|end|>"]
    assert [token.text for token in first[0].tokens if token.answer] == ["1"]
    assert [token.text for token in first[0].tokens if token.special] == ["<|user|>", "<|end|>", "<|assistant|>", "<|end|>"]
    assert "".join(token.text for token in first[0].tokens) == "<|user|>How many?<|end|><|assistant|>0+1=1.<|end|>"


def test_preview_training_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = recipe_with_corpus(tmp_path)
    assert main(["preview", recipe, "--training", "--data", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("10 examples (8 train, 2 dev): 70 of ") and said[0].endswith(" of 60")
    assert said[1] == f"page: {run / 'training.html'}"
    assert "small: what the student learns" in (run / "training.html").read_text(encoding="utf-8")


def test_preview_training_refuses_what_the_training_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = recipe_with_corpus(tmp_path)
    odd = pl.col("tokens") + pl.when(pl.int_range(pl.len()) == 7).then(1).otherwise(0)
    pl.read_parquet(run / "5_corpus.parquet").with_columns(odd).write_parquet(run / "5_corpus.parquet")
    assert main(["preview", recipe, "--training", "--data", str(tmp_path / "data")]) == 2
    said = capsys.readouterr()
    assert "so the corpus was selected for another student" in said.err and "Traceback" not in said.err
    assert not said.out and not (run / "training.html").exists()


def test_preview_training_without_a_corpus_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = recipe_with_corpus(tmp_path)
    (run / "5_corpus.parquet").unlink()
    assert main(["preview", recipe, "--training", "--data", str(tmp_path / "data")]) == 2
    assert "make generate" in capsys.readouterr().err


def test_tokens_that_are_parts_of_a_character_are_shown_as_one(tokenizer: Any) -> None:
    [example] = examples([(make_sample("So 😀 é."), "train")], str(STUDENT))
    told = shown(example, encode(example, tokenizer, 100), tokenizer)
    assert "".join(token.text for token in told.tokens if token.trained) == "So 😀 é.<|end|>"
    assert len(told.tokens) < told.length
    assert not any("\ufffd" in token.text for token in told.tokens)
