"""Weights of subjects, how well they balance, and how far the treatments overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Jobs, checked_methods
from trdstats.arrays import BoolArray, FloatArray
from trdstats.comparison.weighting.balance_tables import (
    balance_table,
    overlap_table,
    population_table,
    size_table,
)
from trdstats.comparison.weighting.treatment_model import FittedWeights, TreatmentModel
from trdstats.comparison.weighting.weight_bootstrap import (
    Estimate,
    WeightedBootstrap,
    WeightedBootstrapResult,
    bootstrap_weights,
)
from trdstats.errors import NotEstimableError, check_choice, unknown_name
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.weights import EstimatedWeights
from trdstats.participants.covariates import CovariateTable
from trdstats.participants.positivity import Violation, in_words
from trdstats.study.caveats import WEIGHTED
from trdstats.tables import Summary, Table, each_row, format_count, format_number

if TYPE_CHECKING:
    from trdstats.comparison.weighting.propensity import PropensityWeights


# Standardised differences above it are worth a look (Austin 2009, doi:10.1002/sim.3697).
UNBALANCED = 0.1


@checked_methods
@dataclass(frozen=True, repr=False)
class PropensityResult(EstimateResult):
    """Estimated weights.

    Attributes
    ----------
    spec : PropensityWeights
    covariates : CovariateTable
        Who has a weight.
    violations : tuple of Violation
        Kinds of subjects that a treatment never gets; they were left out.
    trimmed : int
        Subjects left out for their scores.
    """

    spec: PropensityWeights
    covariates: CovariateTable
    violations: tuple[Violation, ...]
    trimmed: int
    _all_subjects: CovariateTable
    _kept: BoolArray
    _model: TreatmentModel
    _fitted: FittedWeights

    @property
    def weights(self) -> pd.DataFrame:
        """Weights and scores of all subjects: subject, treatment, weight, "score <treatment>".

        Subjects outside the population that is compared have weight 0 and no scores.
        """
        frame = self._all_subjects.frame[["subject", "treatment"]].copy()
        frame["weight"] = self._spread(self._fitted.weight, 0.0)
        if self._fitted.scores is not None:
            for k, label in enumerate(self.covariates.labels):
                values = self._fitted.scores.probability[:, k]
                frame[f"score {label}"] = self._spread(values, np.nan)
        return frame

    @property
    def subject_weights(self) -> EstimatedWeights | pd.DataFrame:
        """The weights with their model, which errors use; given scores have none."""
        frame = self.weights[["subject", "weight"]]
        if self.spec.scores is not None:
            return frame
        n, fitted = len(frame), self._fitted
        slopes, influence = (np.zeros((n, m.shape[1])) for m in (fitted.log_derivative,) * 2)
        slopes[self._kept], influence[self._kept] = fitted.log_derivative, fitted.influence
        right = self.spec.formula.partition("~")[2].strip() or self.spec.formula
        label = f"{_KINDS[self.spec.estimand]} from {right}"
        arm = self._all_subjects.treatment
        return EstimatedWeights(frame, slopes, influence, label, arm, adjusts=True)

    def _spread(self, values: FloatArray, other: float) -> FloatArray:
        all_subjects = np.full(len(self._all_subjects.frame), other)
        all_subjects[self._kept] = values
        return all_subjects

    def reweigh(self) -> Callable[[FloatArray], FloatArray]:
        """Return how weights follow from how often each subject counts, as in a bootstrap.

        Returns
        -------
        callable
            From counts of all subjects to their weights, shape (n,), those of weight 0 included.
        """
        return Reweighing(self._model, self._kept)

    def bootstrap(
        self,
        estimate: Estimate,
        *,
        n_boot: int = 500,
        seed: int = 0,
        n_jobs: Jobs = 1,
        conf_level: float = 0.95,
    ) -> WeightedBootstrapResult:
        """Resample subjects within treatments, and make weights and an estimate anew in each.

        Parameters
        ----------
        estimate : callable
            From weights, a frame (subject, weight) as every estimator takes it, to a tidy frame
            with a column estimate. What is neither a number nor a day names its rows.
        n_boot, seed, n_jobs : int
            Resample i has a separate random stream: results do not depend on `n_jobs`. Work
            runs through joblib, and so on any backend that is registered there.
        conf_level : float, default 0.95

        Returns
        -------
        WeightedBootstrapResult

        Raises
        ------
        SpecError, UnknownNameError
            When what `estimate` returns is no tidy frame, or an argument is not usable.
        NotEstimableError
            When the weights have no model, or most resamples cannot be analysed.

        Examples
        --------
        >>> import trdstats as trd
        >>> study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
        >>> fit = trd.PropensityWeights("age + baseline", estimand="overlap").fit(study)
        >>> times = trd.time_to(study, trd.Response())
        >>> drawn = fit.bootstrap(
        ...     lambda w: trd.RMST(tau=84).fit(times, weights=w).tidy(), n_boot=20)
        >>> drawn.tidy()["measure"].tolist()
        ['restricted mean', 'restricted mean', 'difference', 'ratio', 'ratio of time lost']
        """
        if self.spec.scores is not None:
            raise NotEstimableError(
                "Given scores have no model that could be fitted anew: resample what made them."
            )
        chain = WeightedBootstrap(
            self._all_subjects.frame["subject"].reset_index(drop=True),
            self._all_subjects.treatment,
            self.reweigh(),
            estimate,
        )
        label = str(getattr(self.subject_weights, "label", ""))
        return bootstrap_weights(
            chain, label=label, n_boot=n_boot, seed=seed, n_jobs=n_jobs, conf_level=conf_level
        )

    def effective_size(self) -> pd.DataFrame:
        """Return the effective sample size of each treatment.

        Returns
        -------
        pandas.DataFrame
            treatment, n, effective (the number of unweighted subjects they are worth), share
            (effective of n), largest (share of the weight that one subject carries).
        """
        return size_table(self.covariates, self._fitted.weight)

    def estimates(self) -> Estimates:
        """Return the coefficients of the model of treatment.

        Returns
        -------
        Estimates
            Keys treatment, reference, term. Log odds on the scale of the covariates; errors are
            robust, and subjects left out have influence 0.

        The estimates of entropy weights are changes of the logarithm of a weight with a covariate,
        towards the target: reference is empty, and the treatment of the target has no rows.

        Raises
        ------
        NotEstimableError
            When the scores were given: they have no model.
        """
        keys, beta, effect = self._coefficients()
        influence = np.zeros((len(self._kept), effect.shape[1]))
        influence[self._kept] = effect
        return estimates_of(
            keys, beta, influences=influence, null=0.0, title="Model of treatment",
            subjects=self._all_subjects.frame["subject"].to_numpy(dtype=object),
        )  # fmt: skip

    def _coefficients(self) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
        """Return keys, coefficients on the scale of the covariates, and influences on them."""
        scores, gamma = self._fitted.scores, self._fitted.gamma
        if gamma is not None:
            return self._of_entropy(gamma)
        if scores is None or not scores.gamma.size:
            raise NotEstimableError("These weights have no model of treatment: scores were given.")
        X = self.covariates.design.X
        q = X.shape[1] + 1
        # From centred and scaled covariates back to their own.
        back = np.diag(np.concatenate([[1.0], 1 / X.std(axis=0)]))
        back[0, 1:] = -X.mean(axis=0) / X.std(axis=0)
        effect = self._fitted.influence[:, : scores.gamma.size].reshape(len(X), -1, q) @ back.T
        terms, others = ["Intercept", *self.covariates.design.terms], self.covariates.labels[1:]
        keys = _keys(others, self.covariates.labels[0], terms)
        return keys, (scores.gamma @ back.T).ravel(), effect.reshape(len(X), -1)

    def _of_entropy(self, gamma: FloatArray) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
        spread, labels = self.covariates.design.X.std(axis=0), self.covariates.labels
        weighted = [k for k in range(len(labels)) if k != self._model.of]
        keys = _keys([labels[k] for k in weighted], "", self.covariates.design.terms)
        effect = self._fitted.influence[:, : gamma.size].reshape(-1, *gamma.shape) / spread
        kept = effect[:, weighted].reshape(len(effect), -1)
        return keys, (gamma / spread)[weighted].ravel(), kept

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_left_out, effective size, largest differences before and after."""
        table = self.balance()
        return pd.DataFrame(
            {
                "n": [len(self.covariates.frame)],
                "n_left_out": [int((~self._kept).sum())],
                "n_trimmed": [self.trimmed],
                "effective": [float(self.effective_size()["effective"].sum())],
                "smd_before": [float(table["smd_before"].abs().max())],
                "smd_after": [float(table["smd_after"].abs().max())],
            }
        )

    def balance(self) -> pd.DataFrame:
        """Return the balance of the covariates, before and after weighting.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, term, smd_before, smd_after (standardised mean differences),
            variance_ratio_before, variance_ratio_after (NaN for 0 and 1), ks_before, ks_after
            (Kolmogorov-Smirnov distances). Before: all subjects that have a weight, unweighted.
            Differences are divided by the root of the mean of the two unweighted variances, before
            and after. Categories of three or more levels show all of them, the reference too.
        """
        return balance_table(self.covariates, self._fitted.weight)

    def overlap(self) -> pd.DataFrame:
        """Return how far the treatments of each pair overlap in their scores.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, outside (proportion of subjects whose score for the pair lies
            beyond all of the other treatment), coefficient (common area of the two histograms of
            scores), c_statistic (0.5: scores tell nothing; 1: they identify the treatment),
            score_low and score_high (the range both have), lowest and highest, reference_lowest and
            reference_highest (the range of either). The score of a pair is the probability of
            `treatment` given that it is one of the two (Lechner 2001).

        Raises
        ------
        NotEstimableError
            When the weights were made without scores.
        """
        if self._fitted.scores is None:
            raise NotEstimableError("These weights have no scores: overlap is seen in balance().")
        return overlap_table(self.covariates, self._fitted.scores.probability)

    @property
    def common_area(self) -> float:
        """Smallest common area of the scores of a pair; NaN for weights without scores."""
        if self._fitted.scores is None:
            return float("nan")
        return float(self.overlap()["coefficient"].min())

    def population(self) -> pd.DataFrame:
        """Return who is compared: means of the covariates by treatment.

        Returns
        -------
        pandas.DataFrame
            term, then "<treatment>" (all), "<treatment>, kept" and "<treatment>, weighted"; the
            first row is the number of subjects, weighted the effective one.
        """
        return population_table(self._all_subjects, self.covariates, self._fitted.weight)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Literal["balance", "scores", "weights"] = "balance",
        of: str | None = None,
        **options: Any,
    ) -> Axes:
        """Draw the balance (love plot), the scores by treatment, or the weights.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        kind : {"balance", "scores", "weights"}
            The balance shows the largest difference of any pair.
        of : str, optional
            Treatment whose probability the scores are. Default: the last one.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnknownNameError
            When `of` is no treatment.
        NotEstimableError
            When there are no scores to draw.
        """
        check_choice("kind", kind, ("balance", "scores", "weights"))
        options = {"caveat": self.caveat, **options}
        if kind == "balance":
            pairs = len(self.covariates.labels) > 2
            what = "Absolute standardised mean difference"
            settings = {"xlabel": f"{what}, largest of all pairs" if pairs else what, **options}
            return plots.plot_balance(self.balance(), ax=ax, threshold=UNBALANCED, **settings)
        frame = self.weights[self._kept]
        if kind == "weights":
            size = frame.groupby("treatment", observed=True)["weight"].transform("mean")
            values = frame.assign(value=frame["weight"] / size)
            settings = {"xlabel": "Weight, mean of the treatment 1", **options}
            return plots.plot_by_treatment(values, ax=ax, **settings)
        if self._fitted.scores is None:
            raise NotEstimableError("These weights have no scores.")
        chosen = self.covariates.labels[-1] if of is None else of
        if chosen not in self.covariates.labels:
            raise unknown_name("treatment", chosen, self.covariates.labels)
        values = frame.assign(value=frame[f"score {chosen}"])
        settings = {"xlabel": f"Probability of {chosen} given the covariates", **options}
        return plots.plot_by_treatment(values, ax=ax, **settings)

    @property
    def caveat(self) -> str:
        """What every figure must say; empty when treatments were randomised."""
        return WEIGHTED if self.covariates.caveat else ""

    def summary(self) -> Summary:
        """Return sizes, balance and who was left out."""
        spec = self.spec.summary()
        sizes = tuple(
            (r.treatment, format_count(r.n), format_number(r.effective, 1),
             f"{100 * r.largest:.1f}")
            for r in each_row(self.effective_size())
        )  # fmt: skip
        table = self.balance()
        shown, heading = table, "Covariate"
        if len(self.covariates.labels) > 2:
            # Of many pairs, for each covariate the one that is still the furthest apart.
            # Where weights leave only rounding, it was the furthest apart before.
            left = table["smd_after"].abs().round(9) + 1e-12 * table["smd_before"].abs()
            worst = left.groupby(table["term"], sort=False).idxmax()
            shown, heading = table.loc[worst], "Covariate, least balanced pair"
        rows = tuple(
            (f"{r.treatment} v {r.reference}", r.term, format_number(r.smd_before, 3),
             format_number(r.smd_after, 3), format_number(r.ks_before, 2),
             format_number(r.ks_after, 2))
            for r in each_row(shown)
        )  # fmt: skip
        notes = in_words(self.violations)
        if self.violations:
            notes.append(
                f"{int((~self._kept).sum()):,} subjects are left out; the comparison holds for the "
                "others (population())."
            )
        if self.trimmed:
            notes.append(f"{self.trimmed:,} subjects were left out for their scores.")
        notes += [f"{n:,} missing values of {c} have an indicator." for c, n in
                  self.covariates.filled.items()]  # fmt: skip
        if self.covariates.same:
            notes.append(f"The same for all: {', '.join(self.covariates.same)}.")
        apart = table["smd_after"].abs() > UNBALANCED
        if apart.any():
            terms = ", ".join(dict.fromkeys(table.loc[apart, "term"]))
            notes.append(f"Not balanced (above {UNBALANCED:g}): {terms}.")
        notes += ["Treatments were not randomised."] if self.caveat else []
        notes.append("Weights balance what was measured; nothing is known of the rest.")
        return Summary(
            spec.title,
            (*spec.header, ("Subjects", f"{len(self.covariates.frame):,}")),
            (
                Table(("Treatment", "n", "Effective", "Largest share (%)"), sizes),
                Table(("Pair", heading, "SMD before", "after", "KS before", "after"), rows, 2),
            ),
            tuple(notes),
        )


def _keys(treatments: Sequence[str], reference: str, terms: Sequence[str]) -> pd.DataFrame:
    """Return treatment, reference and term of every coefficient, treatment by treatment."""
    return pd.DataFrame(
        {
            "treatment": np.repeat(list(treatments), len(terms)).astype(object),
            "reference": reference,
            "term": list(terms) * len(treatments),
        }
    )


@dataclass(frozen=True)
class Reweighing:
    """Weights as a function of how often each subject counts."""

    model: TreatmentModel
    kept: BoolArray

    def __call__(self, counts: FloatArray) -> FloatArray:
        """Return the weights of all subjects, in one resample (n,) or in many (b, n)."""
        weight = np.zeros(counts.shape)
        kept = counts[..., self.kept]
        alone = counts.ndim == 1
        weight[..., self.kept] = self.model.fit(kept).weight if alone else self.model.weights(kept)
        return weight


_KINDS = {
    "ate": "inverse probability weights",
    "att": "weights to the treated",
    "overlap": "overlap weights",
    "matching": "matching weights",
    "entropy": "entropy weights",
}
