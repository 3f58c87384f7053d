"""A trial emulated at every decision: start a treatment now, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Jobs, check_instance, checked, checked_methods
from trdstats.comparison.changing.clone_censor_result import NO_IMMORTAL, gap_notes
from trdstats.comparison.changing.decision_model import check_separation, read_choice
from trdstats.comparison.changing.decisions import Decisions
from trdstats.comparison.changing.trial_rows import Trials, emulate, redraw
from trdstats.errors import SpecError, check_bootstrap, check_choice, check_level
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.formulas import read_right_side
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_p,
)

MEASURES = ("incidence", "difference in incidence", "ratio of incidences")


@checked
@dataclass(frozen=True, repr=False)
class SequentialTrials(SummaryMixin):
    """Emulate a trial at every interval: those off treatment who start it, or do not.

    The trials are pooled in a logistic regression of the hazard in each interval of follow-up on
    treatment and covariates at the start of the trial, whose coefficients have courses over time,
    since what a score says wears off; what competes with the event has another. Curves of
    cumulative incidence are standardised: every subject of every trial under both arms. An interval
    cut short by censoring counts with the part that was followed.

    Parameters
    ----------
    covariates : str
        As known at the start of each trial, e.g. ``"score + start"``.
    days : sequence of float
        Days of follow-up on which the curves are compared.
    estimand : {"initiate", "continue"}
        "initiate": starting against not starting, whatever follows. "continue": starting and going
        on against not starting; follow-up ends where an arm is left, and is weighted by the
        inverse probability of not having left it.
    model : str, optional
        Covariates of the decisions, for "continue". Default: `covariates`.
    n_boot : int, default 200
        Bootstrap replicates of subjects, all models refitted in each.
    seed : int, default 0
    n_jobs : int, default 1
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Hernan and others 2008, doi:10.1097/EDE.0b013e3181875e61; Danaei and others 2013,
    doi:10.1177/0962280211403603.

    Examples
    --------
    >>> import trdstats as trd
    >>> decisions = trd.decision_intervals(trd.simulate.maintenance(n=300, seed=1),
    ...     trd.Relapse(at_least=22), "lithium", step=28, covariates=["score"])
    >>> trials = trd.SequentialTrials("score + start", days=[168], n_boot=20).fit(decisions)
    >>> trials.tidy()["measure"].tolist()[-1]
    'ratio of incidences'
    """

    covariates: str
    days: Sequence[float]
    estimand: Literal["initiate", "continue"] = "initiate"
    model: str | None = field(default=None, kw_only=True)
    n_boot: int = field(default=200, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    n_jobs: Jobs = field(default=1, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.covariates)
        check_choice("estimand", self.estimand, ("initiate", "continue"))
        if self.model is not None:
            read_right_side(self.model)
            if self.estimand == "initiate":
                raise SpecError("model is of the decisions after the start: for 'continue' only.")
        if not len(self.days) or not all(d > 0 and np.isfinite(d) for d in self.days):
            raise SpecError("days must name one positive day or more.")
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)

    def fit(self, decisions: Decisions) -> SequentialTrialsResult:
        """Emulate the trials.

        Parameters
        ----------
        decisions : Decisions

        Raises
        ------
        SpecError
            When a covariate is not known at the start of an interval, such as ``stop``.
        DataError, UnknownNameError
            When a covariate is missing, or intervals differ in length.
        NotEstimableError
            When no subject off treatment starts it, or an arm has no event.
        """
        check_instance("decisions", decisions, Decisions)
        choice = None
        if self.estimand == "continue":
            choice = read_choice(decisions, self.model or self.covariates, "on")
            check_separation(choice, choice.fit(np.ones(len(decisions.frame))), "the treatment")
        trials = emulate(decisions, self.covariates, list(self.days), choice)
        estimate = trials.estimate(np.ones(decisions.n))
        drawn = replicate(redraw, (trials,), streams_of(self.seed, self.n_boot),
                          n_jobs=self.n_jobs) if self.n_boot else []  # fmt: skip
        return SequentialTrialsResult(self, decisions, trials, estimate, tuple(drawn))

    def summary(self) -> Summary:
        """Return the emulation in words."""
        return Summary("Sequential trials", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        what = {
            "initiate": "starting against not starting, whatever follows",
            "continue": "starting and going on against not starting; follow-up ends where a "
            "subject leaves its arm",
        }
        lines = [("Estimand", what[self.estimand]), ("Covariates", self.covariates)]
        if self.estimand == "continue":
            lines.append(("Decisions", f"logistic regressions on {self.model or self.covariates}"))
        return tuple(lines)


@checked_methods
@dataclass(frozen=True, repr=False)
class SequentialTrialsResult(EstimateResult):
    """Standardised incidence under both arms of the pooled trials.

    `tidy` has one row an estimate: measure ("incidence", "difference in incidence", "ratio of
    incidences"), arm ("start", "do not start"), time, then the columns of every table of estimates.

    Attributes
    ----------
    spec : SequentialTrials
    decisions : Decisions
    """

    spec: SequentialTrials
    decisions: Decisions
    _trials: Trials
    _estimate: Arrays
    _drawn: tuple[Arrays, ...]

    def estimates(self) -> Estimates:
        """Return the estimates with their covariance over the replicates."""
        keys, value, scale = self._laid_out(self._estimate)
        k = len(value)
        covariance = np.full((k, k), np.nan)
        if len(self._drawn) > 1:
            drawn = np.array([self._laid_out(one)[1] for one in self._drawn])
            logs = np.array([s == "log" for s in scale])
            with np.errstate(divide="ignore", invalid="ignore"):
                drawn = np.where(logs, np.log(drawn), drawn)
            covariance = np.cov(drawn, rowvar=False).reshape(k, k)
        null = [np.nan if m == MEASURES[0] else float(m == MEASURES[2]) for m in keys["measure"]]
        last = self._trials.ends[-1]
        reasons = [
            f"no trial has both arms followed after day {last:g}" if day > last
            else "the arm that does not start has no event by then" if not np.isfinite(v)
            else "" if np.isfinite(e) else "there is no bootstrap (n_boot)" if not self._drawn
            else "some replicates of the bootstrap have no event by then"
            for v, e, day in zip(value, np.diag(covariance), keys["time"], strict=True)
        ]  # fmt: skip
        value = np.where(np.isfinite(value), value, np.nan)
        return estimates_of(
            keys, value, covariance=covariance, scale=scale, null=null, reasons=reasons,
            title="Sequential trials", notes=self._notes(),
        )  # fmt: skip

    def _laid_out(self, estimate: Arrays) -> tuple[pd.DataFrame, Any, Any]:
        rows, values, scale = [], [], []
        for j, day in enumerate(self.spec.days):
            without, with_it = estimate["incidence"][:, j]
            rows += [(MEASURES[0], "start", day), (MEASURES[0], "do not start", day),
                     (MEASURES[1], "start", day), (MEASURES[2], "start", day)]  # fmt: skip
            with np.errstate(divide="ignore", invalid="ignore"):
                values += [with_it, without, with_it - without, with_it / without]
            scale += ["identity", "identity", "identity", "log"]
        keys = pd.DataFrame(rows, columns=["measure", "arm", "time"])
        order = np.argsort([MEASURES.index(m) for m in keys["measure"]], kind="stable")
        return (
            keys.iloc[order].reset_index(drop=True), np.array(values)[order],
            [scale[i] for i in order],
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        return (
            *caveat_notes(self.decisions.caveat),
            NO_IMMORTAL.replace("Every strategy begins with every subject at the origin",
                                "Both arms of every trial begin at its first day"),
            "Right when, given the covariates, who starts does not depend on how the disease would "
            "go on, and the logistic regression of the hazard fits.",
        )  # fmt: skip

    def trials(self) -> pd.DataFrame:
        """Return the trials.

        Returns
        -------
        pandas.DataFrame
            start (day), n_start, n_not, events_start, events_not, intervals (of follow-up).
        """
        return self._trials.table()

    def curves(self) -> pd.DataFrame:
        """Return the standardised incidence at the end of every interval: arm, time, estimate."""
        curve = self._trials.curves(np.ones(self.decisions.n))
        days = np.r_[0.0, self._trials.ends]
        return pd.concat(
            [pd.DataFrame({"arm": arm, "time": days, "estimate": np.r_[0.0, row]})
             for arm, row in zip(("do not start", "start"), curve, strict=True)],
            ignore_index=True,
        )  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Return one row: n, trials, subjects in trials (repeated), starts, events."""
        table = self.trials()
        return pd.DataFrame(
            {
                "n": [self.decisions.n],
                "trials": [len(table)],
                "n_in_trials": [int(table["n_start"].sum() + table["n_not"].sum())],
                "n_start": [int(table["n_start"].sum())],
                "events": [int(table["events_start"].sum() + table["events_not"].sum())],
                "n_boot": [len(self._drawn)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the standardised incidence of both arms; returns the Axes."""
        frame = self.curves().rename(columns={"arm": "treatment"})
        frame = frame.assign(conf_low=np.nan, conf_high=np.nan, n_risk=0, n_event=0, n_censor=0)
        outcome = self.decisions.outcome
        settings = {
            "ylabel": outcome[:1].upper() + outcome[1:],
            "xlabel": "Days since the start of a trial",
            "caveat": self.decisions.caveat, **options,
        }  # fmt: skip
        return plots.plot_survival(frame, ax=ax, cumulative=True, **settings)

    def summary(self) -> Summary:
        """Return the trials and the standardised incidence."""
        g = next(each_row(self.glance()))
        rows = []
        for r in each_row(self.tidy()):
            is_ratio = r.measure == MEASURES[2]
            shown = format_estimate(
                r.estimate, r.conf_low, r.conf_high, 2 if is_ratio else 1,
                scale=1.0 if is_ratio else 100.0,
            )  # fmt: skip
            unit = "" if is_ratio else " (%)"
            rows.append((f"{r.measure}{unit}", r.arm, f"{r.time:g}", shown, format_p(r.p_value)))
        level = f"{format_level(self.conf_level)} CI"
        names = ("Measure", "Arm", "By day", f"Estimate ({level})", "p")
        estimates = self.estimates()
        header = (
            ("Outcome", self.decisions.outcome), ("Origin", self.decisions.origin),
            ("Treatment", self.decisions.treatment),
            ("Trials", f"{format_count(g.trials)}, with {format_count(g.n_in_trials)} subjects in "
             f"all ({format_count(g.n)} different), {format_count(g.n_start)} of whom start"),
            *self.spec.header(),
        )  # fmt: skip
        return Summary(estimates.title, header, (Table(names, tuple(rows), 3),),
                       (*gap_notes(self.tidy()), *estimates.notes))  # fmt: skip
