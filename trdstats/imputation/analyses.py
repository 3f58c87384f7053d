"""Analyses of completed sets: each a value that names its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.progress import Progress

from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, known_level, unknown_name
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.imputation.delta import Delta
from trdstats.kernels.gaussian.completed_ancova import adjust_sets
from trdstats.longitudinal import MMRM
from trdstats.parallel import run_parallel
from trdstats.threads import one_thread

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed


SCALES = ("identity", "log", "logit")
_NUMBERS = ("estimate", "std_error", "df", "scale")
_DROPPED = ("statistic", "p_value", "conf_low", "conf_high", "conf_level", "reason")
_SETS = 200  # completed sets held in memory together


@dataclass(frozen=True)
class SetEstimates:
    """Estimates of every completed set.

    Attributes
    ----------
    keys : pandas.DataFrame
        Labels, one row an estimate.
    scale : tuple of str
        Scale of each std_error.
    estimate, std_error, df : ndarray, shape (M, k)
        Degrees of freedom are infinite where the reference distribution is normal.
    notes : tuple of str
    """

    keys: pd.DataFrame
    scale: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an analysis.

    Attributes
    ----------
    deltas : tuple of Delta
    n_jobs : int
    progress : bool
    """

    deltas: tuple[Delta, ...] = ()
    n_jobs: int = 1
    progress: bool = False


class Analysis(ABC):
    """An analysis of completed sets.

    `linear` says whether estimates are linear in the outcome, so that conditional means suffice.
    """

    __slots__ = ()

    linear: bool = False

    @abstractmethod
    def describe(self) -> str:
        """Return the analysis in words."""

    @abstractmethod
    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""


@checked
@dataclass(frozen=True, slots=True)
class ANCOVA(Analysis):
    """Analysis of covariance of completed sets, at each visit.

    Least squares of the outcome on treatment and covariates. Means are those of all subjects
    under each treatment, differences are from the reference.

    Parameters
    ----------
    covariates : str, optional
        Such as ``"baseline + site"``; they must not interact with the treatment.
    visits : sequence, optional
        Default: all.
    reference : str, optional
        Reference of the comparisons. Default: the first treatment.

    Raises
    ------
    SpecError
        When the covariates cannot be read.
    """

    covariates: str | None = "baseline"
    visits: Collection[Level] | None = None
    reference: Level | None = None

    linear = True

    def __post_init__(self) -> None:
        if self.covariates is not None:
            read_right_side(self.covariates)

    def describe(self) -> str:
        """Return the analysis in words."""
        covariates = f" + {self.covariates}" if self.covariates else ""
        return f"ANCOVA at each visit: treatment{covariates}"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""
        layout = imputed.layout
        visits = list(layout.visits)
        chosen = visits if self.visits is None else list(self.visits)
        chosen = [visits[known_level("visit", v, visits)] for v in chosen]
        arms = layout.treatments
        base = check_reference(self.reference, arms)
        X, means = self._design(imputed)
        A = len(arms)
        others = [a for a in range(A) if a != base]
        L = np.eye(A)[[base, *others]]
        L = np.concatenate([L, np.eye(A)[others] - np.eye(A)[base]])
        keys = pd.DataFrame(
            {
                "measure": ["mean"] * A + ["difference"] * len(others),
                "treatment": [arms[a] for a in (base, *others, *others)],
                "reference": [""] * A + [arms[base]] * len(others),
            }
        )
        parts = [
            self._some(imputed, how, X, means, L, slice(a, a + _SETS), chosen)
            for a in range(0, imputed.n_sets, _SETS)
        ]
        estimate, error, df = (np.concatenate([p[j] for p in parts]) for j in range(3))
        table = pd.concat([keys.assign(visit=v) for v in chosen], ignore_index=True)
        return SetEstimates(table, ("identity",) * len(table), estimate, error, df)

    def _some(
        self,
        imputed: Imputed,
        how: Options,
        X: FloatArray,
        means: FloatArray,
        L: FloatArray,
        which: slice,
        visits: list[Any],
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        outcome = imputed.outcomes(how.deltas, which)
        counts = imputed.draws.drawn.counts
        weights = None if counts is None else counts[which]
        place = [list(imputed.layout.visits).index(v) for v in visits]
        by_visit = [adjust_sets(X, outcome[:, :, t], weights, means, L) for t in place]
        return (
            np.concatenate([f.estimate for f in by_visit], axis=1),
            np.concatenate([f.std_error for f in by_visit], axis=1),
            np.concatenate([np.tile(f.df[:, None], (1, len(L))) for f in by_visit], axis=1),
        )

    def _design(self, imputed: Imputed) -> tuple[FloatArray, FloatArray]:
        """Return the design (n, p), and that under every arm (a, n, p)."""
        layout = imputed.layout
        n, A = len(layout.subject_table), len(layout.treatments)
        arm = np.eye(A)[layout.arm]
        columns, terms = np.empty((n, 0)), []
        if self.covariates is not None:
            named = {str(v) for v in read_right_side(self.covariates).required_variables}
            if layout.treatment in named:
                raise SpecError("The treatment is part of every ANCOVA: name covariates only.")
            design = read_covariates(
                layout.subject_table, self.covariates, what="subjects", least=0
            )
            if not design.kept.all():
                raise SpecError(
                    f"{int((~design.kept).sum())} subjects have no value of a covariate of the "
                    "ANCOVA "
                    f"({self.covariates}): completed sets need all subjects."
                )
            columns, terms = design.X, design.terms
        X = np.concatenate([arm, columns], axis=1)
        check_full_rank(X, [*layout.treatments, *terms])
        under = [np.concatenate([np.tile(np.eye(A)[a], (n, 1)), columns], axis=1) for a in range(A)]
        return X, np.stack(under)


@checked
@dataclass(frozen=True, slots=True)
class RepeatedMeasures(Analysis):
    """A mixed model of each completed set: means and differences by visit.

    Parameters
    ----------
    model : MMRM
    reference : str, optional
        Reference of the comparisons. Default: the first treatment.
    """

    model: MMRM
    reference: Level | None = None

    linear = True

    def describe(self) -> str:
        """Return the analysis in words."""
        return f"Mixed model for repeated measures: {self.model.formula}"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""
        layout = imputed.layout
        base = layout.treatments[check_reference(self.reference, layout.treatments)]

        def one(k: int) -> pd.DataFrame:
            frame = imputed.frame(k, deltas=how.deltas)
            fit = self.model.fit(
                frame, subject=layout.subject, visit=layout.visit, treatment=layout.treatment
            )
            margins = fit.margins(layout.treatment, by=layout.visit)
            means = margins.tidy().rename(columns={layout.treatment: "treatment"})
            gaps = margins.contrasts(reference=base).tidy()
            arms = gaps[layout.treatment].tolist()
            return pd.concat(
                [
                    means.assign(measure="mean", reference=""),
                    gaps.assign(measure="difference", reference=base, treatment=arms),
                ],
                ignore_index=True,
            )[["measure", "treatment", "reference", layout.visit, "estimate", "std_error", "df"]]

        return gather(each_set(one, imputed.n_sets, how))


@dataclass(frozen=True, slots=True)
class CustomAnalysis(Analysis):
    """A function of a completed set that returns a table.

    Parameters
    ----------
    function : callable
    of : {"frame", "study"}
    """

    function: Callable[[Any], Any]
    of: str = "frame"

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether conditional means suffice: up to the author for a table, never for a study."""
        return self.of == "frame"

    def describe(self) -> str:
        """Return the analysis in words."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""
        completed_set = imputed.study if self.of == "study" else imputed.frame

        def one(k: int) -> pd.DataFrame:
            return pd.DataFrame(self.function(completed_set(k, deltas=how.deltas)))

        return gather(each_set(one, imputed.n_sets, how))


def check_reference(reference: Any, arms: Sequence[str]) -> int:
    """Return the position of the reference among the arms; the first by default."""
    if reference is None:
        return 0
    return known_level("treatment", reference, arms)


@one_thread
def each_set(one: Callable[[int], pd.DataFrame], n: int, how: Options) -> list[pd.DataFrame]:
    """Call a function with the number of every set, and return its tables in order."""
    with Progress(disable=not how.progress) as bar:
        task = bar.add_task("Analysing completed sets", total=n)
        results = run_parallel(one, ((k,) for k in range(n)), how.n_jobs)
        tables = []
        for table in results:
            tables.append(table)
            bar.advance(task)
    return tables


def gather(tables: list[pd.DataFrame]) -> SetEstimates:
    """Put the tables of all sets together.

    Raises
    ------
    SpecError
        When a table lacks a column, or sets differ in their rows.
    """
    first = tables[0].reset_index(drop=True)
    missing = [c for c in ("estimate", "std_error") if c not in first.columns]
    if missing:
        raise SpecError(
            f"An analysis must return a table with {' and '.join(missing)}; got the columns "
            f"{', '.join(map(str, first.columns))}."
        )
    keys = first.drop(columns=[c for c in (*_NUMBERS, *_DROPPED) if c in first.columns])
    scale = tuple(first["scale"]) if "scale" in first else ("identity",) * len(first)
    for name in scale:
        if name not in SCALES:
            raise unknown_name("scale", name, SCALES)
    for k, table in enumerate(tables):
        if not keys.equals(table.reset_index(drop=True)[keys.columns]):
            raise SpecError(
                f"The analysis of set {k + 1} has different rows from that of the first: every set "
                "must estimate the same quantities, NaN where it cannot."
            )

    def numbers(column: str) -> FloatArray:
        return np.stack([t[column].to_numpy(dtype=float) for t in tables])

    df = numbers("df") if "df" in first else np.full((len(tables), len(first)), np.inf)
    return SetEstimates(keys, scale, numbers("estimate"), numbers("std_error"), df)


def to_scale(values: FloatArray, scale: tuple[str, ...]) -> FloatArray:
    """Return estimates on the scale of their errors, shape (M, k)."""
    result = np.array(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        for j, name in enumerate(scale):
            if name == "log":
                result[:, j] = np.log(values[:, j])
            elif name == "logit":
                result[:, j] = np.log(values[:, j] / (1 - values[:, j]))
    return result
