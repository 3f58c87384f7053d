"""Analyses of completed sets: each a value that names its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, known_level
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.imputation.set_estimates import Options, SetEstimates, each_set, gather
from trdstats.kernels.gaussian.completed_ancova import adjust_sets
from trdstats.longitudinal import MMRM

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed


_SETS = 200  # completed sets held in memory together


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
    visits: Sequence[Level] | None = None
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
        places = layout.places(self.visits)
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
            self._some(imputed, how, X, means, L, slice(a, a + _SETS), places)
            for a in range(0, imputed.n_sets, _SETS)
        ]
        estimate, error, df = (np.concatenate([p[j] for p in parts]) for j in range(3))
        table = pd.concat([keys.assign(visit=layout.visits[t]) for t in places], ignore_index=True)
        return SetEstimates(table, ("identity",) * len(table), estimate, error, df)

    def _some(
        self,
        imputed: Imputed,
        how: Options,
        X: FloatArray,
        means: FloatArray,
        L: FloatArray,
        which: slice,
        places: list[int],
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        outcome = imputed.outcomes(how.deltas, which)
        counts = imputed.draws.counts
        weights = None if counts is None else counts[which]
        by_visit = [adjust_sets(X, outcome[:, :, t], weights, means, L) for t in places]
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
            # About the means: the arms hold the constant, and where 0 is says nothing.
            columns, terms = design.X - design.X.mean(axis=0), design.terms
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
