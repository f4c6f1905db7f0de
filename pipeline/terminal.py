"""What the program writes to a terminal. Text that models wrote is shown there and never obeyed.

Escape codes and other control characters, marks that turn the direction of text, and characters that nobody can see are written
out, as `\\x1b` or `\\u202e`: they can be read and do nothing. Whatever is printed goes through `say` or `pour`, which a test
over the syntax trees holds so. Colour is for terminals only; `NO_COLOR` takes it away, `FORCE_COLOR` gives it to a pipe.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_LINE, MOST_LINES = 10_000, 2_000
"""Characters of a line, and lines of a text, that are shown; the rest is counted."""
NARROWEST = 24
"""Columns that a text needs to be wrapped beside its margin."""
JOINERS, SELECTORS = "\u200c\u200d", "\ufe00-\ufe0f"
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    rf"|(?<![^\x00-\u02ff\u200b-\u200f])[{JOINERS}]|[{JOINERS}](?![^\x00-\u02ff\u200b-\u200f])"
    rf"|(?<![^\x00-\x7f{SELECTORS}])[{SELECTORS}](?!\u20e3)"
)
"""What acts on a terminal or cannot be seen. Joiners between characters of scripts that need them, and in emoji, stay; so does
one selector behind a character that is not ASCII, and that of a keycap. The line break and the tab are text."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Those of them that ASCII has: found twenty times as fast."""
Part = tuple[str, str]
"""A piece of a line and its style, in rich's words: `bold`, `red`, or nothing."""


def harmless(text: str) -> str:
    """The same text with everything written out that acts on a terminal or cannot be seen; line breaks and tabs stay."""
    return _replaced(text.replace("\r\n", "\n"), _written_out)


def _replaced(text: str, how: Callable[[re.Match[str]], str]) -> str:
    return (CONTROLS if text.isascii() else HIDDEN).sub(how, text)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def clipped(text: str, longest: int = LONGEST_LINE, most: int = MOST_LINES) -> str:
    """The text with lines that are too long, and those that are too many, cut; it says how much there was."""
    if len(text) <= longest and text.count("\n") < most:
        return text
    lines = text.split("\n")
    shown = [line if len(line) <= longest else f"{line[:longest]}… ({len(line):,} characters)" for line in lines[:most]]
    return "\n".join([*shown, f"… ({len(lines):,} lines)"] if len(lines) > most else shown)


def flat(text: str, longest: int = 1_000) -> str:
    """The beginning of a text as one harmless line, its breaks as ⏎ and its tabs as ⇥."""
    return harmless(text[: longest + 1]).replace("\n", "⏎").replace("\t", "⇥")


def json_line(value: Any) -> str:
    """A value as one line of JSON that is harmless too, and from which a reader gets the very same value; a float that is no
    number, which JSON does not have, is null."""
    as_ascii = not str(sys.stdout.encoding).lower().replace("-", "").startswith("utf")
    write = partial(json.dumps, ensure_ascii=as_ascii, default=str, allow_nan=False)
    try:
        text = write(value)
    except ValueError:
        text = write(_finite(value))
    return _replaced(text, _json_escape)


def _finite(value: Any) -> Any:
    """The value with None for every float in it that is no number."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json_escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def tsv_line(values: Iterable[str]) -> str:
    r"""Values as one line, tabs between them; a tab, a line break and a backslash inside one are `\t`, `\n` and `\\`."""
    return "\t".join(map(_tsv_field, values))


def _tsv_field(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return _replaced(text, _written_out)


@dataclass(frozen=True)
class Line:
    """A line in colours: its head, and a text beside it, whose further lines stand under its first."""

    head: tuple[Part, ...]
    body: str = ""
    style: str = ""
    """That of the body."""

    def __str__(self) -> str:
        """The line as it is without colours, and however wide."""
        head = "".join(text for text, _ in self.head)
        return head + self.body.replace("\n", "\n" + " " * len(head))


def line(*head: str | Part, body: str = "", style: str = "") -> Line:
    """A line of pieces, with or without a style."""
    return Line(tuple((part, "") if isinstance(part, str) else part for part in head), body, style)


def say(*lines: str | Line, file: TextIO | None = None) -> None:
    """Prints lines, harmless and not too long; on a terminal in their colours, texts wrapped beside their margins.

    Args:
        file: standard output unless it is said.
    """
    stream = file or sys.stdout
    console = _console(stream) if is_terminal(stream) and any(isinstance(each, Line) for each in lines) else None
    for each in lines:
        if isinstance(each, Line) and console:
            _say_in_colours(each, console)
        else:
            stream.write(harmless(clipped(str(each))) + "\n")
    stream.flush()


def complain(*lines: str | Line) -> None:
    """Says lines on standard error."""
    say(*lines, file=sys.stderr)


def pour(lines: Iterable[str]) -> None:
    """Writes lines, however long, that `json_line` and `tsv_line` have made."""
    for each in lines:
        sys.stdout.write(each + "\n")
    sys.stdout.flush()


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads at the other end; `FORCE_COLOR` says so of anything, for pictures and pagers."""
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; `COLUMNS` wins."""
    return _console(stream or sys.stdout).width


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    width = 80 if os.environ.get("COLUMNS") == "0" else None  # of no columns at all nothing would be seen
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, color_system=None if plain else "auto")


def _say_in_colours(each: Line, console: Console) -> None:
    from rich.text import Text

    head = Text.assemble(*((harmless(text), style) for text, style in each.head))
    margin = head.cell_len
    room = console.width - margin
    body = Text(harmless(clipped(each.body)), style=each.style)
    wrapped = body.wrap(console, room) if each.body and room >= NARROWEST else body.split("\n", allow_blank=True)
    for number, part in enumerate(wrapped):
        console.print(Text.assemble(head if number == 0 else " " * margin, part), soft_wrap=True)


def tell_traceback(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    """For `sys.excepthook`: a traceback may quote what a model wrote."""
    complain("".join(traceback.format_exception(kind, error, place)).rstrip())
