"""Survival curves weighted for censoring that depends on covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.adjusted.by_treatment import Quantity, values_by_treatment
from trdstats.comparison.adjusted.subject_outcomes import with_covariates
from trdstats.comparison.censoring.ipcw_result import IPCWResult
from trdstats.errors import NotEstimableError, SpecError, check_first_look, check_level, pick_level
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.risk_sets.censoring_curve import (
    CensoringModel,
    Observed,
    WeightedCurve,
    curve_influence,
    fit_censoring,
    weighted_curve,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.survival.groups import notes_of, split
from trdstats.survival.late_entry import check_observed
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread


@checked
@dataclass(frozen=True, repr=False)
class IPCW(SummaryMixin):
    """Survival and restricted means by inverse probability of censoring weighting.

    Kaplan-Meier curves take those who leave to be like those who stay. Here a Cox model says who
    leaves; those at risk stand for the ones like them who left before. Right when, given the
    covariates, leaving says nothing more about the event.

    Parameters
    ----------
    formula : str
        Covariates of the hazard of censoring, such as ``"msm + baseline"``. Every group has a
        separate baseline; ``"msm * treatment"`` would let effects differ, without the main
        effect of treatment: ``"msm + msm:treatment"``. ``"1"`` gives Kaplan-Meier.
    days : sequence of float
        Days at which survival is wanted.
    tau : float, optional
        Horizon in days of the restricted mean.
    by : str, default "treatment"
        Column that names the groups.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    Notes
    -----
    Competing causes count as censored, as in `KaplanMeier`. Censoring at the last day asked for
    or later is the end of the schedule: it is not modelled. A subject's weight changes with time,
    so that there are no weights to hand on; weights of subjects given to `fit` multiply it.

    References
    ----------
    Robins and Finkelstein 2000, doi:10.1111/j.0006-341X.2000.00779.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> curves = trd.IPCW("baseline", days=[28]).fit(onset)
    >>> curves.tidy()["measure"].unique().tolist()
    ['survival', 'difference', 'ratio']
    """

    formula: str
    days: Sequence[float] = field(default=(), kw_only=True)
    tau: float | None = field(default=None, kw_only=True)
    by: str = field(default="treatment", kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        if not len(self.days) and self.tau is None:
            raise SpecError(
                "Give days=[...] for survival, tau=... for the restricted mean, or both."
            )
        every = [*self.days, *([] if self.tau is None else [self.tau])]
        if not all(d > 0 and np.isfinite(d) for d in every):
            raise SpecError(f"days and tau must be positive; got {list(self.days)!r}, {self.tau}.")

    @one_thread
    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> IPCWResult:
        """Fit the model of censoring and weight.

        Parameters
        ----------
        times : EventTimes or DataFrame
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, as in `KaplanMeier.fit`; in the model of censoring too.

        Raises
        ------
        DataError
            When a covariate is missing; every such subject is named.
        NotEstimableError
            When follow-up ends before a day, or a coefficient has no finite estimate.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        frame = with_covariates(
            times.at_risk(), (self.formula,), self.by, "event times", OUTCOME_COLUMNS
        )
        row = np.sort(np.concatenate([g.row for g in sample.groups]))
        if self.tau is not None:
            check_observed(sample, self.tau)
        labels = [g.label for g in sample.groups]
        reference = pick_level("group", self.reference, labels)
        weight, group = np.empty(len(frame)), np.empty(len(frame), dtype=np.intp)
        for k, g in enumerate(sample.groups):
            weight[g.row], group[g.row] = g.weight, k
        frame = frame.iloc[row].reset_index(drop=True)
        design = read_covariates(frame, self.formula, what="event times", least=0)
        if design.terms:
            within = design.X - _group_means(design.X, group[row])
            check_full_rank(within, design.terms)
        data = Observed(
            time=frame["time"].to_numpy(dtype=float),
            entry=frame["entry"].to_numpy(dtype=float) if "entry" in frame else np.zeros(len(row)),
            event=(frame["status"] == 1).to_numpy(),
            group=group[row],
            weight=weight[row],
            X=design.X,
        )
        horizon = max([*self.days, self.tau or 0.0])
        model = fit_censoring(data, horizon) if design.terms else None
        if model is not None and model.fit.separated.any():
            named = [t for t, e in zip(design.terms, model.fit.separated, strict=True) if e]
            raise NotEstimableError(
                f"The effect of {', '.join(named)} on censoring has no finite estimate: no "
                "subject, or every subject, in a category was censored. Leave the term out or "
                "join categories."
            )
        if model is not None and model.unknown.any():
            named = [t for t, u in zip(design.terms, model.unknown, strict=True) if u]
            raise NotEstimableError(
                f"The effect of {', '.join(named)} on censoring cannot be estimated: those at risk "
                "when somebody was censored do not differ in it. Leave the term out."
            )
        curves = {g: weighted_curve(data, model, k) for k, g in enumerate(labels)}
        _check_follow_up(times, data, curves, horizon)
        estimate, direct = _estimates(self, data, model, curves)
        influence = sample.stacked_influence(sample.lay_out(row, direct))
        quantities: list[tuple[Quantity, float]] = [("survival", float(d)) for d in self.days]
        if self.tau is not None:
            quantities.append(("restricted mean", float(self.tau)))
        return IPCWResult(
            spec=self,
            times=times,
            terms=tuple(design.terms),
            horizon=horizon,
            _sample=sample,
            _row=row,
            _data=data,
            _model=model,
            _curves=curves,
            _values=values_by_treatment(
                quantities, self.by, labels, estimate, influence=influence,
                subjects=sample.influence_subjects(),
                title="Inverse probability of censoring weighting", notes=notes_of(times, sample),
            ),
            _reference=reference,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the method in words."""
        header = (("Censoring", self.formula), ("Baseline of censoring", f"by {self.by}"))
        return Summary("Inverse probability of censoring weighting", header)


def _group_means(X: FloatArray, group: IntArray) -> FloatArray:
    sums = grouped_sums(group, X, int(group.max()) + 1)
    return (sums / np.bincount(group)[:, None])[group]


def _estimates(
    spec: IPCW,
    data: Observed,
    model: CensoringModel | None,
    curves: dict[str, WeightedCurve],
) -> tuple[FloatArray, FloatArray]:
    """Return estimates, quantity by quantity, and influences with known weights of subjects."""
    days = np.asarray(spec.days, dtype=float)
    values, effects = [], []
    for curve in curves.values():
        value = curve.at(days)
        slope = value * (curve.time[:, None] <= days)
        if spec.tau is not None:
            area = curve.areas(spec.tau)
            value = np.append(value, area[0])
            slope = np.column_stack([slope, np.where(curve.time <= spec.tau, area[1:], 0.0)])
        values.append(value)
        effects.append(curve_influence(data, model, curve, slope))
    return np.stack(values).T.ravel(), np.stack(effects, axis=2).reshape(len(data.time), -1)


def _check_follow_up(
    times: EventTimes, data: Observed, curves: dict[str, WeightedCurve], horizon: float
) -> None:
    short = {}
    for label, curve in curves.items():
        last = float(data.time[curve.members].max())
        ended = len(curve.survival) > 0 and curve.survival[-1] == 0
        if last < horizon and not ended:
            short[label] = last
    if short:
        listed = ", ".join(f"{k} (day {t:g})" for k, t in short.items())
        raise NotEstimableError(
            f"Day {horizon:g} lies beyond the follow-up of {listed}. Choose days and tau of at "
            f"most {min(short.values()):g}."
        )
    check_first_look(times.first_look, horizon, times.treatments, what="times", remedy="later days")
