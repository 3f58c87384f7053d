"""Two treatments given in all four combinations: main effects and interaction at one time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.adjusted.subject_outcomes import (
    SubjectOutcomes,
    check_outcome,
    read_outcomes,
    with_covariates,
)
from trdstats.endpoint.factorial_result import FactorialResult
from trdstats.endpoint.subjects import check_compared
from trdstats.errors import NotEstimableError, SpecError, check_level, pick_level
from trdstats.estimates import Estimates, estimates_of
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.numerics.boundary import at_boundary, without
from trdstats.kernels.weighting.generalised_linear import Family, fit_linear_model
from trdstats.outcomes import Definition
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin


@checked
@dataclass(frozen=True, repr=False)
class Factorial(SummaryMixin):
    """Main effects and interaction of two treatments in a 2 x 2 factorial trial.

    The rate (or mean) of each of the four combinations is standardised to all subjects; main
    effects average over the other treatment; the interaction is that of the differences (additive)
    and of the ratios and odds ratios (multiplicative): each may be there without the others.

    Parameters
    ----------
    first, second : str
        Columns of the subjects, each with two levels.
    outcome : Definition or str
        A definition at `day`, "score" or "change" at `day`, or a column.
    day : float, optional
        Scheduled day of the outcome.
    covariates : str, optional
        Formula of covariates, "baseline + site".
    references : (level, level), optional
        The level of each that means "without". Default: the first of each.
    missing : {"nonresponse", "observed", "locf", "worst"}
        What becomes of subjects without a verdict; see `rates`.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    VanderWeele and Knol 2014, doi:10.1515/em-2013-0005 (interaction on both scales). Ye et al.
    2023, doi:10.1080/24754269.2023.2205802 (standardised, the covariates sampled).

    Examples
    --------
    >>> import pandas as pd
    >>> import trdstats as trd
    >>> frame = pd.DataFrame({"subject": range(8), "drug": ["no", "yes"] * 4,
    ...     "therapy": ["no", "no", "yes", "yes"] * 2, "well": [0, 1, 0, 1, 1, 0, 1, 1]})
    >>> found = trd.Factorial("drug", "therapy", outcome="well").fit(frame)
    >>> table = found.tidy()
    >>> table.loc[table["effect"] == "interaction", "measure"].tolist()
    ['difference', 'ratio', 'odds ratio']
    """

    first: str
    second: str
    outcome: Definition | str = field(kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    covariates: str | None = field(default=None, kw_only=True)
    references: tuple[Level, Level] | None = field(default=None, kw_only=True)
    missing: str = field(default="nonresponse", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        check_outcome(self.outcome, self.day, self.missing)
        check_level(self.conf_level)
        if self.first == self.second:
            raise SpecError(f"first and second must be two columns; got {self.first!r} twice.")
        check_compared(self.first)
        check_compared(self.second)
        is_state = isinstance(self.outcome, Definition)
        if is_state and self.missing == "worst" and "treatment" not in (self.first, self.second):
            raise SpecError(
                "missing='worst' counts missing verdicts as met under the reference of the column "
                f"'treatment', which is neither first ({self.first!r}) nor second "
                f"({self.second!r}): choose missing='nonresponse', 'observed' or 'locf'."
            )
        if self.covariates is not None:
            named = {str(v) for v in read_right_side(self.covariates).required_variables}
            both = sorted(named & {self.first, self.second})
            if both:
                raise SpecError(f"covariates must not hold {', '.join(both)}, which is compared.")

    def fit(self, data: Study | FrameLike) -> FactorialResult:
        """Estimate the four combinations.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject with the columns subject, both treatments, outcome.

        Raises
        ------
        SpecError, UnknownNameError, DataError
            When the data do not fit the specification.
        NotEstimableError
            When a combination has no subject with an outcome, a column has not two levels, or
            covariates separate the outcomes.
        """
        known = read_outcomes(
            data, self.outcome, day=self.day, missing=self.missing, reference=self._worst()
        )
        formulas = () if self.covariates is None else (self.covariates,)
        frame = known.frame
        for name in (self.first, self.second):
            frame = with_covariates(frame, formulas, name, "subjects", (known.column,))
        levels = tuple(self._levels(frame, k) for k in (0, 1))
        code = 2 * _is_second(frame, self.first, levels[0]) + _is_second(
            frame, self.second, levels[1]
        )
        observed = known.observed
        for k in range(4):
            if not (observed & (code == k)).any():
                cell = f"{self.first} = {levels[0][k // 2]}, {self.second} = {levels[1][k % 2]}"
                raise NotEstimableError(
                    f"No subject with {cell} has a known {known.label}: the interaction cannot be "
                    "estimated."
                )
        value, influence = self._cells(known, frame, code)
        binary = known.binary
        variance = influence.T @ influence
        none = at_boundary(value) if binary else np.diag(variance) <= 0
        keys = pd.DataFrame(
            [(levels[0][k // 2], levels[1][k % 2]) for k in range(4)],
            columns=[self.first, self.second],
        )
        cells: Estimates = estimates_of(
            keys, value, influences=influence, subjects=known.subjects,
            covariance=without(none, variance), limits_scale="logit" if binary else "identity",
            title="Combinations",
            reasons=["all subjects have the same outcome" if b else "" for b in none],
        )  # fmt: skip
        n = np.bincount(code[observed], minlength=4)
        return FactorialResult(
            spec=self, outcome=known.label, caveat=known.caveat, switching=known.switching,
            binary=binary, counts=keys.assign(n=n), n_left_out=int((~observed).sum()), _cells=cells,
            _levels=(levels[0], levels[1]),
        )  # fmt: skip

    def _worst(self) -> Level | None:
        """Return the treatment whose missing verdicts "worst" counts as met."""
        names = (self.first, self.second)
        if self.references is None or "treatment" not in names:
            return None
        return self.references[names.index("treatment")]

    def _levels(self, frame: pd.DataFrame, k: int) -> tuple[str, str]:
        """Return the levels of a column, the reference first."""
        name = (self.first, self.second)[k]
        column = frame[name]
        categories = (
            list(column.cat.categories)
            if isinstance(column.dtype, pd.CategoricalDtype)
            else sorted(column.unique())
        )
        if len(categories) != 2:
            raise NotEstimableError(
                f"{name!r} has {len(categories)} levels; a 2 x 2 factorial trial has two."
            )
        given = None if self.references is None else self.references[k]
        first = pick_level(name, given, categories)
        return str(first), str(next(v for v in categories if v != first))

    def _cells(
        self, known: SubjectOutcomes, frame: pd.DataFrame, code: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the four rates or means, and the influence of every subject on each."""
        observed, n = known.observed, len(frame)
        if self.covariates is None:
            value, influence = np.empty(4), np.zeros((n, 4))
            for k in range(4):
                rows = observed & (code == k)
                value[k] = known.y[rows].mean()
                influence[rows, k] = (known.y[rows] - value[k]) / rows.sum()
            return value, influence
        design = read_covariates(frame, self.covariates, what="subjects")
        X = np.column_stack([np.eye(4)[code], design.X])
        names = [f"combination {k + 1}" for k in range(4)]
        check_full_rank(X[observed], [*names, *design.terms])
        family: Family = "logistic" if known.binary else "linear"
        # With ones in the place of the first combination, as the search expects.
        ones = np.column_stack([np.ones(n), X[:, 1:]])
        fit = fit_linear_model(
            ones[observed], known.y[observed], np.ones(int(observed.sum())), family
        )
        if fit.separated.any():
            raise NotEstimableError(
                f"The combinations or covariates separate those with {known.label} from those "
                "without, so that the regression has no finite estimate. Leave covariates out."
            )
        on_beta = np.zeros(ones.shape)
        on_beta[observed] = fit.influence()
        value, influence = np.empty(4), np.empty((n, 4))
        for k in range(4):
            given = ones.copy()
            given[:, 1:4] = np.eye(4)[k, 1:]
            mean = fit.mean(given)
            value[k] = mean.mean()
            influence[:, k] = (mean - value[k]) / n + on_beta @ fit.slope(given).mean(axis=0)
        return value, influence

    def summary(self) -> Summary:
        """Return the method in words."""
        header = [("Treatments", f"{self.first} and {self.second}")]
        if self.covariates:
            header.append(("Covariates", self.covariates))
        return Summary("Factorial trial", tuple(header))


def _is_second(frame: pd.DataFrame, name: str, levels: tuple[str, str]) -> IntArray:
    return (frame[name].astype(str) == levels[1]).to_numpy().astype(np.intp)
