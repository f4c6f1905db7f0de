"""When a call that failed is tried again: exponential backoff with full jitter, or after the time the endpoint asks for.

The call stands in no line meanwhile, so that others go on. Tries that met an overload are not counted, for the endpoint only
asks to wait; the time is. Those that may be billed are.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from pipeline.llm.backends import CallFailed

TRIES = 16
"""Their waits add up to 100 seconds on average and to less than a minute in one call of thirty, so most outlive a restart."""
LONGEST_BACKOFF, LONGEST_OVERLOADED = 30.0, 4.0
"""Seconds; an overload is also answered by fewer calls at once, so its own waits stay short."""
Out = TypeVar("Out")


async def again(
    first: CallFailed, work: Callable[[], Awaitable[Out]], patience: float, note: Callable[[CallFailed], None]
) -> Out:
    """The outcome of `work`, which failed once and is tried until it does not, or nothing more can be hoped for.

    Args:
        first: how it failed.
        patience: seconds after which it is not tried again, however it fails.
        note: told of every failure that is followed by another try.

    Raises:
        CallFailed: the last failure.
    """
    failures: list[CallFailed] = []

    async def attempt() -> Out:
        if not failures:  # the first try is over
            raise first
        return await work()

    def before(state: RetryCallState) -> None:
        error = _error(state)
        failures.append(error)
        note(error)

    def enough(state: RetryCallState) -> bool:
        error = _error(state)
        counted = sum(each.billed or not each.overloaded for each in [*failures, error])
        return counted >= (error.tries or TRIES) or (state.seconds_since_start or 0.0) >= patience

    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, CallFailed) and error.again),
        wait=_wait, stop=enough, before_sleep=before, reraise=True,
    )  # fmt: skip
    return await retrying(attempt)


def _error(state: RetryCallState) -> CallFailed:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallFailed)
    return error


def _wait(state: RetryCallState) -> float:
    """Seconds before the next try; a little more than the endpoint asks for, so that not all come back at once."""
    error = _error(state)
    if error.after:
        return error.after * random.uniform(1.0, 1.1) + random.uniform(0.0, 0.1)
    longest = LONGEST_OVERLOADED if error.overloaded else LONGEST_BACKOFF
    return wait_random_exponential(multiplier=0.05, max=longest)(state)
