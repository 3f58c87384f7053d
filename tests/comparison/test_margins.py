"""Margins, strata and families of tests: oracles, relations, refusals, words."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm, ttest_ind_from_stats
from statsmodels.stats.proportion import test_proportions_2indep as proportions_test
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from trdstats import (
    MMRM,
    Effect,
    NoninferiorityTest,
    Remission,
    Response,
    Study,
    adjust_p_values,
    compare_counts,
    compare_strata,
    meta_analysis,
    rates,
    stratified_rates,
)
from trdstats.errors import (
    DataError,
    DataWarning,
    EstimateWarning,
    NotEstimableError,
    SpecError,
    UnknownNameError,
)
from trdstats.kernels.proportions.stratified_tables import (
    common_odds_ratio,
    stratified_difference,
    stratified_ratio,
)

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("method", ["miettinen-nurminen", "farrington-manning"])
@pytest.mark.parametrize("table", [(90, 100, 88, 100), (41, 80, 27, 80), (5, 30, 9, 60)])
def test_score_test_of_a_difference_by_maximising_the_likelihood(
    method: str, table: tuple[int, int, int, int]
) -> None:
    """The cubic of statsmodels 0.14 cannot serve: one of its terms has events for subjects."""
    x1, n1, x0, n0 = table

    def loss(p0: float) -> float:
        p1 = p0 - 0.1
        return -float(
            x1 * np.log(p1) + (n1 - x1) * np.log(1 - p1)
            + x0 * np.log(p0) + (n0 - x0) * np.log(1 - p0)
        )  # fmt: skip

    p0 = minimize_scalar(
        loss, bounds=(0.1 + 1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-12}
    ).x
    variance = (p0 - 0.1) * (1.1 - p0) / n1 + p0 * (1 - p0) / n0
    if method == "miettinen-nurminen":
        variance *= (n1 + n0) / (n1 + n0 - 1)
    z = (x1 / n1 - x0 / n0 + 0.1) / np.sqrt(variance)
    found = NoninferiorityTest(0.1, better="higher").of_counts(*table, method=method)
    # A maximum found from values of a function is known to half of their digits.
    assert found.tidy()["statistic"].item() == pytest.approx(z, rel=1e-7)
    assert found.p_value == pytest.approx(norm.sf(z), rel=1e-6)


@pytest.mark.parametrize("method", ["miettinen-nurminen", "farrington-manning"])
@pytest.mark.parametrize("table", [(90, 100, 88, 100), (41, 80, 27, 80), (5, 30, 9, 60)])
def test_score_test_of_a_ratio_by_statsmodels(
    method: str, table: tuple[int, int, int, int]
) -> None:
    found = NoninferiorityTest(0.8, better="higher", measure="ratio").of_counts(
        *table, method=method
    )
    oracle = proportions_test(
        *table, value=0.8, method="score", compare="ratio", alternative="larger",
        correction=method == "miettinen-nurminen", return_results=True,
    )  # fmt: skip
    assert found.tidy()["statistic"].item() == pytest.approx(oracle.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(counts, counts, st.floats(0.02, 0.5), st.sampled_from(["higher", "lower"]))
def test_test_and_interval_agree(
    one: tuple[int, int], other: tuple[int, int], margin: float, better: Any
) -> None:
    found = NoninferiorityTest(margin, better=better).of_counts(*one, *other)
    f = found.located
    near = (f.low + margin) if better == "higher" else (margin - f.high)
    if abs(near) > 1e-9:
        assert found.shown == (near > 0)


@settings(max_examples=60, deadline=None)
@given(
    counts, counts, st.floats(0.2, 0.95), st.sampled_from(["higher", "lower"]),
    st.sampled_from(["ratio", "odds ratio"]),
)  # fmt: skip
def test_test_and_interval_agree_on_ratios(
    one: tuple[int, int], other: tuple[int, int], margin: float, better: Any, measure: str
) -> None:
    f = NoninferiorityTest(margin, better=better, measure=measure).of_counts(*one, *other).located
    if np.isnan(f.estimate):
        return
    gap = f.low / margin if better == "higher" else 1 / (margin * f.high)
    p = f.below_p if better == "higher" else f.above_p
    if abs(gap - 1) > 1e-6:
        assert (p < 0.025) == (gap > 1)


@settings(max_examples=60, deadline=None)
@given(counts, counts, st.floats(0.02, 0.5))
def test_fewer_failures_are_more_successes(
    one: tuple[int, int], other: tuple[int, int], margin: float
) -> None:
    """Counting the other outcome, for which less is better, is the same test."""
    up = NoninferiorityTest(margin, better="higher").of_counts(*one, *other)
    turned = [v for x, n in (one, other) for v in (n - x, n)]
    down = NoninferiorityTest(margin, better="lower").of_counts(*turned)
    assert down.p_value == pytest.approx(up.p_value, rel=1e-6, abs=1e-12)


def test_equivalence_is_two_non_inferiorities() -> None:
    table = (90, 100, 88, 100)
    both = NoninferiorityTest(0.12, better="higher", hypothesis="equivalence", conf_level=0.9)
    found = both.of_counts(*table)
    sides = [
        NoninferiorityTest(0.12, better=b, conf_level=0.9).of_counts(*table).p_value
        for b in ("higher", "lower")
    ]
    assert found.p_value == max(sides)
    assert found.glance()["p_value"].item() == max(sides)
    assert found.tidy()["side"].tolist() == ["lower", "upper"]
    assert found.shown
    assert (
        not NoninferiorityTest(0.05, better="higher", hypothesis="equivalence")
        .of_counts(*table)
        .shown
    )


def test_limits_are_those_of_the_comparison_of_counts() -> None:
    for measure in ("difference", "ratio", "odds ratio"):
        margin = 0.1 if measure == "difference" else 0.8
        found = NoninferiorityTest(margin, better="higher", measure=measure).of_counts(
            108, 195, 70, 170
        )
        row = compare_counts(108, 195, 70, 170).tidy().set_index("measure").loc[measure]
        want = [row["estimate"], row["conf_low"], row["conf_high"]]
        f = found.located
        assert [f.estimate, f.low, f.high] == pytest.approx(want, rel=1e-12)


def test_means_against_scipy_and_statsmodels() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(14, 5, 40), rng.normal(13, 8, 55)
    stats = (a.mean(), a.std(ddof=1), 40, b.mean(), b.std(ddof=1), 55)
    for equal in (False, True):
        found = NoninferiorityTest(3.0, better="lower").of_means(*stats, equal_variances=equal)
        oracle = ttest_ind_from_stats(
            a.mean() - 3.0, stats[1], 40, *stats[3:], equal_var=equal, alternative="less"
        )
        row = found.tidy().iloc[0]
        assert row["statistic"] == pytest.approx(oracle.statistic, rel=1e-12)
        assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-10)
    pair = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    p = pair.ttost_ind(-3.0, 3.0, usevar="unequal")[0]
    both = NoninferiorityTest(3.0, better="lower", hypothesis="equivalence").of_means(*stats)
    assert both.p_value == pytest.approx(p, rel=1e-10)


def test_a_contrast_of_a_mixed_model_keeps_its_interval(trial: Study) -> None:
    fit = MMRM("change ~ baseline + treatment * visit").fit(trial)
    row = fit.margins("treatment", by="visit").contrasts(reference="TMS").tidy().iloc[-1]
    found = NoninferiorityTest(2.0, better="lower").of_row(row).tidy().iloc[0]
    assert [found["conf_low"], found["conf_high"]] == pytest.approx(
        [row["conf_low"], row["conf_high"]], rel=1e-9
    )
    assert found["statistic"] == pytest.approx((row["estimate"] - 2) / row["std_error"], rel=1e-12)
    assert found["method"] == "t"


def test_a_hazard_ratio_against_a_margin() -> None:
    effect = Effect("hazard ratio", "esketamine", "placebo", 0.9, std_error=0.1)
    found = NoninferiorityTest(1.25, better="lower", measure="ratio").of_row(effect)
    z = (np.log(0.9) - np.log(1.25)) / 0.1
    assert found.tidy()["statistic"].item() == pytest.approx(z, rel=1e-12)
    assert found.tidy()["bound"].item() == 1.25
    assert found.shown


def test_margins_refuse(trial: Study) -> None:
    with pytest.raises(SpecError, match="Ten points of per cent are"):
        NoninferiorityTest(10, better="higher").of_counts(5, 10, 5, 10)
    with pytest.raises(SpecError, match="leaves no margin"):
        NoninferiorityTest(1, better="higher", measure="ratio")
    with pytest.raises(SpecError, match="positive number"):
        NoninferiorityTest(-0.1, better="higher")
    with pytest.raises(SpecError, match="better must be one of"):
        NoninferiorityTest(0.1, better="up")  # type: ignore[arg-type]
    table = rates(trial, Response(), day=28).tidy()
    row = table[table["measure"] == "difference"].iloc[0]
    with pytest.raises(SpecError, match="of_counts"):
        NoninferiorityTest(0.1, better="higher").of_row(row)
    with pytest.raises(SpecError, match=r"NoninferiorityTest\(\.\.\., measure='ratio'\)"):
        NoninferiorityTest(0.1, better="lower").of_row(
            Effect("hazard ratio", "A", "B", 0.9, 0.8, 1.0)
        )
    with pytest.raises(SpecError, match="Means are compared by their difference"):
        NoninferiorityTest(0.8, better="lower", measure="ratio").of_means(1, 1, 9, 1, 1, 9)
    with pytest.raises(NotEstimableError, match="no group has an event"):
        repr(NoninferiorityTest(0.8, better="lower", measure="ratio").of_counts(0, 9, 0, 9))


def test_text_and_picture_of_a_margin() -> None:
    found = NoninferiorityTest(0.1, better="higher").of_counts(
        44, 95, 57, 91, treatment="ketamine", reference="ECT"
    )
    text = repr(found)
    assert text.startswith("Non-inferiority: not shown")
    assert "-0.163 (-0.300 to -0.020)" in text
    assert "Not shown is not the same as shown to be worse." in text
    assert repr(pickle.loads(pickle.dumps(found))) == text
    ax = found.plot()
    assert -0.1 in [float(np.ravel(line.get_xdata())[0]) for line in ax.lines]
    plt.close("all")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=4), st.randoms())
def test_order_of_strata_and_groups(tables: Any, chance: Any) -> None:
    x1, n1, x0, n0 = (np.array(v) for v in zip(*((*a, *b) for a, b in tables), strict=True))
    one = stratified_difference(x1, n1, x0, n0, conf_level=0.95)
    order = list(range(len(x1)))
    chance.shuffle(order)
    again = stratified_difference(x1[order], n1[order], x0[order], n0[order], conf_level=0.95)
    assert [again.low, again.high] == pytest.approx([one.low, one.high], abs=1e-9)
    turned = stratified_difference(x0, n0, x1, n1, conf_level=0.95)
    assert [turned.low, turned.high] == pytest.approx([-one.high, -one.low], abs=1e-7)
    odds = common_odds_ratio(x1, n1, x0, n0, conf_level=0.95)
    if 0 < odds.estimate < np.inf:
        back = common_odds_ratio(x0, n0, x1, n1, conf_level=0.95)
        assert back.estimate == pytest.approx(1 / odds.estimate, rel=1e-9)
        assert back.std_error == pytest.approx(odds.std_error, rel=1e-9)
    if odds.statistic == odds.statistic and odds.statistic > 1e-12:
        # The score at no difference and at a ratio of 1 is that of Cochran, Mantel, Haenszel.
        ratio = stratified_ratio(x1, n1, x0, n0, conf_level=0.95)
        assert [one.statistic**2, ratio.statistic**2] == pytest.approx(
            [odds.statistic] * 2, rel=1e-6
        )


def test_one_stratum_is_no_stratum() -> None:
    found = stratified_difference([41], [80], [27], [80], conf_level=0.95)
    row = compare_counts(41, 80, 27, 80).tidy().iloc[0]
    assert [found.low, found.high] == pytest.approx([row["conf_low"], row["conf_high"]], rel=1e-9)
    ratio = stratified_ratio([41], [80], [27], [80], conf_level=0.95)
    row = compare_counts(41, 80, 27, 80).tidy().iloc[1]
    assert [ratio.low, ratio.high] == pytest.approx([row["conf_low"], row["conf_high"]], rel=1e-9)
    assert ratio.std_error == pytest.approx(row["std_error"], rel=1e-12)


def test_homogeneity_of_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    tables = [(29, 54, 21, 54), (12, 26, 6, 26), (3, 20, 9, 21)]
    oracle = StratifiedTable(
        [np.array([[a, n - a], [c, m - c]], dtype=float) for a, n, c, m in tables]
    )
    found = common_odds_ratio(*map(np.array, zip(*tables, strict=True)), conf_level=0.95)
    want = oracle.test_equal_odds(adjust=True)
    assert [found.homogeneity, found.homogeneity_p] == pytest.approx(
        [want.statistic, want.pvalue], rel=1e-9
    )
    assert found.estimate == pytest.approx(oracle.oddsratio_pooled, rel=1e-12)
    assert found.std_error == pytest.approx(oracle.logodds_pooled_se, rel=1e-12)


def test_a_subject_without_a_stratum_is_counted(trial_tables: Any) -> None:
    subjects, visits, _ = trial_tables
    holed = subjects.assign(sex=subjects["sex"].where(subjects.index > 2))
    study = Study(
        visits, holed, scale="MADRS", subject="usubjid", treatment="arm", score="madrs",
        baseline="madrs_bl", randomised=False,
    )  # fmt: skip
    found = stratified_rates(study, Remission(), day=28, strata="sex")
    assert "3 without a stratum" in repr(found)
    assert study.caveat in repr(found)
    own = found.strata.groupby("treatment")["n"].sum().sum()
    base = found.strata.drop_duplicates("stratum")["reference_n"].sum()
    assert own + base == 237
    moved = found.influence()
    assert len(moved) == 237
    assert found.glance()["n"].sum() + base == 237
    errors = found.tidy().query("measure == 'difference'").set_index("treatment")["std_error"]
    for name, error in errors.items():
        column = moved[f"difference {name} {study.treatments[0]}"]
        assert np.linalg.norm(column) == pytest.approx(error, rel=1e-12)
    crossed = stratified_rates(study, Remission(), day=28, strata=["sex", "site"])
    assert "of sex, site" in repr(crossed)


def test_stratified_rates_refuse(trial: Study) -> None:
    with pytest.raises(UnknownNameError, match="Unknown column of the subjects 'sexe'"):
        stratified_rates(trial, Response(), day=28, strata="sexe")
    frame = pd.DataFrame(
        {"stratum": ["a", "b"], "events": [5, 2], "n": [4, 9], "reference_events": [1, 1.5],
         "reference_n": 9}
    )  # fmt: skip
    twice = pd.concat([frame.assign(events=1, n=9, reference_events=2, reference_n=9)] * 2)
    with pytest.raises(DataError, match="strata have a second row of the same comparison"):
        compare_strata(twice)
    with pytest.raises(DataError, match="2 strata have counts that are no counts"):
        compare_strata(frame)
    apart = frame.assign(events=1, reference_events=1, n=[4, 0], reference_n=[0, 9])
    apart.loc[1, "events"], apart.loc[0, "reference_events"] = 0, 0
    with pytest.raises(NotEstimableError, match="No stratum holds both"):
        compare_strata(apart)
    with pytest.raises(UnknownNameError, match="'reference_n'"):
        compare_strata(frame.drop(columns="reference_n"))


def test_strata_without_names_are_refused() -> None:
    """Rows without a treatment were left out of every comparison without a word."""
    counts = pd.DataFrame({
        "stratum": ["F", "M", "X"], "treatment": "A", "reference": "B", "events": [29, 12, 5],
        "n": [54, 26, 20], "reference_events": [21, 6, 4], "reference_n": [54, 26, 20],
    })  # fmt: skip
    whole = compare_strata(counts).tidy()
    for column in ("treatment", "reference", "stratum"):
        unnamed = counts.assign(**{column: counts[column].mask(counts.index == 1)})
        with pytest.raises(DataError, match="1 stratum has no name of the stratum, treatment"):
            compare_strata(unnamed)
    with pytest.raises(DataError, match="3 strata have one treatment on both sides"):
        compare_strata(counts.assign(reference="A "))
    with pytest.raises(DataError, match="has no rows"):
        compare_strata(counts.head(0))
    with pytest.raises(DataError, match="3 strata have counts that are no counts"):
        compare_strata(counts.assign(events=[True, False, True]))
    # Blanks are not seen in a table: they were another treatment, compared in one stratum.
    blanks = compare_strata(counts.assign(treatment=["A", "A ", " A"])).tidy()
    pd.testing.assert_frame_equal(blanks, whole)
    with pytest.warns(DataWarning, match="1 pair of treatments differs only in case"):
        compare_strata(counts.assign(treatment=["A", "a", "A"]))


def test_counts_alone_have_the_covariance_of_their_subjects(trial: Study) -> None:
    whole = stratified_rates(trial, Response(), day=28, strata="sex")
    counted = compare_strata(whole.strata)
    columns = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    assert counted.tidy()[columns].to_numpy() == pytest.approx(
        whole.tidy()[columns].to_numpy(), rel=1e-12
    )
    assert counted.estimates().covariance == pytest.approx(
        whole.estimates().covariance, rel=1e-9, abs=1e-12
    )
    both = whole.estimates().only(measure="difference")
    adjusted = both.adjust("dunnett").tidy()["p_value"]
    assert (adjusted < np.minimum(2 * both.tidy()["p_value"], 1) + 1e-9).all()


def test_a_ratio_without_an_error_keeps_its_limits() -> None:
    table = compare_strata(
        pd.DataFrame({"stratum": ["F", "M"], "events": [5, 2], "n": [9, 9],
                      "reference_events": [0, 0], "reference_n": [9, 8]})
    ).tidy().set_index("measure")  # fmt: skip
    assert table.loc["ratio", "estimate"] == table.loc["odds ratio", "estimate"] == np.inf
    assert table.loc["ratio", "conf_low"] > 1
    assert table.loc[["ratio", "odds ratio"], "std_error"].isna().all()
    assert "no subject or every subject" in table.loc["odds ratio", "reason"]
    assert table.loc["odds ratio", "p_value"] < 0.05


def test_a_stratum_of_one_treatment_is_named() -> None:
    frame = pd.DataFrame(
        {"stratum": ["F", "M"], "events": [5, 2], "n": [9, 9], "reference_events": [3, 0],
         "reference_n": [9, 0]}
    )  # fmt: skip
    found = compare_strata(frame)
    with pytest.raises(NotEstimableError, match="the covariance is not a sum over subjects"):
        found.influence()
    assert "Strata that lack a treatment tell nothing of it: M." in repr(found)
    alone = compare_strata(frame.head(1)).tidy()
    pd.testing.assert_frame_equal(found.tidy(), alone)


FAMILY = pd.DataFrame(
    {"contrast": list("abcde"), "p_value": [0.01, 0.04, np.nan, 0.03, 0.005]}, index=list("vwxyz")
)


@pytest.mark.parametrize(
    ("method", "want"),
    [
        # By hand, of four: Holm 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 not below 0.06.
        ("holm", [0.03, 0.06, np.nan, 0.06, 0.02]),
        # min over larger p of 4 p / rank: 0.04 x 4 / 4, 0.03 x 4 / 3, 0.01 x 2, 0.005 x 4.
        ("benjamini-hochberg", [0.02, 0.04, np.nan, 0.04, 0.02]),
        ("fixed sequence", [0.01, 0.04, np.nan, 1.0, 1.0]),
    ],
)
def test_families(method: Any, want: list[float]) -> None:
    found = adjust_p_values(FAMILY, method=method)
    assert found["p_adjusted"].tolist() == pytest.approx(want, rel=1e-12, nan_ok=True)
    assert found.index.tolist() == list("vwxyz")
    assert set(found["adjust"]) == {method}
    assert "p_adjusted" not in FAMILY


def test_hommel_by_hand() -> None:
    """Closed testing with Simes: the largest Simes p of the sets that hold a hypothesis.

    Of 0.01, 0.02, 0.022. All three: min(3 x 0.01, 1.5 x 0.02, 0.022) = 0.022. Pairs:
    min(2 x 0.01, 0.02) = 0.02, min(2 x 0.01, 0.022) = 0.02, min(2 x 0.02, 0.022) = 0.022. So all
    three have 0.022, where Holm gives 0.03, 0.04, 0.04.
    """
    family = pd.DataFrame({"p_value": [0.01, 0.02, 0.022]})
    found = adjust_p_values(family, method="hommel")["p_adjusted"].tolist()
    assert found == pytest.approx([0.022, 0.022, 0.022], rel=1e-12)
    assert adjust_p_values(family)["p_adjusted"].tolist() == pytest.approx(
        [0.03, 0.04, 0.04], rel=1e-12
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_hommel_is_never_above_holm_nor_below_the_raw(p: list[float]) -> None:
    frame = pd.DataFrame({"p_value": p})
    bonferroni, holm, hochberg, hommel, fdr = (
        adjust_p_values(frame, method=m)["p_adjusted"].to_numpy()  # type: ignore[arg-type]
        for m in ("bonferroni", "holm", "hochberg", "hommel", "benjamini-hochberg")
    )
    assert bonferroni == pytest.approx(np.minimum(len(p) * np.array(p), 1), rel=1e-12)
    assert (holm <= bonferroni + 1e-12).all()
    assert (hochberg <= holm + 1e-12).all()
    assert (hommel <= hochberg + 1e-12).all()
    assert (fdr <= hommel + 1e-12).all()
    assert (np.array(p) <= fdr + 1e-12).all()


def test_families_refuse() -> None:
    with pytest.raises(SpecError, match="outside 0 to 1"):
        adjust_p_values(pd.DataFrame({"p_value": [0.2, 1.2]}))
    with pytest.raises(UnknownNameError, match="'p_value'"):
        adjust_p_values(pd.DataFrame({"p": [0.2]}))
    with pytest.raises(SpecError, match="Did you mean 'holm'"):
        adjust_p_values(pd.DataFrame({"p_value": [0.2]}), method="hollm")  # type: ignore[arg-type]


TRIALS = pd.DataFrame(
    {"trial": ["T1", "T2", "T3"], "events": [24, 30, 12], "n": [50, 61, 30],
     "reference_events": [14, 22, 6], "reference_n": [48, 60, 31]}
)  # fmt: skip


def test_trials_that_agree_pool_in_silence() -> None:
    found = meta_analysis(TRIALS)
    assert found.warning == ""
    assert found.tidy()["row"].tolist() == ["trial"] * 3 + ["pooled", "prediction"]
    assert found.tidy()["weight"].iloc[:3].sum() == pytest.approx(1.0, rel=1e-12)
    assert "hardly known" in repr(found)
    assert "hardly known" not in repr(meta_analysis(TRIALS, method="fixed"))
    again = meta_analysis(TRIALS.iloc[::-1]).effect()
    assert again.estimate == pytest.approx(found.effect().estimate, rel=1e-9)
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)


def test_turned_trials_give_the_turned_effect() -> None:
    found = meta_analysis(TRIALS).effect()
    swapped = TRIALS.rename(
        columns={"events": "reference_events", "reference_events": "events", "n": "reference_n",
                 "reference_n": "n"}
    )  # fmt: skip
    assert meta_analysis(swapped).effect().estimate == pytest.approx(1 / found.estimate, rel=1e-9)


def test_one_heavy_trial_is_the_pooled_one() -> None:
    heavy = Effect("mean difference", "A", "B", 2.0, std_error=1e-4, trial="large")
    light = Effect("mean difference", "A", "B", 2.3, std_error=1.0, trial="small")
    found = meta_analysis([heavy, light], method="fixed").effect()
    assert found.estimate == pytest.approx(2.0, abs=1e-7)


def test_an_empty_cell_gets_a_half_and_a_note() -> None:
    holed = TRIALS.assign(reference_events=[0, 22, 6])
    with pytest.warns(EstimateWarning, match="one direction but differ in size"):
        found = meta_analysis(holed, measure="risk ratio", method="fixed")
    first = found.tidy().iloc[0]
    assert first["estimate"] == pytest.approx((24.5 / 51) / (0.5 / 49), rel=1e-12)
    assert "1/2 was added to each cell of T1." in repr(found)


def test_pool_refuses() -> None:
    one = Effect("odds ratio", "A", "B", 2.0, std_error=0.2)
    with pytest.raises(SpecError, match="at least two trials"):
        meta_analysis([one])
    with pytest.raises(SpecError, match=r"odds ratio of A v B; odds ratio of B v A.*reversed"):
        meta_analysis([one, one.reversed()])
    with pytest.raises(SpecError, match="T2: events must lie between"):
        meta_analysis(TRIALS.assign(events=[24, 70, 12]))
    with pytest.raises(UnknownNameError, match="'trial'"):
        meta_analysis(TRIALS.drop(columns="trial"))


def test_forest_of_trials() -> None:
    ax = meta_analysis(TRIALS).plot()
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == ["T1", "T2", "T3", "Pooled", "A new trial"]
    assert len(meta_analysis(TRIALS, method="fixed").plot().get_yticklabels()) == 4
    plt.close("all")
