"""How models are asked when they are evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.recipe import parse_recipe
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.evaluate import greedy


@pytest.mark.parametrize(("sampling", "temperature"), [({}, None), ({"temperature": 0.7}, 0), ({"top_p": 0.9}, None)])
def test_a_teacher_that_may_know_no_temperature_is_sent_none(
    tmp_path: Path, sampling: dict[str, float], temperature: float | None
) -> None:
    recipe = {
        "source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}],
        "teacher": {"backend": "openai", "model": "gpt-5-mini", "sampling": sampling},
    }  # fmt: skip
    run = Run(parse_recipe(recipe, "run", "run"), load_settings(data=str(tmp_path)))
    assert greedy(run, "teacher").temperature == temperature
    assert greedy(run, "distilled").temperature == 0
