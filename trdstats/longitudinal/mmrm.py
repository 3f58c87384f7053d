"""The mixed model for repeated measures: fixed effects and a covariance of the visits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

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
from trdstats.kernels.reml import Model, residual_start
from trdstats.kernels.rows import Rows
from trdstats.kernels.sandwich import Kind, sandwich
from trdstats.kernels.units import Units
from trdstats.longitudinal.by_visit import build_design, long_table
from trdstats.longitudinal.covariances import Covariance, OnDays, get_covariance
from trdstats.longitudinal.design import Design
from trdstats.longitudinal.result import MMRMResult
from trdstats.longitudinal.subject_weights import COLUMN, attach_weights, describe_weights
from trdstats.longitudinal.summaries import MMRMSummary, summarise_frame
from trdstats.tables import Face, Introduces

FloatArray = npt.NDArray[np.float64]

DDF = ("kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual")
VCOV = ("model", "empirical", "bias-reduced", "jackknife")


@checked
@dataclass(frozen=True, repr=False)
class MMRM(Introduces):
    """Mixed model for repeated measures.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"change ~ baseline * visit + treatment * visit"``.
    covariance : str or Covariance
        "us", "toep", "toeph", "ar1", "ar1h", "cs", "csh", "ad", "adh" (h: one variance a visit),
        "sp_exp", "sp_gau", "sp_pow" (by the days of the visits), or a structure of your own.
    reml : bool, default True
        Restricted maximum likelihood, else maximum likelihood.
    ddf : {"kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual"}
        Denominator degrees of freedom. Kenward-Roger follows SAS: for an unstructured covariance
        its entries are the parameters; "linear" leaves second derivatives out for the others.
    vcov : {"model", "empirical", "bias-reduced", "jackknife"}
        Covariance of the fixed effects; of the last three (CR0, CR2, CR3) the degrees of freedom
        are Bell and McCaffrey's with ``ddf="satterthwaite"``.
    group : str, optional
        Column, commonly the treatment: each group has a covariance of its own.
    weights : str, optional
        Column of weights of the ratings; the variance of a rating is divided by its weight.
    time : str, optional
        Column with the actual day of each rating, for ``"sp_exp"``, ``"sp_gau"`` and ``"sp_pow"``.
        Default: the visits themselves, where they are numbers.
    constrained : bool, default False
        Constrained longitudinal analysis: the first visit is the baseline, an outcome like the
        others, at which all treatments share one mean.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.

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
    weights: str | None = None
    time: str | None = None
    constrained: bool = False

    def __post_init__(self) -> None:
        read_formula(self.formula)
        get_covariance(self.covariance)
        check_choice("ddf", self.ddf, DDF)
        check_choice("vcov", self.vcov, VCOV)
        if self.vcov != "model" and self.ddf.startswith("kenward"):
            raise SpecError(
                f"Kenward-Roger adjusts the model's own covariance; with vcov={self.vcov!r} use "
                "ddf='satterthwaite', 'between-within' or 'residual'."
            )

    def fit(
        self,
        data: Any,
        *,
        subject: str = "subject",
        visit: str = "visit",
        treatment: str = "treatment",
        weights: Any = None,
    ) -> MMRMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study, DataFrame or MMRMSummary
            One row a subject and visit, or what `summarise` made of them. Of a study the
            scheduled visits, as ``study.longitudinal()`` returns them; in a constrained
            analysis also the baselines, as visit 0.
        subject, visit, treatment : str
            Columns; the treatment matters in a constrained analysis only.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, as those of `PropensityWeights`: a column, a series indexed by
            subject, a frame with the columns subject and weight, or the result that estimated
            them. The variance of a subject's ratings is divided by its weight. The covariance of
            the effects is then empirical, whatever `vcov` says of the model's, with Bell and
            McCaffrey's degrees of freedom, and knows how the weights were estimated when given
            the result.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable.
        NotEstimableError
            When the covariance cannot be estimated; the message says what to try.

        Warns
        -----
        EstimateWarning
            When columns of the design are explained by others: they are left out by name.
        """
        if weights is not None:
            return self._fit_weighted(data, subject, visit, treatment, weights)
        if isinstance(data, MMRMSummary):
            return self._fit_summary(data.design, data.summary, data.no_rows())
        return self._fit_rows(data, subject, visit, treatment)

    def _fit_weighted(
        self, data: Any, subject: str, visit: str, treatment: str, weights: Any
    ) -> MMRMResult:
        if self.weights is not None or isinstance(data, MMRMSummary):
            raise SpecError(
                "Weights of subjects go with rows, and not with weights of ratings: give one of "
                "fit(weights=...) and MMRM(weights=...), and no summary."
            )
        table = long_table(data, with_baseline=self.constrained)
        rows, left_out = attach_weights(table, subject, weights)
        kind: Kind = "empirical" if self.vcov == "model" else self.vcov
        robust = replace(
            self,
            weights=COLUMN,
            vcov=kind,
            ddf="satterthwaite" if self.ddf.startswith("kenward") else self.ddf,
        )
        found = robust._fit_rows(rows, subject, visit, treatment)
        design = replace(found.design, left_out=left_out | found.design.left_out)
        weighting = describe_weights(design.frame, subject, design.subjects, weights)
        sandwiched = sandwich(found._model, found._optimum.state, found._rows, kind)
        stacked = weighting.stacked(sandwiched, found._rows)
        inference = _judge(robust, found._model, found._optimum.state.beta, stacked)
        return replace(found, design=design, inference=inference, _weighting=weighting)

    def _fit_rows(self, data: Any, subject: str, visit: str, treatment: str) -> MMRMResult:
        design = build_design(
            data, read_formula(self.formula), subject=subject, visit=visit, group=self.group,
            weights=self.weights, treatment=treatment if self.constrained else None,
            time=self.time,
        )  # fmt: skip
        X, y, log_weight = _weighted(design)
        select, u = distinct_columns(X, y)
        kinds = design.group * len(design.days) + design.schedule
        summary, rows = summarise(select, u, design.rated, kinds, log_weight)
        return self._fit_summary(design, summary, rows)

    def _fit_summary(self, design: Design, summary: Summary, rows: Rows) -> MMRMResult:
        kept = independent_columns(summary)
        aliased = [t for j, t in enumerate(design.terms) if j not in set(kept.tolist())]
        # Treatment columns that are 0 at baseline repeat each other: that is the constraint.
        if aliased and not self.constrained:
            warnings.warn(
                f"{len(aliased)} of {len(design.terms)} columns are explained by others and left "
                f"out: {', '.join(aliased[:8])}{', ...' if len(aliased) > 8 else ''}.",
                EstimateWarning,
                stacklevel=2,
            )
        summary = summary.keep(kept)
        structure = get_covariance(self.covariance)
        if self.time is not None and not structure.by_days:
            raise SpecError(f"time={self.time!r} has no part in a {structure.label} covariance.")
        model = _model(summary, structure, design, self.reml)
        optimum = _optimise(model, structure, design)
        of_theta = np.asarray(2 * np.linalg.inv(optimum.hessian), dtype=float)
        return MMRMResult(
            spec=self,
            design=design,
            terms=tuple(design.terms[j] for j in kept),
            aliased=tuple(aliased),
            inference=_infer(self, model, optimum, of_theta, rows, design),
            _kept=kept,
            _model=model,
            _optimum=optimum,
            _of_theta=of_theta,
            _rows=rows,
        )

    def summarise(
        self, frame: Any, *, subject: str = "subject", visit: str = "visit"
    ) -> MMRMSummary:
        """Sum rows up into what the likelihood needs of them; summaries of other rows add.

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
        rowwise = self.vcov != "model" or self.time or self.weights or self.constrained
        if rowwise:
            raise SpecError(
                "Summaries hold no rows: they serve models with vcov='model', without weights, "
                "time and constraint."
            )
        return summarise_frame(self, frame, subject=subject, visit=visit)

    def face(self) -> Face:
        """Return the model in words."""
        facts = [
            ("Formula", self.formula),
            ("Covariance", get_covariance(self.covariance).label),
            ("Estimation", "REML" if self.reml else "ML"),
            ("Degrees of freedom", self.ddf),
        ]
        facts += [("Covariance of effects", self.vcov)] if self.vcov != "model" else []
        facts += [("Covariance by", self.group)] if self.group else []
        facts += [("Weights", self.weights)] if self.weights else []
        return Face("Mixed model for repeated measures", tuple(facts))


def _weighted(design: Design) -> tuple[FloatArray, FloatArray, float]:
    """Return design and outcome times the roots of the weights, and the sum of their logarithms."""
    if design.weight is None:
        return design.X, design.y, 0.0
    root = np.sqrt(design.weight)
    log_weight = float(np.log(design.weight[design.rated.T]).sum())
    return design.X * root[:, None], design.y * root, log_weight


def _model(summary: Summary, structure: Covariance, design: Design, reml: bool) -> Model:
    n_groups = len(design.groups)
    return Model(
        summary=summary,
        structures=[OnDays(structure, design.days)] * n_groups,
        sizes=[structure.size(design.days.shape[1])] * n_groups,
        block=summary.group // len(design.days),
        member=summary.group % len(design.days),
        reml=reml,
    )


def _optimise(model: Model, structure: Covariance, design: Design) -> Optimum:
    """Return the best optimum from the residuals and, if that fails, from plainer starts."""
    never = _never_together(model.summary)
    if never and structure.label == "unstructured":
        pairs = ", ".join(f"{design.visits[a]} and {design.visits[b]}" for a, b in never[:5])
        raise NotEstimableError(
            f"Nobody was rated at both of the visits {pairs}, so their covariance is not "
            "estimable. Leave a visit out, or choose a structure such as covariance='toeph'."
        )
    n_cov = sum(model.sizes)
    if model.summary.n_obs <= model.summary.n_columns + 1:
        raise NotEstimableError(
            f"{model.summary.n_obs} ratings cannot carry {model.summary.n_columns} fixed effects."
        )
    S = residual_start(model)
    best: Optimum | None = None
    for shrink in (0.0, 0.1, 0.5, 0.9):
        starts = [
            structure.start((1 - shrink) * own + shrink * np.diag(np.diag(own)), design.days[0])
            for own in S
        ]
        found = minimise(model, np.concatenate(starts))
        if found is None:
            continue
        if best is None or found.state.deviance < best.state.deviance - 1e-9:
            best = found
        if found.is_minimum:
            break
    if best is None or not best.is_minimum:
        state = "did not converge" if best else "could not start"
        raise NotEstimableError(
            f"The {structure.label} covariance ({n_cov} parameters, "
            f"{int(model.summary.n.sum())} subjects) {state}: too few subjects at some pair of "
            "visits, or residuals of one visit that determine another. Try fewer parameters, "
            "such as covariance='toeph', 'csh' or 'ar1h', or leave a sparse visit out."
        )
    return best


def _never_together(summary: Summary | Units) -> list[tuple[int, int]]:
    together = np.einsum("p,pa,pb->ab", summary.n, summary.rated.astype(float), summary.rated)
    rows, columns = np.nonzero(np.triu(together == 0, 1))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _infer(
    spec: MMRM, model: Model, optimum: Optimum, of_theta: FloatArray, rows: Rows, design: Design
) -> Inference:
    state = optimum.state
    if spec.vcov != "model":
        found: Inference = sandwich(model, state, rows, spec.vcov)
    elif spec.ddf.startswith("kenward"):
        return kenward_roger(model, state, of_theta, curved=spec.ddf == "kenward-roger")
    else:
        found = satterthwaite(model, state, of_theta)
    return _judge(spec, model, state.beta, found)


def _judge(spec: MMRM, model: Model, beta: FloatArray, found: Inference) -> Inference:
    """Return the covariance of the effects with the degrees of freedom that were asked for."""
    if spec.ddf == "satterthwaite":
        return found
    q = model.summary.n_columns
    if spec.ddf == "residual":
        df = np.full(q, float(model.summary.n_obs - q))
    else:
        # An MMRM sums its subjects up, whatever a model may hold.
        df = _between_within(cast(Summary, model.summary))
    return FixedDegrees(beta, found.covariance, df)


def _between_within(summary: Summary) -> FloatArray:
    """Return degrees of freedom between subjects for columns that never change within one.

    The intercept counts as within, as in R mmrm.
    """
    select = summary.select[:, :-1]
    constant = (select == select[0]).all(axis=0) & (select[0] >= 0)
    total = summary.gram.sum(axis=0)
    first = select[0, constant]
    ones = np.zeros(select.shape[1], dtype=bool)
    # A column of ones has the same sum as its square.
    for j, u in zip(np.flatnonzero(constant), first, strict=True):
        ones[j] = np.isclose(total[u, u], summary.n.sum()) and np.isclose(
            np.ptp(np.diagonal(summary.gram, axis1=1, axis2=2)[:, u] / summary.n), 0
        )
    between = constant & ~ones
    n_between = int(between.sum()) + int(ones.any())
    n_within = len(constant) - n_between
    subjects = float(summary.n.sum())
    return np.where(between, subjects - n_between, summary.n_obs - subjects - n_within)
