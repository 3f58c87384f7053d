"""Probability of being in response: against R and plain loops, and relations that must hold."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import (
    KaplanMeier,
    LossOfResponse,
    Relapse,
    Response,
    ResponseHistory,
    ResponseState,
    Study,
    response_history,
    time_to,
)
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.risk_sets import state_probabilities as kernel
from trdstats.plots import plot_state_areas
from trdstats.survival.states.history_groups import split_history

PRINTED = 2e-9  # ten digits, half a unit of the last, on values between 0.01 and 100
R_VALUES = Path(__file__).parents[1] / "reference" / "in_response" / "values.json"
N, R, L = STATES = ("not responding", "in response", "relapsed")
R_NAMES = dict(zip(STATES, ("(s0)", "response", "relapse"), strict=True))


@pytest.fixture(scope="module")
def history(trial: Study) -> ResponseHistory:
    return response_history(trial, Response(), Relapse(20, 2))


def rows_of(frame: pd.DataFrame, **cells: Any) -> pd.DataFrame:
    """Return the rows whose cells hold these values."""
    keep = np.ones(len(frame), dtype=bool)
    for column, value in cells.items():
        keep &= (frame[column] == value).to_numpy()
    return frame[keep]


def simulated(
    seed: int, n: int = 40, *, regain: bool = True, ties: bool = True, relapse: bool = True
) -> pd.DataFrame:
    """Return histories with moves back and forth, ties, and all kinds of censoring."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day, state, end = 0.0, 0, rng.integers(5, 30) + (0.0 if ties else rng.random())
        while True:
            step = rng.integers(1, 12) if ties else 12 * rng.random() + 1e-3
            to = (1, 2, 1)[state]
            stays = day + step >= end or (state == 1 and not relapse)
            stop = end if stays else day + step
            to_name = "censored" if stays else STATES[to]
            rows.append((i, "ab"[i % 2], day, stop, STATES[state], to_name))
            if stays or (to == 2 and not regain):
                break
            day, state = stop, to
    return pd.DataFrame(rows, columns=["subject", "treatment", "start", "stop", "state", "to"])


def test_r(history: ResponseHistory) -> None:
    expected = json.loads(R_VALUES.read_text("utf-8"))
    fit = ResponseState(tau=168).fit(history)
    got = fit.at([7, 28, 84, 168])
    for row in expected["pstate"]:
        arm = row["arm"].removeprefix("arm=")
        own = got[(got["treatment"] == arm) & (got["time"] == row["time"])].set_index("state")
        for state, name in R_NAMES.items():
            assert own.loc[state, "estimate"] == pytest.approx(row[name], rel=PRINTED)
            # R prints 0 where nobody is in a state: that is an error not known, not one of 0.
            error = row[f"se_{name}"] if row[name] > 0 else np.nan
            assert own.loc[state, "std_error"] == pytest.approx(error, rel=PRINTED, nan_ok=True)
    days = fit.mean_days().query("measure == 'mean days'").set_index(["treatment", "state"])
    for row in expected["mean_days_to_168"]:
        arm, name = row["group"].removeprefix("arm=").split(", ")
        state = next(s for s, r in R_NAMES.items() if r == name)
        assert days.loc[(arm, state), "estimate"] == pytest.approx(row["rmean"], rel=PRINTED)


def naive(frame: pd.DataFrame, at: float, tau: float) -> tuple[Any, Any, Any]:
    """Return p(at), its standard errors and mean days, by loops over times and subjects."""
    code = {s: j for j, s in enumerate(STATES)}
    subjects = list(frame["subject"].unique())
    times = sorted(set(frame["start"]) | set(frame["stop"]))
    rows = frame[["subject", "start", "stop", "state", "to"]].to_numpy().tolist()
    first = {r[0]: code[r[3]] for r in rows if r[1] == 0}
    p = np.bincount(list(first.values()), minlength=3) / len(first)
    U = {i: (np.eye(3)[first[i]] - p) / len(first) for i in subjects}
    mean, held = np.zeros(3), {}
    before = 0.0
    for t in times[1:]:
        mean += p * (min(t, tau) - min(before, tau))
        if t > at and not held:
            held = {"p": p.copy(), "U": dict(U)}
        H = np.eye(3)
        at_risk = {r[0]: r for r in rows if r[1] < t <= r[2]}
        n = np.bincount([code[r[3]] for r in at_risk.values()], minlength=3)
        for r in at_risk.values():
            if r[2] == t and r[4] != "censored":
                H[code[r[3]], code[r[4]]] += 1 / n[code[r[3]]]
                H[code[r[3]], code[r[3]]] -= 1 / n[code[r[3]]]
        for i in subjects:
            U[i] = U[i] @ H
            if i in at_risk:
                r = at_risk[i]
                j = code[r[3]]
                k = code[r[4]] if r[2] == t and r[4] != "censored" else j
                U[i] = U[i] + p[j] / n[j] * (np.eye(3)[k] - H[j])
        p, before = p @ H, t
    mean += p * max(tau - before, 0)
    held = held or {"p": p, "U": U}
    return held["p"], np.sqrt(sum(u**2 for u in held["U"].values())), mean


@pytest.mark.parametrize("seed", range(4))
def test_plain_loops_agree_where_response_is_regained(seed: int) -> None:
    frame = simulated(seed, ties=seed % 2 == 0).assign(treatment="a")
    p, error, mean = naive(frame, 9.0, 10.0)
    fit = ResponseState(tau=10).fit(frame)
    got = fit.at([9.0])
    assert got["estimate"].to_numpy() == pytest.approx(p, abs=1e-13)
    assert got["std_error"].to_numpy() == pytest.approx(error, abs=1e-13)
    assert fit.mean_days()["estimate"].to_numpy() == pytest.approx(mean, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_probabilities_sum_to_one(seed: int, regain: bool) -> None:
    fit = ResponseState(tau=5).fit(simulated(seed, regain=regain))
    total = fit.tidy().groupby(["treatment", "time"])["estimate"].sum()
    assert total.to_numpy() == pytest.approx(np.ones(len(total)), abs=1e-12)
    days = fit.mean_days().query("measure == 'mean days'").groupby("treatment")["estimate"].sum()
    assert days.to_numpy() == pytest.approx([5, 5], abs=1e-12)
    effect = fit.influence([3, 5]).drop(columns="subject")
    assert effect.sum().to_numpy() == pytest.approx(np.zeros(effect.shape[1]), abs=1e-12)
    spread = np.sqrt((effect.filter(like="mean days") ** 2).sum().to_numpy())
    errors = fit.mean_days().query("measure == 'mean days'")["std_error"].to_numpy()
    none = np.isnan(errors)  # nobody was ever in the state
    assert spread[~none] == pytest.approx(errors[~none], abs=1e-12)
    assert spread[none] == pytest.approx(0, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_without_relapse_it_is_one_minus_kaplan_meier(seed: int, ties: bool) -> None:
    frame = simulated(seed, relapse=False, ties=ties)
    times = frame[frame["state"] == N].assign(
        time=lambda d: d["stop"], status=lambda d: (d["to"] == R).astype(int)
    )
    at = [2.0, 4.0, 5.0]
    curve = KaplanMeier().fit(times.drop(columns=["start", "stop", "state", "to"])).at(at)
    states = ResponseState(tau=5).fit(frame).at(at)
    own = states[states["state"] == R]
    known = curve["estimate"].between(0, 1, inclusive="neither").to_numpy()
    assert own["estimate"].to_numpy()[known] == pytest.approx(
        1 - curve["estimate"].to_numpy()[known], abs=1e-12
    )
    # Greenwood's variance is the sum of squared influences exactly.
    assert own["std_error"].to_numpy()[known] == pytest.approx(
        curve["std_error"].to_numpy()[known], abs=1e-12
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 2.0, 24.0]))
def test_order_names_and_unit_do_not_matter(seed: int, factor: float) -> None:
    frame = simulated(seed)
    spec = ResponseState(tau=5)
    expected = spec.fit(frame).mean_days()
    shuffled = spec.fit(frame.sample(frac=1, random_state=seed)).mean_days()
    for column in ("estimate", "std_error"):
        own, others = shuffled[column].to_numpy(), expected[column].to_numpy()
        assert own == pytest.approx(others, rel=1e-9, abs=1e-12, nan_ok=True)
    renamed = frame.assign(treatment=frame["treatment"].map({"a": "z", "b": "y"}))
    swapped = ResponseState(tau=5, reference="z").fit(renamed).mean_days()
    gap = swapped.query("measure == 'difference'")["estimate"].to_numpy()
    assert gap == pytest.approx(expected.query("measure == 'difference'")["estimate"], abs=1e-10)
    scaled = frame.assign(start=frame["start"] * factor, stop=frame["stop"] * factor)
    longer = ResponseState(tau=5 * factor).fit(scaled).mean_days()
    days = expected["measure"] == "mean days"
    assert longer["estimate"][days].to_numpy() == pytest.approx(
        factor * expected["estimate"][days], rel=1e-10, abs=1e-12
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_of_two_is_a_second_copy(seed: int) -> None:
    frame = simulated(seed)
    doubled = frame["subject"] % 3 == 0
    copies = pd.concat([frame, frame[doubled].assign(subject=lambda d: d["subject"] + 1000)])
    weight = pd.Series({i: 2.0 if i % 3 == 0 else 1.0 for i in frame["subject"].unique()})
    weighted = ResponseState(tau=5).fit(frame, weights=weight)
    copied = ResponseState(tau=5).fit(copies)
    for call in ("tidy", "mean_days"):
        a, b = getattr(weighted, call)()["estimate"], getattr(copied, call)()["estimate"]
        assert a.to_numpy() == pytest.approx(b.to_numpy(), rel=1e-12, abs=1e-12, nan_ok=True)
    assert "effective sample size" in repr(weighted)
    # Twins carry no information of their own: errors are those of the subjects.
    errors = [f.mean_days()["std_error"].iloc[1] for f in (weighted, copied)]
    assert errors[0] > errors[1]
    same = ResponseState(tau=5).fit(frame, weights=0 * weight + 7)
    plain = ResponseState(tau=5).fit(frame)
    assert same.tidy()["std_error"].to_numpy() == pytest.approx(
        plain.tidy()["std_error"].to_numpy(), abs=1e-12, nan_ok=True
    )


def test_a_weight_of_zero_takes_no_part() -> None:
    frame = simulated(5)
    weight = pd.Series({i: float(i % 5 > 0) for i in frame["subject"].unique()})
    fit = ResponseState(tau=5).fit(frame, weights=weight)
    fewer = ResponseState(tau=5).fit(frame[frame["subject"] % 5 > 0])
    assert fit.mean_days()["estimate"].to_numpy() == pytest.approx(
        fewer.mean_days()["estimate"].to_numpy(), rel=1e-12, nan_ok=True
    )
    assert fit.glance()["n"].item() == 32


def test_influence_is_the_derivative_to_the_weight(history: ResponseHistory) -> None:
    subjects = history.frame["subject"].unique()
    spec, h = ResponseState(tau=100), 1e-5
    fit = spec.fit(history)
    effect = fit.influence([28]).set_index("subject")
    for name in (subjects[0], subjects[50], subjects[-1]):
        moved = []
        for sign in (1, -1):
            weight = pd.Series(1.0, subjects)
            weight[name] += sign * h
            found = spec.fit(history, weights=weight)
            days = found.mean_days().query("measure == 'mean days'")["estimate"].to_numpy()
            moved.append(np.append(days, found.at([28])["estimate"]))
        slope = (moved[0] - moved[1]) / (2 * h)
        arms = history.treatments
        columns = [f"mean days {a} {s} 100" for a in arms for s in STATES]
        columns += [f"probability {a} {s} 28" for a in arms for s in STATES]
        # Central differences of step h leave an error of the order h^2 and rounding / h.
        assert slope == pytest.approx(effect.loc[name, columns].to_numpy(dtype=float), abs=1e-8)


def test_contrasts_are_those_of_the_means(history: ResponseHistory) -> None:
    days = ResponseState(tau=168, reference="ECT").fit(history).mean_days()
    assert days["measure"].unique().tolist() == ["mean days", "difference", "ratio"]
    mean = days.query("measure == 'mean days'").set_index(["treatment", "state"])
    for row in days.query("measure != 'mean days'").itertuples():
        a, b = mean.loc[(row.treatment, row.state)], mean.loc[("ECT", row.state)]
        if row.measure == "difference":
            expected = a["estimate"] - b["estimate"], np.hypot(a["std_error"], b["std_error"])
        else:
            expected = (
                a["estimate"] / b["estimate"],
                np.hypot(a["std_error"] / a["estimate"], b["std_error"] / b["estimate"]),
            )
        assert (row.estimate, row.std_error) == pytest.approx(expected, rel=1e-12)


def test_bootstrap(history: ResponseHistory) -> None:
    fit = ResponseState(tau=168).fit(history)
    boot = fit.bootstrap(400, seed=3)
    days, plain = boot.mean_days(), fit.mean_days()
    assert days["estimate"].to_numpy() == pytest.approx(plain["estimate"].to_numpy(), rel=1e-12)
    # 400 draws know a standard error to 3.5 per cent; relapsed days are skewed.
    ratio = (days["std_error"] / plain["std_error"])[days["state"] != L]
    assert ratio.between(0.88, 1.12).all()
    frame = boot.tidy()
    assert (frame["conf_low"] <= frame["conf_high"]).all()
    with joblib.parallel_config(backend="threading"):
        again = fit.bootstrap(120, seed=3, n_jobs=2)
    assert again.days["ECT"].tolist() == boot.days["ECT"][:120].tolist()
    assert "1,000" not in repr(boot)
    assert "400 of subjects within groups, seed 3" in repr(boot)
    with pytest.raises(SpecError, match="n must be a whole number of resamples"):
        fit.bootstrap(1)


def test_an_arm_without_events() -> None:
    frame = simulated(2)
    still = pd.DataFrame(
        {"subject": [901, 902], "treatment": "c", "start": 0.0, "stop": [9.0, 12.0], "state": N,
         "to": "censored"}
    )  # fmt: skip
    fit = ResponseState(tau=5).fit(pd.concat([frame, still], ignore_index=True))
    own = fit.at([4]).query("treatment == 'c'").set_index("state")
    assert own["estimate"].tolist() == [1, 0, 0]
    assert own["std_error"].isna().all()
    differences = fit.mean_days().query("measure == 'difference' and treatment == 'c'")
    assert differences[["std_error", "p_value", "conf_low"]].isna().all(axis=None)
    assert own["conf_low"].isna().all()
    ratio = fit.mean_days().query("measure == 'ratio' and treatment == 'c'").set_index("state")
    assert np.isnan(ratio.loc[R, "estimate"])
    assert "–" in repr(fit)
    ax = fit.plot_in_response()
    plt.close(ax.figure)


def test_beyond_follow_up_nothing_is_known() -> None:
    frame = simulated(1, relapse=False).query("treatment == 'a'")
    last = frame["stop"].max()
    fit = ResponseState(tau=last).fit(frame)
    assert fit.at([last + 1])["estimate"].isna().all()
    with pytest.raises(NotEstimableError, match=f"lies beyond the follow-up of a \\(day {last:g}"):
        ResponseState(tau=last + 1).fit(frame)


def test_a_state_that_empties_is_said_to_be_carried_on() -> None:
    frame = pd.DataFrame(
        {"subject": [1, 1, 2], "treatment": "a", "start": [0, 2, 0], "stop": [2, 5, 20],
         "state": [N, R, N], "to": [R, "censored", "censored"]}
    )  # fmt: skip
    fit = ResponseState(tau=20).fit(frame)
    assert "No subject is followed to day 20 in a, in response (day 5)" in repr(fit)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f, s: ResponseState(tau=0), SpecError, "tau must be a positive number of days"),
        (lambda f, s: ResponseState(5, conf_level=95), SpecError, "conf_level must lie between"),
        (lambda f, s: ResponseState(5).fit(s), SpecError, "needs histories, which know response"),
        (lambda f, s: ResponseState(5, by="site").fit(f), UnknownNameError, "column 'site'"),
        (lambda f, s: ResponseState(5, reference="c").fit(f), UnknownNameError, "group 'c'"),
        (
            lambda f, s: ResponseState(5).fit(f, weights=pd.Series(-1.0, f["subject"].unique())),
            DataError, "negative",
        ),
        (
            lambda f, s: ResponseState(5).fit(f.assign(start=f["start"] + 1, stop=f["stop"] + 1)),
            NotEstimableError, "No subject is under observation from day 0 in a, b",
        ),
    ],
)  # fmt: skip
def test_refusals(call: Any, error: type[Exception], message: str, trial: Study) -> None:
    with pytest.raises(error, match=message):
        call(simulated(1), trial)


def test_a_treatment_nobody_had_looked_at() -> None:
    visits = pd.DataFrame(
        {"subject": list("AABB"), "treatment": ["ECT"] * 2 + ["VNS"] * 2, "day": [0, 28, 0, 90],
         "score": [30, 10, 30, 10]}
    )  # fmt: skip
    history = response_history(Study(visits, scale="MADRS"), Response(), LossOfResponse())
    with pytest.raises(
        NotEstimableError, match=r"No subject was assessed by day 28 under VNS \(day 90\)"
    ):
        ResponseState(tau=28).fit(history)
    assert ResponseState(tau=28).fit(history.only(["ECT"])).tidy()["treatment"].unique() == "ECT"


def test_face(history: ResponseHistory) -> None:
    text = repr(ResponseState(tau=168).fit(history))
    assert text.startswith(
        "Probability of being in response (Aalen-Johansen)\n"
        "  Outcome         response (≥ 50 % fall)\n"
        "  Origin          day 0\n"
        "  Subjects        224 with follow-up, 154 events\n"
        "  Never assessed  16 without a visit after the origin\n"
        "  Relapse         relapse (MADRS ≥ 20 × 2), 42 subjects\n"
    )
    assert "Mean days in response, against TMS" in text
    assert "ECT        42.9 (21.0 to 64.8)  1.64 (1.24 to 2.15)  <0.001" in text
    assert "Note: Everyone who started treatment counts, responder or not." in text


def test_results_pickle(history: ResponseHistory) -> None:
    fit = ResponseState(tau=168).fit(history)
    assert repr(pickle.loads(pickle.dumps(fit))) == repr(fit)
    assert "224 with follow-up" in fit._repr_html_()


def test_responders_alone_are_labelled_in_figures(trial: Study) -> None:
    durability = time_to(trial, Relapse(20, 2), since=Response())
    fit = KaplanMeier().fit(durability)
    words = "Compared among responders only: responders were not randomised"
    assert words in repr(fit)
    ax = fit.plot()
    assert any(words in t.get_text().replace("\n", " ") for t in ax.texts + list(ax.artists))
    plt.close(ax.figure)


def test_figures_draw_the_curves(history: ResponseHistory) -> None:
    fit = ResponseState(tau=168).fit(history)
    figure = fit.plot()
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in panels] == ["TMS", "ECT", "ketamine"]
    figure.draw_without_rendering()
    for ax, arm in zip(panels, history.treatments, strict=True):
        own = rows_of(fit.tidy(), treatment=arm, state=R).query("time < 168")
        corners = {tuple(v) for p in ax.collections[0].get_paths() for v in p.vertices}
        assert {(t, p) for t, p in zip(own["time"], own["estimate"], strict=True)} <= corners
        top = max(v[1] for p in ax.collections[2].get_paths() for v in p.vertices)
        assert top == pytest.approx(1)
        written = {t.get_text() for t in ax.texts}
        n = rows_of(fit.at([28]), treatment=arm, state=R)["n_risk"].item()
        assert str(int(n)) in written
    plt.close(figure)
    ax = fit.plot_in_response()
    lines = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    own = rows_of(fit.tidy(), treatment="ECT", state=R).query("time < 168")
    assert lines[1].get_ydata()[:-1].tolist() == own["estimate"].tolist()
    assert ax.get_ylabel() == "Probability of being in response"
    plt.close(ax.figure)


def test_areas_refuse_unknown_states() -> None:
    frame = pd.DataFrame(
        {"treatment": "a", "state": ["in response", "cured"], "time": 0.0, "estimate": 0.5}
    )
    with pytest.raises(UnknownNameError, match="Unknown state in `frame`: 'cured'"):
        plot_state_areas(frame)


def test_regained_response_adds_days(trial: Study) -> None:
    once = response_history(trial, Response(), LossOfResponse())
    again = response_history(trial, Response(), LossOfResponse(), regain=True)
    fits = [ResponseState(tau=168).fit(h).mean_days() for h in (once, again)]
    days = [rows_of(f, measure="mean days", state=R)["estimate"] for f in fits]
    assert (days[1].to_numpy() > days[0].to_numpy()).all()
    figure = ResponseState(tau=168).fit(again).plot()
    assert any("relapsed" in t.get_text() for t in figure.axes[0].texts)
    plt.close(figure)


def test_no_warning_is_raised_on_the_way(history: ResponseHistory) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ResponseState(tau=168, by=None).fit(history).mean_days()


@pytest.mark.parametrize("tau", [0.5, 9.0, 1000.0])
def test_influences_on_mean_days_alone_are_those_beside_the_curve(tau: float) -> None:
    data = split_history(ResponseHistory(simulated(3)), "treatment", None)
    for label, spells in data.spells.items():
        weight = np.random.default_rng(4).uniform(0.2, 3, len(data.group(label).row))
        fit = kernel.occupation(spells, weight)
        whole = kernel.influence(spells, fit, weight, at=np.empty(0), tau=tau)
        np.testing.assert_array_equal(
            kernel.mean_influence(spells, fit, weight, tau=tau), whole.mean
        )


def test_rows_checked_before_make_the_same_history(history: ResponseHistory) -> None:
    slots = {k: getattr(history, k) for k in ResponseHistory.__slots__}
    again, checked = ResponseHistory.of_valid(**slots), ResponseHistory(**slots)
    for name in ("frame", "unseen", "left_out", "visits"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(checked, name))
    assert (again.response, again.first_look) == (checked.response, checked.first_look)
