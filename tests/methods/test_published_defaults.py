"""Every method's defaults against the figures its paper or its authors' code publishes, written out once more."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from pipeline.bandits import ALPHA, GAPS
from pipeline.llm.request import Sampling
from pipeline.methods.algorithm_distillation import SKIPPED, STRIDE
from pipeline.methods.distillation import Distillation
from pipeline.methods.evol_instruct import OPERATIONS, SHORT
from pipeline.methods.growth import Growth
from pipeline.methods.lion import HIGHEST, LOWEST
from pipeline.methods.programs import SECONDS
from pipeline.methods.union import Method
from pipeline.stages import prompt_search

ADAPTER: TypeAdapter[Distillation] = TypeAdapter(Method)
NAMES = {get_args(each.model_fields["method"].annotation)[0] for each in get_args(get_args(Method)[0])}
PUBLISHED: dict[str, dict[str, Any]] = {
    "algorithm_distillation": {"trajectories": 50, "few_shot": 5, "alpha": 2.0},
    "alpaca": {"demonstrations": 3, "added": 17, "rouge": 0.7, "tasks": 52_000, "sampling": Sampling(temperature=1, top_p=1)},
    "c_icl": {"positives": 4, "negatives": 2, "tries": 5, "sampling": Sampling(temperature=0.3)},
    "chain_of_thought": {"samples": 8},
    "demo_retriever": {"candidates": 100, "rounds": 2},
    "disco": {"demonstrations": 8, "threshold": 0.3},
    "evol_instruct": {"rounds": 4, "sampling": Sampling(temperature=1, top_p=0.95)},
    "in_context": {"draws": 1},
    "instruction_following": {"samples": 1},
    "kard": {"hint": False},
    "knowledge_boundary": {"samples": 30, "threshold": 0.9, "sampling": Sampling(temperature=1)},
    "lion": {"rounds": 3, "added": 6000, "gap": 1.0, "rouge": 0.7, "referee_sampling": Sampling(temperature=0.2)},
    "mcc_kd": {"samples": 10},
    "mixed": {"rationale_weight": 0.5},
    "multi_view": {"views": ("rationale", "equation", "program", "answer"), "weights": {}},
    "negative_aware": {"samples": 8, "critiques": 4, "wrong_weight": 0.5},
    "program_of_thought": {"samples": 4, "refine": True},
    "rationalisation": {"when": "failed"},
    "scott": {"samples": 5, "alpha": 0.5, "tag": "[factual]", "counterfactual_tag": "[counterfactual]"},
    "selective_reflection": {"selected_by": "student"},
    "self_consistency": {"samples": 16, "sampling": Sampling(temperature=0.7)},
    "self_instruct": {
        "demonstrations": 8, "demonstrations_made": 2, "added": 8, "at_once": 5, "rouge": 0.7, "instances": 5, "tasks": 82_000,
        "sampling": Sampling(temperature=0.7, top_p=0.5, presence_penalty=2),
        "instance_sampling": Sampling(temperature=0, presence_penalty=1.5),
    },
    "socratic": {"samples": 1},
    "step_by_step": {
        "alpha": 0.5, "samples": 1, "tag": "predict:", "explain_tag": "explain:", "sampling": Sampling(temperature=0),
    },
    "symbolic_knowledge": {
        "samples": 10, "trim": 0.2, "sampling": Sampling(top_p=0.5), "event_sampling": Sampling(top_p=0.9),
        "relations": ("xIntent", "xNeed", "xAttr", "xEffect", "xReact", "xWant", "HinderedBy"),
    },
    "universal_ner": {"samples": 1},
}  # fmt: skip


def test_every_method_is_here() -> None:
    assert set(PUBLISHED) == NAMES


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_defaults(name: str) -> None:
    needed = {"passages": "passages.txt"} if name == "kard" else {}
    method = ADAPTER.validate_python({"method": name} | needed)
    assert {field: getattr(method, field) for field in PUBLISHED[name]} == PUBLISHED[name]
    assert method.source and method.family and isinstance(method.limit, type(None))
    assert isinstance(method, Growth) == (name in GROWING)


GROWING = {
    "algorithm_distillation", "alpaca", "disco", "evol_instruct", "lion", "selective_reflection", "self_instruct",
    "symbolic_knowledge",
}  # fmt: skip


def test_figures_that_no_recipe_changes() -> None:
    assert (ALPHA, GAPS) == (2.0, {"easy": 0.5, "hard": 0.2}) and (SKIPPED, STRIDE) == (2, 2)
    assert SHORT == 80 and OPERATIONS == ("constraint", "deepen", "concretise", "reasoning", "breadth")
    assert (LOWEST, HIGHEST) == (1, 10) and SECONDS == 5


def test_the_search_for_prompts() -> None:
    assert (prompt_search.PAIRS, prompt_search.ROUNDS, prompt_search.TASKS_A_ROUND) == (5, 20, 5), "APE"
    assert (prompt_search.HISTORY, prompt_search.EXEMPLARS) == (20, 3), "OPRO"
    sampled = [prompt_search.INDUCING, prompt_search.OPTIMISING]
    assert sampled == [Sampling(temperature=0.9, top_p=0.9), Sampling(temperature=1)]
    search = prompt_search.Search()
    assert 30 <= search.dev <= 50 and search.candidates == 8
