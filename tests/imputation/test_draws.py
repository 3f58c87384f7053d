"""Drawing: what does not change draws, what is kept of them, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from trials import small_trial

from trdstats import (
    ANCOVA,
    MMRM,
    ApproximateBayes,
    Bayesian,
    ConditionalMean,
    Imputation,
    JumpToReference,
    Study,
    dropout_events,
)
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    SpecError,
    UnknownNameError,
)
from trdstats.imputation import parameter_draws as drawing

FORMULA = "change ~ baseline * visit + treatment * visit"
METHODS = [
    ConditionalMean("bootstrap", n=60, seed=1),
    ApproximateBayes(60, seed=1),
    Bayesian(60, seed=1, burn_in=30, thin=20),
]


def spec(method: Any = None, **options: Any) -> Imputation:
    return Imputation(FORMULA, method=method or ConditionalMean(), **options)


def difference(draws: Any, strategy: Any = "MAR") -> Any:
    analysed = draws.impute(strategy, reference="TMS").analyse(ANCOVA(visits=[28]))
    return analysed.pool().tidy().iloc[-1]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_a_seed_gives_one_answer_whatever_the_workers(
    small: pd.DataFrame, small_events: pd.DataFrame, method: Any
) -> None:
    one = spec(method).draw(small, small_events)
    two = spec(method).draw(small, small_events, n_jobs=2)
    assert np.array_equal(one.drawn.beta, two.drawn.beta)
    assert np.array_equal(one.impute("MAR").values, two.impute("MAR").values)


@pytest.mark.parametrize("method", [ConditionalMean(), *METHODS], ids=lambda m: type(m).__name__)
def test_an_interrupt_loses_nothing_already_drawn(
    small: pd.DataFrame,
    small_events: pd.DataFrame,
    method: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "_PART", 10)
    monkeypatch.setattr(drawing, "_TURNS", 50)
    whole = spec(method).draw(small, small_events)
    name = {Bayesian: "_turns"}.get(type(method), "_resample")
    name = "_leave_out" if method == ConditionalMean() else name
    work, calls = getattr(drawing, name), []

    def interrupted(*arguments: Any) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(arguments)
        return work(*arguments)

    monkeypatch.setattr(drawing, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        spec(method).draw(small, small_events, cache=tmp_path)
    kept = list(tmp_path.rglob("*.npz"))
    assert len(kept) == 2
    calls.clear()

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return work(*arguments)

    monkeypatch.setattr(drawing, name, counted)
    again = spec(method).draw(small, small_events, cache=tmp_path)
    assert np.array_equal(again.drawn.beta, whole.drawn.beta)
    assert len(calls) == len(list(tmp_path.rglob("*.npz"))) - 2
    # Other data, or another seed, are another computation.
    calls.clear()
    spec(method).draw(small.assign(change=small["change"] + small["baseline"] ** 2), small_events,
                      cache=tmp_path)  # fmt: skip
    assert len({p.parent for p in tmp_path.rglob("*.npz")}) == 2


def test_progress_is_shown_when_asked_for(
    small: pd.DataFrame, small_events: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    spec().draw(small, small_events)
    assert capsys.readouterr().out == ""
    spec().draw(small, small_events, progress=True)
    assert "Fitting resamples" in capsys.readouterr().out


def test_rows_in_any_order(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    mixed = small.sample(frac=1, random_state=3)
    one, two = (difference(spec().draw(f, small_events), "JR") for f in (small, mixed))
    assert one["estimate"] == pytest.approx(two["estimate"], rel=1e-7)
    assert one["std_error"] == pytest.approx(two["std_error"], rel=1e-5)


def test_missing_rows_are_missing_values(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    left = small.dropna(subset="change")
    assert len(left) < len(small)
    one, two = (difference(spec().draw(f, small_events), "CR") for f in (small, left))
    assert one["estimate"] == two["estimate"]


def test_relabelled_arms_change_the_sign(small: pd.DataFrame) -> None:
    plain = small.assign(treatment=small["treatment"].astype(str))
    turned = plain.assign(treatment=plain["treatment"].map({"TMS": "b", "ketamine": "a"}))
    one = difference(spec().draw(small))
    two = difference(spec().draw(turned))
    assert (two["treatment"], two["reference"]) == ("b", "a")
    assert two["estimate"] == pytest.approx(-one["estimate"], rel=1e-7)
    assert two["std_error"] == pytest.approx(one["std_error"], rel=1e-5)


@pytest.mark.parametrize("strategy", ["MAR", "JR", "CR", "CIR", "LMCF"])
def test_rescaled_outcomes_rescale_estimates(
    small: pd.DataFrame, small_events: pd.DataFrame, strategy: str
) -> None:
    one = difference(spec().draw(small, small_events), strategy)
    scaled = small.assign(change=10 * small["change"])
    two = difference(spec().draw(scaled, small_events), strategy)
    assert two["estimate"] == pytest.approx(10 * one["estimate"], rel=1e-6)
    assert two["std_error"] == pytest.approx(10 * one["std_error"], rel=1e-5)


def test_complete_data_need_no_imputation() -> None:
    frame = small_trial().assign(change=lambda d: d["change"].fillna(-5.0))
    row = difference(spec(ApproximateBayes(5, seed=1)).draw(frame))
    last = frame[frame["visit"] == 28]
    X = np.column_stack([np.ones(40), last["treatment"] == "ketamine", last["baseline"]])
    beta = np.linalg.lstsq(X.astype(float), last["change"].to_numpy(), rcond=None)[0]
    assert row["estimate"] == pytest.approx(beta[1], rel=1e-10)
    assert row["fmi"] == 0
    assert row["mc_error"] < 1e-12


def test_own_covariances_are_used_arm_by_arm(
    small: pd.DataFrame, small_events: pd.DataFrame
) -> None:
    """With own covariances the arms share nothing but a slope: each imputes itself."""
    formula = "change ~ treatment * visit"
    both = Imputation(formula, common_covariance=False).draw(small, small_events).impute("MAR")
    for arm in ("TMS", "ketamine"):
        own = small[small["treatment"] == arm]
        alone = Imputation("change ~ visit").draw(own, dropout_events(own)).impute("MAR")
        mine = both.tidy()[lambda d, arm=arm: d["treatment"] == arm]
        assert mine["mean"].to_numpy() == pytest.approx(alone.tidy()["mean"].to_numpy(), rel=1e-6)


def test_plainer_covariances(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    draws = spec(covariance="ar1h").draw(small, small_events)
    assert draws.glance()["converged"].all()
    assert abs(difference(draws)["estimate"] - difference(spec().draw(small))["estimate"]) < 1
    with pytest.raises(SpecError, match="Gibbs sampler draws unstructured covariances"):
        spec(Bayesian(10, seed=1), covariance="ar1")


def test_values_after_an_event_inform_the_model_only_under_mar(small: pd.DataFrame) -> None:
    seen = small.groupby("subject")["change"].transform(lambda v: v.notna().all())
    who = small.loc[seen & (small["treatment"] == "ketamine"), "subject"].unique()[:3]
    events = pd.DataFrame({"subject": who, "visit": 14})
    kept = spec().draw(small, events)
    aside = spec().draw(small, events.assign(strategy="JR"))
    assert kept.glance()["n_set_aside"].item() == 0
    assert aside.glance()["n_set_aside"].item() == 6
    assert "6 observed after an event do not inform the model" in repr(aside)
    # They stay what they are in the completed sets.
    completed = aside.impute(reference="TMS").frame(0)
    mine = completed[completed["subject"] == who[0]]
    assert not mine["imputed"].any()
    with pytest.raises(SpecError, match=r"3 subjects have values observed after the event"):
        kept.impute(JumpToReference("TMS"))
    with pytest.raises(SpecError, match=r"decided when it is fitted: give the strategy"):
        aside.impute("MAR")


def test_gaps_are_missing_at_random_and_said_so(
    small: pd.DataFrame, small_events: pd.DataFrame
) -> None:
    draws = spec().draw(small, small_events)
    imputed = draws.impute("JR", reference="TMS")
    gaps = imputed.tidy()[lambda d: d["reason"] == "gap"]
    assert len(gaps) == draws.glance()["n_gaps"].item() > 0
    assert set(gaps["strategy"]) == {"MAR"}
    assert f"{len(gaps)} values outside an event, taken as missing at random" in repr(imputed)


def test_resamples_that_do_not_converge_are_drawn_anew_and_reported() -> None:
    frame = small_trial(seed=3, per_arm=12)
    late = (frame["visit"] == 28) & (frame["treatment"] == "ketamine") & frame["change"].notna()
    # Three values tell the mean there: some resamples hold none of them.
    frame.loc[frame.index[late][3:], "change"] = np.nan
    with pytest.warns(EstimateWarning, match=r"did not converge in \d+ resamples"):
        draws = spec(ApproximateBayes(60, seed=1)).draw(frame)
    g = draws.glance().iloc[0]
    assert g["n_redrawn"] > 0
    assert g["n_draws"] == 60
    assert np.isfinite(draws.drawn.beta).all()
    assert f"{g['n_redrawn']} did not converge and were drawn again" in repr(draws)


def test_a_model_that_never_converges_is_given_up(
    small: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(fitted: Any, counts: Any, imputes: Any) -> Any:
        q, G = len(fitted.state.beta), fitted.sigma
        n = len(counts)
        return np.zeros((n, q)), np.tile(G, (n, 1, 1, 1)), np.arange(n), n

    monkeypatch.setattr(drawing, "_fit", fails)
    with pytest.raises(NotEstimableError, match="did not converge in 20 resamples in a row"):
        spec(ApproximateBayes(10, seed=1)).draw(small)
    with pytest.raises(NotEstimableError, match="does not converge without subject 'P00'"):
        spec().draw(small)


def test_chains_are_checked(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    draws = spec(Bayesian(200, seed=4)).draw(small, small_events)
    table = draws.convergence()
    assert len(table) == draws.drawn.beta.shape[1] + 6
    assert table["term"].tolist()[-6:] == [
        "cov(7, 7)", "cov(14, 7)", "cov(14, 14)", "cov(28, 7)", "cov(28, 14)", "cov(28, 28)",
    ]  # fmt: skip
    assert table["rhat"].max() < 1.05
    assert table["ess"].min() > 200
    assert "largest R-hat" in repr(draws)
    with pytest.warns(EstimateWarning, match="Chains of the sampler have not converged"):
        spec(Bayesian(8, seed=4, burn_in=0, thin=2)).draw(small, small_events)


def test_study_and_frames_of_other_libraries(trial: Study) -> None:
    days = [7, 14, 28]
    events = dropout_events(trial, days=days)
    of_study = spec().draw(trial, events, days=days)
    assert of_study.glance()["n"].item() == 240
    rows = trial.longitudinal(days)
    seen = set(rows["subject"])
    frame = pl.from_pandas(rows.astype({"subject": str, "treatment": str}))
    of_frame = spec().draw(frame, events[events["subject"].isin(seen)])
    one = of_study.fit["deviance"].item()
    assert one == pytest.approx(of_frame.fit["deviance"].item(), rel=1e-10)


def test_days_of_events_are_the_first_visit_from_then_on(small: pd.DataFrame) -> None:
    events = pd.DataFrame({"subject": ["P00", "P01", "P02"], "day": [8.0, 14.0, 40.0],
                           "event": ["rescue", "switch", "rescue"]})  # fmt: skip
    draws = spec().draw(small, events)
    assert draws.layout.event[:3].tolist() == [1, 1, 3]
    assert draws.layout.reason[:3].tolist() == ["rescue", "switch", "rescue"]
    assert draws.glance()["n_events"].item() == 2


def test_bad_events_are_reported_together(small: pd.DataFrame) -> None:
    events = pd.DataFrame({"subject": ["P00", "P0O", "P01", "P01"], "visit": [14, 14, 15, 28]})
    with pytest.raises(DataError, match="3 problems were found") as caught:
        spec().draw(small, events)
    text = str(caught.value)
    assert "1 event belongs to a subject that is not in the trial" in text
    assert "Did you mean 'P" in text
    assert "1 event has a visit that is not scheduled" in text
    assert "1 subject has two events" in text
    with pytest.raises(DataError, match="has no column 'subject'"):
        spec().draw(small, events.rename(columns={"subject": "who"}))
    with pytest.raises(UnknownNameError, match="Unknown strategy 'JTR'"):
        spec().draw(small, events[:1].assign(strategy="JTR"))


def test_an_arm_without_values_at_a_visit(small: pd.DataFrame) -> None:
    gone = (small["treatment"] == "ketamine") & (small["visit"] == 14)
    with pytest.raises(
        NotEstimableError, match="The mean is not estimable under ketamine at visit 14"
    ):
        spec().draw(small.assign(change=small["change"].mask(gone)))


def test_bad_tables(small: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"1 row repeats a subject and visit"):
        spec().draw(pd.concat([small, small[:1]]))
    moved = small.assign(treatment=small["treatment"].astype(str))
    moved.loc[0, "treatment"] = "ketamine"
    with pytest.raises(DataError, match="1 subject has two treatments"):
        spec().draw(moved)
    weekly = small.assign(baseline=small["baseline"] + small["visit"])
    with pytest.raises(SpecError, match="baseline change between visits"):
        spec().draw(weekly)
    with pytest.raises(UnknownNameError, match="Unknown visit"):
        spec().draw(small, days=[7, 15])
    with pytest.raises(DataError, match="no column 'chg'"):
        Imputation("chg ~ visit").draw(small)


def test_subjects_without_a_covariate_are_left_out_and_counted(small: pd.DataFrame) -> None:
    lacking = small.assign(baseline=small["baseline"].mask(small["subject"] == "P03"))
    draws = spec().draw(lacking)
    assert draws.glance()[["n", "n_left_out"]].to_numpy().tolist() == [[39, 1]]
    assert "subjects without a covariate: 1" in repr(draws)


def test_bad_specs() -> None:
    with pytest.raises(SpecError, match="A bootstrap needs n and a seed"):
        ConditionalMean("bootstrap")
    with pytest.raises(SpecError, match="no n, no seed"):
        ConditionalMean(n=100)
    with pytest.raises(SpecError, match="resampling must be one of"):
        ConditionalMean("jacknife")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="n must be a whole number of at least 2"):
        ApproximateBayes(1, seed=1)
    with pytest.raises(SpecError, match="seed must be a whole number"):
        Bayesian(10, seed=-1)
    with pytest.raises(SpecError, match="chains must be a whole number of at least 2"):
        Bayesian(10, seed=1, chains=1)
    with pytest.raises(SpecError, match="method must be ConditionalMean"):
        Imputation(FORMULA, method="bayes")  # type: ignore[arg-type]


def test_everything_pickles(small: pd.DataFrame, small_events: pd.DataFrame) -> None:
    pooled = spec().draw(small, small_events).impute("JR", reference="TMS").analyse(ANCOVA()).pool()
    again = pickle.loads(pickle.dumps(pooled))
    pd.testing.assert_frame_equal(again.tidy(), pooled.tidy())
    assert repr(again) == repr(pooled)


def test_parameters_are_those_of_the_mixed_model(
    small: pd.DataFrame, small_events: pd.DataFrame
) -> None:
    found = spec().draw(small, small_events).tidy().set_index("term")
    fit = MMRM(FORMULA, ddf="residual").fit(small)
    for r in fit.tidy().itertuples():
        assert found.loc[r.term, "estimate"] == pytest.approx(r.estimate, rel=1e-9)
        # Leaving one out moves an effect by about its error over the root of the subjects.
        assert found.loc[r.term, "sd"] < r.std_error
    assert found.loc["cov(14, 7)", "estimate"] == pytest.approx(fit.covariance.loc[14, 7])


def test_visits_by_name_keep_the_order_of_their_categories(small: pd.DataFrame) -> None:
    names = {7: "week 1", 14: "week 2", 28: "month 1"}
    order = pd.Categorical(small["visit"].map(names), categories=list(names.values()))
    named = spec().draw(small.assign(visit=order), dropout_events(small.assign(visit=order)))
    numbered = spec().draw(small, dropout_events(small))
    assert list(named.layout.visits) == list(names.values())
    one, two = (d.impute("LMCF").outcomes() for d in (named, numbered))
    assert one == pytest.approx(two, rel=1e-9)
    assert named.impute("MAR").plot().get_xlabel() == "visit (in order)"
    plt.close("all")
    with pytest.raises(SpecError, match="Events by day need visits that are days"):
        spec().draw(small.assign(visit=order), pd.DataFrame({"subject": ["P00"], "day": [3]}))
