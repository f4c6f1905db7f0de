"""The walks of docs/inspect.md: every command as it stands there, and what it must show to whoever asks so."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from pipeline.settings import REPOSITORY
from tests.walking import NEEDED, NEVER, TASKS, Walk, WorldServer, lines

PAGE = (REPOSITORY / "docs/inspect.md").read_text(encoding="utf-8")
MISSING, PROMPT, FILTER = PAGE.split("\n## ")[1:]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A folder in which `make generate` has run."""
    folder = tmp_path_factory.mktemp("walk")
    with WorldServer() as server:
        walk = Walk(folder, server.url)
        walk.run("make generate")
        yield walk


def test_why_a_question_is_missing(walk: Walk) -> None:
    why, missing, others = map(walk.run, lines(MISSING))
    task = why.split()[1]
    assert NEVER in why and f"task {task} · instruction" in why
    assert "0 of 8 samples in the corpus · dropped by constraints_met" in why and "said: The king is old." in why
    assert task in missing and missing.startswith("id\tkind\tprompt\n")
    assert others.count("\tconstraints_met\tdrop\t") >= 1


def test_whether_a_prompt_got_better(walk: Walk) -> None:
    template = walk.folder / "prompts/chain_of_thought/teacher.jinja"
    assert str(template.relative_to(walk.folder)) in PROMPT and NEEDED in PROMPT and NEEDED in template.read_text()
    before = template.read_text()
    template.write_text(before.replace(f"{NEEDED}. ", ""))
    preview, generate, compare = map(walk.run, lines(PROMPT))
    template.write_text(before)
    remembered, new = (asked(preview, column) for column in (1, 2))
    assert remembered["chain_of_thought/teacher"] == "0" != new["chain_of_thought/teacher"]
    assert remembered["instruction_following/teacher"] != "0" == new["instruction_following/teacher"]
    assert "changed since" in preview and f"[-{NEEDED}. -]" in preview
    assert "corpus" in generate and (walk.folder / "data/runs/mini-b/5_corpus.parquet").is_file()
    assert compare.splitlines()[0].startswith("mini-b beside mini is worse by samples accepted")
    assert f"[-{NEEDED}. -]" in compare and f"{TASKS} tasks of which both asked a teacher" in compare
    assert (walk.folder / "data/runs/mini-b/compare.html").is_file()


def test_which_filter_drops_too_much(walk: Walk) -> None:
    block = lines(FILTER)
    assert [line.split()[1] for line in block] == ["generate", "status", "show", "why", "filter", "status"]
    before = {path.name: path.read_bytes() for path in (walk.folder / "data/runs/mini").glob("*.parquet")}
    _, strict, mildest = map(walk.run, block[:3])
    sample = mildest.splitlines()[1].split("\t")[0]
    story, _, mild = (walk.run(line.replace("SAMPLE", sample)) for line in block[3:])
    assert dropped(strict) > 5 * dropped(mild) and "drop by not_contaminated" in strict
    scores = [float(row.split("\t")[1]) for row in mildest.splitlines()[1:]]
    assert len(scores) == 5 and scores == sorted(scores) and scores[0] < 0.9
    assert "not_contaminated" in story and "evaluation item" in story
    assert pl.read_parquet(walk.folder / "data/runs/mini-f/5_corpus.parquet").height > TASKS
    assert {path.name: path.read_bytes() for path in (walk.folder / "data/runs/mini").glob("*.parquet")} == before


def asked(preview: str, column: int) -> dict[str, str]:
    """A column of what `make preview` says would be asked, by template."""
    rows = [row.split() for row in preview.partition("generate would ask")[2].splitlines()]
    return {row[0]: row[column] for row in rows if row and row[0].endswith("/teacher")}


def dropped(status: str) -> int:
    """How many samples not_contaminated drops by the lines of `make status`."""
    (row,) = [row for row in status.splitlines() if row.split()[:1] == ["not_contaminated"]]
    return int(row.split()[row.split().index("dropped") - 1])
