"""Checkpoints and trained students on the disk: each is there whole, or not at all.

A checkpoint that its process did not finish is dropped; so is one for which the disk has no room. The student itself is written
beside its place and renamed: a plain `transformers` folder with tokenizer and chat template, adapters merged, and the adapters
by themselves in `adapter/`.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.trainer_utils import align_special_tokens, get_last_checkpoint

from pipeline.errors import UserError
from pipeline.student.job import Job, curve_lines, mark_trained
from pipeline.student.loading import load_weights

STATE = "trainer_state.json"
"""The file that is written last into a checkpoint."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
SPENT = "spent.json"
"""In a checkpoint: the tokens and seconds it took to get there."""
LEFT_OVER = ("training_args.bin", "README.md")
"""What a trainer writes beside a model that says nothing about it."""
HOW_LOADED = ("is_local", "local_files_only")
"""What a tokenizer notes of where it was read and whether the hub could be asked: the same student has another name by it."""


def checkpoints_of(output: Path) -> Path:
    """The folder of a student's checkpoints."""
    return output.with_name(f".{output.name}.checkpoints")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; what is not whole is deleted."""
    for checkpoint in folder.glob("checkpoint-*"):
        if checkpoint_state(checkpoint) is None:
            shutil.rmtree(checkpoint)
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return Path(last) if last else None


def checkpoint_state(checkpoint: Path) -> dict[str, Any] | None:
    """What the trainer noted last of all into a checkpoint; None where it did not come so far."""
    try:
        state: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        return state
    except (OSError, ValueError):
        return None


def spent_until(checkpoint: Path) -> dict[str, Any]:
    """Tokens and seconds it took to get to a checkpoint; nothing where they were not noted."""
    return (curve_lines(checkpoint / SPENT) or [{}])[0]


@contextmanager
def whole_or_none(folder: Path, remedy: str) -> Iterator[None]:
    """Deletes the folder that is written inside where the disk refuses it.

    Raises:
        UserError: the disk is full, or may not be written to.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        refused = _of_the_disk(error, folder.parent)
        shutil.rmtree(folder, ignore_errors=True)
        if not refused:
            raise
        raise UserError(f"{folder}: the disk takes no more: {str(error).splitlines()[0]}", remedy) from None


def _of_the_disk(error: Exception, place: Path) -> bool:
    """Whether it is the disk that refuses; torch and safetensors say so in words of their own, or not at all."""
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return True
    return "os error 28" in str(error) or "PytorchStreamWriter" in str(error) or shutil.disk_usage(place).free == 0


def save_student(trainer: Any, tokenizer: Any, job: Job, took: dict[str, Any]) -> None:
    """Puts the trained student in its place; all processes call it, and the first writes.

    Args:
        took: what the training took; it lies beside the weights, lest whoever is told of it afterwards is gone by then.

    Raises:
        UserError: the disk is full. What was there before stays then.
    """
    unfinished = job.output.with_name(f".{job.output.name}.unfinished")
    first = trainer.is_world_process_zero()
    if first:
        shutil.rmtree(unfinished, ignore_errors=True)
    adapter = unfinished / "adapter" if job.student.adapter else unfinished
    with whole_or_none(unfinished, "Free space there; the same command then only has to save it."):
        trainer.save_model(str(adapter), _internal_call=True)
        if first and job.student.adapter:
            _save_merged(job, adapter, tokenizer, unfinished)
        if first:
            for told in HOW_LOADED:
                tokenizer.init_kwargs.pop(told, None)
            tokenizer.save_pretrained(unfinished)
    if first:
        for name in LEFT_OVER:
            (adapter / name).unlink(missing_ok=True)
        mark_trained(unfinished, job.fingerprint, **took)
        shutil.rmtree(job.output, ignore_errors=True)
        os.replace(unfinished, job.output)


def _save_merged(job: Job, adapter: Path, tokenizer: Any, output: Path) -> None:
    """The untouched student with the adapters added to its weights, in float32 whatever it was trained in."""
    from peft import PeftModel

    merged = PeftModel.from_pretrained(load_weights(job), str(adapter)).merge_and_unload()
    align_special_tokens(merged, tokenizer)
    merged.save_pretrained(output)
