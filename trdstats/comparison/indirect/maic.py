"""Matching-adjusted indirect comparison: individual patients weighted to a published population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.columns import check_named, in_roles
from trdstats.comparison.indirect.maic_result import MAICResult
from trdstats.comparison.indirect.own_patients import check_published_spread
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.errors import (
    DataError,
    NotEstimableError,
    Problem,
    SpecError,
    count_of,
    unknown_name,
)
from trdstats.frames import to_pandas
from trdstats.kernels.weighting.moment_weights import moment_weights
from trdstats.kinds import BLANKS
from trdstats.study import Study


@checked
@dataclass(frozen=True)
class MAIC:
    """Weights that give individual patients the covariates of a published population.

    The weights are exp(x' gamma) with the means (and standard deviations, where given) of the
    covariates met exactly. All patients are weighted together, whatever their treatment, so an
    anchored comparison keeps its randomisation. The result can stand wherever an estimator takes
    ``weights=``, and has `.compare` for outcomes with two values and for scores.

    Parameters
    ----------
    targets : mapping of str to float, or PublishedTrial
        Mean of each covariate in the published population, by the name of the own column; shares
        for columns of 0 and 1. A `PublishedTrial` brings its means and standard deviations.
    sds : mapping of str to float
        Standard deviations that are to be met too.

    Raises
    ------
    SpecError
        When there is no target, or a standard deviation without a mean.

    References
    ----------
    Signorovitch and others 2010, Pharmacoeconomics 28:935-945,
    doi:10.2165/11538370-000000000-00000; Phillippo and others 2018, Med Decis Making 38:200-211,
    doi:10.1177/0272989X17725740.

    Examples
    --------
    >>> import pandas as pd
    >>> own = pd.DataFrame({"subject": list("abcd"), "age": [30.0, 40.0, 50.0, 60.0]})
    >>> fit = MAIC({"age": 50.0}).fit(own)
    >>> round(float((fit.frame["weight"] * own["age"]).mean()), 9)
    50.0
    """

    targets: Mapping[str, float] | PublishedTrial
    sds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.targets, Mapping | PublishedTrial):
            raise SpecError(
                f"targets must be a mapping of means or a PublishedTrial; got {self.targets!r}."
            )
        if not self.moments.means:
            raise SpecError("MAIC needs at least one target: MAIC({'age': 55, 'female': 0.5}).")

    @property
    def moments(self) -> PublishedTrial:
        """The published population: its means and standard deviations."""
        if isinstance(self.targets, PublishedTrial):
            return PublishedTrial(
                self.targets.label, self.targets.means, {**self.targets.sds, **self.sds}
            )
        return PublishedTrial("the target", dict(self.targets), dict(self.sds))

    def fit(
        self, data: Study | FrameLike, *, subject: str = "subject", treatment: str = "treatment"
    ) -> MAICResult:
        """Find the weights.

        Parameters
        ----------
        data : DataFrame or Study
            One row a subject with the covariates.
        subject, treatment : str
            Columns; a treatment column is needed for comparisons only.

        Returns
        -------
        MAICResult

        Raises
        ------
        DataError
            When a covariate is missing for someone, is no number, or a subject has two rows.
        NotEstimableError
            When no weights reach the targets: they lie outside what the individual patients span.
        UnknownNameError
            When there is no such column.
        """
        frame = data.subjects if isinstance(data, Study) else to_pandas(data, what="data")
        moments = self.moments
        named = [treatment] if treatment != "treatment" else []
        for column in (subject, *named, *moments.means):
            if column not in frame.columns:
                raise unknown_name("column", column, frame.columns)
        roles = {"subject": subject}
        if treatment in frame.columns:
            roles["treatment"] = treatment
        frame = in_roles(frame, roles)
        covariates = list(moments.means)
        X = covariate_values(frame, covariates)
        for name, spread_here in zip(covariates, X.std(axis=0), strict=True):
            check_published_spread(moments.sds.get(name), float(spread_here), name, moments.label)
        design, target, terms = moment_columns(X, covariates, moments)
        spread = np.arange(len(terms)) >= len(covariates)
        fitted = moment_weights(design, target)
        if not fitted.converged:
            raise NotEstimableError(_out_of_reach(X, covariates, moments))
        caveat = data.caveat if isinstance(data, Study) else ""
        return MAICResult(
            self, frame.reset_index(drop=True), terms, caveat, design, target, spread, fitted
        )


def covariate_values(frame: pd.DataFrame, covariates: list[str]) -> FloatArray:
    """Return the covariates as numbers, shape (n, p).

    Raises
    ------
    DataError
        When a value is missing or no number, or a subject has two rows; all problems at once.
    """
    problems = []
    nameless = check_named(frame["subject"])
    if nameless is not None:
        problems.append(nameless)
    who = frame["subject"].astype(str).str.strip(BLANKS)
    twice = who[who.duplicated() & frame["subject"].notna()]
    if len(twice):
        problems.append(
            Problem(
                "duplicate_subject",
                count_of(twice.nunique(), "subject has", "subjects have") + " more than one row.",
                tuple(dict.fromkeys(twice)), "Keep one row a subject.",
            )
        )  # fmt: skip
    columns = []
    for name in covariates:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(
            values.dtype
        ):
            problems.append(
                Problem(
                    "not_a_number", f"The covariate {name!r} holds no numbers.", (),
                    "Code it as 0 and 1, one column a level: its target is then a share.",
                )
            )  # fmt: skip
            continue
        number = values.to_numpy(dtype=float, na_value=np.nan)
        columns.append(number)
        bad = ~np.isfinite(number)
        if bad.any():
            problems.append(
                Problem(
                    "missing_covariate",
                    count_of(int(bad.sum()), "subject lacks", "subjects lack") + f" {name!r}.",
                    tuple(who[bad]),
                    "Leave them out yourself, impute, or drop the covariate from the targets.",
                )
            )  # fmt: skip
    if problems:
        raise DataError(problems)
    return np.column_stack(columns)


def moment_columns(
    X: FloatArray, covariates: list[str], moments: PublishedTrial
) -> tuple[FloatArray, FloatArray, list[str]]:
    """Return the columns whose means are to be met, their targets and their names.

    A standard deviation s about a mean m is met through the squared distance from m, whose mean
    is to be s squared.
    """
    squared = [k for k in covariates if k in moments.sds]
    mean = np.array([moments.means[k] for k in covariates], dtype=float)
    place = [covariates.index(k) for k in squared]
    design = np.column_stack([X, (X[:, place] - mean[place]) ** 2])
    target = np.concatenate([mean, [moments.sds[k] ** 2 for k in squared]])
    return design, target, [*covariates, *(f"{k} (SD)" for k in squared)]


def _out_of_reach(X: FloatArray, covariates: list[str], moments: PublishedTrial) -> str:
    outside = [
        f"{name} {moments.means[name]:g} (individual patients {low:g} to {high:g})"
        for name, low, high in zip(covariates, X.min(axis=0), X.max(axis=0), strict=True)
        if not low < moments.means[name] < high
    ]
    if outside:
        return (
            f"No weights give individual patients the moments of {moments.label}: out of reach are "
            f"{', '.join(outside)}. The populations do not overlap there."
        )
    spread = " and standard deviations" if moments.sds else ""
    return (
        f"No weights give individual patients all means{spread} of {moments.label} at once, "
        f"though each "
        "mean lies within their range: the populations do not overlap. Match fewer covariates."
    )
