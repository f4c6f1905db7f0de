"""Training curves: what `student/<name>.jsonl` says of each student, and where its points lie in a chart.

In: JSON objects, a line each: the fingerprint, the loss every few steps, the dev loss every epoch, and at last `done`; and
`recipe.yaml`, for students of an earlier recipe lie beside those of now. A training that was killed repeats the steps since
its checkpoint; the later word on a step counts.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.pupils import pupils_of
from pipeline.recipe import read_yaml
from pipeline.report.scores import ordered, without_seed
from pipeline.student.job import curve_lines
from pipeline.training import Student

MOST_POINTS = 300
"""Losses drawn for one student; more of them are thinned out evenly."""
TOLD = 20
"""Losses of one student that are told in numbers."""
TICKS = 5
"""At most so many lines across a chart."""


@dataclass(frozen=True)
class Curve:
    """The training of one student."""

    name: str
    loss: dict[int, float]
    """Training loss by step."""
    dev_loss: dict[int, float]
    """Loss on the dev split by step; empty where there is none."""
    steps: int
    """Steps there are to be."""
    done: bool
    """Whether it came to its end."""

    @property
    def model(self) -> str:
        """Its name without the number of a further seed."""
        return without_seed(self.name)

    @property
    def last_step(self) -> int:
        return max([*self.loss, *self.dev_loss], default=0)

    @property
    def told(self) -> list[tuple[int, float | None, float | None]]:
        """Some steps from the first to the last, evenly, and all with a dev loss: the step, its loss and its dev loss."""
        steps = sorted(self.loss)
        some = {*steps[:: max(1, -(-len(steps) // TOLD))], *steps[-1:], *self.dev_loss}
        return [(step, self.loss.get(step), self.dev_loss.get(step)) for step in sorted(some)]


def read_curves(folder: Path) -> list[Curve]:
    """The curve of every student of a run, in the order in which reports name models."""
    return [_curve(path) for path in curve_paths(folder).values()]


def curve_paths(folder: Path) -> dict[str, Path]:
    """Where the curves lie, by student; those of students that the run's recipe has no longer are left out."""
    student, paths = _student(folder), {path.stem: path for path in (folder / "student").glob("*.jsonl")}
    wanted = paths.keys() if student is None else {pupil.name for pupil in pupils_of(student, folder)}
    return {name: paths[name] for name in ordered(paths.keys() & wanted)}


def _student(folder: Path) -> Student | None:
    """What the run's recipe says of students; None where there is none, or somebody broke it."""
    with suppress(OSError, UserError, ValidationError):
        return Student.model_validate(read_yaml(folder / "recipe.yaml").get("student", {}))
    return None


def _curve(path: Path) -> Curve:
    said = curve_lines(path)
    return Curve(
        name=path.stem,
        loss={each["step"]: each["loss"] for each in said if "loss" in each},
        dev_loss={each["step"]: each["eval_loss"] for each in said if "eval_loss" in each},
        steps=max((each["of"] for each in said if "of" in each), default=0),
        done=bool(said and said[-1].get("done")),
    )


@dataclass(frozen=True)
class Plot:
    """The frame of a chart of losses: from nothing at the lower left to `steps` and `top` at the upper right."""

    steps: int
    top: float
    ticks: list[float]
    """Losses at which a line is drawn."""

    def place(self, step: int, loss: float) -> tuple[float, float]:
        """Where a point lies, in percent from the left and from the top."""
        return round(100 * step / self.steps, 2), round(100 * (1 - loss / self.top), 2)

    def points(self, losses: dict[int, float]) -> list[tuple[int, float]]:
        """The points that can be drawn, thinned out; a loss that is no number cannot."""
        finite = [(step, loss) for step, loss in sorted(losses.items()) if math.isfinite(loss)]
        return finite[:: -(-len(finite) // MOST_POINTS) or 1]

    def line(self, losses: dict[int, float]) -> str:
        """The points as a polyline has them."""
        return " ".join(f"{x},{y}" for x, y in (self.place(*point) for point in self.points(losses)))


def plot(curves: list[Curve]) -> Plot:
    """A frame that holds all points of all curves."""
    values = [loss for curve in curves for losses in (curve.loss, curve.dev_loss) for loss in losses.values()]
    most = max((loss for loss in values if math.isfinite(loss)), default=1.0)
    step = _round_step(most / TICKS)
    count = max(1, math.ceil(most / step))
    ticks = [round(step * number, 10) for number in range(count + 1)]
    return Plot(max(1, *(max(curve.steps, curve.last_step) for curve in curves)), ticks[-1], ticks)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, … and their decimals that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
