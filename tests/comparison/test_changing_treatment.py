"""A treatment that changes: strategies by hand, weights, what crude comparisons miss, refusals."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError, TrdstatsWarning
from trdstats.kernels.risk_sets.row_curves import RowCurves
from trdstats.kernels.weighting.decision_weights import first_breach, product_within
from trdstats.simulate.changing.maintenance import true_relapse
from trdstats.testing import check_result


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["subject", "start", "stop", "status", "on", "previous"]
    return pd.DataFrame(rows, columns=names)


SMALL = frame_of(
    [("A", 0, 28, 0, 1, 1), ("A", 28, 56, 0, 1, 1), ("A", 56, 70, 1, 0, 1),
     ("B", 0, 28, 0, 0, 1), ("B", 28, 50, 1, 0, 0),
     ("C", 0, 28, 0, 1, 1), ("C", 28, 56, 0, 0, 1), ("C", 56, 84, 0, 1, 0)]
)  # fmt: skip


def test_running_products_and_breaches_by_hand() -> None:
    starts = np.array([0, 3, 5])
    ok = np.array([True, False, True, True, True, False])
    assert first_breach(ok, starts).tolist() == [True, False, False, True, True, False]
    assert product_within(np.array([2.0, 3, 0.5, 4, 5, 7]), starts) == pytest.approx(
        [2, 6, 3, 4, 20, 7]
    )


def test_what_strategies_ask_for_by_hand() -> None:
    rows = trd.Decisions(SMALL).frame.assign(remission=[0, 1, 1, 0, 0, 1, 1, 0])
    asked = trd.Continue(56, grace=28).required(rows)
    assert asked.tolist() == [-1, 1, -1, -1, 1, -1, 1, -1]
    assert trd.Discontinue(grace=28).required(rows).tolist() == [-1, 0, 0, -1, 0, -1, 0, 0]
    until = trd.ContinueUntil("remission", grace=28).required(rows)
    # A reaches it at day 28, B never, C at once; a grace of 28 days leaves the first decision free.
    assert until.tolist() == [1, -1, 0, 1, 1, -1, 0, 0]
    assert trd.ContinueUntil("remission").required(rows).tolist() == [1, 0, 0, 1, 1, 0, 0, 0]
    rule = trd.RuleStrategy(lambda r: np.where(r["previous"] == 1, 1, -1), "as before")
    assert rule.required(rows).tolist() == [1, 1, 1, 1, -1, 1, 1, -1]


def test_weighted_curve_by_hand() -> None:
    """At day 10 weights 2 of 1 + 2 + 1 die, at day 20 weight 3 of 3 + 1: 1/2, then 1/2 * 1/4."""
    curves = RowCurves.of(
        np.array([0.0, 0, 0, 10]), np.array([10.0, 10, 20, 20]), np.array([0, 1, 0, 1])
    )
    found = curves.incidence(np.array([1.0, 2.0, 1.0, 3.0]))
    assert found == pytest.approx([0.5, 1 - 0.5 * (1 - 3 / 4)])
    assert curves.at(found, np.array([5.0, 10, 15])) == pytest.approx([0, 0.5, 0.5])
    assert curves.mean_without(found, 20.0) == pytest.approx(10 + 10 * 0.5)


def test_competing_causes_of_the_curve() -> None:
    rng = np.random.default_rng(3)
    n = 80
    stop = np.ceil(rng.exponential(20, n))
    status = rng.choice([0, 1, 2], n)
    times = trd.EventTimes(
        pd.DataFrame({"subject": range(n), "treatment": "A", "time": stop, "status": status}),
        causes={1: "relapse", 2: "death"},
    )  # fmt: skip
    curve = trd.AalenJohansen().fit(times).at([10, 25])
    want = curve.loc[curve["cause"] == "relapse", "estimate"].to_numpy()
    rows = RowCurves.of(np.zeros(n), stop, status)
    assert rows.at(rows.incidence(np.ones(n)), np.array([10.0, 25])) == pytest.approx(want)


@pytest.fixture(scope="module")
def cohort() -> trd.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrdstatsWarning)
        return trd.simulate.maintenance(3_000, seed=11)


@pytest.fixture(scope="module")
def decisions(cohort: trd.Study) -> trd.Decisions:
    return trd.decision_intervals(
        cohort, trd.Relapse(22), "lithium", step=28,
        covariates={"score": "score", "remission": trd.Remission(6)},
    )  # fmt: skip


def test_decisions_hold_what_was_known(cohort: trd.Study, decisions: trd.Decisions) -> None:
    rows = decisions.frame
    assert (rows["start"] == 28 * rows["interval"]).all()
    first = rows[rows["interval"] == 0]
    assert (first["previous"] == 1).all()  # all came on lithium
    visits = cohort.visits.set_index(["subject", "day"])["score"]
    sample = rows.sample(200, random_state=1)
    of_visit = visits.reindex(pd.MultiIndex.from_frame(sample[["subject", "start"]]))
    assert (of_visit.to_numpy() == sample["score"].to_numpy()).all()
    course = cohort.courses
    for r in sample.head(40).itertuples():
        taken = course[course["subject"] == r.subject]
        inside = ((taken["start"] <= r.start) & (r.start < taken["end"])).any()
        assert bool(r.on) == bool(inside)
    ended = rows[rows["status"] == 1]
    scores = visits.reindex(pd.MultiIndex.from_frame(ended[["subject", "stop"]]))
    assert (scores >= 22).all()
    assert "Started" in str(decisions)


def test_crude_and_baseline_adjusted_miss_what_the_last_score_finds(
    decisions: trd.Decisions,
) -> None:
    """The truth is simulated under each regimen; 400,000 subjects, error below 0.001."""
    truth = {name: dict(zip(*true_relapse(name, n=100_000), strict=True))[168.0]
             for name in ("always", "never", "until remission")}  # fmt: skip
    strategies = {"always": trd.Continue(168), "never": trd.Discontinue(),
                  "until remission": trd.ContinueUntil("remission")}  # fmt: skip

    def differences(model: str, n_boot: int) -> pd.DataFrame:
        spec = trd.CloneCensorWeight(strategies, model, tau=168, n_boot=n_boot, reference="never")
        table = spec.fit(decisions).tidy().set_index(["measure", "strategy"])
        return table.loc["difference in incidence"]

    true_gap = truth["always"] - truth["never"]
    crude = differences("start", 0).loc["always", "estimate"]
    baseline = differences("baseline + start", 0).loc["always", "estimate"]
    weighted = differences("score + start", 60)
    # Those who get worse are kept on treatment: its effect looks smaller, or like harm.
    assert crude > true_gap + 0.15
    assert baseline > true_gap + 0.12
    row = weighted.loc["always"]
    assert abs(row["estimate"] - true_gap) < 3 * row["std_error"]
    row = weighted.loc["until remission"]
    assert abs(row["estimate"] - (truth["until remission"] - truth["never"])) < 3 * row["std_error"]


def test_the_structural_model_turns_the_hazard_ratio(decisions: trd.Decisions) -> None:
    crude = trd.CoxPH("on", robust=True).fit(decisions.episodes()).tidy()["hazard_ratio"].item()
    weighted = trd.ChangingWeights("score + start").fit(decisions)
    cox = trd.CoxPH("on", robust=True).fit(weighted.episodes(), weights="weight")
    assert cox.tidy()["hazard_ratio"].item() < 0.6 < 0.95 < crude
    table = weighted.by_interval()
    assert table["mean"].head(6).to_numpy() == pytest.approx(1.0, abs=0.06)
    assert "A mean weight far from 1" in str(weighted)
    cut = trd.ChangingWeights("score + start", cap=0.98).fit(decisions)
    assert cut.frame["weight"].max() < weighted.frame["weight"].max()


def test_all_strategies_begin_with_everybody(decisions: trd.Decisions) -> None:
    spec = trd.CloneCensorWeight(
        {"always": trd.Continue(168, grace=28), "never": trd.Discontinue(grace=28)},
        "score + start", tau=168, n_boot=0,
    )  # fmt: skip
    fit = spec.fit(decisions)
    table = fit.weights()
    at_start = table[table["start"] == 0].set_index("strategy")["n"]
    assert (at_start == decisions.n).all()
    assert "no time in which a subject could not have the event" in str(fit).replace("\n", " ")
    assert fit.tidy()["std_error"].isna().all()
    assert fit.decision_model()["model"].unique().tolist() == ["staying on", "starting"]
    ax = fit.plot()
    assert ax.get_xlabel() == "Day (0 is the start)"
    plt.close("all")


def test_without_a_change_of_mind_weights_follow_the_probabilities() -> None:
    """By hand: at day 28 one of four on treatment stops: those who stay stand for 4/3."""
    rows = []
    for i, on in enumerate((1, 1, 1, 0)):
        who = f"S{i}"
        rows += [(who, 0, 28, 0, 1, 1), (who, 28, 56, int(i in (0, 3)), on, 1)]
    decisions = trd.Decisions(frame_of(rows).assign(one=1.0 + (np.arange(8) % 2)))
    month = trd.RuleStrategy(lambda r: np.where(r["start"] < 28, 1, 0), "on for 28 days")
    strategies = {"stay": trd.Continue(56), "leave at 28": month}
    spec = trd.CloneCensorWeight(strategies, "1", tau=56, n_boot=0)
    fit = spec.fit(decisions)
    # Seven of eight decisions were to stay: (7/8)^-1 at day 0, (7/8)^-2 at day 28.
    means = fit.weights().set_index(["strategy", "start"])["mean"]
    assert means["stay", 0] == pytest.approx(8 / 7)
    assert means["stay", 28] == pytest.approx((8 / 7) ** 2)
    assert means["leave at 28", 28] == pytest.approx(8 / 7 * 8)
    table = fit.tidy().set_index(["measure", "strategy"])["estimate"]
    assert table["incidence", "stay"] == pytest.approx(1 / 3)
    assert table["incidence", "leave at 28"] == pytest.approx(1.0)


def test_the_bootstrap_does_not_depend_on_workers(decisions: trd.Decisions) -> None:
    strategies = {"always": trd.Continue(168), "never": trd.Discontinue()}
    one = trd.CloneCensorWeight(strategies, "score", tau=168, n_boot=6, cap=0.99)
    two = trd.CloneCensorWeight(strategies, "score", tau=168, n_boot=6, cap=0.99, n_jobs=2)
    check_result(one.fit(decisions))
    pd.testing.assert_frame_equal(one.fit(decisions).tidy(), two.fit(decisions).tidy())


def test_sequential_trials(decisions: trd.Decisions) -> None:
    spec = trd.SequentialTrials("score + start", days=[84, 168], n_boot=20)
    fit = spec.fit(decisions)
    check_result(fit)
    table = fit.tidy().set_index(["measure", "arm", "time"])
    gap = table.loc[("difference in incidence", "start", 168.0)]
    assert gap["conf_high"] < 0  # starting helps
    kept = trd.SequentialTrials("score + start", days=[168], estimand="continue", n_boot=20)
    going_on = kept.fit(decisions).tidy().set_index(["measure", "arm"])
    assert going_on.loc[("difference in incidence", "start"), "estimate"] < gap["estimate"] - 0.05
    trials = fit.trials()
    rows = decisions.frame
    off = rows[(rows["previous"] == 0) & (rows["start"] == 84)]
    assert trials.loc[trials["start"] == 84, "n_start"].item() == off["on"].sum()
    assert trials.loc[trials["start"] == 84, "n_not"].item() == (1 - off["on"]).sum()
    assert fit.glance()["n"].item() == decisions.n
    fit.plot()
    plt.close("all")


def test_subjects_who_leave_are_weighted(decisions: trd.Decisions) -> None:
    """Those with high scores leave: without weights those who stay relapse less."""
    rng = np.random.default_rng(8)
    frame = decisions.frame.assign(high=(decisions.frame["score"] > 13).astype(int))
    leaves = (rng.random(len(frame)) < 0.03 + 0.15 * frame["high"]) & (frame["status"] == 0)
    before = leaves.groupby(frame["subject"], observed=True).cumsum() - leaves
    shorter = trd.Decisions(frame[before == 0].assign(left=leaves[before == 0].astype(int)))
    strategies = {"always": trd.Continue(168), "never": trd.Discontinue()}

    def at_end(data: trd.Decisions, leaving: str | None) -> float:
        spec = trd.CloneCensorWeight(strategies, "score", tau=168, leaving=leaving, n_boot=0)
        table = spec.fit(data).tidy().set_index(["measure", "strategy"])["estimate"]
        return float(table["incidence", "always"])

    whole = at_end(decisions, None)
    assert at_end(shorter, "high") > at_end(shorter, None) + 0.005
    assert at_end(shorter, "high") == pytest.approx(whole, abs=0.02)  # error of a rate about 0.01
    weighted = trd.ChangingWeights("score", leaving="high").fit(shorter)
    plain = trd.ChangingWeights("score").fit(shorter)
    assert (weighted.frame["weight"] != plain.frame["weight"]).any()


def test_what_is_refused(decisions: trd.Decisions) -> None:
    two = {"always": trd.Continue(84), "never": trd.Discontinue()}
    with pytest.raises(SpecError, match="two or more"):
        trd.CloneCensorWeight({"always": trd.Continue(84)}, "score", tau=84)
    with pytest.raises(SpecError, match="must be Continue"):
        trd.CloneCensorWeight({"a": trd.Continue(84), "b": 3}, "score", tau=84)  # type: ignore[dict-item]
    with pytest.raises(SpecError, match="cap must be a quantile"):
        trd.CloneCensorWeight(two, "score", tau=84, cap=0.2)
    with pytest.raises(SpecError, match="days must be a positive number"):
        trd.Continue(0)
    with pytest.raises(SpecError, match="grace must be a number of days"):
        trd.Discontinue(grace=-1)
    with pytest.raises(SpecError, match="must return 1"):
        trd.RuleStrategy(lambda r: np.full(len(r), 5), "five").required(decisions.frame)
    missing = decisions.frame.assign(score=decisions.frame["score"].where(lambda s: s != 12))
    with pytest.raises(DataError, match="lack a covariate of 'score'"):
        trd.CloneCensorWeight(two, "score", tau=84).fit(trd.Decisions(missing))
    never = decisions.frame.assign(on=1, previous=1)
    with pytest.raises(NotEstimableError, match="never changes"):
        trd.CloneCensorWeight(two, "score", tau=84).fit(trd.Decisions(never))
    with pytest.raises(NotEstimableError, match="without error"):
        trd.CloneCensorWeight(two, "on_too", tau=84).fit(
            trd.Decisions(decisions.frame.assign(on_too=decisions.frame["on"]))
        )
    with pytest.raises(SpecError, match="for 'continue' only"):
        trd.SequentialTrials("score", days=[84], model="score")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"on": 2}, "neither on"),
        ({"stop": 0}, "ends at its start|end at their start"),
        ({"start": 1}, "does not begin at day 0|do not begin"),
        ({"previous": "yes"}, "no number"),
        ({"status": 0.5}, "no whole number from 0 on"),
        ({"status": -1}, "no whole number from 0 on"),
        ({"left": "no"}, "no number"),
        ({"left": np.nan}, "no number"),
        ({"left": 2}, "neither left follow-up"),
        ({"subject": None}, "rows have no subject"),
        ({"start": pd.Timestamp("2024-01-01")}, "no number"),
    ],
)
def test_frames_that_are_no_decisions(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        trd.Decisions(SMALL.assign(**change))


def test_every_problem_of_the_order_of_rows() -> None:
    gap = SMALL.copy()
    gap.loc[1, "start"] = 30
    gap.loc[7, "previous"] = 1
    gap.loc[3, "status"] = 1
    with pytest.raises(DataError) as caught:
        trd.Decisions(gap)
    text = str(caught.value)
    for words in ("does not begin where the one before it ends", "after an event",
                  "not the one of the row before"):  # fmt: skip
        assert words in text


def at_random(edges: list[float], *, seed: int, death: float = 0.0, n: int = 3000) -> trd.Decisions:
    """Return starts at random without an effect: events at rate 1 / 200 a day, censoring 1 / 100.

    With `death`, whole intervals instead: the event in one of ten, and death in so many.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        event, gone = rng.exponential(200), rng.exponential(100)
        previous = 0
        for a, b in itertools.pairwise(edges):
            on = 1 if previous else int(rng.random() < 0.3)
            if death:
                u = rng.random()
                stop, status = b, 1 if u < 0.1 else 2 if u < 0.1 + death else 0
            else:
                stop = min(event, gone, b)
                status = int(event <= min(gone, b))
            rows.append((i, a, stop, status, on, previous, rng.normal()))
            previous = on
            if status or stop < b:
                break
    names = ["subject", "start", "stop", "status", "on", "previous", "L"]
    return trd.Decisions(pd.DataFrame(rows, columns=names))


def by_arm(decisions: trd.Decisions, day: float) -> Any:
    table = trd.SequentialTrials("L", days=[day], n_boot=0).fit(decisions).tidy()
    return table.loc[table["measure"] == "incidence", "estimate"].to_numpy()


def test_trials_know_of_what_competes() -> None:
    """In each of 4 intervals 0.1 relapse and 0.3 die: 0.1 (1 + 0.6 + 0.36 + 0.216) = 0.218."""
    decisions = at_random([0, 28, 56, 84, 112], seed=1, death=0.3)
    # The error of a rate of 3,000 subjects is 0.008; 1 less the survival would give 0.34.
    assert by_arm(decisions, 112) == pytest.approx(0.2176, abs=0.025)


@pytest.mark.parametrize("step", [30, 90])
def test_intervals_cut_short_count_with_their_part(step: int) -> None:
    """By day 90 1 - exp(-90 / 200) = 0.362 had the event, whatever the length of intervals."""
    decisions = at_random([float(d) for d in range(0, 181, step)], seed=5)
    # Error 0.013; whole intervals would give 0.24 at a step of 90.
    assert by_arm(decisions, 90) == pytest.approx(1 - np.exp(-0.45), abs=0.03)


def wearing_off(*, seed: int, n: int = 8000) -> trd.Decisions:
    """Return subjects ill (L = 1) or well at each start, as likely as not and anew every time.

    The ill have the event in 0.4 of intervals and start in 0.8 of decisions, the well in 0.05 and
    0.2; on treatment the hazard is halved.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        previous = 0
        for k in range(10):
            ill = int(rng.random() < 0.5)
            on = 1 if previous else int(rng.random() < (0.8 if ill else 0.2))
            status = int(rng.random() < (0.4 if ill else 0.05) * (0.5 if on else 1.0))
            rows.append((i, 28 * k, 28 * (k + 1), status, on, previous, ill))
            previous = on
            if status:
                break
    names = ["subject", "start", "stop", "status", "on", "previous", "L"]
    return trd.Decisions(pd.DataFrame(rows, columns=names))


def test_what_a_covariate_says_may_wear_off() -> None:
    """Half are ill at the start of a trial; of the second interval it tells nothing.

    Continuing, an interval has the event in 0.225 / 2 = 0.1125 of the subjects on treatment. Of
    those off, 0.225 in the first; each later one as well, weighted for those who start.
    """
    decisions = wearing_off(seed=6)
    for days in ([28.0], [28.0, 140.0], [28.0, 280.0]):
        spec = trd.SequentialTrials("L", days=days, estimand="continue", n_boot=0)
        table = spec.fit(decisions).tidy().set_index(["measure", "arm", "time"])["estimate"]
        # Error of a rate about 0.004. One coefficient of L for all intervals gives 0.05 less for
        # the difference at day 28 when 280 days are asked for.
        assert table["incidence", "start", 28.0] == pytest.approx(0.1125, abs=0.01)
        assert table["incidence", "do not start", 28.0] == pytest.approx(0.225, abs=0.01)
        if 140.0 in days:  # error about 0.01: a tenth of those who do not start are left by then
            assert table["incidence", "start", 140.0] == pytest.approx(1 - 0.8875**5, abs=0.03)
            assert table["incidence", "do not start", 140.0] == pytest.approx(
                1 - 0.775**5, abs=0.03
            )


def test_intervals_of_trials_have_one_length() -> None:
    uneven = at_random([0, 28, 56, 84, 168, 252], seed=2, n=100)
    with pytest.raises(DataError, match="not 28 days long, as the others are"):
        by_arm(uneven, 84)


def test_nothing_is_said_beyond_the_last_who_follows(decisions: trd.Decisions) -> None:
    frame = decisions.frame
    away = (frame["on"] == 1) & (frame["start"] >= 56)
    gone = away.groupby(frame["subject"], observed=True).cumsum() > 0
    short = trd.Decisions(frame[~gone])  # nobody is on treatment after day 56
    last = frame["stop"].max()
    spec = trd.CloneCensorWeight(
        {"always": trd.Continue(168), "never": trd.Discontinue()}, "score",
        tau=168, days=[56, 112], n_boot=8,
    )  # fmt: skip
    table = spec.fit(short).tidy().set_index(["measure", "strategy", "time"])
    always, never = (table.loc[("incidence", s, 112)] for s in ("always", "never"))
    assert np.isnan(always["estimate"])
    assert always["reason"] == "no subject who follows the strategy is left by then"
    assert np.isfinite(never["estimate"])
    assert "No estimate at day 112: no subject who follows the strategy is left by then." in str(
        spec.fit(short)
    )
    assert np.isfinite(table.loc[("incidence", "always", 56), "std_error"])
    assert np.isnan(table.loc[("mean days without", "always", 168), "estimate"])
    trials = trd.SequentialTrials("score", days=[84, last + 500], n_boot=0).fit(decisions).tidy()
    late = trials[trials["time"] > last]
    shown = str(trd.SequentialTrials("score", days=[last + 500], n_boot=0).fit(decisions))
    assert "No estimate at day" in shown
    assert late["estimate"].isna().all()
    assert late["reason"].str.startswith("no trial has both arms followed after day").all()


def test_weights_refuse_what_would_undo_them(decisions: trd.Decisions) -> None:
    heavy = trd.Decisions(decisions.frame.assign(weight=70.0))
    with pytest.raises(SpecError, match="a column 'weight', the name of the weights"):
        trd.ChangingWeights("score + weight").fit(heavy)
    with pytest.raises(SpecError, match=r"covariates that change \(score\)"):
        trd.ChangingWeights("score", numerator="score + start").fit(decisions)
    stayed = trd.Decisions(decisions.frame.drop(columns="left"))
    with pytest.raises(NotEstimableError, match="No subject left follow-up"):
        trd.ChangingWeights("score", leaving="score").fit(stayed)
    two = {"always": trd.Continue(168), "never": trd.Discontinue()}
    with pytest.raises(NotEstimableError, match="No subject left follow-up"):
        trd.CloneCensorWeight(two, "score", tau=168, leaving="score").fit(stayed)


def test_strategies_that_do_not_differ(decisions: trd.Decisions) -> None:
    def fit(*strategies: trd.TreatmentStrategy) -> Any:
        named = {str(i): s for i, s in enumerate(strategies)}
        return trd.CloneCensorWeight(named, "score", tau=168, n_boot=0).fit(decisions)

    with pytest.raises(NotEstimableError, match="asks for no treatment at any decision"):
        fit(trd.Continue(28, grace=90), trd.Discontinue())
    with pytest.raises(NotEstimableError, match="ask for the same at every decision"):
        fit(trd.Continue(5000), trd.Continue(6000))
    with pytest.raises(SpecError, match="must be 1 while in the state and 0 otherwise"):
        fit(trd.ContinueUntil("score"), trd.Discontinue())


def test_trials_need_every_covariate(decisions: trd.Decisions) -> None:
    holes = decisions.frame.assign(score=decisions.frame["score"].where(lambda s: s != 12))
    with pytest.raises(DataError, match="lack a covariate of 'score'"):
        trd.SequentialTrials("score", days=[84], n_boot=0).fit(trd.Decisions(holes))


def test_rows_may_come_in_any_order_and_as_texts(decisions: trd.Decisions) -> None:
    spec = trd.CloneCensorWeight(
        {"always": trd.Continue(168), "never": trd.Discontinue()}, "score", tau=168, n_boot=4
    )
    shuffled = decisions.frame.sample(frac=1, random_state=3)
    texts = shuffled.assign(start=shuffled["start"].astype(str), stop=shuffled["stop"].astype(str))
    want = spec.fit(decisions).tidy()
    assert spec.fit(trd.Decisions(texts)).tidy()["std_error"].to_numpy() == pytest.approx(
        want["std_error"].to_numpy(), rel=1e-9
    )


def test_courses_that_are_spelt_in_two_ways_or_never_end() -> None:
    sample = trd.simulate.maintenance(n=60, seed=1)
    visits = sample.visits[["subject", "day", "score"]].assign(treatment="maintenance")
    courses = sample.courses[["subject", "treatment", "start", "end"]].astype({"treatment": str})
    relapse = trd.Relapse(at_least=22)

    def on(table: pd.DataFrame) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrdstatsWarning)  # one group; some without a course
            study = trd.Study(visits, courses=table, scale="MADRS")
        made = trd.decision_intervals(study, relapse, "lithium", step=28, covariates=["score"])
        return made.frame["on"].to_numpy()

    respelt = courses.assign(treatment=np.where(np.arange(len(courses)) % 3, "lithium", "Lithium"))
    with pytest.raises(SpecError, match="in other ways too: 'Lithium'"):
        on(respelt)
    # An open course is over where the next one of the treatment ends.
    subject = courses["subject"].iloc[0]
    one = pd.DataFrame({"subject": subject, "treatment": "lithium", "start": [0, 56],
                        "end": [np.nan, 84]})  # fmt: skip
    closed = one.assign(end=[56, 84])
    assert (on(one) == on(closed)).all()
