"""The house stands as it is drawn: imports run downwards, heavy libraries stay behind names, files fit in the head."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from pipeline.settings import REPOSITORY

FLOORS = {
    "__main__": 8, "cli": 7, "verbs": 6.5, "store_verbs": 6.5, "table_verbs": 6.5, "opening": 5.5, "inspect": 6.2,
    "stages": 6, "report": 6, "run": 5, "recipe": 4, "pupils": 3.7, "evaluation": 3.6, "training": 3.6, "pieces": 3.5,
    "selection": 3.5,
    "methods": 3.1, "filters": 3, "benchmarks": 2.5, "changes": 2.5, "sources": 2.4, "mini": 2.3, "student": 2.2,
    "llm": 2.1, "publication": 2.05, "shards": 2.05, "tables": 2, "prompts": 2, "answers": 1.2, "texts": 1.1, "logs": 1.1,
    "progress": 1.1, "statistics": 1.1, "explained": 1.1, "bandits": 1.1, "terminal": 1.05, "records": 1, "identity": 1,
    "settings": 1, "errors": 1, "__init__": 0,
}  # fmt: skip
"""What may import what: only lower floors, or its own room. Where a floor has a step, what stands on it may use the rest."""
GROUND = {"records", "identity", "settings", "errors"}
"""The files of the lowest floor are one room."""
HEAVY = {"torch", "vllm", "transformers", "trl", "ray", "sympy"}
LOADED_BY_NAME = {
    "pipeline/llm/backends/decoding.py", "pipeline/llm/backends/loading.py", "pipeline/llm/backends/scoring.py",
    "pipeline/student/train.py", "pipeline/student/prove.py", "pipeline/student/batches.py", "pipeline/student/objectives.py",
    "pipeline/student/trainer.py", "pipeline/student/saving.py", "pipeline/student/loading.py",
    "pipeline/mini/train.py", "pipeline/mini/tokenizer.py",
    "pipeline/llm/backends/engine.py", "pipeline/llm/backends/sampling_params.py",
}  # fmt: skip
PRINTING = {
    "pipeline/terminal.py", "pipeline/answers/math_worker.py", "pipeline/student/prove.py", "pipeline/student/trainer.py",
    "pipeline/mini/train.py", "pipeline/progress.py",
}  # fmt: skip
"""What may print by itself: what makes text harmless, and programs that tell numbers and JSON to the one that started them."""
LONGEST_FILE = 300
FILES = sorted((REPOSITORY / "pipeline").rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def room(module: str) -> str:
    """The file or folder directly under pipeline/ that a module is in; names of pipeline/__init__.py are its own."""
    return [*module.split("."), "__init__"][1]


MODULES = {module_name(path): path for path in FILES}


def imported(path: Path, only_at_load: bool = False) -> Iterator[str]:
    """Names a file imports; `only_at_load` leaves out what waits in a function or is for type checkers."""
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8")), only_at_load):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{place(path)}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _nodes(node: ast.AST, only_at_load: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        waits = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_checkers = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not (only_at_load and (waits or for_checkers)):
            yield child
            yield from _nodes(child, only_at_load)


def own(name: str) -> str:
    """The module of ours that an imported name lies in."""
    return name if name in MODULES else name.rpartition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=place)
def test_imports_run_downwards(path: Path) -> None:
    here = room(module_name(path))
    assert here in FLOORS, f"{here} has no floor yet: give it one in FLOORS"
    for name in imported(path):
        if name.split(".")[0] == "pipeline":
            there = room(own(name))
            same_room = here == there or {here, there} <= GROUND
            assert same_room or FLOORS[there] < FLOORS[here], f"{place(path)} imports {name}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_heavy_libraries_are_loaded_by_name_only(path: Path) -> None:
    if place(path) not in LOADED_BY_NAME:
        roots = {name.split(".")[0] for name in imported(path, only_at_load=True)}
        assert not roots & HEAVY, f"{place(path)} imports {roots & HEAVY} when it is loaded"


def test_nothing_that_is_imported_imports_heavy_libraries() -> None:
    """A module with torch in it may only be imported by others of its sort, and from inside functions by nobody else."""
    by_name = {module_name(REPOSITORY / each) for each in LOADED_BY_NAME}
    for path in FILES:
        if place(path) not in LOADED_BY_NAME:
            assert not by_name & {own(name) for name in imported(path)}, place(path)


@pytest.mark.parametrize("path", FILES, ids=place)
def test_files_fit_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=place)
def test_what_is_printed_is_made_harmless(path: Path) -> None:
    """Text of models may stand in any message: only `terminal` writes to the terminal. Files may be printed to."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and place(path) not in PRINTING:
            files = [ast.unparse(each.value) for each in node.keywords if each.arg == "file"]
            prints = ast.unparse(node.func) == "print" and (not files or files[0].startswith("sys."))
            writes = ast.unparse(node.func) in {f"sys.{name}.write" for name in ("stdout", "stderr")}
            assert not prints and not writes, f"{place(path)}, line {node.lineno}: print it with pipeline.terminal.say"


def test_no_import_cycles() -> None:
    graph = {
        name: {own(each) for each in imported(path) if each.split(".")[0] == "pipeline"} & MODULES.keys() - {name}
        for name, path in MODULES.items()
    }
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    "program",
    [
        "import pipeline",
        "import pipeline.recipe, pipeline.run, pipeline.stages.generate, pipeline.stages.select",
        "from pipeline.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0",
    ],
    ids=["import pipeline", "import the stages", "distill --help"],
)
def test_light_to_load(program: str) -> None:
    check = f"import sys\n{program}\nheavy = {HEAVY!r} & set(sys.modules)\nassert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
