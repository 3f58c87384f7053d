"""The mixed model for repeated measures: fixed effects and a covariance of the visits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, check_choice
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.formulas import read_formula
from trdstats.kernels.gaussian.estimability import judge_columns
from trdstats.kernels.gaussian.mixed_tests import (
    FixedDegrees,
    Inference,
    kenward_roger,
    satterthwaite,
)
from trdstats.kernels.gaussian.newton import Optimum, minimise
from trdstats.kernels.gaussian.patterns import (
    CrossProducts,
    distinct_columns,
    summarise,
)
from trdstats.kernels.gaussian.reml import Model, residual_start
from trdstats.kernels.gaussian.sandwich import Kind, sandwich
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.covariances.combined import Kronecker
from trdstats.longitudinal.covariances.covariances import (
    CompoundSymmetry,
    Covariance,
    OnDays,
    Toeplitz,
    Unstructured,
    boundary_of,
)
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.by_visit import build_design, long_table
from trdstats.longitudinal.designs.degrees import check_degrees
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.estimable import left_out_by_constraint, without_visit
from trdstats.longitudinal.designs.subject_weights import COLUMN, attach_weights, describe_weights
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary, summarise_frame, summarise_parts
from trdstats.study import Study
from trdstats.study.study import caveat_of
from trdstats.study.visit_order import days_of
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

DDF = ("kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual")
_WITHOUT_DAYS = "covariance='ind' has no correlation, 'cs' one that does not depend on the days."
_MOST_PARAMETERS = 1000  # of one covariance: more take hours
_MOST_NUMBERS = 2e8  # in one array: 1.6 GB

VCOV = ("model", "empirical", "bias-reduced", "jackknife")


@checked
@dataclass(frozen=True, repr=False)
class MMRM(SummaryMixin):
    """Mixed model for repeated measures.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"change ~ baseline * visit + treatment * visit"``.
    covariance : str or Covariance
        "us", "toep", "toeph", "ar1", "ar1h", "cs", "csh", "ad", "adh" (h: one variance a visit),
        "ind", "indh" (independent errors), "sp_exp", "sp_gau", "sp_pow" (by the days of the
        visits; with a variance of each rating alone as "sp_exp+nugget" and likewise), or another
        `Covariance`.
    reml : bool, default True
        Restricted maximum likelihood, else maximum likelihood.
    ddf : {"kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual"}
        Denominator degrees of freedom. Kenward-Roger follows SAS: for an unstructured covariance
        its entries are the parameters; "linear" leaves second derivatives out for the others.
    vcov : {"model", "empirical", "bias-reduced", "jackknife"}
        Covariance of the fixed effects; of the last three (CR0, CR2, CR3) the degrees of freedom
        are Bell and McCaffrey's with ``ddf="satterthwaite"``.
    group : str, optional
        Column, commonly the treatment: each group has its own covariance.
    rating_weights : str, optional
        Column of weights of the ratings; the variance of a rating is divided by its weight.
    time : str, optional
        Column with the actual day of each rating, for ``"sp_exp"``, ``"sp_gau"`` and ``"sp_pow"``.
        Default: the visits themselves, where they are numbers.
    scale : str, optional
        Column that names the scale of each rating, where a subject has several at a visit, for
        "us@ar1", "us@cs", "us@us", "us@toep" and "us@ad": unstructured between the scales, times a
        correlation of the visits. One row a subject, visit and scale.
    constrained : bool, default False
        Constrained longitudinal analysis: the visits at day 0 or earlier (or called "baseline",
        "screening") are outcomes like the others, at which all treatments have one mean.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.

    Notes
    -----
    Visits that are categories keep their order, numbers theirs. Texts are put in the order of the
    numbers in them ("2 weeks" before "10 weeks") and the summary prints it; where there are no
    numbers they are refused. AR(1) and Toeplitz structures count a planned visit (a category, or
    rows without an outcome) as a step, assessed or not.

    References
    ----------
    Mallinckrodt 2008, doi:10.1177/009286150804200402. Kenward and Roger 1997,
    doi:10.2307/2533558.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> fit = trd.MMRM("change ~ baseline * visit + treatment * visit").fit(
    ...     study.longitudinal(days=[7, 14, 21, 28]))
    >>> fit.margins("treatment", by="visit").contrasts(reference="TMS").tidy().shape[0]
    8
    """

    formula: str
    covariance: str | Covariance = "us"
    reml: bool = True
    ddf: Literal[
        "kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual"
    ] = "kenward-roger"
    vcov: Literal["model", "empirical", "bias-reduced", "jackknife"] = "model"
    group: str | None = None
    rating_weights: str | None = None
    time: str | None = None
    constrained: bool = False
    scale: str | None = None

    def __post_init__(self) -> None:
        read_formula(self.formula)
        is_joint = isinstance(get_covariance(self.covariance), Kronecker)
        if is_joint != (self.scale is not None):
            raise SpecError(
                "Several scales at a visit need both: scale=, the column that names them, and a "
                "covariance of scales and visits, such as covariance='us@ar1'."
            )
        if self.constrained and self.scale is not None:
            raise SpecError("A constrained analysis has one scale: leave scale= out.")
        check_choice("ddf", self.ddf, DDF)
        check_choice("vcov", self.vcov, VCOV)
        check_degrees(self.ddf, self.reml)
        if self.vcov != "model" and self.ddf.startswith("kenward"):
            raise SpecError(
                f"Kenward-Roger adjusts the model's own covariance; with vcov={self.vcov!r} use "
                "ddf='satterthwaite', 'between-within' or 'residual'."
            )

    @one_thread
    def fit(
        self,
        data: Study | FrameLike | MMRMSummary,
        *,
        subject: str = "subject",
        visit: str = "visit",
        treatment: str = "treatment",
        weights: WeightsLike | None = None,
    ) -> MMRMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study, DataFrame or MMRMSummary
            One row a subject and visit, or the result of `summarise`. Of a study the
            scheduled visits, as ``study.longitudinal()`` returns them; in a constrained
            analysis also the baselines, as visit 0. Of a `DividedStudy` the cross-products of its
            partitions are added, where the model can be fitted from them (see `summarise`);
            ``study.longitudinal()`` gathers the rows, for what needs them afterwards.
        subject, visit, treatment : str
            Columns; the treatment matters in a constrained analysis only.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, as those of `PropensityWeights`: a column, a series indexed by
            subject, a frame with the columns subject and weight, or the result that estimated
            them. The variance of a subject's ratings is divided by its weight. The covariance of
            the effects is then empirical, whatever `vcov` is, with Bell and McCaffrey's degrees of
            freedom, and includes the estimation of the weights when given the result.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable.
        NotEstimableError
            When the covariance cannot be estimated; the message suggests alternatives.

        Warns
        -----
        EstimateWarning
            When columns of the design are collinear (aliased) with others: they are left out and
            named.
        """
        if weights is not None:
            return self._fit_weighted(data, subject, visit, treatment, weights)
        if isinstance(data, Study) and data.is_divided and not self._needs_rows():
            summed = summarise_parts(self, data, subject=subject, visit=visit)
            data = data if summed is None else summed
        if isinstance(data, MMRMSummary):
            return self._fit_summary(data.design, data.products, data.no_rows())
        return self._fit_rows(data, subject, visit, treatment)

    def _fit_weighted(
        self, data: Any, subject: str, visit: str, treatment: str, weights: Any
    ) -> MMRMResult:
        if self.rating_weights is not None or isinstance(data, MMRMSummary):
            raise SpecError(
                "Weights of subjects need rows, and cannot be combined with weights of ratings: "
                "give either fit(weights=...) or MMRM(rating_weights=...), and no summary."
            )
        table = long_table(data, with_baseline=self.constrained)
        rows, left_out = attach_weights(table, subject, weights)
        kind: Kind = "empirical" if self.vcov == "model" else self.vcov
        robust = replace(
            self,
            rating_weights=COLUMN,
            vcov=kind,
            ddf="satterthwaite" if self.ddf.startswith("kenward") else self.ddf,
        )
        fit = robust._fit_rows(rows, subject, visit, treatment)
        caveat = caveat_under(caveat_of(data), weights)
        design = replace(fit.design, left_out=left_out | fit.design.left_out, caveat=caveat)
        weighting = describe_weights(design.frame, subject, design.subjects, weights)
        sandwiched = sandwich(fit._model, fit._optimum.state, fit._rows, kind)
        stacked = weighting.stacked(sandwiched, fit._rows)
        inference = _add_degrees(robust, fit._model, fit._optimum.state.beta, stacked)
        inference = _shifted_by(inference, fit._origin)
        return replace(fit, design=design, inference=inference, _weighting=weighting)

    def _fit_rows(self, data: Any, subject: str, visit: str, treatment: str) -> MMRMResult:
        design = build_design(
            data, read_formula(self.formula), subject=subject, visit=visit, group=self.group,
            weights=self.rating_weights, treatment=treatment if self.constrained else None,
            time=self.time, scale=self.scale,
        )  # fmt: skip
        origin = _origin(design)
        X, y, log_weight = _weighted(design, origin)
        select, distinct = distinct_columns(X, y)
        _check_size(get_covariance(self.covariance), design, distinct.shape[1])
        kinds = design.group * len(design.days) + design.schedule
        summary, rows = summarise(select, distinct, design.rated, kinds, log_weight)
        return self._fit_summary(design, summary, rows, origin)

    def _fit_summary(
        self,
        design: Design,
        summary: CrossProducts,
        rows: SubjectRows,
        origin: FloatArray | None = None,
    ) -> MMRMResult:
        columns = judge_columns(summary, last=without_visit(design))
        # Treatment columns that are 0 at baseline are collinear: that is the constraint.
        implied = left_out_by_constraint(design, columns)
        aliased = [design.terms[j] for j in columns.left_out if j not in implied]
        if aliased:
            warnings.warn(
                f"{len(aliased)} of {len(design.terms)} columns are collinear (aliased) and left "
                f"out: {', '.join(aliased[:8])}{', ...' if len(aliased) > 8 else ''}. Effects "
                "that depend on them are not estimable.",
                EstimateWarning,
                stacklevel=5,
            )
        kept = columns.kept
        summary = summary.keep(kept)
        structure = _structure(self, design)
        model = _model(summary, structure, design, self.reml)
        _check_groups(model, design, self.group)
        optimum = _optimise(model, structure, design)
        boundary = _at_boundary(model, structure, design, optimum)
        if boundary:
            warnings.warn(
                f"{_sentences(boundary)} It happens by chance where a true correlation is small "
                "(or near one), and does not show that it is. Degrees of freedom and errors take "
                f"it as known. {_WITHOUT_DAYS}",
                EstimateWarning,
                stacklevel=5,
            )
        # What lies at the boundary is taken as known: nothing changes with it.
        free = [k for k in range(len(optimum.hessian)) if k not in boundary]
        of_theta = np.zeros_like(optimum.hessian)
        of_theta[np.ix_(free, free)] = 2 * np.linalg.inv(optimum.hessian[np.ix_(free, free)])
        inference = _infer(self, model, optimum, of_theta, rows, design)
        start = np.zeros(len(kept)) if origin is None else origin[kept]
        return MMRMResult(
            spec=self,
            design=design,
            terms=tuple(design.terms[j] for j in kept),
            aliased=tuple(aliased),
            inference=_shifted_by(inference, start),
            _columns=columns,
            _by_constraint=implied,
            _model=model,
            _optimum=optimum,
            _of_theta=of_theta,
            _rows=rows,
            _origin=start,
        )

    def _needs_rows(self) -> bool:
        rowwise = self.vcov != "model" or self.time or self.rating_weights or self.constrained
        return bool(rowwise or self.scale)

    def summarise(
        self, frame: FrameLike, *, subject: str = "subject", visit: str = "visit"
    ) -> MMRMSummary:
        """Summarise rows into the cross-products of the likelihood; summaries of other rows add.

        Parameters
        ----------
        frame : DataFrame
            One row a subject and visit, all visits of a subject together. Texts and visits must be
            categorical with all levels of all chunks, so that their designs are the same.
        subject, visit : str
            Columns.

        Returns
        -------
        MMRMSummary
            ``summary + summary`` is the summary of both; ``fit(summary)`` fits it.

        Raises
        ------
        DataError, SpecError
            When the table is not usable, a covariate changes between visits, or the model needs
            rows (an empirical covariance, actual days, weights).
        """
        if self._needs_rows():
            raise SpecError(
                "Summaries hold no rows: they are for models with vcov='model', without weights, "
                "time, scale and constraint."
            )
        return summarise_frame(self, frame, subject=subject, visit=visit)

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [
            ("Formula", self.formula),
            ("Covariance", get_covariance(self.covariance).label),
            ("Estimation", "REML" if self.reml else "ML"),
            ("Degrees of freedom", self.ddf),
        ]
        header += [("Covariance of effects", self.vcov)] if self.vcov != "model" else []
        header += [("Covariance by", self.group)] if self.group else []
        header += [("Rating weights", self.rating_weights)] if self.rating_weights else []
        return Summary("Mixed model for repeated measures", tuple(header))


def _origin(design: Design) -> FloatArray | None:
    """Return coefficients whose fitted value is the mean outcome everywhere; None without any.

    Its fitted values are subtracted: far from 0 the cross-products would lose precision.
    """
    rated = design.rated.T
    mean = float(design.y[rated].mean())
    if "Intercept" in design.terms:
        origin = np.zeros(len(design.terms))
        origin[design.terms.index("Intercept")] = mean
        return origin
    X = np.swapaxes(design.X, 1, 2)[rated]
    ones, _, rank, _ = np.linalg.lstsq(X.T @ X, X.sum(axis=0), rcond=None)
    # Of collinear columns some are left out, and their part of the fitted value with them.
    if rank < X.shape[1] or not np.allclose(X @ ones, 1.0, rtol=0, atol=1e-9):
        return None
    return np.asarray(mean * ones, dtype=float)


def _weighted(design: Design, origin: FloatArray | None) -> tuple[FloatArray, FloatArray, float]:
    """Return design and outcome times the roots of the weights, and the sum of their logarithms."""
    y = design.y
    if origin is not None:
        shift = np.einsum("tqn,q->tn", design.X, origin)
        y = np.where(design.rated.T, y - shift, 0.0)
    if design.weight is None:
        return design.X, y, 0.0
    root = np.sqrt(design.weight)
    log_weight = float(np.log(design.weight[design.rated.T]).sum())
    return design.X * root[:, None], y * root, log_weight


def _shifted_by(inference: Inference, origin: FloatArray) -> Inference:
    """Return the inference on coefficients, their origin added back."""
    shifted: Inference = replace(cast(Any, inference), beta=inference.beta + origin)
    return shifted


def _check_size(structure: Covariance, design: Design, d: int) -> None:
    """Refuse at once a model that would take hours or more memory than there is.

    Raises
    ------
    NotEstimableError
    """
    T = len(design.visits)
    bound = structure.at(design.places)
    h = bound.size(T)
    n_least = int(np.bincount(design.group).min())
    enough = design.rated.sum() > len(design.terms) + 1  # else that is what is wrong
    if isinstance(bound, Unstructured) and T > 1 and n_least <= T and enough:
        of = " of a group" if len(design.groups) > 1 else ""
        raise NotEstimableError(
            f"An unstructured covariance of {T} visits has {h} parameters and needs more subjects "
            f"than visits; there are {n_least} subjects{of}. Try fewer parameters, such as "
            "covariance='toeph', 'ar1h' or 'csh', or fewer visits."
        )
    curved = not isinstance(bound, Unstructured | Toeplitz | CompoundSymmetry)
    if h > _MOST_PARAMETERS or (curved and (h * T) ** 2 > _MOST_NUMBERS):
        raise NotEstimableError(
            f"A covariance ({structure.label}) of {T} visits with {h} parameters is too large to "
            "be fitted. Choose one with fewer parameters, such as covariance='ar1' or 'cs', or "
            "take days as numbers: LMM('score ~ day', random='1 + day')."
        )
    if (T * d) ** 2 > _MOST_NUMBERS:
        raise NotEstimableError(
            f"{T} visits with {d} distinct columns are too many for a mean at every visit: the "
            f"sums would hold {(T * d) ** 2:.1e} numbers. Take days as numbers: LMM('score ~ day', "
            "random='1 + day'), or fewer visits."
        )


def _structure(spec: MMRM, design: Design) -> Covariance:
    """Return the covariance structure of the visits of a design.

    Raises
    ------
    SpecError
        When it needs days that the visits do not name, or does not use those given.
    """
    structure = get_covariance(spec.covariance)
    if spec.time is not None and not structure.by_days:
        raise SpecError(
            f"time={spec.time!r} is not used by a {structure.label} covariance: leave it out."
        )
    unnamed = [
        str(v) for v, d in zip(design.visits, days_of(design.visits), strict=True) if np.isnan(d)
    ]
    if structure.by_days and spec.time is None and unnamed and len(design.visits) > 1:
        raise SpecError(
            f"A {structure.label} covariance needs days, and the visits {', '.join(unnamed[:5])} "
            "do not name any. Give days as visits, or the column of the actual days: time='day'."
        )
    if structure.by_places and design.never_rated:
        skipped = ", ".join(str(v) for v in design.never_rated)
        warnings.warn(
            f"No subject was assessed at {skipped}, planned between assessed visits: the "
            f"{structure.label} covariance counts it as a step. If it was never planned, leave it "
            "out of the categories: frame['visit'].cat.remove_unused_categories().",
            EstimateWarning,
            stacklevel=6,
        )
    return structure.at(design.places)


def _model(summary: CrossProducts, structure: Covariance, design: Design, reml: bool) -> Model:
    n_groups = len(design.groups)
    return Model(
        products=summary,
        structures=[OnDays(structure, design.days)] * n_groups,
        sizes=[structure.size(design.days.shape[1])] * n_groups,
        block=summary.group // len(design.days),
        member=summary.group % len(design.days),
        reml=reml,
    )


def _check_groups(model: Model, design: Design, group: str | None) -> None:
    """Refuse separate covariances for groups of one subject."""
    if group is None:
        return
    n = np.bincount(model.block, weights=model.products.n, minlength=len(design.groups))
    few = [name for name, k in zip(design.groups, n, strict=True) if k < 2]
    if few:
        raise NotEstimableError(
            f"group={group!r}: {', '.join(few)} has at most one subject, too few for a "
            "covariance. Leave the group out, merge it with another, or give all groups one "
            "covariance (group=None)."
        )


def _optimise(model: Model, structure: Covariance, design: Design) -> Optimum:
    """Return the best optimum from the residuals and, if that fails, from simpler starts."""
    never = _never_together(model.products)
    if never and structure.label == "unstructured":
        pairs = ", ".join(f"{design.visits[a]} and {design.visits[b]}" for a, b in never[:5])
        raise NotEstimableError(
            f"No subject was assessed at both of the visits {pairs}, so their covariance is not "
            "estimable. Leave a visit out, or choose a structure such as covariance='toeph'."
        )
    n_cov = sum(model.sizes)
    if model.products.n_obs <= model.products.n_columns + 1:
        raise NotEstimableError(
            f"{model.products.n_obs} ratings are too few for {model.products.n_columns} fixed "
            "effects."
        )
    S = residual_start(model)
    best: Optimum | None = None
    for shrink in (0.0, 0.1, 0.5, 0.9):
        starts = [
            structure.start(
                (1 - shrink) * schedule + shrink * np.diag(np.diag(schedule)), design.usual_days
            )
            for schedule in S
        ]
        optimum = minimise(model, np.concatenate(starts))
        if optimum is None:
            continue
        if best is None or optimum.state.deviance < best.state.deviance - 1e-9:
            best = optimum
        # A likelihood that rises as the covariance becomes singular does so from every start.
        if optimum.is_minimum or (isinstance(structure, Unstructured) and _is_singular(optimum)):
            break
    if best is None or not best.is_minimum:
        state = "did not converge" if best else "could not start"
        named = (
            f"The {structure.label} covariance ({n_cov} parameters, "
            f"{int(model.products.n.sum())} subjects) {state}"
        )
        boundary = {} if best is None else _at_boundary(model, structure, design, best)
        if boundary:
            raise NotEstimableError(f"{named}. {_sentences(boundary)} {_WITHOUT_DAYS}")
        raise NotEstimableError(
            f"{named}: too few subjects at some pair of "
            "visits, or residuals of one visit that are collinear with another's. Try fewer "
            "parameters, such as covariance='toeph', 'csh' or 'ar1h', or leave a sparse visit out."
        )
    return best


def _at_boundary(
    model: Model, structure: Covariance, design: Design, optimum: Optimum
) -> dict[int, str]:
    """Return which parameters are estimated at the boundary, each with a sentence."""
    by_group = model.parts(optimum.state.theta)
    return boundary_of(structure, by_group, design.usual_days)


def _sentences(boundary: dict[int, str]) -> str:
    return " ".join(dict.fromkeys(boundary.values()))


def _is_singular(optimum: Optimum) -> bool:
    for shape in optimum.state.shapes:
        sd = np.sqrt(np.diagonal(shape.value, axis1=1, axis2=2))
        scaled = shape.value / (sd[:, :, None] * sd[:, None, :])
        if np.linalg.eigvalsh(scaled).min() < 1e-10:
            return True
    return False


def _never_together(summary: CrossProducts | SubjectBlocks) -> list[tuple[int, int]]:
    together = np.einsum("p,pa,pb->ab", summary.n, summary.rated.astype(float), summary.rated)
    rows, columns = np.nonzero(np.triu(together == 0, 1))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _infer(
    spec: MMRM,
    model: Model,
    optimum: Optimum,
    of_theta: FloatArray,
    rows: SubjectRows,
    design: Design,
) -> Inference:
    state = optimum.state
    if spec.vcov != "model":
        robust: Inference = sandwich(model, state, rows, spec.vcov)
    elif spec.ddf.startswith("kenward"):
        return kenward_roger(model, state, of_theta, curved=spec.ddf == "kenward-roger")
    else:
        robust = satterthwaite(model, state, of_theta)
    return _add_degrees(spec, model, state.beta, robust)


def _add_degrees(spec: MMRM, model: Model, beta: FloatArray, inference: Inference) -> Inference:
    """Return the covariance of the effects with the requested degrees of freedom."""
    if spec.ddf == "satterthwaite":
        return inference
    q = model.products.n_columns
    if spec.ddf == "residual":
        df = np.full(q, float(model.products.n_obs - q))
    else:
        # The model of an MMRM always holds cross-products.
        df = _between_within(cast(CrossProducts, model.products))
    return FixedDegrees(beta, inference.covariance, df, inference)


def _between_within(summary: CrossProducts) -> FloatArray:
    """Return degrees of freedom between subjects for columns that never change within one.

    The intercept counts as within, as in R mmrm.
    """
    select = summary.select[:, :-1]
    constant = (select == select[0]).all(axis=0) & (select[0] >= 0)
    total = summary.cross_products.sum(axis=0)
    first = select[0, constant]
    ones = np.zeros(select.shape[1], dtype=bool)
    # A column of ones has the same sum as its square.
    for j, column in zip(np.flatnonzero(constant), first, strict=True):
        ones[j] = np.isclose(total[column, column], summary.n.sum()) and np.isclose(
            np.ptp(np.diagonal(summary.cross_products, axis1=1, axis2=2)[:, column] / summary.n), 0
        )
    between = constant & ~ones
    n_between = int(between.sum()) + int(ones.any())
    n_within = len(constant) - n_between
    subjects = float(summary.n.sum())
    return np.where(between, subjects - n_between, summary.n_obs - subjects - n_within)
