"""Regressions in which covariates predict some outcomes: what is lost is named, the rest stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.kernels.numerics.profiles import Profile, profile_limit

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")


def table() -> pd.DataFrame:
    rng, n = np.random.default_rng(3), 90
    data = pd.DataFrame(
        {"subject": range(n), "treatment": np.array(["C", "B", "A"])[np.arange(n) % 3],
         "x": rng.normal(size=n), "z": rng.normal(size=n), "w": 1.0}
    )  # fmt: skip
    p = 1 / (1 + np.exp(0.3 - 0.5 * (data["treatment"] == "B") - 0.8 * data["x"]))
    return data.assign(met=(rng.random(n) < p).astype(int))


def fitted(data: pd.DataFrame, weights: str | None = None, **options: Any) -> trd.LogisticResult:
    spec = trd.Logistic("met ~ treatment + x + z", reference="C", **options)
    return spec.fit(data, weights=weights)


def without_events(*arms: str) -> pd.DataFrame:
    return table().assign(met=lambda d: d["met"].where(~d["treatment"].isin(arms), 0))


@pytest.mark.parametrize("penalty", ["where separated", "firth"])
def test_two_arms_without_an_event_are_not_compared_with_weights(penalty: Any) -> None:
    """A and C have no event: their odds ratio has no maximum, though its search stands still."""
    found = fitted(without_events("A", "C"), "w", penalty=penalty)
    rows = found.tidy().set_index("term")
    apart = rows.loc[["treatment[T.A]", "treatment[T.B]"]]
    assert apart[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    assert apart["reason"].str.contains("separated").all()
    if penalty == "where separated":
        assert found.separated == ("treatment[T.A]", "treatment[T.B]")
    # The slopes come from B alone.
    assert (rows.loc[["x", "z"], "std_error"] > 0).all()
    rates = found.margins().tidy().query("measure == 'rate'").set_index("treatment")
    assert np.isnan(rates.loc[["A", "C"], "std_error"]).all()
    assert rates.loc["B", "std_error"] > 0


def test_the_other_terms_have_the_errors_that_they_have_without_the_arm() -> None:
    """All in A have the event: in the limit they leave the equations of the others."""
    data = table().assign(met=lambda d: d["met"].where(d["treatment"] != "A", 1))
    rows = fitted(data, "w").tidy().set_index("term")
    alone = fitted(data[data["treatment"] != "A"], "w", penalty="firth").tidy().set_index("term")
    for term in ("treatment[T.B]", "x", "z"):
        assert rows.loc[term, "std_error"] == pytest.approx(alone.loc[term, "std_error"], rel=0.05)
    assert np.isnan(rows.loc["treatment[T.A]", "std_error"])


@pytest.mark.parametrize("weights", [None, "w"])
def test_rates_of_a_perfect_prediction_have_no_error(weights: str | None) -> None:
    """The events are those with x > 0: under another treatment nothing says what follows."""
    found = fitted(table().assign(met=lambda d: (d["x"] > 0).astype(int)), weights)
    rates = found.margins().tidy()
    assert rates["estimate"].notna().all()
    assert rates[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    rates = rates[rates["measure"] == "rate"]
    assert rates["reason"].str.contains("covariates predict outcomes without error").all()


def test_a_group_of_a_covariate_with_one_outcome_leaves_rates_known() -> None:
    """All women have the event, under every treatment: their part of each rate is sure."""
    data = table().assign(sex=["F", "M"] * 45)
    data["met"] = data["met"].where(data["sex"] == "M", 1)
    found = trd.Logistic("met ~ treatment + sex + z", reference="C").fit(data)
    assert found.separated == ("sex[T.M]",)
    rates = found.margins().tidy()
    assert (rates["std_error"] > 0).all()


def test_profile_limits_of_a_perfect_prediction_are_found() -> None:
    """The search along a profile stood still and ended in an error of SciPy."""
    data = table().assign(met=lambda d: (d["x"] > 0).astype(int))
    found = fitted(data)
    rows = found.tidy()
    assert rows[["conf_low", "conf_high"]].notna().all(axis=None)
    for j, row in enumerate(rows.itertuples(), 1):
        for end in (row.conf_low, row.conf_high):
            assert found._fit.deviance_drop(j, np.log(end)) == pytest.approx(3.841459, abs=1e-5)


def test_a_limit_is_not_taken_from_a_profile_that_is_not_known() -> None:
    """Losses between 1 and 3 errors are not known: too high, no end of a bracket."""

    def profile(value: float, *, gap: tuple[float, float]) -> Profile:
        is_known = not gap[0] < value < gap[1]
        return Profile(value**2 + (0 if is_known else 50.0), is_known)

    def limit(low: float, high: float) -> float:
        return profile_limit(lambda v: profile(v, gap=(low, high)), 0.0, 1.0, 4.0, upper=True)

    assert limit(8.0, 9.0) == pytest.approx(2.0)
    assert limit(2.5, 3.5) == pytest.approx(2.0)
    assert np.isnan(limit(1.5, 2.5))
    assert np.isnan(limit(1.5, np.inf))
    flat = profile_limit(lambda v: Profile(1.0, True), 0.0, 1.0, 4.0, upper=False)
    assert flat == -np.inf
