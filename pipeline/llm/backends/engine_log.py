"""What vLLM says, kept out of the lines of progress.

It goes into a file of this program, which all processes of the engine write to, and the reason of a failure is read there.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLES = ("VLLM_LOGGING_CONFIG_PATH", "VLLM_LOGGING_LEVEL", "VLLM_CONFIGURE_LOGGING")
ERROR = re.compile(r"\b((?:\w+\.)*\w*(?:Error|Exception|Exit): .+)")
FOLDER = TemporaryDirectory(prefix="distill-vllm-")
LOG = Path(FOLDER.name) / "vllm.log"
ELSEWHERE = "see what vLLM printed"


def log_to_file() -> None:
    """Tells vLLM to write into `LOG`; to be called before it is loaded. Where the user has set up its logging, that holds."""
    if any(name in os.environ for name in VARIABLES):
        return
    config = {
        "version": 1, "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(processName)s %(levelname)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(LOG), "formatter": "line"}},
        "loggers": {"vllm": {"handlers": ["file"], "level": "INFO", "propagate": False}},
    }  # fmt: skip
    path = LOG.with_name("logging.json")
    path.write_text(json.dumps(config))
    os.environ["VLLM_LOGGING_CONFIG_PATH"] = str(path)


def size() -> int:
    """Bytes that were said so far."""
    return LOG.stat().st_size if LOG.exists() else 0


def reason(since: int) -> str:
    """The first error said since `size()` was `since`, for those after it are its consequences; else the last complaint."""
    said: list[str] = []
    with suppress(OSError), LOG.open("rb") as file:
        file.seek(since)
        said = file.read().decode(errors="replace").splitlines()
    errors = [found[1] for line in said if (found := ERROR.search(line))]
    complaints = [line.partition(" ERROR ")[2] for line in said if " ERROR " in line]
    return (errors or complaints[-1:] or [ELSEWHERE])[0][:300]
