"""Weights of a matching-adjusted comparison, and the comparisons they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Jobs, Level, check_instance, checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import of_subjects
from trdstats.comparison.indirect.against_published import (
    ANCHORED,
    UNANCHORED,
    read_arms,
    set_against,
)
from trdstats.comparison.indirect.measure_scales import COMPARED, check_inside, scale_of
from trdstats.comparison.indirect.own_patients import (
    check_matched_alone,
    check_published_spread,
    check_same_population,
    outcome_of_patients,
)
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.comparison.indirect.result import IndirectComparison, estimates_of_pieces
from trdstats.errors import (
    DataError,
    NotEstimableError,
    Problem,
    SpecError,
    check_bootstrap,
    check_choice,
    check_level,
    count_of,
    unknown_name,
)
from trdstats.estimates.weights import EstimatedWeights
from trdstats.kernels.numerics.resampling import draw_within
from trdstats.kernels.weighting.moment_weights import MomentWeights, moment_weights
from trdstats.kinds import as_labels
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_number,
)

if TYPE_CHECKING:
    from trdstats.comparison.indirect.maic import MAIC


@checked_methods
@dataclass(frozen=True, repr=False)
class MAICResult(SummaryMixin):
    """Weights that meet published moments.

    Attributes
    ----------
    spec : MAIC
    subjects : pandas.DataFrame
        One row a subject, with the columns subject and treatment.
    terms : list of str
        Moments that are met.
    caveat : str
        What every comparison must say.
    """

    spec: MAIC
    subjects: pd.DataFrame
    terms: list[str]
    caveat: str
    _design: FloatArray
    _target: FloatArray
    _spread: BoolArray
    _fitted: MomentWeights

    @property
    def frame(self) -> pd.DataFrame:
        """One row a subject: subject, weight; the weights sum to the number of subjects."""
        return pd.DataFrame(
            {"subject": self.subjects["subject"].array, "weight": self._fitted.weight}
        )

    @property
    def subject_weights(self) -> EstimatedWeights:
        """The weights with their model, as every estimator takes them; errors of first order."""
        label = f"weights to {self.spec.moments.label} on {', '.join(self.terms)}"
        return EstimatedWeights(
            self.frame, self._fitted.log_derivative, self._fitted.influence, label
        )

    @property
    def effective_size(self) -> float:
        """Effective sample size, (sum w)^2 / sum w^2."""
        return self._fitted.effective_size

    def tidy(self) -> pd.DataFrame:
        """Return one row a moment: term, target, before (own mean), after (weighted mean).

        A term "age (SD)" has standard deviations about the target's mean.
        """
        w = self._fitted.weight / self._fitted.weight.sum()
        values = np.vstack([self._target, self._design.mean(axis=0), w @ self._design])
        values[:, self._spread] = np.sqrt(values[:, self._spread])
        return pd.DataFrame(
            {"term": self.terms, "target": values[0], "before": values[1], "after": values[2]}
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, effective_size, largest_weight (its share of all)."""
        w = self._fitted.weight
        return pd.DataFrame(
            {
                "n": [len(w)],
                "effective_size": [self.effective_size],
                "largest_weight": [float(w.max() / w.sum())],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the distribution of the weights; 1 is a subject as it stands; returns the Axes."""
        settings = {
            "xlabel": "Weight (1 is one patient)",
            "title": (
                f"{len(self.subjects)} patients count as {format_number(self.effective_size)}"
            ),
            **options,
        }
        return plots.plot_matching_weights(self.frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the moments before and after, and what the weights cost."""
        rows = tuple(
            (r.term, *(format_number(v, 2) for v in (r.before, r.after, r.target)))
            for r in each_row(self.tidy())
        )
        one = next(each_row(self.glance()))
        proportion = 100 * one.effective_size / one.n
        return Summary(
            "Matching-adjusted weights",
            (
                ("Population", self.spec.moments.label),
                ("Subjects", f"{one.n:,}"),
                ("Effective", f"{one.effective_size:,.1f} ({proportion:.0f} %)"),
                ("Largest weight", f"{100 * one.largest_weight:.1f} % of all"),
            ),
            (Table(("Covariate", "Own", "Weighted", "Target"), rows),),
            (
                "The published moments are taken as known. What was not matched may still "
                "separate the populations.",
                *caveat_notes(self.caveat),
            ),
        )

    def compare(
        self,
        trial: PublishedTrial,
        *,
        outcome: str | pd.Series[Any],
        treatment: Level,
        comparator: Level,
        anchor: Level | None,
        measure: str = "odds ratio",
        conf_level: float = 0.95,
        n_boot: int = 0,
        seed: int = 0,
        n_jobs: Jobs = 1,
    ) -> IndirectComparison:
        """Compare an own treatment with a published one in the published population.

        Parameters
        ----------
        trial : PublishedTrial
            Its arms, or its effect of comparator against anchor.
        outcome : str or Series
            Column of the own subjects, or values by subject: 0 and 1, True and False, or scores.
        treatment : str
            Own treatment.
        comparator : str
            Published treatment.
        anchor : str or None
            Treatment that both trials have; None for an unanchored comparison.
        measure : {"odds ratio", "risk ratio", "risk difference", "mean difference"}
        conf_level : float
        n_boot : int
            Bootstrap resamples of own subjects within treatments, weights found anew in each;
            0 for the robust variance, which knows that the weights were estimated.
        seed, n_jobs : int
            Of the bootstrap; the number of workers changes nothing.

        Returns
        -------
        IndirectComparison

        Raises
        ------
        DataError
            When an outcome is missing.
        NotEstimableError
            When no subject or every subject of an arm had the outcome: its rate has no standard
            error.
        SpecError, UnknownNameError
            When an argument cannot be used, the weights meet other means than those of `trial`,
            or were found for patients of other treatments too and those compared do not meet them.
        """
        check_choice("measure", measure, COMPARED)
        check_level(conf_level)
        check_bootstrap(n_boot, seed)
        check_instance("trial", trial, PublishedTrial)
        treatment, comparator, anchor = read_arms(treatment, comparator, anchor)
        arms = [treatment] if anchor is None else [treatment, anchor]
        check_same_population(self.spec.moments, trial)
        y, code = self._outcome(outcome, arms, measure)
        check_matched_alone(
            self._design, self._target, self.terms, self._fitted.weight, code >= 0, arms
        )
        for arm in trial.arms:
            check_published_spread(
                arm.sd, float(np.std(y[code >= 0])), f"the outcome under {arm.treatment}",
                trial.label,
            )  # fmt: skip
        scale = scale_of(measure)
        mean, direct = _weighted_means(y, code, self._fitted.weight, len(arms))
        check_inside(measure, mean, f"Weighted outcome of {' and '.join(arms)}")
        among = self.subject_weights.among(self.subjects["subject"])
        influence = among.stacked_influence(direct)
        sign = np.array([1.0, -1.0])[: len(arms)]
        on_value = influence @ (sign * scale.slope(mean))
        error, how, notes = float(np.linalg.norm(on_value)), "robust", []
        arm_error = np.sqrt(np.einsum("ij,ij->j", influence, influence))
        if n_boot:
            draws, failed = self._bootstrap(y, code, len(arms), n_boot, seed, n_jobs)
            scaled = scale.apply(draws) @ sign
            usable = np.isfinite(scaled)
            failed += int((~usable).sum())
            if usable.sum() < 2:
                raise NotEstimableError("Fewer than two bootstrap resamples could be analysed.")
            error, how = float(scaled[usable].std(ddof=1)), "bootstrap"
            arm_error = draws[usable].std(axis=0, ddof=1)
            notes.append(
                f"{n_boot:,} resamples within treatments, seed {seed}"
                + (f"; {failed} could not be analysed and were left out." if failed else ".")
            )
        pieces = set_against(
            trial, measure=measure, treatment=treatment, comparator=comparator, anchor=anchor,
            value=float(sign @ scale.apply(mean)), error=error,
            arm=(float(mean[0]), float(arm_error[0])), interval=how,
        )  # fmt: skip
        notes.insert(0, UNANCHORED if anchor is None else ANCHORED)
        proportion = f"{self.effective_size:,.1f} of {len(self.subjects):,}"
        how = "unanchored" if anchor is None else f"anchored by {anchor}"
        title = f"Matching-adjusted indirect comparison, {how}"
        notes += caveat_notes(self.caveat)
        return IndirectComparison(
            title,
            (
                ("Population", trial.label),
                ("Effective", proportion),
                ("Matched", ", ".join(self.terms)),
            ),
            tuple(notes),
            pd.DataFrame({"subject": self.subjects["subject"].array, "influence": on_value}),
            self.caveat,
            conf_level,
            _values=estimates_of_pieces(pieces, title, tuple(notes)),
        )

    def _outcome(self, outcome: Any, arms: list[str], measure: str) -> tuple[FloatArray, IntArray]:
        """Return the outcome and the place of the arm of every subject, -1 for other arms."""
        frame = self.subjects
        if isinstance(outcome, str):
            if outcome not in frame.columns:
                raise unknown_name("column", outcome, frame.columns)
            column = frame[outcome]
        else:
            column = of_subjects(_by_subject(outcome), frame["subject"])
        if "treatment" not in frame.columns:
            raise unknown_name("column", "treatment", frame.columns)
        label = as_labels(frame["treatment"]).to_numpy(dtype=object)
        for arm in arms:
            if arm not in set(label):
                raise unknown_name("treatment", arm, dict.fromkeys(label))
        code = np.full(len(frame), -1, dtype=np.intp)
        for k, arm in enumerate(arms):
            code[label == arm] = k
        y, compared = np.full(len(frame), np.nan), code >= 0
        who = frame["subject"].to_numpy(dtype=object)[compared]
        y[compared] = outcome_of_patients(column[compared], who, measure)
        return y, code

    def _bootstrap(
        self, y: FloatArray, code: IntArray, n_arms: int, n_boot: int, seed: int,
        n_jobs: int,
    ) -> tuple[FloatArray, int]:  # fmt: skip
        label = self.subjects["treatment"].astype(str).to_numpy()
        strata = [np.flatnonzero(label == name) for name in sorted(set(label))]
        given = (self._design, self._target, y, code, n_arms, strata)
        rows = replicate(_resample, given, streams_of(seed, n_boot), n_jobs=n_jobs)
        draws = np.array([row["mean"] for row in rows])
        weighted = np.isfinite(draws).all(axis=1)
        return draws[weighted], int((~weighted).sum())


def _weighted_means(
    y: FloatArray, code: IntArray, weight: FloatArray, n_arms: int
) -> tuple[FloatArray, FloatArray]:
    """Return the weighted mean of every arm and the influence on it, the weights known."""
    mean, direct = np.empty(n_arms), np.zeros((len(y), n_arms))
    for k in range(n_arms):
        in_arm = code == k
        w = weight[in_arm] / weight[in_arm].sum()
        mean[k] = w @ y[in_arm]
        direct[in_arm, k] = w * (y[in_arm] - mean[k])
    return mean, direct


def _resample(
    stream: np.random.SeedSequence, design: FloatArray, target: FloatArray, y: FloatArray,
    code: IntArray, n_arms: int, strata: list[IntArray],
) -> Arrays:  # fmt: skip
    """Return the weighted means of a resample, NaN where no weights reach the target."""
    counts = draw_within(strata, len(y), np.random.default_rng(stream))
    weights = moment_weights(design, target, counts=counts)
    if not weights.converged:
        return {"mean": np.full(n_arms, np.nan)}
    used = np.where(code >= 0, y, 0.0)
    return {"mean": _weighted_means(used, code, weights.weight * counts, n_arms)[0]}


def _by_subject(outcome: Any) -> pd.Series[Any]:
    """Return the values of subjects.

    Raises
    ------
    SpecError
        When it is neither a series nor a mapping.
    DataError
        When a subject has two values.
    """
    if not isinstance(outcome, pd.Series | Mapping):
        raise SpecError(
            "outcome must be a column of the subjects, or a series of values by subject."
        )
    given = pd.Series(outcome)
    twice = given.index[given.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            [
                Problem(
                    "duplicate_outcome",
                    count_of(len(twice), "subject has", "subjects have") + " two outcomes.",
                    tuple(map(str, twice)),
                    "Keep one outcome a subject.",
                )
            ]
        )
    return given
