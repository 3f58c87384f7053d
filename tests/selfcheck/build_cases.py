"""Write the packaged cases of `trdstats selfcheck` from the reference values of the tests.

Run ``python tests/selfcheck/build_cases.py`` after reference values have changed; a test compares
the packaged files with what this script would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from golden import REFERENCE
from golden_comparisons import comparison, small
from golden_models import imputation, mixed
from golden_rates import outcomes, rates
from golden_times import curves, interval, regression

from trdstats.selfcheck.cases import FOLDER

__all__ = ["FILES", "REFERENCE", "text_of"]

FILES: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "rates": rates, "outcomes": outcomes, "curves": curves, "regression": regression,
    "interval": interval, "mixed": mixed, "imputation": imputation, "comparison": comparison,
    "small": small,
}  # fmt: skip


def text_of(name: str) -> str:
    """Return what a packaged file should hold."""
    return json.dumps(list(FILES[name]()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (FOLDER / f"{name}.json").write_text(text_of(name), "utf-8")
