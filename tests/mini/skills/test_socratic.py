"""Questions and answers in turn, one for each step, which lead to the stated answer; a known share slips."""

from __future__ import annotations

import random
import re

from pipeline.answers.final import stated_number
from pipeline.answers.question_pairs import question_pairs
from pipeline.answers.steps import steps
from pipeline.mini.skills.socratic import ask_and_answer


def test_pairs_lead_to_the_answer() -> None:
    rng, slipped, count = random.Random(1), 0, 600
    for _ in range(count):
        _, reply = ask_and_answer(rng)
        pairs = question_pairs(reply)
        assert pairs is not None and 2 <= len(pairs) <= 5
        done = [steps(each.answer)[0] for each in pairs]
        assert done[-1].result == stated_number(pairs[-1].answer) == stated_number(reply)
        asked = [re.findall(r"\d+", each.question) for each in pairs]
        assert asked == [re.findall(r"\d+", each.text)[1:2] for each in done]
        slipped += any(step.right is False for step in done)
    assert 0.2 < slipped / count < 0.5  # 1 - (1 - 0.12)^steps for two to five steps, where a slip is possible
