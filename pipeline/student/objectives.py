"""What training makes smaller: likelihood, unlikelihood of what is wrong, and agreement of paired answers.

In: a model's logits at the kept places of a batch (`batches.py`). Out: a numerator and a denominator, so that the loss of a
step is their quotient over all its parts, on one process or many. Each objective gives a number an example, and the loss is the
mean over examples by mass:

    L = sum_i m_i (mean_t l_it + a D_i) / sum_i m_i        m_i = w_i n_i (weigh: tokens) or w_i (weigh: examples)

with w_i the example's weight, n_i its trained tokens, l_it the loss of one token, D_i the disagreement of its pair. Weighing
tokens this is the usual mean over tokens; weighing examples it is the lambda loss of step-by-step, SCOTT and Mixed Distillation
(arXiv 2305.02301 section 3.2, 2305.01879, 2312.10730), lambda being the weights. Loss spans are nothing but labels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn.functional import cross_entropy

from pipeline.student.proof import IGNORED

Batch = dict[str, torch.Tensor]


def objective(
    logits: torch.Tensor, batch: Batch, weigh: Literal["tokens", "examples"], agreement: float
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """The loss of a part of a step, as a quotient whose both sides may be added up over the parts.

    Args:
        logits: (kept places, vocabulary), of any float type.
        batch: of the collator. Its negatives are made unlikely: where they are to be left out, `units` has done so.
        agreement: weight of the disagreement, a above.

    Returns:
        Numerator, denominator, and what each objective adds to the numerator, without gradient.
    """
    mass = masses(batch, weigh)
    losses = {"likelihood": likelihood_loss(logits, batch), "unlikelihood": unlikelihood_loss(logits, batch)}
    if agreement:
        losses["agreement"] = agreement * agreement_loss(logits, batch)
    parts = {name: (mass * loss).sum() for name, loss in losses.items()}
    numerator = torch.stack(list(parts.values())).sum()
    return numerator, mass.sum(), {name: part.detach() for name, part in parts.items()}


def masses(batch: Batch, weigh: Literal["tokens", "examples"]) -> torch.Tensor:
    """m_i of each example, (examples,); their sum is the denominator and can be had before there are logits."""
    owners = batch["example"][batch["labels"] != IGNORED]
    trained = torch.bincount(owners, minlength=len(batch["weight"]))
    return batch["weight"] * (trained if weigh == "tokens" else trained > 0)


def likelihood_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean of -log p over each example's trained tokens, (examples,); 0 for negatives."""
    targets, owners = _next(batch, "labels"), _next(batch, "example")
    targets = targets.masked_fill(batch["negative"][owners], IGNORED)
    losses = cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="none")
    trained = targets != IGNORED
    return _mean_by_example(losses[trained], owners[trained], batch)


def unlikelihood_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean of -log(1 - p) over each negative's trained tokens, (examples,); Welleck et al. 2020, arXiv 1908.04319, section 5.

    1 - p is the share of all other tokens, so its logarithm is a difference of two logsumexp, finite however near p is to 1.
    """
    targets, owners = _next(batch, "labels"), _next(batch, "example")
    wrong = (targets != IGNORED) & batch["negative"][owners]
    if not wrong.any():
        return logits.new_zeros(len(batch["weight"]), dtype=torch.float32)
    scores = logits[wrong].float()
    others = scores.scatter(1, targets[wrong][:, None], -torch.inf)
    return _mean_by_example(scores.logsumexp(1) - others.logsumexp(1), owners[wrong], batch)


def agreement_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """KL(p, q) + KL(q, p) between the answers of each example and its partner, (examples,), in nats; 0 without a partner.

    MCC-KD (Chen et al. 2023, arXiv 2310.14747): the mean over the tokens of the answer of the divergence between the two
    distributions over the vocabulary from which they are drawn; both learn. Of answers of unequal length the first tokens are
    compared, as many as the shorter has. Negatives agree with nobody. Where more than two share a pair, it is the mean over
    partners.
    """
    examples = len(batch["weight"])
    couples = _couples(batch)
    total, partners = logits.new_zeros(examples, dtype=torch.float32), torch.zeros(examples, device=logits.device)
    if not len(couples):
        return total
    chosen = (_next(batch, "answer") == 1) & torch.isin(_next(batch, "example"), couples.flatten())
    log_probabilities, owners = logits[chosen].float().log_softmax(1), _next(batch, "example")[chosen]
    for couple in couples:
        one, other = (log_probabilities[owners == each] for each in couple)
        apart = _symmetric_divergence(one, other)
        total = total.index_add(0, couple, apart.expand(2))
        partners = partners.index_add(0, couple, torch.ones_like(apart).expand(2))
    return total / partners.clamp(min=1)


def _couples(batch: Batch) -> torch.Tensor:
    """Numbers of the examples of each pair, (couples, 2)."""
    pair = batch["pair"]
    together = (pair[:, None] == pair[None]) & (pair >= 0)[:, None]
    right = ~batch["negative"]
    return (together & right[:, None] & right[None]).triu(diagonal=1).nonzero()


def _symmetric_divergence(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Mean over the common first places of sum_v (p - q)(log p - log q), which is KL(p, q) + KL(q, p).

    Args:
        one, other: log probabilities, (places, vocabulary).
    """
    shared = min(len(one), len(other))
    if not shared:
        return one.new_zeros(())
    one, other = one[:shared], other[:shared]
    return ((one.exp() - other.exp()) * (one - other)).sum(1).mean()


def _next(batch: Batch, name: str) -> torch.Tensor:
    """What the batch says of the token after each kept place, (kept places,)."""
    return batch[name][:, 1:][batch["keep"][:, :-1]]


def _mean_by_example(losses: torch.Tensor, owners: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean of the losses that belong to each example, (examples,); 0 where it has none."""
    examples = len(batch["weight"])
    counts = torch.bincount(owners, minlength=examples)
    return losses.new_zeros(examples).index_add(0, owners, losses) / counts.clamp(min=1)
