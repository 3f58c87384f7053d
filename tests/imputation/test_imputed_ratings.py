"""Binary and ordinal outcomes imputed by a generalised linear mixed model."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, roots_hermitenorm

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.imputation import ImputedRatings, LastMeanCarriedForward
from trdstats.testing import check_result

DAYS = [14, 21, 28]
MODEL = trd.GLMM("response ~ treatment + visit + baseline")


def simulated(n: int = 200, *, seed: int = 4, bands: int = 1) -> pd.DataFrame:
    """Two arms, three visits; after a visit without the outcome many leave."""
    rng = np.random.default_rng(seed)
    arm, b = np.arange(n) % 2, 1.5 * rng.standard_normal(n)
    eta = -0.4 + 0.8 * arm[:, None] + np.array([0.0, 0.3, 0.6]) + b[:, None]
    thresholds = np.linspace(0, 1.5, bands)
    y = (rng.random((n, 3, 1)) < expit(eta[:, :, None] - thresholds)).sum(axis=2).astype(float)
    left = np.cumsum((y[:, :-1] == 0) & (rng.random((n, 2)) < 0.4), axis=1) > 0
    y[:, 1:][left] = np.nan
    return pd.DataFrame(
        {"subject": np.repeat(np.arange(n), 3), "treatment": np.repeat(np.where(arm, "K", "P"), 3),
         "visit": np.tile([7, 14, 28], n), "response": y.ravel()}
    )  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulated()


@pytest.fixture(scope="module")
def draws(frame: pd.DataFrame) -> Any:
    events = trd.dropout_events(frame, outcome="response")
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=60, seed=2)
    return spec.draw(frame, events)


def predictors(imputed: ImputedRatings) -> Any:
    """Return the linear predictors of the missing ratings, one row a draw."""
    return imputed.values  # noqa: PD011


def test_observed_ratings_stay_and_missing_ones_become_categories(draws: Any) -> None:
    completed = draws.impute("MAR")
    assert isinstance(completed, ImputedRatings)
    y = completed.outcomes()
    seen = ~np.isnan(draws.layout.y)
    assert (y[:, seen] == draws.layout.y[seen]).all()
    assert set(np.unique(y)) == {0.0, 1.0}
    frame = completed.frame(3)
    assert frame["imputed"].sum() == (~seen).sum()
    assert frame["response"].notna().all()


def test_probabilities_are_those_of_the_model_given_the_ratings(frame: pd.DataFrame) -> None:
    """A subject without the outcome at day 7, then lost: E[p2(v) | y1 = 0] by quadrature.

    At the estimates of a fit to 6,000 subjects, whose draws hardly differ from them. Several
    hundred subjects of each arm leave: the Monte Carlo error of 400 sets is below 0.004.
    """
    large = simulated(6_000, seed=9)
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=400, seed=7)
    draws = spec.draw(large)
    table = draws.impute().tidy()
    fit = draws.fitted.result
    theta = fit.parameters.theta
    x, w = roots_hermitenorm(60)
    first = large[large["visit"] == 7].set_index("subject")
    for of_arm in ("P", "K"):
        beta = dict(zip(fit.design.terms, theta, strict=False))
        base = beta["Intercept"]
        if f"treatment[T.{of_arm}]" in beta:
            base += beta[f"treatment[T.{of_arm}]"]
        later = base + next(v for k, v in beta.items() if k.startswith("visit") and "14" in k)
        weight = w * (1 - expit(base + theta[-1] * x))
        expected = (weight * expit(later + theta[-1] * x)).sum() / weight.sum()
        rows = table[(table["treatment"] == of_arm) & (table["visit"] == 14)]
        zero = first.loc[rows["subject"], "response"].to_numpy() == 0
        assert zero.all()  # only subjects without the outcome leave
        assert rows["proportion"].mean() == pytest.approx(expected, abs=0.012)


def test_the_pooled_rate_is_that_of_the_likelihood() -> None:
    """Under missing at random both are consistent: they agree within a third of an error."""
    large = simulated(2_000, seed=12)
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment * visit"), n=100, seed=3)
    draws = spec.draw(large)
    pooled = draws.impute().analyse(trd.VisitRates(visits=[28])).pool().tidy()
    fit = trd.GLMM("response ~ treatment * visit").fit(large)
    margins = fit.margins("treatment", by="visit").tidy()
    at_end = margins[margins["visit"] == 28].set_index("treatment")["estimate"]
    rates = pooled[pooled["measure"] == "rate"].set_index("treatment")["estimate"]
    observed = large[large["visit"] == 28].groupby("treatment")["response"].mean()
    for arm in ("K", "P"):
        error = np.sqrt(rates[arm] * (1 - rates[arm]) / 1_000)
        assert rates[arm] == pytest.approx(at_end[arm], abs=error / 2)
        assert observed[arm] - rates[arm] > 3 * error  # those who stay respond more often


def test_strategies_move_the_linear_predictor_as_their_means_say(draws: Any) -> None:
    """The effect of a subject is its own; jump to reference changes only the fixed part.

    K differs from P by one coefficient at all visits: what jumps loses just that.
    """
    at_random, jump = draws.impute("MAR"), draws.impute("JR", reference="P")
    who, when = at_random.cells
    layout = draws.layout
    treated = layout.arm[who] == layout.treatments.index("K")
    after = when >= layout.event[who]
    shift = predictors(jump) - predictors(at_random)
    terms = draws.fitted.result.design.terms
    place = next(j for j, t in enumerate(terms) if t.startswith("treatment"))
    effect = draws.theta[:, place]  # of P against K, or of K against P
    sign = -1.0 if terms[place].endswith("[T.K]") else 1.0
    assert shift[:, treated & after] == pytest.approx(
        np.tile((sign * effect)[:, None], (1, int((treated & after).sum()))), abs=1e-12
    )
    assert np.abs(shift[:, ~(treated & after)]).max() == 0
    assert (jump.chance == at_random.chance).all()


def test_last_mean_carried_forward_and_copy_increments(draws: Any) -> None:
    """Last mean: the fixed part of the visit before the event; increments are equal here."""
    at_random = draws.impute("MAR")
    carried = draws.impute(LastMeanCarriedForward())
    increments = draws.impute("CIR", reference="P")
    assert predictors(increments) == pytest.approx(predictors(at_random), abs=1e-12)
    who, when = at_random.cells
    beta = draws.fitted.coefficients(draws.theta)
    X = draws.fitted.design
    layout = draws.layout
    for j in (0, len(who) // 2):
        i, t, e = who[j], when[j], layout.event[who[j]]
        gone = (X[layout.arm[i], i, t] - X[layout.arm[i], i, e - 1]) @ beta.T
        expected = predictors(at_random)[:, j] - gone
        assert predictors(carried)[:, j] == pytest.approx(expected, abs=1e-12)


def test_a_delta_multiplies_the_odds_of_missing_ratings(draws: Any) -> None:
    completed = draws.impute("MAR")
    worse = trd.Delta({"K": -1.0})
    far = completed.outcomes((trd.Delta(-40),))[:, *completed.cells]
    assert not far.any()  # odds of exp(-40)
    less = completed.outcomes((worse,)) <= completed.outcomes()
    assert less.all()
    layout = draws.layout
    in_p = layout.arm == layout.treatments.index("P")
    assert (completed.outcomes((worse,))[:, in_p] == completed.outcomes()[:, in_p]).all()
    tip = trd.TippingPoint({"K": [-3.0, -1.5, 0.0]}, analysis=trd.VisitRates(visits=[28]))
    result = tip.fit(completed)
    assert result.tidy()["estimate"].is_monotonic_increasing or (
        result.tidy()["estimate"].is_monotonic_decreasing
    )
    ax = result.plot()
    assert "log odds of imputed response" in ax.get_xlabel()
    plt.close("all")


def test_composite_failure_also_where_the_subject_was_rated_later() -> None:
    """By hand: rescue at day 14; the subject's rating 1 of day 28 counts as 0."""
    frame = simulated(80, seed=5)
    some = frame.dropna().groupby("subject").size()
    complete = some[some == 3].index
    rescued = [s for s in complete if frame.set_index(["subject", "visit"]).loc[(s, 28),
               "response"] == 1][:4]  # fmt: skip
    events = pd.DataFrame({"subject": rescued, "visit": 14, "reason": "rescue"})
    events["strategy"] = [trd.SetTo(0)] * len(events)
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=5, seed=1)
    draws = spec.draw(frame, events)
    assert draws.glance()["n_set_aside"].item() == 2 * len(rescued)
    completed = draws.impute()
    rows = completed.frame(0).set_index(["subject", "visit"])
    for s in rescued:
        assert rows.loc[(s, 28), "response"] == 0
        assert rows.loc[(s, 28), "imputed"]
        assert (
            rows.loc[(s, 7), "response"]
            == frame.set_index(["subject", "visit"]).loc[(s, 7), "response"]
        )
    assert "Composite: from the event on the outcome is 0, observed or not" in str(completed)


def test_without_a_missing_rating_the_pooled_rates_are_those_observed() -> None:
    """By hand: nothing to impute, so every set is the data; 95 % limits on the logit scale."""
    frame = simulated(60, seed=3)
    complete = frame.groupby("subject")["response"].transform(lambda s: s.notna().all())
    frame = frame[complete]
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=3, seed=1)
    pooled = spec.draw(frame).impute().analyse(trd.VisitRates(visits=[28])).pool().tidy()
    last = frame[frame["visit"] == 28]
    for arm, rows in last.groupby("treatment"):
        row = pooled[(pooled["measure"] == "rate") & (pooled["treatment"] == arm)]
        assert row["estimate"].item() == pytest.approx(rows["response"].mean(), abs=1e-12)
        x, n = rows["response"].sum(), len(rows)
        assert row["std_error"].item() == pytest.approx(np.sqrt(1 / x + 1 / (n - x)), abs=1e-12)


def test_ordered_categories_keep_their_names_and_order() -> None:
    frame = simulated(240, seed=6, bands=3)
    names = ["ill", "mild", "better", "well"]
    codes = frame["response"].fillna(-1).astype(int)
    frame["band"] = pd.Categorical.from_codes(codes, categories=names, ordered=True)
    model = trd.GLMM("band ~ treatment + visit", family="ordinal")
    draws = trd.GLMMImputation(model, n=20, seed=1).draw(frame.drop(columns="response"))
    assert draws.tidy()["term"].tolist()[:3] == [
        "threshold ill|mild", "threshold mild|better", "threshold better|well",
    ]  # fmt: skip
    completed = draws.impute()
    one = completed.frame(0)
    assert list(one["band"].cat.categories) == names
    assert one["band"].cat.ordered
    assert one["band"].notna().all()
    shares = completed.tidy().groupby(["subject", "visit"], observed=True)["proportion"].sum()
    assert shares.to_numpy() == pytest.approx(1.0)
    with pytest.raises(SpecError, match=r"Say which categories count: VisitRates\(at_least="):
        completed.analyse(trd.VisitRates())
    with pytest.raises(SpecError, match="is the lowest category"):
        completed.analyse(trd.VisitRates(at_least="ill"))
    rates = completed.analyse(trd.VisitRates(visits=[28], at_least="better")).pool().tidy()
    by_hand = np.mean(
        [(completed.frame(k).query("visit == 28")["band"] >= "better")
         .groupby(completed.frame(k).query("visit == 28")["treatment"], observed=True).mean()
         for k in range(20)], axis=0)  # fmt: skip
    found = rates.loc[rates["measure"] == "rate", "estimate"]
    assert found.to_numpy() == pytest.approx(by_hand, abs=0.01)  # means of logits, not of rates
    odds = completed.analyse(trd.ProportionalOdds("band ~ treatment")).pool().tidy()
    assert odds["scale"].eq("log").all()
    completed.plot()
    plt.close("all")


def test_models_of_completed_sets_are_pooled(draws: Any) -> None:
    completed = draws.impute("MAR")
    logistic = completed.analyse(trd.Logistic("response ~ treatment")).pool()
    check_result(logistic)
    term = logistic.tidy().set_index("term").iloc[0]
    rates = completed.analyse(trd.VisitRates(visits=[28], reference="K")).pool().tidy()
    odds = rates[rates["measure"] == "odds ratio"].iloc[0]
    # The same two-by-two table of every set.
    assert np.log(term["estimate"]) == pytest.approx(np.log(odds["estimate"]), abs=1e-8)
    assert term["std_error"] == pytest.approx(odds["std_error"], abs=1e-6)
    gee = completed.analyse(trd.GEE("response ~ treatment * visit")).pool().tidy()
    assert gee["term"].iloc[0] == "Intercept"

    def share(table: pd.DataFrame) -> pd.DataFrame:
        mean = table["response"].mean()
        return pd.DataFrame({"what": ["share"], "estimate": [mean], "std_error": [0.01]})

    assert completed.analyse(share).pool().tidy()["what"].tolist() == ["share"]


def test_a_study_with_a_definition_and_its_estimand() -> None:
    study = trd.load_sample("trial")
    estimand = trd.Estimand(
        population="adults with treatment-resistant depression",
        variable="response at day 28", contrast="IV ketamine v TMS",
        population_summary="difference in proportions",
        strategies={"rescue": trd.Hypothetical(), "switch": trd.Hypothetical(),
                    "hospitalisation": trd.Composite(), "withdrawal": trd.TreatmentPolicy(),
                    "death": trd.Composite()},
    )  # fmt: skip
    derived = estimand.derive(study)
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment * visit + baseline"), n=10, seed=1)
    events = derived.events.rename(columns={"visit": "day"})
    draws = spec.draw(derived.study, events, outcome=trd.Response(), days=DAYS)
    text = str(draws)
    assert "fall of at least 50 %" in text
    assert draws.layout.y.shape[1] == len(DAYS)
    assert draws.glance()["n_events"].item() == (events["day"] <= 28).sum()
    pooled = draws.impute().analyse(trd.VisitRates(visits=[28], reference="TMS")).pool()
    assert pooled.tidy()["estimate"].notna().all()


def test_subjects_for_whom_a_response_is_undefined_are_left_out_and_counted() -> None:
    study = trd.load_sample("trial")
    visits = study.visits[["subject", "day", "visit", "score"]].copy()
    visits["subject"] = visits["subject"].astype(str)
    first = visits["subject"].iloc[0]
    visits = visits[~((visits["subject"] == first) & (visits["day"] <= 0))]
    people = study.subjects[["subject", "treatment"]].astype(str)
    with pytest.warns(trd.errors.DataWarning, match="not defined"):
        shorter = trd.Study(visits, people, scale="MADRS")
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=4, seed=1)
    draws = spec.draw(shorter, outcome=trd.Response(), days=DAYS)
    assert draws.layout.left_out == {"subjects whose outcome is undefined (no baseline)": 1}
    assert first not in list(draws.layout.subjects)


def test_the_same_seed_gives_the_same_sets_whatever_the_order_of_rows(frame: pd.DataFrame) -> None:
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=5, seed=11)
    one = spec.draw(frame).impute().outcomes()
    again = spec.draw(frame.sample(frac=1, random_state=1)).impute().outcomes()
    assert (one == again).all()
    other = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=5, seed=12)
    assert (other.draw(frame).impute().outcomes() != one).any()


def test_rows_without_a_subject_are_counted(frame: pd.DataFrame) -> None:
    nameless = frame.assign(subject=frame["subject"].astype(object))
    nameless.loc[nameless.index[:3], "subject"] = None  # the three visits of one subject
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=3, seed=1)
    layout = spec.draw(nameless).layout
    assert layout.left_out["rows without a subject"] == 3
    assert len(layout.subjects) == frame["subject"].nunique() - 1


def test_a_tipping_point_of_rates_is_that_of_the_last_visit(draws: Any) -> None:
    of_last, of_named = (
        trd.TippingPoint({"K": [0.0, 2.0]}, analysis=analysis).fit(draws.impute("MAR")).tidy()
        for analysis in (trd.VisitRates(), trd.VisitRates([28]))
    )
    assert of_last["estimate"].tolist() == of_named["estimate"].tolist()


def test_what_cannot_be_imputed_is_said(frame: pd.DataFrame, draws: Any) -> None:
    with pytest.raises(SpecError, match="for binary and ordinal outcomes"):
        trd.GLMMImputation(trd.GLMM("n ~ treatment", family="poisson"), seed=1)
    with pytest.raises(SpecError, match="the day of a visit that was missed is not known"):
        trd.GLMMImputation(trd.GLMM("response ~ treatment", random="1 + day"), seed=1)
    with pytest.raises(SpecError, match="n must be a whole number of at least 2"):
        trd.GLMMImputation(MODEL, n=1, seed=1)
    with pytest.raises(UnknownNameError, match="category"):
        draws.impute(trd.SetTo(7))
    with pytest.raises(SpecError, match="shifts no rating: SetTo sets all those"):
        draws.impute(trd.SetTo(0)).analyse(trd.VisitRates([28]), delta=trd.Delta(1.0))
    with pytest.raises(DataError) as caught:
        trd.GLMMImputation(MODEL, n=5, seed=1).draw(frame.drop(columns=["treatment", "visit"]))
    for words in ("no column 'treatment' for treatment", "no column 'visit' for visit"):
        assert words in str(caught.value)
    with pytest.raises(DataError) as caught:
        trd.dropout_events(trd.load_sample("trial"), outcome="response")
    assert "no column 'response' for the formula or outcome" in str(caught.value)
    assert "Name it with" not in str(caught.value)
    with pytest.raises(SpecError, match="needs a reference arm"):
        draws.impute("JR")
    completed = draws.impute("MAR")
    with pytest.raises(SpecError, match=r"has categories \(0, 1\), not scores"):
        completed.analyse(trd.ANCOVA(None))
    with pytest.raises(SpecError, match="Definitions need a study"):
        completed.study(0)
    binary = trd.GLMMImputation(trd.GLMM("response ~ treatment + visit"), n=5, seed=1)
    with pytest.raises(DataError, match="is not 0 or 1"):
        binary.draw(frame.assign(response=frame["response"] * 2))
    never = frame.assign(response=frame["response"].where(frame["treatment"] == "K", 0.0))
    with pytest.raises(NotEstimableError, match="imputed as if they were certain"):
        binary.draw(never)
    with pytest.raises(NotEstimableError, match="is missing in every row"):
        binary.draw(frame.assign(response=np.nan))
    scores = pd.DataFrame(
        {"subject": np.repeat(range(12), 2), "treatment": np.repeat(["K", "P"] * 6, 2),
         "visit": [7, 28] * 12, "change": np.random.default_rng(1).normal(size=24)}
    )  # fmt: skip
    scores.loc[3, "change"] = np.nan
    spec = trd.Imputation("change ~ treatment * visit", method=trd.ApproximateBayes(3, seed=1))
    of_scores = spec.draw(scores, trd.dropout_events(scores))
    with pytest.raises(SpecError, match="SetTo is for binary and ordinal outcomes"):
        of_scores.impute(trd.SetTo(0))
    with pytest.raises(SpecError, match="VisitRates is for binary and ordinal outcomes"):
        of_scores.impute("MAR").analyse(trd.VisitRates())
