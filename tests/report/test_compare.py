"""Two runs beside each other: small real ones whose teachers differ in what they get right, tables with known figures."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.publication import write_table
from pipeline.records import Message, Verdict
from pipeline.report.compare import Comparison, compare
from pipeline.report.compare_lines import as_lines
from pipeline.statistics import mcnemar, wilson
from pipeline.terminal import json_line, say
from tests import small_runs
from tests.completions import completion
from tests.report.grades import make_grade, written
from tests.rows import make_response, make_sample, make_task
from tests.servers import ChatServer

ROWS = 40
WORSE = "You are a sloppy teacher."


class MoodyServer(ChatServer):
    """Right, but for every second question that a sloppy teacher is asked."""

    def right(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        told = completion(body, name)
        message = told["choices"][0]["message"]
        if WORSE in json.dumps(body["messages"]) and int(message["content"].split()[-1].strip(".")) % 16 == 1:
            message["content"] = "By no way. The answer is 7."
        return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the runs `small` and, its template edited and its name set, `small-b`."""
    made = small_runs.make_folder(tmp_path_factory.mktemp("compare") / "work", range(ROWS))
    template = made / "prompts/chain_of_thought/teacher.jinja"
    with MoodyServer() as server:
        small_runs.done(made, server.url)
        template.write_text(template.read_text().replace("You are a careful teacher.", WORSE))
        small_runs.done(made, server.url, "--set", "name=small-b")
        assert server.hits == 2 * ROWS
    return made


def distill(folder: Path, verb: str, *words: str) -> small_runs.Ended:
    """`distill VERB WORDS…` in the folder, with nobody to ask."""
    given = small_runs.environment("", data="data")
    done = subprocess.run(
        (sys.executable, "-m", "pipeline", verb, *words), cwd=folder, env=given, capture_output=True, text=True
    )
    return small_runs.Ended(done.returncode, done.stdout, done.stderr)


def test_an_edited_prompt_is_told_to_be_worse(folder: Path) -> None:
    ended = distill(folder, "compare", "small", "small-b")
    assert ended.code == 0, ended.err
    first, second, *_ = ended.out.splitlines()
    assert first.startswith("small-b beside small is worse by samples accepted, tasks with an accepted sample, tokens for an")
    assert second.startswith(f"{ROWS} tasks of which both asked a teacher; 0 more in small alone")
    assert "what the teacher reads (chain_of_thought/teacher): 40 of 40 prompts differ" in ended.out
    assert "system: You are a [-careful-]{+sloppy+} teacher." in ended.out
    assert "what the student reads, the same in both: chain_of_thought, rationale, 40 prompts" in ended.out
    assert (folder / "data/runs/small-b/compare.html").is_file()


def test_the_json_holds_all_figures(folder: Path) -> None:
    told = json.loads(distill(folder, "compare", "small", "small-b", "--json", "--examples", "4").out)
    assert told["tasks"] == {"both": ROWS, "only_first": 0, "only_second": 0} and told["recipe"] == []
    samples = told["accepted"][0]
    assert samples["what"] == "samples accepted" and samples["test"] == "McNemar" and samples["word"] == "worse"
    assert (samples["first"]["part"], samples["second"]["part"], samples["tasks"]) == (40, 20, 40)
    assert samples["second"]["interval"] == pytest.approx([100 * each for each in wilson(20, 40)])
    assert samples["p_value"] == pytest.approx(mcnemar(0, 20))
    matches = next(each for each in told["filters"] if each["name"] == "answer_matches")
    assert matches["second"]["part"] == 20
    assert told["taken"][1]["first"] is None, "a price that nobody knows"
    assert told["outputs"]["only_first"] == 20 and len(told["outputs"]["pairs"]) == 4
    pair = told["outputs"]["pairs"][0]
    assert pair["second"]["text"] == "By no way. The answer is 7." and pair["second"]["passed"] == 0
    assert pair["second"]["words"][0].startswith("drop by answer_matches: wrong answer") and pair["first"]["words"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("small", "nowhere"), "nowhere: there is no such run"),
        (("small", "small"), "this run is compared with itself"),
        (("small", "data/runs/small"), "this run is compared with itself"),
        (("small", "empty"), "empty/1_tasks.parquet: this table does not exist"),
        (("small", "half"), "half/4_verdicts.parquet: this table does not exist"),
        (("small", "other"), "other/3_samples.parquet: this table cannot be read: it has no column 'id'"),
        (("small", "strange"), "no task of which both asked a teacher, among 40 and 1"),
        (("small", "broken"), "broken/2_responses.parquet: this table cannot be read"),
    ],
)
def test_what_cannot_be_compared(
    folder: Path, words: tuple[str, str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_bad_runs(folder / "data/runs")
    monkeypatch.chdir(folder)
    assert main(["compare", *words, "--data", "data"]) == 2
    out, error = capsys.readouterr()
    assert out == "" and told in error and "Traceback" not in error
    assert len(error.splitlines()) >= 2, "a remedy"


def make_bad_runs(runs: Path) -> None:
    if (runs / "empty").exists():
        return
    (runs / "empty").mkdir()
    for name in ("half", "other", "broken"):
        shutil.copytree(runs / "small", runs / name)
    (runs / "half/4_verdicts.parquet").unlink()
    shutil.copy(runs / "other/4_verdicts.parquet", runs / "other/3_samples.parquet")
    (runs / "broken/2_responses.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    make_run(runs / "strange", [("z", [True])])


def make_run(folder: Path, tasks: list[tuple[str, list[bool]]], text: Callable[[bool], str] = str, **asked: Any) -> Path:
    """A run in which each task has a sample for each word on whether it passes."""
    folder.mkdir(parents=True, exist_ok=True)
    of = [(name, f"{folder.name}{name}{number}", passes) for name, each in tasks for number, passes in enumerate(each)]
    given: dict[str, Any] = {"tokens_in": 10, "tokens_out": 5, "messages": [Message(role="user", content="Hm?")]} | asked
    write_table(folder, "1_tasks", [make_task(id=name) for name, _ in tasks])
    write_table(folder, "2_responses", [make_response("x", key=key, task_id=name, **given) for name, key, _ in of])
    samples = [make_sample(text(passes), id=key, task_id=name, response_keys=[key]) for name, key, passes in of]
    write_table(folder, "3_samples", samples)
    words = [(key, "keep" if passes else "drop") for _, key, passes in of]
    write_table(folder, "4_verdicts", [Verdict(sample_id=key, filter="f", decision=word, reason="r") for key, word in words])  # type: ignore[arg-type]
    return folder


def drawn(seed: int, share: float, tasks: int = 120, samples: int = 4) -> list[tuple[str, list[bool]]]:
    """Tasks of which some are easy and some hard, with so many samples that pass on average."""
    chance = random.Random(seed)
    hardness = random.Random(5)
    return [
        (f"t{number:03}", [chance.random() < share * 2 * hard for _ in range(samples)])
        for number, hard in enumerate(hardness.random() for _ in range(tasks))
    ]


def test_the_same_teacher_twice_is_not_told_apart(tmp_path: Path) -> None:
    """Of ten pairs of runs that differ by chance alone at most one may be told apart, though three measures are read."""
    told = 0
    for pair in range(10):
        runs = [make_run(tmp_path / f"{pair}-{seed}", drawn(2 * pair + seed, 0.3)) for seed in (0, 1)]
        found = compare(*runs)
        told += "are not told apart by samples accepted" not in found.sentence
        assert len(found.headlines) == 3
    assert told <= 1


def test_a_better_teacher_is_told_apart(tmp_path: Path) -> None:
    found = compare(make_run(tmp_path / "a", drawn(1, 0.2)), make_run(tmp_path / "b", drawn(2, 0.45)))
    assert found.sentence.startswith("b beside a is better by samples accepted")
    accepted = found.accepted[0]
    assert accepted.test == "bootstrap" and accepted.change is not None
    assert accepted.interval[0] < accepted.change < accepted.interval[1]
    assert accepted.first is not None
    assert accepted.first.interval[1] - accepted.first.interval[0] > 100 * _width(wilson(int(accepted.first.part), 480))


def test_the_order_of_two_runs_changes_signs_alone(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "a", drawn(1, 0.3)), make_run(tmp_path / "b", drawn(2, 0.33, tasks=100))
    forth, back = compare(one, other), compare(other, one)
    pairs = [*zip(forth.accepted, back.accepted, strict=True), *zip(forth.filters, back.filters, strict=True)]
    for there, here in pairs:
        assert (there.first, there.second, there.p_value) == (here.second, here.first, here.p_value)
        assert there.interval == pytest.approx(tuple(-each for each in here.interval[::-1]))
    assert [each.p_value for each in forth.taken] == [each.p_value for each in back.taken]
    assert any(0.001 < there.p_value < 1 for there, _ in pairs)


def test_methods_whose_template_was_edited_come_first(tmp_path: Path) -> None:
    runs = []
    for name, hashes in (("a", "11"), ("b", "12")):
        runs.append(make_run(tmp_path / name, [("x", [True]), ("y", [name == "b"])]))
        calls = [
            make_response("x", key=f"{method}{task}", task_id=task, template=f"{method}/teacher", template_hash=of,
                          messages=[Message(role="user", content=f"{method} {name}?")])
            for task in "xy" for method, of in zip(("in_context", "socratic"), hashes, strict=True)
        ]  # fmt: skip
        write_table(runs[-1], "2_responses", calls)
        samples = [
            make_sample(f"{method} {name}", id=f"{name}{method}{task}", task_id=task, method=method)
            for task in "xy" for method in ("in_context", "socratic")
        ]  # fmt: skip
        write_table(runs[-1], "3_samples", samples)
        write_table(
            runs[-1], "4_verdicts", [Verdict(sample_id=each.id, filter="f", decision="keep", reason="") for each in samples]
        )
    found = compare(*runs)
    assert [each.second for each in found.prompts if each.reader == "teacher"] == ["socratic/teacher", "in_context/teacher"]
    assert [pair.method for pair in found.outputs.pairs] == ["socratic"] * 2 + ["in_context"] * 2


def _width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def test_dearer_tokens_are_worse_and_a_known_cost_stands_for_them(tmp_path: Path) -> None:
    tasks = drawn(1, 0.5)
    cheap = make_run(tmp_path / "cheap", tasks, cost=0.01)
    dear = make_run(tmp_path / "dear", tasks, cost=0.03, tokens_out=50)
    found = compare(cheap, dear)
    assert dict(found.headlines) == {
        "samples accepted": "not told apart", "tasks with an accepted sample": "not told apart",
        "cost for an accepted sample": "worse",
    }  # fmt: skip
    tokens, cost = found.taken
    assert (cost.change, tokens.change) == (pytest.approx(200), pytest.approx(300))
    assert compare(dear, cheap).headlines[2] == ("cost for an accepted sample", "better")


def test_only_tasks_of_both_count(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a", [("x", [True]), ("y", [True]), *((f"a{n}", [False]) for n in range(50))])
    second = make_run(tmp_path / "b", [("x", [True]), ("y", [False]), ("b", [True])])
    found = compare(first, second)
    assert (found.tasks.both, found.tasks.only_first, found.tasks.only_second) == (2, 50, 1)
    values = [(each.first.part, each.second.part) for each in found.accepted if each.first and each.second]
    assert values == [(2, 1), (2, 1)]
    assert "are not told apart" in found.sentence, "two tasks tell nothing"


def test_students_are_set_beside_each_other(tmp_path: Path) -> None:
    tasks = [(f"t{number}", [True]) for number in range(60)]
    for name, right in (("a", 10), ("b", 50)):
        run = make_run(tmp_path / name, tasks)
        written(run, (make_grade(f"i{number}", "distilled", number < right) for number in range(60)))
    found = compare(tmp_path / "a", tmp_path / "b")
    assert dict(found.headlines)["students on mini:test"] == "better"
    lines = "\n".join(map(str, as_lines(found)))
    assert "mini:test: distilled of b is better than distilled of a (+66.7 points" in lines


def test_recipes_that_differ_say_where(tmp_path: Path) -> None:
    for name, temperature in (("a", 0.2), ("b", 0.9)):
        run = make_run(tmp_path / name, [("x", [True])])
        (run / "recipe.yaml").write_text(f"name: {name}\nmethods: [{{method: c, temperature: {temperature}}}]\n")
    [field] = compare(tmp_path / "a", tmp_path / "b").recipe
    assert (field.path, field.first, field.second) == ("methods.0.temperature", "0.2", "0.9")
    (tmp_path / "b/recipe.yaml").write_text("\x00: [")
    assert compare(tmp_path / "a", tmp_path / "b").recipe, "a recipe that somebody broke stops nothing"


def test_methods_that_only_one_run_has(tmp_path: Path) -> None:
    first, second = (make_run(tmp_path / name, [("x", [True]), ("y", [name == "b"])]) for name in "ab")
    samples = [make_sample("1", id=f"s{name}", task_id=name, method="socratic") for name in "xy"]
    write_table(second, "3_samples", samples)
    found = compare(first, second)
    assert {each.name for each in found.accepted} == {"all", "chain_of_thought", "socratic"}
    assert [each.word() for each in found.accepted if each.name == "socratic"] == ["not told apart"] * 2
    assert [pair.method for pair in found.outputs.pairs] == ["all methods"] * len(found.outputs.pairs)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Comparison]:
    """Runs whose texts mean harm."""
    evil = '\x1b[2J\x1b]0;x\x07<script>alert("x")</script>\u202egnihton\x00\u2066\u200b' + "y" * 1_000_000
    sides = []
    for name in "ab":
        asked = {"messages": [Message(role="user", content=f"{name} {evil}")]}
        sides.append(
            make_run(tmp_path / name, [("x", [name == "a"]), ("y", [False])], lambda passes, of=name: of + evil, **asked)
        )  # type: ignore[misc]
    yield compare(*sides)


def test_hostile_texts_are_shown_and_not_obeyed(hostile: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    say(*as_lines(hostile))
    out = capsys.readouterr().out
    assert not {"\x1b", "\x00", "\x07", "\u202e", "\u2066", "\u200b"} & set(out)
    assert "\\x1b[2J" in out and "\\u202e" in out and "<script>" in out
    assert len(out) < 100_000, "a line of a megabyte is cut"
    line = json_line(hostile.as_json())
    assert "\x1b" not in line and "\n" not in line
    assert json.loads(line)["outputs"]["pairs"][0]["first"]["text"].endswith("y" * 1000)


def test_a_narrow_terminal_gets_two_rows_a_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compare(make_run(tmp_path / "a", drawn(1, 0.2)), make_run(tmp_path / "b", drawn(2, 0.5)))
    wide = [each for each in map(str, as_lines(found)) if "samples accepted  " in each]
    assert len(wide) == 1 and wide[0].endswith(" better")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = list(map(str, as_lines(found)))
    [place] = [place for place, each in enumerate(lines) if each.startswith("  samples accepted  ")]
    assert lines[place + 1].strip().startswith("+") and lines[place + 1].endswith(" better")
    assert all(len(each) <= 80 for each in lines[place - 1 : place + 6])
