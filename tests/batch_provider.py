"""A provider of batches without its front: files, batches that run, a bill. `batch_server` puts HTTP before it.

Input files are checked as OpenAI does, with its codes; result lines come in another order than they were asked in.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.completions import completion
from tests.trouble import Trouble

DAY = 86400
OVER = ("failed", "completed", "expired", "cancelled")


@dataclass(frozen=True)
class Course:
    """How a batch goes."""

    end: Literal["completed", "expired", "cancelled", "failed"] = "completed"
    after: int | None = None
    """How many requests are run before; all unless said."""
    errors: tuple[dict[str, Any], ...] = ()
    """Why it failed."""


class Provider:
    """Runs batches on the loop of its front.

    Args:
        courses: how the batches to come go, in their order; the rest is completed.
        rows: what goes wrong with the requests whose prompt holds `where`; status 0 is no response at all.
        seconds: how long a batch takes.
    """

    def __init__(self, courses: tuple[Course, ...] = (), rows: tuple[Trouble, ...] = (), seconds: float = 0.05) -> None:
        self.courses, self.rows, self.seconds = list(courses), list(rows), seconds
        self.paused = False
        """Whether batches stay in progress."""
        self.worker: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None
        """Who makes result lines of input lines instead of it, unbilled."""
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.billed: Counter[str] = Counter()
        """How often each request was run and charged for."""
        self._tried: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    @property
    def asked(self) -> list[list[str]]:
        """The custom_ids of each batch."""
        files = [self.contents.get(each["input_file_id"], b"") for each in self.batches.values()]
        return [[row["custom_id"] for row in _rows(file)] for file in files]

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all requests of all batches."""
        return [row["body"] for each in self.batches.values() for row in _rows(self.contents[each["input_file_id"]])]

    def age(self, days: float) -> None:
        """Lets time go by: files older than 30 days are deleted."""
        for each in [*self.files.values(), *self.batches.values()]:
            each["created_at"] -= int(days * DAY)
        for name in [name for name, file in self.files.items() if file["created_at"] < time.time() - 30 * DAY]:
            del self.files[name], self.contents[name]

    def cancel_all(self) -> None:
        """What a user does on the provider's page."""
        for batch in self.batches.values():
            cancel(batch)

    def add_file(self, purpose: str, name: str, content: bytes) -> dict[str, Any]:
        made = {
            "id": f"file-{next(self._numbers)}", "object": "file", "bytes": len(content), "created_at": int(time.time()),
            "filename": name, "purpose": purpose, "status": "processed",
        }  # fmt: skip
        self.files[made["id"]] = made
        self.contents[made["id"]] = content
        return made

    async def run(self, batch: dict[str, Any], course: Course) -> None:
        """The life of a batch."""
        await asyncio.sleep(self.seconds / 4)
        content = self.contents[batch["input_file_id"]]
        errors = list(course.errors) if course.end == "failed" else _mistakes(content)
        if errors:
            batch.update(errors={"object": "list", "data": errors}, status="failed", failed_at=int(time.time()))
            return
        rows = _rows(content)
        batch["request_counts"]["total"] = len(rows)
        if batch["status"] == "validating":
            batch.update(status="in_progress", in_progress_at=int(time.time()))
        await self._meanwhile(batch, self.seconds / 2)
        try:
            results = await asyncio.to_thread(self.worker or self._answers, rows[: course.after])
        except Exception as error:
            failure = {"object": "list", "data": [_mistake("server_error", f"{type(error).__name__}: {error}", None)]}
            batch.update(errors=failure, status="failed", failed_at=int(time.time()))
            raise
        await self._meanwhile(batch, self.seconds / 4)
        end = course.end if batch["status"] == "in_progress" else "cancelled"
        results += [_never_run(row, end) for row in rows[len(results) :]]
        self._finish(batch, results)
        batch.update({"status": end, f"{end}_at": int(time.time())})

    async def _meanwhile(self, batch: dict[str, Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        while self.paused and batch["status"] == "in_progress":  # noqa: ASYNC110 - set from the test's thread
            await asyncio.sleep(0.005)

    def _finish(self, batch: dict[str, Any], results: list[dict[str, Any]]) -> None:
        """Writes the two files; lines come in another order than they were asked in."""
        good = [each for each in results if each["response"] and each["response"]["status_code"] == 200]
        bad = [each for each in results if each not in good]
        for kind, rows in (("output", good), ("error", bad)):
            if rows:
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in reversed(rows))
                made = self.add_file("batch_output", f"{batch['id']}_{kind}.jsonl", text.encode())
                batch[f"{kind}_file_id"] = made["id"]
        batch["request_counts"].update(completed=len(good), failed=len(bad))

    def _answers(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._answer(row) for row in rows]

    def _answer(self, row: dict[str, Any]) -> dict[str, Any]:
        """The result line of a request that is run."""
        prompt, key = json.dumps(row["body"]["messages"], ensure_ascii=False), row["custom_id"]
        self._tried[key] += 1
        fitting = (
            each for each in self.rows if each.where in prompt and (each.times is None or self._tried[key] <= each.times)
        )
        trouble = next(fitting, None)
        if trouble is not None and trouble.status == 0:
            return _line(row, None, {"code": "server_error", "message": "The request was not answered."})
        if trouble is not None and trouble.status >= 400:
            return _line(row, {"status_code": trouble.status, "request_id": "", "body": json.loads(trouble.text)}, None)
        self.billed[key] += 1
        name = hashlib.sha256(json.dumps(row["body"], sort_keys=True).encode()).hexdigest()
        body = json.loads(trouble.text) if trouble is not None and trouble.text else completion(row["body"], name)
        return _line(row, {"status_code": 200, "request_id": f"req_{name[:8]}", "body": body}, None)


def _line(row: dict[str, Any], response: dict[str, Any] | None, error: dict[str, str] | None) -> dict[str, Any]:
    return {"id": f"batch_req_{row['custom_id'][:8]}", "custom_id": row["custom_id"], "response": response, "error": error}


def _never_run(row: dict[str, Any], end: str) -> dict[str, Any]:
    return _line(row, None, {"code": f"batch_{end}", "message": f"This request was not executed before the batch was {end}."})


def cancel(batch: dict[str, Any]) -> None:
    if batch["status"] not in OVER:
        batch.update(status="cancelling", cancelling_at=int(time.time()))


def _rows(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _mistakes(content: bytes) -> list[dict[str, Any]]:
    """What OpenAI's validation complains of, by its codes."""
    lines = [line for line in content.split(b"\n") if line.strip()]
    if not lines:
        return [_mistake("empty_file", "The batch input file is empty.", None)]
    if len(lines) > 50_000 or len(content) > 200_000_000:
        return [_mistake("too_many_tasks", "The batch input file has too many tasks.", None)]
    mistakes, seen, models = [], set(), set()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            models.add(row["body"]["model"])
            bad_url = (row["method"], row["url"]) != ("POST", "/v1/chat/completions")
            if bad_url:
                mistakes.append(_mistake("url_mismatch", "The URL does not match the endpoint.", number))
            if row["custom_id"] in seen or len(row["custom_id"]) > 64:
                mistakes.append(_mistake("duplicate_custom_id", "The custom_id is not unique.", number))
            seen.add(row["custom_id"])
        except (ValueError, KeyError, TypeError):
            mistakes.append(_mistake("invalid_json_line", "This line is not parseable as valid JSON.", number))
    if len(models) > 1:
        mistakes.append(_mistake("model_mismatch", "All requests of a batch must name the same model.", None))
    return mistakes


def _mistake(code: str, message: str, line: int | None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}
