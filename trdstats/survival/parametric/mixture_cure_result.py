"""What a fitted mixture cure model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray
from trdstats.errors import check_choice, unknown_name
from trdstats.estimates import Estimates
from trdstats.formulas import CovariateDesign, read_right_side
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.parametric.cure_marginals import (
    ever_responding,
    late_proportion,
    log_median_of_responders,
    responded_by,
)
from trdstats.kernels.parametric.mixture_cure import CureFit, fit_cure
from trdstats.survival.coefficients import coefficients_of
from trdstats.survival.parametric.derived import (
    NO_ERROR,
    Derived,
)
from trdstats.survival.parametric.parametric_data import (
    Analysed,
    categories_of,
    design_at,
    levels_of,
    with_intercept,
)
from trdstats.survival.parametric.parametric_result import ParametricResult
from trdstats.survival.reported_days import check_days
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level, format_percent

if TYPE_CHECKING:
    from trdstats.survival.parametric.mixture_cure import MixtureCure

TITLE = "Mixture cure model"
Part = Literal["incidence", "latency", "both"]

# Starts whose log-likelihood lies this close to the highest have found the same maximum.
_SAME = 1e-6
_LATE = 0.1


@checked_methods
@dataclass(frozen=True, repr=False)
class MixtureCureResult(ParametricResult):
    """A fitted mixture cure model.

    Attributes
    ----------
    spec : MixtureCure
    """

    ratio: ClassVar[str] = "ratio"
    title: ClassVar[str] = TITLE

    spec: MixtureCure
    _data: Analysed
    _fit: CureFit
    _flat: BoolArray
    _weak: BoolArray

    @property
    def is_identified(self) -> bool:
        """Whether the data tell those who never have the event from those who have not yet."""
        return not self._weak.any()

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """Part and name of each parameter."""
        incidence, latency = self._data.designs
        return (
            *(("incidence", t) for t in ("Intercept", *incidence.terms)),
            *(("latency", t) for t in ("Intercept", *latency.terms)),
            ("latency", "log(scale)"),
        )

    def estimates(self) -> Estimates:
        """Return the parameters; NaN where the likelihood says nothing of one.

        Part "incidence" is on the scale of the log odds of ever having the event, "latency" on
        that of the log time of those who will.
        """
        data, trouble = self._data, self.trouble()
        part, term = zip(*self.terms, strict=True)
        return coefficients_of(
            pd.DataFrame({"part": part, "term": term}),
            np.where(self._flat, np.nan, self._fit.theta), self._variance(),
            self._fit.influence(), data.row, data.sample,
            lost=("the likelihood is level in it", NO_ERROR), title=TITLE,
            notes=(*data.notes(), *([trouble] if trouble else [])),
        )  # fmt: skip

    def _has_ratio(self, terms: Sequence[str]) -> BoolArray:
        return np.array([t not in ("Intercept", "log(scale)") for t in terms])

    @property
    def late_proportion(self) -> float:
        """Proportion of those who will have the event who are expected to after the last visit."""
        W, X = (with_intercept(d.X) for d in self._data.designs)
        end = float(np.log(self._data.longest))
        return late_proportion(self._fit, W, X, self._data.weight / self._data.weight.sum(), end)

    def glance(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            n, events, loglik, aic and bic (NaN with weights), converged, iterations, identified,
            late_proportion (of those who will have the event, expected after the last visit),
            starts, starts_agreeing (how many reached the maximum that is reported).
        """
        reached = np.array(self._fit.starts)
        return pd.DataFrame(
            {
                **self._fit_statistics(),
                "identified": [self.is_identified],
                "late_proportion": [self.late_proportion],
                "starts": [len(reached)],
                "starts_agreeing": [int((np.abs(reached - self._fit.loglik) < _SAME).sum())],
            }
        )

    def test(self, term: str, *, part: Part = "both") -> pd.DataFrame:
        """Test whether a covariate plays a part in incidence, latency, or either.

        Parameters
        ----------
        term : str
            A column of the formulas; its interactions are tested with it.
        part : {"incidence", "latency", "both"}

        Returns
        -------
        pandas.DataFrame
            term, part, statistic (chi-squared), df, p_value, method: "likelihood ratio", the
            model being refitted without the term; "Wald, robust" with weights, for which
            likelihoods cannot be compared: NaN where a parameter is not identified, as the search
            then ends anywhere on a level likelihood.

        Raises
        ------
        SpecError, UnknownNameError
            When the part is none of the three, or its formula has no such column.
        """
        check_choice("part", part, ("incidence", "latency", "both"))
        drop = [
            _involves(d, term) & (part in ("both", name))
            for d, name in zip(self._data.designs, ("incidence", "latency"), strict=True)
        ]
        df = int(sum(d.sum() for d in drop))
        if not df:
            where = "formulas" if part == "both" else f"formula of the {part}"
            known = {f for d in self._data.designs for f in d.factors}
            raise unknown_name(f"column of the {where}:", term, sorted(known))
        tested = np.concatenate([[False], drop[0], [False], drop[1], [False]])
        if self._data.sample.weighted:
            statistic, method = self._wald(tested), "Wald, robust"
        else:
            W, X = (
                with_intercept(d.X[:, ~left])
                for d, left in zip(self._data.designs, drop, strict=True)
            )
            less = fit_cure(self._data.dated, W, X, self._data.weight, self.spec.distribution)
            statistic, method = 2 * (self._fit.loglik - less.loglik), "likelihood ratio"
        return pd.DataFrame(
            {
                "term": [term],
                "part": [part],
                "statistic": [statistic],
                "df": [df],
                "p_value": [float(chi2_sf(np.maximum(statistic, 0.0), df))],
                "method": [method],
            }
        )

    def _wald(self, tested: BoolArray) -> float:
        """Return the Wald statistic of some parameters; NaN where one is not identified."""
        if self._weak[tested].any():
            return float("nan")
        some, V = self._fit.theta[tested], self._variance()[np.ix_(tested, tested)]
        return float(some @ np.linalg.solve(V, some))

    def _standardised(self, by: str, days: Sequence[float]) -> list[Derived]:
        check_days(days)
        fit, weight = self._fit, self._data.weight / self._data.weight.sum()
        rows = []
        for name in levels_of(self._data.designs, by):
            W, X = (design_at(d, by, name) for d in self._data.designs)
            ever = ever_responding(fit, W, X, weight)
            middle = log_median_of_responders(fit, W, X, weight)
            median = float(np.exp(middle.value))
            keys: dict[str, object] = {by: name, "measure": "ever", "time": np.nan}
            rows.append(Derived(keys, ever.value, ever.gradient, "logit"))
            keys = keys | {"measure": "median"}
            rows.append(Derived(keys, median, median * middle.gradient, "log"))
            for day in days:
                with np.errstate(divide="ignore"):
                    had = responded_by(fit, W, X, weight, float(np.log(day)))
                keys = keys | {"measure": "by day", "time": float(day)}
                rows.append(Derived(keys, had.value, had.gradient, "logit"))
        return rows

    def marginal(self, by: str = "treatment", *, days: Sequence[float] = ()) -> Estimates:
        """Return probabilities and times standardised to the covariates of all subjects.

        Parameters
        ----------
        by : str, default "treatment"
            A category of a formula: every subject is given each of its values in turn.
        days : sequence of float, optional
            Days by which the probability of having had the event is wanted.

        Returns
        -------
        Estimates
            Keys `by`, measure ("ever": probability of ever having the event; "median": days by
            which half of those who will have had it; "by day": probability of having had it by
            then), time. Delta method with covariates as they are; limits symmetric on the logit
            or log scale.

        Raises
        ------
        UnknownNameError
            When no formula has such a category.
        SpecError
            When a day is negative.
        """
        return self._as_estimates(self._standardised(by, days), by)

    def _proportions(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["measure"] == "by day"]

    def trouble(self) -> str:
        """Return what keeps the estimates from being relied on; empty where nothing does."""
        if not self._fit.converged and self.is_identified:
            return (
                f"The likelihood did not converge in {self._fit.iterations} steps: do not rely "
                "on its errors."
            )
        if not self.is_identified:
            weak = [" ".join(t) for t, w in zip(self.terms, self._weak, strict=True) if w]
            names = f"{', '.join(weak)} {'is' if len(weak) == 1 else 'are'}"
            return (
                "The follow-up hardly tells those who never have the event from those who have "
                f"not had it yet, or a probability of ever having it lies at 0 or 1: {names} not "
                "identified. Use longer follow-up, more visits, fewer covariates, or AFT."
            )
        return ""

    def summary(self) -> Summary:
        """Return the fit, its parameters, and what they mean for each treatment."""
        g = next(each_row(self.glance()))
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Part", "Term", "Estimate", "SE", "Ratio", level, "p")
        tables = [Table(header, self._rows_by_coefficient(), text_columns=2)]
        if "treatment" in categories_of(self._data.designs):
            tables.append(self._by_treatment())
        lines = (
            *self._data.header(),
            ("Incidence", f"{self.spec.incidence} (odds ratios)"),
            ("Latency", f"{self.spec.latency} (time ratios), {self.spec.distribution}"),
            *self._fit_header(f"; {g.starts_agreeing} of {g.starts} starts agree"),
        )  # fmt: skip
        return Summary(TITLE, lines, tuple(tables), self._notes(g.late_proportion))

    def _by_treatment(self) -> Table:
        level = f"{format_level(self.spec.conf_level)} CI"
        frame = self.marginal().tidy(conf_level=self.spec.conf_level)
        ever, median = (frame[frame["measure"] == m] for m in ("ever", "median"))
        rows = tuple(
            (
                str(p.treatment),
                format_estimate(p.estimate, p.conf_low, p.conf_high, scale=100),
                format_estimate(m.estimate, m.conf_low, m.conf_high),
            )
            for p, m in zip(each_row(ever), each_row(median), strict=True)
        )
        header = ("Group", f"Ever, % ({level})", f"Median days of those who do ({level})")
        return Table(header, rows, title="Standardised")

    def _notes(self, late: float) -> tuple[str, ...]:
        notes = [*self._data.notes()]
        if self.trouble():
            notes.append(self.trouble())
        if late > _LATE:
            notes.append(
                f"{format_percent(late, 0)} % of those who will have the event are expected "
                f"to after day {self._data.longest:g}, the last visit: how many never do rests "
                "on the tail of the distribution."
            )
        return tuple(notes)


def _involves(design: CovariateDesign, column: str) -> BoolArray:
    """Return which columns of a design belong to terms with a column of the table."""
    return np.array(
        [column in {str(v) for v in read_right_side(f).required_variables} for f in design.factors],
        dtype=bool,
    )
