"""Linear mixed models with random effects of the subject, on days of their own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from formulaic import Formula

from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, check_choice
from trdstats.formulas import read_formula
from trdstats.kernels.mixed_tests import FixedDegrees, Inference, kenward_roger, satterthwaite
from trdstats.kernels.newton import Optimum, minimise
from trdstats.kernels.patterns import distinct_columns, independent_columns, summarise
from trdstats.kernels.random_effects import (
    distinct_designs,
    entries,
    random_structure,
    to_matrix,
)
from trdstats.kernels.reml import Model, expected_hessian, residual_variance
from trdstats.longitudinal.by_rating import build_rows
from trdstats.longitudinal.lmm_result import LMMResult
from trdstats.tables import Face, Introduces

FloatArray = npt.NDArray[np.float64]

DDF = ("kenward-roger", "satterthwaite", "residual")


@dataclass(frozen=True, repr=False)
class LMM(Introduces):
    """Linear mixed model with random effects of the subject.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"score ~ week * treatment + baseline"``.
    random : str, default "1"
        Random effects of a subject: ``"1"`` an intercept, ``"1 + week"`` an intercept and a slope.
    correlated : bool, default True
        Whether random effects may correlate.
    reml : bool, default True
        Restricted maximum likelihood, else maximum likelihood.
    ddf : {"satterthwaite", "kenward-roger", "residual"}
        Denominator degrees of freedom. Kenward-Roger takes the expected information, as R
        pbkrtest.

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Laird and Ware 1982, doi:10.2307/2529876.

    Examples
    --------
    >>> import trdstats as trd
    >>> frame = trd.load_sample("trial").longitudinal(days=[7, 14, 21, 28])
    >>> fit = trd.LMM("score ~ day * treatment + baseline", random="1 + day").fit(frame)
    >>> fit.covariance.shape
    (2, 2)
    """

    formula: str
    random: str = "1"
    correlated: bool = True
    reml: bool = True
    ddf: Literal["satterthwaite", "kenward-roger", "residual"] = "satterthwaite"

    def __post_init__(self) -> None:
        read_formula(self.formula)
        check_choice("ddf", self.ddf, DDF)
        if "~" in self.random or "|" in self.random:
            raise SpecError(
                f"random names effects of the subject, such as '1 + week'; got {self.random!r}. "
                "The subject is named in fit(..., subject=...)."
            )

    def fit(self, data: Any, *, subject: str = "subject") -> LMMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study or DataFrame
            One row a rating; days may be each subject's own.
        subject : str
            Column.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable.
        NotEstimableError
            When a variance is estimated at or below 0: the message names the simpler model.

        Warns
        -----
        EstimateWarning
            When columns of the design are explained by others.
        """
        design, Z, names = build_rows(data, read_formula(self.formula), self.random, subject)
        kinds, kind = distinct_designs(Z)
        select, u = distinct_columns(design.X, design.y)
        summary, rows = summarise(select, u, design.rated, kind)
        kept = independent_columns(summary)
        aliased = [t for j, t in enumerate(design.terms) if j not in set(kept.tolist())]
        if aliased:
            warnings.warn(
                f"{len(aliased)} columns are explained by others and left out: "
                f"{', '.join(aliased[:8])}.",
                EstimateWarning,
                stacklevel=2,
            )
        summary = summary.keep(kept)
        structure = random_structure(kinds, self.correlated)
        model = Model(
            summary=summary,
            structures=[structure],
            sizes=[len(structure.first)],
            block=np.zeros_like(summary.group),
            member=summary.group,
            reml=self.reml,
        )
        optimum = self._optimise(model, kinds, names)
        of_theta = np.asarray(2 * np.linalg.inv(optimum.hessian), dtype=float)
        return LMMResult(
            spec=self,
            design=design,
            terms=tuple(design.terms[j] for j in kept),
            aliased=tuple(aliased),
            inference=self._infer(model, optimum, of_theta),
            effects=tuple(names),
            _kept=kept,
            _model=model,
            _optimum=optimum,
            _of_theta=of_theta,
            _rows=rows,
            _kinds=kinds,
        )

    def _optimise(self, model: Model, Z: FloatArray, names: list[str]) -> Optimum:
        total = residual_variance(model)
        rows, columns = entries(len(names), self.correlated)
        size = np.maximum((Z**2).mean(axis=(0, 1)), 1e-12)
        best: Optimum | None = None
        for share in (0.5, 0.2, 0.05):
            start = np.where(rows == columns, share * total / (len(names) * size[rows]), 0.0)
            found = minimise(model, np.append(start, (1 - share) * total))
            if found is not None and found.is_minimum:
                best = found
                break
        if best is None:
            raise NotEstimableError(
                f"The random effects {', '.join(names)} cannot be estimated: the likelihood has no "
                f"maximum inside. {_simpler(self)}"
            )
        G = to_matrix(best.state.theta, len(names), self.correlated)
        if np.linalg.eigvalsh(G)[0] <= 0:
            raise NotEstimableError(
                f"The covariance of the random effects {', '.join(names)} is estimated at its "
                f"boundary (a variance of 0 or a correlation of 1). {_simpler(self)}"
            )
        return best

    def _infer(self, model: Model, optimum: Optimum, of_theta: FloatArray) -> Inference:
        state = optimum.state
        if self.ddf == "kenward-roger":
            expected = 2 * np.linalg.inv(expected_hessian(model, state))
            return kenward_roger(model, state, np.asarray(expected, dtype=float), curved=True)
        if self.ddf == "satterthwaite":
            return satterthwaite(model, state, of_theta)
        df = float(model.summary.n_obs - model.summary.n_columns)
        return FixedDegrees(state.beta, state.vcov, np.full(model.summary.n_columns, df))

    def face(self) -> Face:
        """Return the model in words."""
        return Face(
            "Linear mixed model",
            (
                ("Formula", self.formula),
                ("Random effects", self.random + ("" if self.correlated else ", uncorrelated")),
                ("Estimation", "REML" if self.reml else "ML"),
                ("Degrees of freedom", self.ddf),
            ),
        )


def _simpler(spec: LMM) -> str:
    terms = list(Formula(spec.random))
    if len(terms) < 2:
        return "Subjects do not differ more than their ratings: fit a model without random effects."
    if spec.correlated:
        return "Try correlated=False, or random='1'."
    return "Try random='1'."
