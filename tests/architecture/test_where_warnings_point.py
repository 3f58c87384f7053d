"""A warning names the line of the user that called the library, not one inside it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning, EstimateWarning

PACKAGE = Path(str(trd.__file__)).parent


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n, visits = 40, 3
    return pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), visits),
            "visit": np.tile([1, 2, 3], n),
            "treatment": np.repeat(np.where(np.arange(n) % 2, "A", "B"), visits),
            "score": rng.normal(20, 5, n * visits),
            "twice": np.repeat(np.arange(n) % 2, visits) * 1.0,
            "low": rng.integers(1, 3, n * visits) * 1.0,
        }
    )


def no_events() -> trd.Study:
    frame = pd.DataFrame({"subject": np.repeat(range(12), 2), "day": [0, 7] * 12})
    return trd.Study(frame.assign(score=30.0, treatment="A"), scale="MADRS")


CALLS: dict[str, tuple[Callable[[], object], type[Warning]]] = {
    "MMRM": (lambda: trd.MMRM("score ~ treatment * visit + twice").fit(rows()), EstimateWarning),
    "LMM": (lambda: trd.LMM("score ~ treatment + twice").fit(rows()), EstimateWarning),
    "GEE": (
        lambda: trd.GEE("score ~ treatment + twice", family="gaussian").fit(rows()),
        EstimateWarning,
    ),
    "Study": (no_events, DataWarning),
}


@pytest.mark.parametrize("what", CALLS)
def test_warnings_name_the_line_of_the_user(what: str) -> None:
    call, category = CALLS[what]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [w for w in caught if issubclass(w.category, category)]
    assert ours
    assert {w.filename for w in ours} == {__file__}
    lines, first = inspect.getsourcelines(no_events) if what == "Study" else ([""], 0)
    if what == "Study":
        assert all(first <= w.lineno < first + len(lines) for w in ours)


def test_warnings_are_issued_in_one_place() -> None:
    at = [p for p in PACKAGE.rglob("*.py") if "warnings.warn(" in p.read_text("utf-8")]
    assert at == [PACKAGE / "errors.py"]
