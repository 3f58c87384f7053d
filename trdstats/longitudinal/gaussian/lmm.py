"""Linear mixed models with random effects of the subject, on individual visit days."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, check_choice
from trdstats.formulas import read_formula
from trdstats.kernels.gaussian.mixed_tests import (
    FixedDegrees,
    Inference,
    kenward_roger,
    satterthwaite,
)
from trdstats.kernels.gaussian.newton import Optimum, minimise
from trdstats.kernels.gaussian.random_effects import Level, parts, random_structure
from trdstats.kernels.gaussian.reml import Model, expected_hessian, residual_variance
from trdstats.longitudinal.designs.by_rating import Grouping, build_rows, read_effects
from trdstats.longitudinal.designs.degrees import check_degrees
from trdstats.longitudinal.designs.fitted_rows import FittedRows
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

DDF = ("kenward-roger", "satterthwaite", "residual")


@checked
@dataclass(frozen=True, repr=False)
class LMM(SummaryMixin):
    """Linear mixed model with random effects of the subject.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"score ~ week * treatment + baseline"``.
    random : str or mapping of str to str, default "1"
        Random effects of a subject: ``"1"`` an intercept, ``"1 + week"`` an intercept and a slope.
        Or the effects of every level of grouping, the outermost first and the subject last:
        ``{"site": "1", "subject": "1 + week"}``. The cost then grows with the cube of the number
        of subjects of a site; of one level it grows with the number of ratings.
    correlated : bool, default True
        Whether random effects of a group may correlate.
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
    random: str | Mapping[str, str] = "1"
    correlated: bool = True
    reml: bool = True
    ddf: Literal["satterthwaite", "kenward-roger", "residual"] = "satterthwaite"

    def __post_init__(self) -> None:
        read_formula(self.formula)
        check_choice("ddf", self.ddf, DDF)
        check_degrees(self.ddf, self.reml)
        texts = [self.random] if isinstance(self.random, str) else list(self.random.values())
        for text in texts:
            if "~" in text or "|" in text:
                raise SpecError(
                    f"random names effects of the subject, such as '1 + week'; got {text!r}. "
                    "The subject is named in fit(..., subject=...), levels of grouping by "
                    "random={'site': '1', 'subject': '1 + week'}."
                )
            read_effects(text)
        if not texts:
            raise SpecError("random names no level of grouping; use random='1' or name one.")

    @one_thread
    def fit(self, data: Study | FrameLike, *, subject: str = "subject") -> LMMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study or DataFrame
            One row a rating; days may differ between subjects.
        subject : str
            Column. Not used where `random` names levels of grouping.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable, or a subject lies in two sites.
        NotEstimableError
            When a variance is estimated at or below 0: the message names the simpler model.

        Warns
        -----
        EstimateWarning
            When columns of the design are collinear (aliased) with others.
        """
        random = {subject: self.random} if isinstance(self.random, str) else self.random
        design, groupings = build_rows(data, read_formula(self.formula), random)
        fitted = FittedRows.of(design, groupings, self.correlated)
        kept = fitted.columns.kept
        aliased = [design.terms[j] for j in fitted.columns.left_out]
        if aliased:
            warnings.warn(
                f"{len(aliased)} columns are collinear (aliased) with others and left out: "
                f"{', '.join(aliased[:8])}{', ...' if len(aliased) > 8 else ''}. Effects "
                "that depend on them are not estimable.",
                EstimateWarning,
                stacklevel=3,
            )
        reduced = fitted.reduced
        structure = random_structure(reduced.levels)
        model = Model(
            products=reduced.units,
            structures=[structure],
            sizes=[len(structure.first)],
            block=np.zeros_like(reduced.units.group),
            member=reduced.units.group,
            reml=self.reml,
        )
        optimum = self._optimise(model, fitted, groupings)
        of_theta = np.asarray(2 * np.linalg.inv(optimum.hessian), dtype=float)
        natural_scale = fitted.parameters
        return LMMResult(
            spec=self,
            design=design,
            terms=tuple(design.terms[j] for j in kept),
            aliased=tuple(aliased),
            inference=fitted.inference(self._infer(model, optimum, of_theta)),
            _columns=fitted.columns,
            _model=model,
            _optimum=fitted.as_given(optimum, reml=self.reml),
            _of_theta=natural_scale @ of_theta @ natural_scale.T,
            _rows=fitted.rows,
            _fitted=fitted,
            _state=optimum.state,
            _groupings=tuple(groupings),
        )

    def _optimise(self, model: Model, fitted: FittedRows, groupings: Sequence[Grouping]) -> Optimum:
        levels = fitted.reduced.levels
        total = residual_variance(model)
        best: Optimum | None = None
        for proportion in (0.5, 0.2, 0.05):
            start = [_start(level, proportion * total / len(levels)) for level in levels]
            optimum = minimise(model, np.concatenate([*start, [(1 - proportion) * total]]))
            if optimum is not None and optimum.is_minimum:
                best = optimum
                break
        if best is None:
            names = ", ".join(e for g in groupings for e in g.effects)
            raise NotEstimableError(
                f"The covariance of the random effects {names} cannot be estimated: the "
                "likelihood is largest where a variance is zero or a correlation 1 or -1, or it "
                "has no maximum. " + _at_boundary(self, model)
            )
        thetas = parts(levels, best.state.theta)
        for level, grouping, theta in zip(levels, groupings, thetas, strict=True):
            G = level.matrix(theta)
            if np.linalg.eigvalsh(G)[0] <= 0:
                of = f" of {grouping.column!r}" if len(levels) > 1 else ""
                zero = [e for e, v in zip(grouping.effects, np.diag(G), strict=True) if v <= 0]
                what = (
                    f"The variance of the random effect {', '.join(zero)}{of} is estimated at zero"
                    if zero
                    else f"A correlation of the random effects {', '.join(grouping.effects)}{of} "
                    "is estimated at 1 or -1"
                )
                raise NotEstimableError(
                    f"{what}, the boundary of the parameter space, where the model is not "
                    f"reported. {_at_boundary(self, model)}"
                )
        return best

    def _infer(self, model: Model, optimum: Optimum, of_theta: FloatArray) -> Inference:
        state = optimum.state
        if self.ddf == "kenward-roger":
            expected = 2 * np.linalg.inv(expected_hessian(model, state))
            return kenward_roger(model, state, np.asarray(expected, dtype=float), curved=True)
        if self.ddf == "satterthwaite":
            return satterthwaite(model, state, of_theta)
        df = float(model.products.n_obs - model.products.n_columns)
        return FixedDegrees(state.beta, state.vcov, np.full(model.products.n_columns, df))

    def _in_words(self) -> str:
        if isinstance(self.random, str):
            return self.random
        return "; ".join(f"{effects} of {column}" for column, effects in self.random.items())

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary(
            "Linear mixed model",
            (
                ("Formula", self.formula),
                (
                    "Random effects",
                    self._in_words() + ("" if self.correlated else ", uncorrelated"),
                ),
                ("Estimation", "REML" if self.reml else "ML"),
                ("Degrees of freedom", self.ddf),
            ),
        )


def _start(level: Level, variance: float) -> FloatArray:
    """Return starting parameters: equal variances of all effects, no correlation.

    The columns of the design have mean square 1 over the ratings.
    """
    rows, columns = level.entries
    return np.where(rows == columns, variance / level.n_effects, 0.0)


def _at_boundary(spec: LMM, model: Model) -> str:
    """Return as text what an estimate at the boundary means, and what to fit instead."""
    n = int(model.products.n.sum())
    meaning = (
        f"With {n:,} subjects or groups this happens by chance where a true variance is small: it "
        "does not show that it is zero. "
    )
    if not isinstance(spec.random, str):
        return meaning + "Leave out a level of grouping, or some of its effects."
    if len(list(read_effects(spec.random))) < 2:
        return meaning + (
            "For ratings at scheduled visits MMRM(covariance='cs') is the same model and also "
            "allows a correlation of zero or below."
        )
    if spec.correlated:
        return meaning + "Try correlated=False, or random='1'."
    return meaning + "Try random='1'."
