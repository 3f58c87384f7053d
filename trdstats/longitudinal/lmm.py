"""Linear mixed models with random effects of the subject, on days of their own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from formulaic import Formula

from trdstats.arguments import checked
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, check_choice
from trdstats.formulas import read_formula
from trdstats.kernels.mixed_tests import FixedDegrees, Inference, kenward_roger, satterthwaite
from trdstats.kernels.newton import Optimum, minimise
from trdstats.kernels.patterns import (
    Summary,
    distinct_columns,
    independent_columns,
    summarise,
)
from trdstats.kernels.random_effects import (
    Level,
    distinct_designs,
    parts,
    random_structure,
)
from trdstats.kernels.reml import Model, expected_hessian, residual_variance
from trdstats.kernels.rows import Rows
from trdstats.kernels.units import Units
from trdstats.longitudinal.by_rating import Grouping, build_rows
from trdstats.longitudinal.design import Design
from trdstats.longitudinal.lmm_result import LMMResult
from trdstats.tables import Face, Introduces

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

DDF = ("kenward-roger", "satterthwaite", "residual")


@checked
@dataclass(frozen=True, repr=False)
class LMM(Introduces):
    """Linear mixed model with random effects of the subject.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"score ~ week * treatment + baseline"``.
    random : str or mapping of str to str, default "1"
        Random effects of a subject: ``"1"`` an intercept, ``"1 + week"`` an intercept and a slope.
        Or the effects of every level of grouping, the outermost first and the subject last:
        ``{"site": "1", "subject": "1 + week"}``. The cost then grows with the square of the number
        of ratings of a site.
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
        texts = [self.random] if isinstance(self.random, str) else list(self.random.values())
        for text in texts:
            if "~" in text or "|" in text:
                raise SpecError(
                    f"random names effects of the subject, such as '1 + week'; got {text!r}. "
                    "The subject is named in fit(..., subject=...), levels of grouping by "
                    "random={'site': '1', 'subject': '1 + week'}."
                )
        if not texts:
            raise SpecError("random names no level of grouping; use random='1' or name one.")

    def fit(self, data: Any, *, subject: str = "subject") -> LMMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study or DataFrame
            One row a rating; days may be each subject's own.
        subject : str
            Column. Levels of grouping named by `random` say it themselves.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable, or a subject lies in two sites.
        NotEstimableError
            When a variance is estimated at or below 0: the message names the simpler model.

        Warns
        -----
        EstimateWarning
            When columns of the design are explained by others.
        """
        random = {subject: self.random} if isinstance(self.random, str) else self.random
        design, groupings = build_rows(data, read_formula(self.formula), random)
        data_, rows, member = _lay_out(design, groupings)
        kept = independent_columns(data_)
        aliased = [t for j, t in enumerate(design.terms) if j not in set(kept.tolist())]
        if aliased:
            warnings.warn(
                f"{len(aliased)} columns are explained by others and left out: "
                f"{', '.join(aliased[:8])}.",
                EstimateWarning,
                stacklevel=2,
            )
        summary = data_.keep(kept)
        levels = tuple(
            Level(g.Z[member], None if g.member is None else g.member[member], self.correlated)
            for g in groupings
        )
        structure = random_structure(levels)
        model = Model(
            summary=summary,
            structures=[structure],
            sizes=[len(structure.first)],
            block=np.zeros_like(summary.group),
            member=summary.group,
            reml=self.reml,
        )
        optimum = self._optimise(model, levels, groupings)
        of_theta = np.asarray(2 * np.linalg.inv(optimum.hessian), dtype=float)
        return LMMResult(
            spec=self,
            design=design,
            terms=tuple(design.terms[j] for j in kept),
            aliased=tuple(aliased),
            inference=self._infer(model, optimum, of_theta),
            _kept=kept,
            _model=model,
            _optimum=optimum,
            _of_theta=of_theta,
            _rows=rows,
            _levels=levels,
            _groupings=tuple(groupings),
        )

    def _optimise(
        self, model: Model, levels: Sequence[Level], groupings: Sequence[Grouping]
    ) -> Optimum:
        total = residual_variance(model)
        best: Optimum | None = None
        for share in (0.5, 0.2, 0.05):
            start = [_start(level, share * total / len(levels)) for level in levels]
            found = minimise(model, np.concatenate([*start, [(1 - share) * total]]))
            if found is not None and found.is_minimum:
                best = found
                break
        if best is None:
            names = ", ".join(e for g in groupings for e in g.effects)
            raise NotEstimableError(
                f"The random effects {names} cannot be estimated: the likelihood has no "
                f"maximum inside. {_simpler(self)}"
            )
        thetas = parts(levels, best.state.theta)
        for level, grouping, theta in zip(levels, groupings, thetas, strict=True):
            if np.linalg.eigvalsh(level.matrix(theta))[0] <= 0:
                of = f" of {grouping.column!r}" if len(levels) > 1 else ""
                raise NotEstimableError(
                    f"The covariance of the random effects {', '.join(grouping.effects)}{of} is "
                    "estimated at its boundary (a variance of 0 or a correlation of 1). "
                    f"{_simpler(self)}"
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

    def _in_words(self) -> str:
        if isinstance(self.random, str):
            return self.random
        return "; ".join(f"{effects} of {column}" for column, effects in self.random.items())

    def face(self) -> Face:
        """Return the model in words."""
        return Face(
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


def _lay_out(
    design: Design, groupings: Sequence[Grouping]
) -> tuple[Summary | Units, Rows, IntArray]:
    """Return the data as the likelihood wants them, and for each distinct unit one that has it.

    Subjects alone who share days and designs are summed up; groups of subjects are taken as they
    are, for no two are alike.
    """
    n = len(design.subjects)
    if len(groupings) == 1:
        kinds, kind = distinct_designs(groupings[0].Z)
        if len(kinds) < n / 2:
            select, u = distinct_columns(design.X, design.y)
            summary, rows = summarise(select, u, design.rated, kind)
            first = np.unique(kind, return_index=True)[1]
            return summary, rows, first
    z = np.concatenate((design.X, design.y[:, None]), axis=1).transpose(2, 0, 1)
    # What never changes is also at missed places; there the likelihood looks at nothing.
    z = np.ascontiguousarray(z * design.rated[:, :, None])
    each = np.arange(n)
    units = Units(z, design.rated, each, np.ones(n))
    return units, Rows(np.empty((n, 0)), each, each), each


def _start(level: Level, variance: float) -> FloatArray:
    """Return parameters that give ratings a variance, all effects alike and uncorrelated."""
    rows, columns = level.entries
    size = np.maximum((level.Z**2).mean(axis=(0, 1)), 1e-12)
    return np.where(rows == columns, variance / (level.n_effects * size[rows]), 0.0)


def _simpler(spec: LMM) -> str:
    if not isinstance(spec.random, str):
        return "Leave out a level of grouping, or some of its effects."
    terms = list(Formula(spec.random))
    if len(terms) < 2:
        return "Subjects do not differ more than their ratings: fit a model without random effects."
    if spec.correlated:
        return "Try correlated=False, or random='1'."
    return "Try random='1'."
