"""What every benchmark records beside its numbers: machine, versions, date."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("trdstats", "numpy", "pandas", "scipy", "lifelines")


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
        names = [
            line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line
        ]
        return names[0] if names else platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "source tree"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def write(name: str, title: str, body: str) -> None:
    """Print a result and keep it as ``results/<name>.md``."""
    versions = ", ".join(f"{p} {version(p)}" for p in PACKAGES)
    facts = (
        f"Machine: {os.cpu_count()} cores, {memory_gb():.0f} GB, {processor()}, "
        f"{platform.system()}. Python {platform.python_version()}, {versions}. "
        f"{datetime.date.today().isoformat()}."
    )
    text = f"# {title}\n\n{facts}\n\n{body}\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, "utf-8")
