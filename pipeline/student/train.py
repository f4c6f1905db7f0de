"""Fine-tunes the student on a corpus; a process of its own, or several: `python -m pipeline.student.train job.json`.

In: a job (model, corpus, settings). Out: a `transformers` folder. It prints one JSON object a line for whoever started it: the
loss at each step, and at the end that it is done. Killed, it goes on from its last checkpoint.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before trl is imported: it would send some

import torch
from datasets import Dataset
from datasets import disable_progress_bars as disable_datasets_progress_bars
from transformers import PrinterCallback
from transformers.utils import logging
from trl import SFTConfig

from pipeline.errors import UserError
from pipeline.records import Example
from pipeline.student.batches import Collator, Row, Unit, check_packing, units
from pipeline.student.job import Job, in_share
from pipeline.student.loading import device_of, load_student, load_tokenizer, processes
from pipeline.student.proof import prove
from pipeline.student.saving import checkpoint_state, checkpoints_of, last_checkpoint, save_student
from pipeline.student.trainer import BLANK, ByNumber, Speaker, StudentTrainer, peak_bytes, say, without_gain
from pipeline.tables import read_rows

LEAST_SAVE_STEPS = 20
"""Steps between two checkpoints, at least; there are about eight in a training."""


def main() -> int:
    job = Job.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        train(job)
    except UserError as error:
        say({"error": error.what, "remedy": error.remedy})
        return UserError.exit_code
    except torch.OutOfMemoryError as error:
        say({"error": f"training {job.output.name}: {str(error).split('. ')[0]}", "remedy": _less_memory(job)})
        return UserError.exit_code
    return 0


def train(job: Job) -> None:
    """Trains and saves one student.

    Raises:
        UserError: the model cannot be loaded, an example cannot be rendered for it, the loss is no number, or the disk is full.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_datasets_progress_bars()
    device = device_of(job)
    tokenizer, model = load_tokenizer(job), load_student(job, device)
    parts = lessons(job, tokenizer, model)
    trainer = _trainer(job, device, tokenizer, model, parts)
    with trainer.accelerator.main_process_first():
        checkpoint = _resumed(job, trainer)
    trainer.begin(checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    took = {"steps": trainer.state.global_step, **trainer.spent, "peak_bytes": peak_bytes(device)}
    save_student(trainer, tokenizer, job, took)
    if trainer.is_world_process_zero():
        say({"done": True, **took})
        shutil.rmtree(checkpoints_of(job.output), ignore_errors=True)


def lessons(job: Job, tokenizer: Any, model: Any) -> dict[str, list[Unit]]:
    """What each split holds, as units that are trained together.

    Raises:
        UserError: an example cannot be rendered as it was generated, or nothing is left to train on.
    """
    student = job.student
    examples = [example for example in read_rows(job.folder, job.table, Example) if _taken(example, job)]
    context = getattr(model.config.get_text_config(), "max_position_embeddings", student.max_tokens)
    proved = prove(examples, tokenizer, min(student.max_tokens, context))
    pairs: dict[str | None, int] = {None: -1}
    rows: dict[str, list[Row]] = {"train": [], "dev": []}
    for example, each in zip(examples, proved, strict=True):
        pair = pairs.setdefault(each.pair, len(pairs) - 1)
        rows[example.split].append({**vars(each), "pair": pair, "negative": int(each.negative)})
    found = {split: units(those, student.negatives) for split, those in rows.items()}
    if not found["train"]:
        raise UserError(
            f"{job.table}: all training examples show what is wrong",
            "Set student.negatives to unlikelihood, or mend the corpus.",
        )
    if student.early_stop and not found["dev"]:
        raise UserError(
            f"student.early_stop: {job.table} has no dev examples to watch",
            "Set source.dev_share above 0 and generate again, or leave it out.",
        )
    return found


def _taken(example: Example, job: Job) -> bool:
    """Whether a task is in the job's share: smaller shares lie in larger ones, and a task comes whole or not at all."""
    if example.split == "train":
        return in_share(example.task_id, job.share)
    return example.split == "dev"


def _trainer(job: Job, device: str, tokenizer: Any, model: Any, parts: dict[str, list[Unit]]) -> StudentTrainer:
    student, pad = job.student, tokenizer.pad_token_id or tokenizer.eos_token_id or 0
    rows = _rows_at_once(job, parts["train"])
    a_step = rows * student.accumulate * processes()
    steps_an_epoch = -(-len(parts["train"]) // a_step)
    try:
        trainer = StudentTrainer(
            schooling=student,
            model=model,
            args=_config(job, device, rows, steps_an_epoch, bool(parts["dev"])),
            train_dataset=_numbered(1, len(parts["train"]), a_step),
            eval_dataset=_numbered(1 + len(parts["train"]), len(parts["dev"]), rows * processes()) if parts["dev"] else None,
            data_collator=ByNumber(
                [BLANK, *parts["train"], *parts["dev"]], Collator(pad, student.max_tokens if student.packing else None)
            ),
            processing_class=tokenizer,
            callbacks=[Speaker(steps_an_epoch, student.early_stop)],
        )
    except torch.OutOfMemoryError:
        raise  # a RuntimeError, too
    except (RuntimeError, ImportError, ValueError) as error:
        if not job.trackers:
            raise
        raise UserError(f"DISTILL_TRACKERS={','.join(job.trackers)}: {error}", "Install it, or leave it out.") from None
    trainer.remove_callback(PrinterCallback)
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:  # TRL has put those of QLoRA into bfloat16
            parameter.data = parameter.data.float()
    if student.packing:
        check_packing(trainer.model)
    return trainer


def _rows_at_once(job: Job, train: Sequence[Unit]) -> int:
    """Units in a part of a step on one process: `batch_size` counts examples, of which a pair has two."""
    parts, examples = job.student.accumulate * processes(), sum(len(unit["examples"]) for unit in train)
    if job.student.batch_size % parts:
        raise UserError(
            f"DISTILL_PROCESSES={processes()}: times student.accumulate it does not divide student.batch_size, "
            f"{job.student.batch_size}",
            "Choose a batch_size that is a multiple of both together.",
        )
    return max(1, round(job.student.batch_size * len(train) / examples / parts))


def _numbered(first: int, count: int, multiple: int) -> Dataset:
    """Numbers of units, filled up with that of the blank one to a multiple."""
    return Dataset.from_dict({"unit": [*range(first, first + count), *[0] * (-count % multiple)]})


def _config(job: Job, device: str, rows: int, steps_an_epoch: int, watched: bool) -> SFTConfig:
    student = job.student
    steps = max(1, math.ceil(steps_an_epoch * student.epochs))
    config = SFTConfig(
        output_dir=str(checkpoints_of(job.output)),
        run_name=job.output.name,
        num_train_epochs=student.epochs,
        per_device_train_batch_size=rows,
        per_device_eval_batch_size=rows,
        gradient_accumulation_steps=student.accumulate,
        learning_rate=student.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(steps - 1, round(steps * student.warmup_share)),
        weight_decay=student.weight_decay,
        train_sampling_strategy="random",  # batches of one length would be of one kind: 77 instead of 90 % on mini
        seed=student.seed,
        data_seed=student.seed,
        use_cpu=device == "cpu",
        bf16=_in_bfloat16(job, device),
        use_cache=True,  # stands in the student's config.json; training itself asks for none
        **_checkpointing(student.gradient_checkpointing),
        max_length=None,
        packing=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if watched else "no",
        metric_for_best_model="eval_loss" if student.early_stop else None,
        greater_is_better=False,
        save_steps=max(LEAST_SAVE_STEPS, steps // 8),
        save_total_limit=1,
        report_to=list(job.trackers) or "none",
        disable_tqdm=True,
        dataloader_pin_memory=device == "cuda",
    )
    # set afterwards: the library would have it that checkpoints come at epoch ends alone, which may be hours
    config.load_best_model_at_end = student.early_stop is not None
    return config


def _checkpointing(wanted: bool) -> dict[str, bool | None]:
    """Whether activations are computed twice, in the words of this `transformers`; TRL would have it so unless told."""
    if "activation_checkpointing" in SFTConfig.__dataclass_fields__:  # from 5.21 on
        return {"activation_checkpointing": wanted, "gradient_checkpointing": None}
    return {"gradient_checkpointing": wanted}


def _in_bfloat16(job: Job, device: str) -> bool:
    there = device == "cuda" and torch.cuda.is_bf16_supported()
    if job.student.dtype == "bfloat16" and device == "cuda" and not there:
        raise UserError("student.dtype=bfloat16: this GPU has none", "Set it to float32 or auto.")
    return job.student.dtype == "bfloat16" or (job.student.dtype == "auto" and there)


def _resumed(job: Job, trainer: StudentTrainer) -> Path | None:
    """The checkpoint to go on from; where it had stopped early already, nothing more is trained."""
    checkpoint = last_checkpoint(checkpoints_of(job.output))
    state = checkpoint_state(checkpoint) if checkpoint else None
    if state and job.student.early_stop and without_gain(state["log_history"]) >= job.student.early_stop:
        trainer.args.max_steps = state["global_step"]
    return checkpoint


def _less_memory(job: Job) -> str:
    student = job.student
    ways = [
        (student.accumulate < student.batch_size, f"raise student.accumulate above {student.accumulate}"),
        (not student.gradient_checkpointing, "set student.gradient_checkpointing"),
        (student.adapter is None, "train adapters with student.adapter"),
        (True, "lower student.max_tokens, or use DISTILL_PROCESSES with more GPUs"),
    ]
    return f"To use less memory: {'; '.join(way for open_, way in ways if open_)}."


if __name__ == "__main__":
    raise SystemExit(main())
