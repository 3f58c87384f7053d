"""Proportion of time in a state: by hand, against SciPy, and what is refused."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError

SCORES = {
    "a": {7: 30, 14: 10, 21: 10, 28: 30},
    "b": {7: 10, 14: 10, 28: 12},
    "c": {7: 25, 14: 26, 21: 25, 28: 25},
    "d": {14: 10},
    "e": {7: 12, 14: 30, 21: 9, 28: 9},
    "f": {},
}


def study() -> trd.Study:
    rows = [(s, d, y) for s, own in SCORES.items() for d, y in {0: 30, **own}.items()]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    subjects = pd.DataFrame({"subject": list(SCORES), "treatment": ["VNS", "sham"] * 3})
    windows = {7: 2, 14: 2, 21: 2, 28: 2}
    return trd.Study(visits, subjects, scale="MADRS", windows=windows, randomised=True)


# Visits at days 7, 14, 21, 28 in response (at most 15).
VISITS = {
    "nonresponse": {"a": 2 / 4, "b": 3 / 4, "c": 0, "d": 1 / 4, "e": 3 / 4, "f": 0},
    "observed": {"a": 2 / 4, "b": 1, "c": 0, "d": 1, "e": 3 / 4, "f": np.nan},
    "locf": {"a": 2 / 4, "b": 1, "c": 0, "d": 3 / 4, "e": 3 / 4, "f": 0},
}
# Days 0 to 28, a state holds until the next visit: a from 14 to 28, b from 7 on, d from 14 on.
DAYS = {
    "nonresponse": {"a": 14 / 28, "b": 21 / 28, "c": 0, "d": 0, "e": 14 / 28, "f": 0},
    "observed": {"a": 14 / 28, "b": 21 / 28, "c": 0, "d": 0, "e": 14 / 28, "f": np.nan},
    "locf": {"a": 14 / 28, "b": 21 / 28, "c": 0, "d": 14 / 28, "e": 14 / 28, "f": 0},
}


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.parametrize("missing", ["nonresponse", "observed", "locf"])
@pytest.mark.parametrize(("rule", "start", "want"), [("visits", 7, VISITS), ("days", 0, DAYS)])
def test_by_hand(rule: str, start: float, want: dict[str, dict[str, float]], missing: str) -> None:
    spec = trd.TimeShare(trd.Response(), start=start, end=28, by_rule=rule, missing=missing)  # type: ignore[arg-type]
    found = spec.fit(study()).frame.set_index("subject")["proportion"]
    for name, value in want[missing].items():
        assert found[name] == pytest.approx(value, nan_ok=True), name


def test_comparison_is_welch_and_ranks(trial: trd.Study) -> None:
    found = trd.TimeShare(trd.Response(), start=7, end=28).fit(trial)
    x, y = (found.frame.loc[found.frame["treatment"] == a, "proportion"] for a in ("ECT", "TMS"))
    other = stats.ttest_ind(x, y, equal_var=False)
    row = found.tidy().query("measure == 'difference' and treatment == 'ECT'").iloc[0]
    assert row["statistic"] == pytest.approx(other.statistic)
    assert row["df"] == pytest.approx(other.df)
    assert row["p_value"] == pytest.approx(other.pvalue)
    low, high = other.confidence_interval(0.95)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low, high))
    ranks = found.by_ranks().tests().query("treatment == 'ECT'").iloc[0]
    assert ranks["p_value"] == pytest.approx(stats.mannwhitneyu(x, y).pvalue)


def test_limits_of_proportions_stay_between_0_and_1(trial: trd.Study) -> None:
    rows = trd.TimeShare(trd.Remission(), start=7, end=28).fit(trial).tidy(conf_level=0.9999)
    own = rows[rows["measure"] == "proportion of time"]
    assert (own["conf_low"] > 0).all()
    assert (own["conf_high"] < 1).all()


def test_a_treatment_that_is_always_the_same_has_no_error() -> None:
    made = study()
    rows = (
        trd.TimeShare(trd.Response(), start=21, end=21).fit(made.keep(["a", "b", "e", "d"])).tidy()
    )
    lost = rows[rows["std_error"].isna()]
    assert len(lost)
    assert (lost["reason"] != "").all()


def test_what_is_refused() -> None:
    made = study()
    with pytest.raises(SpecError, match="end must be later than start"):
        trd.TimeShare(trd.Response(), start=28, end=7)
    with pytest.raises(SpecError, match="no state that holds or not"):
        trd.TimeShare(trd.Relapse(at_least=22), start=7, end=28)
    with pytest.raises(NotEstimableError, match="No visit is scheduled under"):
        trd.TimeShare(trd.Response(), start=100, end=200).fit(made)
    with pytest.raises(NotEstimableError, match="one treatment only"):
        trd.TimeShare(trd.Response(), start=7, end=28).fit(made.only(["VNS"]))
    with pytest.raises(SpecError, match="Study"):
        trd.TimeShare(trd.Response(), start=7, end=28).fit(made.visits)  # type: ignore[arg-type]


def test_less_time_in_a_bad_state_wins(trial: trd.Study) -> None:
    fitted = trd.TimeShare(trd.Deterioration(), start=7, end=28).fit(trial)
    ranks = fitted.by_ranks()
    assert ranks.better == "lower"
    turned = trd.TimeShare(trd.Response(), start=7, end=28).fit(trial).by_ranks()
    assert turned.better == "higher"
    arm, share = fitted.frame["treatment"], fitted.frame["proportion"]
    gap = share[arm == "ECT"].to_numpy()[:, None] - share[arm == "TMS"].to_numpy()
    gap = gap[~np.isnan(gap)]
    wins = (gap < 0).mean() + (gap == 0).mean() / 2
    row = ranks.tidy().query("measure == 'probability of superiority' and treatment == 'ECT'")
    assert row["estimate"].item() == pytest.approx(wins)


@pytest.mark.parametrize("rule", ["visits", "days"])
def test_days_after_the_end_of_follow_up_are_refused(rule: Literal["visits", "days"]) -> None:
    """252 days without any visit counted as not in response: 0.5 % of the time for 14 %."""
    trial = trd.load_sample("trial")
    last = float(trial.visits["day"].max())
    with pytest.raises(NotEstimableError, match=rf"ends on day .*days to {last + 99:g}\. Give end"):
        trd.TimeShare(trd.Response(), start=0, end=last + 99, by_rule=rule).fit(trial)
