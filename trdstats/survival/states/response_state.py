"""Probability of being in response over time, and mean days in response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_level, check_tau
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.risk_sets import state_probabilities as kernel
from trdstats.outcomes import ResponseHistory
from trdstats.survival.groups import notes_of
from trdstats.survival.states.history_groups import (
    check_horizon,
    choose_reference,
    emptied,
    split_history,
)
from trdstats.survival.states.state_bootstrap import StateBootstrap, draw_curves_anew
from trdstats.survival.states.state_result import ALL_WHO_STARTED, StateResult


@checked
@dataclass(frozen=True, slots=True)
class ResponseState:
    """Probability of not responding, being in response, and having relapsed, on each day.

    Time to relapse compares responders only, and a treatment that makes more patients respond
    hands over others to that comparison. Here everyone who started treatment counts on every
    day, in a trial as randomised; mean days in response sum up how many respond, how soon and
    for how long.

    Parameters
    ----------
    tau : float
        Horizon of the mean days, in days since day 0.
    by : str or None, default "treatment"
        Column that names the groups; None for all together.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When tau is not positive.

    References
    ----------
    Aalen and Johansen 1978, Scand J Stat 5:141-150. Probability of being in response: Temkin
    1978, Biometrics 34:571-580. Standard errors by the infinitesimal
    jackknife over subjects, as `survfit` of R. Limits of probabilities are symmetric on the logit
    scale, of ratios on the log scale.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> history = trd.response_history(study, trd.Response(), trd.Relapse(at_least=22))
    >>> states = trd.ResponseState(tau=84).fit(history)
    >>> days = states.mean_days().query("measure == 'mean days'")
    >>> days.groupby("treatment", sort=False)["estimate"].sum().round(6).unique().tolist()
    [84.0]
    """

    tau: float
    by: str | None = "treatment"
    reference: Level | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_tau(self.tau)
        check_level(self.conf_level)

    def fit(
        self, history: ResponseHistory | FrameLike, *, weights: WeightsLike | None = None
    ) -> ResponseStateResult:
        """Estimate the state probabilities.

        Parameters
        ----------
        history : ResponseHistory or DataFrame
            From `response_history`, or a frame with its columns.
        weights : str, Series or DataFrame, optional
            Weights of subjects: a column of the history, a Series indexed by subject, or a frame
            with columns subject and weight.

        Raises
        ------
        NotEstimableError
            When the follow-up of a group ends before tau, no subject under a treatment was assessed
            by then, or no subject of a group is under observation from day 0.
        UnknownNameError
            When the reference is no group.
        """
        data = split_history(history, self.by, weights)
        reference = choose_reference(data, self.reference)
        check_horizon(data, self.tau, by=self.by)
        fits = {
            label: kernel.occupation(spells, data.group(label).weight)
            for label, spells in data.spells.items()
        }
        return ResponseStateResult(self, reference, data, fits)


@checked_methods
@dataclass(frozen=True, repr=False)
class ResponseStateResult(StateResult):
    """State probabilities with changes dated at the visits that found them."""

    _fits: dict[str, kernel.Occupation]
    _known: dict[str, kernel.Influence] = field(default_factory=dict, compare=False)
    _known_of_mean: dict[str, FloatArray] = field(default_factory=dict, compare=False)
    _title: ClassVar[str] = "Probability of being in response (Aalen-Johansen)"

    def _days(self, label: str) -> FloatArray:
        return self._fits[label].time

    def _probability(self, label: str, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not len(at):
            return np.empty((0, 3)), np.empty((0, 3))
        fit = self._fits[label]
        here = np.searchsorted(fit.time, at, side="right") - 1
        settled = not self._data.history.regains and fit.probability[-1, 2] > 1 - 1e-12
        known = (at >= 0) & ((at <= fit.time[-1]) | settled)
        return (
            np.where(known[:, None], fit.probability[here], np.nan),
            np.where(known[:, None], self._effect(label).std_error[here], np.nan),
        )

    def _mean(self, label: str) -> tuple[FloatArray, FloatArray]:
        effect = self._effect_on_mean(label)
        return kernel.mean_times(self._fits[label], self.spec.tau), np.sqrt((effect**2).sum(axis=0))

    def _effect(self, label: str) -> kernel.Influence:
        """Return the errors of a curve, which mean days alone do not need; worked out once."""
        if label not in self._known:
            group = self._data.group(label)
            self._known[label] = kernel.influence(
                self._data.spells[label], self._fits[label], group.weight, at=np.empty(0),
                tau=self.spec.tau, model=self._data.sample.weights_of(group),
            )  # fmt: skip
        return self._known[label]

    def _effect_on_mean(self, label: str) -> FloatArray:
        """Return the influences on mean days, from those of the curve where these are known."""
        if label in self._known:
            return self._known[label].mean
        if label not in self._known_of_mean:
            self._known_of_mean[label] = kernel.mean_influence(
                self._data.spells[label], self._fits[label], self._data.group(label).weight,
                tau=self.spec.tau,
            )  # fmt: skip
        return self._known_of_mean[label]

    def _influence(self, label: str, at: FloatArray) -> FloatArray:
        if not len(at):
            return self._effect_on_mean(label)
        spells, weight = self._data.spells[label], self._data.group(label).weight
        influence = kernel.influence(spells, self._fits[label], weight, at=at, tau=self.spec.tau)
        return np.hstack([influence.mean, influence.at.reshape(len(weight), -1)])

    def _notes(self) -> tuple[str, ...]:
        left = emptied(self._data, self.spec.tau)
        carried = (
            f"No subject is followed to day {self.spec.tau:g} in {'; '.join(left)}: the share is "
            "carried on from there."
        )
        notes = notes_of(self._data.times, self._data.sample)
        return (ALL_WHO_STARTED, carried, *notes) if left else (ALL_WHO_STARTED, *notes)

    def bootstrap(self, n: int = 1000, *, seed: int = 0, n_jobs: int = 1) -> StateBootstrap:
        """Resample subjects within groups, and estimate all curves anew.

        A resample is a set of counts that multiply the weights of subjects, so no frame is
        built. Resample i has a separate random stream: results do not depend on `n_jobs`.

        Parameters
        ----------
        n : int, default 1000
            Number of resamples.
        seed : int, default 0
        n_jobs : int, default 1
            Number of workers of joblib.

        Raises
        ------
        SpecError
            When n is below 2.
        """
        return draw_curves_anew(self.spec, self.reference, self._data, self._fits, n, seed, n_jobs)
