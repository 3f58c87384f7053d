"""Means and differences that the data do not identify are refused, with the cell named."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats import (
    LMM,
    MAR,
    MMRM,
    ConditionalMean,
    Imputation,
    JumpToReference,
    load_sample,
)
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    SpecError,
    UnknownNameError,
)
from trdstats.longitudinal import MMRMResult

NUMBERS = ["estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def simulated(n: int = 60, seed: int = 4) -> pd.DataFrame:
    """Return three visits of subjects of three arms at sites that each know two arms."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), 3)
    frame = pd.DataFrame({"subject": subject, "visit": np.tile([7, 14, 28], n)})
    own = rng.normal(size=n)[subject]
    return frame.assign(
        arm=np.array(["A", "B", "C"])[subject % 3],
        base=rng.normal(25, 4, n)[subject],
        y=own + rng.normal(size=3 * n) + 0.5 * (subject % 3) + 0.1 * frame["visit"],
    )


def fitted(formula: str, frame: Any, **options: Any) -> MMRMResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        return MMRM(formula, **options).fit(frame)


@pytest.fixture(scope="module")
def cohorts() -> MMRMResult:
    """Nobody under TMS was rated at days 1 and 3."""
    study = load_sample("modalities").only(["TMS", "IV ketamine"])
    frame = study.longitudinal(days=[1, 3, 7, 14, 28])
    return fitted("change ~ baseline + treatment * visit", frame, covariance="cs")


def test_days_on_which_an_arm_was_not_rated(cohorts: MMRMResult) -> None:
    contrasts = cohorts.margins("treatment", by="visit").contrasts(reference="TMS")
    found = contrasts.tidy().set_index("visit")
    assert found.loc[[1, 3], NUMBERS].isna().all(axis=None)
    assert found.loc[1, "reason"] == "no subject with treatment TMS was assessed at visit 1"
    assert found.loc[28, ["estimate", "std_error"]].tolist() == pytest.approx(
        [-2.588, 1.082], abs=5e-4
    )
    assert (found.loc[[7, 14, 28], "reason"] == "").all()
    sizes = contrasts.effect_sizes().set_index("visit")
    assert sizes["estimate"].isna().tolist() == [True, True, False, False, False]
    for shown in (repr(contrasts), contrasts._repr_html_()):
        assert "no subject with treatment TMS was assessed at visit 3" in shown
    means = cohorts.margins("treatment", by="visit").tidy().set_index(["visit", "treatment"])
    assert np.isnan(means.loc[(1.0, "TMS"), "estimate"])
    assert np.isfinite(means.loc[(1.0, "IV ketamine"), "estimate"])


def test_means_and_joint_tests_of_emmeans(cohorts: MMRMResult) -> None:
    """R 4.2.2, lme4 1.1.31, emmeans 1.8.4.1.

    m <- lmer(change ~ baseline + treatment * visit + (1 | subject));
    emmeans(m, ~ treatment | visit, lmer.df = "asymptotic"), contrast(., "revpairwise"),
    joint_tests(m, lmer.df = "asymptotic").
    TMS at visits 1 and 3 is nonEst there; treatment has no row, visit and treatment:visit have
    df1 2, "reduced due to non-estimability". Printed to 6 and 3 decimals.
    """
    means = cohorts.margins("treatment", by="visit").tidy().set_index("treatment")["estimate"]
    ketamine = [-14.680125, -15.102153, -15.632533, -15.784246, -14.272242]
    assert means.loc["IV ketamine"].tolist() == pytest.approx(ketamine, abs=2e-6)
    assert means.loc["TMS"].tolist() == pytest.approx(
        [np.nan, np.nan, -5.920974, -8.372109, -11.684001], abs=2e-6, nan_ok=True
    )
    plain = fitted(
        "change ~ baseline + treatment * visit", cohorts.design.frame, covariance="cs",
        ddf="residual",
    )  # fmt: skip
    gaps = plain.margins("treatment", by="visit").contrasts(pairwise=True).tidy()
    assert gaps["std_error"].tolist()[2:] == pytest.approx(
        [1.0771049, 1.0779637, 1.0822681], abs=2e-6
    )
    found = plain.type3().set_index("term")
    assert found["df_num"].tolist() == [1, 0, 2, 2]
    assert found["statistic"].tolist() == pytest.approx(
        [5.240, np.nan, 38.124, 101.673], abs=5e-4, nan_ok=True
    )


def test_areas_averages_and_predictions_of_such_days(cohorts: MMRMResult) -> None:
    margins = cohorts.margins("treatment", by="visit")
    area = margins.area(1, 28).tidy().set_index("treatment")
    assert np.isnan(area.loc["TMS", "estimate"])
    assert "TMS was assessed at visit 1" in area.loc["TMS", "reason"]
    assert np.isfinite(margins.area(7, 28).contrasts().tidy()["estimate"]).all()
    assert margins.average().contrasts().tidy()["estimate"].isna().all()
    used = margins.average([0, 0, 1, 1, 1]).contrasts().tidy()
    by_day = margins.contrasts().tidy()["estimate"]
    assert used["estimate"].tolist() == pytest.approx([by_day[2:].mean()])
    assert cohorts.margins("treatment").tidy()["estimate"].isna().tolist() == [False, True]
    rows = pd.DataFrame({"baseline": 33.0, "treatment": ["TMS", "TMS"], "visit": [1.0, 7.0]})
    predicted = cohorts.predict(rows)
    assert predicted["estimate"].isna().tolist() == [True, False]
    assert predicted["reason"][0] == "no subject with treatment TMS was assessed at visit 1"
    missing = cohorts.predict_missing()
    arms = cohorts.design.frame.drop_duplicates("subject").set_index("subject")["treatment"]
    tms = (missing["subject"].map(arms) == "TMS").to_numpy()
    unknown = tms & missing["visit"].isin([1, 3]).to_numpy()
    assert unknown.any()
    assert missing["estimate"].isna().tolist() == unknown.tolist()
    assert missing["std_error"].isna().tolist() == unknown.tolist()
    assert missing.loc[unknown, "reason"].str.contains("no subject with treatment TMS").all()


def test_joint_tests_keep_to_what_is_estimable(cohorts: MMRMResult) -> None:
    found = cohorts.type3().set_index("term")
    assert np.isnan(found.loc["treatment", "p_value"])
    assert "TMS was assessed at visit 1" in found.loc["treatment", "reason"]
    assert found.loc["treatment:visit", "df_num"] == 2
    assert "2 of 4 contrasts are not estimable" in found.loc["treatment:visit", "reason"]
    # The difference is the same at days 7, 14 and 28.
    L = cohorts.margins("treatment", by="visit").contrasts().L
    by_hand = cohorts.joint_test(L[3:] - L[2]).iloc[0]
    assert np.isnan(cohorts.joint_test(L)["statistic"].iloc[0])
    assert cohorts.contrast(L).tidy()["estimate"].isna().tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]
    for row in (found.loc["treatment:visit"], cohorts.joint_test("treatment:visit").iloc[0]):
        assert row["statistic"] == pytest.approx(by_hand["statistic"])
        assert row["df_den"] == pytest.approx(by_hand["df_den"])
    assert np.isnan(cohorts.joint_test("treatment")["p_value"].iloc[0])


def test_figures_leave_empty_what_is_not_estimable(cohorts: MMRMResult) -> None:
    margins = cohorts.margins("treatment", by="visit")
    drawn = margins.plot()
    heights = [y for line in drawn.get_lines() for y in np.asarray(line.get_ydata(), dtype=float)]
    shown = margins.tidy()["estimate"].dropna()
    assert set(np.round(shown, 6)) <= set(np.round(heights, 6))
    assert margins.contrasts().plot() is not None
    assert cohorts.margins("treatment").plot() is not None


def test_coefficients_that_depend_on_what_was_left_out_are_named(cohorts: MMRMResult) -> None:
    text = repr(cohorts)
    assert (
        "Not interpretable alone, they depend on which columns were left out: treatment[T.TMS]"
        in text
    )


def test_sites_that_treat_in_one_way_only() -> None:
    frame = simulated().assign(site=lambda d: np.where(d["arm"] == "A", "north", "south"))
    first = fitted("y ~ base + arm * visit + site", frame)
    second = fitted("y ~ site + base + visit * arm", frame)
    assert first.loglik == pytest.approx(second.loglik)
    for fit in (first, second):
        gaps = fit.margins("arm", by="visit").contrasts(pairwise=True).tidy()
        against = gaps["reference"] == "A"
        assert gaps.loc[against, NUMBERS].isna().all(axis=None)
        assert gaps.loc[~against, "estimate"].notna().all()
        assert gaps["reason"][0] in (
            "arm and site are collinear (aliased)",
            "site and arm are collinear (aliased)",
        )
    for name in ("arm", "site", "arm:visit", "visit"):
        one, other = (f.joint_test(name).iloc[0] for f in (first, second))
        assert one["df_num"] == other["df_num"]
        assert one["statistic"] == pytest.approx(other["statistic"], nan_ok=True)
    one, other = (f.type3().set_index("term") for f in (first, second))
    assert one.loc["arm", "statistic"] == pytest.approx(other.loc["arm", "statistic"])
    assert one.loc["arm", "df_num"] == 1  # B against C; A is tied to its site
    assert np.isnan(one.loc["site", "p_value"])
    assert np.isnan(other.loc["site", "p_value"])


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_terms_has_no_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = simulated(n=45, seed=seed)
    frame["site"] = np.array(list("uvw"))[rng.integers(0, 3, 45)][frame["subject"]]
    frame = frame[~((frame["arm"] == "C") & (frame["visit"] == 14))]
    frame = frame[~((frame["arm"] == "B") & (frame["site"] == "u"))]
    terms = ["base", "arm * visit", "arm * site"]
    fits = [
        fitted("y ~ " + " + ".join(order), frame, covariance="cs", ddf="satterthwaite")
        for order in (terms, terms[::-1], [terms[2], terms[0], "visit * arm"])
    ]
    tables = []
    for fit in fits:
        margins = fit.margins("arm", by="visit")
        tables += [
            pd.concat([margins.tidy(), margins.contrasts(pairwise=True).tidy(),
                       fit.margins("arm", by="site").tidy()])[NUMBERS].to_numpy()
        ]  # fmt: skip
    assert 0 < np.isnan(tables[0]).any(axis=1).mean() < 1
    for other in tables[1:]:
        np.testing.assert_allclose(other, tables[0], rtol=1e-5, atol=1e-7)
    first = fits[0].type3().set_index("term")
    for fit in fits[1:]:
        for term, row in fit.type3().set_index("term").iterrows():
            name = term if term in first.index else ":".join(reversed(str(term).split(":")))
            assert row["df_num"] == first.loc[name, "df_num"]
            assert row["statistic"] == pytest.approx(
                first.loc[name, "statistic"], rel=1e-5, nan_ok=True
            )


@pytest.mark.parametrize("adjust", ["holm", "bonferroni", "tukey", "dunnett", "mvt"])
def test_adjustment_counts_what_is_estimable(adjust: Any) -> None:
    """At a visit without arm C the family is the one pair, and needs no adjustment."""
    frame = simulated()
    frame = frame[~((frame["arm"] == "C") & (frame["visit"] == 14))]
    margins = fitted("y ~ arm * visit", frame).margins("arm", by="visit")
    pairs = adjust not in ("dunnett",)
    found = margins.contrasts(pairwise=pairs, adjust=adjust)
    plain = margins.contrasts(pairwise=pairs).tidy()
    table, at = found.tidy(), plain["visit"] == 14
    assert table.loc[at, "p_value"].isna().sum() == (2 if pairs else 1)
    alone = at & plain["p_value"].notna()
    for column in ("p_value", "conf_low", "conf_high"):
        assert table.loc[alone, column].tolist() == plain.loc[alone, column].tolist()
    assert (table.loc[~at, "p_value"] >= plain.loc[~at, "p_value"]).all()
    total = 3 if pairs else 2
    assert f"Adjusted for the differences that have a test: 1 at visit 14 of {total}." in repr(
        found
    )


def with_baseline(seed: int = 8) -> pd.DataFrame:
    frame = simulated(seed=seed).rename(columns={"arm": "treatment"})
    start = frame.drop_duplicates("subject").assign(visit=0, y=lambda d: d["base"] / 4)
    return pd.concat([start, frame], ignore_index=True)


def test_a_constrained_analysis_reads_as_effects_at_visits() -> None:
    fit = MMRM("y ~ visit * treatment", constrained=True).fit(with_baseline())
    assert fit.aliased == ()
    assert "one mean at the first visit: treatment[T.B], treatment[T.C]." in repr(fit)
    margins = fit.margins("treatment", by="visit")
    gaps = margins.contrasts().tidy().query("visit > 0 and treatment == 'B'")
    names = [f"visit[T.{day}]:treatment[T.B]" for day in (7, 14, 28)]
    tidy = fit.tidy().set_index("term").loc[names]
    assert tidy["estimate"].tolist() == pytest.approx(gaps["estimate"].tolist())
    assert tidy["p_value"].tolist() == pytest.approx(gaps["p_value"].tolist())
    # The test of the treatment is that of its mean effect, that of the interaction of any effect.
    found = fit.type3().set_index("term")
    mean = fit.joint_test(margins.average([0, 1, 1, 1]).contrasts().L).iloc[0]
    assert found.loc["treatment", "statistic"] == pytest.approx(mean["statistic"])
    assert found.loc["treatment", "df_num"] == 2
    every = fit.joint_test("visit:treatment").iloc[0]
    assert found.loc["visit:treatment", "statistic"] == pytest.approx(every["statistic"])
    assert every["df_num"] == 6
    assert (found["reason"] == "").all()


def test_a_constrained_analysis_says_what_else_is_collinear() -> None:
    frame = with_baseline()
    frame = frame[~((frame["treatment"] == "C") & (frame["visit"] == 14))]
    with pytest.warns(EstimateWarning, match=r"1 of 12 .*visit\[T.14\]:treatment\[T.C\]"):
        fit = MMRM("y ~ visit * treatment", constrained=True, covariance="cs").fit(frame)
    gaps = fit.margins("treatment", by="visit").contrasts().tidy()
    lacking = gaps["reason"].str.contains("treatment C was assessed at visit 14")
    assert gaps.loc[lacking, "visit"].tolist() == [14]
    assert gaps.loc[lacking, NUMBERS].isna().all(axis=None)
    assert gaps.loc[gaps["visit"] == 0, "estimate"].tolist() == [0, 0]


@pytest.mark.parametrize("adjust", ["holm", "dunnett", "mvt"])
@pytest.mark.parametrize("vcov", ["model", "jackknife"])
def test_the_constrained_visit_has_no_test(adjust: Any, vcov: Any) -> None:
    ddf = "kenward-roger" if vcov == "model" else "satterthwaite"
    model = MMRM("y ~ visit * treatment", constrained=True, vcov=vcov, ddf=ddf)
    gaps = model.fit(with_baseline()).margins("treatment", by="visit").contrasts(adjust=adjust)
    first = gaps.tidy().query("visit == 0")
    assert first[["estimate", "std_error"]].to_numpy().tolist() == [[0, 0], [0, 0]]
    assert first[["df", "statistic", "p_value"]].isna().all(axis=None)
    assert first["reason"].tolist() == ["it is 0 by the model"] * 2
    assert "0.00 (–)" in repr(gaps)


def test_type_3_without_categories_tests_slopes() -> None:
    frame = simulated().assign(week=lambda d: d["visit"] / 7)
    fit = LMM("y ~ base + week").fit(frame)
    found = fit.type3().set_index("term")
    rows = fit.tidy().set_index("term")
    assert found.index.tolist() == ["base", "week"]
    for term in found.index:
        assert found.loc[term, "statistic"] == pytest.approx(rows.loc[term, "statistic"] ** 2)
        assert found.loc[term, "p_value"] == pytest.approx(rows.loc[term, "p_value"])
    with pytest.raises(SpecError, match="no term to test"):
        LMM("y ~ 1").fit(frame).type3()


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "residual"])
def test_joint_tests_do_not_depend_on_units(ddf: Any) -> None:
    """Days cubed over a year have variances 1e13 apart."""
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(40), 7)
    day = np.concatenate([np.sort(rng.choice(365, 7, replace=False)) for _ in range(40)]) + 1.0
    y = 20 + rng.normal(0, 3, 40)[subject] - 0.01 * day + 3e-5 * day**2 + rng.normal(0, 3, 280)
    tests = []
    for unit in (1.0, 365.0):
        t = day / unit
        frame = pd.DataFrame({"subject": subject, "y": y, "t": t, "t2": t**2, "t3": t**3})
        tests.append(LMM("y ~ t + t2 + t3", ddf=ddf).fit(frame).joint_test(["t", "t2", "t3"]))
    assert [t["df_num"].tolist() for t in tests] == [[3], [3]]
    assert tests[0]["statistic"].tolist() == pytest.approx(tests[1]["statistic"].tolist(), rel=1e-7)
    # Fai and Cornelius' eigenvectors depend on the units a little.
    assert tests[0]["p_value"].tolist() == pytest.approx(tests[1]["p_value"].tolist(), rel=1e-3)


@pytest.mark.parametrize("vcov", ["empirical", "bias-reduced", "jackknife"])
@pytest.mark.parametrize("ddf", ["satterthwaite", "between-within", "residual"])
def test_an_arm_of_one_subject_has_no_empirical_error(vcov: Any, ddf: Any) -> None:
    frame = simulated().assign(arm=lambda d: np.where(d["subject"] == 0, "D", d["arm"]))
    fit = MMRM("y ~ arm * visit", vcov=vcov, ddf=ddf).fit(frame)
    contrasts = fit.margins("arm", by="visit").contrasts(reference="A")
    gaps = contrasts.tidy()
    alone = gaps["arm"] == "D"
    assert gaps.loc[alone, ["std_error", "df", "p_value", "conf_low"]].isna().all(axis=None)
    assert gaps["estimate"].notna().all()
    assert gaps.loc[~alone, NUMBERS].notna().all(axis=None)
    assert gaps.loc[alone, "reason"].str.startswith("one subject alone determines it").all()
    assert "one subject alone determines it" in repr(contrasts)
    assert np.isnan(fit.joint_test("arm:visit")["p_value"].iloc[0])


def test_an_imputation_does_not_guess_what_is_not_estimable() -> None:
    """South has arm A only: what a subject of south would score under B is not known."""
    frame = simulated().assign(site=lambda d: np.where(d["arm"] == "A", "south", "north"))
    frame.loc[(frame["subject"] % 4 == 0) & (frame["visit"] == 28), "y"] = np.nan
    spec = Imputation("y ~ site + arm * visit", method=ConditionalMean())
    gone = frame[frame["y"].isna()]
    events = pd.DataFrame({"subject": gone["subject"], "day": 15, "event": "dropout"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        drawn = spec.draw(frame, events, treatment="arm")
        assert np.isfinite(drawn.impute(MAR()).frame(0)["y"]).all()
        with pytest.raises(NotEstimableError, match="at visit 28 is not estimable"):
            drawn.impute(JumpToReference("B"))


def test_kenward_roger_is_refused_under_ml() -> None:
    with pytest.raises(SpecError, match="REML only"):
        MMRM("y ~ arm", reml=False)
    with pytest.raises(SpecError, match="give ddf='satterthwaite'"):
        LMM("y ~ arm", ddf="kenward-roger", reml=False)


def test_a_variance_at_zero_is_no_proof_of_zero() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(40, 3))
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(40), 3),
         "y": (noise - 1.2 * noise.mean(axis=1, keepdims=True)).ravel()}
    )  # fmt: skip
    with pytest.warns(EstimateWarning, match="zero") as caught:
        LMM("y ~ 1").fit(frame)
    assert "does not show that it is zero" in str(caught[0].message)
    assert "MMRM(covariance='cs')" in str(caught[0].message)


def test_a_group_of_one_subject_has_no_covariance() -> None:
    frame = simulated().assign(arm=lambda d: np.where(d["subject"] == 0, "D", d["arm"]))
    with pytest.raises(NotEstimableError, match="D has at most one subject"):
        MMRM("y ~ arm * visit", group="arm", covariance="cs").fit(frame)


@pytest.mark.parametrize("what", ["y", "base"])
@pytest.mark.parametrize("model", [MMRM, LMM])
def test_infinite_numbers_are_refused(model: Any, what: str) -> None:
    frame = simulated()
    frame.loc[5, what] = np.inf
    with pytest.raises(DataError, match=f"column '{what}' is infinite"):
        model("y ~ base + arm").fit(frame)


def test_misuses_are_told() -> None:
    fit = MMRM("y ~ arm * visit").fit(simulated())
    margins = fit.margins("arm", by="visit")
    with pytest.raises(SpecError, match="weights of 0 or more"):
        margins.average([1, -1, 0])
    with pytest.raises(SpecError, match="means by visit"):
        fit.margins("visit", by="arm").contrasts().effect_sizes()
    with pytest.raises(SpecError, match="cannot show 'arm' by 'arm'"):
        fit.margins("arm", by="arm")
    with pytest.raises(SpecError, match="There is no comparison"):
        fit.margins("visit", at={"visit": 7}).contrasts()
    with pytest.raises(SpecError, match=r"'\|' has no meaning here"):
        MMRM("y ~ arm | visit")
    with pytest.raises(SpecError, match="names no random effect"):
        LMM("y ~ arm", random="0")
    names = {7: "first", 14: "second", 28: "third", 21: "middle"}
    text = simulated().assign(
        visit=lambda d: pd.Categorical(d["visit"].map(names), categories=names.values())
    )
    by_week = MMRM("y ~ arm * visit").fit(text).margins("arm", by="visit")
    with pytest.raises(SpecError, match=r"area\(\) needs days"):
        by_week.area(7, 28)
    assert len(by_week.plot().get_yticklabels()) >= 9


@pytest.mark.parametrize("name", ["level", "n", "contrast", "reference", "estimate"])
def test_names_of_columns_of_the_result(name: str) -> None:
    fit = MMRM(f"y ~ {name} * visit").fit(simulated().rename(columns={"arm": name}))
    if name in ("level", "n"):
        gaps = fit.margins(name, by="visit").contrasts().tidy()
        assert gaps[name].tolist() == ["B", "C"] * 3
        assert fit.margins("visit", by=name).contrasts().tidy()[name].nunique() == 3
        assert fit.margins("visit", weights="proportional").plot() is not None
    else:
        with pytest.raises(SpecError, match="has the name of a column of the result"):
            fit.margins(name, by="visit").contrasts()


@pytest.mark.parametrize(
    ("levels", "reference", "name"),
    [
        ([5, 7, 12], 7, "7"), ([5.0, 7.0, 12.0], 7, "7"), ([5.0, 7.5, 12.0], 7.5, "7.5"),
        ([5, 7, 12], "7", "7"), ([False, True], True, "True"), ([False, True], "True", "True"),
        ([False, True], np.bool_(True), "True"),
    ],
)  # fmt: skip
def test_levels_that_are_no_text(levels: list[Any], reference: Any, name: str) -> None:
    frame = simulated()
    arm = pd.Categorical([levels[k % len(levels)] for k in frame["subject"]], categories=levels)
    fit = MMRM("y ~ arm * visit").fit(frame.assign(arm=arm))
    margins = fit.margins("arm", by="visit")
    gaps = margins.contrasts(reference=reference).tidy()
    assert set(gaps["reference"]) == {name}
    means = margins.tidy().set_index(["visit", "arm"])["estimate"]
    first = means[7].to_numpy()
    assert gaps["estimate"][0] == pytest.approx(first[0] - first[1])
    for weights in ("equal", "proportional"):
        at = fit.margins("visit", at={"arm": reference}, weights=weights).tidy()
        assert at["estimate"].tolist() == pytest.approx(
            [means.loc[day].to_numpy()[1] for day in (7, 14, 28)]
        )
    assert margins.plot() is not None
    assert margins.contrasts(reference=reference).plot() is not None


def test_a_level_that_is_not_there_is_not_offered_itself() -> None:
    frame = simulated().assign(arm=lambda d: pd.Categorical(d["subject"] % 3 * 5.0))
    with pytest.raises(UnknownNameError, match=r"Unknown level '8'. Known: '0', '5', '10'"):
        MMRM("y ~ arm * visit").fit(frame).margins("arm").contrasts(reference=8)
