"""Analyses of completed sets, pooled: definitions, event times, mixed models, functions."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats import (
    ANCOVA,
    MMRM,
    RMST,
    ApproximateBayes,
    ConditionalMean,
    CopyReference,
    CoxPH,
    CustomStrategy,
    Delta,
    Imputation,
    JumpToReference,
    Remission,
    ResponderRates,
    Response,
    Study,
    TimeToEvent,
    dropout_events,
    rates,
    time_to,
)
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.imputation import Imputed, RepeatedMeasures, VisitDistribution

DAYS = [3, 7, 14, 21, 28]
FORMULA = "change ~ baseline * visit + treatment * visit"


@pytest.fixture(scope="module")
def of_study(trial: Study) -> Imputed:
    spec = Imputation(FORMULA, method=ApproximateBayes(8, seed=5))
    draws = spec.draw(trial, dropout_events(trial, days=DAYS), days=DAYS)
    return draws.impute(JumpToReference("TMS"))


@pytest.fixture(scope="module")
def of_means(small: pd.DataFrame, small_events: pd.DataFrame) -> Imputed:
    return Imputation(FORMULA).draw(small, small_events).impute("MAR")


def test_completed_studies_keep_what_was_observed(trial: Study, of_study: Imputed) -> None:
    completed = of_study.study(2)
    rows = completed.longitudinal()
    assert len(rows) == 240 * len(DAYS)
    before = trial.longitudinal(DAYS).merge(rows, on=["subject", "visit"], how="left")
    rated = before["score_x"].notna()
    assert (before["score_x"][rated] - before["score_y"][rated]).abs().max() < 1e-12
    assert (before["day_x"] == before["day_y"]).all()
    frame = of_study.frame(2)
    assert rows["change"].to_numpy() == pytest.approx(frame["change"].to_numpy(), abs=1e-12)
    assert completed.subjects["baseline"].tolist() == trial.subjects["baseline"].tolist()


def test_responder_rates_are_those_of_the_completed_studies(of_study: Imputed) -> None:
    analysed = of_study.analyse(ResponderRates(Response(), 28))
    table = analysed.tidy()
    third = rates(of_study.study(2), Response(), day=28).tidy()
    mine = table[table["set"] == 3].set_index(["measure", "treatment"])["estimate"]
    for r in third.itertuples():
        assert mine.loc[(r.measure, r.treatment)] == pytest.approx(r.estimate, rel=1e-12)
    pooled = analysed.pool().tidy()
    rate = pooled[pooled["measure"] == "rate"].iloc[0]
    p = table[(table["measure"] == "rate") & (table["treatment"] == "TMS")]["estimate"]
    logit = np.log(p / (1 - p))
    assert rate["estimate"] == pytest.approx(1 / (1 + np.exp(-logit.mean())), rel=1e-12)
    assert np.isnan(rate["p_value"])
    assert 0 < rate["conf_low"] < rate["estimate"] < rate["conf_high"] < 1
    assert set(pooled["scale"]) == {"logit", "identity", "log"}
    ratio = pooled[pooled["measure"] == "ratio"].iloc[0]
    # Ratios lie in the middle of their limits on the log scale.
    assert ratio["estimate"] ** 2 == pytest.approx(ratio["conf_low"] * ratio["conf_high"])


def test_arms_without_responders(of_study: Imputed) -> None:
    nobody = Response() & ~Response()
    analysed = of_study.analyse(ResponderRates(nobody, 28))
    assert "Half a subject was added" in analysed.estimates.notes[0]
    rate = analysed.pool().tidy()["estimate"].iloc[0]
    assert rate == pytest.approx(0.5 / 81, rel=1e-12)


def test_event_times(of_study: Imputed) -> None:
    analysed = of_study.analyse(TimeToEvent(Remission(), RMST(28, reference="TMS")))
    own = RMST(28, reference="TMS").fit(time_to(of_study.study(0), Remission())).tidy()
    first = analysed.tidy()[lambda d: d["set"] == 1]
    assert first["estimate"].tolist() == own["estimate"].tolist()
    scale = first.set_index("measure")["scale"]
    assert scale["ratio"].tolist() == ["log", "log"]
    assert scale["difference"].tolist() == ["identity", "identity"]
    hazards = of_study.analyse(TimeToEvent(Response(), CoxPH("treatment"))).pool().tidy()
    assert hazards["term"].tolist() == ["treatment[T.ECT]", "treatment[T.ketamine]"]
    with pytest.raises(SpecError, match="estimator must have a method fit"):
        TimeToEvent(Response(), "rmst")


def test_mixed_models_of_completed_sets_are_their_ancovas_without_covariates(
    of_means: Imputed,
) -> None:
    """With complete data and no covariate a visit's means need no other visit."""
    model = of_means.analyse(MMRM("change ~ treatment * visit", ddf="residual")).pool().tidy()
    plain = of_means.analyse(ANCOVA(None)).pool().tidy()
    keys = ["measure", "treatment", "reference", "visit"]
    both = model.assign(visit=model["visit"].astype(int)).merge(plain, on=keys)
    assert len(both) == len(plain) == len(model)
    assert both["estimate_x"].to_numpy() == pytest.approx(both["estimate_y"].to_numpy(), rel=1e-6)
    assert both["std_error_x"].to_numpy() == pytest.approx(both["std_error_y"].to_numpy(), rel=1e-4)
    assert RepeatedMeasures(MMRM("change ~ visit")).describe().startswith("Mixed model")


def test_functions(of_study: Imputed, of_means: Imputed) -> None:
    def last_mean(frame: pd.DataFrame) -> dict[str, list[float]]:
        change = frame.loc[frame["visit"] == 28, "change"]
        return {"estimate": [change.mean()], "std_error": [change.sem()], "df": [len(change) - 1]}

    pooled = of_means.analyse(last_mean).pool().tidy()
    means = of_means.outcomes()[:, :, 2]
    assert pooled["estimate"].item() == pytest.approx(means[0].mean(), rel=1e-12)

    def share(study: Study) -> pd.DataFrame:
        found = rates(study, Response(), day=28).tidy().iloc[:3]
        return found[["treatment", "estimate", "std_error"]].assign(scale="identity")

    assert len(of_study.analyse(share, of="study").pool().tidy()) == 3
    with pytest.raises(SpecError, match="must return a table with estimate and std_error"):
        of_means.analyse(lambda frame: {"mean": [1.0]})
    sizes = iter(range(1, 100))
    with pytest.raises(SpecError, match="The analysis of set 2 has different rows"):
        of_means.analyse(lambda f: {"k": [next(sizes)], "estimate": [1.0], "std_error": [1.0]})
    with pytest.raises(SpecError, match="An analysis is a value such as ANCOVA"):
        of_means.analyse(ANCOVA)


def test_a_set_without_an_estimate_is_named(of_study: Imputed) -> None:
    turns = iter([1.0, np.nan, *np.arange(6.0)])
    analysed = of_study.analyse(
        lambda f: {"what": ["slope"], "estimate": [next(turns)], "std_error": [1.0]}
    )
    with pytest.raises(
        NotEstimableError, match=r"1 of 8 .* no estimate of what slope \(first: set 2\)"
    ):
        analysed.pool()


def test_conditional_means_refuse_what_is_not_linear(trial: Study) -> None:
    draws = Imputation(FORMULA, method=ConditionalMean()).draw(trial, days=[14, 28])
    imputed = draws.impute()
    for analysis in (ResponderRates(Response(), 28), TimeToEvent(Response(), RMST(28))):
        with pytest.raises(SpecError, match="conditional means, which have no variance"):
            imputed.analyse(analysis)
    with pytest.raises(SpecError, match="Definitions need a study"):
        Imputation(FORMULA, method=ApproximateBayes(3, seed=1)).draw(
            trial.longitudinal([14, 28])
        ).impute().study(0)


def test_bootstrap(small: pd.DataFrame, small_events: pd.DataFrame, of_means: Imputed) -> None:
    spec = Imputation(FORMULA, method=ConditionalMean("bootstrap", n=400, seed=2))
    analysed = spec.draw(small, small_events).impute("MAR").analyse(ANCOVA(visits=[28]))
    normal, shares = analysed.pool(), analysed.pool(interval="percentile")
    jackknife = of_means.analyse(ANCOVA(visits=[28])).pool().tidy().iloc[-1]
    row = normal.tidy().iloc[-1]
    assert row["estimate"] == pytest.approx(jackknife["estimate"], rel=1e-12)
    # Two estimates of one error: the bootstrap's own Monte Carlo error is 1 / sqrt(800) = 3.5 %.
    assert row["std_error"] == pytest.approx(jackknife["std_error"], rel=0.15)
    assert row["mc_error"] == pytest.approx(row["std_error"] / 20, rel=1e-10)
    assert shares.tidy().iloc[-1]["conf_low"] == pytest.approx(row["conf_low"], abs=0.5)
    assert "percentile interval" in repr(shares)
    with pytest.raises(SpecError, match="Percentile intervals need"):
        of_means.analyse(ANCOVA()).pool(interval="percentile")
    with pytest.raises(NotEstimableError, match="Influence needs"):
        normal.influence()


def test_what_pooled_estimates_share_is_known_from_resamples_only(
    of_means: Imputed, of_study: Imputed
) -> None:
    whole = of_means.analyse(ANCOVA(visits=[14, 28])).pool()
    found = whole.estimates().only(measure="difference")
    change = found.contrast([-1, 1]).tidy().iloc[0]
    effect = whole.influence().filter(regex="^difference").to_numpy()
    assert change["std_error"] == pytest.approx(np.linalg.norm(effect @ [-1, 1]), rel=1e-12)
    plain, both = found.p_value, found.adjust("max-t").p_value
    assert (both >= plain - 1e-9).all()
    assert (both <= 2 * plain + 1e-9).all()
    drawn = of_study.analyse(ANCOVA(visits=[14, 28])).pool().estimates()
    pair = drawn.only(measure="difference", treatment="ECT")
    lost = pair.contrast([-1, 1])
    assert np.isnan(lost.std_error).all()
    assert "covariance of the estimates" in lost.reasons[0]
    with pytest.raises(NotEstimableError, match="Use 'holm'"):
        pair.adjust("max-t")


def test_resampled_frames_repeat_and_leave_out(
    small: pd.DataFrame, small_events: pd.DataFrame, of_means: Imputed
) -> None:
    """The analysis of arrays is that of the frames themselves."""
    spec = Imputation(FORMULA, method=ConditionalMean("bootstrap", n=10, seed=2))
    for imputed in (spec.draw(small, small_events).impute("MAR"), of_means):
        found = imputed.analyse(ANCOVA(visits=[28])).tidy()
        for k in (0, 3):
            frame = imputed.frame(k)
            assert not frame.duplicated(["subject", "visit"]).any()
            last = frame[frame["visit"] == 28]
            X = np.column_stack(
                [np.ones(len(last)), last["treatment"] == "ketamine", last["baseline"]]
            ).astype(float)
            beta = np.linalg.lstsq(X, last["change"].to_numpy(), rcond=None)[0]
            mine = found[(found["set"] == k + 1) & (found["measure"] == "difference")]
            assert mine["estimate"].item() == pytest.approx(beta[1], rel=1e-9)
    assert len(of_means.frame(1)) == 3 * 39
    assert len(list(of_means.frames())) == 41


def test_deltas_accumulate_from_the_event(of_means: Imputed) -> None:
    layout = of_means.layout
    shift = Delta({"ketamine": 2}, accumulate=True).shifts(layout)
    T = 3
    for i in range(len(layout.subject_table)):
        for t in range(T):
            since = t - layout.event[i] + 1
            due = (
                np.isnan(layout.y[i, t]) and since > 0 and layout.treatments[layout.arm[i]] != "TMS"
            )
            assert shift[i, t] == (2 * since if due else 0)
    gaps = Delta(1).shifts(layout) - Delta(1, after_event_only=True).shifts(layout)
    assert gaps.sum() == of_means.draws.glance()["n_gaps"].item()
    with pytest.raises(UnknownNameError, match="Unknown arm of the delta 'Ketamine'"):
        of_means.analyse(ANCOVA(), delta=Delta({"Ketamine": 1}))
    with pytest.raises(UnknownNameError, match="Unknown visit of the delta"):
        of_means.analyse(ANCOVA(), delta=Delta(1, visits=[8]))
    with pytest.raises(UnknownNameError, match="Unknown reason of the delta"):
        of_means.analyse(ANCOVA(), delta=Delta(1, reasons=["death"]))
    with pytest.raises(SpecError, match="finite number"):
        Delta(np.nan)
    with pytest.raises(SpecError, match="delta must be a Delta"):
        of_means.analyse(ANCOVA(), delta=[3])  # type: ignore[list-item]


def test_strategies_that_cannot_be(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    draws = Imputation(FORMULA).draw(small, small_events)
    with pytest.raises(SpecError, match=r"Jump to reference needs a reference arm: JumpToRef"):
        draws.impute("JR")
    with pytest.raises(UnknownNameError, match="Unknown reference arm 'tms'"):
        draws.impute(CopyReference("tms"))
    with pytest.raises(SpecError, match="No event has the reason 'death'; reasons: dropout"):
        draws.impute({"death": "JR"}, reference="TMS")
    with pytest.raises(SpecError, match="A strategy is a value"):
        draws.impute(3)
    with pytest.raises(SpecError, match="must return a VisitDistribution of 3 visits"):
        draws.impute(CustomStrategy(lambda own, reference, before: own.mean, "mine", "none"))
    with pytest.raises(SpecError, match="not finite"):
        draws.impute(CustomStrategy(
            lambda own, reference, before: VisitDistribution(own.mean * np.nan, own.covariance),
            "mine",
            "none",
        ))  # fmt: skip
    unarmed = Imputation("change ~ baseline * visit").draw(small, small_events)
    with pytest.raises(SpecError, match="its arms do not differ"):
        unarmed.impute("JR", reference="TMS")


def test_bad_analyses(of_means: Imputed) -> None:
    with pytest.raises(UnknownNameError, match="Unknown visit"):
        of_means.analyse(ANCOVA(visits=[29]))
    with pytest.raises(UnknownNameError, match="Unknown treatment 'ECT'"):
        of_means.analyse(ANCOVA(reference="ECT"))
    with pytest.raises(SpecError, match="The treatment is part of every ANCOVA"):
        of_means.analyse(ANCOVA("treatment + baseline"))


def test_face_tells_every_assumption(of_study: Imputed) -> None:
    delta = Delta({"ketamine": 2}, reasons=["dropout"])
    text = repr(of_study.analyse(ANCOVA("baseline", visits=[28]), delta=delta).pool())
    for words in (
        FORMULA, "unstructured", "8 draws of an approximate posterior", "seed 5",
        "taken as missing at random",
        "Jump to reference: the benefit is lost at the event, means as under TMS",
        "ANCOVA at each visit: treatment + baseline",
        "2 added to imputed values under ketamine after dropout",
        "Rubin's rules, degrees of freedom of Barnard and Rubin", "Missing information (%)",
    ):  # fmt: skip
        assert words in text
    html = of_study._repr_html_()
    assert html.startswith('<div class="trdstats"><h4>Imputed visits</h4>')


def test_caveat_of_cohorts_that_were_not_randomised(trial_tables: Any) -> None:
    subjects, visits, _ = trial_tables
    study = Study(visits, subjects, scale="MADRS", subject="usubjid", treatment="arm",
                  score="madrs", baseline="madrs_bl")  # fmt: skip
    pooled = Imputation(FORMULA).draw(study, days=[14, 28]).impute().analyse(ANCOVA()).pool()
    assert "Unadjusted: treatments were not randomised." in repr(pooled)
    ax = pooled.plot()
    assert any(
        "not randomised" in t.get_text() for t in ax.figure.findobj() if hasattr(t, "get_text")
    )


def test_profiles_of_those_with_an_event(of_means: Imputed) -> None:
    frame = of_means.profiles()
    layout = of_means.layout
    mine = (layout.arm == 1) & (layout.event < 3)
    row = frame[(frame["treatment"] == "ketamine") & frame["event"] & (frame["visit"] == 28)]
    assert row["n"].item() == mine.sum()
    assert row["n_imputed"].item() == mine.sum()
    assert row["estimate"].item() == pytest.approx(of_means.outcomes()[0, mine, 2].mean())
    ax = of_means.plot()
    shown = [t.get_text() for t in ax.get_legend().get_texts()]
    assert shown == ["TMS", "TMS, with an event", "ketamine", "ketamine, with an event"]
    plt.close("all")
