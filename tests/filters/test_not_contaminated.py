"""No evaluation item in what the student reads or writes: golden figures, files in every form, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters import not_contaminated
from pipeline.filters.benchmarks import BenchmarkFile
from pipeline.filters.not_contaminated import Leak, NotContaminated, batches, leak_of
from pipeline.filters.verdicts import Word
from pipeline.records import Message, Sample, Task
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task, public_data

QUESTION = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
OTHER = "A robe takes 2 bolts of blue fiber and half that much white fiber, so how many bolts does it take?"
CUT = QUESTION.index("April") + 2
HELD = make_task(id="held", split="test", source="jsonl:my tasks.jsonl", prompt=QUESTION, answer="72")
TRAIN = make_task(id="t1", prompt="Something else.")


def sample(prompt: str, target: str = "So 7.", reasoning: str | None = None) -> Sample:
    return make_sample(target, reasoning=reasoning, messages=[Message(role="user", content=prompt)])


def judged(samples: Sequence[Sample], tasks: Sequence[Task] = (HELD,), at_a_time: int = 3, **fields: Any) -> list[Word]:
    rows = Rows([(TRAIN, each) for each in samples], tasks, at_a_time)
    return list(NotContaminated(filter="not_contaminated", **fields).judge_all(rows))


def questions(name: str, column: str = "question") -> list[str]:
    with public_data(name).open() as lines:
        return [json.loads(line)[column] for line in lines]


def against_gsm8k(prompts: Sequence[str], **fields: Any) -> list[Word]:
    file = {"path": public_data("gsm8k_test.jsonl"), "name": "gsm8k", "fields": {"prompt": "question"}}
    return judged([sample(each) for each in prompts], (), 2000, benchmarks=[file], **fields)


def test_golden_training_questions() -> None:
    """94 share 8 words with a test question, 4 share 13; at least half of two test questions is in three of them.

    A plane becomes a train twice (0.76), and Bella buys stamps as Max does (0.625). Counted in
    n-grams instead of words, two reach one half.
    """
    words = against_gsm8k(questions("gsm8k_train.jsonl"))
    assert Counter(word.reason for word in words) == {
        "holds no evaluation item": 7379,
        "shares 8 words with an evaluation item": 90,
        "shares 13 words with an evaluation item": 1,
        "contaminated by an evaluation item": 3,
    }
    dropped = [(word.score, leak_of(word.detail)) for word in words if word.decision == "drop"]
    assert sorted((score, leak.item) for score, leak in dropped if leak) == [(0.625, "633"), (0.76, "603"), (0.76, "603")]
    thirteen = against_gsm8k(questions("gsm8k_train.jsonl"), ngram=13)
    assert Counter(word.reason for word in thirteen)["holds no evaluation item"] == 7473 - 4


@pytest.mark.parametrize(("ngram", "found"), [(8, 1319), (13, 1319)])
def test_golden_planted_word_for_word(ngram: int, found: int) -> None:
    prompts = [f"Solve this. {each}\nThink first." for each in questions("gsm8k_test.jsonl")]
    assert sum(word.decision == "drop" and word.score == 1.0 for word in against_gsm8k(prompts, ngram=ngram)) == found


@pytest.mark.parametrize(("ngram", "found"), [(8, 1319), (13, 0)])
def test_golden_planted_with_one_word_in_nine_replaced(ngram: int, found: int) -> None:
    """The ninth and every ninth after it, so that each eight between are as they were."""
    places = re.compile(r"((?:\w+\W+){8})\w+")
    prompts = [places.sub(r"\1zzz", each) for each in questions("gsm8k_test.jsonl")]
    assert sum(word.decision == "drop" for word in against_gsm8k(prompts, ngram=ngram)) == found


@pytest.mark.parametrize(
    ("given", "decision", "score"),
    [
        (sample(QUESTION), "drop", 1.0),
        (sample("Hi", target=f"They ask: {QUESTION.upper()}"), "drop", 1.0),
        (sample("Hi", reasoning=QUESTION.replace(" ", "\n")), "drop", 1.0),
        (sample(QUESTION[:CUT], target=QUESTION[CUT:]), "drop", 19 / 20),  # a part each, and a word is cut in two
        (sample(QUESTION[:40]), "keep", 0.4),
        (sample("Natalia sold clips to 48", target="of her friends"), "keep", 0.0),  # no n-gram crosses from one to the other
        (sample(OTHER), "keep", 0.0),
        (sample("", target=""), "keep", 0.0),
    ],
)
def test_tasks_kept_for_evaluation(given: Sample, decision: str, score: float) -> None:
    [word] = judged([given])
    assert (word.decision, word.score) == (decision, pytest.approx(score))


@pytest.mark.parametrize("split", ["train", "dev"])
def test_other_tasks_are_not_compared_with(split: str) -> None:
    [word] = judged([sample(QUESTION)], [HELD.model_copy(update={"split": split})])
    assert (word.decision, word.reason, word.score) == ("keep", "no evaluation items to compare with", None)


@pytest.mark.parametrize(
    ("item", "text", "decision"),
    [
        ({"prompt": "What is two plus two?"}, "Tell me: what is two plus two", "drop"),
        ({"prompt": "What is two plus two?"}, "What is two plus three?", "keep"),
        ({"prompt": "Yes"}, "yes, I do", "keep"),
        ({"prompt": "Yes"}, "YES!", "drop"),
        ({"prompt": "4 1 3 ->", "context": "5 4 2 -> 2\n3 6 5 -> 3"}, "4 1 3 ->", "keep"),
        ({"prompt": "4 1 3 ->", "context": "5 4 2 -> 2\n3 6 5 -> 3"}, "5 4 2 -> 2\n3 6 5 -> 3\n4 1 3 ->", "drop"),
        ({"prompt": QUESTION, "context": OTHER * 3}, QUESTION, "drop"),
        ({"prompt": QUESTION, "context": OTHER * 3}, OTHER, "keep"),
        ({"prompt": "…", "answer": OTHER}, OTHER, "drop"),
        ({"prompt": "…", "answer": "He has to pay 7 dollars in all today."}, "He has to pay 7 dollars in all today.", "keep"),
        ({"prompt": "把这句话翻译成英文并解释每个词的意思"}, "请把这句话翻译成英文并解释每个词的意思。", "drop"),
        ({"prompt": "把这句话翻译成英文并解释每个词的意思"}, "请把这本书翻译成法文。", "keep"),
        ({"prompt": "كم عدد الكتب التي قرأها أحمد في شهر مارس؟"}, "كم عدد الكتب التي قرأها أحمد في شهر مارس", "drop"),
    ],
)  # fmt: skip
def test_short_items_contexts_answers_and_scripts(item: dict[str, str], text: str, decision: str) -> None:
    [word] = judged([sample(text)], [make_task(split="ood", **item)])
    assert word.decision == decision


def test_details_name_benchmark_split_and_item() -> None:
    [word, other] = judged([sample(QUESTION), sample(OTHER)])
    assert word.detail == "jsonl:my_tasks.jsonl test held prompt: natalia sold clips to 48 of her friends"
    assert leak_of(word.detail) == Leak(
        "jsonl:my_tasks.jsonl", "test", "held", "prompt", "natalia sold clips to 48 of her friends"
    )
    assert other.detail == "" and leak_of("") is None and leak_of("a b c: d") is None


@given(some.text(), some.text(), some.text(), some.sampled_from(["prompt", "answer"]))
def test_any_name_can_be_told_of_and_read_again(benchmark: str, split: str, item: str, part: Any) -> None:
    detail = str(Leak(benchmark, split, item, part, "a b"))
    found = leak_of(detail)
    assert found and (found.part, found.words) == (part, "a b") and str(found) == detail and len(detail) <= 240


FORMS: dict[str, Callable[[list[dict[str, str]]], bytes]] = {
    "items.jsonl": lambda rows: "".join(json.dumps(row) + "\n\n" for row in rows).encode(),
    "items.json": lambda rows: b"\xef\xbb\xbf\n " + json.dumps(rows, indent=1).encode(),
    "items.csv": lambda rows: pl.DataFrame(rows).write_csv().encode(),
}


@pytest.mark.parametrize("name", [*FORMS, *(f"{name}.gz" for name in FORMS), "items.parquet"])
def test_files(tmp_path: Path, name: str) -> None:
    rows = [{"q": "Sold clips", "body": OTHER, "gold": "7"}, {"q": QUESTION, "body": "", "gold": OTHER}]
    path = tmp_path / name
    if name.endswith("parquet"):
        pl.DataFrame(rows).write_parquet(path)
    else:
        written = FORMS[name.removesuffix(".gz")](rows)
        path.write_bytes(gzip.compress(written) if name.endswith(".gz") else written)
    items = list(BenchmarkFile(path=path, fields={"prompt": "q", "answer": "gold"}).items())  # type: ignore[arg-type]
    assert [(each.benchmark, each.split, each.id, each.part) for each in items] == [
        ("items", "test", id, part) for id in "12" for part in ("prompt", "answer")
    ]
    assert [each.text for each in items] == ["Sold clips", "7", QUESTION, OTHER]


def test_columns_of_many_sorts(tmp_path: Path) -> None:
    rows = [
        {"id": "a/1", "p": ["Say", "more"], "c": None, "n": {"q": 1}},
        {"id": 7, "p": [{"role": "user", "content": "Hi"}], "c": "Read.", "n": {"q": "x"}},
    ]
    path = tmp_path / "mt.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"prompt": ["p", "n.q"], "id": "id", "context": "c"}
    items = list(BenchmarkFile(path=path, name="mt", split="dev", fields=fields).items())  # type: ignore[arg-type]
    assert [(each.id, each.text, each.context) for each in items] == [("a/1", "Say\nmore\n1", ""), ("7", "Hi\nx", "Read.")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", None, r"none\.jsonl: there is no such file"),
        ("empty.jsonl", b"\n", r"empty\.jsonl: there is nothing in it"),
        ("empty.json", b"[]", r"empty\.json: there is nothing in it"),
        ("empty.csv", b"", r"empty\.csv: cannot be read as csv"),
        ("a.jsonl", b'{"prompt": "x"}\n{oops\n', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"prompt": "x"}\n{"question": "y", "id": 1}\n', r"a\.jsonl, line 2: no column 'prompt'\n.*question, id"),
        ("a.csv", b"q,id\nx,1\n", r"a\.csv, row 1: no column 'prompt'\n.*q, id"),
        ("a.jsonl", b'{"prompt": " ", "id": 1}', r"a\.jsonl, line 1: no text in column 'prompt': ' '\n.*prompt, id"),
        ("a.jsonl", b'{"prompt": {"a": 1}}', r"a\.jsonl, line 1: no text in column 'prompt'"),
        ("a.jsonl", b'{"prompt": "\\ud800"}', r"a\.jsonl, line 1: no text in column 'prompt'"),
        ("a.jsonl", b'{"prompt": [{"role": "x"}]}', r"a\.jsonl, line 1: not a message"),
        ("a.json", b'[{"prompt": "x"}, 7]', r"a\.json, item 2: a int, not an object"),
        ("a.json", b"[" * 100_000, r"a\.json: not JSON"),
        ("a.jsonl", b"\xff\xfe", r"a\.jsonl: not JSON"),
        ("a.jsonl.gz", b'{"prompt": "x"}', r"a\.jsonl\.gz: cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "x"}' * 99, mtime=0)[:-9], r"a\.jsonl\.gz: cannot be read"),
        ("a.csv.gz", b"\x1f\x8b\x08", r"a\.csv\.gz: cannot be read"),
        ("a.csv.gz", gzip.compress(b"prompt\n" + b"x\n" * 999, mtime=0)[:-9], r"a\.csv\.gz: cannot be read"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), r"a\.csv\.gz: cannot be read as csv"),
        ("a.parquet", b"PAR1", r"a\.parquet: cannot be read as parquet"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        judged([sample("x")], benchmarks=[{"path": tmp_path / name}])


def test_verdicts_rest_on_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    condition = NotContaminated(filter="not_contaminated", benchmarks=[{"path": path}])  # type: ignore[list-item]
    with pytest.raises(UserError, match=r"a\.jsonl: cannot be read: No such file"):
        condition.rests_on()
    path.write_text('{"prompt": "x"}')
    before = condition.rests_on()
    path.write_text('{"prompt": "y"}')
    assert [len(each) for each in before] == [64] and condition.rests_on() != before
    assert NotContaminated(filter="not_contaminated").rests_on() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"ngram": 1}, {"ngram": 14}, {"ngram": 8, "reported": 7}, {"coverage": 0}, {"coverage": 1.1},
        {"coverage": float("nan")},
        {"benchmarks": [{"path": "x", "name": "a b"}]}, {"benchmarks": [{"path": "x", "fields": {"prompt": []}}]},
    ],
)  # fmt: skip
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NotContaminated(filter="not_contaminated", **fields)


def test_words_do_not_depend_on_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [sample(QUESTION[place:], target=OTHER[:place], reasoning=QUESTION[:place] or None) for place in range(90)]
    words = judged(samples, at_a_time=90)
    assert len({word.score for word in words}) > 5
    monkeypatch.setattr(not_contaminated, "BATCH", 300)
    assert judged(samples, at_a_time=7) == words


def test_long_texts_are_compared_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(not_contaminated, "BATCH", 100)
    rows = Rows([(TRAIN, sample("x" * size)) for size in (0, 10, 250, 30, 30, 60, 99, 500)], at_a_time=8)
    given = pl.concat(rows.frames())
    cut = list(batches(rows.frames()))
    assert len(cut) > 4 and pl.concat(cut).equals(given)
    assert all(each.height == 1 or each["prompt"].str.len_bytes().sum() < 200 for each in cut)


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a " * 500_000, f"{QUESTION} " * 10_000, "字" * 333_333, "\u202e\0🙂" * 100_000, "ﷺ" * 300_000]
)
def test_a_megabyte_is_quick(text: str) -> None:
    start = perf_counter()
    [word] = judged(
        [sample(text)],
        [HELD, make_task(id="a", split="test", prompt="a " * 1000), make_task(id="b", split="test", prompt="字" * 99)],
    )
    assert (word.decision == "drop") == (text[0] in "N字" or text[:2] == "a ")
    assert perf_counter() - start < 5
