"""Weights of subjects, how well they balance, and how far the treatments overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.comparison.people import People
from trdstats.comparison.positivity import Violation
from trdstats.comparison.treatment_model import FittedWeights, TreatmentModel
from trdstats.errors import NotEstimableError, check_choice
from trdstats.kernels.covariate_balance import balance, c_statistic, overlapping_coefficient
from trdstats.tables import Face, Introduces, Table, each_row, format_count, format_number
from trdstats.weights import EstimatedWeights

if TYPE_CHECKING:
    from trdstats.comparison.propensity import PropensityWeights

FloatArray = npt.NDArray[np.float64]

# Standardised differences above it are worth a look (Austin 2009, doi:10.1002/sim.3697).
UNBALANCED = 0.1


@dataclass(frozen=True, repr=False)
class PropensityResult(Introduces):
    """Estimated weights.

    Attributes
    ----------
    spec : PropensityWeights
    people : People
        Who has a weight.
    violations : tuple of Violation
        Kinds of subjects that a treatment never gets; they were left out.
    trimmed : int
        Subjects left out for their scores.
    """

    spec: PropensityWeights
    people: People
    violations: tuple[Violation, ...]
    trimmed: int
    _everyone: People
    _kept: npt.NDArray[np.bool_]
    _model: TreatmentModel
    _found: FittedWeights

    @property
    def weights(self) -> pd.DataFrame:
        """Weights and scores of all subjects: subject, treatment, weight, "score <treatment>".

        Subjects outside the population that is compared have weight 0 and no scores.
        """
        frame = self._everyone.frame[["subject", "treatment"]].copy()
        frame["weight"] = self._spread(self._found.weight, 0.0)
        if self._found.scores is not None:
            for k, label in enumerate(self.people.labels):
                values = self._found.scores.probability[:, k]
                frame[f"score {label}"] = self._spread(values, np.nan)
        return frame

    @property
    def subject_weights(self) -> EstimatedWeights | pd.DataFrame:
        """The weights with their model, which errors use; given scores have none."""
        frame = self.weights[["subject", "weight"]]
        if self.spec.scores is not None:
            return frame
        n, found = len(frame), self._found
        slopes, influence = (np.zeros((n, m.shape[1])) for m in (found.log_derivative,) * 2)
        slopes[self._kept], influence[self._kept] = found.log_derivative, found.influence
        right = self.spec.formula.partition("~")[2].strip() or self.spec.formula
        label = f"{_KINDS[self.spec.estimand]} from {right}"
        return EstimatedWeights(frame, slopes, influence, label)

    def _spread(self, values: FloatArray, other: float) -> FloatArray:
        everyone = np.full(len(self._everyone.frame), other)
        everyone[self._kept] = values
        return everyone

    def reweigh(self) -> Callable[[FloatArray], FloatArray]:
        """Return how weights follow from how often each subject counts, as in a bootstrap.

        Returns
        -------
        callable
            From counts of all subjects to their weights, shape (n,), those of weight 0 included.
        """
        return Reweighing(self._model, self._kept)

    def effective_size(self) -> pd.DataFrame:
        """Return treatment, n, effective (the number of unweighted subjects they are worth)."""
        rows = []
        for k, label in enumerate(self.people.labels):
            w = self._found.weight[self.people.treatment == k]
            size = float(w.sum() ** 2 / (w @ w))
            rows.append({"treatment": label, "n": len(w), "effective": size,
                         "share": size / len(w), "largest": float(w.max() / w.sum())})  # fmt: skip
        return pd.DataFrame(rows)

    def tidy(self) -> pd.DataFrame:
        """Return the model of treatment.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, term, estimate (log odds on the scale of the covariates),
            std_error (robust), statistic, p_value, conf_low, conf_high, conf_level.

        Raises
        ------
        NotEstimableError
            When the weights were made without a model.
        """
        scores = self._found.scores
        if scores is None:
            raise NotEstimableError("These weights have no model of treatment.")
        X = self.people.design.X
        centre, spread = X.mean(axis=0), np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        q = X.shape[1] + 1
        # From centred and scaled covariates back to their own.
        back = np.diag(np.concatenate([[1.0], 1 / spread]))
        back[0, 1:] = -centre / spread
        moved = self._found.influence[:, : scores.gamma.size]
        z, rows = norm.isf(0.025), []
        for m, label in enumerate(self.people.labels[1:]):
            beta = back @ scores.gamma[m]
            effect = moved[:, m * q : (m + 1) * q] @ back.T
            error = np.sqrt((effect**2).sum(axis=0))
            for term, b, e in zip(
                ["Intercept", *self.people.design.terms], beta, error, strict=True
            ):
                rows.append(
                    {
                        "treatment": label,
                        "reference": self.people.labels[0],
                        "term": term,
                        "estimate": float(b),
                        "std_error": float(e),
                        "statistic": float(b / e),
                        "p_value": float(2 * norm.sf(abs(b / e))),
                        "conf_low": float(b - z * e),
                        "conf_high": float(b + z * e),
                        "conf_level": 0.95,
                    }
                )
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_left_out, effective size, largest differences before and after."""
        table = self.balance()
        return pd.DataFrame(
            {
                "n": [len(self.people.frame)],
                "n_left_out": [int((~self._kept).sum())],
                "n_trimmed": [self.trimmed],
                "effective": [float(self.effective_size()["effective"].sum())],
                "smd_before": [float(table["smd_before"].abs().max())],
                "smd_after": [float(table["smd_after"].abs().max())],
            }
        )

    def balance(self) -> pd.DataFrame:
        """Return how alike the treatments are, before and after weighting.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, term, smd_before, smd_after (standardised mean differences),
            variance_ratio_before, variance_ratio_after (NaN for 0 and 1), ks_before, ks_after
            (Kolmogorov-Smirnov distances). Before: all subjects that have a weight, unweighted.
        """
        X, w, rows = self.people.design.X, self._found.weight, []
        for a, b in combinations(range(len(self.people.labels)), 2):
            one, other = (self.people.treatment == k for k in (b, a))
            before = balance(X[one], X[other], np.ones(one.sum()), np.ones(other.sum()))
            after = balance(X[one], X[other], w[one], w[other])
            for j, term in enumerate(self.people.design.terms):
                rows.append(
                    {
                        "treatment": self.people.labels[b],
                        "reference": self.people.labels[a],
                        "term": term,
                        "smd_before": float(before.standardised[j]),
                        "smd_after": float(after.standardised[j]),
                        "variance_ratio_before": float(before.variance_ratio[j]),
                        "variance_ratio_after": float(after.variance_ratio[j]),
                        "ks_before": float(before.distance[j]),
                        "ks_after": float(after.distance[j]),
                    }
                )
        return pd.DataFrame(rows)

    def overlap(self) -> pd.DataFrame:
        """Return how far the treatments of each pair overlap in their scores.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, outside (share of subjects whose score for the pair lies beyond
            all of the other treatment), coefficient (common area of the two histograms of scores),
            c_statistic (0.5: scores tell nothing; 1: they tell treatments apart), score_low and
            score_high (the range both have).

        Raises
        ------
        NotEstimableError
            When the weights were made without scores.
        """
        if self._found.scores is None:
            raise NotEstimableError("These weights have no scores: overlap is seen in balance().")
        p, rows = self._found.scores.probability, []
        for a, b in combinations(range(len(self.people.labels)), 2):
            score = p[:, b] / (p[:, a] + p[:, b])
            one, other = (score[self.people.treatment == k] for k in (b, a))
            low, high = max(one.min(), other.min()), min(one.max(), other.max())
            both = np.concatenate([one, other])
            rows.append(
                {
                    "treatment": self.people.labels[b],
                    "reference": self.people.labels[a],
                    "outside": float(((both < low) | (both > high)).mean()),
                    "coefficient": overlapping_coefficient(one, other),
                    "c_statistic": c_statistic(one, other),
                    "score_low": float(low),
                    "score_high": float(high),
                }
            )
        return pd.DataFrame(rows)

    def population(self) -> pd.DataFrame:
        """Return who is compared: means of the covariates by treatment.

        Returns
        -------
        pandas.DataFrame
            term, then "<treatment>" (all), "<treatment>, kept" and "<treatment>, weighted"; the
            first row is the number of subjects, weighted the effective one.
        """
        columns: dict[str, list[float]] = {}
        size = self.effective_size().set_index("treatment")["effective"]
        whole = self._everyone
        place = [
            whole.design.terms.index(t) if t in whole.design.terms else None
            for t in self.people.design.terms
        ]
        for k, label in enumerate(self.people.labels):
            all_ = whole.design.X[whole.treatment == whole.labels.index(label)]
            mine = self.people.treatment == k
            X, w = self.people.design.X[mine], self._found.weight[mine]
            means = [float("nan") if j is None else float(all_[:, j].mean()) for j in place]
            columns[label] = [len(all_), *means]
            columns[f"{label}, kept"] = [len(X), *X.mean(axis=0)]
            columns[f"{label}, weighted"] = [float(size[label]), *np.average(X, axis=0, weights=w)]
        return pd.DataFrame({"term": ["n", *self.people.design.terms], **columns})

    def plot(
        self,
        ax: Any = None,
        *,
        kind: Literal["balance", "scores", "weights"] = "balance",
        **options: Any,
    ) -> Any:
        """Draw the balance (love plot), the scores by treatment, or the weights.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        kind : {"balance", "scores", "weights"}
            The balance shows the largest difference of any pair; the scores are those for the
            last treatment.

        Returns
        -------
        matplotlib Axes
        """
        check_choice("kind", kind, ("balance", "scores", "weights"))
        if kind == "balance":
            return plots.plot_balance(self.balance(), ax=ax, threshold=UNBALANCED, **options)
        frame = self.weights[self._kept]
        if kind == "weights":
            size = frame.groupby("treatment", observed=True)["weight"].transform("mean")
            values = frame.assign(value=frame["weight"] / size)
            settings = {"xlabel": "Weight, mean of the treatment 1", **options}
            return plots.plot_by_treatment(values, ax=ax, **settings)
        if self._found.scores is None:
            raise NotEstimableError("These weights have no scores.")
        last = self.people.labels[-1]
        values = frame.assign(value=frame[f"score {last}"])
        settings = {"xlabel": f"Probability of {last} given the covariates", **options}
        return plots.plot_by_treatment(values, ax=ax, **settings)

    def face(self) -> Face:
        """Return sizes, balance and who was left out."""
        spec = self.spec.face()
        sizes = tuple(
            (r.treatment, format_count(r.n), format_number(r.effective, 1),
             f"{100 * r.largest:.1f}")
            for r in each_row(self.effective_size())
        )  # fmt: skip
        table = self.balance()
        rows = tuple(
            (f"{r.treatment} v {r.reference}", r.term, format_number(r.smd_before, 3),
             format_number(r.smd_after, 3), format_number(r.ks_before, 2),
             format_number(r.ks_after, 2))
            for r in each_row(table)
        )  # fmt: skip
        notes = [v.words() for v in self.violations]
        if self.violations:
            notes.append(
                f"{int((~self._kept).sum()):,} subjects are left out; the comparison holds for the "
                "others (population())."
            )
        if self.trimmed:
            notes.append(f"{self.trimmed:,} subjects were left out for their scores.")
        notes += [f"{n:,} missing values of {c} have an indicator." for c, n in
                  self.people.filled.items()]  # fmt: skip
        if self.people.same:
            notes.append(f"The same for all: {', '.join(self.people.same)}.")
        worst = table["smd_after"].abs()
        if (worst > UNBALANCED).any():
            terms = ", ".join(dict.fromkeys(table.loc[worst > UNBALANCED, "term"]))
            notes.append(f"Not balanced (above {UNBALANCED:g}): {terms}.")
        notes.append("Weights balance what was measured; nothing is known of the rest.")
        return Face(
            spec.title,
            (*spec.facts, ("Subjects", f"{len(self.people.frame):,}")),
            (
                Table(("Treatment", "n", "Effective", "Largest share (%)"), sizes),
                Table(("Pair", "Covariate", "SMD before", "after", "KS before", "after"), rows, 2),
            ),
            tuple(notes),
        )


@dataclass(frozen=True)
class Reweighing:
    """Weights as a function of how often each subject counts."""

    model: TreatmentModel
    kept: npt.NDArray[np.bool_]

    def __call__(self, counts: FloatArray) -> FloatArray:
        """Return the weights of all subjects."""
        weight = np.zeros(len(self.kept))
        weight[self.kept] = self.model.fit(counts[self.kept]).weight
        return weight


_KINDS = {
    "ate": "inverse probability weights",
    "att": "weights to the treated",
    "overlap": "overlap weights",
    "matching": "matching weights",
    "entropy": "entropy weights",
}
