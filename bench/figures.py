"""Writes the figures of a real run of the mini recipe into README.md: `make generate train`, then `make figures`.

In: the tables of `data/runs/mini`, made on as many cores as this may use. Out: the block between `<!-- figures: mini -->` and
`<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipeline.report.comparison import read_differences
from pipeline.report.funnel import read_funnel
from pipeline.report.scores import ALL_KINDS, CHANGED, MODELS, Score, read_scores
from pipeline.settings import cores

REPOSITORY = Path(__file__).resolve().parent.parent
RUN = REPOSITORY / "data/runs/mini"
BLOCK = re.compile(r"(<!-- figures: mini -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def main() -> None:
    readme = REPOSITORY / "README.md"
    text = readme.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        raise SystemExit(f"{readme}: no block <!-- figures: mini --> … <!-- end -->")
    readme.write_text(BLOCK.sub(lambda found: f"{found[1]}\n{block(RUN)}\n\n{found[2]}", text), encoding="utf-8")


def block(run: Path) -> str:
    """The figures as Markdown."""
    return "\n".join([*funnel(run), "", *table(run), "", *sentences(run)])


def funnel(run: Path) -> list[str]:
    counts = read_funnel(run)
    asked = sum(counts.responses.values())
    starts = json.loads((run / "run.json").read_text())["starts"]
    took = {start["verb"]: round(start["seconds"]) for start in starts if start["outcome"] == "done"}
    samples, passed, corpus = (sum(each.values()) for each in (counts.samples, counts.passed, counts.corpus))
    many = {1: "one core", 2: "two cores"}.get(count := cores(), f"{count} cores")
    return [
        f"On {many}, `generate` took {took['generate']} s ({asked:,} replies, {counts.spent.tokens_out:,} tokens written)",
        f"and `train` {took['train']} s. Of {samples:,} samples {passed:,} passed; the corpus holds {corpus:,} examples.",
        "Right in percent, greedy, with 95 % intervals over items and seeds:",
    ]


def table(run: Path) -> list[str]:
    scores = read_scores(run)
    models = [model for model in MODELS if any(score.model == model for score in scores)]
    lines = ["| benchmark | items | " + " | ".join(models) + " |", "|---|---" + "|---" * len(models) + "|"]
    for benchmark, kind in dict.fromkeys((score.benchmark, score.kind) for score in scores):
        cells = {score.model: score for score in scores if (score.benchmark, score.kind) == (benchmark, kind)}
        if CHANGED not in benchmark or kind == ALL_KINDS:
            items = max(score.items for score in cells.values())
            lines.append(f"| {benchmark}, {kind} | {items} | " + " | ".join(cell(cells.get(model)) for model in models) + " |")
    return lines


def cell(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{100 * score.share:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def sentences(run: Path) -> list[str]:
    """Who can be told apart on the test split, and what the student keeps of the teacher."""
    shown = [each for each in read_differences(run) if each.benchmark.endswith(":test") and each.kind == ALL_KINDS]
    kept = [f"- {each.kept_sentence}" for each in shown if each.second == "teacher" and each.kept is not None]
    return [f"- {each.sentence}" for each in shown] + kept


if __name__ == "__main__":
    main()
