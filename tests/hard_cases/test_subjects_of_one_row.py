"""A subject twice in a table of subjects, a row without one: refused by every estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError

FITS: dict[str, Any] = {
    "PropensityWeights": lambda t: trd.PropensityWeights("age").fit(t),
    "Matching": lambda t: trd.Matching("age", treated="ECT").fit(t),
    "AIPW": lambda t: trd.AIPW("treatment + age", "age", outcome="responded").fit(t),
    "Standardisation": lambda t: trd.Standardisation("treatment", outcome="responded").fit(t),
    "Logistic": lambda t: trd.Logistic("responded ~ treatment").fit(t),
    "RankComparison": lambda t: trd.RankComparison("age", better="lower").fit(t),
    "MAIC": lambda t: trd.MAIC({"age": 46.0}).fit(t),
    "CoxPH": lambda t: trd.CoxPH("treatment").fit(t),
    "RMST": lambda t: trd.RMST(20).fit(t),
}


def patients(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    return pd.DataFrame({
        "subject": [f"P{i:02}" for i in range(n)], "treatment": np.where(np.arange(n) % 2, "ECT",
        "TMS"), "age": rng.normal(45, 10, n).round(), "responded": rng.integers(0, 2, n),
        "time": rng.integers(5, 40, n), "status": rng.integers(0, 2, n),
    })  # fmt: skip


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("mark", ["", " ", "\u00a0"])
def test_a_subject_twice(name: str, mark: str) -> None:
    """`Matching` took a patient as his own match; blanks behind the name hid him from others."""
    table = patients()
    again = table[:2].assign(subject=table["subject"] + mark, treatment="ECT")
    with pytest.raises(DataError, match=r"2 (rows repeat a|subjects have (more|several))") as said:
        FITS[name](pd.concat([table, again]))
    assert "P00" in str(said.value)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("lost", [1, 3])
def test_a_row_without_a_subject(name: str, lost: int) -> None:
    """One was a subject called nan; several were said to repeat a subject."""
    table = patients()
    table.loc[: lost - 1, "subject"] = None
    words = "1 row has no subject" if lost == 1 else "3 rows have no subject"
    with pytest.raises(DataError, match=words) as said:
        FITS[name](table)
    assert "repeat" not in str(said.value)


@pytest.mark.parametrize("written", [int, float, str])
def test_weights_are_read_by_the_subject_however_it_is_written(written: Any) -> None:
    """Numbers of a study are texts: weights by number were said to be missing for everybody."""
    table = patients().assign(subject=range(80))
    weight = pd.Series(np.linspace(0.5, 2, 80), index=[written(i) for i in range(80)])
    spec = trd.Logistic("responded ~ treatment")
    plain = spec.fit(table, weights=weight.set_axis(range(80))).tidy()
    found = spec.fit(table, weights=weight.sample(frac=1, random_state=1)).tidy()
    # Bit for bit: the weights are the same numbers.
    pd.testing.assert_frame_equal(found, plain)
    text = table.assign(subject=table["subject"].astype(str))
    pd.testing.assert_frame_equal(spec.fit(text, weights=weight).tidy(), plain)
