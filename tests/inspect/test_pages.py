"""The page over HTTP: who may see it, what it may load, text of models as text, and what is said of what cannot be shown."""

from __future__ import annotations

import fcntl
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.inspect.serve import check_run, listening
from pipeline.inspect.views import works
from pipeline.publication import write_table
from pipeline.recipe import load_recipe
from pipeline.records import Verdict
from pipeline.settings import REPOSITORY
from pipeline.tables import table_path
from tests import here
from tests.hostile import HOSTILE, acting
from tests.inspect.runs import TOKEN, cookie, example, get, held, sample_id, served, task_id, whole_run
from tests.report.grades import make_grade

EVERY = (
    "/", "/tables", "/dropped", "/evaluation", "/calls", "/part/funnel", "/part/sources", "/part/overlap", "/part/count",
    "/part/scores", f"/row?id={task_id(3)}", "/dropped?filter=judge&reason=too+bad",
    "/part/threshold?filter=judge&direction=above&at=0.03",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with served(folder) as number:
        yield number


class Elements(HTMLParser):
    """Every element of a page, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("path", EVERY)
def test_every_page_is_shown(port: int, path: str) -> None:
    status, headers, text = get(port, path)
    assert status == 200 and headers["content-type"].startswith("text/html"), text
    assert "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
    scripts = [attributes for tag, attributes in Elements(text).elements if tag == "script"]
    assert scripts == ([] if path.startswith("/part") else [{"src": "/inspect.js", "defer": None}])


def test_nobody_comes_in_without_the_token(port: int) -> None:
    assert get(port, "/", Cookie="")[0] == 403
    assert get(port, "/?token=another", Cookie="")[0] == 403
    name, _, value = cookie(port).partition("=")
    assert get(port, "/part/funnel", Cookie=f"{name}=x{value}")[0] == 403
    assert get(port, "/inspect.js", Cookie="")[0] == 403
    status, headers, _ = get(port, f"/row?id=x&token={TOKEN}", Cookie="")
    assert (status, headers["location"]) == (303, "/row?id=x")
    assert "httponly" in headers["set-cookie"].lower() and "samesite=strict" in headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/", "/part/count", "/row?id=ffff", "/inspect.js", "/written/report", "/nowhere"])
def test_nothing_is_stored_or_taken_for_what_it_is_not(port: int, path: str) -> None:
    for headers in (get(port, path)[1], get(port, path, Cookie="")[1], get(port, path, Host="evil.example")[1]):
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert headers["referrer-policy"] == "no-referrer" and headers["cross-origin-resource-policy"] == "same-origin"


def test_a_web_site_cannot_reach_it_by_a_name_of_its_own(port: int) -> None:
    assert get(port, "/", Host=f"evil.example:{port}")[0] == 421
    assert get(port, "/", Host=f"localhost:{port}")[0] == 200
    assert get(port, "/", method="POST")[0] == 405


@pytest.mark.parametrize("what", HOSTILE)
def test_text_of_models_is_text(port: int, what: str) -> None:
    number = list(HOSTILE).index(what)
    for path in (f"/row?id={sample_id(number)}&table=3_samples&number={number}", f"/tables?where=id%3D'{sample_id(number)}'"):
        status, _, text = get(port, path)
        assert status == 200 and not acting(text) and len(text) < 400_000
        found = Elements(text)
        assert {tag for tag, _ in found.elements} <= {
            "html", "head", "meta", "title", "link", "script", "body", "a", "header", "strong", "nav", "form", "label", "input",
            "button", "p", "main", "h1", "h2", "h3", "h4", "section", "article", "details", "summary", "dl", "dt", "dd",
            "pre", "div", "table", "thead", "tbody", "tr", "th", "td", "b", "small", "code", "span", "select", "option",
        }  # fmt: skip
        assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    if what == "script":
        assert HOSTILE[what] in "".join(found.texts)


def test_words_of_an_address_are_text_too(port: int) -> None:
    for path in (
        "/tables?where={}",
        "/tables?find={}",
        "/row?id={}",
        "/dropped?filter={}",
        "/tables?table={}",
        "/part/threshold?at={}",
    ):
        status, _, text = get(port, path.format("%22%3E%3Cscript%3Ealert(1)%3C/script%3E%00%1b[2J"))
        assert status in (200, 400) and "<script>alert" not in text and not acting(text)
    assert get(port, "/tables?page=99999999999999999999&table=3_samples")[0] == 200


def test_a_story_tells_it_all(port: int) -> None:
    text = html.unescape(get(port, f"/row?id={sample_id(59)}")[2])
    assert "the same" in text and sample_id(58) in text and "It is 116." in text  # what it repeats
    assert '<b class="dropped">0 of 1 samples in the corpus</b> · dropped by no_duplicates: 1 · dropped by' in text
    assert "evaluation item of b, test" in text and "The item of the benchmark" in text
    assert "How much is 59 and 59? Think." in text and "429: \\x1b[31;5m" in text  # what was asked, and came back
    learned = get(port, f"/row?id={sample_id(40)}")[2]
    assert re.search(r'class="trained answer">80<', learned) and "Not selected" not in learned
    assert '<b class="kept">1 of 1 samples in the corpus</b></p>' in learned


def test_words_find_a_story_or_a_table(port: int) -> None:
    assert get(port, "/find?words=how+much+is+21+and+21")[1]["location"] == "/row?id=how+much+is+21+and+21"
    assert get(port, "/find?words=how+much")[1]["location"] == "/tables?table=1_tasks&find=how+much"
    assert task_id(21) in get(port, "/row?id=how+much+is+21+and+21")[2]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/row?id=ffff", "no row of"),
        ("/row", "no id is given"),
        ("/dropped?filter=nope", "There are judge, no_duplicates, not_contaminated"),
        ("/tables?table=nope", "there is no table of this name"),
        ("/tables?where=nope%3D1", "nope"),
        ("/evaluation?first=nobody", "There are distilled, teacher"),
        ("/part/threshold?filter=judge&at=much", "is no number"),
        ("/part/threshold?filter=no_duplicates&at=1", "has no scores"),
    ],
)
def test_what_cannot_be_shown_is_said_in_place(port: int, path: str, said: str) -> None:
    status, _, text = get(port, path)
    assert status in (200, 400) and 'role="alert"' in text and said in html.unescape(text)


def test_a_page_that_was_written_to_be_mailed_is_shown_in_a_sandbox(port: int, folder: Path) -> None:
    (folder / "report.html").write_text("<script>parent</script>")
    status, headers, _ = get(port, "/written/report")
    assert status == 200 and "sandbox" in headers["content-security-policy"] and "allow-same-origin" not in str(headers)
    assert get(port, "/written/compare")[0] == 404


def test_new_tables_are_seen(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    with served(folder) as port:
        assert "20" in get(port, "/part/count?table=samples")[2]
        assert "40 rows" not in get(port, "/part/count?table=samples")[2]
        shutil.rmtree(folder)
        whole_run(folder, 40)
        assert "40 rows" in get(port, "/part/count?table=samples")[2]
        table_path(folder, "4_verdicts").write_bytes(b"half of a table")
        assert "cannot be read" in get(port, "/")[2] and "cannot be read" in get(port, "/part/funnel")[2]
        assert get(port, "/tables?table=samples")[0] == 200


def test_whether_a_command_works_there(tmp_path: Path) -> None:
    assert not works(tmp_path)
    lock = tmp_path / ".lock"
    lock.write_text("999999999")
    assert not works(tmp_path)
    lock.write_text(str(os.getpid()))
    assert not works(tmp_path)
    with held(lock):
        assert works(tmp_path)
    with lock.open() as again:  # asking left it free
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_run_that_cannot_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="there are no tables yet") as caught:
        check_run(tmp_path / "run")
    assert "make generate RECIPE=run" in str(caught.value)
    table_path(tmp_path / "run", "1_tasks").write_bytes(b"half")
    with pytest.raises(UserError, match="cannot be read"):
        check_run(tmp_path / "run")
    whole_run(tmp_path / "good", 3)
    table_path(tmp_path / "good", "4_verdicts").write_bytes(b"half")
    check_run(tmp_path / "good")
    assert "4_verdicts.parquet: this table cannot be read" in capsys.readouterr().err


def test_a_port_in_use(tmp_path: Path) -> None:
    with listening(0) as taken, pytest.raises(UserError, match="another program uses it") as caught:
        listening(taken.getsockname()[1])
    assert "--port" in caught.value.remedy


def command(*words: str, folder: Path) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTILL_")} | {
        "PYTHONPATH": str(REPOSITORY)
    }
    line = [sys.executable, "-u", "-m", "pipeline", "inspect", *words, "--no-browser"]
    return subprocess.Popen(line, cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_from_start_to_interrupt(tmp_path: Path) -> None:
    whole_run(tmp_path / "data/runs/mine", 20)
    whole_run(tmp_path / "data/runs/before", 20)
    damaged = table_path(tmp_path / "data/runs/mine", "6_items")
    damaged.write_bytes(damaged.read_bytes()[:-9])  # one among good ones is named, and the others shown
    started = command("mine", "--data", "data", "--port", "0", folder=tmp_path)
    assert started.stdout
    found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", started.stdout.readline())
    assert found
    status, headers, _ = get(int(found[1]), f"/?token={found[2]}", Cookie="")
    assert (status, headers["location"]) == (303, "/")
    with socket.socket() as elsewhere:  # on no other address of this machine
        elsewhere.settimeout(5)
        assert elsewhere.connect_ex(("127.0.0.2", int(found[1]))) != 0
    came_in = {"Cookie": headers["set-cookie"].partition(";")[0]}
    asking = threading.Thread(target=get, args=(int(found[1]), "/part/compare?other=before"), kwargs=came_in, daemon=True)
    asking.start()  # whoever compares runs when it is interrupted holds nothing up
    time.sleep(0.3)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    note, remedy = err.splitlines()
    assert started.returncode == 0 and remedy.startswith("  Remove it")
    assert note.startswith("note: ") and "mine/6_items.parquet: this table cannot be read" in note


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "data/runs/empty").mkdir(parents=True)
    whole_run(tmp_path / "data/runs/mine", 20)
    with listening(0) as taken:
        busy = str(taken.getsockname()[1])
        for words, said in (
            (("nope", "--data", "data"), "there is no such run"),
            (("empty", "--data", "data"), "there are no tables yet"),
            (("mine", "--data", "data", "--port", busy), f"port {busy}: another program uses it"),
            (("mine", "--data", "data", "--port", "70000"), "ports end at 65535"),
        ):
            ended = here.piped(("inspect", *words, "--no-browser"), tmp_path)
            assert (ended.code, ended.out) == (2, "") and said in ended.err and "Traceback" not in ended.err


def test_starts_of_a_broken_log(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    with served(folder) as port:
        for log in ("{", "[]", '{"starts": 3}', json.dumps({"starts": [3, {"verb": HOSTILE["script"], "seconds": "x"}]})):
            (folder / "run.json").write_text(log)
            status, _, text = get(port, "/")
            assert status == 200 and "<img" not in text


def test_what_is_said_of_overlaps_money_constraints_and_the_control(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20, bar=0.1)
    write_table(folder, "5_control", [example(3)])
    wanted = '[{"kind": "keywords:existence", "keywords": ["old", "red"]}, {"kind": "punctuation:no_comma"}]'
    grades = [make_grade(task_id(3), model, model == "teacher", expected=wanted) for model in ("distilled", "teacher")]
    write_table(folder, "6_evaluation", grades)
    (folder / "run.json").write_text('{"starts": [{"verb": "generate", "cost": 0.0}]}')
    with served(folder) as port:
        overlap = get(port, "/part/overlap")[2]
        assert re.search(r'no_duplicates</th><td>not_contaminated</td><td class="n">1<.*100.0.*100.0', overlap)
        assert overlap.count("<tr>") == 2  # of three filters, of which the judge drops others
        assert '<td class="n">$0</td>' in get(port, "/")[2]
        for path in ("/evaluation", f"/row?id={task_id(3)}"):
            assert "keywords:existence (keywords old / red); punctuation:no_comma" in get(port, path)[2]
        dropped = get(port, f"/row?id={sample_id(3)}")[2]
        assert "Dropped." in dropped and "to stand here is not to be in the corpus" in dropped
        write_table(folder, "4_verdicts", [verdict(1, "judge", score=0)])
        assert "Here no two drop the same sample." in get(port, "/part/overlap")[2]


def test_training_curves(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    (folder / "recipe.yaml").unlink()
    (folder / "student").mkdir()
    for name, dev in (("gold_labels", 0.4), ("teacher_labels", 0.4), ("control", None), ("distilled", 0.5)):
        said: list[object] = [{"step": 5, "of": 12, "loss": 0.7312345 if "labels" in name else 0.9}]
        said += [{"step": 10, "of": 12, "loss": 0.1234567 if name != "distilled" else 0.2}]
        said += [{"step": 11, "of": 12, "eval_loss": dev}] if dev else []
        said += [{"done": True}] if name != "gold_labels" else []
        (folder / "student" / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in said))
    with served(folder) as port:
        text = get(port, "/evaluation")[2]
    rows = dict(re.findall(r'</i>(\w+)</th><td class="n">(.*?)</td>', text))
    assert rows == {name: f"{12 if name == 'control' else 11} of 12" for name in rows} and len(rows) == 4
    assert '<td class="n">0.1235</td>' in text and "<span>12 steps</span>" in text and "<span>1</span><span>0</span>" in text
    assert len(re.findall(r"<polyline", text)) == 4 and len(re.findall(r'<polyline class="c\d on1"', text)) == 1


def test_how_another_threshold_is_applied(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    source, model = {"kind": "jsonl", "path": "tasks.jsonl"}, {"backend": "openai", "model": "m"}
    recipe = {"source": source, "teacher": model, "methods": [{"method": "chain_of_thought"}]}
    filters: list[object] = ["no_duplicates", {"filter": "judge", "min_score": 3.5}, "no_duplicates", "not_contaminated"]
    words = [verdict(n, "no_duplicates_2", score=n % 2) for n in range(20)]
    words += [verdict(1, "nobody", score=1), *(verdict(n, "judge", score=n / 20) for n in range(20))]
    write_table(folder, "4_verdicts", words)
    with served(folder) as port:
        assert "of the recipe" not in get(port, "/dropped?filter=judge")[2]  # which names no filters
        (folder / "recipe.yaml").write_text(json.dumps(recipe | {"filters": filters}))
        text = html.unescape(get(port, "/dropped?filter=judge")[2])
        assert "<code>filters.1</code>" in text and "<code>min_score</code>, now 3.5" in text
        assert f"make filter RECIPE={folder}/recipe.yaml SET=filters.1.<parameter>=…" in text and 'type="range"' in text
        for name, said in (("no_duplicates_2", "Its scores are only 0 and 1"), ("nobody", "All its scores are 1")):
            text = get(port, f"/dropped?filter={name}")[2]
            assert said in text and 'type="range"' not in text and "filters." not in text
    changed = load_recipe(str(folder / "recipe.yaml"), ["filters.1.min_score=4"])
    assert changed.filters[1].model_dump()["min_score"] == 4


def verdict(number: int, name: str, score: float) -> Verdict:
    return Verdict(sample_id=sample_id(number), filter=name, decision="keep" if score else "drop", reason="so", score=score)


def test_what_methods_tried_and_what_rests_on_a_reply(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    (folder / "run.json").write_text(
        json.dumps({"attempts": {"alpaca": {"instructions": {HOSTILE["script"]: 3, "taken": 12}}}})
    )
    with served(folder) as port:
        text = html.unescape(get(port, "/part/funnel")[2])
        assert "alpaca: instructions" in text and "12 taken, 3 <script>alert" in text
        assert "<img" not in get(port, "/part/funnel")[2]
        assert f'Samples that rest on it: <a href="/row?id={sample_id(14)}">' in get(port, f"/row?id={14:064x}")[2]
