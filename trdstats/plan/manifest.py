"""What made a report: versions, fingerprints of data and results, the plan. No clock."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import trdstats
from trdstats.errors import PlanError, TrdstatsError, why_unreadable
from trdstats.plan.plan import Plan
from trdstats.study import study_files

PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "narwhals",
    "joblib",
)
_OF_ADJUSTMENT = ("formulaic",)  # reads the covariates
MANIFEST = "manifest.json"
ALTERED = "Changed after it was written"


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint_data(plan: Plan) -> dict[str, str]:
    """Return the SHA-256 of every file the study is read from, by its path in the plan."""
    files = study_files(plan.study, plan.folder)
    return {name: fingerprint(path) for name, path in files.items() if path.is_file()}


def build_manifest(plan: Plan, data: dict[str, str]) -> dict[str, Any]:
    """Return the manifest of a run, yet without its results.

    Parameters
    ----------
    plan : Plan
    data : dict of str to str
        As from `fingerprint_data`, taken before the files are read.

    Returns
    -------
    dict
        trdstats, python, platform, packages, data, plan, plan_sha256.
    """
    packages = PACKAGES if plan.adjust is None else (*PACKAGES, *_OF_ADJUSTMENT)
    return {
        "trdstats": trdstats.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in sorted(packages)},
        "data": data,
        "plan": plan.text,
        "plan_sha256": plan.registration,
    }


def with_results(manifest: dict[str, Any], files: Iterable[Path], folder: Path) -> dict[str, Any]:
    """Add the fingerprint of every file a run has written: a second run must repeat them."""
    results = {p.relative_to(folder).as_posix(): fingerprint(p) for p in files}
    return {**manifest, "results": results}


def write_manifest(manifest: dict[str, Any], path: Path) -> None:
    """Write a manifest as readable JSON."""
    path.write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8", newline="\n"
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises
    ------
    TrdstatsError
        When it cannot be read.
    PlanError
        When the file is no manifest of a run.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}.") from error
    if not is_manifest(content):
        raise PlanError(f"{str(path)!r} is no manifest of a run.")
    manifest: dict[str, Any] = content
    return manifest


def is_manifest(content: object) -> bool:
    """Whether what a file holds is the manifest of a run."""
    return isinstance(content, dict) and {"trdstats", "results"} <= content.keys()


def altered_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files of a run that are not as it wrote them, in words."""
    for name, written in manifest["results"].items():
        path = folder / name
        if not path.is_file():
            yield f"{ALTERED}: {name} is gone."
        elif fingerprint(path) != written:
            yield f"{ALTERED}: {name} (its fingerprint is not that of the manifest)."
