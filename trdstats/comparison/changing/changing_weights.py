"""Stabilised weights of intervals for marginal structural models."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.comparison.changing.decision_model import (
    check_separation,
    coefficients,
    model_labels,
    read_choice,
)
from trdstats.comparison.changing.decisions import Decisions
from trdstats.errors import SpecError
from trdstats.estimates.weights import check_cap
from trdstats.formulas import read_right_side
from trdstats.kernels.weighting.decision_weights import product_within
from trdstats.outcomes import Episodes
from trdstats.tables import (
    FrameResult,
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_number,
)

_DAY = ("start", "stop", "interval")


@checked
@dataclass(frozen=True, repr=False)
class ChangingWeights(SummaryMixin):
    """Weights under which a treatment that changes no longer depends on what preceded it.

    A marginal structural model is then an ordinary one of the weighted intervals: ``CoxPH("on",
    robust=True)`` of ``result.episodes()`` with ``weights="weight"``, or `GEE` with
    ``corr="independence"`` and ``rating_weights="weight"`` for repeated scores.

    Parameters
    ----------
    model : str
        Covariates of the decisions as known at the start of each interval, such as
        ``"score + start"``.
    numerator : str, default "start"
        Covariates whose probability of the decision multiplies the weights, so that they stay
        near 1: only such as do not change, beside the day. The model of the outcome must have
        them.
    leaving : str, optional
        Covariates of leaving follow-up; weights then also stand for those who left.
    cap : float, optional
        Quantile above which, and one less it below which, weights are cut.

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins, Hernan and Brumback 2000, doi:10.1097/00001648-200009000-00011; Cole and Hernan 2008,
    doi:10.1093/aje/kwn164 (weights).

    Examples
    --------
    >>> import trdstats as trd
    >>> decisions = trd.decision_intervals(trd.simulate.maintenance(n=200, seed=1),
    ...     trd.Relapse(at_least=22), "lithium", step=28, covariates=["score"])
    >>> weighted = trd.ChangingWeights("score + start").fit(decisions)
    >>> fit = trd.CoxPH("on", robust=True).fit(weighted.episodes(), weights="weight")
    >>> fit.tidy()["term"].tolist()
    ['on']
    """

    model: str
    numerator: str = "start"
    leaving: str | None = field(default=None, kw_only=True)
    cap: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for formula in (self.model, self.numerator, self.leaving or "1"):
            read_right_side(formula)
        check_cap(self.cap)

    def fit(self, decisions: Decisions) -> ChangingWeightsResult:
        """Fit the models of the decisions and weight every interval.

        Parameters
        ----------
        decisions : Decisions

        Raises
        ------
        SpecError
            When a covariate is not known at the start of an interval, such as ``stop``.
        DataError, UnknownNameError
            When a covariate is missing.
        NotEstimableError
            When decisions never change, or a covariate predicts them without error.
        """
        check_instance("decisions", decisions, Decisions)
        if "weight" in decisions.frame:
            raise SpecError(
                "The decisions have a column 'weight', the name of the weights of intervals: name "
                "it otherwise, such as 'kg'."
            )
        _check_unchanging(decisions, self.numerator)
        all_rows = np.ones(len(decisions.frame))
        choice = read_choice(decisions, self.model, "on")
        fits = choice.fit(all_rows)
        check_separation(choice, fits, "the treatment")
        plain = read_choice(decisions, self.numerator, "on")
        factor = plain.probability(plain.fit(all_rows)) / choice.probability(fits)
        if self.leaving is not None:
            stays, given = (read_choice(decisions, f, "stays") for f in (self.leaving, "on"))
            left = stays.fit(all_rows)
            check_separation(stays, left, "leaving")
            # Staying through an interval counts from the next one on.
            through = given.probability(given.fit(all_rows)) / stays.probability(left)
            stay = np.r_[1.0, through[:-1]]
            stay[decisions.starts] = 1.0
            factor = factor * stay
        weight = product_within(factor, decisions.starts)
        if self.cap is not None:
            low, high = np.quantile(weight, [1 - self.cap, self.cap])
            weight = np.clip(weight, low, high)
        table = coefficients(choice, fits, model_labels(decisions, choice))
        return ChangingWeightsResult(self, decisions, decisions.frame.assign(weight=weight), table)

    def summary(self) -> Summary:
        """Return the models in words."""
        return Summary("Weights of a treatment that changes", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        lines = [
            ("Decisions", f"logistic regressions on {self.model}, on and off apart"),
            ("Numerator", self.numerator),
        ]
        lines += [("Leaving", self.leaving)] if self.leaving is not None else []
        lines += [("Cut", f"at the {100 * self.cap:g} % quantile")] if self.cap is not None else []
        return tuple(lines)


def _check_unchanging(decisions: Decisions, formula: str) -> None:
    """Refuse a numerator whose covariates change: the weights would undo nothing."""
    named = read_right_side(formula).required_variables - {*_DAY, "previous"}
    given = sorted(str(v) for v in named if v in decisions.frame)
    codes = {c: pd.factorize(decisions.frame[c])[0] for c in given}
    size = np.diff(np.append(decisions.starts, len(decisions.frame)))
    changing = [
        c for c, code in codes.items() if (code != np.repeat(code[decisions.starts], size)).any()
    ]
    if changing:
        raise SpecError(
            f"The numerator has covariates that change ({', '.join(changing)}): the weights would "
            "not undo what they decide. Leave the day and what does not change, such as 'start'."
        )


@dataclass(frozen=True, repr=False)
class ChangingWeightsResult(FrameResult):
    """Weighted intervals.

    `tidy` has the intervals of the decisions with the column weight.

    Attributes
    ----------
    spec : ChangingWeights
    decisions : Decisions
    frame : pandas.DataFrame
    decision_model : pandas.DataFrame
        model ("staying on", "starting"), term, estimate (log odds ratio), std_error.
    """

    spec: ChangingWeights
    decisions: Decisions
    frame: pd.DataFrame
    decision_model: pd.DataFrame

    def episodes(self) -> Episodes:
        """Return the weighted intervals as episodes, with the column weight."""
        return Decisions(
            self.frame, outcome=self.decisions.outcome, origin=self.decisions.origin,
            treatment=self.decisions.treatment, causes=self.decisions.causes,
            caveat=self.decisions.caveat,
        ).episodes()  # fmt: skip

    def by_interval(self) -> pd.DataFrame:
        """Return start (day), n, mean, smallest, largest and effective size of the weights."""
        inside = self.frame.groupby("interval", sort=True)
        table = inside.agg(
            start=("start", "first"), n=("weight", "size"), mean=("weight", "mean"),
            smallest=("weight", "min"), largest=("weight", "max"),
        ).reset_index(drop=True)  # fmt: skip
        size = inside["weight"].agg(lambda w: w.sum() ** 2 / (w**2).sum()).to_numpy()
        return table.assign(effective=size)

    def summary(self) -> Summary:
        """Return how the weights are spread in every interval."""
        rows = tuple(
            (f"{r.start:g}", format_count(r.n), format_number(r.mean, 2),
             format_number(r.smallest, 2), format_number(r.largest, 1),
             format_number(r.effective, 0))
            for r in each_row(self.by_interval())
        )  # fmt: skip
        names = ("From day", "Subjects", "Mean weight", "Smallest", "Largest", "Effective size")
        header = (("Treatment", self.decisions.treatment), *self.spec.header())
        notes = (
            *caveat_notes(self.decisions.caveat),
            "A mean weight far from 1 says that the model of the decisions does not fit.",
        )
        return Summary("Weights of a treatment that changes", header, (Table(names, rows),), notes)
