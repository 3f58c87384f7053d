"""Events that come again while follow-up ends for reasons tied to them: one frailty for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level, count_of
from trdstats.formulas import check_full_rank, read_right_side
from trdstats.kernels.parametric.joint_frailty import (
    Cells,
    JointModel,
    JointPoint,
    fit_joint_frailty,
    fit_without_frailty,
    loglik_unlinked,
)
from trdstats.outcomes import Episodes, EventTimes, as_episodes
from trdstats.survival.regression.joint_frailty_ends import read_ends
from trdstats.survival.regression.joint_frailty_result import JointFrailtyResult
from trdstats.survival.regression.regression_data import check_events, whole_subjects
from trdstats.tables import Summary, SummaryMixin

_START = 0.5  # log frailties' standard deviation
_NONE = 0.02  # standard deviation below which there is no frailty to speak of


@checked
@dataclass(frozen=True, repr=False)
class JointFrailty(SummaryMixin):
    """Joint model of an event that comes again and of the end of follow-up.

    Whoever relapses often may also leave early: those who stay are then not like those who left,
    and models of the relapses alone take too few of them. Each subject has a frailty exp(w), w
    normal with mean 0 and variance theta: the hazard of the event is multiplied by exp(w), that of
    the end of follow-up by exp(alpha w). alpha above 0 says that those who have the event often
    leave early, alpha of 0 that leaving tells nothing of them. Hazard ratios compare subjects of
    the same frailty. Baselines are constant between quantiles of the times seen.

    Parameters
    ----------
    formula : str
        Covariates of both hazards, such as ``"treatment + age"``. The hazard of the end takes
        those of a subject's first episode.
    pieces : int, default 5
        Pieces of each baseline, with about as many events in each; fewer where there are few
        distinct times.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When the formula cannot be read or an argument is not usable.

    References
    ----------
    Liu, Wolfe and Huang 2004, doi:10.1111/j.0006-341X.2004.00225.x; Liu and Huang 2008,
    doi:10.1002/sim.3077; Rondeau et al. 2007, doi:10.1093/biostatistics/kxl043.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> history = trd.response_history(
    ...     study, trd.Response(), trd.LossOfResponse(), regain=True)
    >>> left = trd.time_to(study, trd.Event(("left follow-up",)), since=trd.Response())
    >>> fit = trd.JointFrailty("treatment", pieces=2).fit(trd.loss_episodes(history), left)
    >>> fit.tidy()["event"].unique().tolist()
    ['loss of response (< 40 % fall)', 'left follow-up']
    """

    formula: str
    pieces: int = 5
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        if self.pieces < 1:
            raise SpecError(f"pieces is a number of 1 or more; got {self.pieces}.")

    def fit(
        self, episodes: Episodes | FrameLike, end: EventTimes | FrameLike | None = None
    ) -> JointFrailtyResult:
        """Fit by maximum likelihood.

        Parameters
        ----------
        episodes : Episodes or DataFrame
            Events that come again, such as `loss_episodes`.
        end : EventTimes or DataFrame, optional
            Time from the same origin to the end of follow-up, status 1 where it ended for the
            reason that is modelled (leaving, death) and 0 where the study was over: of every
            subject that has episodes, not before its last. Default: statuses of 2 and above in the
            episodes are that reason, and a subject was followed from the origin to its last stop.
            Subjects with an episode that lacks a covariate are left out whole.

        Raises
        ------
        NotEstimableError
            When no subject had the event or the end, no subject has it twice, covariates are
            collinear, an effect has no finite estimate, or the likelihood is highest without
            frailty.
        DataError, SpecError
            When a frame is not usable, or episodes and ends do not fit each other.
        """
        table = as_episodes(episodes)
        if table.clock == "gap":
            raise SpecError("Give the episodes before gap_time(): both hazards count one time.")
        regressed = whole_subjects(table, self.formula, needed=("subject",))
        check_events(regressed, 1)
        at_origin = int(((regressed.time == 0) & (regressed.status > 0)).sum())
        if at_origin:
            raise NotEstimableError(
                f"{count_of(at_origin, 'event', 'events')} on the day of the origin: a baseline of "
                "days at risk cannot hold them. Leave these rows out, or count from an earlier day."
            )
        subject, names = pd.factorize(regressed.frame["subject"])
        if not table.is_recurrent:
            raise NotEstimableError(
                "No subject has the event twice: a frailty cannot be told from chance."
            )
        name, time, ended, notes = read_ends(table, regressed, names, end)
        X = regressed.X - regressed.X.mean(axis=0)
        first = np.unique(subject, return_index=True)[1]
        _check_first(X[first], regressed.design.terms, name)
        event = regressed.status == 1
        model = JointModel(
            len(names),
            Cells.of(subject, regressed.entry, regressed.time, event, X,
                     _breaks(regressed.time[event], self.pieces)),
            Cells.of(np.arange(len(names)), np.zeros(len(names)), time, ended, X[first],
                     _breaks(time[ended], self.pieces)),
        )  # fmt: skip
        point, theta, smaller = _fit(model, (table.outcome, name))
        return JointFrailtyResult(
            self, table, regressed, name, model, theta, point, smaller,
            np.asarray(names, object), notes,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary("Joint frailty", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        return (
            ("Covariates", self.formula),
            ("Frailty", "log-normal, of subjects, shared by both hazards"),
            ("Baselines", f"constant between quantiles, {self.pieces} pieces"),
        )


def _check_first(X: FloatArray, terms: Sequence[str], end: str) -> None:
    """Refuse covariates that do not vary in the first episodes."""
    same = [t for t, x in zip(terms, X.T, strict=True) if np.ptp(x) <= 1e-12 * np.abs(x).max()]
    if same:
        raise NotEstimableError(
            f"{', '.join(same)}: the same in the first episode of every subject, which the hazard "
            f"of {end} takes. Leave it out, or give its value from the start."
        )
    check_full_rank(X - X.mean(axis=0), terms)


def _breaks(days: FloatArray, pieces: int) -> FloatArray:
    """Return quantiles of the days of events, each piece with an event."""
    inner = np.quantile(days, np.arange(1, pieces) / pieces, method="inverted_cdf")
    return np.unique(inner[inner < days.max()])


def _fit(
    model: JointModel, names: tuple[str, str]
) -> tuple[JointPoint, FloatArray, tuple[float, float]]:
    """Return the point and parameters of the maximum, and what smaller models reach.

    Those are the log-likelihoods without a frailty, and with one of the events alone.
    """
    parts = []
    for cells, name in zip((model.again, model.last), names, strict=True):
        reached = fit_without_frailty(cells)
        if reached is None:
            raise NotEstimableError(
                f"An effect on the hazard of {name} has no finite estimate, as where no subject of "
                "a category had it: leave the term or the category out."
            )
        parts.append(reached)
    start = np.r_[parts[0][0], parts[1][0], 0.0, np.log(_START)]
    top = fit_joint_frailty(model, start)
    if top is None or not top.converged or top.theta[-1] < np.log(_NONE):
        raise NotEstimableError(
            "The likelihood has no maximum with a frailty: it is highest without one, or the link "
            "of the two hazards (alpha) grows without end. Model the hazards apart, by CoxPH or "
            "SharedFrailty."
        )
    alone = parts[0][1] + parts[1][1]
    return top.point, top.theta, (alone, max(alone, loglik_unlinked(model, start)))
