"""What made a report: versions, fingerprints of data and results, the plan. No clock."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import trdstats
from trdstats.plan.plan import Plan
from trdstats.study import study_files

PACKAGES = (
    "numpy", "scipy", "pandas", "statsmodels", "lifelines", "matplotlib", "seaborn", "narwhals",
)  # fmt: skip


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_manifest(plan: Plan, results: list[Path]) -> dict[str, Any]:
    """Return the manifest of a run.

    Parameters
    ----------
    plan : Plan
    results : list of Path
        Files written by the run, whose bytes a second run must repeat.

    Returns
    -------
    dict
        trdstats, python, platform, packages, data, plan, plan_sha256, results.
    """
    return {
        "trdstats": trdstats.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "data": {p.name: fingerprint(p) for p in study_files(plan.study, plan.folder)},
        "plan": plan.text,
        "plan_sha256": hashlib.sha256(plan.text.encode()).hexdigest(),
        "results": {f"{p.parent.name}/{p.name}": fingerprint(p) for p in results},
    }


def write_manifest(manifest: dict[str, Any], path: Path) -> None:
    """Write a manifest as readable JSON."""
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
