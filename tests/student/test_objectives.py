"""Every objective by numbers computed by hand, and what must not change a loss: padding, packing, order, parts of a step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.student.batches import Collator, kept_logits, units
from pipeline.student.objectives import agreement_loss, likelihood_loss, masses, objective, unlikelihood_loss
from pipeline.student.proof import IGNORED
from tests.student.test_batches import row

STUDENT = Path(__file__).resolve().parents[2] / "data/mini/student"
Rows = list[dict[str, Any]]
MOSTLY_0, MOSTLY_1, EVEN = [math.log(3.0), 0.0], [0.0, math.log(3.0)], [0.0, 0.0]
"""Logits over two tokens: 3/4 and 1/4, 1/4 and 3/4, a half each."""


def batch_of(*rows: dict[str, Any], room: int | None = None) -> dict[str, torch.Tensor]:
    return Collator(pad=0, room=room)(units(rows, "unlikelihood"))


def loss(logits: torch.Tensor, batch: dict[str, torch.Tensor], weigh: Any = "tokens", agreement: float = 0.0) -> float:
    numerator, denominator, _ = objective(logits, batch, weigh, agreement)
    return (numerator / denominator).item()


TWO_AND_ONE = (row([0, 0, 0], trained=2, weight=1.0), row([1, 0], trained=1, weight=0.5))
"""Two tokens that will get 3/4 each, and at half the weight one that will get 1/4."""
THEIR_LOGITS = torch.tensor([MOSTLY_0, MOSTLY_0, MOSTLY_1])


def test_weighing_tokens_every_trained_token_counts_its_examples_weight() -> None:
    expected = (1.0 * 2 * -math.log(3 / 4) + 0.5 * 1 * -math.log(1 / 4)) / (1.0 * 2 + 0.5 * 1)
    assert loss(THEIR_LOGITS, batch_of(*TWO_AND_ONE), "tokens") == pytest.approx(expected, rel=1e-6)


def test_weighing_examples_every_example_counts_its_weight_however_long() -> None:
    expected = (1.0 * -math.log(3 / 4) + 0.5 * -math.log(1 / 4)) / (1.0 + 0.5)
    assert loss(THEIR_LOGITS, batch_of(*TWO_AND_ONE), "examples") == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_step_by_step_is_a_weighted_sum_of_two_losses(share: float) -> None:
    label = row([0, 1], trained=1, weight=share)
    rationale = row([0] + [1] * 40, trained=40, weight=1 - share)
    logits = torch.tensor([MOSTLY_0] + [MOSTLY_1] * 40)  # the label gets 1/4, every token of the rationale 3/4
    expected = share * -math.log(1 / 4) + (1 - share) * -math.log(3 / 4)
    assert loss(logits, batch_of(label, rationale), "examples") == pytest.approx(expected, rel=1e-6)


def test_only_trained_places_count_in_likelihood() -> None:
    example = row([0, 1, 0, 1], trained=1, answer=3)  # the answer's first two tokens have logits, but are not trained
    batch = batch_of(example)
    logits = torch.tensor([MOSTLY_0, MOSTLY_1, MOSTLY_1], requires_grad=True)
    losses = likelihood_loss(logits, batch)
    assert losses.tolist() == pytest.approx([-math.log(3 / 4)], rel=1e-6)
    losses.sum().backward()
    assert logits.grad[:2].abs().sum() == 0 and logits.grad[2, 1] == pytest.approx(3 / 4 - 1)


def test_an_example_of_which_nothing_is_trained_weighs_nothing() -> None:
    batch = batch_of(row([0, 1], trained=0), row([0, 1], trained=1))
    assert masses(batch, "examples").tolist() == masses(batch, "tokens").tolist() == [0.0, 1.0]
    assert loss(torch.tensor([MOSTLY_1]), batch, "examples") == pytest.approx(-math.log(3 / 4), rel=1e-6)


def test_negatives_are_made_unlikely_and_never_likely() -> None:
    batch = batch_of(row([0, 1, 1], trained=2, negative=1), row([0, 1], trained=1))
    logits = torch.tensor([MOSTLY_1, EVEN, EVEN], requires_grad=True)
    assert likelihood_loss(logits, batch).tolist() == pytest.approx([0.0, math.log(2)])
    losses = unlikelihood_loss(logits, batch)  # 1 - p is 1/4, then 1/2
    assert losses.tolist() == pytest.approx([(-math.log(1 / 4) - math.log(1 / 2)) / 2, 0.0], rel=1e-6)
    losses.sum().backward()
    assert logits.grad[0].tolist() == pytest.approx(
        [-3 / 8, 3 / 8]
    )  # of -log(1 - p) by the wrong token's logit: p, and half of it
    assert logits.grad[2].abs().sum() == 0


def test_negatives_share_the_denominator_with_the_others() -> None:
    batch = batch_of(row([0, 1, 1], trained=2, weight=0.1, negative=1), row([0, 1], trained=1, weight=1.0))
    logits = torch.tensor([MOSTLY_1, MOSTLY_1, MOSTLY_1])
    by_tokens = (0.1 * 2 * -math.log(1 / 4) + 1.0 * -math.log(3 / 4)) / (0.1 * 2 + 1.0)
    by_examples = (0.1 * -math.log(1 / 4) + 1.0 * -math.log(3 / 4)) / (0.1 + 1.0)
    assert loss(logits, batch, "tokens") == pytest.approx(by_tokens, rel=1e-6)
    assert loss(logits, batch, "examples") == pytest.approx(by_examples, rel=1e-6)


def test_only_trained_places_count_in_unlikelihood() -> None:
    batch = batch_of(row([0, 1, 1], trained=1, answer=2, negative=1))  # the answer's first token has logits, but is not trained
    losses = unlikelihood_loss(torch.tensor([EVEN, MOSTLY_1]), batch)
    assert losses.tolist() == pytest.approx([-math.log(1 / 4)], rel=1e-6)


def test_a_wrong_token_of_which_the_model_is_certain_gives_a_finite_loss_and_gradient() -> None:
    batch = batch_of(row([0, 1], trained=1, negative=1))
    logits = torch.tensor([[0.0, 300.0]], requires_grad=True)
    losses = unlikelihood_loss(logits, batch)
    assert losses.item() == pytest.approx(300.0)
    losses.sum().backward()
    assert logits.grad.tolist() == [[-1.0, 1.0]]


def paired(**changes: Any) -> Rows:
    """Two rationales of unequal length for one answer of two tokens."""
    other: dict[str, Any] = {"trained": 4, "answer": 2, "pair": 7}
    return [row([0, 1, 0], trained=2, answer=2, pair=7), row([0, 1, 1, 1, 0], **(other | changes))]


PAIR_LOGITS = torch.tensor([MOSTLY_0, EVEN, EVEN, MOSTLY_0, MOSTLY_1, EVEN])
"""The answers' first tokens get 3/4 against 1/4, the second ones the same."""


def test_agreement_is_the_mean_symmetric_divergence_over_the_answer() -> None:
    # (p - q)(log p - log q) is 1/2 log 3 for each of the two tokens, and nothing at the second place
    assert agreement_loss(PAIR_LOGITS, batch_of(*paired())).tolist() == pytest.approx([math.log(3) / 2] * 2, rel=1e-6)


def test_the_first_pair_of_a_corpus_agrees_like_any_other() -> None:
    rows = [each | {"pair": 0} for each in paired()]
    assert agreement_loss(PAIR_LOGITS, batch_of(*rows)).tolist() == pytest.approx([math.log(3) / 2] * 2, rel=1e-6)


def test_only_the_common_first_tokens_of_answers_are_compared() -> None:
    assert agreement_loss(PAIR_LOGITS, batch_of(*paired(answer=1))).tolist() == pytest.approx(
        [(3 / 4 - 1 / 2) * math.log(3 / 2) + (1 / 4 - 1 / 2) * math.log(1 / 2)] * 2, rel=1e-6
    )
    assert agreement_loss(PAIR_LOGITS, batch_of(*paired(answer=0))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("changes", [{"pair": 8}, {"pair": -1}, {"negative": 1}], ids=str)
def test_who_has_no_partner_agrees_already(changes: dict[str, int]) -> None:
    one, other = paired()
    for rows in ([one, other | changes], [one | changes, other]):
        assert agreement_loss(PAIR_LOGITS, batch_of(*rows)).tolist() == [0.0, 0.0]


def test_agreement_draws_both_answers_together_and_nothing_else() -> None:
    logits = PAIR_LOGITS.clone().requires_grad_()
    batch = batch_of(*paired())
    before = agreement_loss(logits, batch).sum()
    before.backward()
    gradient = logits.grad
    assert gradient[0, 0] > 0 > gradient[0, 1] and gradient[4, 0] < 0 < gradient[4, 1]
    assert gradient[[1, 2, 3, 5]].abs().sum() == pytest.approx(0, abs=1e-7)
    assert agreement_loss(logits - 0.1 * gradient, batch).sum() < before


def test_three_of_one_pair_agree_with_their_partners_on_average() -> None:
    third = row([0, 1], trained=1, answer=1, pair=7)
    logits = torch.cat([PAIR_LOGITS, torch.tensor([MOSTLY_0])])
    first_and_second, second_and_third, first_and_third = math.log(3) / 2, math.log(3), 0.0
    expected = [first_and_second / 2, (first_and_second + second_and_third) / 2, (second_and_third + first_and_third) / 2]
    assert agreement_loss(logits, batch_of(*paired(), third)).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_with_pairs_the_loss_is_that_of_mcc_kd() -> None:
    numerator, denominator, parts = objective(PAIR_LOGITS, batch_of(*paired()), "examples", agreement=0.1)
    first = (-math.log(1 / 4) - math.log(1 / 2)) / 2
    second = (-math.log(1 / 2) - math.log(1 / 4) - math.log(3 / 4) - math.log(1 / 2)) / 4
    expected = (first + second) / 2 + 0.1 * math.log(3) / 2
    assert (numerator / denominator).item() == pytest.approx(expected, rel=1e-6)
    assert parts["agreement"].item() == pytest.approx(2 * 0.1 * math.log(3) / 2, rel=1e-6)
    assert sum(part.item() for part in parts.values()) == pytest.approx(numerator.item(), rel=1e-6)


def test_what_each_objective_adds_has_no_gradient() -> None:
    """It is gathered over many steps, whose graphs would stay in memory with it."""
    numerator, _, parts = objective(PAIR_LOGITS.clone().requires_grad_(), batch_of(*paired()), "examples", agreement=0.1)
    assert numerator.requires_grad and not any(part.requires_grad for part in parts.values())


@pytest.fixture(scope="module")
def student() -> Any:
    return AutoModelForCausalLM.from_pretrained(STUDENT).eval()


def mixed() -> Rows:
    """Examples of every sort and of many lengths."""
    return [
        row([41, 52, 63, 74, 85, 96], trained=4, answer=2, pair=0, weight=0.7),
        row([107, 118, 129], trained=1, weight=2.0),
        row([41, 52, 63, 63, 63, 63, 85, 96], trained=6, answer=2, pair=0, weight=0.3),
        row([14, 14, 14, 11, 11], trained=3, negative=1, weight=0.5),
        row([9, 1], trained=1, answer=1),
        row(list(range(200, 260)), trained=30, answer=3, weight=1.5),
    ]


def quotient(student: Any, batch: dict[str, torch.Tensor], weigh: Any) -> torch.Tensor:
    """Numerator and denominator, (2,)."""
    numerator, denominator, _ = objective(kept_logits(student, batch), batch, weigh, agreement=0.5)
    return torch.stack([numerator, denominator])


@pytest.mark.parametrize("weigh", ["tokens", "examples"])
def test_the_loss_does_not_depend_on_how_the_examples_lie(student: Any, weigh: str) -> None:
    whole = quotient(student, batch_of(*mixed()), weigh)
    packed = quotient(student, batch_of(*mixed(), room=60), weigh)
    backwards = quotient(student, batch_of(*reversed(mixed())), weigh)
    grouped = units(mixed(), "unlikelihood")  # of the six examples two are a pair
    parts = sum(quotient(student, Collator(pad=0)(part), weigh) for part in (grouped[:2], grouped[2:3], grouped[3:]))
    assert len(batch_of(*mixed(), room=60)["input_ids"]) == 2
    for other in (packed, backwards, parts):
        assert torch.allclose(other, whole, rtol=1e-5, atol=0)


def test_packing_changes_no_gradient(student: Any) -> None:
    gradients = []
    for room in (None, 60):
        numerator, denominator = quotient(student, batch_of(*mixed(), room=room), "tokens")
        gradients.append(torch.autograd.grad(numerator / denominator, list(student.parameters())))
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_loss_span_is_the_cross_entropy_of_that_span(student: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(STUDENT)
    tokens = tokenizer.encode("12+7=19. The answer is 19.")
    span = range(len(tokens) - 4, len(tokens) - 1)
    example = row(tokens, trained=0)
    example["labels"] = [token if place in span else IGNORED for place, token in enumerate(tokens)]
    batch = batch_of(example)
    probabilities = student(input_ids=torch.tensor([tokens])).logits[0].softmax(-1)
    expected = sum(-math.log(probabilities[place - 1, tokens[place]].item()) for place in span) / len(span)
    assert loss(kept_logits(student, batch), batch) == pytest.approx(expected, rel=1e-5)


def test_losses_of_half_precision_logits_are_summed_in_full(student: Any) -> None:
    batch = batch_of(*mixed())
    logits = kept_logits(student, batch).bfloat16()
    numerator, denominator, _ = objective(logits, batch, "tokens", agreement=0.5)
    assert numerator.dtype == denominator.dtype == torch.float32
    assert numerator.item() == objective(logits.float(), batch, "tokens", agreement=0.5)[0].item()


def test_a_part_of_a_step_in_which_nothing_is_trained_adds_nothing(student: Any) -> None:
    numerator, denominator = quotient(student, batch_of(row([0], trained=0, weight=0.0)), "tokens")
    gradient = torch.autograd.grad(numerator, list(student.parameters()))
    assert numerator == denominator == 0
    assert all(each.abs().sum() == 0 for each in gradient)
