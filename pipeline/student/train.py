"""Fine-tunes the student on a corpus with TRL's SFTTrainer; a process of its own: `python -m pipeline.student.train job.json`.

In: a job (model, corpus, settings). Out: a `transformers` folder. It prints one JSON object a line for whoever started it: the
loss at each step, and at the end that it is done. Killed, it goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before trl is imported: it would send some

import torch
from datasets import Dataset
from datasets import disable_progress_bars as disable_datasets_progress_bars
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

from pipeline.errors import UserError
from pipeline.records import Example
from pipeline.student.job import Job
from pipeline.student.proof import IGNORED, encode
from pipeline.tables import read_rows


def main() -> int:
    job = Job.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        train(job)
    except UserError as error:
        print(json.dumps({"error": error.what, "remedy": error.remedy}), flush=True)
        return UserError.exit_code
    return 0


def train(job: Job) -> None:
    """Trains and saves one student.

    Raises:
        UserError: the model cannot be loaded, or an example cannot be rendered for it.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_datasets_progress_bars()
    if job.device == "cuda" and not torch.cuda.is_available():
        raise UserError("DISTILL_DEVICE=cuda: this machine has none", "Leave it out, or say cpu.")
    tokenizer, model = _load(job)
    rows = list(read_rows(job.folder, job.table, Example))
    longest = min(job.student.max_tokens, getattr(model.config, "max_position_embeddings", job.student.max_tokens))
    parts = {split: _dataset([row for row in rows if row.split == split], tokenizer, longest) for split in ("train", "dev")}
    checkpoints = job.output.with_name(f".{job.output.name}.checkpoints")
    trainer = WeightedTrainer(
        model=model,
        args=_config(job, checkpoints, len(parts["train"])),
        train_dataset=parts["train"],
        eval_dataset=parts["dev"] if len(parts["dev"]) else None,
        data_collator=Collator(tokenizer.pad_token_id or tokenizer.eos_token_id or 0),
        processing_class=tokenizer,
        callbacks=[Speaker()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None)
    _save(trainer, tokenizer, job.output)
    shutil.rmtree(checkpoints, ignore_errors=True)
    print(json.dumps({"done": True, "steps": trainer.state.global_step}), flush=True)


def _load(job: Job) -> tuple[Any, Any]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(job.model)
        model = AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"student.model: {job.model} cannot be loaded: {str(error).splitlines()[0]}",
            "Name a transformers folder, or a model on the hub that this machine can reach.",
        ) from None
    if not tokenizer.chat_template:
        raise UserError(f"student.model: {job.model} has no chat template", "Name a model whose tokenizer has one.")
    return tokenizer, model


def _dataset(rows: list[Example], tokenizer: Any, max_tokens: int) -> Dataset:
    encoded = [encode(row, tokenizer, max_tokens) for row in rows]
    return Dataset.from_dict(
        {
            "input_ids": [each.input_ids for each in encoded],
            "labels": [each.labels for each in encoded],
            "weight": [each.weight for each in encoded],
        }
    )


def _config(job: Job, checkpoints: Path, examples: int) -> SFTConfig:
    student = job.student
    steps = max(1, round(-(-examples // student.batch_size) * student.epochs))
    on_gpu = job.device != "cpu" and torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=student.epochs,
        per_device_train_batch_size=student.batch_size,
        per_device_eval_batch_size=student.batch_size,
        learning_rate=student.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(steps * student.warmup_share)),
        weight_decay=student.weight_decay,
        train_sampling_strategy="random",  # batches of one length would be of one kind: 77 instead of 90 % on mini
        seed=student.seed,
        data_seed=student.seed,
        use_cpu=not on_gpu,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        activation_checkpointing=False,
        gradient_checkpointing=None,
        max_length=None,
        packing=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=max(1, steps // 100),
        eval_strategy="epoch" if job.has_dev else "no",
        save_steps=max(20, steps // 8),
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _save(trainer: SFTTrainer, tokenizer: Any, output: Path) -> None:
    """Writes the model beside its place and renames it, so that there is a whole model or none."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    trainer.model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    shutil.rmtree(output, ignore_errors=True)
    os.replace(unfinished, output)


class Collator:
    """Pads examples on the right to the longest of them."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def padded(name: str, filler: int) -> torch.Tensor:
            return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        return {
            "input_ids": padded("input_ids", self.pad),
            "labels": padded("labels", IGNORED),
            "attention_mask": (torch.arange(longest)[None] < lengths[:, None]).long(),
            "weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
        }


class WeightedTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer whose loss is the weighted mean over trained tokens: sum_i w_i sum_t ce_it / sum_i w_i n_i."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        weight, labels = inputs["weight"], inputs["labels"]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        loss = weighted_loss(outputs.logits, labels, weight)
        return (loss, outputs) if return_outputs else loss


def weighted_loss(logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean cross-entropy.

    Args:
        logits: (examples, tokens, vocabulary).
        labels: (examples, tokens), -100 where nothing is trained; place t is predicted from the tokens before it.
        weight: (examples,).
    """
    targets = labels[:, 1:]
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none"
    )
    weights = weight[:, None] * (targets != IGNORED)
    return (weights * losses).sum() / weights.sum().clamp(min=1e-8)


class Speaker(TrainerCallback):  # type: ignore[misc]
    """Says each logged loss on standard output, and ends the training when whoever started it is gone."""

    def __init__(self) -> None:
        self._parent = os.getppid()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if os.getppid() != self._parent:
            raise SystemExit("whoever started this training is gone")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        said = {name: logs[name] for name in ("loss", "eval_loss", "learning_rate") if name in (logs or {})}
        if said:
            print(json.dumps({"step": state.global_step, "of": state.max_steps, **said}), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
