"""Weights for outcomes that were not observed, and the regressions behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import block_diag

from trdstats.arrays import BoolArray, FloatArray
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.weights import EstimatedWeights, Observation, effective_size
from trdstats.kernels.weighting.generalised_linear import LinearFit
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_number,
    format_p,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.comparison.censoring.censoring_weights import CensoringWeights


@dataclass(frozen=True)
class GroupModel:
    """Who was observed under one treatment.

    Attributes
    ----------
    label : str
    members : ndarray of bool, shape (n,)
        Its subjects.
    terms : tuple of str
    fit : LinearFit or None
        None where every subject was observed.
    proportion : float
        Proportion observed.
    """

    label: str
    members: BoolArray
    terms: tuple[str, ...]
    fit: LinearFit | None
    proportion: float


@dataclass(frozen=True, repr=False)
class CensoringWeightsResult(EstimateResult):
    """Weights of the observed.

    Attributes
    ----------
    spec : CensoringWeights
    outcome : str
        What was to be observed, in words.
    subjects : ndarray of object, shape (n,)
    observed : ndarray of bool, shape (n,)
    models : tuple of GroupModel
    """

    spec: CensoringWeights
    outcome: str
    subjects: npt.NDArray[np.object_]
    observed: BoolArray
    models: tuple[GroupModel, ...]
    _X: FloatArray

    def _probability(self) -> FloatArray:
        """Return the probability that each subject is observed, shape (n,)."""
        p = np.ones(len(self.subjects))
        for m in self.models:
            if m.fit is not None:
                p[m.members] = m.fit.mean(self._X[m.members])
        return p

    @property
    def weights(self) -> pd.DataFrame:
        """Weights: subject, probability (of being observed), weight (0 for those who were not)."""
        p, top = self._probability(), np.ones(len(self.subjects))
        if self.spec.stabilised:
            for m in self.models:
                top[m.members] = m.proportion
        weight = np.where(self.observed, top / p, 0.0)
        return pd.DataFrame({"subject": self.subjects, "probability": p, "weight": weight})

    @property
    def subject_weights(self) -> EstimatedWeights:
        """The weights with their model, as estimators take them."""
        p = self._probability()
        slopes, effects, group = [], [], np.zeros(len(p), dtype=np.intp)
        for k, m in enumerate(self.models):
            group[m.members] = k
            if m.fit is None:
                continue
            design = self._X * m.members[:, None]
            slope = np.where(self.observed[:, None], -(1 - p)[:, None] * design, 0.0)
            effect = np.zeros_like(design)
            effect[m.members] = m.fit.influence()
            if self.spec.stabilised:
                # One more parameter: the logarithm of the share observed.
                slope = np.column_stack([slope, m.members & self.observed])
                influence = np.where(
                    m.members,
                    (self.observed - m.proportion) / (m.members.sum() * m.proportion),
                    0.0,
                )
                effect = np.column_stack([effect, influence])
            slopes.append(slope)
            effects.append(effect)
        none = np.empty((len(p), 0))
        return EstimatedWeights(
            frame=self.weights[["subject", "weight"]],
            log_derivative=np.hstack(slopes) if slopes else none,
            influence=np.hstack(effects) if effects else none,
            label=f"censoring weights from {self.spec.formula}",
            group=group,
            observations=(
                Observation(
                    self.outcome,
                    self.spec.day,
                    self.subjects[self.observed],
                    self.subjects[~self.observed],
                ),
            ),
        )

    def estimates(self) -> Estimates:
        """Return the coefficients of the regressions.

        Returns
        -------
        Estimates
            Keys treatment, term; estimate is the log odds of being observed. No rows for
            treatments with every subject observed.
        """
        fitted = [(m, m.fit) for m in self.models if m.fit is not None]
        cells = [(m.label, term) for m, _ in fitted for term in m.terms]
        influence, at = np.zeros((len(self.subjects), len(cells))), 0
        for m, fit in fitted:
            influence[m.members, at : at + len(m.terms)] = fit.influence()
            at += len(m.terms)
        return estimates_of(
            pd.DataFrame(cells, columns=[self.spec.by or "group", "term"]),
            np.concatenate([np.empty(0), *(fit.beta for _, fit in fitted)]),
            covariance=block_diag(*(fit.covariance() for _, fit in fitted))
            if fitted else np.empty((0, 0)),
            influences=influence, subjects=self.subjects, null=0.0,
            title="Models of being observed",
        )  # fmt: skip

    def weight_summary(self) -> pd.DataFrame:
        """Return the weights by treatment.

        Returns
        -------
        pandas.DataFrame
            Treatment, n, n_observed, least_probability (of being observed, among all), mean,
            largest, effective (sample size that equal weights would be worth).
        """
        table = self.weights
        rows = []
        for m in self.models:
            weight = table["weight"].to_numpy()[m.members & self.observed]
            rows.append(
                {
                    self.spec.by or "group": m.label,
                    "n": int(m.members.sum()),
                    "n_observed": len(weight),
                    "least_probability": float(table["probability"][m.members].min()),
                    "mean": float(weight.mean()),
                    "largest": float(weight.max()),
                    "effective": effective_size([weight]),
                }
            )
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, n_observed, largest_weight, effective."""
        table = self.weight_summary()
        return pd.DataFrame(
            {
                "n": [int(table["n"].sum())],
                "n_observed": [int(table["n_observed"].sum())],
                "largest_weight": [float(table["largest"].max())],
                "effective": [float(table["effective"].sum())],
            }
        )

    def summary(self) -> Summary:
        """Return the weights by treatment and the regressions."""
        key = self.spec.by or "group"
        rows = tuple(
            (
                str(getattr(r, key)),
                f"{r.n_observed:,}/{r.n:,}",
                format_percent(r.least_probability),
                format_number(r.mean, 2),
                format_number(r.largest, 2),
                format_number(r.effective),
            )
            for r in each_row(self.weight_summary())
        )
        header = (
            key.capitalize(),
            "Observed",
            "Least % (of all)",
            "Mean weight",
            "Largest",
            "Worth",
        )
        level = f"{format_level(self.spec.conf_level)} CI"
        table = self.tidy()
        values = table[["estimate", "conf_low", "conf_high"]].to_numpy()
        with np.errstate(over="ignore"):  # a small unit: its odds ratio is infinite
            ratios = np.exp(values)
        terms = tuple(
            (f"{getattr(r, key)}: {r.term}", format_estimate(a, b, c, 2), format_p(r.p_value))
            for r, (a, b, c) in zip(each_row(table), ratios.tolist(), strict=True)
            if r.term != "Intercept"
        )
        tables = [Table(header, rows)]
        if terms:
            tables.append(Table(("Term", f"Odds ratio of being observed ({level})", "p"), terms))
        return Summary(
            "Weights for outcomes not observed",
            (
                ("Outcome", self.outcome),
                *self.spec.summary().header,
                (
                    "Subjects",
                    f"{format_count(len(self.subjects))}, "
                    f"{format_count(int(self.observed.sum()))} observed",
                ),
            ),
            tuple(tables),
            ("Right when, given the covariates, being observed says nothing more of the outcome.",),
        )
