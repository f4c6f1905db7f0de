"""Line charts of shares: where their points lie, in percent of the width and from the top, so that text keeps its size.

In: sampled replies, calibrations, scores by size of the corpus. Out: charts that the page draws without knowing what they are
of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.report.sampled import Sampled
from pipeline.report.scores import Score


@dataclass(frozen=True)
class Point:
    """One figure."""

    x: float
    """Percent from the left."""
    share: float
    label: str
    """What it is, in words."""
    interval: tuple[float, float] | None = None

    @property
    def y(self) -> float:
        """Percent from the top."""
        return down(self.share)


@dataclass(frozen=True)
class Line:
    """The figures of one model, from left to right."""

    model: str
    points: list[Point]

    @property
    def path(self) -> str:
        """The points as a polyline has them."""
        return " ".join(f"{round(point.x, 2)},{point.y}" for point in self.points)


@dataclass(frozen=True)
class Chart:
    """Shares over something."""

    title: str
    across: str
    """What goes from left to right."""
    ticks: list[tuple[float, str]]
    """Where a number stands below, in percent, and the number."""
    lines: list[Line]
    diagonal: bool = False
    """Whether a line from corner to corner shows where both are equal."""


def down(share: float) -> float:
    """Where a share lies, in percent from the top."""
    return round(100 * (1 - share), 2)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def over_k(title: str, figures: Mapping[str, Mapping[int, float]]) -> Chart | None:
    """Shares over the number of replies, evenly spaced, since each is twice the one before; None where there are none.

    Args:
        figures: model, then k, to share.
    """
    there = {model: shares for model, shares in figures.items() if shares}
    ks = sorted({k for shares in there.values() for k in shares})
    place = {k: 100 * number / max(1, len(ks) - 1) for number, k in enumerate(ks)}
    lines = [
        Line(model, [Point(place[k], share, f"{title[:-1]}{k}: {_percent(share)}") for k, share in sorted(shares.items())])
        for model, shares in there.items()
    ]
    return Chart(title, "k", [(place[k], str(k)) for k in ks], lines) if lines else None


def sampled_charts(every: list[Sampled]) -> list[Chart]:
    """pass@k, vote@k and reliability of the models on one benchmark, as far as there are figures."""
    charts = (
        over_k("pass@k", {each.model: each.passes for each in every}),
        over_k("vote@k", {each.model: each.votes for each in every}),
        _reliability(every),
    )
    return [chart for chart in charts if chart is not None]


def _reliability(every: list[Sampled]) -> Chart | None:
    """How often votes are right, over their share, bin by bin."""
    lines = []
    for each in every:
        if each.calibration is not None:
            points = [
                Point(100 * found.confidence, found.accuracy, f"{_percent(found.accuracy)} right of {found.items} items")
                for found in each.calibration.bins
            ]
            lines.append(Line(each.model, points))
    return Chart("reliability", "share of the vote, %", _quarters(), lines, diagonal=True) if lines else None


def _quarters() -> list[tuple[float, str]]:
    return [(percent, str(percent)) for percent in (0, 25, 50, 75, 100)]


def efficiency_chart(benchmark: str, points: list[tuple[float, Score]]) -> Chart:
    """Right answers over the percent of the corpus that was learned."""
    line = [
        Point(share, score.share, f"{share:g} % of the corpus: {_percent(score.share)} right", score.interval)
        for share, score in points
    ]
    return Chart(benchmark, "percent of the corpus", [(share, f"{share:g}") for share, _ in points], [Line("distilled", line)])
