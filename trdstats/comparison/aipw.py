"""Augmented inverse probability weighting: right when one of two models is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trdstats.comparison.adjusted_means import AdjustedMeansResult
from trdstats.comparison.outcome_frame import read_outcome, term_names
from trdstats.comparison.standardisation import check_finite, check_folds, notes_of
from trdstats.errors import NotEstimableError, check_level, unknown_name
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.generalised_linear import Family, regress
from trdstats.kernels.propensity import fit_scores
from trdstats.outcomes import Definition
from trdstats.tables import Face, Introduces

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, repr=False)
class AIPW(Introduces):
    """Rates or means of every treatment for all subjects, from two models.

    A regression of the outcome within each treatment and a model of treatment; the estimate is
    right in large samples when either of them is.

    Parameters
    ----------
    outcome_formula : str
        Covariates of the outcome.
    treatment_formula : str, optional
        Covariates of treatment. Default: those of the outcome.
    folds : int, default 0
        Cross-fitting: models fitted without a fold predict it. 0 fits them to all.
    seed : int, default 0
        Of the folds.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins, Rotnitzky and Zhao 1994, J Am Stat Assoc 89:846-866,
    doi:10.1080/01621459.1994.10476818; Chernozhukov and others 2018, Econom J 21:C1-C68,
    doi:10.1111/ectj.12097 (cross-fitting).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> fit = trd.AIPW("age + baseline").fit(study, trd.Response(), day=28)
    >>> len(fit.influence()) == len(study.subjects)
    True
    """

    outcome_formula: str
    treatment_formula: str | None = None
    folds: int = 0
    seed: int = 0
    reference: str | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(self.outcome_formula)
        if self.treatment_formula is not None:
            read_right_side(self.treatment_formula)
        check_folds(self.folds, 10**9)
        check_level(self.conf_level)

    def fit(
        self,
        data: Any,
        outcome: Definition | str,
        *,
        day: float | None = None,
        missing: Literal["nonresponse", "observed"] = "nonresponse",
        subject: str = "subject",
        treatment: str = "treatment",
    ) -> AdjustedMeansResult:
        """Fit both models and combine them; arguments as in `Standardisation.fit`.

        Raises
        ------
        NotEstimableError
            When a model has no finite estimate, in a fold or in all.
        """
        both = " + ".join(dict.fromkeys([self.outcome_formula, self._treatment()]))
        rows = read_outcome(data, outcome, both, day=day, missing=missing, subject=subject,
                            treatment=treatment)  # fmt: skip
        people = rows.people
        reference = people.labels[0] if self.reference is None else self.reference
        if reference not in people.labels:
            raise unknown_name("treatment", reference, people.labels)
        n, k = len(rows.y), len(people.labels)
        check_folds(self.folds, n)
        Xm, Xt = (_design(people.frame, f) for f in (self.outcome_formula, self._treatment()))
        fold = self._fold(people.treatment, k)
        parts = np.empty((n, k))
        for f in np.unique(fold):
            out = fold == f
            used = ~out if self.folds else np.ones(n, dtype=bool)
            chance = _chances(Xt, people.treatment, k, used, out)
            for j in range(k):
                own = used & (people.treatment == j)
                model = _outcome(Xm, rows.y, rows.family, own, term_names(people))
                predicted = model[out]
                hit = people.treatment[out] == j
                gap = rows.y[out] - predicted
                parts[out, j] = predicted + np.where(hit, gap / chance[:, j], 0.0)
        mean = parts.mean(axis=0)
        influence = (parts - mean) / n
        crossed = f", {self.folds} folds (seed {self.seed})" if self.folds else ""
        return AdjustedMeansResult(
            title="Augmented inverse probability weighting" + crossed,
            outcome=rows.name,
            labels=people.labels,
            reference=reference,
            mean=mean,
            covariance=influence.T @ influence,
            binary=rows.family == "logistic",
            conf_level=self.conf_level,
            facts=(*self.face().facts, ("Subjects", f"{n:,}")),
            notes=notes_of(rows),
            coefficients=None,
            _subjects=people.frame["subject"].to_numpy(dtype=object),
            _influence=influence,
        )

    def _treatment(self) -> str:
        return self.treatment_formula or self.outcome_formula

    def _fold(self, treatment: IntArray, k: int) -> IntArray:
        """Return the fold of each subject, treatments spread evenly over folds."""
        if not self.folds:
            return np.zeros(len(treatment), dtype=np.intp)
        rng = np.random.default_rng(self.seed)
        fold = np.empty(len(treatment), dtype=np.intp)
        for j in range(k):
            mine = rng.permutation(np.flatnonzero(treatment == j))
            fold[mine] = np.arange(len(mine)) % self.folds
        return fold

    def face(self) -> Face:
        """Return the models in words."""
        facts = (("Outcome given", self.outcome_formula), ("Treatment given", self._treatment()),
                 ("Errors", "efficient influence"))  # fmt: skip
        return Face("Augmented inverse probability weighting", facts)


def _design(frame: Any, formula: str) -> FloatArray:
    design = read_covariates(frame, formula, what="subjects")
    X = design.X[:, np.ptp(design.X, axis=0) > 0]
    check_full_rank(X - X.mean(axis=0), [str(j) for j in range(X.shape[1])])
    spread = X.std(axis=0)
    return np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / spread])


def _chances(
    X: FloatArray,
    treatment: IntArray,
    k: int,
    used: npt.NDArray[np.bool_],
    out: npt.NDArray[np.bool_],
) -> FloatArray:
    """Return the probabilities of treatment of the rows `out` by a model of the rows `used`."""
    scores = fit_scores(X, treatment, k, used.astype(float))
    if not scores.converged:
        raise NotEstimableError(
            "The covariates tell the treatments apart: nobody is left to compare. See "
            "PropensityWeights for who they are."
        )
    return np.asarray(scores.probability[out])


def _outcome(
    X: FloatArray, y: FloatArray, family: Family, own: npt.NDArray[np.bool_], terms: list[str]
) -> FloatArray:
    """Return what a model of some rows expects of all."""
    fit = regress(X, y, family, own.astype(float))
    check_finite(fit, X, [*terms, *[""] * X.shape[1]][: X.shape[1]])
    return fit.mean(X)
