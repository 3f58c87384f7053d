"""Matching where scores are equal: shared, whatever subjects are called and however rows stand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trdstats import Matching
from trdstats.errors import NotEstimableError
from trdstats.kernels.weighting.matching import join_equal, local_variance, match_again, match_once


def cohorts(seed: int, n: int = 120) -> pd.DataFrame:
    """Return two cohorts that a few values of covariates describe."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "subject": [f"P{i:03d}" for i in range(n)],
            "treatment": np.where(rng.random(n) < 0.55, "TMS", "ECT"),
            "sex": np.where(rng.random(n) < 0.5, "F", "M"),
            "failed": rng.integers(2, 5, n),
            "y": rng.normal(-12, 6, n),
        }
    )


def test_one_binary_covariate_compares_means_of_its_values() -> None:
    frame = cohorts(1)
    found = Matching("sex", treated="TMS", replace=True, caliper=None).fit(frame)
    table = found.estimate(frame, "y").tidy().set_index("measure")
    means = frame.groupby(["treatment", "sex"])["y"].mean()
    treated = frame[frame["treatment"] == "TMS"]
    stands = means["ECT"][treated["sex"]].to_numpy()
    assert table.loc["difference", "estimate"] == pytest.approx(
        (treated["y"] - stands).mean(), rel=1e-12
    )
    # All controls take part, not two of them.
    assert found.glance()["matched_control"][0] == (frame["treatment"] == "ECT").sum()
    # By hand, Abadie and Imbens: sets, and each control's variance for being used again.
    own = frame.set_index(["treatment", "sex"])["y"]
    n = len(treated)
    gap = treated["y"].to_numpy() - stands
    total = ((gap - gap.mean()) ** 2).sum()
    for sex, size in treated["sex"].value_counts().items():
        controls = own["ECT"][sex]
        k = len(controls)
        total += k * ((size / k) ** 2 - size / k**2) * controls.var()
    assert table.loc["difference", "std_error"] == pytest.approx(np.sqrt(total) / n, rel=1e-10)


# Both cohorts are two fifths women: the logit is one number, up to rounding.
@example(2937, "sex", False, 1, "largest")
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["sex", "failed", "sex + failed"]),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from(["largest", "smallest"]),
)
def test_names_and_the_order_of_rows_change_no_number(
    seed: int, formula: str, replace: bool, ratio: int, order: Any
) -> None:
    frame = cohorts(seed, 60)
    rng = np.random.default_rng(seed)
    names = dict(zip(frame["subject"], rng.permutation(frame["subject"]), strict=True))
    other = frame.assign(subject=frame["subject"].map(names)).sample(frac=1, random_state=seed)
    spec = Matching(formula, replace=replace, ratio=ratio, order=order)
    one, two = spec.fit(frame), spec.fit(other)
    a, b = (m.estimate(f, "y").tidy() for m, f in ((one, frame), (two, other)))
    columns = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    assert a[columns].to_numpy() == pytest.approx(
        b[columns].to_numpy(), rel=1e-7, abs=1e-9, nan_ok=True
    )
    numbers = [c for c in one.glance() if c != "caliper"]
    assert one.glance()[numbers].to_numpy() == pytest.approx(two.glance()[numbers].to_numpy())
    weight = one.weights.set_index("subject")["weight"].rename(index=names)
    assert weight.to_numpy() == pytest.approx(
        two.weights.set_index("subject")["weight"][weight.index].to_numpy()
    )


def test_covariates_that_say_nothing_make_all_scores_equal() -> None:
    frame = cohorts(2937, 60)
    found = Matching("sex").fit(frame)
    assert np.ptp(found.score) == 0
    glance = found.glance().iloc[0]
    assert glance["caliper"] == 0
    assert glance["largest_smd"] < 1e-12
    own = found.balance().set_index("term").loc["logit of propensity"]
    assert (own[["smd_before", "smd_after", "ks_before", "ks_after"]] < 1e-12).all()
    assert found.unmatched().set_index("term")["smd"].isna().loc["logit of propensity"]


def in_one_order(
    treated: np.ndarray, control: np.ndarray, turn: list[int], ratio: int, caliper: float
) -> list[list[int]]:
    """Return the controls of each treated when each in turn takes the first of the nearest."""
    free, sets = list(range(len(control))), [[] for _ in treated]
    for _ in range(ratio):
        left = []
        for i in turn:
            near = [(abs(control[j] - treated[i]), control[j], j) for j in free]
            if near and min(near)[0] <= caliper:
                sets[i].append(min(near)[2])
                free.remove(min(near)[2])
                left.append(i)
        turn = left
    return sets


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("caliper", [0.6, np.inf])
def test_shares_are_the_mean_over_all_orders(ratio: int, caliper: float) -> None:
    treated, control = np.array([2.0, 2.0, 1.0]), np.array([0.5, 1.5, 1.5, 1.5])
    expected, rounds = np.zeros((3, 4)), 0
    for mine in permutations([0, 1]):
        for theirs in permutations([1, 2, 3]):
            # Names of equal controls are exchanged by drawing who is first among them.
            place = np.array([0, *theirs])
            sets = in_one_order(treated, control, [*mine, 2], ratio, caliper)
            for i, own in enumerate(sets):
                for j in own:
                    expected[i, place[j]] += 1 / len(own)
            rounds += 1
    pairs = match_once(treated, control, np.array([0, 1, 2]), ratio, caliper).pairs()
    got = np.zeros((3, 4))
    np.add.at(got, (pairs.treated, pairs.control), pairs.proportion)
    assert got == pytest.approx(expected / rounds, abs=1e-12)


def test_all_as_near_are_matched_with_replacement() -> None:
    control = np.array([0.0, 1.0, 1.0, 3.0])
    pairs = match_again(np.array([1.0, 2.0, 9.0]), control, 1, 2.0).pairs()
    assert pairs.treated.tolist() == [0, 0, 1, 1, 1]
    assert pairs.control.tolist() == [1, 2, 1, 2, 3]
    assert pairs.proportion.tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3])


def test_variance_around_a_score_is_a_mean_over_all_nearest() -> None:
    y = np.array([1.0, 4.0, 6.0, 2.0])
    got = local_variance(np.array([0.0, 1.0, 1.0, 2.0]), y)
    assert got == pytest.approx([(9 + 25) / 4, 2.0, 2.0, (4 + 16) / 4])
    # As far below as above: both.
    assert local_variance(np.array([0.0, 1.0, 2.0]), y[:3])[1] == pytest.approx((9 + 4) / 4)


def test_scores_apart_by_rounding_are_equal() -> None:
    score = np.array([0.1 + 0.2, 0.3, 0.5])
    joined = join_equal(score, 1e-12)
    assert joined[0] == joined[1] < joined[2]


def test_clusters_join_sets_that_share_a_control() -> None:
    frame = cohorts(3)
    with pytest.raises(NotEstimableError, match=r"join the matched into 2 sets, too few"):
        _ = Matching("sex").fit(frame).clusters
    many = frame.assign(age=np.random.default_rng(0).integers(20, 70, len(frame)))
    found = Matching("age + sex").fit(many)
    clusters, pairs = found.clusters, found.pairs
    assert (clusters[pairs["treated"]].to_numpy() == clusters[pairs["control"]].to_numpy()).all()
    assert clusters.index.is_unique


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("ratio", [1, 3])
def test_sums_over_scores_are_sums_over_pairs(replace: bool, ratio: int) -> None:
    rng = np.random.default_rng(ratio)
    treated = rng.integers(0, 9, 80).astype(float)
    control = np.sort(rng.integers(1, 12, 100)).astype(float)
    order = np.argsort(-treated, kind="stable")
    groups = (
        match_again(treated, control, ratio, 2.0)
        if replace
        else match_once(treated, control, order, ratio, 2.0)
    )
    part = np.zeros((80, 100))
    pairs = groups.pairs()
    np.add.at(part, (pairs.treated, pairs.control), pairs.proportion)
    of_treated, of_control = groups.weights()
    # Sums of up to a hundred parts of 1: 1e-12 is rounding.
    assert of_treated == pytest.approx(part.sum(axis=1), rel=1e-12)
    assert of_control == pytest.approx(part.sum(axis=0), rel=1e-12)
    assert groups.treated.tolist() == np.flatnonzero(part.any(axis=1)).tolist()
    assert groups.control.tolist() == np.flatnonzero(part.any(axis=0)).tolist()
    assert groups.is_shared == bool(((part > 0).sum(axis=0) > 1).any())
    # Outcomes, some missing: every sum written out over the pairs.
    y, other = rng.normal(size=80), rng.normal(size=100)
    y[::7], other[::5] = np.nan, np.nan
    seen = part * ~np.isnan(other)
    kept = np.flatnonzero(~np.isnan(y) & (seen.sum(axis=1) > 0))
    inside = seen[kept] / seen[kept].sum(axis=1, keepdims=True)
    means = groups.compare(y, other)
    assert means.kept.tolist() == kept.tolist()
    assert means.control == pytest.approx(inside @ np.nan_to_num(other), rel=1e-12)
    shares = inside * part[kept].sum(axis=1, keepdims=True)
    assert means.used == pytest.approx(shares.sum(axis=0), rel=1e-12)
    assert means.used_squared == pytest.approx((shares**2).sum(axis=0), rel=1e-12)


def test_work_does_not_grow_with_the_pairs_of_tied_scores() -> None:
    treated, control = np.repeat(np.arange(20.0), 5_000), np.repeat(np.arange(20.0), 5_000)
    groups = match_once(treated, control, np.arange(100_000), 1, 0.5)
    assert len(groups.one) == 20  # of half a thousand million pairs
    assert groups.weights()[0] == pytest.approx(np.ones(100_000), rel=1e-12)


def test_where_all_are_matched_the_unmatched_are_not_described() -> None:
    # Three treated with two of three controls each: parts of 1 that add up to 1 but for rounding.
    frame = pd.DataFrame({
        "subject": np.arange(40), "treatment": ["A"] * 25 + ["B"] * 15,
        "x": [0, 1, 2, 3, 4] * 5 + [1, 2, 3] * 5,
    })  # fmt: skip
    found = Matching("x", treated="B", caliper=None, replace=True, ratio=7).fit(frame)
    assert found.glance()["n_unmatched"].item() == 0
    assert found.unmatched()["mean_unmatched"].isna().all()
