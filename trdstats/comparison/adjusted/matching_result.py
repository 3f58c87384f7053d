"""Matched subjects: who, how alike, and who found no subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.adjusted.matched_estimates import MatchedEstimates, estimate_matched
from trdstats.comparison.adjusted.subject_outcomes import check_outcome, read_outcomes
from trdstats.errors import NotEstimableError, count_of
from trdstats.kernels.weighting.covariate_balance import balance
from trdstats.kernels.weighting.matched_groups import MatchedGroups
from trdstats.outcomes import Definition, EventTimes, as_event_times
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_count, format_number

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.matching import Matching

_FEWEST_CLUSTERS = 10
_ROUNDING = 1e-9


@checked_methods
@dataclass(frozen=True, repr=False)
class MatchingResult(SummaryMixin):
    """A matched set.

    Attributes
    ----------
    spec : Matching
    treated, control : str
    caveat : str
        What a crude comparison must say.
    width : float
        Caliper on the logit.
    frame : pandas.DataFrame
        Subjects under the two treatments.
    every subject : ndarray of object
        Subjects of the data, those under other treatments too.
    score : ndarray, shape (n,)
        Logit of the propensity of `treated`, for the rows of `frame`; one number where scores
        differ by rounding alone.
    """

    spec: Matching
    treated: str
    control: str
    caveat: str
    width: float
    frame: pd.DataFrame
    all_subjects: npt.NDArray[np.object_]
    score: FloatArray
    _treated: IntArray
    _controls: IntArray
    _groups: MatchedGroups
    _design: pd.DataFrame

    @property
    def _is_treated(self) -> BoolArray:
        return (self.frame[self.spec.by] == self.treated).to_numpy()

    @property
    def pairs(self) -> pd.DataFrame:
        """Who was matched with whom.

        Returns
        -------
        pandas.DataFrame
            match (number of the set, one a treated subject), treated, control (subjects),
            distance (on the logit), weight (of the control in the set: 1 over its controls, less
            where a treated subject shares too few controls with others of equal score).
        """
        who = self.frame["subject"].to_numpy(dtype=object)
        pairs = self._groups.pairs()
        one, other = self._treated[pairs.treated], self._controls[pairs.control]
        number = np.unique(one, return_inverse=True)[1]
        return pd.DataFrame(
            {
                "match": number + 1,
                "treated": who[one],
                "control": who[other],
                "distance": np.abs(self.score[one] - self.score[other]),
                "weight": pairs.proportion,
            }
        )

    def _weight(self) -> FloatArray:
        """Return the weights of the rows of the frame."""
        weight = np.zeros(len(self.frame))
        weight[self._treated], weight[self._controls] = self._groups.weights()
        return weight

    @property
    def _is_shared(self) -> bool:
        """Whether a control is part of several sets."""
        return self.spec.replace or self._groups.is_shared

    @property
    def weights(self) -> pd.DataFrame:
        """Weights of all subjects of the data: subject, weight; 0 without a match.

        A treated subject weighs 1, or less where it shares too few controls with others of equal
        score; a control the sum of its shares in the sets it is part of.
        """
        weight = pd.Series(self._weight(), index=self.frame["subject"].to_numpy(dtype=object))
        values = weight.reindex(self.all_subjects).fillna(0.0).to_numpy()
        return pd.DataFrame({"subject": self.all_subjects, "weight": values})

    @property
    def clusters(self) -> pd.Series[Any]:
        """Number of the matched set of each matched subject, indexed by subject.

        Sets that have a control in common, because scores are equal, are one cluster.

        Raises
        ------
        NotEstimableError
            With replacement, where a control may be part of any sets; and where equal scores
            leave fewer than ten clusters.
        """
        if self.spec.replace:
            raise NotEstimableError(
                "With replacement a control may be part of several sets: there are no clusters. "
                "Match with replace=False."
            )
        groups = self._groups
        n = len(groups.group) + len(groups.level)  # no fewer than scores
        links = coo_array(
            (np.ones(len(groups.one)), (groups.one, len(groups.group) + groups.other)), shape=(n, n)
        )
        component = connected_components(links, directed=False)[1]
        treated = groups.treated
        control = groups.control[np.argsort(self._controls[groups.control])]
        ends = (groups.group[treated], len(groups.group) + groups.level[control])
        number = pd.factorize(component[np.concatenate(ends)])[0] + 1  # in the order of the treated
        if self._is_shared and number.max() < _FEWEST_CLUSTERS:
            raise NotEstimableError(
                f"Equal scores join the matched into {count_of(int(number.max()), 'set', 'sets')}, "
                f"too few for errors by set (fewer than {_FEWEST_CLUSTERS}). Use the weights "
                "without clusters, or match on covariates that differ between subjects."
            )
        rows = np.concatenate([self._treated[treated], self._controls[control]])
        who = self.frame["subject"].to_numpy(dtype=object)[rows]
        return pd.Series(number, index=pd.Index(who, name="subject"), name="match")

    def keep(self, times: EventTimes | FrameLike) -> EventTimes:
        """Return the event times of the matched, ready for curves and regressions.

        Parameters
        ----------
        times : EventTimes or DataFrame

        Returns
        -------
        EventTimes
            With the columns match_weight and, where there are `clusters`, match: fit
            ``CoxPH("treatment", cluster="match")`` with ``weights="match_weight"``.
        """
        times = as_event_times(times)
        frame = times.frame
        weight = self.weights.set_index("subject")["weight"]
        frame = frame.assign(
            match_weight=weight.reindex(frame["subject"]).fillna(0.0).to_numpy(dtype=float)
        )
        try:
            clusters = self.clusters
        except NotEstimableError:
            pass  # matched sets share controls: there is no column to cluster by
        else:
            frame = frame.assign(match=clusters.reindex(frame["subject"]).to_numpy())
        frame = frame[frame["match_weight"] > 0].reset_index(drop=True)
        kept = [t for t in times.treatments if (frame["treatment"] == t).any()]
        frame["treatment"] = frame["treatment"].cat.set_categories(kept)
        return EventTimes(
            frame,
            outcome=times.outcome,
            origin=times.origin,
            causes=times.causes,
            caveat=self._words(),
            first_look={k: v for k, v in times.first_look.items() if k in kept},
            switching=times.switching and times.switching.among(frame["subject"]),
        )

    def estimate(
        self,
        data: Study | FrameLike,
        outcome: Definition | str,
        *,
        day: float | None = None,
        missing: str = "nonresponse",
    ) -> MatchedEstimates:
        """Compare rates or means of the matched.

        Parameters
        ----------
        data : Study or DataFrame
            As given to `Matching.fit`.
        outcome : Definition or str
            A definition, "change" or "score" at `day`, or a column of the subjects.
        day : float, optional
        missing : {"nonresponse", "observed", "locf", "worst"}
            See `rates`. A set loses controls without an outcome, and goes with its treated
            subject or last control.

        Raises
        ------
        NotEstimableError
            When no set has outcomes on both sides.
        """
        check_outcome(outcome, day, missing)
        known = read_outcomes(data, outcome, day=day, missing=missing, reference=self.control)
        place = pd.Index(known.subjects).get_indexer(pd.Index(self.frame["subject"]))
        y = np.where(place >= 0, known.y[place], np.nan)
        return estimate_matched(self, y, known, day)

    def tidy(self) -> pd.DataFrame:
        """Return the balance of the covariates; see `balance`."""
        return self.balance()

    def balance(self) -> pd.DataFrame:
        """Compare the covariates of the two treatments before and after matching.

        Returns
        -------
        pandas.DataFrame
            term (a column of the design; "logit of propensity" last), mean_treated, mean_control
            (after matching), smd_before, smd_after (means, treated less control, over the root of
            the mean variance before matching), ratio_before, ratio_after (of variances; NaN for
            columns of 0 and 1), ks_before, ks_after (Kolmogorov-Smirnov distance).
        """
        columns, is_treated = self._columns(), self._is_treated
        X, weight = columns.to_numpy(dtype=float), self._weight()
        whole = np.ones(len(X))
        before = balance(X[is_treated], X[~is_treated], whole[is_treated], whole[~is_treated])
        after = balance(X[is_treated], X[~is_treated], weight[is_treated], weight[~is_treated])
        return pd.DataFrame(
            {
                "term": columns.columns,
                "mean_treated": np.average(X[is_treated], axis=0, weights=weight[is_treated]),
                "mean_control": np.average(X[~is_treated], axis=0, weights=weight[~is_treated]),
                "smd_before": before.standardised,
                "smd_after": after.standardised,
                "ratio_before": before.variance_ratio,
                "ratio_after": after.variance_ratio,
                "ks_before": before.distance,
                "ks_after": after.distance,
            }
        )

    def _columns(self) -> pd.DataFrame:
        return self._design.assign(**{"logit of propensity": self.score})

    def unmatched(self) -> pd.DataFrame:
        """Describe the treated who found no match beside those who did.

        Returns
        -------
        pandas.DataFrame
            term, mean_matched, mean_unmatched (NaN when every subject was matched), smd (unmatched
            less matched, over the standard deviation of all treated).
        """
        columns = self._columns()[self._is_treated]
        values = self._weight()[self._is_treated]
        values = np.where(values > 1 - _ROUNDING, 1.0, values)  # parts of a set add up to 1
        matched, lost = (
            columns.mul(w, axis=0).sum() / w.sum() if w.sum() > 0 else columns.mean() * np.nan
            for w in (values, 1 - values)
        )
        spread = (columns - columns.iloc[0]).std().replace(0.0, np.nan)
        return pd.DataFrame(
            {
                "term": columns.columns,
                "mean_matched": matched.to_numpy(),
                "mean_unmatched": lost.to_numpy(),
                "smd": ((lost - matched) / spread).to_numpy(),
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n_treated, n_control, matched treated and controls, n_unmatched, ..."""
        n = int(self._is_treated.sum())
        weight = self._weight()[~self._is_treated]
        n_matched = round(float(self._groups.weights()[0].sum()))
        largest = self.balance()["smd_after"].abs().max()
        return pd.DataFrame(
            {
                "n_treated": [n],
                "n_control": [len(self.frame) - n],
                "matched_treated": [n_matched],
                "matched_control": [len(self._groups.control)],
                "n_unmatched": [n - n_matched],
                "effective_control": [float(weight.sum() ** 2 / (weight**2).sum())],
                "caliper": [self.width],
                "largest_smd": [float(largest)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the standardised differences before and after matching; returns the Axes."""
        settings = {"caveat": self._words(), **options}
        return plots.plot_balance(self.balance(), ax=ax, **settings)

    def _words(self) -> str:
        """Return what a figure or table of the matched must say."""
        if not self.caveat:
            return ""
        return f"Treatments were not randomised; matched on {self.spec.formula}"

    def summary(self) -> Summary:
        """Return the counts, the balance, and who found no match."""
        g = next(each_row(self.glance()))
        width = "none" if np.isinf(self.width) else f"{self.width:.3f} on the logit"
        lines = (
            ("Matched", f"{self.treated} to {self.control}"),
            *self.spec.summary().header[:2],
            ("Caliper", width),
            (
                self.treated,
                f"{g.matched_treated:,} of {g.n_treated:,} matched, "
                f"{g.n_unmatched:,} without a match",
            ),
            (
                self.control,
                f"{g.matched_control:,} of {g.n_control:,} used, effective sample size "
                f"{g.effective_control:,.1f}",
            ),
        )
        rows = tuple(
            (
                str(r.term),
                format_number(r.smd_before, 2),
                format_number(r.smd_after, 2),
                format_number(r.ratio_before, 2),
                format_number(r.ratio_after, 2),
            )
            for r in each_row(self.balance())
        )
        header = ("Covariate", "Difference before", "after", "Variance ratio before", "after")
        tables = [Table(header, rows, title="Balance (standardised differences)")]
        notes = [f"{self._words()}."] if self.caveat else []
        if g.n_unmatched:
            lost = tuple(
                (
                    str(r.term),
                    format_number(r.mean_matched, 2),
                    format_number(r.mean_unmatched, 2),
                    format_number(r.smd, 2),
                )
                for r in each_row(self.unmatched())
            )
            columns = ("Covariate", "Mean, matched", "Mean, unmatched", "Difference (SD)")
            title = f"{self.treated}: {format_count(g.n_unmatched)} without a match"
            tables.append(Table(columns, lost, title=title))
            notes.append(
                f"Estimates are about the {g.matched_treated:,} under {self.treated} who found a "
                "match."
            )
        return Summary("Nearest-neighbour matching", lines, tuple(tables), tuple(notes))
