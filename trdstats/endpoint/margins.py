"""Marginal rates of a regression: what all subjects would have under each treatment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray
from trdstats.comparison.adjusted.by_treatment import ResultByTreatment, values_by_treatment
from trdstats.errors import no_error_reason
from trdstats.estimates import Estimates
from trdstats.kernels.endpoint.logistic import sure_predictions
from trdstats.kernels.numerics.boundary import at_boundary, without
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure, notes_on
from trdstats.survival.parametric.parametric_data import design_at
from trdstats.tables import Summary, caveat_notes

if TYPE_CHECKING:
    from trdstats.endpoint.logistic_result import LogisticResult

ALL_THE_SAME = no_error_reason(np.nan)
PREDICTED = "covariates predict outcomes without error (separation): no error is known"


@checked_methods
@dataclass(frozen=True, repr=False)
class EndpointMargins(ResultByTreatment):
    """Rates under each treatment standardised to all subjects, and their comparisons.

    Attributes
    ----------
    outcome : str
        The outcome in words.
    formula : str
    caveat : str
        What the comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    outcome: str
    formula: str
    caveat: str
    switching: SwitchCounts | None
    _values: Estimates
    _reference: str
    _conf_level: float

    def plot(self, ax: Axes | None = None, *, measure: str | None = None, **options: Any) -> Axes:
        """Draw the rates, or one of their comparisons; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        measure : str, optional
            "difference", "ratio", "odds ratio"; default the rate under each treatment.
        **options
            Passed on to `trdstats.plots.plot_estimates`.
        """
        caveat = caveat_of_figure(self.caveat, self.switching)
        return self._draw(ax, measure, self.outcome, {"caveat": caveat, **options})

    def summary(self) -> Summary:
        """Return rates and comparisons as a table."""
        header = (
            ("Outcome", self.outcome),
            ("Formula", self.formula),
            ("Standardised to", "all subjects"),
            ("Errors", "influence"),
        )
        return Summary(
            "Marginal rates", header, self._tables(), (*self._values.notes, *self._notes())
        )


def standardised_rates(of: LogisticResult) -> EndpointMargins:
    """Return the marginal rates of a logistic regression."""
    data, fit, by = of._data, of._fit, of.spec.by
    assert by is not None
    sample = data.sample
    beta, on_beta = fit.beta, of._on_parameters()
    if fit.penalised:
        beta, on_beta = _mean_preserving(of, beta, on_beta)
    proportion = sample.weight / sample.weight.sum()
    order = [data.reference, *(v for v in data.levels if v != data.reference)]
    value, direct = np.empty(len(order)), np.empty((len(proportion), len(order)))
    reasons = [ALL_THE_SAME if same else "" for same in _one_outcome(of, order)]
    for k, level in enumerate(order):
        given = design_at(data.design, by, level)
        if of._without_maximum and not reasons[k] and not _are_sure(of, given):
            reasons[k] = PREDICTED
        mean = _expit(given @ beta)
        slope = (proportion * mean * (1 - mean)) @ given
        value[k] = proportion @ mean
        direct[:, k] = proportion * (mean - value[k]) + on_beta @ slope
    day = np.nan if of.spec.day is None else float(of.spec.day)
    caveat = of._caveat
    notes = (*data.beyond, *caveat_notes(caveat), *notes_on(of.switching))
    values = values_by_treatment(
        [("rate", day)], by, order, value, influence=sample.stacked_influence(direct),
        subjects=sample.who, title="Marginal rates", notes=notes,
    )  # fmt: skip
    return EndpointMargins(
        outcome=of.outcome, formula=of.spec.formula, caveat=caveat, switching=of.switching,
        _values=_without_error(values, reasons),
        _reference=data.reference, _conf_level=of.conf_level,
    )  # fmt: skip


def _one_outcome(of: LogisticResult, order: list[str]) -> BoolArray:
    """Return under which levels no subject or every subject had the outcome."""
    sample, by = of._data.sample, of.spec.by
    analysed = sample.observed
    level = sample.frame[by].astype(str).to_numpy()[analysed]
    rates = [float(sample.y[analysed][level == name].mean()) for name in order]
    return at_boundary(np.array(rates))


def _are_sure(of: LogisticResult, given: FloatArray) -> bool:
    """Return whether the subjects determine all predictions of a design."""
    analysed = of._data.sample.observed
    return bool(sure_predictions(of._data.full[analysed], of._data.sample.y[analysed], given).all())


def _without_error(values: Estimates, lost: list[str]) -> Estimates:
    """Return estimates without the errors that do not exist, each with its reason.

    A penalised prediction lies inside of 0 and 1 where all outcomes are the same; its error of
    first order is then far too small.
    """
    reasons = tuple(lost or why for lost, why in zip(lost, values.reasons, strict=True))
    none = np.array([bool(why) for why in lost])
    return replace(values, covariance=without(none, values.covariance), reasons=reasons)


def _mean_preserving(
    of: LogisticResult, beta: FloatArray, on_beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return coefficients whose intercept gives the observed mean, and their influences."""
    data = of._data
    analysed, X = data.sample.observed, data.full
    y, weight = data.sample.y[analysed], data.sample.weight[analysed]
    eta, shift = X[analysed] @ beta, 0.0
    for _ in range(100):
        mean = _expit(eta + shift)
        step = float(weight @ (y - mean) / (weight @ (mean * (1 - mean))))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    mean = _expit(eta + shift)
    variance = weight * mean * (1 - mean)
    # The shift answers to its own equation, and to the coefficients in it.
    on_shift = -on_beta @ (X[analysed].T @ variance) / variance.sum()
    on_shift[analysed] += weight * (y - mean) / variance.sum()
    first = np.zeros(len(beta))
    first[0] = 1.0
    return beta + shift * first, on_beta + np.outer(on_shift, first)


def _expit(eta: FloatArray) -> FloatArray:
    return np.asarray(expit(eta))
