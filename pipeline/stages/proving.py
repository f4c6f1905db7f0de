"""`distill preview --training`: proves the corpus as the training would, in a child process, before anybody pays for a GPU.

In: a run with a corpus. Out: figures of the whole and its first examples token by token; an example that the student would not
learn as it was generated is an error, as it would be in training.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

from pipeline.errors import DistillError, UserError
from pipeline.run import Run
from pipeline.stages.train import training_job
from pipeline.student.shown import Proven, Shown


def prove_corpus(run: Run) -> tuple[Proven, list[Shown]]:
    """The figures of the distilled student's corpus, and examples of each method and view.

    Raises:
        UserError: there is no corpus or no such student, or an example would not be learned as it was generated.
    """
    if importlib.util.find_spec("transformers") is None:
        raise UserError("transformers is not installed, and its tokenizers are needed", "pip install -e '.[train]'")
    job = training_job(run, next(pupil for pupil in run.pupils() if pupil.model == "distilled"))
    child = subprocess.run(
        [sys.executable, "-m", "pipeline.student.prove"], input=job.model_dump_json(), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    *first, last = child.stdout.rstrip("\n").split("\n")  # no other line ends: JSON may hold U+2028
    said = json.loads(last) if last.startswith("{") else {}
    if "error" in said:
        raise UserError(said["error"], said["remedy"])
    if child.returncode != 0:
        raise DistillError(f"the proof ended with code {child.returncode}:\n{child.stderr}")
    return Proven(**said), [Shown.model_validate_json(line) for line in first]
