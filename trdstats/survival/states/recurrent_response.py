"""Response that is gained, lost and gained again, seen at visits only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.interval.panel_markov import Panel, fit_panel
from trdstats.kernels.visits.endpoints import MissedVisits
from trdstats.outcomes import Definition
from trdstats.outcomes.assess import evaluate
from trdstats.study import Study
from trdstats.survival.states.recurrent_result import RecurrentResponseResult
from trdstats.tables import Summary, SummaryMixin

_RUNAWAY = 12.0


@checked
@dataclass(frozen=True, repr=False)
class RecurrentResponse(SummaryMixin):
    """Markov model of being in response or not, with recovery.

    Visits show the state, and not when it changed. Rates of gaining and of losing the response are
    constant between breaks and the same whatever came before; covariates multiply each. All
    changes that may have come between two visits count, by the exact likelihood; errors are
    robust, as subjects differ in more than the covariates. `ResponseState` dates changes at visits
    and assumes no model; `IntervalResponseState` has no recovery.

    Parameters
    ----------
    formula : str
        Covariates of the subjects, such as ``"treatment"``; ``"1"`` for none.
    breaks : sequence of float, default ()
        Days on which the rates may change.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When the formula cannot be read, or breaks are not increasing days above 0.

    References
    ----------
    Kalbfleisch and Lawless 1985, doi:10.1080/01621459.1985.10478195; Jackson 2011,
    doi:10.18637/jss.v038.i08.

    Examples
    --------
    >>> import trdstats as trd
    >>> fit = trd.RecurrentResponse("treatment").fit(trd.load_sample("trial"), trd.Response())
    >>> fit.means(168).tidy()["treatment"].tolist()
    ['TMS', 'ECT', 'IV ketamine']
    """

    formula: str = "treatment"
    breaks: Sequence[float] = ()
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        days = np.asarray(self.breaks, dtype=float)
        if len(days) and not (days[0] > 0 and (np.diff(days) > 0).all()):
            raise SpecError("breaks must be increasing days above 0.")

    def fit(self, study: Study, definition: Definition) -> RecurrentResponseResult:
        """Fit by maximum likelihood.

        Parameters
        ----------
        study : Study
        definition : Definition
            The state of being well, such as ``Response()`` or ``Remission()``. A subject starts
            in the state of its last rating up to day 0, out of it without one.

        Raises
        ------
        NotEstimableError
            When it is never gained or never lost, covariates are collinear, or the likelihood has
            no maximum.
        SpecError, DataError
            When the formula or the definition does not fit the study.
        """
        check_instance("study", study, Study)
        check_instance("definition", definition, Definition)
        if definition.is_worsening:
            raise SpecError(
                f"{definition.label(study.scale)} is a worsening: give the state of being well, "
                "such as Response(), which is gained and lost."
            )
        last = float(study.visits["day"].max())
        late = [b for b in self.breaks if b >= last]
        if late:
            raise SpecError(
                f"The break on day {late[0]:g} is not before the last visit, on day {last:g}: "
                "nothing is known of the rates after it."
            )
        seen = _states(study, definition)
        subjects = study.subjects
        frame = subjects[subjects["subject"].isin(seen["subject"])].reset_index(drop=True)
        design = read_covariates(frame, self.formula, what="subjects", least=0)
        kept = frame[design.kept].reset_index(drop=True)
        ones = np.ones((len(kept), 1))
        check_full_rank(np.hstack((ones, design.X)), ["the rates", *design.terms])
        centre = design.X.mean(axis=0)
        start_state = _first_states(kept, seen)
        panel = _panel(kept, seen, design.X - centre, np.asarray(self.breaks, dtype=float))
        label = definition.label(study.scale)
        _check_changes(panel, label)
        k, q = panel.n_pieces, design.X.shape[1]
        days = panel.spent.sum(axis=1)
        gained = ((panel.before == 0) & (panel.after == 1)).sum() / days[panel.before == 0].sum()
        lost = ((panel.before == 1) & (panel.after == 0)).sum() / days[panel.before == 1].sum()
        start = np.r_[np.full(k, np.log(gained)), np.full(k, np.log(lost)), np.zeros(2 * q)]
        reached = fit_panel(panel, start)
        if reached is None or reached.reach > _RUNAWAY:
            raise NotEstimableError(
                "The likelihood has no maximum: a rate, or an effect on it, grows without end. Use "
                "fewer covariates or breaks, or leave out a group in which nothing changes."
            )
        return RecurrentResponseResult(
            self, study, label, design, kept, centre, panel, start_state, last,
            reached.theta, reached.information, reached.scores, reached.loglik,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary("Response that comes again", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        breaks = ", ".join(f"{b:g}" for b in self.breaks)
        when = f"constant between days {breaks}" if breaks else "constant"
        return (("Model", f"rates of gaining and losing on {self.formula}, {when}"),)


def _states(study: Study, definition: Definition) -> pd.DataFrame:
    """Return the state of every rated visit, and of the baseline as that of day 0.

    Columns subject, day, met (0 or 1), one row a subject and day; visits whose state is not known
    have none.
    """
    rated, state = evaluate(study, definition)
    known = state.known
    after = pd.DataFrame(
        {
            "subject": study.visits["subject"].to_numpy(dtype=object)[rated.row[known]],
            "day": rated.arrays.day[known],
            "met": state.met[known].astype(int),
        }
    )
    has = ~np.isnan(rated.arrays.baseline)
    start = np.r_[0, np.cumsum(has)].astype(np.intp)
    none = MissedVisits(np.zeros(len(has) + 1, dtype=np.intp), np.empty(0))
    of_baseline = replace(
        rated.arrays, start=start, day=np.zeros(has.sum()), score=rated.arrays.baseline[has],
        scheduled=None, missed=None if rated.arrays.missed is None else none,
    )  # fmt: skip
    first = definition.evaluate(of_baseline, study.scale)
    who = study.subjects["subject"].to_numpy(dtype=object)[has][first.known]
    at_start = pd.DataFrame({"subject": who, "day": 0.0, "met": first.met[first.known].astype(int)})
    at_start = at_start[at_start["subject"].isin(after["subject"])]
    both = pd.concat([at_start, after], ignore_index=True)
    return both.drop_duplicates(["subject", "day"], keep="last").reset_index(drop=True)


def _first_states(subjects: pd.DataFrame, seen: pd.DataFrame) -> FloatArray:
    """Return 1 for subjects in the state on day 0; 0 for the others, and where it is not known."""
    at_start = seen[seen["day"] == 0].set_index("subject")["met"]
    return np.asarray(
        at_start.reindex(subjects["subject"].astype(object)).fillna(0), dtype=np.float64
    )


def _panel(subjects: pd.DataFrame, seen: pd.DataFrame, X: FloatArray, breaks: FloatArray) -> Panel:
    """Return the pairs of visits; a subject without a state on day 0 starts out of it."""
    place = pd.Index(subjects["subject"].astype(object))
    code = place.get_indexer(pd.Index(seen["subject"].astype(object)))
    seen, code = seen[code >= 0], code[code >= 0]
    without = np.setdiff1d(np.arange(len(place)), code[seen["day"].to_numpy() == 0])
    who = np.r_[without, code]
    day = np.r_[np.zeros(len(without)), seen["day"].to_numpy(dtype=float)]
    state = np.r_[np.zeros(len(without), dtype=int), seen["met"].to_numpy()]
    order = np.lexsort((day, who))
    who, day, state = who[order], day[order], state[order]
    same = np.flatnonzero(who[1:] == who[:-1])
    edges = np.r_[0.0, breaks, np.inf]
    low, high = day[same][:, None], day[same + 1][:, None]
    spent = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0.0, None)
    subject = who[same].astype(np.intp)
    return Panel(subject, state[same], state[same + 1], spent, X[subject])


def _check_changes(panel: Panel, label: str) -> None:
    gained = ((panel.before == 0) & (panel.after == 1)).any()
    lost = ((panel.before == 1) & (panel.after == 0)).any()
    if not gained or not lost:
        what = "gained" if not gained else "lost"
        raise NotEstimableError(f"{label} is never {what} between two visits: there is no rate.")
