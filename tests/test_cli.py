"""The command line as people use it: `generate` against a real server, and what is said when something is wrong.

Every command is a process of its own in a folder with its own recipe, prompts, tasks and tokenizer.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline.settings import REPOSITORY
from tests import small_runs
from tests.servers import OVERLOADED, UNKNOWN_MODEL, WRONG_KEY, ChatServer, Trouble, closed_url
from tests.small_runs import KEY, Ended, end

TASKS, LIMITED = 12, 8
CALLS_A_TASK = 3  # two samples by chain_of_thought, one by instruction_following
CALLS = TASKS * CALLS_A_TASK
RECIPE = """
source: {kind: jsonl, path: tasks.jsonl, fields: {prompt: question, answer: answer}, dev_share: 0.1, test_share: 0.0}
teacher: {backend: openai, model: small-1, sampling: {temperature: 0.7, max_tokens: 64, seed: 5}}
methods:
  - {method: chain_of_thought, samples: 2}
  - {method: instruction_following}
filters: [finished, not_empty, answer_matches, no_duplicates]
selection: {per_task: 1}
student: {model: tokenizer}
"""

BUILDING_A_MODEL = """
import sys

class InterruptedWhileItBuilds:
    def find_spec(self, name, path, target=None):
        if name == "pipeline.recipe":
            raise ValueError("Error building \\"model\\" validator:\\n  KeyboardInterrupt: ")

sys.meta_path.insert(0, InterruptedWhileItBuilds())
"""
"""Code that runs before the command: what pydantic's compiled part makes of an interrupt in the middle of a model."""


def make_folder(folder: Path) -> Path:
    """A working folder of this file's recipe."""
    return small_runs.make_folder(folder, range(TASKS), RECIPE)


def start(folder: Path, *words: str, url: str = "", prepare: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """`python -m pipeline …` in a folder, with nothing of the caller's settings."""
    environment = small_runs.environment(url, data="data", patience_seconds=3)
    words = (sys.executable, "-m", "pipeline", *words, "--data", "data")
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare
    )


def run(folder: Path, *words: str, url: str = "", prepare: Callable[[], None] | None = None) -> Ended:
    return end(start(folder, *words, url=url, prepare=prepare))


def generated(folder: Path, url: str, *words: str) -> Ended:
    """A `generate` that must work."""
    ended = run(folder, "generate", "small", *words, url=url)
    assert ended.code == 0, ended.err
    return ended


def table_bytes(folder: Path) -> dict[str, bytes]:
    """Every table of the run, byte for byte."""
    return {path.name: path.read_bytes() for path in (folder / "data/runs/small").glob("*.parquet")}


def tables(folder: Path) -> dict[str, list[dict[str, object]]]:
    """The rows of every table, without the time calls took."""
    frames = {path.name: pl.read_parquet(path) for path in sorted((folder / "data/runs/small").glob("*.parquet"))}
    return {name: frame.drop("seconds", strict=False).to_dicts() for name, frame in frames.items()}


def replies(folder: Path) -> int:
    """How many replies are remembered."""
    path = folder / "data/responses.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM replies").fetchone()[0])


def outcomes(folder: Path) -> list[str]:
    """How each start ended, by `run.json`."""
    log = json.loads((folder / "data/runs/small/run.json").read_text())
    return [start["outcome"] for start in log["starts"]]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, server: ChatServer) -> Path:
    """A folder in which `generate` has run undisturbed; to be copied, not changed."""
    folder = make_folder(tmp_path_factory.mktemp("undisturbed") / "work")
    generated(folder, server.url)
    return folder


@pytest.fixture
def copy(done: Path, tmp_path: Path) -> Path:
    """A copy of the folder in which `generate` has run."""
    return Path(shutil.copytree(done, tmp_path / "work"))


def test_the_tables_of_an_undisturbed_run(done: Path) -> None:
    rows = tables(done)
    assert list(rows) == [f"{name}.parquet" for name in small_runs.TABLES]
    assert (len(rows["1_tasks.parquet"]), len(rows["2_responses.parquet"])) == (TASKS, CALLS)
    assert {row["task_id"] for row in rows["5_corpus.parquet"]} == {row["id"] for row in rows["1_tasks.parquet"]}
    assert not list((done / "data/runs/small").glob(".*.unfinished"))


def test_the_key_is_nowhere(done: Path) -> None:
    files = [path for path in (done / "data").rglob("*") if path.is_file()]
    assert len(files) > 7
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_second_start_pays_for_nothing(copy: Path, server: ChatServer) -> None:
    before, hits = table_bytes(copy), server.hits
    ended = generated(copy, server.url)
    assert server.hits == hits
    assert f"0 asked, {CALLS} remembered" in ended.err
    assert table_bytes(copy) == before


def test_more_rows_ask_only_for_those(tmp_path: Path, done: Path) -> None:
    folder = make_folder(tmp_path / "work")
    with ChatServer() as server:
        generated(folder, server.url, "--limit", str(LIMITED))
        assert server.hits == LIMITED * CALLS_A_TASK
        generated(folder, server.url)
        assert server.hits == CALLS
    assert tables(folder) == tables(done)


def test_a_changed_template_asks_only_its_own_method(copy: Path, server: ChatServer) -> None:
    before = server.hits
    edit(copy / "prompts/instruction_following/teacher.jinja", "exactly", "precisely")
    generated(copy, server.url)
    assert server.hits - before == TASKS
    assert all("precisely" in body["messages"][0]["content"] for body in server.bodies[before:])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_kill_loses_what_was_in_flight_and_nothing_else(tmp_path: Path, done: Path) -> None:
    folder, in_flight = make_folder(tmp_path / "work"), 4
    words = ("generate", "small", "--concurrency", str(in_flight))
    with ChatServer(seconds=0.1) as server:
        process = start(folder, *words, url=server.url)
        server.wait_for_hits(CALLS // 2)
        server.seconds = 60  # those to come are in flight until the kill
        second = run(folder, *words, url=server.url)
        assert second.code == 2
        assert f"another run works in this folder (process {process.pid})" in second.err
        process.kill()
        end(process)
    with ChatServer() as afterwards:
        left = CALLS - replies(folder)
        generated(folder, afterwards.url)
        assert afterwards.hits == left
        assert server.hits + afterwards.hits <= CALLS + in_flight
    assert tables(folder) == tables(done)


def test_an_interrupted_run_goes_on(tmp_path: Path, done: Path) -> None:
    folder = make_folder(tmp_path / "work")
    with ChatServer(seconds=0.2) as server:
        process = start(folder, "generate", "small", "--concurrency", "3", url=server.url)
        server.wait_for_hits(9)
        process.send_signal(signal.SIGINT)
        ended = end(process)
        assert ended.code == 130
        assert "interrupted: everything that landed is kept" in ended.err
        assert "Traceback" not in ended.err
        assert server.hits - 3 <= replies(folder) <= server.hits
        assert table_bytes(folder) == {}
        assert outcomes(folder) == ["KeyboardInterrupt"]
        before, left = server.hits, CALLS - replies(folder)
        generated(folder, server.url)
        assert server.hits - before == left
    assert tables(folder) == tables(done)


def test_an_interrupt_that_a_library_made_an_error_of_its_own(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "work")
    (folder / "sitecustomize.py").write_text(BUILDING_A_MODEL)
    environment = small_runs.environment("", data="data") | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}
    command = (sys.executable, "-m", "pipeline", "preview", "small")
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "interrupted: everything that landed is kept; the same command goes on from here.\n"


def test_a_ceiling_stops_and_a_later_start_goes_on(tmp_path: Path, done: Path) -> None:
    folder = make_folder(tmp_path / "work")
    with ChatServer(seconds=0.2) as server:
        stopped = run(folder, "generate", "small", "--max-tokens", "1000", url=server.url)
        assert stopped.code == 3
        assert "stopped: DISTILL_MAX_TOKENS=1000" in stopped.err and "the same command goes on" in stopped.err
        assert 0 < server.hits < CALLS
        assert replies(folder) == server.hits
        assert table_bytes(folder) == {}
        generated(folder, server.url)
        assert server.hits == CALLS
    assert outcomes(folder) == ["BudgetReached", "done"]
    assert tables(folder) == tables(done)


def test_what_failed_for_now_is_asked_next_time(tmp_path: Path, done: Path) -> None:
    folder = make_folder(tmp_path / "work")
    trouble = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="How much is 7 + 2?")
    with ChatServer(trouble) as server:
        ended = generated(folder, server.url)
        assert f"{CALLS_A_TASK} calls failed for now" in ended.out and "429 Slow down." in ended.out
        owed = [row for row in tables(folder)["2_responses.parquet"] if row["finish"] == "owed"]
        assert len(owed) == CALLS_A_TASK
        server.troubles.clear()
        before = server.hits
        ended = generated(folder, server.url)
        assert server.hits - before == CALLS_A_TASK
        assert "failed for now" not in ended.out
    assert tables(folder) == tables(done)


@dataclass(frozen=True)
class Wrong:
    """Something wrong, and what must be said of it."""

    says: tuple[str, ...]
    words: tuple[str, ...] = ("generate", "small")
    spoil: Callable[[Path], None] = lambda folder: None
    trouble: Trouble | None = None
    url: str = ""
    prepare: Callable[[], None] | None = field(default=None)


NEW_QUESTIONS = ("generate", "small", "--set", "teacher.sampling.temperature=0.1")


def _teacher_template(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "prompts/chain_of_thought/teacher.jinja", old, new)


def _no_template(folder: Path) -> None:
    (folder / "prompts/chain_of_thought/teacher.jinja").unlink()


def _half_a_line(folder: Path) -> None:
    lines = (folder / "tasks.jsonl").read_text().splitlines()
    (folder / "tasks.jsonl").write_text("\n".join([*lines[:3], '{"question": "half', *lines[3:]]))


def _no_lines(folder: Path) -> None:
    (folder / "tasks.jsonl").write_text("")


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


WRONG = {
    "recipe": Wrong(("nosuch: there is no recipe of this name", "Recipes there are: small."), ("generate", "nosuch")),
    "recipe-path": Wrong(("./no.yaml: this recipe does not exist", "Give a path"), ("generate", "./no.yaml")),
    "recipe-key": Wrong(
        ("recipes/small.yaml: teacher.sampling.temprature: unknown key (value 1); known keys: ", "temperature"),
        ("generate", "small", "--set", "teacher.sampling.temprature=1"),
    ),
    "recipe-type": Wrong(
        ("recipes/small.yaml: methods.0.samples: 'many': ", "Mend the recipe"),
        ("generate", "small", "--set", "methods.0.samples=many"),
    ),
    "recipe-yaml": Wrong(
        ("recipes/small.yaml, line ", "not YAML"),
        spoil=lambda folder: edit(folder / "recipes/small.yaml", "{model: t", "[model: t"),
    ),
    "flag": Wrong(("unrecognized arguments: --nosuch", "--help"), ("generate", "small", "--nosuch")),
    "setting": Wrong(("DISTILL_CONCURRENCY='0'", "greater than 0"), ("generate", "small", "--concurrency", "0")),
    "data-file": Wrong(("source.path: tasks.jsonl does not exist",), spoil=lambda folder: (folder / "tasks.jsonl").unlink()),
    "data-line": Wrong(("tasks.jsonl, line 4: not JSON", "Mend or remove this line."), spoil=_half_a_line),
    "data-column": Wrong(
        ("tasks.jsonl, line 1: no column 'q'", "question, answer"),
        ("generate", "small", "--set", "source.fields.prompt=q"),
    ),
    "data-empty": Wrong(("no tasks",), spoil=_no_lines),
    "template-name": Wrong(
        ("prompts/chain_of_thought/teacher.jinja, block user: 'promt' is undefined", "prompt"),
        spoil=_teacher_template("{{ prompt }}", "{{ promt }}"),
    ),
    "template-syntax": Wrong(
        ("prompts/chain_of_thought/teacher.jinja, line ",), spoil=_teacher_template("{{ prompt }}", "{{ prompt")
    ),
    "template-missing": Wrong(
        ("chain_of_thought/teacher.jinja: this template does not exist", "chain_of_thought/student"), spoil=_no_template
    ),
    "model-folder": Wrong(
        ("tokenizer: not a model folder, it has no config.json, *.safetensors",),
        ("generate", "small", "--backend", "local", "--teacher", "./tokenizer"),
    ),
    "model-nowhere": Wrong(
        ("./nowhere: no such model folder",), ("generate", "small", "--backend", "local", "--teacher", "./nowhere")
    ),
    "student-nowhere": Wrong(("nowhere: its tokenizer cannot be loaded",), ("generate", "small", "--student", "nowhere")),
    "nobody-listens": Wrong(("cannot be reached", "OPENAI_BASE_URL"), NEW_QUESTIONS),
    "wrong-key": Wrong(("401 Incorrect API key provided: ***", "set OPENAI_API_KEY"), NEW_QUESTIONS, trouble=WRONG_KEY),
    "unknown-model": Wrong(("404 The model `small-1`", "/v1/models"), NEW_QUESTIONS, trouble=UNKNOWN_MODEL),
    "file-too-large": Wrong(
        ("responses.sqlite: the response store cannot be used", "Free space"), NEW_QUESTIONS, prepare=_small_files
    ),
}


def spoiled_run(wrong: Wrong, source: Path, folder: Path) -> tuple[Ended, bool]:
    """Makes a folder wrong in one way and runs there; also tells whether the tables are as they were."""
    shutil.copytree(source, folder)
    wrong.spoil(folder)
    before = table_bytes(folder)
    with ChatServer(*([wrong.trouble] if wrong.trouble else [])) as server:
        url = closed_url() if wrong.trouble is None and wrong.prepare is None else server.url
        ended = run(folder, *wrong.words, url=url, prepare=wrong.prepare)
    return ended, bool(before) and table_bytes(folder) == before


@pytest.fixture(scope="module")
def spoiled_runs(done: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[tuple[Ended, bool]]]]:
    """All wrong runs, two at a time."""
    root = tmp_path_factory.mktemp("wrong")
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(spoiled_run, wrong, done, root / name) for name, wrong in WRONG.items()}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str, spoiled_runs: dict[str, Future[tuple[Ended, bool]]]) -> None:
    ended, untouched = spoiled_runs[name].result()
    assert ended.code == 2, ended.err
    for words in WRONG[name].says:
        assert words in ended.err
    assert "error: " in ended.err and "Traceback" not in ended.err and "never retrieved" not in ended.err
    assert KEY not in ended.err + ended.out
    assert untouched


@pytest.fixture
def tiny_disk(copy: Path) -> Iterator[Path]:
    """The folder of the run on a disk with hardly any space left."""
    runs = copy / "data/runs"
    kept = copy / "kept"
    runs.rename(kept)
    runs.mkdir()
    size = sum(-(-path.stat().st_size // 4096) * 4096 for path in kept.rglob("*") if path.is_file())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size // 1024 + 12}k", "tmpfs", str(runs)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        shutil.copytree(kept, runs, dirs_exist_ok=True)
        yield copy
    finally:
        subprocess.run(["umount", str(runs)], check=True)


def test_a_full_disk_leaves_the_tables_as_they_were(tiny_disk: Path, server: ChatServer) -> None:
    before = table_bytes(tiny_disk)
    ended = run(tiny_disk, "generate", "small", "--set", "methods.0.samples=40", url=server.url)
    assert ended.code == 2, ended.err
    assert "No space left on device" in ended.err and "Free space" in ended.err
    assert "Traceback" not in ended.err and "never retrieved" not in ended.err
    assert table_bytes(tiny_disk) == before


def test_help_and_no_verb() -> None:
    helped, alone = (
        subprocess.run([sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, cwd=REPOSITORY)
        for words in (["--help"], [])
    )
    assert helped.returncode == 0 and "generate" in helped.stdout
    assert alone.returncode == 2 and "--help" in alone.stderr


def test_the_folders_recipe_is_that_of_its_tables(tmp_path: Path) -> None:
    """After `filter` with other filters, `recipe.yaml` has these and everything else as it was."""
    folder = small_runs.make_folder(tmp_path / "work", range(12))
    with ChatServer() as server:
        small_runs.done(folder, server.url)
    changed = ("--set", "filters=[finished, not_empty]", "--set", "decontaminate=false", "--set", "teacher.model=another")
    assert small_runs.end(small_runs.start(folder, "", *changed, verb="filter")).code == 0
    recipe = yaml.safe_load((folder / "data/runs/small/recipe.yaml").read_text())
    assert [each["filter"] for each in recipe["filters"]] == ["finished", "not_empty"]
    assert recipe["teacher"]["model"] != "another"


def test_a_control_row_has_a_story_too(tmp_path: Path) -> None:
    folder = small_runs.make_folder(tmp_path / "work", range(12))
    with ChatServer() as server:
        small_runs.done(folder, server.url)
    control = pl.read_parquet(folder / "data/runs/small/5_control.parquet")["id"][0]
    command = [sys.executable, "-m", "pipeline", "why", control, "--recipe", "small", "--data", "data"]
    told = subprocess.run(command, cwd=folder, env=small_runs.environment(""), capture_output=True, text=True, check=False)
    assert told.returncode == 0 and f"in the control as {control}" in told.stdout, told.stderr
    gold = pl.read_parquet(folder / "data/runs/small/5_gold_labels.parquet").row(0, named=True)
    command[command.index(control)] = gold["id"]
    told = subprocess.run(command, cwd=folder, env=small_runs.environment(""), capture_output=True, text=True, check=False)
    assert f"in 5_gold_labels as {gold['id']}" in told.stdout and gold["messages"][-1]["content"] in told.stdout, told.stderr


def test_a_run_is_found_by_its_own_name(tmp_path: Path) -> None:
    """Messages name the run, whose recipe may be called otherwise; a recipe of that name comes first."""
    folder = make_folder(tmp_path)
    with ChatServer() as server:
        generated(folder, server.url, "--set", "name=other")
    told = run(folder, "status", "other")
    task = pl.read_parquet(folder / "data/runs/other/1_tasks.parquet")["id"][0]
    assert told.code == 0 and "data/runs/other" in told.out, told.err
    assert f"task {task}" in run(folder, "why", task, "--recipe", "other").out
    missing = run(folder, "status", "small")
    assert missing.code == 2 and "data/runs/small: there are no tables yet" in missing.err
