"""Trains the mini teacher or student from nothing: `python -m pipeline.mini.train teacher data/mini/teacher`.

In: the endless lessons of the mini world. Out: an ordinary `transformers` folder. Batches hold examples of similar length and
about the same number of tokens. Hidden matrices learn with Muon (Jordan et al. 2024), the rest with AdamW; the rate warms up,
holds, and falls linearly to nothing. The teacher's second phase is for induction, which the first did not teach it: replies
of five tokens weigh little among those of fifty.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from pipeline.mini import tokenizer as mini_tokenizer
from pipeline.mini.lessons import STUDENT_MIX, TEACHER_MIX, TEACHER_SECOND_MIX, TEACHER_THIRD_MIX, lessons

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Phase:
    """One part of a schooling."""

    mix: dict[str, int]
    steps: int
    learning_rate: float = 3e-3
    deeper: int = 0
    """Layers added before it begins; each passes through what it gets until it has learned something."""
    even: bool = False
    """Whether every example weighs the same however long its reply, and later demonstrations in a prompt are learned, too."""


@dataclass(frozen=True)
class Plan:
    """One model: its size and its schooling."""

    hidden: int
    layers: int
    intermediate: int
    seed: int
    phases: tuple[Phase, ...]


TOKENS_PER_BATCH = 4096
WARMUP, DECAY_SHARE = 100, 0.5
ARROW = re.compile(r" -> ?([^\n<]*)\n")
IGNORED = -100

TEACHER = Plan(
    hidden=160,
    layers=5,
    intermediate=448,
    seed=1,
    phases=(
        Phase(TEACHER_MIX, 2600),
        Phase(TEACHER_SECOND_MIX, 800, 2e-3, even=True),
        Phase(TEACHER_THIRD_MIX, 3000, 2e-3, even=True, deeper=2),
    ),
)
STUDENT = Plan(hidden=96, layers=3, intermediate=256, seed=2, phases=(Phase(STUDENT_MIX, 3000),))
PLANS = {"teacher": TEACHER, "student": STUDENT}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a mini model from nothing.")
    parser.add_argument("model", choices=tuple(PLANS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from-phase", type=int, default=0, help="go on after so many phases, from the model in the folder")
    arguments = parser.parse_args()
    train(PLANS[arguments.model], arguments.folder, arguments.from_phase)


def train(plan: Plan, folder: Path, from_phase: int = 0) -> None:
    """Takes a model through its phases, saving every few hundred steps and after each phase."""
    torch.manual_seed(plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer.json").exists():
        mini_tokenizer.save(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = LlamaForCausalLM.from_pretrained(folder) if from_phase else _new_model(plan, tokenizer)
    for number, phase in enumerate(plan.phases):
        if number >= from_phase:
            model = (_deepened(model, phase.deeper) if phase.deeper else model).to(device)
            print(f"phase {number}: {sum(p.numel() for p in model.parameters()):,} parameters on {device}", flush=True)
            compiled = torch.compile(model.model, dynamic=True)
            _learn(model, compiled, phase, _batches(phase, tokenizer, plan.seed + 10 * number), folder)


def _learn(model: LlamaForCausalLM, compiled: Any, phase: Phase, batches: Iterator[Batch], folder: Path) -> None:
    """One phase, with optimizers of its own."""
    optimizers = _optimizers(model, phase.learning_rate)
    schedules = [torch.optim.lr_scheduler.LambdaLR(each, _rate(phase.steps)) for each in optimizers]
    start, seen, smooth = time.monotonic(), 0, None
    for step, batch in enumerate(islice(batches, phase.steps), 1):
        ids, mask, labels = (part.to(model.device) for part in batch)
        states = compiled(ids, attention_mask=mask).last_hidden_state
        loss = _loss(model.lm_head, states, labels, phase.even)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        seen += int(mask.sum())
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if step % 50 == 0:
            rate = round(seen / (time.monotonic() - start))
            print(json.dumps({"step": step, "loss": round(smooth, 4), "tokens": seen, "per_second": rate}), flush=True)
        if step % 500 == 0 or step == phase.steps:
            model.save_pretrained(folder)


def _new_model(plan: Plan, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=plan.hidden,
            intermediate_size=plan.intermediate,
            num_hidden_layers=plan.layers,
            num_attention_heads=plan.hidden // 32,
            num_key_value_heads=plan.hidden // 32,
            max_position_embeddings=mini_tokenizer.CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )
    model.generation_config.do_sample = True  # else some servers pass a request's temperature over
    return model


def _deepened(model: LlamaForCausalLM, layers: int) -> LlamaForCausalLM:
    """The same function with so many more layers on top, whose outputs are nothing yet (Chen et al. 2016, *Net2Net*)."""
    config = LlamaConfig(**{**model.config.to_dict(), "num_hidden_layers": model.config.num_hidden_layers + layers})
    deeper = LlamaForCausalLM(config)
    deeper.load_state_dict(model.state_dict(), strict=False)
    for layer in deeper.model.layers[-layers:]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    deeper.generation_config = model.generation_config
    return deeper


def _optimizers(model: LlamaForCausalLM, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between the layers, AdamW for the embedding and the norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _rate(steps: int) -> Callable[[int], float]:
    def share(step: int) -> float:
        return min(1.0, (step + 1) / WARMUP, (steps - step) / (DECAY_SHARE * steps))

    return share


def _batches(phase: Phase, tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[Batch]:
    """Batches of about `TOKENS_PER_BATCH` tokens: ids, attention mask and labels, each (examples, longest), right-padded."""
    stream = lessons(phase.mix, seed)
    rng = random.Random(seed)
    while True:
        encoded = [_encode(tokenizer, *lesson, demonstrations=phase.even) for lesson in islice(stream, 2048)]
        groups: list[list[_Encoded]] = []
        group: list[_Encoded] = []
        for example in sorted(encoded, key=lambda each: len(each.ids)):
            if group and (len(group) + 1) * len(example.ids) > TOKENS_PER_BATCH:
                groups.append(group)
                group = []
            group.append(example)
        groups.append(group)
        rng.shuffle(groups)
        yield from (_pad(each, tokenizer.pad_token_id) for each in groups)


@dataclass(frozen=True)
class _Encoded:
    """A conversation as token ids, and which of them are to be predicted."""

    ids: list[int]
    labels: list[int]


def _encode(tokenizer: PreTrainedTokenizerFast, messages: list[dict[str, str]], reply: str, demonstrations: bool) -> _Encoded:
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    asked = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    answer = tokenizer.encode(reply + mini_tokenizer.END, add_special_tokens=False)
    arrows = ARROW.finditer(prompt) if demonstrations else ()
    shown = [match.span(1) for match in arrows][1:]  # the first demonstration cannot be foreseen
    labels = [
        token if any(start <= begin and end <= stop for start, stop in shown) else IGNORED
        for token, (begin, end) in zip(asked["input_ids"], asked["offset_mapping"], strict=True)
    ]
    return _Encoded(asked["input_ids"] + answer, labels + answer)


def _pad(group: list[_Encoded], pad: int) -> Batch:
    longest = max(len(each.ids) for each in group)
    ids = torch.full((len(group), longest), pad)
    mask = torch.zeros((len(group), longest), dtype=torch.long)
    labels = torch.full((len(group), longest), IGNORED)
    for row, each in enumerate(group):
        ids[row, : len(each.ids)] = torch.tensor(each.ids)
        mask[row, : len(each.ids)] = 1
        labels[row, : len(each.ids)] = torch.tensor(each.labels)
    return ids, mask, labels


def _loss(head: torch.nn.Linear, states: torch.Tensor, labels: torch.Tensor, even: bool) -> torch.Tensor:
    """Mean cross-entropy over the tokens to be predicted, or the mean of the examples' own means.

    Args:
        states: what the last layer says, (examples, tokens, hidden); only of tokens to be predicted are there logits.
        labels: ids, (examples, tokens).
    """
    targets = labels[:, 1:]
    trained = targets != IGNORED
    losses = torch.nn.functional.cross_entropy(head(states[:, :-1][trained]), targets[trained], reduction="none")
    if not even:
        return losses.mean()
    return (losses / trained.sum(1).repeat_interleave(trained.sum(1))).sum() / len(labels)


if __name__ == "__main__":
    main()
