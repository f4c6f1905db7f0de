"""Takes the pictures of the README from a real run: `make generate train`, then `make pictures`.

In: a data folder with a finished run, and its remembered replies if they are there. Out, in docs/pictures: the report on a wide
screen and a telephone, by day and by night, the page of `make inspect`, and a terminal while `generate` goes through that run
again in a folder of its own: a local teacher is asked again, and of others nobody whose reply is remembered. Needs `playwright`
and a Chromium, named by `CHROMIUM`.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from playwright.sync_api import Browser, sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from pipeline.recipe import load_recipe
from pipeline.report.page import write_page
from pipeline.settings import REPOSITORY

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PICTURES = REPOSITORY / "docs/pictures"
LARGEST = 150_000
"""Bytes of a picture; the repository keeps every version of it."""
ASKED = "600"
"""Tasks of the run whose progress is drawn."""
CEILINGS = {"DISTILL_MAX_COST": "5"}
COLUMNS, ROWS = 104, 48
WIDE, TALL = (1180, 800), (390, 800)
"""Pixels of a laptop's window and of a telephone's."""
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+")
MOVES = re.compile(r"(?:\r(?!\n)|\x1b\[\d*[AK]|\x1b\[2K|\x1b\[\?25[lh])+")
"""What a live display sends between two of its frames."""
FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", flags=re.DOTALL)
"""Of rich's drawings: they would be loaded from elsewhere."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the README.")
    parser.add_argument("--recipe", default="mini", help="the run (default: mini)")
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data", help="the data folder with its tables")
    parser.add_argument("--store", type=Path, help="its replies; <data>/responses.sqlite unless said")
    parser.add_argument("--only", nargs="*", choices=("report", "inspect", "terminal"), help="some of them; all unless said")
    arguments = parser.parse_args()
    wanted = arguments.only or ("report", "inspect", "terminal")
    run = arguments.data.resolve() / "runs" / arguments.recipe
    store = (arguments.store or arguments.data / "responses.sqlite").resolve()
    if not (run / "6_evaluation.parquet").is_file():
        raise SystemExit(f"{run}: no finished run. Make it with `make generate train RECIPE={arguments.recipe}`.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if "report" in wanted:
            report(browser, run)
        if "inspect" in wanted:
            inspect(browser, run, store)
        browser.close()
    if "terminal" in wanted:
        terminal(arguments.recipe, run, store)
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.relative_to(REPOSITORY)}: {path.stat().st_size:,} bytes")
        assert path.stat().st_size < LARGEST, f"{path}: too large for the repository"


def report(browser: Browser, run: Path) -> None:
    """The head of `report.html`, and its evaluation on a telephone."""
    address = write_page(run).as_uri()
    for name, size, scheme, place in (
        ("report-light", WIDE, "light", ""),
        ("report-dark", WIDE, "dark", "#filters"),
        ("report-phone", TALL, "light", "#evaluation h3"),
    ):
        picture(browser, address, name, size, scheme, place)


def picture(browser: Browser, address: str, name: str, size: tuple[int, int], scheme: str, place: str = "") -> None:
    """A window of this size, from the element `place` on."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if place:
        page.locator(place).first.evaluate("each => each.scrollIntoView()")
    shown = page.locator("body").inner_text()
    assert not any(str(each) in shown for each in (REPOSITORY, tempfile.gettempdir(), Path.home())), "a path of this machine"
    page.screenshot(path=PICTURES / f"{name}.png")
    page.close()


def inspect(browser: Browser, run: Path, store: Path) -> None:
    """The pages of `make inspect`, in a folder where the data are called `data`, since the page shows where they lie."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(run.parent.parent)
        _inspect(browser, Path(folder), f"data/runs/{run.name}", store)


def _inspect(browser: Browser, folder: Path, run: str, store: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "inspect", run, "--port", "0", "--no-browser", "--store", str(store)]
    given = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY)}
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=given)
    try:
        assert program.stdout
        found = ADDRESS.search(program.stdout.readline())
        assert found, "the command printed no address"
        picture(browser, found[0], "inspect", WIDE, "light")
        place, _, token = found[0].partition("?")
        picture(browser, f"{place}dropped?filter={finest(folder / run)}&{token}", "inspect-dropped", (1180, 640), "dark")
    finally:
        program.terminate()
        program.wait(30)


def finest(run: Path) -> str:
    """The filter that gives the most different scores, whose threshold is worth a picture."""
    scores = pl.scan_parquet(run / "4_verdicts.parquet").group_by("filter").agg(pl.col("score").n_unique())
    return str(scores.sort("score", "filter").tail(1).collect()["filter"].item())


def terminal(recipe: str, run: Path, store: Path) -> None:
    """A frame of the panel from the middle of a run, and the fate of a sample that was dropped."""
    free = load_recipe(recipe).teacher.backend == "local"
    with scratch(None if free else store) as folder:
        words = ("generate", recipe, "--data", str(folder), "--store", str(folder / "responses.sqlite"), "--limit", ASKED)
        frames = [each for each in MOVES.split(on_a_terminal(*words)) if "asking" in each and "samples" in each]
    drawn(
        frames[len(frames) // 2].rstrip(),
        f"DISTILL_MAX_COST=5 make generate RECIPE={recipe} LIMIT={ASKED}",
        "terminal-generate",
    )
    verdicts = pl.scan_parquet(run / "4_verdicts.parquet").filter(pl.col("decision") == "drop")
    sample = verdicts.select("sample_id").head(1).collect().item()
    story = on_a_terminal("why", sample, "--recipe", recipe, "--data", str(run.parent.parent))
    drawn(story.rstrip(), f"make why ID={sample} RECIPE={recipe}", "terminal-why")


@contextmanager
def scratch(store: Path | None) -> Iterator[Path]:
    """A data folder without runs, and a copy of the replies if any are given, which no picture shall change."""
    with tempfile.TemporaryDirectory() as folder:
        if store and store.is_file():
            shutil.copy(store, Path(folder) / "responses.sqlite")
        yield Path(folder)


def on_a_terminal(*words: str) -> str:
    """All that a command writes to a terminal, colours and moves of the cursor with it."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
    given = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")} | CEILINGS
    program = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words], cwd=REPOSITORY, env=given | {"TERM": "xterm-256color"},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while some := _read(ours):
        written += some
    os.close(ours)
    if program.wait():
        raise SystemExit(written.decode(errors="replace")[-2000:])
    return written.decode(errors="replace").replace("\r\n", "\n")


def _read(place: int) -> bytes:
    try:
        return os.read(place, 65536)
    except OSError:  # how a terminal says that nobody writes to it any more
        return b""


def drawn(text: str, title: str, name: str) -> None:
    """What a terminal showed, as a drawing that loads nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    lines = Text.from_ansi(text).split("\n", allow_blank=True)
    for each in [*lines[:ROWS], Text()]:  # the last line is cut at its feet
        console.print(each, soft_wrap=False, overflow="ellipsis", no_wrap=True)
    shape = FONTS.sub("", CONSOLE_SVG_FORMAT).replace("<svg ", '<svg width="{width}" height="{height}" ', 1)
    svg = console.export_svg(title=title, code_format=shape)  # without a size, a table of the README makes it a thumbnail
    assert "@font-face" not in svg and "url(http" not in svg
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
