"""The house: rooms import only from rooms above them, and nothing heavy is imported early."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trdstats"

# Data enters at the top and leaves at the bottom. A room may import from itself and from rooms
# above it. `tables` and `plots` see frames only, so that results can show and draw themselves.
ROOMS = ["errors", "extras", "arrays", "aliases", "arguments", "threads", "parallel", "parts",
         "replicates", "kinds", "frames", "columns", "partitions", "kernels", "tables", "plots",
         "scales", "items", "intake", "study", "formulas", "estimates", "outcomes", "participants",
         "longitudinal", "survival", "comparison", "endpoint", "imputation", "multiverse",
         "evidence", "second_opinion", "simulate", "plan", "sites", "selfcheck", "testing",
         "cli", "__main__"]  # fmt: skip

# Inside big rooms the same rule holds between sub-rooms, and files that stand before one; "" are
# the other files of the room itself.
SUBROOMS = {
    "kernels": ["numerics", "visits", "gaussian", "random_effects", "risk_sets", "interval",
                "parametric", "proportions", "weighting", "gee", "glmm", "endpoint"],
    "plots": ["layout", ""],
    "intake": ["files", "values", "dates", "mapping", "", "redcap", "adam",
               "propose"],
    "study": ["plausibility", "roles", "checks", "subjects", "courses", "", "study", "divided",
              "readers", "described_export", "described", "load", "review"],
    "outcomes": ["rules", "", "verdicts", "rates", "episodes"],
    "longitudinal": ["designs", "covariances", "gaussian", "rated", "gee", "glmm"],
    "survival": ["", "curves", "parametric", "regression", "interval", "tests", "doubly",
                 "states", "schedule", "extrapolation", "prediction"],
    "comparison": ["weighting", "adjusted", "censoring", "indirect", "sensitivity", "changing",
                   "cohorts"],
    "imputation": ["trial", "estimands", "", "rated", "tipping"],
}  # fmt: skip

# A newcomer holds no more files of a folder in the head.
MOST_FILES = 20

# Kernels are arithmetic on arrays: nothing else may enter.
KERNEL_IMPORTS = {"numpy", "scipy", "trdstats", "__future__", "abc", "collections", "dataclasses",
                  "fractions", "typing", "math", "functools", "itertools"}  # fmt: skip


def room_of(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module == "trdstats":
                yield from ((node.lineno, f"trdstats.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def sources() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


def breaches(room: str, path: Path) -> Iterator[str]:
    for line, module in imports_of(path):
        if not module.startswith("trdstats."):
            continue
        other = module.split(".")[1]
        if other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
            yield f"{path.relative_to(PACKAGE)}:{line} ({room}) imports {module} from a later room"


def test_every_room_is_in_the_list() -> None:
    found = {room_of(p) for p in sources()}
    assert found <= set(ROOMS), f"rooms without a place in the order: {found - set(ROOMS)}"


def subroom_of(module: str) -> tuple[str, str]:
    """Return the room and the sub-room of a module; "" for the files of the room itself."""
    room, *rest = module.split(".")[1:]
    if not rest:
        return room, ""
    named = rest[0] in SUBROOMS.get(room, ()) or (PACKAGE / room / rest[0]).is_dir()
    return room, rest[0] if named else ""


def breaches_inside(path: Path) -> Iterator[str]:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    room, own = subroom_of(".".join(parts))
    order = SUBROOMS.get(room)
    if order is None or path.stem == "__init__":
        return
    for line, module in imports_of(path):
        if module.startswith(f"trdstats.{room}."):
            other = subroom_of(module)[1]
            if order.index(other) > order.index(own):
                where = f"{path.relative_to(PACKAGE)}:{line} ({own})"
                yield f"{where} imports {module} from a later one"


def test_imports_run_one_way_inside_rooms() -> None:
    found = [b for p in sources() for b in breaches_inside(p)]
    assert not found, "\n".join(found)


def test_a_folder_can_be_held_in_the_head() -> None:
    folders = [PACKAGE, *(p for p in PACKAGE.rglob("*") if p.is_dir())]
    sizes = {str(f.relative_to(PACKAGE.parent)): len(list(f.glob("*.py"))) for f in folders}
    assert not {f: n for f, n in sizes.items() if n > MOST_FILES}


def test_imports_run_one_way() -> None:
    found = [b for p in sources() for b in breaches(room_of(p), p)]
    assert not found, "\n".join(found)


def test_the_walk_would_find_a_breach(tmp_path: Path) -> None:
    module = PACKAGE / "kernels" / "visits" / "runs.py"
    text = module.read_text("utf-8") + "\nfrom trdstats.study import Study\n"
    copy = tmp_path / "runs.py"
    copy.write_text(text, "utf-8")
    lines = [m for _, m in imports_of(copy) if m.startswith("trdstats.study")]
    assert lines == ["trdstats.study"]


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").rglob("*.py")), ids=lambda p: p.stem)
def test_kernels_import_numpy_and_scipy_only(path: Path) -> None:
    roots = {module.split(".")[0] for _, module in imports_of(path)}
    assert roots <= KERNEL_IMPORTS, f"{path.name} imports {roots - KERNEL_IMPORTS}"


def test_no_tail_is_taken_as_one_minus_cdf() -> None:
    found = [
        f"{p.relative_to(PACKAGE)}:{i}"
        for p in sources()
        for i, line in enumerate(p.read_text("utf-8").splitlines(), 1)
        if "1 - " in line and ".cdf(" in line
    ]
    assert not found, f"use sf or isf: {found}"


def test_critical_values_come_from_one_place() -> None:
    written_out = re.compile(r"(isf|ppf)\(\(1 [-+] \w*\.?conf_level")
    # A second opinion must not lean on what it checks.
    places = [p for p in sources() if "second_opinion" not in p.parts]
    assert [str(p) for p in places if written_out.search(p.read_text("utf-8"))] == []
    assert written_out.search("norm.isf((1 - self.conf_level) / 2)")


def test_no_file_named_utils() -> None:
    assert not [p for p in PACKAGE.rglob("*.py") if p.stem in ("utils", "helpers", "misc")]


def test_import_is_light() -> None:
    code = (
        "import sys, trdstats; "
        "heavy = {'statsmodels', 'lifelines', 'matplotlib', 'seaborn', 'pandas', 'scipy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_import_takes_less_than_a_twentieth_of_a_second() -> None:
    code = "import time; t = time.process_time(); import trdstats; print(time.process_time() - t)"
    runs = [
        float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(5)
    ]
    assert min(runs) < 0.05


def test_a_survival_curve_loads_no_other_analyses() -> None:
    code = (
        "import sys, trdstats; trdstats.KaplanMeier; "
        "print(sorted({'.'.join(m.split('.')[:2]) for m in sys.modules if m[:9] == 'trdstats.'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {"longitudinal", "imputation", "comparison", "multiverse", "plan", "simulate"}
    loaded = {name.removeprefix("trdstats.") for name in ast.literal_eval(out.stdout)}
    assert "survival" in loaded
    assert not rooms & loaded


def test_the_page_on_architecture_shows_the_tree() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]*) \| (.+) \|$", page, re.MULTILINE)
    shown = {name.rstrip("/") for cell, _ in rows for name in re.findall(r"`([\w/.]+)`", cell)}
    folders = {f.parent.relative_to(PACKAGE).as_posix() for f in sources() if f.parent != PACKAGE}
    files = {f.name for f in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert not (folders | files) - shown, "rooms without a sentence"
    paths = {name for name in shown if (PACKAGE / name.split("/")[0]).exists()}
    assert not [name for name in paths if not (PACKAGE / name).exists()], "rooms that are gone"


def test_a_room_does_not_take_the_place_of_a_function() -> None:
    code = "import trdstats.multiverse, trdstats; print(callable(trdstats.multiverse))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "True"


def test_every_public_name_can_be_had() -> None:
    import trdstats

    assert all(getattr(trdstats, name) is not None for name in trdstats.__all__)
