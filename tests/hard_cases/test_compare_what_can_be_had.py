"""Comparison of cohorts: what cannot be had is said, and the rest stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.comparison.cohorts.comparability import CAUTION, NOT_COMPARABLE, OK
from trdstats.errors import SpecError, UnknownNameError

DAYS = (7, 14, 28, 56)


def cohorts(
    sizes: dict[str, int], responds: dict[str, float], *, randomised: bool = False, seed: int = 0
) -> trd.Study:
    """Return cohorts of 30 points; responders have 10 from day 14 on, every third 28 at day 56."""
    rng = np.random.default_rng(seed)
    rows, people = [], []
    for arm, n in sizes.items():
        for i in range(n):
            name, met = f"{arm}{i:03}", i < round(responds[arm] * n)
            late = 28 if i % 3 == 0 else 10
            scores = (30, 28, 10, 10, late) if met else (30, 29, 28, 28, 28)
            days = (0, *DAYS)[: 5 if i % 7 else 4]
            rows += [{"subject": name, "day": d, "score": s}
                     for d, s in zip(days, scores, strict=False)]  # fmt: skip
            people.append({"subject": name, "treatment": arm, "x": rng.normal()})
    return trd.Study(pd.DataFrame(rows), pd.DataFrame(people), scale="MADRS", randomised=randomised)


def compare(study: trd.Study, **options: Any) -> trd.Comparison:
    settings: dict[str, Any] = {"adjust": "x", "day": 28, "tau": 56, "n_boot": 20}
    return trd.compare(study, **{**settings, **options})


@pytest.fixture(scope="module")
def three() -> trd.Comparison:
    return compare(
        cohorts({"A": 40, "B": 45, "C": 30}, {"A": 0.5, "B": 0.4, "C": 0.0}), missing="error"
    )


def test_a_cohort_without_responders_has_everything_but_durability(three: trd.Comparison) -> None:
    table = three.tidy().set_index(["treatment", "reference", "outcome", "analysis"])
    for pair in (("C", "A"), ("C", "B")):
        own = table.loc[pair]
        lost = own.xs("durability", level="outcome")
        assert lost["estimate"].isna().all()
        assert lost["reason"].str.contains("No subject has a time to loss of response").all()
        assert own.drop("durability", level="outcome")["estimate"].notna().all()
    assert table.loc["B", "A"]["estimate"].notna().all()
    crude = table.loc[("C", "A", "rate", "crude")]
    assert crude["estimate"] == pytest.approx(-0.5)
    assert "C v A, Days to relapse, responders: not estimable. No subject has a time" in str(three)


def test_the_report_of_a_plan_shows_the_rest(three: trd.Comparison) -> None:
    assert three.glance()["n_pairs"][0] == 3
    figure = three.plot()
    assert len(figure.axes) == 4


def test_a_small_trial_is_not_refused() -> None:
    sizes, rates = {"A": 20, "B": 23}, {"A": 0.5, "B": 0.4}
    trial = compare(cohorts(sizes, rates, randomised=True), outcomes=("rate",))
    assert trial.comparability[0].conclusion == OK
    assert trial.tidy()["estimate"].notna().all()
    assert "effective sample size: A small trial" in str(trial)


def test_the_threshold_is_shown_and_can_be_accepted() -> None:
    study = cohorts({"A": 18, "B": 23}, {"A": 0.5, "B": 0.4})
    refused = compare(study, outcomes=("rate",))
    assert refused.comparability[0].conclusion == NOT_COMPARABLE
    finding = refused.findings().set_index("check").loc["effective sample size"]
    assert "at least 20 in each are asked for" in finding["finding"]
    assert "accept=['effective sample size']" in finding["remedy"]
    assert refused.tidy()["reason"].str.contains("at least 20 in each").all()
    accepted = compare(study, outcomes=("rate",), accept=["effective sample size"])
    assert accepted.tidy()["estimate"].notna().all()
    assert "effective sample size (accepted)" in str(accepted)


def modalities(**options: Any) -> trd.Comparison:
    study = trd.load_sample("modalities").only(["TMS", "Esketamine"])
    adjust = "age + sex + failed_trials + chronic + anxious + baseline"
    return trd.compare(study, adjust=adjust, day=28, tau=56, outcomes=("rate",), **options)


def test_the_conclusion_follows_the_balance_that_was_reached() -> None:
    for found in (modalities(), modalities(estimand="ate")):
        pair, largest = found.comparability[0], found.tidy()["smd"].iloc[-1]
        population = found.tidy()["population"].iloc[-1]
        if largest > 0.1:
            assert pair.conclusion == CAUTION
        else:
            assert pair.conclusion == OK
            assert not pair.only_overlap or population == "overlap"
        counted = found.glance()[["ok", "overlap", "caution", "not_comparable"]].iloc[0]
        assert counted.sum() == 1


def test_the_reference_is_the_one_that_is_named() -> None:
    study = cohorts({"A": 40, "B": 45, "C": 42}, {"A": 0.5, "B": 0.4, "C": 0.3})
    plain = compare(study, outcomes=("rate",)).tidy()
    named = compare(study, outcomes=("rate",), reference="C").tidy()
    pairs = named[["treatment", "reference"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [["A", "C"], ["B", "C"], ["B", "A"]]
    one = plain.query("treatment == 'C' and reference == 'A' and analysis == 'crude'")
    other = named.query("treatment == 'A' and reference == 'C' and analysis == 'crude'")
    assert one["estimate"].item() == pytest.approx(-other["estimate"].item())
    with pytest.raises(UnknownNameError, match="Unknown treatment 'D'"):
        compare(study, reference="D")


def test_relapse_has_a_horizon_of_its_own() -> None:
    study = cohorts({"A": 60, "B": 63}, {"A": 0.6, "B": 0.6})
    short = compare(study, outcomes=("rate", "durability"), tau=14)
    rows = short.tidy().query("outcome == 'durability'")
    # Response at day 14, followed to day 56 by six of seven: 42 days, whatever tau is.
    assert rows["day"].tolist() == [42.0, 42.0]
    assert rows["note"].str.startswith("Responders only, 42 days from their response").all()
    times = {
        arm: trd.time_to(study.only([arm]), trd.LossOfResponse(), since=trd.Response())
        for arm in ("A", "B")
    }
    means = [trd.RMST(tau=42).fit(t).tidy()["estimate"].iloc[0] for t in times.values()]
    assert rows["estimate"].iloc[0] == pytest.approx(means[1] - means[0])
    capped = compare(study, outcomes=("durability",), relapse_tau=20).tidy()
    assert capped["day"].tolist() == [20.0, 20.0]
    with pytest.raises(SpecError, match="relapse_tau must be a positive number"):
        compare(study, relapse_tau=0)


def test_missing_covariates_are_filled_and_said() -> None:
    study = cohorts({"A": 60, "B": 63}, {"A": 0.6, "B": 0.5})
    people = study.subjects.drop(columns="baseline").astype({"treatment": str})
    people.loc[[1, 2, 70], "x"] = np.nan
    holes = trd.Study(study.visits[["subject", "day", "score"]], people, scale="MADRS")
    found = compare(holes, outcomes=("rate",))
    assert found.tidy()["estimate"].notna().all()
    assert "missing: x (3). Weights treat missingness as a separate covariate." in str(found)
