"""How everybody above the door asks: a rendered prompt in, a row of `2_responses` out.

Methods, judges and those who only count are handed an `Ask` and never learn which model, store or budget stands behind it.
"""

from __future__ import annotations

from typing import Any, Protocol

from pipeline.llm.request import Sampling
from pipeline.prompts import Prompt
from pipeline.records import Response, Task


class Ask(Protocol):
    """Puts a prompt to one of the recipe's models; a call that failed for now comes back with finish `owed`."""

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response: ...  # fmt: skip
