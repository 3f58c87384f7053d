"""Estimating equations: hand-worked answers, relations, weights, and what cannot be estimated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution

import trdstats as trd
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return 80 subjects with up to four visits, a tenth of them missed, from a known model."""
    rng = np.random.default_rng(11)
    n = 80
    table = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), 4), "visit": np.tile([7, 14, 21, 28], n)}
    )
    table["treatment"] = np.where(table["subject"] % 2 == 1, "ECT", "TMS")
    table["baseline"] = np.repeat(rng.normal(34, 5, n), 4)
    u = np.repeat(rng.normal(0, 1.2, n), 4)
    chance = 1 / (1 + np.exp(1.5 - 0.06 * table["visit"] - u))
    table["y"] = (rng.random(4 * n) < chance) * 1.0
    table["count"] = rng.poisson(np.exp(0.5 + 0.3 * u))
    table["band"] = pd.cut(
        table["visit"] / 14 + u + rng.logistic(size=4 * n), [-np.inf, 0, 1.5, 3, np.inf],
        labels=["none", "mild", "moderate", "severe"],
    )  # fmt: skip
    table["actual"] = table["visit"] + rng.integers(-2, 3, 4 * n)
    return table[rng.random(4 * n) > 0.1].reset_index(drop=True)


FORMULA = "y ~ treatment * visit + baseline"


def test_two_groups_by_hand() -> None:
    """One rating a subject: 3 of 8 and 6 of 10, log odds ratio log(5/3 * 6/4).

    The sandwich of a saturated logistic model is the model's own: 1/3 + 1/5 + 1/6 + 1/4.
    """
    table = pd.DataFrame(
        {
            "subject": range(18), "visit": 28, "arm": ["A"] * 8 + ["B"] * 10,
            "y": [1] * 3 + [0] * 5 + [1] * 6 + [0] * 4,
        }
    )  # fmt: skip
    fit = trd.GEE("y ~ arm").fit(table)
    row = fit.tidy().iloc[1]
    variance = 1 / 3 + 1 / 5 + 1 / 6 + 1 / 4
    assert row["estimate"] == pytest.approx(np.log(5 / 3 * 6 / 4), rel=1e-9)
    assert row["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert row["df"] == 16
    p = 2 * t_distribution.sf(abs(row["statistic"]), 16)
    assert row["p_value"] == pytest.approx(p, rel=1e-9)
    # H_i = 1/8 and 1/10 of each residual: the corrections divide by 7/8 and 9/10, or their roots.
    md = trd.GEE("y ~ arm", vcov="mancl-derouen").fit(table).tidy()["std_error"][1]
    by_hand = (1 / 3 + 1 / 5) / (7 / 8) ** 2 + (1 / 6 + 1 / 4) / (9 / 10) ** 2
    assert md == pytest.approx(np.sqrt(by_hand), rel=1e-9)
    kc = trd.GEE("y ~ arm", vcov="kauermann-carroll").fit(table).tidy()["std_error"][1]
    by_hand = (1 / 3 + 1 / 5) / (7 / 8) + (1 / 6 + 1 / 4) / (9 / 10)
    assert kc == pytest.approx(np.sqrt(by_hand), rel=1e-9)
    risks = fit.margins("arm").tidy()
    assert risks["estimate"].to_numpy() == pytest.approx([3 / 8, 6 / 10])
    gap = fit.margins("arm").contrasts().tidy().iloc[0]
    assert gap["estimate"] == pytest.approx(6 / 10 - 3 / 8)
    assert gap["std_error"] == pytest.approx(np.sqrt(15 / 8**3 + 24 / 10**3), rel=1e-9)


@pytest.mark.parametrize("vcov", ["robust", "mancl-derouen", "kauermann-carroll", "fay-graubard"])
@pytest.mark.parametrize("corr", ["independence", "exchangeable", "ar1", "unstructured"])
def test_influences_give_the_covariance(frame: pd.DataFrame, vcov: str, corr: str) -> None:
    fit = trd.GEE(FORMULA, corr=corr, vcov=vcov).fit(frame)
    influence = fit.influence().drop(columns="subject").to_numpy()
    assert influence.T @ influence == pytest.approx(fit.estimates().covariance, rel=1e-9)
    if vcov == "robust":
        assert influence.sum(axis=0) == pytest.approx(0, abs=1e-7)


def test_visits_on_equal_days_are_visits(frame: pd.DataFrame) -> None:
    """A correlation of rho a visit is rho^(1/7) a day where visits are a week apart."""
    one = trd.GEE(FORMULA, corr="ar1").fit(frame)
    other = trd.GEE(FORMULA, corr="ar1-days").fit(frame)
    pd.testing.assert_frame_equal(one.tidy(), other.tidy(), rtol=1e-6)
    pd.testing.assert_frame_equal(one.correlation, other.correlation, rtol=1e-6)
    days = trd.GEE(FORMULA, corr="ar1-days", time="actual").fit(frame)
    rho = days._equations.fit.alpha[0]
    assert 0 < rho < 1
    assert days.tidy()["estimate"].to_numpy() != pytest.approx(other.tidy()["estimate"].to_numpy())


def test_two_visits_have_one_correlation(frame: pd.DataFrame) -> None:
    """With two visits exchangeable, AR(1) and unstructured are the same."""
    two = frame[frame["visit"].isin([7, 28])]
    tables = [
        trd.GEE(FORMULA, corr=corr).fit(two.assign(visit=two["visit"] // 21)).tidy()
        for corr in ("exchangeable", "ar1", "unstructured")
    ]
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], other, rtol=1e-6)


def test_names_and_order_play_no_part(frame: pd.DataFrame) -> None:
    one = trd.GEE(FORMULA, corr="unstructured", vcov="fay-graubard", ddf="fay-graubard").fit(frame)
    renamed = frame.sample(frac=1, random_state=1).assign(
        subject=lambda d: (1000 - d["subject"]).astype(str)
    )
    other = trd.GEE(FORMULA, corr="unstructured", vcov="fay-graubard", ddf="fay-graubard").fit(
        renamed
    )
    pd.testing.assert_frame_equal(one.tidy(), other.tidy(), rtol=1e-8)


def test_a_scaled_covariate_scales_its_effect(frame: pd.DataFrame) -> None:
    one = trd.GEE(FORMULA, ddf="satterthwaite", vcov="mancl-derouen").fit(frame)
    scaled = frame.assign(baseline=1e7 * (frame["baseline"] - 34))
    other = trd.GEE(FORMULA, ddf="satterthwaite", vcov="mancl-derouen").fit(scaled)
    a, b = one.tidy().set_index("term"), other.tidy().set_index("term")
    assert b.loc["baseline", "estimate"] * 1e7 == pytest.approx(
        a.loc["baseline", "estimate"], rel=1e-6
    )
    kept = ["treatment[T.TMS]", "visit[T.14]", "baseline"]
    for column in ("statistic", "df"):
        theirs = a.loc[kept, column].to_numpy(dtype=float)
        assert b.loc[kept, column].to_numpy() == pytest.approx(theirs, rel=1e-5)


def test_event_turned_round(frame: pd.DataFrame) -> None:
    one, other = (trd.GEE(FORMULA).fit(f) for f in (frame, frame.assign(y=1 - frame["y"])))
    assert other.tidy()["estimate"].to_numpy() == pytest.approx(
        -one.tidy()["estimate"].to_numpy(), rel=1e-6, abs=1e-8
    )


def test_means_over_the_observed_covariates(frame: pd.DataFrame) -> None:
    """g-computation is the mean of predictions; without covariates it is the observed share."""
    fit = trd.GEE("y ~ treatment * visit", corr="independence").fit(frame)
    table = fit.margins("treatment", by="visit").tidy()
    shares = frame.groupby(["visit", "treatment"])["y"].mean().to_numpy()
    assert table["estimate"].to_numpy() == pytest.approx(shares, rel=1e-8)
    fit = trd.GEE(FORMULA).fit(frame)
    beta = fit.tidy().set_index("term")["estimate"]
    base = frame.drop_duplicates("subject")["baseline"].to_numpy()
    eta = beta["Intercept"] + beta["visit[T.28]"] + beta["baseline"] * base
    own = fit.margins("treatment", by="visit").tidy()
    at = own[(own["visit"] == 28) & (own["treatment"] == "ECT")].iloc[0]
    assert at["estimate"] == pytest.approx(np.mean(1 / (1 + np.exp(-eta))), rel=1e-9)


def test_sampling_of_covariates_is_counted(frame: pd.DataFrame) -> None:
    """The error over observed covariates: gradient with the sandwich, and the spread of the risks.

    Checked by leaving one subject out at a time (the jackknife), which knows no formula.
    """
    fit = trd.GEE(FORMULA, corr="independence").fit(frame)
    means = fit.margins("treatment", by="visit")
    one = means.contrasts(reference="TMS").tidy().iloc[-1]
    left_out = [
        trd.GEE(FORMULA, corr="independence").fit(frame[frame["subject"] != s])
        .margins("treatment", by="visit").contrasts(reference="TMS").value[-1]
        for s in frame["subject"].unique()
    ]  # fmt: skip
    n = len(left_out)
    jackknife = np.sqrt((n - 1) / n * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert one["std_error"] == pytest.approx(jackknife, rel=0.05)


def test_results_of_one_study_are_judged_together(frame: pd.DataFrame) -> None:
    fit = trd.GEE(FORMULA).fit(frame)
    both = trd.joint(fit, fit, labels=["one", "other"])
    k = len(fit.estimates())
    assert both.covariance[:k, k:] == pytest.approx(fit.estimates().covariance, rel=1e-9)
    gap = both.contrast(np.concatenate([np.eye(k)[1], -np.eye(k)[1]]))
    assert gap.value[0] == pytest.approx(0)


def test_joint_tests(frame: pd.DataFrame) -> None:
    fit = trd.GEE(FORMULA, vcov="kauermann-carroll").fit(frame)
    estimates = fit.estimates()
    at = [i for i, t in enumerate(estimates.keys["term"]) if ":" in t]
    b, V = estimates.value[at], estimates.covariance[np.ix_(at, at)]
    row = fit.joint_test("treatment:visit").iloc[0]
    assert row["statistic"] == pytest.approx(b @ np.linalg.solve(V, b) / 3, rel=1e-8)
    assert (row["df_num"], row["df_den"]) == (3, 80 - 9)
    types = fit.type3().set_index("term")
    assert types.loc["treatment:visit", "p_value"] == pytest.approx(row["p_value"])
    one = fit.joint_test("baseline").iloc[0]
    table = fit.tidy().set_index("term")
    assert one["p_value"] == pytest.approx(table.loc["baseline", "p_value"])
    normal = trd.GEE(FORMULA, ddf="normal").fit(frame).joint_test("baseline").iloc[0]
    assert np.isinf(normal["df_den"])
    assert 0 < normal["p_value"] < 1


def test_working_correlations_do_not_decide_complete_data(frame: pd.DataFrame) -> None:
    """Complete visits and effects that do not change between them: all agree with the shares."""
    whole = frame.groupby("subject").filter(lambda g: len(g) == 4)
    tables = [
        trd.GEE("y ~ treatment * visit", corr=c).fit(whole).tidy()
        for c in ("independence", "exchangeable")
    ]
    assert tables[0]["estimate"].to_numpy() == pytest.approx(
        tables[1]["estimate"].to_numpy(), abs=1e-7
    )


def test_weights_of_two_are_subjects_twice(frame: pd.DataFrame) -> None:
    """Estimates with weight 2 are those of a subject given twice; errors count it once."""
    heavy = frame["subject"].unique()[:20]
    twice = pd.concat([frame, frame[frame["subject"].isin(heavy)].assign(
        subject=lambda d: d["subject"] + 1000)])  # fmt: skip
    weights = pd.Series(1.0, index=frame["subject"].unique())
    weights[heavy] = 2.0
    one = trd.GEE(FORMULA).fit(frame, weights=weights)
    other = trd.GEE(FORMULA).fit(twice)
    assert one.tidy()["estimate"].to_numpy() == pytest.approx(
        other.tidy()["estimate"].to_numpy(), rel=1e-7
    )
    assert one.correlation.iloc[0, 1] == pytest.approx(other.correlation.iloc[0, 1], rel=1e-7)
    assert (one.tidy()["std_error"] > other.tidy()["std_error"]).all()
    assert np.isnan(one.glance()["qic"][0])


def test_estimated_weights_count_in_the_errors() -> None:
    study = trd.load_sample("trial").only(["ECT", "TMS"])
    weights = trd.PropensityWeights("age + baseline", estimand="overlap").fit(study)
    rows = study.longitudinal()
    rows = rows.assign(y=2 * rows["score"] <= rows["baseline"]).dropna(subset=["score"])
    spec = trd.GEE("y ~ treatment + visit", corr="exchangeable")
    known = spec.fit(rows, weights=weights.subject_weights.frame)
    counted = spec.fit(rows, weights=weights)
    a, b = known.tidy(), counted.tidy()
    assert a["estimate"].to_numpy() == pytest.approx(b["estimate"].to_numpy())
    assert (a["std_error"] != b["std_error"]).all()
    influence = counted.influence().drop(columns="subject").to_numpy()
    assert influence.T @ influence == pytest.approx(counted.estimates().covariance)
    assert "standard errors include their estimation" in repr(counted)


def test_a_cell_without_events_is_named(frame: pd.DataFrame) -> None:
    """The other cells keep the estimates that they have without that cell."""
    cell = (frame["treatment"] == "TMS") & (frame["visit"] == 7)
    empty = frame.assign(y=frame["y"].mask(cell, 0.0))
    fit = trd.GEE("y ~ treatment * visit").fit(empty)
    table = fit.margins("treatment", by="visit").tidy()
    at = (table["treatment"] == "TMS") & (table["visit"] == 7)
    n = int(cell.sum())
    reason = f"no finite estimate: none of {n} ratings at treatment TMS and visit 7 has the event"
    assert table.loc[at, "reason"].tolist() == [reason]
    assert table.loc[at, ["estimate", "std_error"]].isna().all(axis=None)
    with pytest.warns(EstimateWarning, match="collinear"):
        without = trd.GEE("y ~ treatment * visit").fit(empty[~cell])
    other = without.margins("treatment", by="visit").tidy()
    for column in ("estimate", "std_error"):
        assert table.loc[~at, column].to_numpy(dtype=float) == pytest.approx(
            other.loc[~at, column].to_numpy(dtype=float), rel=1e-7
        )
    effects = fit.tidy()
    assert effects["estimate"].abs().max() < 5
    gaps = fit.margins("treatment", by="visit").contrasts(reference="TMS").tidy()
    assert gaps["reason"].tolist()[0] == reason
    assert "tested without what has no finite estimate" in fit.type3()["reason"][0]
    assert reason in repr(fit)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: trd.GEE("y ~ treatment").fit(f.assign(y=0)), "no event in all"),
        (lambda f: trd.GEE("y ~ treatment").fit(f.assign(y=1)), "is 1 in all"),
        (
            lambda f: trd.GEE("y ~ x").fit(f.assign(x=f["y"] * 2 + f["baseline"] / 1000)),
            r"predict every rating without error.*\(separation\)",
        ),
        (
            lambda f: trd.GEE(FORMULA).fit(f[f["subject"] < 6]),
            "estimating equations need more subjects than coefficients",
        ),
        (
            lambda f: trd.GEE("y ~ treatment * visit + baseline", link="log").fit(
                f.assign(y=f["y"].mask(f["visit"] == 28, 1.0))
            ),
            r"family='poisson', link='log'.*Zou and Donner",
        ),
        (
            lambda f: trd.GEE("c ~ treatment", family="ordinal").fit(
                f.assign(c=np.where(f["treatment"] == "TMS", 0, f["subject"] % 3))
            ),
            "All ratings at treatment TMS are 0",
        ),
        (
            lambda f: trd.GEE("z ~ baseline", family="gaussian").fit(f.assign(z=2 * f["baseline"])),
            "fits every value of 'z' exactly",
        ),
        (
            lambda _: trd.GEE("y ~ 1").fit(
                pd.DataFrame(
                    {
                        "subject": np.repeat(np.arange(30), 3), "visit": np.tile([1, 2, 3], 30),
                        "y": [0, 1, 0] * 15 + [1, 0, 0] * 15,
                    }
                )
            ),
            "no correlation matrix for 'exchangeable'.*corr='independence'",
        ),
    ],
)  # fmt: skip
def test_what_has_no_solution_is_refused(frame: pd.DataFrame, make: Any, words: str) -> None:
    with pytest.raises(NotEstimableError, match=r"(?s)" + words):
        make(frame)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"family": "ordinal", "link": "log"}, "takes link='logit'"),
        ({"family": "poisson", "link": "logit"}, "takes link='log' or 'identity'"),
        ({"vcov": "model", "ddf": "pan-wall"}, "degrees of freedom of a robust covariance"),
        ({"time": "actual"}, "time= is for corr='ar1-days'"),
        ({"corr": "toeplitz"}, "corr"),
        ({"family": "ordinal", "formula": "band ~ 0 + treatment"}, "thresholds in the place"),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        trd.GEE(**{"formula": "y ~ treatment", **options})


def test_questions_that_do_not_fit(frame: pd.DataFrame) -> None:
    fit = trd.GEE(FORMULA).fit(frame)
    with pytest.raises(SpecError, match="changes between visits of a subject"):
        fit.margins("treatment")
    with pytest.raises(SpecError, match="are at fixed covariates"):
        fit.margins("treatment", by="visit", scale="link", covariates="observed")
    with pytest.raises(SpecError, match="have no ratio"):
        fit.margins("treatment", by="visit", scale="link").contrasts(measure="ratio")
    with pytest.raises(SpecError, match="one of reference and pairwise"):
        fit.margins("treatment", by="visit").contrasts(reference="TMS", pairwise=True)
    with pytest.raises(SpecError, match="A test needs 9 coefficients"):
        fit.joint_test(np.ones((1, 3)))
    gaussian = trd.GEE("baseline ~ visit", family="gaussian", corr="independence").fit(frame)
    with pytest.raises(SpecError, match="scale of a logit or log link"):
        gaussian.ratios()
    with pytest.raises(SpecError, match="Two ratings of one day"):
        trd.GEE(FORMULA, corr="ar1-days", time="actual").fit(frame.assign(actual=3))


def test_collinear_columns_are_named(frame: pd.DataFrame) -> None:
    with pytest.warns(EstimateWarning, match="collinear .* left out: twice"):
        fit = trd.GEE("y ~ treatment + baseline + twice").fit(
            frame.assign(twice=2 * frame["baseline"])
        )
    table = fit.tidy().set_index("term")
    assert table.loc[["baseline", "twice"], "estimate"].isna().all()
    assert "collinear" in table.loc["baseline", "reason"]
    assert np.isfinite(table.loc["treatment[T.TMS]", "estimate"])


def test_ratios_and_their_limits(frame: pd.DataFrame) -> None:
    fit = trd.GEE(FORMULA).fit(frame)
    table, ratios = fit.tidy().iloc[1:], fit.ratios().tidy()
    for column in ("estimate", "conf_low", "conf_high"):
        assert ratios[column].to_numpy() == pytest.approx(np.exp(table[column].to_numpy()))
    assert ratios["p_value"].to_numpy() == pytest.approx(table["p_value"].to_numpy())


def test_counts_and_measurements(frame: pd.DataFrame) -> None:
    """A saturated model of counts has the means of its cells, whatever the family."""
    shares = frame.groupby(["visit", "treatment"])["count"].mean().to_numpy()
    for family in ("poisson", "gaussian"):
        fit = trd.GEE("count ~ treatment * visit", family=family, corr="independence").fit(frame)
        means = fit.margins("treatment", by="visit").tidy()["estimate"].to_numpy()
        assert means == pytest.approx(shares, rel=1e-7)


def test_definition_of_a_study_is_the_outcome() -> None:
    study = trd.load_sample("trial")
    spec = trd.GEE("response ~ treatment * visit + baseline")
    fit = spec.fit(study, outcome=trd.Response(), days=[7, 14, 28])
    rows = study.longitudinal(days=[7, 14, 28]).dropna(subset=["score", "baseline"])
    rows = rows.assign(response=2 * rows["score"] <= rows["baseline"])
    pd.testing.assert_frame_equal(fit.tidy(), spec.fit(rows).tidy())
    assert "Outcome" in repr(fit)


def test_outcomes_far_from_0_keep_their_digits(frame: pd.DataFrame) -> None:
    spec = trd.GEE("score ~ treatment * visit", family="gaussian")
    one = spec.fit(frame.assign(score=frame["baseline"] + frame["count"])).tidy()
    far = spec.fit(frame.assign(score=frame["baseline"] + frame["count"] + 1e8)).tidy()
    assert far["estimate"][0] - 1e8 == pytest.approx(one["estimate"][0], abs=1e-5)
    for column in ("estimate", "std_error"):
        assert far[column].to_numpy()[1:] == pytest.approx(one[column].to_numpy()[1:], abs=1e-5)


def test_what_one_subject_determines_has_no_error(frame: pd.DataFrame) -> None:
    first = frame["subject"] == 0
    lone = frame.assign(
        arm=np.where(first, "only", "rest"), y=frame["y"].mask(first, (frame["visit"] > 14) * 1.0)
    )
    fit = trd.GEE("y ~ arm").fit(lone)
    table = fit.tidy()
    assert table["std_error"].isna().all()
    assert table["reason"].str.contains("one subject alone determines it").all()
    means = fit.margins("arm").tidy()
    assert means["std_error"].isna().tolist() == [True, False]


def test_words_for_a_study_without_the_outcome() -> None:
    study = trd.load_sample("trial")
    with pytest.raises(SpecError, match=r"state of a definition.*outcome=trd.Response\(\)"):
        trd.GEE("response ~ treatment").fit(study)
    negative = study.longitudinal().assign(z=lambda d: -d["baseline"])
    with pytest.raises(NotEstimableError, match="a log link needs positive means"):
        trd.GEE("z ~ treatment", family="gaussian", link="log").fit(negative)


def test_a_subject_weight_of_0_leaves_out(frame: pd.DataFrame) -> None:
    weights = pd.Series(1.0, index=frame["subject"].unique())
    weights[:10] = 0.0
    one = trd.GEE(FORMULA).fit(frame, weights=weights)
    other = trd.GEE(FORMULA).fit(frame[frame["subject"] >= 10])
    assert one.design.left_out == {"weight 0": int((frame["subject"] < 10).sum())}
    pd.testing.assert_frame_equal(one.tidy(), other.tidy(), rtol=1e-7)


def test_figures_of_the_summary(frame: pd.DataFrame) -> None:
    text = repr(trd.GEE(FORMULA, corr="ar1-days", vcov="fay-graubard").fit(frame))
    for words in ("AR(1) on actual days", "a day)", "Fay and Graubard", "QIC", "Subjects"):
        assert words in text
    assert "Formula" in repr(trd.GEE(FORMULA))


def test_figure_of_the_means(frame: pd.DataFrame) -> None:
    fit = trd.GEE(FORMULA).fit(frame)
    axes = fit.margins("treatment", by="visit").plot()
    assert axes.get_ylabel() == "Probability of y"
    assert fit.margins("treatment", at={"visit": 28}).plot() is not None
    ordinal = trd.GEE("band ~ treatment + visit", family="ordinal").fit(frame)
    with pytest.raises(SpecError, match="one mean a treatment and visit"):
        ordinal.margins("treatment", by="visit").plot()


def test_score_tests_do_not_know_estimated_weights(frame: pd.DataFrame) -> None:
    left = frame["y"].mask((frame["subject"] % 5 == 0) & (frame["visit"] > 14))
    left = left.mask((frame["subject"] % 7 == 1) & (frame["visit"] > 21))
    some = frame.assign(y=left)
    weights = trd.DropoutWeights("baseline", score="y").fit(some)
    fit = trd.GEE(FORMULA, corr="independence").fit(some, weights=weights)
    with pytest.raises(SpecError, match="takes weights as known"):
        fit.joint_test("baseline", method="score")


def test_days_of_visits_that_name_none(frame: pd.DataFrame) -> None:
    named = frame.assign(visit="month " + (frame["visit"] // 7).astype(str))
    with pytest.raises(SpecError, match=r"needs days, and the visits month 1.* name none"):
        trd.GEE("y ~ treatment", corr="ar1-days").fit(named)
    trd.GEE("y ~ treatment", corr="ar1-days", time="actual").fit(named)
