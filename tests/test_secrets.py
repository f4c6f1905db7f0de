"""The key is written nowhere: every byte a run leaves and every line it prints is searched for it.

The endpoint says the key back wherever it can: in refusals, in answers that are none, in headers, in the replies themselves,
cut off in the middle, and spelled in JSON's own way so that no search of the raw bytes would find it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl
import pytest

from tests import trouble
from tests.servers import ChatServer, Trouble
from tests.small_runs import Ended, end, finishes, generate, make_folder, question, start

KEY = "sk-test-0a1b2c3d4e5f/6g7h+8i9j=="
SPELLED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
SOON, LATER = {"Retry-After": "0.01"}, {"Retry-After": "86400"}
LONG = "x" * 180
ECHOES = (
    trouble.FILTERED,
    Trouble(400, '{"error": {"message": "Not with {key}.", "param": "{key}"}}'),
    Trouble(422, '{"detail": [{"loc": "{key}", "msg": "{key} is wrong"}]}'),
    Trouble(500, "<html>{key}</html>", LATER),
    Trouble(503, LONG + "{key}", LATER),
    Trouble(429, '{"error": {"message": "Slow down, {key}."}}', {"Retry-After": "86400", "X-Key": "{key}"}),
    Trouble(500, '{"error": {"message": "' + SPELLED + '"}}', LATER),
    Trouble(501, '{"error": "' + LONG * 2 + '{key}"}'),
    replace(trouble.NO_CHOICES, change=lambda answer: {"choices": [], "key": "{key}"}, times=1),
    Trouble(200, '{"choices": [], "pad": "' + LONG[:150] + '{key}"}', times=1),
    Trouble(200, "Bearer {key}", times=1),
    Trouble(200, '{"error": {"message": "Upstream refused {key}"}}', times=1),
    Trouble(change=trouble.with_message(content="Your key is {key}. The answer is 1.")),
    Trouble(change=trouble.with_message(content=SPELLED.encode().decode("unicode_escape"))),
    Trouble(change=trouble.with_message(content="5", reasoning_content="They sent me {key}.")),
    Trouble(change=trouble.with_choice(finish_reason="{key}")),
    Trouble(change=lambda answer: answer | {"id": "{key}", "system_fingerprint": "{key}"}, headers={"X-Echo": "{key}"}),
)
HEALTHY = 12
FORMS = {
    "plain": KEY,
    "its beginning": KEY[:16],
    "its end": KEY[-16:],
    "of a URL": quote(KEY, safe=""),
    "of a form": quote_plus(KEY),
    "of JSON": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "spelled": SPELLED,
    "of HTML": KEY.replace("+", "&#43;").replace("/", "&#x2F;"),
    "UTF-16": KEY.encode("utf-16-le").decode("latin-1"),
    "hex": KEY.encode().hex(),
    **{f"base64, from byte {shift}": base64.b64encode(b"x" * shift + KEY.encode())[4:36].decode() for shift in range(3)},
    **{f"base64 of a URL, from byte {shift}": base64.urlsafe_b64encode(b"x" * shift + KEY.encode())[4:36].decode()
       for shift in range(3)},
}  # fmt: skip
"""What the key may look like. Base64 looks different by where in the text it begins."""


@dataclass
class Left:
    """What commands left behind that worked, failed in part, and failed altogether."""

    folders: list[Path]
    ended: list[Ended]

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Every file as it is; tables, which are compressed, unpacked besides; and all that was printed."""
        for path in sorted(path for folder in self.folders for path in folder.rglob("*") if path.is_file()):
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"{path}, unpacked", "\n".join(map(str, pl.read_parquet(path).rows())).encode()
        for each in self.ended:
            yield "printed", (each.out + each.err).encode()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    root = tmp_path_factory.mktemp("secrets")
    echoes = [replace(each, where=question(number)) for number, each in enumerate(ECHOES)]
    no_more = Trouble(400, '{"error": {"message": "No more of {key}."}}')
    troubles = {"echoes": echoes, "wrong-key": [trouble.WRONG_KEY], "no-more": [no_more]}
    folders = [make_folder(root / name, range(max(42, len(ECHOES) + HEALTHY))) for name in troubles]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run, folders, troubles.values()))
    return Left(folders, [each for many in ended for each in many])


def run(folder: Path, troubles: list[Trouble]) -> list[Ended]:
    """`generate`, and `report` where there is something to report."""
    with ChatServer(*troubles) as server:
        ended = generate(folder, server.url, key=KEY)
        report = [end(start(folder, server.url, verb="report", key=KEY))] if ended.code == 0 else []
        return [ended, *report]


def test_the_commands_ended_as_they_should(left: Left) -> None:
    assert [each.code for each in left.ended] == [0, 0, 2, 2], [each.err for each in left.ended]
    assert all("***" in each.err for each in left.ended[2:])
    assert "Traceback" not in "".join(each.err for each in left.ended)


def test_the_echoes_reached_the_tables(left: Left) -> None:
    """Else there would be nothing to be found."""
    counts = finishes(left.folders[0])
    assert (counts["owed"], counts["error"], counts["content_filter"]) == (5, 2, 1), counts
    assert "5 calls failed for now" in left.ended[0].out
    names = {Path(name).name for name, _ in left.texts()}
    assert {"responses.sqlite", "run.json", "recipe.yaml", "report.html", "2_responses.parquet", "printed"} <= names


@pytest.mark.parametrize("form", FORMS)
def test_the_key_is_nowhere(form: str, left: Left) -> None:
    secret = FORMS[form].encode("latin-1")
    assert [f"{name}: …{text[: text.index(secret)][-60:]!r}" for name, text in left.texts() if secret in text] == []


def test_the_search_would_find_it(tmp_path: Path) -> None:
    """Each form is what it says, so that not finding it means something."""
    for shift in range(3):
        assert FORMS[f"base64, from byte {shift}"] in base64.b64encode(b"y" * shift + KEY.encode() + b"y" * 8).decode()
    assert json.loads(f'"{FORMS["of JSON"]}"') == json.loads(f'"{SPELLED}"') == KEY
    assert bytes.fromhex(FORMS["hex"]).decode() == KEY
