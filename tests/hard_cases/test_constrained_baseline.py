"""Which visit a constrained analysis takes for the baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from repeated_measures import simulated

from trdstats import MMRM
from trdstats.errors import NotEstimableError, SpecError

MODEL = MMRM("y ~ treatment * visit", constrained=True)


def trial(*early: float) -> pd.DataFrame:
    frame = simulated(n=60, T=3, seed=5).rename(columns={"arm": "treatment"})
    rng = np.random.default_rng(1)
    start = [
        frame.drop_duplicates("subject").assign(
            visit=day, y=lambda d: d["base"] + rng.normal(0, 0.3, len(d))
        )
        for day in early
    ]
    return pd.concat([*start, frame], ignore_index=True)


def differences(fit: Any) -> pd.Series[Any]:
    table = fit.margins("treatment", by="visit").contrasts(reference="A").tidy()
    return table.set_index("visit")["estimate"]


def test_two_visits_before_treatment_are_both_constrained() -> None:
    fit = MODEL.fit(trial(-14.0, 0.0))
    found = differences(fit)
    assert found[[-14, 0]].tolist() == pytest.approx([0, 0])
    assert (found[[7, 14, 21]].abs() > 1e-6).all()
    assert "treatments have one mean at -14, 0" in repr(fit)


def test_a_treatment_left_empty_before_randomisation() -> None:
    """The baselines count as if the treatment stood there; who never got one is left out."""
    whole = trial(0.0)
    for empty in (None, "", np.nan):
        gaps = whole.copy()
        gaps.loc[gaps["visit"] == 0, "treatment"] = empty
        fit = MODEL.fit(gaps)
        assert fit.loglik == pytest.approx(MODEL.fit(whole).loglik, abs=1e-9)
        assert not fit.design.left_out
    as_category = whole.assign(treatment=pd.Categorical(whole["treatment"], ["B", "A"]))
    gaps = as_category.copy()
    gaps.loc[gaps["visit"] == 0, "treatment"] = np.nan
    assert MODEL.fit(gaps).loglik == pytest.approx(MODEL.fit(as_category).loglik, abs=1e-9)
    never = pd.DataFrame({"subject": [900], "visit": [0], "y": [1.0], "treatment": [None]})
    fit = MODEL.fit(pd.concat([whole, never], ignore_index=True))
    assert fit.design.left_out == {"a covariate is missing": 1}


def test_a_change_that_is_missing_at_baseline_is_refused() -> None:
    frame = trial(0.0)
    base = frame["subject"].map(frame[frame["visit"] == 0].set_index("subject")["y"])
    frame["change"] = np.where(frame["visit"] == 0, np.nan, frame["y"] - base)
    with pytest.raises(NotEstimableError, match=r"'change' at the baseline \(visit 0.*the score"):
        MMRM("change ~ treatment * visit", constrained=True).fit(frame)


def test_no_baseline_among_the_visits_is_refused() -> None:
    with pytest.raises(SpecError, match="'visit' holds 7, 14, 21: none is at day 0 or earlier"):
        MODEL.fit(trial())
    with pytest.raises(NotEstimableError, match="All rows are at the baseline"):
        MODEL.fit(trial(0.0, -3.0).query("visit <= 0"))


def test_a_screening_named_in_words_comes_before_the_baseline() -> None:
    frame = trial(-14.0, 0.0)
    names = {-14.0: "screening", 0.0: "baseline", 7.0: "day 7", 14.0: "day 14", 21.0: "day 21"}
    named = frame.assign(visit=frame["visit"].map(names).astype(object))
    assert MODEL.fit(named).loglik == pytest.approx(MODEL.fit(frame).loglik, abs=1e-9)
    assert "at screening, baseline" in repr(MODEL.fit(named))
