"""Rows of emulated trials: subject, trial, interval of follow-up; and the pooled hazard model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.changing.decision_model import Choice, counts_of_rows, read_known
from trdstats.comparison.changing.decisions import Decisions
from trdstats.errors import DataError, NotEstimableError, Problem, count_of
from trdstats.formulas import check_full_rank
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.kernels.parametric.natural_spline import natural_spline
from trdstats.kernels.weighting.decision_weights import first_breach, product_within
from trdstats.kernels.weighting.pooled_hazards import PooledHazards
from trdstats.parts import Arrays

_ROUNDING = 1e-6  # days
# What a covariate at the start of a trial says of the hazard wears off, and an effect comes and
# goes: each coefficient has a course over time, with a bend for so many events a coefficient.
_MOST_KNOTS = 5
_EVENTS = 10


@dataclass(frozen=True)
class Trials:
    """All trials on arrays; travels to workers.

    Attributes
    ----------
    row : ndarray of int, shape (P,)
        Row of the decisions of each interval of follow-up.
    of : ndarray of int, shape (P,)
        Row of the decisions at which its trial began.
    arm : ndarray, shape (P,)
        1 starts.
    time : ndarray of int, shape (P,)
        Intervals since the start of the trial.
    event, other : ndarray, shape (P,)
        1 where the event, or what competes with it, came in the interval.
    part : ndarray, shape (P,)
        Part of the interval that was followed: below 1 where it was cut short by censoring.
    begins : ndarray of int
        First of the P rows of every subject in a trial.
    X : ndarray, shape (R, q)
        Covariates of all decisions, centred.
    starts : ndarray of int, shape (n,)
        First row of each subject among the decisions.
    subject : ndarray of int, shape (R,)
    ends : ndarray, shape (T,)
        Days since the start of a trial at which its intervals end, while both arms are followed.
    order : ndarray of int
        Rows of those intervals, by the time since the start of the trial.
    hazards : PooledHazards
        Of these rows: a constant, the arm, the covariates.
    days : ndarray, shape (d,)
    choice : Choice or None
        Of the decisions, where leaving an arm ends the follow-up.
    start_day : ndarray, shape (R,)
    """

    row: IntArray
    of: IntArray
    arm: FloatArray
    time: IntArray
    event: FloatArray
    other: FloatArray
    part: FloatArray
    begins: IntArray
    X: FloatArray
    starts: IntArray
    subject: IntArray
    ends: FloatArray
    order: IntArray
    hazards: PooledHazards
    days: FloatArray
    choice: Choice | None
    start_day: FloatArray

    def curves(self, counts: FloatArray) -> FloatArray:
        """Return the incidence at the end of every interval under (not starting, starting)."""
        of_row = counts_of_rows(counts, self.starts, len(self.X))
        weight = of_row[self.row] * self.part
        if self.choice is not None:
            p = self.choice.probability(self.choice.fit(of_row))[self.row]
            # The first decision defines the arm; later ones keep to it.
            factor = np.where(self.time == 0, 1.0, p)
            weight = weight / product_within(factor, self.begins)
        of_event, of_other = (
            self.hazards.fit(y[self.order], weight[self.order]) if y[self.order].any() else None
            for y in (self.event, self.other)
        )
        assert of_event is not None  # `emulate` asks for events
        entered = self.of[self.begins]
        times_in = of_row[entered]
        out = np.empty((2, len(self.ends)))
        for a in (0, 1):
            Z = _columns(np.full(len(entered), float(a)), self.X[entered])
            left, incidence = np.ones(len(entered)), np.zeros(len(entered))
            for t in range(len(self.ends)):
                hazard = expit(Z @ of_event[t])
                incidence = incidence + left * hazard
                gone = hazard if of_other is None else hazard + expit(Z @ of_other[t])
                left = left * np.maximum(1 - gone, 0.0)
                out[a, t] = (times_in @ incidence) / times_in.sum()
        return out

    def estimate(self, counts: FloatArray) -> Arrays:
        """Return the incidence on the days, one row an arm."""
        curves = self.curves(counts)
        at = np.r_[0.0, self.ends]
        on_days = np.array([np.interp(self.days, at, np.r_[0.0, row]) for row in curves])
        return {"incidence": np.where(self.days > self.ends[-1], np.nan, on_days)}

    def table(self) -> pd.DataFrame:
        """Return every trial: start, n_start, n_not, events_start, events_not, intervals."""
        first = self.begins
        entered = pd.DataFrame({"start": self.start_day[self.of[first]], "arm": self.arm[first]})
        events = pd.DataFrame(
            {"start": self.start_day[self.of], "arm": self.arm, "event": self.event}
        )
        starts = entered["arm"] == 1
        n = entered.assign(n_start=starts, n_not=~starts).groupby("start")[["n_start", "n_not"]]
        started = events["event"] * (events["arm"] == 1)
        d = events.assign(events_start=started, events_not=events["event"] - started)
        of_trial = d.groupby("start").agg(
            events_start=("events_start", "sum"), events_not=("events_not", "sum"),
            intervals=("event", "size"),
        )  # fmt: skip
        counts = n.sum().join(of_trial).reset_index()
        return counts.astype({c: int for c in counts.columns if c != "start"})


def emulate(
    decisions: Decisions, covariates: str, days: list[float], choice: Choice | None
) -> Trials:
    """Return the trials of those off treatment, one at every interval.

    Raises
    ------
    NotEstimableError
        When no subject starts, an arm has no event, or covariates are collinear.
    DataError
        When a covariate is missing, or intervals differ in length.
    """
    frame = decisions.frame
    step = _step(decisions)
    design = read_known(decisions, covariates)
    X = design.X - design.X.mean(axis=0)
    previous, on = frame["previous"].to_numpy(), frame["on"].to_numpy()
    starts = decisions.starts
    size = np.diff(np.append(starts, len(frame)))
    subject = np.repeat(np.arange(len(starts)), size)
    last = (starts + size)[subject]
    eligible = np.flatnonzero(previous == 0)
    if not on[eligible].any():
        raise NotEstimableError(
            f"No subject off {decisions.treatment} starts it: there is no trial to emulate."
        )
    longest = int(np.ceil(max(days) / step))
    length = np.minimum(last[eligible] - eligible, longest)
    of = np.repeat(eligible, length)
    time = np.arange(len(of)) - np.repeat(np.cumsum(length) - length, length)
    row, arm = of + time, on[of].astype(float)
    begins = (np.cumsum(length) - length).astype(np.intp)
    if choice is not None:
        kept = first_breach(on[row] == arm, begins)
        row, of, arm, time = row[kept], of[kept], arm[kept], time[kept]
        begins = np.flatnonzero(time == 0).astype(np.intp)
    status = frame["status"].to_numpy()[row]
    event, other = (status == 1).astype(float), (status > 1).astype(float)
    lasted = (frame["stop"] - frame["start"]).to_numpy()[row] / step
    part = np.where(status == 0, np.minimum(lasted, 1.0), 1.0)
    followed = min(int(time[arm == a].max(initial=0)) for a in (0.0, 1.0)) + 1
    both = time < followed
    for a, name in ((1.0, "start"), (0.0, "do not start")):
        if not event[(arm == a) & both].any():
            raise NotEstimableError(
                f"No subject who is to {name} had the event while both arms are followed: the "
                "curve has no estimate."
            )
    check_full_rank(np.column_stack([np.ones(len(eligible)), X[eligible]]),
                    ["Intercept", *design.terms])  # fmt: skip
    order = np.argsort(time, kind="stable")[: int(both.sum())].astype(np.intp)
    Z = _columns(arm[order], X[of[order]])
    knots = _knots(time[both & (event > 0)], followed, Z.shape[1])
    course = natural_spline(np.arange(float(followed)), knots)[0]
    return Trials(
        row=row.astype(np.intp), of=of.astype(np.intp), arm=arm, time=time.astype(np.intp),
        event=event, other=other, part=part, begins=begins, X=X, starts=starts,
        subject=subject.astype(np.intp),
        ends=step * np.arange(1.0, followed + 1), days=np.asarray(days, dtype=float),
        order=order, hazards=PooledHazards.of(Z, time[order].astype(np.intp), course),
        choice=choice, start_day=frame["start"].to_numpy(dtype=float),
    )  # fmt: skip


def _columns(arm: FloatArray, X: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(arm)), arm, X])


def _knots(with_events: IntArray, followed: int, columns: int) -> FloatArray:
    """Return the intervals at which the courses bend: as many as the events bear."""
    most = min(_MOST_KNOTS, max(2, len(with_events) // (_EVENTS * columns)))
    if followed <= most:
        return np.arange(float(followed))
    at = np.quantile(with_events, np.linspace(0, 1, most)[1:], method="nearest")
    return np.unique(np.r_[0.0, at])


def _step(decisions: Decisions) -> float:
    """Return the length of the intervals; only the last of a subject may be shorter.

    Raises
    ------
    DataError
    """
    frame = decisions.frame
    length = (frame["stop"] - frame["start"]).to_numpy()
    is_last = np.zeros(len(frame), dtype=bool)
    is_last[np.append(decisions.starts[1:], len(frame)) - 1] = True
    step = float(np.median(length[~is_last])) if (~is_last).any() else float(length.max())
    uneven = np.where(is_last, length > step + _ROUNDING, np.abs(length - step) > _ROUNDING)
    if uneven.any():
        raise DataError(
            [
                Problem(
                    "unequal_intervals",
                    count_of(int(uneven.sum()), "interval is", "intervals are")
                    + f" not {step:g} days long, as the others are.",
                    tuple(frame.loc[uneven, "subject"].astype(str).drop_duplicates()),
                    "Trials are pooled by their intervals: give intervals of one length, as "
                    "decision_intervals(step=...) makes them. CloneCensorWeight takes any.",
                )
            ]
        )
    return step


def redraw(stream: np.random.SeedSequence, trials: Trials) -> Arrays:
    """Return the estimates of subjects drawn again."""
    counts = draw_counts(len(trials.starts), np.random.default_rng(stream))
    return trials.estimate(counts)
