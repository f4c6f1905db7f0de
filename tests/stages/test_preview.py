"""The preview of a small real run: what it shows, what it would ask anew and what that would cost, and that it asks nobody."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.prompts import templates_folder
from tests import small_runs
from tests.servers import ChatServer

ROWS = 24
PRICE = "teacher.price={input: 1.0, output: 4.0}"
TEMPLATE = "prompts/chain_of_thought/teacher.jinja"


class Folder:
    """A working folder whose run is done; its server stays, to be counted."""

    def __init__(self, path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.server, self._capsys = path, server, capsys

    def preview(self, *words: str) -> str:
        """What `distill preview` says; it must work, and ask nobody."""
        before = self.server.hits
        assert main(["preview", "small", "--data", "data", "--base-url", self.server.url, *words]) == 0
        assert self.server.hits == before
        return self._capsys.readouterr().out


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_runs.undisturbed_folder(tmp_path_factory.mktemp("preview") / "work", ROWS)


@pytest.fixture
def folder(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Folder]:
    path = tmp_path / "work"
    shutil.copytree(done, path)
    monkeypatch.chdir(path)
    templates_folder.cache_clear()
    with ChatServer() as server:
        yield Folder(path, server, capsys)
    templates_folder.cache_clear()


def row(told: str, template: str) -> list[str]:
    """The figures of a template's row."""
    [line] = [line for line in told.splitlines() if line.startswith(f"  {template}  ")]
    return line.removeprefix(f"  {template}").split()


def test_all_is_remembered(folder: Folder) -> None:
    told = folder.preview()
    assert row(told, "chain_of_thought/teacher") == [str(ROWS), "0"]
    assert "nothing is new: all replies are remembered" in told
    assert "changed since" not in told
    assert re.search(r"teacher reads \(prompts/chain_of_thought/teacher.jinja, about \d\d tokens\):", told)


def test_an_edit_is_asked_anew_and_has_a_price(folder: Folder) -> None:
    """By the bill of the server, whose tokens are words: what the preview says it may cost at most is no less."""
    template = folder.path / TEMPLATE
    template.write_text(template.read_text().replace("careful teacher", "patient teacher"))
    told = folder.preview("--set", PRICE)
    remembered, new, tokens_in, tokens_out, cost = row(told, "chain_of_thought/teacher")
    assert (remembered, new, tokens_out) == ("0", str(ROWS), str(32 * ROWS))
    assert float(cost.removeprefix("$")) == pytest.approx((int(tokens_in.replace(",", "")) + 4 * 32 * ROWS) / 1e6, rel=1e-3)
    assert "changed since data/runs/small was made:" in told
    assert "system: You are a [-careful-]{+patient+} teacher." in told
    usual = re.search(
        r"with as many calls a task and replies as long as in data/runs/small: about (\d+) calls, .* (\d+) out", told
    )
    small_runs.done(folder.path, folder.server.url)
    assert usual and (usual[1], usual[2]) == (str(ROWS), str(folder.server.bill.tokens_out))
    assert folder.server.hits == ROWS
    assert "changed since" not in folder.preview()


def test_another_name_pays_for_nothing_twice(folder: Folder) -> None:
    """The way to compare two prompts: the run before keeps its folder, and what did not change is remembered."""
    assert row(folder.preview("--set", "name=small-b"), "chain_of_thought/teacher") == [str(ROWS), "0"]


def test_rows_that_were_added_are_new_and_no_others(folder: Folder) -> None:
    small_runs.write_rows(folder.path, range(ROWS + 6))
    told = folder.preview()
    assert row(told, "chain_of_thought/teacher")[:2] == [str(ROWS), "6"]
    assert row(told, "chain_of_thought/teacher")[-1] == "unknown", "nobody knows the price"


def test_a_student_s_prompt_costs_nothing(folder: Folder) -> None:
    template = folder.path / "prompts/chain_of_thought/student.jinja"
    template.write_text(template.read_text().replace("{{ prompt }}", "Q: {{ prompt }}"))
    told = folder.preview()
    assert row(told, "chain_of_thought/teacher") == [str(ROWS), "0"]
    assert "{+Q: +}" in told


def test_without_a_key_the_prompts_are_shown(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = folder.preview("--base-url", "https://api.openai.com/v1")
    assert "teacher reads" in told
    assert "note: what would be asked anew cannot be told: OPENAI_API_KEY is not set" in told


def test_hostile_questions_are_shown_and_not_obeyed(folder: Folder) -> None:
    evil = "\x1b[2J <script>alert(1)</script> \u202egnihton\x00 How much is 1 + 1? " + "y" * 1_000_000
    (folder.path / "tasks.jsonl").write_text(json.dumps({"question": evil, "answer": "2"}) + "\n")
    told = folder.preview("--set", "source.dev_share=0")
    assert not {"\x1b", "\x00", "\u202e"} & set(told)
    assert "\\x1b[2J <script>" in told and len(told) < 100_000


def test_a_broken_template_says_where(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.path / TEMPLATE).write_text("{% block user %}{{ qestion }}{% endblock %}")
    assert main(["preview", "small", "--data", "data", "--base-url", folder.server.url]) == 2
    assert "'qestion' is undefined" in capsys.readouterr().err
