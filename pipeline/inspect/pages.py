"""The application: which address shows what. Each page is a function from its words to what a template needs.

Figures that take more than a moment are parts of their own, which the page fetches when it is there; they are remembered until
the tables change. What the user can mend is shown in place, with value and remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.errors import UserError
from pipeline.inspect import parts, views
from pipeline.inspect.guard import SEALED, Guard
from pipeline.inspect.remembered import Remembered, steadily
from pipeline.inspect.shown import cell, clipped, expected, plain
from pipeline.inspect.views import Inspected
from pipeline.llm.prices import dollars
from pipeline.progress import clock
from pipeline.terminal import harmless

HERE = Path(__file__).parent
WRITTEN = {"report": "report.html", "compare": "compare.html", "training": "training.html"}
"""Pages that other commands wrote into the run's folder."""
View = Callable[[Inspected, QueryParams], dict[str, Any]]
PAGES: dict[str, View] = {
    "/": views.overview,
    "/tables": views.tables,
    "/row": views.row,
    "/dropped": views.dropped,
    "/evaluation": views.evaluation,
    "/compare": views.compare,
    "/calls": views.calls,
}
PARTS: dict[str, View] = {
    "/part/funnel": parts.funnel,
    "/part/sources": parts.sources,
    "/part/overlap": parts.overlap,
    "/part/count": parts.count,
    "/part/threshold": parts.threshold,
    "/part/scores": parts.scores,
    "/part/compare": parts.compare,
}


def application(folder: Path, store: Path | str, token: str) -> ASGIApp:
    """The page of a run, behind its token."""
    shown = Inspected(folder, store, Remembered(folder))
    environment = _environment()
    routes = [Route(path, _endpoint(environment, shown, path, view, "page")) for path, view in PAGES.items()]
    routes += [Route(path, _endpoint(environment, shown, path, view, "part")) for path, view in PARTS.items()]
    routes += [Route(f"/written/{name}", _written(folder / file)) for name, file in WRITTEN.items()]
    routes += [
        Route("/find", _find(shown)),
        Route("/inspect.css", _own("inspect.css")),
        Route("/inspect.js", _own("inspect.js")),
    ]
    return Guard(Starlette(routes=routes), token)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=lambda value: harmless(value) if type(value) is str else value,  # what a template forgot
    )  # fmt: skip
    environment.filters |= {
        "number": "{:,}".format, "percent": _percent, "dollars": dollars, "clock": clock, "text": plain, "clip": clipped,
        "cell": cell, "expected": expected, "seconds": lambda value: "" if value is None else f"{value:.2f}",
    }  # fmt: skip
    environment.globals["link"] = link
    return environment


def link(path: str, **words: object) -> str:
    """An address of this page; words that say nothing are left out."""
    said = [(name, each) for name, value in words.items() for each in (value if isinstance(value, tuple | list) else [value])]
    kept = [(name, str(each)) for name, each in said if each is not False and each not in ("", None)]
    return path + (f"?{urlencode(kept, errors='replace')}" if kept else "")


def _percent(part: float, whole: float = 1) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def _endpoint(environment: Environment, shown: Inspected, path: str, view: View, kind: str) -> Callable[[Request], Any]:
    name = path.rpartition("/")[2] or "overview"

    def answer(words: QueryParams) -> Response:
        try:
            found, status = {"problem": None, **steadily(shown.folder, lambda: view(shown, words))}, 200
        except UserError as error:
            name_of, found, status = "problem", {"problem": error}, 400
        else:
            name_of = name
        around = {**views.frame(shown, path, words), **found} if kind == "page" else found
        return HTMLResponse(environment.get_template(f"{name_of}.{kind}.jinja").render(around), status)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request.query_params)

    return endpoint


def _find(shown: Inspected) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        place = await run_in_threadpool(views.found, shown, request.query_params.get("words", ""))
        return RedirectResponse(link(*place[:1], **place[1]), 303)

    return endpoint


def _own(name: str) -> Callable[[Request], Any]:
    async def endpoint(_: Request) -> Response:
        return FileResponse(HERE / name)

    return endpoint


def _written(path: Path) -> Callable[[Request], Any]:
    def endpoint(_: Request) -> Response:
        if not path.is_file():
            return PlainTextResponse(f"{path.name} was not written yet.", 404)
        return FileResponse(path, headers={"content-security-policy": SEALED})

    return endpoint
