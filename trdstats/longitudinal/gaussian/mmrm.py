"""The mixed model for repeated measures: fixed effects and a covariance of the visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_formula
from trdstats.longitudinal.covariances.combined import Kronecker
from trdstats.longitudinal.covariances.covariances import Covariance
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.degrees import check_degrees
from trdstats.longitudinal.gaussian.mmrm_fit.divided import fit_divided
from trdstats.longitudinal.gaussian.mmrm_fit.fit import fit_rows, fit_summary, fit_weighted
from trdstats.longitudinal.gaussian.mmrm_fit.part import SUBJECT, VISIT
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary, summarise_frame
from trdstats.study import DividedStudy, Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

DDF = ("kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual")
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
            partitions are added, and one row a subject for empirical covariances; `time`,
            `rating_weights`, `scale` and `constrained` gather the rows, as does
            ``study.longitudinal()`` for what needs them afterwards.
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
        if isinstance(data, DividedStudy) and (subject, visit) == (SUBJECT, VISIT):
            in_parts = None if self._lays_out_rows() else fit_divided(self, data, weights)
            if in_parts is not None:
                return in_parts
        if weights is not None:
            return fit_weighted(self, data, subject, visit, treatment, weights)
        if isinstance(data, MMRMSummary):
            return fit_summary(self, data.design, data.products, data.no_rows())
        return fit_rows(self, data, subject, visit, treatment)

    def _lays_out_rows(self) -> bool:
        """Whether the model needs more of a rating than its subject, visit and outcome."""
        return bool(self.time or self.rating_weights or self.constrained or self.scale)

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
        if self.vcov != "model" or self._lays_out_rows():
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
