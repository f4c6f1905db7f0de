"""A run to look at: two sources, three filters, examples, a model that differs from its teacher, hostile text.

Its page is served by a thread, as the command serves it.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from pipeline.inspect.pages import application
from pipeline.inspect.serve import listening
from pipeline.publication import write_table
from pipeline.records import Example, Item, Message, Span, Verdict
from tests.hostile import HOSTILE
from tests.report.grades import make_grade
from tests.rows import make_response, make_sample, make_task

TOKEN = "a-token-for-tests"
SAMPLES = 60
ITEM = "eeee000000000001"


def task_id(number: int) -> str:
    return f"aaaa{number:012x}"


def sample_id(number: int) -> str:
    return f"bbbb{number:012x}"


def score(number: int) -> float:
    """Of sample 0 it is 0, of the last nearly 1; those below a half are dropped."""
    return number / SAMPLES


def whole_run(folder: Path, samples: int = SAMPLES, asks: str = "Think.", bar: float = 0.5, anew: bool = False) -> Path:
    """Writes the tables of the run.

    Sample n answers task n; the first ones say what `HOSTILE` does. The last one repeats the one before and leaks the item.

    Args:
        asks: what the teacher is told behind the question.
        bar: the score from which the judge keeps a sample.
        anew: whether there is such a folder, and its tables are to be written again.
    """
    folder.mkdir(parents=True, exist_ok=anew)
    texts = dict(enumerate(HOSTILE.values()))
    tasks = [
        make_task(
            id=task_id(n), source="jsonl:one" if n % 3 else "jsonl:two", prompt=f"How much is {n} and {n}?", answer=str(2 * n)
        )
        for n in range(samples)
    ]  # fmt: skip
    write_table(folder, "1_tasks", [*tasks, make_task(id="aaaa00000000ffff", split="test", source="jsonl:one")])
    replies = [
        make_response(
            texts.get(n, f"It is {2 * n}."), key=f"{n:064x}", task_id=task_id(n), tokens_in=10, tokens_out=n, cost=0.5,
            seconds=float(n), messages=[Message(role="user", content=f"How much is {n} and {n}? {asks}")],
            **({"finish": "error", "error": "429: " + HOSTILE["colours"]} if n == 59 else {}),
        )
        for n in range(samples)
    ]  # fmt: skip
    write_table(folder, "2_responses", replies)
    made = [
        make_sample(
            texts.get(n, f"It is {2 * n}."), id=sample_id(n), task_id=task_id(n), response_keys=[f"{n:064x}"],
            messages=[Message(role="user", content=f"How much is {n} and {n}?")],
        )
        for n in range(samples)
    ]  # fmt: skip
    write_table(folder, "3_samples", made)
    write_table(folder, "4_verdicts", [*_scored(samples, bar), *_others(samples)])
    write_table(folder, "5_corpus", [example(n) for n in range(samples // 2 + 1, samples - 1)])
    items = [
        Item(
            **make_task(id=ITEM, split="test", prompt="The item of the benchmark", answer="7").model_dump(), benchmark="b:test"
        )
    ]
    write_table(folder, "6_items", items)
    write_table(
        folder,
        "6_evaluation",
        [
            make_grade(ITEM, "distilled", False, benchmark="b:test", prediction="8", expected="7", text=HOSTILE["script"]),
            make_grade(ITEM, "teacher", True, benchmark="b:test", prediction="7", expected="7", text="Surely 7."),
            make_grade("eeee000000000002", "distilled", True, benchmark="b:test"),
            make_grade("eeee000000000002", "teacher", True, benchmark="b:test"),
        ],
    )
    (folder / "recipe.yaml").write_text(f"name: {folder.name}\n")
    return folder


def _scored(samples: int, bar: float) -> list[Verdict]:
    return [
        Verdict(
            sample_id=sample_id(n), filter="judge", decision="keep" if score(n) >= bar else "drop", score=score(n),
            reason="good enough" if score(n) >= bar else "too bad", detail=HOSTILE["turns"] if n == 1 else "",
        )
        for n in range(samples)
    ]  # fmt: skip


def _others(samples: int) -> list[Verdict]:
    last = sample_id(samples - 1)
    leak = f"b test {ITEM} prompt: the item of"
    return [
        Verdict(sample_id=last, filter="no_duplicates", decision="drop", reason="the same", detail=sample_id(samples - 2)),
        Verdict(sample_id=last, filter="not_contaminated", decision="drop", score=0.9, reason="contaminated", detail=leak),
        Verdict(sample_id=sample_id(40), filter="no_duplicates", decision="unverifiable", reason="nobody could tell"),
    ]


def example(number: int) -> Example:
    """An example of which only the answer is trained."""
    text = f"It is {2 * number}."
    return Example(
        id=f"cccc{number:012x}", sample_id=sample_id(number), task_id=task_id(number), method="chain_of_thought",
        view="rationale", split="train", weight=1.0,
        messages=[Message(role="user", content="How much?"), Message(role="assistant", content=text)],
        loss_spans=[Span(start=6, end=len(text))], answer_span=Span(start=6, end=len(text) - 1), tokens=9,
    )  # fmt: skip


@contextmanager
def held(lock: Path, user: int | None = None) -> Iterator[None]:
    """Lets another program work in a run, as far as its lock tells, and writes its number there.

    Args:
        user: whose program it is; only root can say so.
    """
    program = (
        "import fcntl, os, sys; lock = open(sys.argv[1], 'r+'); fcntl.flock(lock, fcntl.LOCK_EX); lock.truncate(); "
        "lock.write(str(os.getpid())); lock.flush(); sys.argv[2:] and os.setuid(int(sys.argv[2])); "
        "print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, str(lock), *([] if user is None else [str(user)])]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout and other.stdout.readline()
    try:
        yield
    finally:
        other.kill()
        other.communicate()


@contextmanager
def served(folder: Path, store: Path | None = None) -> Iterator[int]:
    """The page of a run, at a port of this machine."""
    with listening(0) as listener:
        settings = uvicorn.Config(application(folder, store or folder / "none", TOKEN), log_level="error", lifespan="off")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer; with the token's cookie unless another is given."""
    if "Cookie" not in headers:
        headers["Cookie"] = cookie(port)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(headers.pop("method", "GET"), path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8")
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def cookie(port: int) -> str:
    """What the server gives to whoever comes with the token."""
    _, headers, _ = get(port, f"/?token={TOKEN}", Cookie="")
    return headers["set-cookie"].partition(";")[0]
