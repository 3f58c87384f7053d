"""Probability of being in response when changes are known to lie between two visits only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level, check_tau
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.interval import illness_death as model
from trdstats.kernels.interval import panel_likelihood as kernel
from trdstats.kernels.numerics.critical import critical_value
from trdstats.outcomes import ResponseHistory
from trdstats.outcomes.check_history import STATES
from trdstats.outcomes.switching import notes_on
from trdstats.survival.states.history_groups import (
    HistorySample,
    check_horizon,
    choose_reference,
    split_history,
)
from trdstats.survival.states.state_result import ALL_WHO_STARTED, StateResult
from trdstats.tables import caveat_notes

MOVES = ("response", "relapse")


@checked
@dataclass(frozen=True, slots=True)
class IntervalResponseState:
    """State probabilities from what visits really tell: a change lies between two of them.

    `ResponseState` dates a change at the visit that found it, so sparse visits delay response
    and relapse alike. Here patients move from not responding to response, and from response to
    relapse, with intensities that are constant between cuts; no subject regains response. Those who
    respond and relapse between two visits are seen as not responding in both: the likelihood
    allows for it where the history knows the visits (`response_history` does; own frames need
    ``ResponseHistory(frame, visits=...)``).

    Parameters
    ----------
    tau : float
        Horizon of the mean days, in days since day 0.
    cuts : sequence of float
        Days at which the intensities may change, e.g. the end of acute treatment.
    by : str or None, default "treatment"
        Column that names the groups; each has separate intensities.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When tau is not positive, or cuts are not increasing days above 0 and below tau.

    References
    ----------
    Kalbfleisch and Lawless 1985, J Am Stat Assoc 80:863-871,
    doi:10.1080/01621459.1985.10478195. Standard errors by the delta method from the observed
    information; with weights, from the scores of the subjects.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> history = trd.response_history(study, trd.Response(), trd.Relapse(at_least=22))
    >>> states = trd.IntervalResponseState(tau=84, cuts=(28,)).fit(history)
    >>> states.intensities()["transition"].unique().tolist()
    ['response', 'relapse']
    """

    tau: float
    cuts: Sequence[float] = ()
    by: str | None = "treatment"
    reference: Level | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_tau(self.tau)
        check_level(self.conf_level)
        cuts = tuple(float(c) for c in self.cuts)
        if not all(a < b for a, b in zip((0.0, *cuts), (*cuts, float(self.tau)), strict=True)):
            raise SpecError(
                f"cuts must be increasing days above 0 and below tau = {self.tau:g}; "
                f"got {self.cuts!r}."
            )
        object.__setattr__(self, "cuts", cuts)

    def fit(
        self, history: ResponseHistory | FrameLike, *, weights: WeightsLike | None = None
    ) -> IntervalResponseStateResult:
        """Estimate the intensities of each group.

        Parameters
        ----------
        history : ResponseHistory or DataFrame
            From `response_history` without `regain`.
        weights : str, Series or DataFrame, optional
            As in `ResponseState.fit`.

        Raises
        ------
        SpecError
            When somebody does not start as not responding, regains response, or relapses without
            it: the model has no such move.
        NotEstimableError
            When no subject is under observation in a state between two cuts, the follow-up of a
            group ends before tau, no subject under a treatment was assessed by then, or no visit
            tells one piece of an intensity from the next.
        UnknownNameError
            When the reference is no group.
        """
        data = split_history(history, self.by, weights)
        reference = choose_reference(data, self.reference)
        _check_moves(data)
        check_horizon(data, self.tau, by=self.by)
        cuts = np.array(self.cuts)
        panels = {
            label: _panel(rows, data.group(label).weight, data.history.visits)
            for label, rows in data.rows.items()
        }
        _check_exposure(panels, cuts)
        fits = {label: kernel.fit_illness_death(panel, cuts) for label, panel in panels.items()}
        _check_ridges(fits, self.cuts)
        return IntervalResponseStateResult(self, reference, data, fits)


@dataclass(frozen=True, repr=False)
class IntervalResponseStateResult(StateResult):
    """State probabilities of piecewise constant intensities."""

    _fits: dict[str, kernel.IllnessDeath]
    _title: ClassVar[str] = "Probability of being in response (changes between visits)"
    _steps: ClassVar[bool] = False

    def _days(self, label: str) -> FloatArray:
        tau = self.spec.tau
        days = np.arange(tau) if tau <= 400 else np.linspace(0, tau, 401)
        return np.unique(np.concatenate([days, self.spec.cuts, [tau]]))

    def _drawn_days(self, label: str) -> FloatArray:
        return np.linspace(0, self.spec.tau, 601)  # steps too small to see

    def _errors(self, label: str, slopes: FloatArray) -> FloatArray:
        """Return the standard errors of quantities with given slopes, shape (..., 2 k)."""
        if self._data.sample.weighted:
            effect = self._effects(label, slopes)
            weights = self._data.sample.weights_of(self._data.group(label))
            if weights is None:
                return np.asarray(np.sqrt((effect**2).sum(axis=0)))
            variance = weights.variance(effect.reshape(len(effect), -1))
            return np.sqrt(variance.reshape(effect.shape[1:]))
        variance = np.einsum("...i,ij,...j->...", slopes, self._fits[label].inverse, slopes)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def _effects(self, label: str, slopes: FloatArray) -> FloatArray:
        """Return the influence of subjects, shape (n, ...)."""
        fit, weight = self._fits[label], self._data.group(label).weight
        return np.tensordot(weight[:, None] * fit.scores @ fit.inverse, slopes, axes=(1, -1))

    def _probability(self, label: str, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        fit = self._fits[label]
        # Beyond tau the last piece would go on for ever; the data need not reach there.
        known = ((at >= 0) & (at <= self._data.seen[label].time[-1]))[:, None]
        p, slopes = model.state_probabilities(fit.theta, fit.cuts, np.maximum(at, 0.0))
        return np.where(known, p, np.nan), np.where(known, self._errors(label, slopes), np.nan)

    def _mean(self, label: str) -> tuple[FloatArray, FloatArray]:
        fit = self._fits[label]
        mean, slopes = model.mean_times(fit.theta, fit.cuts, self.spec.tau)
        return mean, self._errors(label, slopes)

    def _influence(self, label: str, at: FloatArray) -> FloatArray:
        fit = self._fits[label]
        slopes = [model.mean_times(fit.theta, fit.cuts, self.spec.tau)[1]]
        if len(at):
            slopes.append(
                model.state_probabilities(fit.theta, fit.cuts, at)[1].reshape(3 * len(at), -1)
            )
        return self._effects(label, np.concatenate(slopes))

    def intensities(self) -> pd.DataFrame:
        """Return the fitted intensities, one row a group, transition and piece.

        Returns
        -------
        pandas.DataFrame
            group column, transition ("response", "relapse"), start, stop (days), estimate (moves
            a day among those in the state), std_error (log scale), conf_low, conf_high,
            conf_level. An intensity of 0 has no error.
        """
        z = critical_value(self.spec.conf_level)
        edges = np.array([0.0, *self.spec.cuts, np.inf])
        k = len(edges) - 1
        frames = []
        for label, fit in self._fits.items():
            error = np.where(fit.free, self._errors(label, np.eye(2 * k)), np.nan)
            frames.append(
                pd.DataFrame(
                    {
                        self._key: label,
                        "transition": np.repeat(MOVES, k),
                        "start": np.tile(edges[:-1], 2),
                        "stop": np.tile(edges[1:], 2),
                        "estimate": np.exp(fit.theta),
                        "std_error": error,
                        "conf_low": np.exp(fit.theta - z * error),
                        "conf_high": np.exp(fit.theta + z * error),
                        "conf_level": self.spec.conf_level,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Return one row: as of `ResponseState`, with log-likelihood and convergence."""
        fits = self._fits.values()
        return (
            super()
            .glance()
            .assign(
                loglik=sum(f.loglik for f in fits),
                n_parameters=sum(int(f.free.sum()) for f in fits),
                converged=all(f.converged for f in fits),
            )
        )

    def _extra_header(self) -> tuple[tuple[str, str], ...]:
        listed = ", ".join(f"{c:g}" for c in self.spec.cuts)
        g = self.glance().iloc[0]
        model = f"constant between days {listed}" if listed else "constant"
        return (
            ("Intensities", f"{model}, own to each group"),
            ("Log-likelihood", f"{g['loglik']:.2f} with {g['n_parameters']} parameters"),
            ("Converged", "yes" if g["converged"] else "no"),
        )

    def _notes(self) -> tuple[str, ...]:
        notes = [ALL_WHO_STARTED]
        names = _pieces(self.spec.cuts)
        zero: list[str] = []
        separated: list[str] = []
        for label, fit in self._fits.items():
            for name, theta, free in zip(names, fit.theta, fit.free, strict=True):
                if not free:
                    (separated if np.isfinite(theta) else zero).append(f"{label}, {name}")
        for at_limit, word in ((zero, "is 0"), (separated, "has no finite estimate")):
            if at_limit:
                notes.append(f"The intensity {word}, without an error: {'; '.join(at_limit)}.")
        if not all(f.converged for f in self._fits.values()):
            notes.append("The search for the maximum did not converge: use fewer cuts.")
        notes += caveat_notes(self._data.times.caveat)
        notes += notes_on(self._data.times.switching)
        empty = self._data.sample.empty
        return (
            (*notes, f"No subject has follow-up in {', '.join(empty)}.") if empty else tuple(notes)
        )


def _check_moves(data: HistorySample) -> None:
    """Refuse histories with a move that the model does not have."""
    switching = data.history.switching
    if switching is not None and switching.strategy == "failure":
        raise SpecError(
            "IntervalResponseState follows what visits show, and after_switch='failure' sets what "
            "they do not. Use ResponseState, or make the history with after_switch='censor'."
        )
    problems = []
    first = pd.concat([f.drop_duplicates("subject") for f in data.rows.values()])
    every = pd.concat(list(data.rows.values()))
    state, to = every["state"].astype(str), every["to"].astype(str)
    for bad, text in (
        (first.loc[(first["state"] != STATES[0]) | (first["start"] > 0), "subject"],
         "are not seen as not responding from day 0"),
        (every.loc[(state != STATES[0]) & to.isin(STATES[:2]), "subject"],
         "go on after relapse or a lost response; make the history with regain=False"),
        (every.loc[(state == STATES[0]) & (to == STATES[2]), "subject"],
         "relapse without a response"),
    ):  # fmt: skip
        if len(bad):
            some = ", ".join(str(s) for s in bad.unique()[:5])
            problems.append(f"{bad.nunique():,} subjects {text} ({some}).")
    if problems:
        raise SpecError(
            "IntervalResponseState follows patients from not responding to response to relapse. "
            + " ".join(problems)
            + " ResponseState takes any history."
        )


def _panel(rows: pd.DataFrame, weight: FloatArray, visits: pd.DataFrame) -> kernel.Panel:
    """Return the intervals of response and relapse of each subject of a group."""
    n = len(weight)
    left_1, right_1 = np.zeros(n), np.full(n, np.inf)
    left_2, right_2 = np.full(n, np.nan), np.full(n, np.nan)
    waits = rows[rows["state"] == STATES[0]]
    left_1[waits["place"]], right_1[waits["place"]] = waits["left"], waits["right"]
    # A response that no subject saw again is seen on its day only.
    seen = np.isfinite(right_1)
    left_2[seen], right_2[seen] = right_1[seen], np.inf
    spells = rows[rows["state"] == STATES[1]]
    left_2[spells["place"]], right_2[spells["place"]] = spells["left"], spells["right"]
    place = rows.drop_duplicates("subject").set_index("subject")["place"]
    known = visits.assign(place=visits["subject"].map(place)).dropna(subset=["place"])
    who, day = known["place"].to_numpy(dtype=np.intp), known["day"].to_numpy(dtype=float)
    use = ~seen[who] & (day > 0) & (day <= left_1[who])
    order = np.lexsort((day[use], who[use]))
    who, day = who[use][order], day[use][order]
    before = np.where(np.diff(who, prepend=-1) == 0, np.concatenate(([0.0], day[:-1])), 0.0)
    return kernel.Panel(left_1, right_1, left_2, right_2, weight, who, before, day)


def _pieces(cuts: Sequence[float]) -> list[str]:
    return [f"{move} from day {day:g}" for move in MOVES for day in (0.0, *cuts)]


def _check_ridges(fits: dict[str, kernel.IllnessDeath], cuts: Sequence[float]) -> None:
    """Refuse pieces that can be traded for each other: their intensities are not estimable."""
    names = np.array(_pieces(cuts))
    mixed = [f"{label}: {', '.join(names[f.on_ridge])}" for label, f in fits.items()
             if f.on_ridge.any()]  # fmt: skip
    if mixed:
        raise NotEstimableError(
            f"Pieces of an intensity are not identified ({'; '.join(mixed)}): no visit lies "
            "between. Set cuts at days between which subjects are assessed, or fewer."
        )


def _check_exposure(panels: dict[str, kernel.Panel], cuts: FloatArray) -> None:
    """Refuse pieces in which no subject is under observation in a state."""
    edges = [0.0, *cuts, np.inf]
    unexposed = []
    for label, panel in panels.items():
        spent = kernel.exposure(panel, cuts)
        for state, time in zip(STATES, spent, strict=False):
            for j in np.flatnonzero(time == 0):
                end = f" to {edges[j + 1]:g}" if np.isfinite(edges[j + 1]) else " on"
                unexposed.append(f"{label}, {state}, from day {edges[j]:g}{end}")
    if unexposed:
        raise NotEstimableError(
            f"No subject is under observation in {'; '.join(unexposed)}: the intensity there "
            f"cannot be "
            "known. Use fewer cuts."
        )
