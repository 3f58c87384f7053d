"""Comparisons by ranks: SciPy, complete enumeration, hand-worked cases, properties, refusals."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError
from trdstats.kernels.endpoint import pairs
from trdstats.kernels.endpoint.pairs import compare_pairs, hodges_lehmann, rank_sum_distribution
from trdstats.kernels.endpoint.strata_ranks import quade, residual_ranks, van_elteren

# Permeability constants of the human chorioamnion: Hollander and Wolfe 1973, Nonparametric
# Statistical Methods, p. 69 (example of R's wilcox.test): W = 35, one-sided p = 0.1272; p. 75:
# shift 0.305.
TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
EARLY = np.array([1.15, 0.88, 0.90, 0.74, 1.21])


def two_groups(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    n = len(x) + len(y)
    return pd.DataFrame({"subject": range(n), "y": np.concatenate([x, y]),
                         "treatment": ["new"] * len(x) + ["old"] * len(y)})  # fmt: skip


def test_published_example() -> None:
    found = trd.RankComparison("y", better="higher", reference="old").fit(two_groups(TERM, EARLY))
    shift = found.tidy().set_index("measure").loc["shift"]
    assert shift["estimate"] == pytest.approx(0.305, abs=1e-12)
    test = found.tests().set_index("test").loc["Wilcoxon-Mann-Whitney"]
    assert test["statistic"] == 35
    assert test["p_value"] / 2 == pytest.approx(0.1272, abs=5e-5)
    assert shift["p_value"] == test["p_value"]


def test_distribution_of_the_rank_sum_by_enumeration() -> None:
    for n1, n0 in ((3, 4), (1, 5), (4, 4)):
        counts = np.zeros(n1 * n0 + 1)
        for places in combinations(range(n1 + n0), n1):
            counts[sum(places) - n1 * (n1 - 1) // 2] += 1
        assert rank_sum_distribution(n1, n0) == pytest.approx(counts / counts.sum(), abs=1e-15)


def test_exact_limits_are_the_shifts_that_the_test_does_not_refute() -> None:
    found = hodges_lehmann(TERM, EARLY, 0.95)
    assert found.exact

    def p(shift: float) -> float:
        return float(stats.mannwhitneyu(TERM - shift, EARLY, method="exact").pvalue)

    assert p(found.low + 1e-9) >= 0.05
    assert p(found.low - 1e-9) < 0.05
    assert p(found.high - 1e-9) >= 0.05
    assert p(found.high + 1e-9) < 0.05


def test_many_pairs_give_the_same_as_all_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=70), rng.normal(0.3, 1, 60)
    whole = hodges_lehmann(x, y, 0.9)
    monkeypatch.setattr(pairs, "_AT_ONCE", 0)
    parts = hodges_lehmann(x, y, 0.9)
    assert (parts.estimate, parts.low, parts.high) == pytest.approx(
        (whole.estimate, whole.low, whole.high), abs=1e-12
    )


SCORES = st.lists(st.integers(0, 12), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_wins_against_a_loop_over_pairs_and_scipy(first: list[int], second: list[int]) -> None:
    x, y = np.array(first, dtype=float), np.array(second, dtype=float)
    found = compare_pairs(x, y)
    sign = [np.sign(a - b) for a, b in product(x, y)]
    assert found.wins == pytest.approx(np.mean([s > 0 for s in sign]))
    assert found.ties == pytest.approx(np.mean([s == 0 for s in sign]))
    assert found.on_wins.sum() == pytest.approx(0, abs=1e-12)
    error = np.sqrt((found.on_superiority**2).sum())
    if error > 1e-9:
        other = stats.brunnermunzel(y, x)
        assert (found.superiority - 0.5) / error == pytest.approx(other.statistic, rel=1e-9)
        assert 2 * stats.t.sf(abs(other.statistic), found.df) == pytest.approx(other.pvalue)


def test_win_odds_by_hand() -> None:
    # Pairs of (3, 5) against (1, 3, 4): 3 wins over 1, ties 3, loses to 4; 5 wins all three.
    # Wins 4/6, losses 1/6, ties 1/6: superiority 4.5/6 = 3/4, win odds 3, win ratio 4.
    data = two_groups(np.array([3.0, 5.0]), np.array([1.0, 3.0, 4.0]))
    rows = trd.RankComparison("y", better="higher", reference="old").fit(data).tidy()
    value = rows.set_index("measure")["estimate"]
    assert value["probability of superiority"] == pytest.approx(0.75)
    assert value["win odds"] == pytest.approx(3)
    assert value["win ratio"] == pytest.approx(4)
    assert value["win difference"] == pytest.approx(0.5)
    # Placements of (3, 5): 1/2, 1, variance 1/8; of (1, 3, 4) in (3, 5): 1, 3/4, 1/2, variance
    # 1/16. Brunner and Munzel: 1/8 / 2 + 1/16 / 3 = 1/12.
    error = rows.set_index("measure").loc["win odds", "std_error"]
    assert error == pytest.approx(np.sqrt(1 / 12) / (0.75 * 0.25))


def test_lower_wins_turns_every_measure_round(trial: trd.Study) -> None:
    spec = {"day": 28, "reference": "TMS"}
    low = trd.RankComparison("score", **spec).fit(trial)  # type: ignore[arg-type]
    assert low.better == "lower"  # of the MADRS
    high = trd.RankComparison("score", better="higher", **spec).fit(trial)  # type: ignore[arg-type]
    a, b = (r.tidy().set_index(["measure", "treatment"])["estimate"] for r in (low, high))
    assert a["win odds"].to_numpy() == pytest.approx(1 / b["win odds"].to_numpy())
    assert a["win ratio"].to_numpy() == pytest.approx(1 / b["win ratio"].to_numpy())
    assert a["shift"].to_numpy() == pytest.approx(b["shift"].to_numpy())  # points of the scale


def test_van_elteren_by_enumeration() -> None:
    """Mean and variance of the statistic over all ways to allocate within strata.

    Strata of 4 and 3 with midranks; T adds ranks of the first group over 1 / (n + 1). The
    statistic of SAS (CMH, modified ridit scores) is (T - mean)^2 / variance.
    """
    y = np.array([1.0, 2, 2, 5, 3, 7, 9])
    stratum = np.array([0, 0, 0, 0, 1, 1, 1])
    group = np.array([0, 1, 0, 1, 1, 0, 1])
    score = np.concatenate([stats.rankdata(y[:4]) / 5, stats.rankdata(y[4:]) / 4])
    every = [
        score[list(a)].sum() + score[4:][list(b)].sum()
        for a in combinations(range(4), 2) for b in combinations(range(3), 2)
    ]  # fmt: skip
    own = score[group == 1].sum()
    want = (own - np.mean(every)) ** 2 / np.var(every)
    found = van_elteren(y, group, stratum, 2)
    assert found.statistic == pytest.approx(want, rel=1e-12)
    assert found.p_value == pytest.approx(stats.chi2.sf(want, 1), rel=1e-12)


def test_one_stratum_is_the_test_of_kruskal_and_wallis() -> None:
    rng = np.random.default_rng(4)
    y, group = rng.integers(0, 9, 40).astype(float), rng.integers(0, 3, 40)
    found = van_elteren(y, group, np.zeros(40, dtype=int), 3)
    other = stats.kruskal(*(y[group == k] for k in range(3)))
    assert found.statistic == pytest.approx(other.statistic, rel=1e-12)
    assert found.df == 2


def test_strata_with_one_group_change_nothing() -> None:
    y = np.array([1.0, 2, 3, 4, 9, 8])
    group, stratum = np.array([0, 1, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 1, 1])
    one, two = van_elteren(y, group, stratum, 2), van_elteren(y[:4], group[:4], stratum[:4], 2)
    assert one.statistic == pytest.approx(two.statistic)


def test_quade_is_an_analysis_of_variance_of_residual_ranks() -> None:
    rng = np.random.default_rng(5)
    y, x, group = rng.normal(size=30), rng.normal(size=(30, 1)), rng.integers(0, 3, 30)
    rank_y, rank_x = stats.rankdata(y), stats.rankdata(x[:, 0])
    slope, centre = np.polyfit(rank_x, rank_y, 1)
    rest = rank_y - slope * rank_x - centre
    other = stats.f_oneway(*(rest[group == k] for k in range(3)))
    found = quade(y, x, group, 3)
    assert (found.df, found.df_error) == (2, 27)
    assert found.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(other.pvalue, rel=1e-9)


def test_ranks_that_covariates_determine_leave_nothing() -> None:
    y = np.arange(10.0)
    none = np.zeros(10, dtype=int)
    assert not residual_ranks(y, 3 * y[:, None], none).any()
    assert np.isnan(quade(y, 3 * y[:, None], np.arange(10) % 2, 2).p_value)


def test_strata_and_covariates(trial: trd.Study) -> None:
    spec = trd.RankComparison("score", day=28, covariates="baseline")
    assert set(spec.fit(trial).tests()["test"]) == {
        "Wilcoxon-Mann-Whitney", "Brunner-Munzel", "Kruskal-Wallis", "rank ANCOVA (Quade)",
    }  # fmt: skip
    half = trial.subjects["baseline"] > trial.subjects["baseline"].median()
    data = trial.longitudinal([28]).assign(cell=lambda d: d["baseline"] > d["baseline"].median())
    assert half.any()
    spec = trd.RankComparison("score", better="lower", strata=["cell"], covariates="baseline")
    found = spec.fit(data)
    assert set(found.tests()["test"]) == {"van Elteren", "rank ANCOVA (Koch)"}
    # Strata of the same size as all: weights n1 n0 / (n + 1) of each.
    own = data.dropna(subset=["score"])
    own = own[own["treatment"].isin(["TMS", "ECT"])]
    total = value = 0.0
    for _, rows in own.groupby("cell"):
        x = -rows.loc[rows["treatment"] == "ECT", "score"].to_numpy(float)
        y = -rows.loc[rows["treatment"] == "TMS", "score"].to_numpy(float)
        weight = len(x) * len(y) / (len(rows) + 1)
        total, value = total + weight, value + weight * compare_pairs(x, y).superiority
    row = found.tidy().query("measure == 'probability of superiority' and treatment == 'ECT'")
    assert row["estimate"].item() == pytest.approx(value / total)


def test_nothing_varies() -> None:
    found = trd.RankComparison("y", better="higher").fit(two_groups(np.ones(4), np.ones(5)))
    rows = found.tidy()
    assert rows[["conf_low", "conf_high", "p_value"]].isna().all(axis=None)
    assert (rows["reason"] == "all subjects compared have the same outcome").all()
    assert found.tests()["p_value"].isna().all()


def test_one_group_wins_every_pair() -> None:
    data = two_groups(np.arange(5.0, 9), np.arange(4.0))
    rows = trd.RankComparison("y", better="higher").fit(data).tidy().set_index("measure")
    assert rows.loc["win odds", "reason"].startswith("one group wins every pair")
    assert rows.loc["shift", "p_value"] == pytest.approx(2 / 70)  # of 8 over 4 allocations


def test_groups_too_small() -> None:
    data = two_groups(np.array([1.0]), np.array([2.0]))
    rows = trd.RankComparison("y", better="higher").fit(data).tidy().set_index("measure")
    assert rows.loc["shift", ["conf_low", "conf_high"]].tolist() == [-np.inf, np.inf]
    assert rows.loc["win difference", "reason"].startswith("a group has one subject only")


def test_what_is_refused(trial: trd.Study) -> None:
    data = two_groups(TERM, EARLY)
    with pytest.raises(SpecError, match=r"better='higher' or better='lower'"):
        trd.RankComparison("y").fit(data)
    with pytest.raises(SpecError, match="strata must be"):
        trd.RankComparison("y", strata="sex")
    with pytest.raises(SpecError, match="cannot be a stratum"):
        trd.RankComparison("y", strata=["treatment"])
    with pytest.raises(SpecError, match="which is compared"):
        trd.RankComparison("y", covariates="treatment")
    with pytest.raises(NotEstimableError, match="one value only"):
        trd.RankComparison("y", better="higher").fit(data[data["treatment"] == "new"])
    with pytest.raises(DataError, match="no finite number"):
        trd.RankComparison("y", better="higher").fit(data.assign(y="mild"))
    gone = data.assign(treatment=data["treatment"].where(data["subject"] > 1))
    with pytest.raises(DataError, match="have no 'treatment'"):
        trd.RankComparison("y", better="higher").fit(gone)


@pytest.mark.parametrize("labels", [[3, 1, 2], ["none", "mild", "severe"]])
def test_categories_in_a_stated_order_are_ranked_by_it(labels: list[object]) -> None:
    code = np.random.default_rng(1).integers(0, 3, 40)
    data = two_groups(code[:20].astype(float), code[20:].astype(float))
    spec = trd.RankComparison("y", better="higher", reference="old")
    by_code = spec.fit(data).tidy()
    in_order = data.assign(
        y=pd.Categorical.from_codes(code, categories=pd.Index(labels), ordered=True)
    )
    fitted = spec.fit(in_order)
    assert fitted.tidy()["estimate"].tolist() == by_code["estimate"].tolist()
    assert "ordered categories" in str(fitted)


@pytest.mark.parametrize("name", ["study site", "a-b", "C", "1st"])
def test_strata_are_columns_and_not_formulas(name: str) -> None:
    data = two_groups(TERM, EARLY).assign(site=np.resize([1, 2], 15))
    plain = trd.RankComparison("y", better="higher", strata=["site"]).fit(data)
    other = trd.RankComparison("y", better="higher", strata=[name]).fit(
        data.rename(columns={"site": name})
    )
    pd.testing.assert_frame_equal(plain.tidy(), other.tidy())
    with pytest.raises(DataError, match=name):
        other.spec.fit(data.assign(**{name: np.nan}))
