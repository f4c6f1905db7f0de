"""A student, and if wanted its corpus, to a model hub: shown first, sent when told so, private.

In: a run whose student was trained on the corpus that is there. Out: a line for each file that goes where, or the addresses of
the commits. The token is the hub's own (`HF_TOKEN` or `hf auth login`); it is handed to `huggingface_hub` and never shown.
"""

from __future__ import annotations

import glob
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from pipeline.errors import UserError
from pipeline.run import Run
from pipeline.stages.train import is_trained
from pipeline.tables import check_table, readable, table_path

CARD = "README.md"
REPOSITORY = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
"""What the hub takes for a name, the owner's always before it."""


@dataclass(frozen=True)
class Parcel:
    """A folder that goes to a repository of a hub."""

    kind: Literal["model", "dataset"]
    repository: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        """What goes, by its path in the folder; hidden files do not."""
        inside = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(path for path in inside if not any(part.startswith(".") for part in path.parts))

    def lines(self) -> list[str]:
        """Where it would go, the files with their sizes, and the card."""
        sizes = {path: (self.folder / path).stat().st_size for path in self.files}
        card = (self.folder / CARD).read_text(encoding="utf-8").splitlines()
        return [
            f"{self.kind} {self.repository}, private unless it is there: {len(sizes)} files, {sum(sizes.values())} bytes",
            *(f"  {size:>12}  {path}" for path, size in sizes.items()),
            f"  {CARD}:",
            *(f"    {line}".rstrip() for line in card),
        ]


def push(run: Run, repository: str, yes: bool, corpus: tuple[str, str] | None = None) -> list[str]:
    """What goes where, or where it went.

    Args:
        corpus: the repository for the data and their card; they stay here unless it is given.

    Raises:
        UserError: there is no student of this corpus, a name does not fit, there is no token, or the hub refuses.
    """
    for name in [repository, *(corpus or ())[:1]]:
        _check_name(name)
    parcels = [Parcel("model", repository, _student(run))]
    with tempfile.TemporaryDirectory() as folder:
        if corpus:
            parcels.append(Parcel("dataset", corpus[0], _data_set(run, corpus[1], Path(folder))))
        if yes:
            token = _token()
            return [_send(parcel, token) for parcel in parcels]
        return [line for parcel in parcels for line in parcel.lines()] + [
            "files that a repository has by other names stay there",
            "nothing was sent; --yes sends it",
        ]


def _check_name(name: str) -> None:
    if not REPOSITORY.fullmatch(name):
        raise UserError(
            f"{name!r}: no name of a repository", "Write it as owner/name, in letters, digits and single - _ . signs."
        )


def _student(run: Run) -> Path:
    """The distilled student's folder, with its card.

    Raises:
        UserError: it is not there, is of another corpus, or has no card yet.
    """
    pupil = next(each for each in run.pupils() if each.model == "distilled" and each.first)
    folder = pupil.folder(run.folder)
    check_table(run.folder, "5_corpus")
    if not is_trained(run, pupil):
        raise UserError(
            f"{folder}: there is no student trained on this corpus with these settings",
            f"Run `make train RECIPE={run.recipe.name}`.",
        )
    if not (folder / CARD).is_file():
        raise UserError(f"{folder}: it has no {CARD}", f"Evaluation writes it: `make evaluate RECIPE={run.recipe.name}`.")
    return folder


def _data_set(run: Run, card: str, folder: Path) -> Path:
    """Fills a folder with the corpus, a file a split, and its card."""
    path = table_path(run.folder, "5_corpus")
    with readable(path):
        corpus = pl.scan_parquet(path)
        for split in corpus.select(pl.col("split").unique()).collect()["split"]:
            corpus.filter(pl.col("split") == split).sink_parquet(folder / f"{split}.parquet")
    (folder / CARD).write_text(card, encoding="utf-8")
    return folder


def _token() -> str:
    """The user's token for the hub.

    Raises:
        UserError: there is none.
    """
    from huggingface_hub import get_token

    if token := get_token():
        return token
    raise UserError("there is no token for the hub", "Set HF_TOKEN to one that may write, or run `hf auth login`.")


def _send(parcel: Parcel, token: str) -> str:
    """Makes the repository, private, unless it is there, and commits the files to it.

    Raises:
        UserError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi

    hub, patterns = HfApi(token=token), [glob.escape(str(path)) for path in parcel.files]
    try:
        hub.create_repo(parcel.repository, repo_type=parcel.kind, private=True, exist_ok=True)
        done = hub.upload_folder(
            repo_id=parcel.repository, repo_type=parcel.kind, folder_path=parcel.folder, allow_patterns=patterns
        )
    except Exception as error:  # refused, out of reach, metadata it does not take: the library raises many kinds
        words = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f"{parcel.kind} {parcel.repository} at {hub.endpoint}: {words}",
            "Is the hub reachable, the name yours, and the token one that may write? What was committed before stays there.",
        ) from None
    return f"{parcel.kind} {parcel.repository}: {done.commit_url}"
