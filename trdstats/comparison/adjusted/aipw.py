"""Augmented inverse probability weighting of rates and means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.comparison.adjusted.aipw_result import AIPWResult, covariates_of
from trdstats.comparison.adjusted.analysis_set import (
    AnalysisSet,
    TreatmentModel,
    fit_outcome_model,
    fit_treatment_model,
    read_analysis_set,
)
from trdstats.comparison.adjusted.by_treatment import (
    Estimand,
    Quantity,
    check_estimand,
    values_by_treatment,
)
from trdstats.comparison.adjusted.standardisation_result import adjusted_caveat
from trdstats.comparison.adjusted.subject_outcomes import check_outcome, read_outcomes
from trdstats.errors import SpecError, check_choice, check_level, pick_level
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import CovariateDesign, read_covariates, read_right_side
from trdstats.kernels.weighting.aipw import augmented_means, through_treatment_model
from trdstats.kernels.weighting.generalised_linear import Family
from trdstats.outcomes import Definition
from trdstats.outcomes.switching import notes_on
from trdstats.study import Study
from trdstats.survival.parametric.parametric_data import design_at, with_intercept
from trdstats.tables import Summary, SummaryMixin, caveat_notes

Variance = Literal["efficient", "stacked"]


@checked
@dataclass(frozen=True, repr=False)
class AIPW(SummaryMixin):
    """Rates or means from a model of the outcome and a model of the treatment together.

    The estimate is right when one of the two models is; see `Standardisation` for the outcome
    model alone, `PropensityWeights` for the treatment model alone.

    Parameters
    ----------
    outcome_formula : str
        Treatment and covariates of the outcome, such as ``"treatment * (msm + baseline)"``.
    treatment_formula : str
        Covariates of the choice of treatment, such as ``"msm + age + baseline"``. Multinomial for
        more than two treatments.
    outcome : Definition or str
        A definition at `day`, ``"change"`` or ``"score"`` at `day`, or a column of the subjects.
    day : float, optional
    by : str, default "treatment"
    estimand : {"ate", "att"}
        Mean over all subjects, or over those under `treated`.
    treated : str, optional
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    missing : {"nonresponse", "observed", "locf", "worst"}
        See `rates`. Subjects without an outcome are left out and counted; when covariates decide
        who they are, give the result of `CensoringWeights` as weights.
    folds : int, optional
        Cross-fitting: subjects are split into so many parts, and each part is predicted by models
        of the others. Needed where formulas are rich; plain formulas do without.
    seed : int, default 0
        Of the split.
    variance : {"efficient", "stacked"}
        "efficient": from the efficient influence function, right when both models are. "stacked":
        with what every subject does to the two models, right when one of them is; not with folds.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins, Rotnitzky and Zhao 1994, doi:10.1080/01621459.1994.10476818; Chernozhukov et al. 2018,
    doi:10.1111/ectj.12097 (cross-fitting).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> spec = trd.AIPW("treatment + baseline", "baseline", outcome=trd.Response(), day=28)
    >>> spec.fit(study).tidy()["measure"].unique().tolist()
    ['rate', 'difference', 'ratio', 'odds ratio']
    """

    outcome_formula: str
    treatment_formula: str
    outcome: Definition | str = field(kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    by: str = field(default="treatment", kw_only=True)
    estimand: Estimand = field(default="ate", kw_only=True)
    treated: Level | None = field(default=None, kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    missing: str = field(default="nonresponse", kw_only=True)
    folds: int | None = field(default=None, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    variance: Variance = field(default="efficient", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        of_outcome = {str(v) for v in read_right_side(self.outcome_formula).required_variables}
        of_treatment = {str(v) for v in read_right_side(self.treatment_formula).required_variables}
        if self.by not in of_outcome or self.by in of_treatment:
            raise SpecError(
                f"{self.by!r} belongs into the formula of the outcome and not into that of the "
                f"treatment; got {self.outcome_formula!r} and {self.treatment_formula!r}."
            )
        check_outcome(self.outcome, self.day, self.missing)
        check_estimand(self.estimand, self.treated)
        check_choice("variance", self.variance, get_args(Variance))
        check_level(self.conf_level)
        if self.folds is not None and (self.folds != int(self.folds) or self.folds < 2):
            raise SpecError(f"folds must be a whole number of at least 2; got {self.folds!r}.")
        if self.folds is not None and self.variance == "stacked":
            raise SpecError("variance='stacked' goes with models of all subjects, not with folds.")
        if self.seed < 0 or self.seed != int(self.seed):
            raise SpecError(f"seed must be a whole number of 0 or more; got {self.seed!r}.")

    def fit(self, data: Study | FrameLike, *, weights: WeightsLike | None = None) -> AIPWResult:
        """Fit both models and estimate.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, in both models and in the means.

        Raises
        ------
        DataError
            When a covariate is missing; every such subject is named.
        NotEstimableError
            When a model has no finite maximum, as when covariates separate the treatments.
        """
        known = read_outcomes(
            data, self.outcome, day=self.day, missing=self.missing, reference=self.reference
        )
        formulas = (self.outcome_formula, self.treatment_formula)
        sample = read_analysis_set(known, formulas, self.by, weights)
        levels = sample.levels
        reference = pick_level("treatment", self.reference, levels)
        among = None
        if self.estimand == "att":
            among = levels.index(pick_level("treatment", self.treated, levels))
        family: Family = "logistic" if known.binary else "linear"
        models = _Models(
            sample,
            read_covariates(sample.frame, self.outcome_formula),
            read_covariates(sample.frame, self.treatment_formula, least=0),
            family,
            self.by,
        )
        observed = sample.observed
        y = np.where(observed, sample.y, 0.0)
        weight = np.where(observed, sample.weight, 0.0)
        if self.folds is None:
            mean, e = models.predict(observed, observed)
        else:
            mean, e = _cross_fit(models, observed, int(self.folds), self.seed)
        # Who has no outcome has no weight; 1 keeps the ratio finite.
        e = np.where(observed[:, None], e, 1.0)
        augmented = augmented_means(y, sample.code, mean, e, weight, among)
        direct = augmented.influence
        if self.variance == "stacked":
            direct = direct + models.carried(augmented, observed, e, among)
        influence = sample.stacked_influence(direct)
        labels = tuple(str(v) for v in levels)
        quantity: Quantity = "rate" if known.binary else "mean"
        time = np.nan if self.day is None else float(self.day)
        propensity = pd.DataFrame(np.where(observed[:, None], e, np.nan), columns=list(labels))
        propensity.insert(0, "subject", sample.frame["subject"].to_numpy(dtype=object))
        propensity.insert(1, self.by, sample.frame[self.by].to_numpy(dtype=object))
        return AIPWResult(
            spec=self,
            outcome=known.label,
            caveat=known.caveat,
            counts=sample.counts(self.by),
            propensity=propensity,
            header=(("Outcome model", family), *sample.header()),
            _values=values_by_treatment(
                [(quantity, time)], self.by, labels, augmented.estimate, influence=influence,
                subjects=sample.who, title="Augmented inverse probability weighting",
                notes=(
                    *caveat_notes(adjusted_caveat(known.caveat, covariates_of(self))),
                    *notes_on(known.switching),
                ),
            ),
            _reference=str(reference),
            switching=known.switching,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the method in words."""
        header = [("Outcome", self.outcome_formula), ("Treatment", self.treatment_formula)]
        if self.folds is not None:
            header.append(("Cross-fitting", f"{self.folds} folds, seed {self.seed}"))
        return Summary("Augmented inverse probability weighting", tuple(header))


@dataclass(frozen=True)
class _Models:
    """The two models of one comparison."""

    sample: AnalysisSet
    outcome: CovariateDesign
    treatment: CovariateDesign
    family: Family
    by: str

    def predict(self, train: BoolArray, test: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return mean outcomes and probabilities of treatments, (n, K); 0 outside the test."""
        fit, _ = self._outcome(train)
        e = np.where(test[:, None], self._treatment(train).probability(), 0.0)
        mean = np.zeros_like(e)
        for k, level in enumerate(self.sample.levels):
            mean[test, k] = fit.mean(design_at(self.outcome, self.by, level)[test])
        return mean, e

    def carried(
        self, analysis_set: Any, group: BoolArray, e: FloatArray, among: int | None
    ) -> FloatArray:
        """Return what each subject does to the estimates through the two models, (n, K)."""
        fit, on_beta = self._outcome(group)
        model = self._treatment(group)
        result = model.influence @ through_treatment_model(analysis_set, model.Z, e, among).T
        for k, level in enumerate(self.sample.levels):
            slope = fit.slope(design_at(self.outcome, self.by, level))
            result[:, k] += on_beta @ (analysis_set.on_mean[:, k] @ slope)
        return np.asarray(result)

    def _treatment(self, train: BoolArray) -> TreatmentModel:
        terms = self.treatment.terms
        return fit_treatment_model(self.treatment.X, terms, self.sample, train)

    def _outcome(self, train: BoolArray) -> Any:
        X = with_intercept(self.outcome.X)
        terms = ["Intercept", *self.outcome.terms]
        return fit_outcome_model(X, terms, self.sample, self.family, among=train)


def _cross_fit(
    models: _Models, in_arm: BoolArray, folds: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Predict each part of the subjects by models of the others."""
    sample = models.sample
    # By name, so that the order of rows does not matter; within treatments, so that every part
    # has all of them.
    order = np.argsort(sample.frame["subject"].astype(str).to_numpy(), kind="stable")
    drawn = np.empty(len(in_arm))
    drawn[order] = np.random.default_rng(seed).random(len(in_arm))
    fold = np.zeros(len(in_arm), dtype=np.intp)
    for k, level in enumerate(sample.levels):
        of_arm = np.flatnonzero((sample.code == k) & in_arm)
        if len(of_arm) < folds:
            raise SpecError(
                f"folds={folds} is more than the {len(of_arm)} subjects under {level}: use fewer."
            )
        fold[of_arm[np.argsort(drawn[of_arm])]] = np.arange(len(of_arm)) % folds
    mean = np.zeros((len(in_arm), len(sample.levels)))
    e = np.zeros_like(mean)
    for j in range(folds):
        test = in_arm & (fold == j)
        part_mean, part_e = models.predict(in_arm & ~test, test)
        mean[test], e[test] = part_mean[test], part_e[test]
    return mean, e
