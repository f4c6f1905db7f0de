"""What is printed cannot act on a terminal, says the same, and programs get back the very text."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings import REPOSITORY
from pipeline.terminal import LONGEST_LINE, MOST_LINES, clipped, flat, harmless, json_line, line, pour, say, tsv_line
from tests.hostile import HOSTILE, UNSEEN, acting, in_terminal

SEEN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Marks of scripts that are drawn, though Unicode counts them to its format characters."""
ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x1b\x9b\u202e\u200b\u200d\r\n\t\\"), max_size=40)


def test_everything_that_acts_or_cannot_be_seen_is_written_out() -> None:
    every = (chr(number) for number in range(0x110000) if chr(number) not in SEEN + "\n\t")
    left = [hex(ord(each)) for each in every if unicodedata.category(each) in UNSEEN and each in harmless(f"a{each}a")]
    assert left == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\x00b\x9bc", r"a\x00b\x9bc"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("\U000e0041", r"\U000e0041"),
        ("pass\u200dword", r"pass\u200dword"),
        ("x\ufe0f \u2764\ufe0f\ufe0f", "x\\ufe0f \u2764\ufe0f\\ufe0f"),
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("half \ud83d", r"half \ud83d"),
        ("\tdef f():\n\t\treturn", "\tdef f():\n\t\treturn"),
        ("👩\u200d👩\u200d👧 1\ufe0f\u20e3 ❤\ufe0f", "👩\u200d👩\u200d👧 1\ufe0f\u20e3 ❤\ufe0f"),
        ("می\u200cخواهم, क\u094d\u200dष", "می\u200cخواهم, क\u094d\u200dष"),
        ("日本語 é Ω שלום", "日本語 é Ω שלום"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(shown) == shown


@given(ANY_TEXT)
def test_programs_read_the_same_text(text: str) -> None:
    told = json_line({"text": text})
    assert json.loads(told) == {"text": text} and "\n" not in told and not acting(told) - set("\u200c\u200d" + SEEN)
    field = tsv_line([text, "b"]).removesuffix("\tb")
    assert "\t" not in field and "\n" not in field and not acting(field) - set("\u200c\u200d" + SEEN)
    assert _unescaped(field) == text


def _unescaped(field: str) -> str:
    named = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    pattern = r"\\(?:([tnr\\])|x(..)|u(....)|U(........))"
    return re.sub(pattern, lambda m: named[m[1]] if m[1] else chr(int(m[2] or m[3] or m[4], 16)), field)


def test_what_is_too_long_is_cut_and_counted() -> None:
    long = clipped("short\n" + "x" * 2**20)
    assert long == "short\n" + "x" * LONGEST_LINE + "… (1,048,576 characters)"
    many = clipped("y\n" * 50_000).splitlines()
    assert len(many) == MOST_LINES + 1 and many[-1] == "… (50,001 lines)"
    assert clipped("as it is\n") == "as it is\n"
    assert flat("one\ntwo\tthree\x1b") == "one⏎two⇥three\\x1b" and len(flat("x" * 2**20)) < 2_000


def test_a_megabyte_is_made_harmless_at_once() -> None:
    started = time.monotonic()
    assert harmless("x\x1b" * 2**17).count("\\x1b") == 2**17
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_said(name: str) -> None:
    stream = io.StringIO()
    say(HOSTILE[name], line(("label", "red"), body=HOSTILE[name]), file=stream)
    assert not acting(stream.getvalue())
    assert len(stream.getvalue()) < 100_000


SAYING = (
    "import sys\nfrom pipeline.terminal import *\n"
    "say(line('  ', ('label', 'red'), ': ', body='some words '*20 + '\\x1b[5mend\\n  code'), 'plain', line(('bold', 'bold')))"
)


def test_a_terminal_has_colours_and_margins() -> None:
    told = in_terminal([sys.executable, "-c", SAYING], REPOSITORY, 60)
    assert "\x1b[31mlabel\x1b[0m" in told and r"\x1b[5mend" in told and not acting(told, colours=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told).splitlines()
    assert len(lines) > 6 and max(map(len, lines)) <= 60
    assert lines[0].startswith("  label: some words") and re.match(r" {9}\w", lines[1])
    assert "           code" in lines[-3] and lines[-2:] == ["plain", "bold"]


def test_no_colour_where_it_is_not_wanted(tmp_path: Path) -> None:
    told = in_terminal([sys.executable, "-c", SAYING], REPOSITORY, 60, NO_COLOR="1")
    assert not acting(told) and max(map(len, told.splitlines())) <= 60
    dumb = in_terminal([sys.executable, "-c", SAYING], REPOSITORY, 60, TERM="dumb")
    assert not acting(dumb)
    piped = subprocess.run([sys.executable, "-c", SAYING], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert not acting(piped) and len(piped.splitlines()) == 4 and "some words some words" in piped


@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_terminal_without_columns_shows_it_all(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    stream = io.StringIO()
    say(line("  ", ("label", "red"), ": ", body="some words\nmore"), "plain", file=stream)
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()) == "  label: some words\n         more\nplain\n"


def test_a_terminal_that_knows_ascii_alone(tmp_path: Path) -> None:
    """What its encoding lacks is written out; nothing ends with an error about encodings."""
    words = [sys.executable, "-m", "pipeline", "show", "--recipe", "…\udcff", "--data", str(tmp_path)]
    ended = subprocess.run(words, cwd=REPOSITORY, capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 2 and b"\\u2026\\udcff: there is no such run" in ended.stderr and ended.stderr.isascii()


def test_a_traceback_is_harmless() -> None:
    program = (
        "import sys\nfrom pipeline import verbs\nfrom pipeline.cli import main\n"
        "def broken(*_): raise ValueError('\\x1b[2J\\u202e owned')\nverbs.methods = broken\nsys.exit(main(['methods']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert ended.returncode == 1 and r"ValueError: \x1b[2J\u202e owned" in ended.stderr and not acting(ended.stderr)


def test_pouring_ends_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    pour(["a", "b"])
    assert capsys.readouterr().out == "a\nb\n"
