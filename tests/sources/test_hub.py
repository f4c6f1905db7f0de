"""The hub as a source, through `datasets`, which reads a folder of files just as it reads the hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pipeline.settings import REPOSITORY

PROGRAM = """
import sys
from pipeline.errors import UserError
from pipeline.sources.hub import HubSource
from pipeline.sources.tasks import Fields

def tasks(folder, splits):
    fields = Fields(prompt="question", answer="answer")
    return list(HubSource(kind="hub", dataset=folder, fields=fields, dev_share=0, limit=10).tasks(splits, 3))

for task in tasks(sys.argv[1], ("test",)):
    print(task.split, task.prompt, task.answer)
for folder, splits in ((sys.argv[1], ("validation",)), (sys.argv[1] + "/none", ("test",))):
    try:
        tasks(folder, splits)
    except UserError as error:
        print(str(error).split(":")[0], str(error).splitlines()[1].strip()[:17])
"""


def test_no_evaluation_question_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for split, numbers in (("train", range(12)), ("test", range(8, 20))):
        rows = ({"question": f"q{n}", "answer": n} for n in numbers)
        (tmp_path / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "data")],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *rows, no_split, no_folder = done.stdout.splitlines()
    assert rows == [f"train q{n} {n}" for n in range(8)] + ["test q8 8", "test q9 9", "test q10 10"]
    assert no_split == no_folder == "source.dataset Is the name right"
