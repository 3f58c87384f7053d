"""Cox regression of the hazard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level, unknown_name
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_right_side
from trdstats.kernels.risk_sets.firth import fit_firth
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, Ties, maximise
from trdstats.kernels.risk_sets.risk_sums import RiskSets
from trdstats.outcomes import Episodes as EpisodeTable
from trdstats.outcomes import EventTimes, as_episodes, as_event_times
from trdstats.survival.regression.cox_result import CoxResult
from trdstats.survival.regression.firth_limits import check_firth
from trdstats.survival.regression.regression_data import (
    Regressed,
    check_clusters,
    check_events,
    clusters_of,
    no_finite_estimate,
    regress,
    standardise,
)
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

Correction = Literal["jackknife", "none"]
OfTime = Literal["log", "identity", "sqrt"]
_OF_TIME: dict[str, Callable[[FloatArray], FloatArray]] = {
    "log": np.log,
    "identity": lambda t: t,
    "sqrt": np.sqrt,
}
_MOST_ROWS = 30_000_000


@checked
@dataclass(frozen=True, repr=False)
class CoxPH(SummaryMixin):
    """Cox proportional-hazards regression.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + msm + age"``. A positive coefficient is a higher
        hazard: sooner onset, or sooner relapse.
    ties : {"efron", "breslow"}
        How tied event times share their risk set. Visits tie many; Efron is the default of R.
    robust : bool, default False
        Take the variance from the subjects' influences; always so with weights or clusters.
    cluster : str, optional
        Column within which subjects are not independent.
    correction : {"jackknife", "none"}
        Of the robust variance in small samples. "jackknife": each subject, or cluster, as if left
        out, by its leverage. "none": the sandwich of Lin and Wei as R prints it, whose limits cover
        too little with few subjects (93 % instead of 95 % with 10 subjects an arm).
        Weights that bring their model have a separate correction.
    strata : str, optional
        Column within whose values hazards are compared, each with a separate baseline.
    time_varying : mapping of str to {"log", "identity", "sqrt"}, optional
        Covariates whose effect changes with that function of time: ``{"treatment": "log"}`` adds
        treatment x log(day).
    cause : int, default 1
        Status of the event; all others count as censored (cause-specific hazard).
    firth : bool, default False
        Firth's penalised likelihood: finite estimates where no subject of an arm had the event,
        with limits and tests from the profile of the penalised likelihood. With few events it is
        less biased than the plain likelihood. No weights, clusters or events that come again.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Efron 1977,
    doi:10.1080/01621459.1977.10480613; Lin and Wei 1989 (robust variance),
    doi:10.1080/01621459.1989.10478874; Lipsitz and Parzen 1996 (its jackknife),
    doi:10.2307/2533163; Heinze and Schemper 2001 (Firth), doi:10.1111/j.0006-341X.2001.00114.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> fit = trd.CoxPH("treatment + age").fit(onset)
    >>> fit.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]', 'age']
    """

    formula: str
    ties: Ties = "efron"
    robust: bool = False
    cluster: str | None = None
    correction: Correction = field(default="jackknife", kw_only=True)
    strata: str | None = None
    time_varying: Mapping[str, OfTime] = field(default_factory=dict)
    cause: int = 1
    conf_level: float = 0.95
    firth: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_choice("ties", self.ties, ("efron", "breslow"))
        check_choice("correction", self.correction, get_args(Correction))
        for kind in self.time_varying.values():
            check_choice("time_varying", kind, tuple(_OF_TIME))
        if self.cause < 1:
            raise SpecError(f"cause is a status of 1 or above; got {self.cause}.")
        check_level(self.conf_level)
        if self.firth and (self.robust or self.cluster is not None):
            raise SpecError(
                "firth=True has a likelihood of independent subjects: leave robust and cluster out."
            )

    @one_thread
    def fit(
        self,
        times: EventTimes | EpisodeTable | FrameLike,
        *,
        weights: WeightsLike | None = None,
    ) -> CoxResult:
        """Fit the model.

        Parameters
        ----------
        times : EventTimes, Episodes or DataFrame
            Right-censored use of the times; subjects under observation from `entry` on. Episodes
            have covariates that change, or events that come again: then the rows of a subject
            are not independent, and the variance is robust. With ``strata="number"`` each event
            has a separate baseline hazard (Prentice, Williams and Peterson 1981), with
            ``episodes.gap_time()`` counted from the event before; without strata it is the model
            of Andersen and Gill 1982 (doi:10.1214/aos/1176345976) with the robust variance of Lin,
            Wei, Yang and Ying 2000 (doi:10.1111/1467-9868.00259).
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`; the variance is then robust.

        Raises
        ------
        UnknownNameError, DataError
            When a column is missing or the frame is not usable.
        NotEstimableError
            When no subject had the event, covariates are collinear, or a coefficient grows
            without end.
        """
        if isinstance(times, EpisodeTable):
            times = as_episodes(times, weights)
        else:
            times = as_event_times(times, weights)
        named = tuple(c for c in (self.cluster, self.strata) if c is not None)
        regressed = regress(times, self.formula, weights, named)
        check_events(regressed, self.cause)
        cluster = clusters_of(regressed, self.cluster)
        sets = RiskSets.of(regressed.time, regressed.entry, regressed.codes(self.strata))
        event = regressed.status == self.cause
        terms, owner = list(regressed.design.terms), np.arange(len(event))
        if self.time_varying:
            data, terms, owner = _expand(self, regressed, sets, event)
        else:
            data = Episodes.of(regressed.X, event, regressed.weight, sets, self.ties)
        standardised = standardise(data, terms)
        check_clusters(cluster, len(terms), robust=self.robust or self.cluster is not None)
        if self.firth:
            check_firth(times, weights)
        penalised = fit_firth(standardised) if self.firth else None
        best = maximise(standardised) if penalised is None else penalised.as_cox()
        if best.separated.any():
            separated = [t for t, e in zip(terms, best.separated, strict=True) if e]
            raise no_finite_estimate(
                separated, times.causes.get(self.cause, times.outcome), "take CoxPH(firth=True), "
            )
        return CoxResult(
            spec=self,
            times=times,
            terms=tuple(terms),
            _regressed=regressed,
            _best=best,
            _owner=owner,
            _cluster=cluster,
            _penalised=penalised,
        )

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [("Covariates", self.formula), ("Ties", self.ties.capitalize())]
        if self.strata:
            header.append(("Strata", self.strata))
        if self.cluster:
            header.append(("Clusters", self.cluster))
        if self.firth:
            header.append(("Likelihood", "penalised (Firth)"))
        for column, kind in self.time_varying.items():
            header.append(("Changes with time", f"{column} x {kind} of day"))
        return Summary("Cox regression", tuple(header))


def _expand(
    spec: CoxPH, regressed: Regressed, sets: RiskSets, event: BoolArray
) -> tuple[Episodes, list[str], IntArray]:
    """Return one episode a subject and event time at which it is at risk, effects of time added."""
    factors = regressed.design.factors
    columns = []
    for name in spec.time_varying:
        places = [j for j, f in enumerate(factors) if f == name]
        if not places:
            raise unknown_name("term of the formula", name, dict.fromkeys(factors))
        columns.append(places)
    happened = np.unique(sets.place[event])
    first = np.searchsorted(happened, sets.start)
    last = np.searchsorted(happened, sets.place, side="right")
    length = last - first
    if length.sum() > _MOST_ROWS:
        raise NotEstimableError(
            f"Effects of time need {length.sum():,} episodes, one a subject and event time. Round "
            "the times to fewer days, or split follow-up with landmark()."
        )
    owner = np.repeat(np.arange(len(length)), length)
    place = happened[np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
                     + np.repeat(first, length)]  # fmt: skip
    time = sets.time[place]
    X, terms = [regressed.X[owner]], list(regressed.design.terms)
    for (_, kind), places in zip(spec.time_varying.items(), columns, strict=True):
        if kind == "log" and (time <= 0).any():
            raise NotEstimableError("An event at day 0 has no logarithm of time; use 'sqrt'.")
        X.append(regressed.X[owner][:, places] * _OF_TIME[kind](time)[:, None])
        terms += [f"{regressed.design.terms[j]}:{kind}(day)" for j in places]
    each = RiskSets(sets.time, sets.stratum, place, place, sets.first)
    own_event = event[owner] & (place == sets.place[owner])
    weight = regressed.weight[owner]
    return Episodes.of(np.hstack(X), own_event, weight, each, spec.ties), terms, owner
