"""Small corpora and jobs for tests of the trainer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.publication import write_table
from pipeline.records import Example, Message, Span
from pipeline.settings import REPOSITORY
from pipeline.student.job import Job, Schooling
from pipeline.student.tokens import token_counter

STUDENT = str(REPOSITORY / "data/mini/student")


def example(number: int, split: str = "train", **given: Any) -> Example:
    """One sum, of a length that differs from row to row."""
    answer = f"{number}+1={number + 1}. " * (1 + number % 4) + f"The answer is {number + 1}."
    messages = [Message(role="user", content=f"What is {number}+1?"), Message(role="assistant", content=answer)]
    count = token_counter(STUDENT)
    row = {
        "id": f"{split}{number}", "sample_id": f"s{number}", "task_id": f"t{number}", "split": split,
        "method": "m", "view": "v", "messages": messages, "weight": 1.0,
        "tokens": sum(count(message.content) for message in messages),
    }  # fmt: skip
    return Example(**row | given)


def span_of(number: int) -> Span:
    """Where the answer of such a row stands."""
    text = example(number).messages[-1].content
    start = text.index("The answer is ") + len("The answer is ")
    return Span(start=start, end=len(text) - 1)


def write_job(folder: Path, rows: Sequence[Example], output: str = "student", **schooling: Any) -> Job:
    """A corpus of these rows, and the job to learn it in five steps unless said otherwise."""
    write_table(folder, "5_corpus", rows)
    given = {
        "epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "warmup_share": 0.1, "weight_decay": 0.0, "max_tokens": 200,
        "seed": 3,
    }  # fmt: skip
    return Job(
        model=STUDENT, model_revision="r", folder=folder, table="5_corpus", corpus_hash="h",
        student=Schooling(**given | schooling), device="cpu",
        output=folder / output,
    )  # fmt: skip


def said(text: str) -> list[dict[str, Any]]:
    """The lines a training says."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def losses(lines: Sequence[dict[str, Any]], name: str = "loss") -> list[float]:
    return [each[name] for each in lines if name in each]


def start(job: Job, command: Sequence[str] | None = None, **environment: str) -> subprocess.Popen[str]:
    """The training as a process of its own."""
    spec = job.folder / f"{job.output.name}.json"
    spec.write_text(job.model_dump_json())
    return subprocess.Popen(
        command or [sys.executable, "-m", "pipeline.student.train", str(spec)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=REPOSITORY, env={**os.environ, **environment},
    )  # fmt: skip
