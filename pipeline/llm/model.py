"""A model that can be asked: who it is, how to start the backend that speaks for it, how fast it may be asked, how it fares."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.llm.backends import Backend
from pipeline.llm.pace import Pace
from pipeline.llm.request import Price

WATCHED = 40
"""The last calls that are looked at."""
TOO_MANY = 20
"""So many failures among them end the run."""


@dataclass
class Health:
    """The ends of the last calls; once half of them failed, nobody goes on paying for more of the same."""

    _errors: deque[str] = field(default_factory=lambda: deque(maxlen=WATCHED))
    broken: UserError | None = None
    """Why no more calls are sent."""
    answers: bool = False
    """Whether any call was answered; before that, a refusal may be the whole endpoint's fault."""

    def note(self, name: str, error: str) -> None:
        """Takes down how a call ended; `error` is empty where it was answered."""
        self._errors.append(error)
        self.answers |= not error
        failed = Counter(each for each in self._errors if each)
        if len(self._errors) == WATCHED and failed.total() >= TOO_MANY and self.broken is None:
            commonest = "\n".join(f"  {count} times: {words}" for words, count in failed.most_common(3))
            self.broken = UserError(
                f"{name}: {failed.total()} of the last {WATCHED} calls failed\n{commonest}",
                "Mend what is complained of; everything that landed is kept, and the same command goes on from here.",
            )


@dataclass
class Model:
    """Somebody who answers."""

    identity: dict[str, str]
    """provider, model and revision: the part of the key that is not in the request."""
    name: str
    """What people call it; in no key."""
    start: Callable[[], Backend]
    in_flight: int = 64
    """Calls it takes at once."""
    price: Price | None = None
    pace: Pace | None = None
    """How fast it may be asked; None where it keeps its own order."""
    patience: float = 600.0
    """Seconds for which a call that fails is tried again."""
    samples_per_call: int = 1
    """How many samples of one prompt one call may bring."""
    json_schema: bool = False
    """Whether it can be held to a JSON schema."""
    computes: bool = False
    """Whether it computes numbers of texts: log-probabilities, a reward, an embedding (`request.COMPUTED`)."""
    health: Health = field(default_factory=Health)

    def check_continues(self) -> None:
        """Whether it can go on with a reply that is put into its mouth.

        Raises:
            UserError: it cannot.
        """
        if not self.computes:
            raise UserError(
                f"{self.name}: this backend cannot go on with a reply that has begun, only `local` can",
                "Leave the assistant's message out, or name a local model.",
            )

    def check_computes(self, kind: str) -> None:
        """Whether it can be asked for numbers of this kind.

        Raises:
            UserError: it cannot.
        """
        if not self.computes:
            raise UserError(
                f"{self.name}: this backend cannot compute {kind.replace('_', ' ')}, only `local` can",
                "Give the filter a model of its own, like model: {backend: local, model: data/mini/student}.",
            )
