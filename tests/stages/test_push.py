"""Pushing: nothing leaves without --yes, and what leaves is what was shown, private, to a server that acts as the hub."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline.publication import write_table
from pipeline.recipe import load_recipe
from pipeline.records import Example, Message
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.train import training_job
from pipeline.student.job import mark_trained
from tests import small_runs
from tests.rows import make_task
from tests.servers import closed_url
from tests.small_runs import Ended, end

TOKEN = "hf_0123456789"
WEIGHTS = bytes(range(256)) * 4


@dataclass
class Hub:
    """What a hub was told: the repositories made, and the files committed to each."""

    url: str = ""
    refuse: bool = False
    made: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        """The part of the hub's API that `huggingface_hub` uses to upload small files."""
        if path == "/api/repos/create":
            self.made.append(json.loads(body))
            return {"url": f"{self.url}/{self.made[-1]['organization']}/{self.made[-1]['name']}"}
        if path == "/api/validate-yaml":
            return {}
        repository = "/".join(path.split("/")[2:5])
        if "/preupload/" in path:
            names = [each["path"] for each in json.loads(body)["files"]]
            return {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
        values = [line["value"] for line in map(json.loads, body.splitlines()) if line["key"] == "file"]
        self.files[repository] = {each["path"]: base64.b64decode(each["content"]) for each in values}
        return {"commitUrl": f"{self.url}/{repository}/commit/1", "commitOid": "1"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.tokens.add(self.headers["Authorization"])
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reply = (
                {"error": "Invalid username or password."} if told.refuse else told.answer(self.path.partition("?")[0], body)
            )
            self._send(401 if told.refuse else 200, reply)

        def do_GET(self) -> None:
            self._send(404, {"error": "Repository not found"})

        def _send(self, status: int, reply: dict[str, Any]) -> None:
            text = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder whose recipe has a trained student; its weights are but bytes, since nobody loads them."""
    folder = small_runs.make_folder(tmp_path / "work", range(2))
    base = folder / "tokenizer"
    (base / "config.json").write_text("{}")
    (base / "model.safetensors").write_bytes(b"base")
    run = open_run(folder)
    write_table(run.folder, "1_tasks", [make_task()])
    write_table(run.folder, "5_corpus", [example("a", "train"), example("b", "dev")])
    run.write_recipe()
    [pupil] = [each for each in run.pupils() if each.model == "distilled"]
    student = pupil.folder(run.folder)
    shutil.copytree(base, student)
    (student / "model.safetensors").write_bytes(WEIGHTS)
    (student / "adapter").mkdir()
    (student / "adapter/adapter.safetensors").write_bytes(b"adapter")
    (student / ".hidden").write_text("stays")
    (student / "README.md").write_text("---\ntags: [distillation]\n---\n# The card\n")
    mark_trained(student, training_job(run, pupil).fingerprint)
    return folder


def open_run(folder: Path) -> Run:
    recipe = load_recipe(str(folder / "recipes/small.yaml"), [f"student.model={folder / 'tokenizer'}"])
    run = Run(recipe, load_settings(data=str(folder / "data")))
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def example(text: str, split: str) -> Example:
    said = [Message(role="user", content="?"), Message(role="assistant", content=text)]
    given = {"id": text, "sample_id": text, "task_id": text, "method": "chain_of_thought", "view": "rationale"}
    return Example(**given, split=split, messages=said, weight=1.0, tokens=1)


def push(folder: Path, url: str, *words: str, token: str = TOKEN) -> Ended:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISTILL_", "HF_"))}
    hub = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "nobody"), "PYTHONPATH": str(REPOSITORY), "NO_PROXY": "127.0.0.1"}
    environment = kept | hub | ({"HF_TOKEN": token} if token else {})
    student = f"student.model={folder / 'tokenizer'}"
    command = [sys.executable, "-m", "pipeline", "push", "small", *words, "--data", "data", "--set", student]
    return end(
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True), 60
    )


def test_without_yes_it_only_tells(folder: Path, hub: Hub) -> None:
    ended = push(folder, hub.url, "me/student", "--corpus", "me/data")
    assert ended.code == 0, ended.err
    assert "model me/student, private unless it is there: 5 files" in ended.out
    assert f"{len(WEIGHTS):>12}  model.safetensors" in ended.out and "adapter/adapter.safetensors" in ended.out
    assert "    # The card\n" in ended.out and ".hidden" not in ended.out
    assert "dataset me/data, private unless it is there: 3 files" in ended.out and "train.parquet" in ended.out
    assert ended.out.endswith("by other names stay there\nnothing was sent; --yes sends it\n")
    assert (hub.made, hub.files, hub.tokens) == ([], {}, set())


def test_the_student_goes_alone_unless_told(folder: Path, hub: Hub) -> None:
    ended = push(folder, hub.url, "me/student", "--yes")
    assert ended.code == 0, ended.err
    assert ended.out == f"model me/student: {hub.url}/models/me/student/commit/1\n"
    assert hub.made == [{"name": "student", "organization": "me", "visibility": "private", "type": "model"}]
    sent = hub.files["models/me/student"]
    there = open_run(folder).folder / "student/distilled"
    assert set(sent) == {"README.md", "adapter/adapter.safetensors", "config.json", "model.safetensors", "tokenizer.json"}
    assert all((there / name).read_bytes() == content for name, content in sent.items())
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in ended.out + ended.err


def test_the_corpus_is_a_data_set_with_its_splits(folder: Path, hub: Hub, tmp_path: Path) -> None:
    from datasets import load_dataset

    assert push(folder, hub.url, "me/student", "--corpus", "me/data", "--yes").code == 0
    assert [(each["name"], each["visibility"], each["type"]) for each in hub.made] == [
        ("student", "private", "model"),
        ("data", "private", "dataset"),
    ]
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    for name, content in hub.files["datasets/me/data"].items():
        (fetched / name).write_bytes(content)
    data = load_dataset(str(fetched), cache_dir=str(tmp_path / "cache"))
    assert {split: rows["id"][:] for split, rows in data.items()} == {"train": ["a"], "validation": ["b"]}
    assert data["train"][0]["messages"][-1] == {"role": "assistant", "content": "a"}


def test_what_the_user_can_mend(folder: Path, hub: Hub) -> None:
    nobody = push(folder, hub.url, "me/student", "--yes", token="")
    assert nobody.code == 2 and "there is no token" in nobody.err and "HF_TOKEN" in nobody.err
    for name in ("student", "a/b/c", "me/a--b", "me/.."):
        named = push(folder, hub.url, name)
        assert named.code == 2 and f"{name!r}: no name of a repository" in named.err
    hub.refuse = True
    refused = push(folder, hub.url, "me/student", "--yes")
    assert refused.code == 2 and f"model me/student at {hub.url}" in refused.err and "401" in refused.err
    away = push(folder, closed_url().removesuffix("/v1"), "me/student", "--yes")
    assert away.code == 2 and "Is the hub reachable" in away.err
    assert "Traceback" not in nobody.err + refused.err + away.err and TOKEN not in refused.err + away.err
    assert hub.files == {}


def test_only_a_student_of_this_corpus_with_its_card(folder: Path, hub: Hub) -> None:
    run = open_run(folder).folder
    (run / "student/distilled/README.md").unlink()
    bare = push(folder, hub.url, "me/student")
    assert bare.code == 2 and "it has no README.md" in bare.err and "make evaluate RECIPE=small" in bare.err
    write_table(run, "5_corpus", [example("another", "train")])
    other = push(folder, hub.url, "me/student", "--yes")
    assert other.code == 2 and "no student trained on this corpus" in other.err and "make train RECIPE=small" in other.err
    (run / "5_corpus.parquet").unlink()
    none = push(folder, hub.url, "me/student", "--yes")
    assert none.code == 2 and "5_corpus.parquet: this table does not exist" in none.err
    assert hub.made == []
