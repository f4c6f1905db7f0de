"""The two scores of a referee, `8 6` on a line of their own (as in FastChat's and Lion's referee prompts, arXiv 2305.12870).

In: the reply and the scale. Out: both scores, or None where there are not exactly two on the scale: that is no score, not a 0.
"""

from __future__ import annotations

import re

from pipeline.answers.alone import unwrapped

SCORE = r"(\d{1,3}(?:\.\d{1,2})?)(?: ?/ ?(\d{1,3}))?"
WHOSE = r"(?:(?:answer|assistant|response) ?{} ?[:=] ?)?"
PAIR = re.compile(
    rf"(?:scores? ?[:=] ?)?[\[(]?{WHOSE.format('[1a]')}{SCORE}(?: ?[,;|&] ?| and | ){WHOSE.format('[2b]')}{SCORE}[\])]?",
    flags=re.IGNORECASE,
)
LONGEST_LINE = 100


def score_pair(text: str, lowest: float = 1, highest: float = 10) -> tuple[float, float] | None:
    """The scores of the first and the second answer, from the first line, or else from the last."""
    lines = [line for line in unwrapped(text).split("\n") if line.strip()]
    for line in lines[:1] + lines[-1:]:
        plain = " ".join(line.replace("*", " ").replace("`", " ").split()) if len(line) <= LONGEST_LINE else ""
        if found := PAIR.fullmatch(plain.rstrip(" .")):
            return _on_scale(found, lowest, highest)
    return None


def _on_scale(found: re.Match[str], lowest: float, highest: float) -> tuple[float, float] | None:
    one, of_one, other, of_other = found.groups()
    scores = float(one), float(other)
    is_its_scale = all(of is None or float(of) == highest for of in (of_one, of_other))
    return scores if is_its_scale and all(lowest <= each <= highest for each in scores) else None
