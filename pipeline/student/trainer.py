"""TRL's SFTTrainer with the objectives of this project, normalised over the whole step, and watched.

In: batches of the collator. The loss of a step is the sum of its parts' numerators by the sum of their denominators, over all
accumulated parts and all processes: cut up in whatever way, a step learns the same. So is the dev loss. A gradient that is no
number ends the training at once, and so does the end of whoever reads what it says.
"""

from __future__ import annotations

import json
import math
import os
import resource
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from trl import SFTTrainer

from pipeline.errors import UserError
from pipeline.student.batches import NOBODY, Collator, Unit, kept_logits
from pipeline.student.job import Schooling
from pipeline.student.objectives import masses, objective
from pipeline.student.saving import SPENT, spent_until, whole_or_none

SAID = ("loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_second", "unlikelihood", "agreement")
"""What of a log line whoever started the training is told."""
BLANK: Unit = {"examples": [{"input_ids": [0], "labels": [-100], "weight": 0.0, "answer": [0], "pair": -1, "negative": 0}]}
"""A unit that teaches nothing: with it every step is full, and every process has as many."""


class ByNumber:
    """A collator of units that a dataset knows by their numbers, so that no token goes through Arrow."""

    def __init__(self, units: Sequence[Unit], collator: Collator) -> None:
        self.units = units
        self.collator = collator

    def __call__(self, rows: Sequence[dict[str, int]]) -> dict[str, torch.Tensor]:
        return self.collator([self.units[row["unit"]] for row in rows])


class StudentTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer that makes `objective` smaller."""

    loss_is_scaled_for_ga = True  # by the denominator of the whole step

    def __init__(self, schooling: Schooling, **arguments: Any) -> None:
        self.schooling = schooling
        self.tokens = 0
        """Tokens read since the training began, prompts too, padding not."""
        self._began = time.monotonic()
        self._parts: dict[str, torch.Tensor] = {}
        self._dev = torch.zeros(2)  # numerator and denominator of the dev loss
        self._steps = 0
        self._logged = (0, 0, time.monotonic())  # steps, tokens and the clock at the last log
        super().__init__(**arguments)

    def begin(self, checkpoint: Path | None) -> None:
        """Starts to count, from where a checkpoint had come to if there is one."""
        before = spent_until(checkpoint) if checkpoint else {}
        self.tokens = before.get("tokens", 0)
        self._began = time.monotonic() - before.get("seconds", 0.0)
        self._logged = (0, self.tokens, time.monotonic())

    @property
    def spent(self) -> dict[str, Any]:
        """Tokens and seconds of the training so far, those before it was interrupted too."""
        return {"tokens": self.tokens, "seconds": round(time.monotonic() - self._began, 3)}

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor:
        """The denominator of a step: what its examples weigh, over all parts and processes."""
        mass = sum(masses(batch, self.schooling.weigh).sum() for batch in batch_samples)
        tokens = sum((batch["example"] != NOBODY).sum() for batch in batch_samples)
        both = self.accelerator.reduce(torch.tensor([mass, tokens], dtype=torch.float32, device=device), "sum")
        self._steps += 1
        self.tokens += int(both[1])
        return both[0].clamp(min=1e-8)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        numerator, _, parts = self._objective(model, inputs)
        for name, part in parts.items():
            self._parts[name] = self._parts.get(name, 0.0) + part / num_items_in_batch
        return numerator / num_items_in_batch * self.accelerator.num_processes  # gradients are averaged over processes

    def _objective(self, model: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        return objective(kept_logits(model, batch), batch, self.schooling.weigh, self.schooling.agreement)

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        with torch.no_grad():
            numerator, denominator, _ = self._objective(model, self._prepare_inputs(inputs))
        self._dev = self._dev + torch.stack([numerator, denominator])
        return numerator, None, None

    def evaluation_loop(self, *arguments: Any, metric_key_prefix: str = "eval", **options: Any) -> Any:
        self._dev = torch.zeros(2, device=self.args.device)
        output = super().evaluation_loop(*arguments, metric_key_prefix=metric_key_prefix, **options)
        numerator, denominator = self.accelerator.reduce(self._dev, "sum").tolist()
        output.metrics[f"{metric_key_prefix}_loss"] = numerator / max(denominator, 1e-8)
        return output

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        if not math.isfinite(norm):
            raise UserError(
                f"training {self.args.run_name}: loss or gradient is no number any more (gradient norm {float(norm)}) at step "
                f"{self.state.global_step + 1} of {self.state.max_steps}, learning rate {self._get_learning_rate():.2g}",
                "Lower student.learning_rate, or raise student.warmup_share or student.batch_size. Nothing was saved; "
                "a student of before is as it was.",
            )
        return norm

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # nobody reads them, and counting goes through all parameters at every step

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            steps, tokens, then = self._logged
            self._logged = (self._steps, self.tokens, time.monotonic())
            logs["tokens_per_second"] = round((self.tokens - tokens) / (self._logged[2] - then), 1)
            logs |= self._means_of_parts(self._steps - steps)
        super().log(logs, start_time)

    def _means_of_parts(self, steps: int) -> dict[str, float]:
        """What each objective added to the loss in the last steps, where there is more than one."""
        parts, self._parts = self._parts, {}
        means = {name: float(self.accelerator.reduce(part, "sum")) / steps for name, part in sorted(parts.items())}
        return {name: mean for name, mean in means.items() if mean and name != "likelihood"}

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with whole_or_none(folder, "Free space there; the same command goes on from the checkpoint before it."):
            if self.is_world_process_zero():  # first, since the trainer's own state is what makes a checkpoint whole
                folder.mkdir(parents=True, exist_ok=True)
                (folder / SPENT).write_text(json.dumps(self.spent), encoding="utf-8")
            super()._save_checkpoint(model, trial)

    def create_model_card(self, *arguments: Any, **options: Any) -> None:
        """None: a run's report says what a student is."""


class Speaker(TrainerCallback):  # type: ignore[misc]
    """Says each logged loss on standard output, decides when to stop, and when to write a checkpoint at an epoch's end."""

    def __init__(self, steps_an_epoch: int, early_stop: int | None) -> None:
        self._steps_an_epoch = steps_an_epoch
        self._early_stop = early_stop
        self._parent = os.getppid()
        self._reader = select.poll()
        self._reader.register(sys.stdout.fileno(), 0)  # says nothing but that the reading end is closed

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        gone = any(event & (select.POLLERR | select.POLLHUP) for _, event in self._reader.poll(0))
        if os.getppid() != self._parent or gone:
            raise SystemExit("whoever started this training is gone")
        evaluates = str(args.eval_strategy.value) != "no"
        if evaluates and (control.should_training_stop or state.global_step % self._steps_an_epoch == 0):
            control.should_save = False  # but after the dev loss is known, so that the checkpoint knows it, too

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_save = True
        if self._early_stop and without_gain(state.log_history) >= self._early_stop:
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        said = {name: logs[name] for name in SAID if name in (logs or {})}
        if said and state.is_world_process_zero:
            say({"step": state.global_step, "of": state.max_steps, **said})


def without_gain(history: Sequence[dict[str, float]]) -> int:
    """How many times in a row, by now, the dev loss was no lower than before.

    >>> without_gain([{"eval_loss": 2.0}, {"loss": 1.9}, {"eval_loss": 1.5}, {"eval_loss": 1.6}, {"eval_loss": 1.5}])
    2
    """
    losses = [each["eval_loss"] for each in history if "eval_loss" in each]
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


def say(what: dict[str, Any]) -> None:
    """Tells whoever started this process: a JSON object a line."""
    print(json.dumps(what), flush=True)


def peak_bytes(device: str) -> int:
    """Most memory this process has used: of the GPU where it computes on one, else of the machine."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
