"""Pairs of subjects who had the same chance of treatment and different treatments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats.comparison.outcome_frame import read_outcome
from trdstats.comparison.people import People, read_people
from trdstats.errors import NotEstimableError, SpecError, check_level, unknown_name
from trdstats.kernels.covariate_balance import balance
from trdstats.kernels.nearest import match_nearest
from trdstats.kernels.propensity import fit_scores
from trdstats.outcomes import Definition
from trdstats.tables import Face, Introduces, Table, each_row, format_count, format_number

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, repr=False)
class Matching(Introduces):
    """Nearest-neighbour matching on the logit of the propensity score.

    Every subject of `treated` gets the nearest subject of the other treatment within the caliper,
    those hardest to match first.

    Parameters
    ----------
    formula : str
        Covariates known before treatment.
    treated : str, optional
        Treatment whose subjects are matched. Default: the last one.
    ratio : int, default 1
        Partners of each.
    caliper : float, default 0.2
        Largest distance, in standard deviations of the logit.
    replace : bool, default False
        Whether a subject may be a partner more than once.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Austin 2011, Pharm Stat 10:150-161, doi:10.1002/pst.433 (caliper); Austin and Small 2014, Stat
    Med 33:4306-4319, doi:10.1002/sim.6276 (variance by pairs); Abadie and Imbens 2006,
    Econometrica 74:235-267, doi:10.1111/j.1468-0262.2006.00655.x (with replacement).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    >>> pairs = trd.Matching("age + failed_trials + baseline").fit(study)
    >>> int(pairs.pairs["set"].nunique()) == int(pairs.glance()["matched"].item())
    True
    """

    formula: str
    treated: str | None = None
    ratio: int = 1
    caliper: float = 0.2
    replace: bool = False
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise SpecError(f"ratio must be 1 or more; got {self.ratio!r}.")
        if not self.caliper > 0:
            raise SpecError(f"caliper must be above 0; got {self.caliper!r}.")
        check_level(self.conf_level)

    def fit(
        self, data: Any, *, subject: str = "subject", treatment: str = "treatment"
    ) -> MatchedResult:
        """Match the subjects.

        Parameters
        ----------
        data : Study or DataFrame
            A table has one row a subject.
        subject, treatment : str
            Columns of a table.

        Raises
        ------
        DataError, UnknownNameError
            When covariates are missing or a column is not there.
        NotEstimableError
            When there are not two treatments, covariates tell them apart, or nobody is matched.
        """
        people = read_people(data, self.formula, subject=subject, treatment=treatment,
                             missing="error")  # fmt: skip
        if len(people.labels) != 2:
            raise NotEstimableError(
                f"Matching pairs two treatments; there are {', '.join(people.labels)}. Take two "
                "with study.only([...])."
            )
        treated = people.labels[-1] if self.treated is None else self.treated
        if treated not in people.labels:
            raise unknown_name("treatment", treated, people.labels)
        of = people.labels.index(treated)
        X = people.design.X
        scaled = (X - X.mean(axis=0)) / X.std(axis=0)
        design = np.column_stack([np.ones(len(X)), scaled])
        scores = fit_scores(design, people.treatment, 2, np.ones(len(X)))
        if not scores.converged:
            raise NotEstimableError(
                "The covariates tell the treatments apart: nobody can be matched. See "
                "PropensityWeights for who they are."
            )
        logit = (design @ scores.gamma[0]) * (1 if of == 1 else -1)
        one = people.treatment == of
        spread = np.sqrt((logit[one].var(ddof=1) + logit[~one].var(ddof=1)) / 2)
        ones, others = np.flatnonzero(one), np.flatnonzero(~one)
        found = match_nearest(logit[ones], logit[others], self.ratio, self.caliper * spread,
                              replace=self.replace)  # fmt: skip
        partner = np.where(found >= 0, others[np.maximum(found, 0)], -1)
        if not (found >= 0).any():
            raise NotEstimableError("Nobody has a partner within the caliper.")
        return MatchedResult(self, people, treated, ones, partner, logit)


@dataclass(frozen=True, repr=False)
class MatchedResult(Introduces):
    """Matched subjects.

    Attributes
    ----------
    spec : Matching
    people : People
    treated : str
    """

    spec: Matching
    people: People
    treated: str
    _ones: IntArray
    _partner: IntArray
    _logit: FloatArray

    @property
    def _matched(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self._partner >= 0).any(axis=1))

    @property
    def pairs(self) -> pd.DataFrame:
        """Matched sets: set, subject, treatment, distance (of logits; 0 for the treated)."""
        names, rows = self.people.frame["subject"].to_numpy(dtype=object), []
        other = next(k for k in self.people.labels if k != self.treated)
        for s, i in enumerate(np.flatnonzero(self._matched)):
            own = self._ones[i]
            rows.append((s, names[own], self.treated, 0.0))
            for j in self._partner[i][self._partner[i] >= 0]:
                distance = abs(float(self._logit[own] - self._logit[j]))
                rows.append((s, names[j], other, distance))
        return pd.DataFrame(rows, columns=["set", "subject", "treatment", "distance"])

    @property
    def weights(self) -> pd.DataFrame:
        """Weights: 1 for the matched treated, shares of their sets for partners, 0 for others."""
        weight = self._weight()
        names = self.people.frame["subject"].array
        return pd.DataFrame({"subject": names, "weight": weight})

    def _weight(self) -> FloatArray:
        weight = np.zeros(len(self.people.frame))
        for i in np.flatnonzero(self._matched):
            own = self._partner[i][self._partner[i] >= 0]
            weight[self._ones[i]] += 1.0
            np.add.at(weight, own, 1.0 / len(own))
        return weight

    @property
    def clusters(self) -> pd.Series[Any]:
        """Set of each matched subject, by subject: for ``CoxPH(cluster=...)`` without replacement.

        Raises
        ------
        NotEstimableError
            With replacement, where a subject may belong to several sets.
        """
        if self.spec.replace:
            raise NotEstimableError("With replacement a subject may belong to several sets.")
        return self.pairs.set_index("subject")["set"]

    def compare(self, outcome: Any, data: Any = None, *, day: float | None = None) -> pd.DataFrame:
        """Return the mean difference of an outcome, treated less partners.

        Parameters
        ----------
        outcome : Definition, str or Series
            A series indexed by subject; or what `Standardisation.fit` takes, of `data` at `day`.
        data : Study or DataFrame, optional
        day : float, optional

        Returns
        -------
        pandas.DataFrame
            treatment, reference, n_sets, estimate, std_error, statistic, p_value, conf_low,
            conf_high, conf_level. Sets with an outcome missing are left out: n_sets counts those
            that stay.

        Raises
        ------
        NotEstimableError
            When fewer than two sets have the outcome.
        """
        y = self._outcome(outcome, data, day)
        own, partners = self._ones[self._matched], self._partner[self._matched]
        held = np.where(partners >= 0, y[np.maximum(partners, 0)], np.nan)
        usable = np.isfinite(y[own]) & np.isfinite(held).any(axis=1)
        if usable.sum() < 2:
            raise NotEstimableError("Fewer than two matched sets have the outcome.")
        own, partners, held = own[usable], partners[usable], held[usable]
        gap = y[own] - np.nanmean(held, axis=1)
        n, mean = len(gap), float(gap.mean())
        error = float(np.sqrt(((gap - mean) ** 2).sum())) / n
        if self.spec.replace:
            error = self._reused(y, partners, gap)
        z = float(norm.isf((1 - self.spec.conf_level) / 2))
        statistic = mean / error if error > 0 else np.nan
        other = next(k for k in self.people.labels if k != self.treated)
        return pd.DataFrame(
            {
                "treatment": [self.treated], "reference": [other], "n_sets": [n],
                "estimate": [mean], "std_error": [error], "statistic": [statistic],
                "p_value": [float(2 * norm.sf(abs(statistic)))],
                "conf_low": [mean - z * error], "conf_high": [mean + z * error],
                "conf_level": [self.spec.conf_level],
            }
        )  # fmt: skip

    def _outcome(self, outcome: Any, data: Any, day: float | None) -> FloatArray:
        names = self.people.frame["subject"]
        if isinstance(outcome, pd.Series):
            return np.asarray(names.map(outcome.astype(float).to_dict()), dtype=np.float64)
        if data is None or not isinstance(outcome, (str, Definition)):
            raise SpecError("Give the outcome as a series by subject, or with the data it is in.")
        rows = read_outcome(data, outcome, self.spec.formula, day=day, missing="nonresponse")
        found = pd.Series(rows.y, index=rows.people.frame["subject"].to_numpy())
        return np.asarray(names.map(found.to_dict()), dtype=np.float64)

    def _reused(self, y: FloatArray, partners: IntArray, gap: FloatArray) -> float:
        """Return the error where partners serve several sets (Abadie and Imbens 2006, theorem 7).

        A partner used K times moves K sets together; its own spread is taken from the nearest
        subject of its treatment.
        """
        n = len(gap)
        sizes = (partners >= 0).sum(axis=1)
        used = np.zeros(len(y))
        squares = np.zeros(len(y))
        for row, size in zip(partners, sizes, strict=True):
            np.add.at(used, row[row >= 0], 1 / size)
            np.add.at(squares, row[row >= 0], 1 / size**2)
        mine = np.flatnonzero(used > 0)
        pool = np.flatnonzero((self.people.treatment != self.people.labels.index(self.treated))
                              & np.isfinite(y))  # fmt: skip
        order = pool[np.argsort(self._logit[pool], kind="stable")]
        place = {int(j): p for p, j in enumerate(order)}
        spread = np.zeros(len(y))
        for j in mine:
            p = place[int(j)]
            near = [order[q] for q in (p - 1, p + 1) if 0 <= q < len(order)]
            nearest = min(near, key=lambda q: abs(self._logit[q] - self._logit[j]))
            spread[j] = (y[j] - y[nearest]) ** 2 / 2
        between = float(((gap - gap.mean()) ** 2).sum())
        shared = float(((used**2 - squares) * spread)[mine].sum())
        return float(np.sqrt(between + shared)) / n

    def balance(self) -> pd.DataFrame:
        """Return term, smd_before, smd_after, ks_before, ks_after."""
        X, w = self.people.design.X, self._weight()
        one = self.people.treatment == self.people.labels.index(self.treated)
        before = balance(X[one], X[~one], np.ones(one.sum()), np.ones((~one).sum()))
        after = balance(X[one], X[~one], w[one], w[~one])
        # After: in units of the spread before matching, so that the two can be compared.
        return pd.DataFrame(
            {
                "term": self.people.design.terms,
                "smd_before": before.standardised,
                "smd_after": after.standardised,
                "ks_before": before.distance,
                "ks_after": after.distance,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: treated, matched, unmatched, partners, largest difference after."""
        return pd.DataFrame(
            {
                "treated": [len(self._ones)],
                "matched": [int(self._matched.sum())],
                "unmatched": [int((~self._matched).sum())],
                "partners": [len(np.unique(self._partner[self._partner >= 0]))],
                "smd_after": [float(np.abs(self.balance()["smd_after"]).max())],
            }
        )

    def unmatched(self) -> pd.DataFrame:
        """Return how those without a partner differ: term, mean of matched, of unmatched."""
        X = self.people.design.X[self._ones]
        own = self._matched
        lost = X[~own].mean(axis=0) if (~own).any() else np.full(X.shape[1], np.nan)
        return pd.DataFrame({"term": self.people.design.terms, "matched": X[own].mean(axis=0),
                             "unmatched": lost})  # fmt: skip

    def face(self) -> Face:
        """Return who was matched and how alike the sets are."""
        g = next(each_row(self.glance()))
        spec = self.spec
        facts = (
            ("Covariates", spec.formula),
            ("Matched", f"{g.matched:,} of {g.treated:,} under {self.treated}, "
             f"{format_count(g.partners)} partners"),
            ("Rule", f"{spec.ratio} nearest within {spec.caliper:g} SD of the logit, "
             + ("with" if spec.replace else "without") + " replacement"),
        )  # fmt: skip
        rows = tuple(
            (r.term, format_number(r.smd_before, 3), format_number(r.smd_after, 3),
             format_number(r.ks_before, 2), format_number(r.ks_after, 2))
            for r in each_row(self.balance())
        )  # fmt: skip
        notes = []
        if g.unmatched:
            notes.append(f"{g.unmatched:,} under {self.treated} have no partner (unmatched()).")
        notes.append(
            "The comparison holds for the matched; nothing is known of what was not measured."
        )
        header = ("Covariate", "SMD before", "after", "KS before", "after")
        return Face("Matched subjects", facts, (Table(header, rows),), tuple(notes))
