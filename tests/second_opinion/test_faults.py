"""A number that is changed in a result is found, and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from results_of_everything import MAKERS, onset, study

import trdstats as trd
from trdstats.survival.regression import regression_data


def _rates(result: Any) -> Any:
    counts = result.counts.assign(events=result.counts["events"] + [1, 0, 0])
    return replace(result, counts=counts)


def _curve(result: Any) -> Any:
    label, curve = next(iter(result._curves.items()))
    survival = curve.survival.copy()
    survival[-1] *= 1 + 1e-6
    return replace(result, _curves={**result._curves, label: replace(curve, survival=survival)})


def _incidence(result: Any) -> Any:
    label, fit = next(iter(result._fits.items()))
    changed = replace(fit, estimate=fit.estimate * (1 + 1e-6))
    return replace(result, _fits={**result._fits, label: changed})


def _mass(result: Any) -> Any:
    label, fit = next(iter(result._fits.items()))
    mass = fit.mass.copy()
    mass[0] += 0.01
    return replace(result, _fits={**result._fits, label: replace(fit, mass=mass)})


def _restricted(result: Any) -> Any:
    label, mean = next(iter(result._means.items()))
    means = {**result._means, label: replace(mean, estimate=mean.estimate + 1e-5)}
    return replace(result, _means=means)


def _test(result: Any) -> Any:
    return replace(result, _test=replace(result._test, statistic=result._test.statistic + 1e-4))


def _cox(result: Any) -> Any:
    fit = result._best.fit
    return replace(result, _best=replace(result._best, fit=replace(fit, beta=fit.beta + 0.02)))


def _aft(result: Any) -> Any:
    return replace(result, _fit=replace(result._fit, theta=result._fit.theta + 0.05))


def _lmm(result: Any) -> Any:
    inner = result.inference.inner
    return replace(
        result,
        inference=replace(result.inference, inner=replace(inner, beta=inner.beta + 0.05)),
    )


def _scores(result: Any) -> Any:
    scores = result._fitted.scores
    changed = replace(scores, probability=scores.probability + np.array([1e-4, -1e-4, 0]))
    return replace(result, _fitted=replace(result._fitted, scores=changed))


def _pooled(result: Any) -> Any:
    return replace(result, _pooled=replace(result._pooled, estimate=result._pooled.estimate + 1e-6))


def _strata(result: Any) -> Any:
    # What is printed comes from the strata; the level is the one number that is kept beside them.
    return replace(result, conf_level=0.9)


def _logistic(result: Any) -> Any:
    return replace(result, _fit=replace(result._fit, beta=result._fit.beta + 0.01))


def _ordinal(result: Any) -> Any:
    return replace(result, _fit=replace(result._fit, theta=result._fit.theta + 0.01))


FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "Rates": (_rates, "rate, TMS"),
    "KaplanMeierResult": (_curve, "survival, TMS"),
    "AalenJohansenResult": (_incidence, "incidence of"),
    "TurnbullResult": (_mass, "survival, TMS"),
    "RMSTResult": (_restricted, "restricted mean to day 28, TMS"),
    "LogRankResult": (_test, "chi-squared, all groups"),
    "CoxResult": (_cox, "coefficient, treatment[T.ECT]"),
    "AFTResult": (_aft, "coefficient, Intercept"),
    "LMMResult": (_lmm, "effect, "),
    "LogisticResult": (_logistic, "coefficient, treatment[T.ECT]"),
    "ProportionalOddsResult": (_ordinal, "coefficient, treatment[T.ECT]"),
    "PropensityResult": (_scores, "score of TMS"),
    "PooledEffect": (_pooled, "pooled effect"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_changed_number_is_found(name: str) -> None:
    change, quantity = FAULTS[name]
    sound = MAKERS[name]()
    assert trd.second_opinion(sound).agrees
    opinion = trd.second_opinion(change(sound))
    assert opinion.agrees is False
    table = opinion.tidy()
    wrong = table.loc[table["agrees"] == False, "quantity"]  # noqa: E712 - missing is not False
    assert wrong.str.startswith(quantity).any(), wrong.tolist()
    assert " differ" in repr(opinion)


def test_a_changed_limit_of_counts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from trdstats.estimates import proportion_contrast

    sound = proportion_contrast._KERNELS["difference"]

    def shifted(*counts: int, **how: Any) -> Any:
        found = sound(*counts, **how)
        return replace(found, low=found.low + 1e-5)

    monkeypatch.setitem(proportion_contrast._KERNELS, "difference", shifted)
    proportion_contrast._compare.cache_clear()
    try:
        opinion = trd.second_opinion(trd.compare_counts(11, 23, 5, 21))
    finally:
        proportion_contrast._compare.cache_clear()
    table = opinion.tidy()
    assert table.loc[table["agrees"] == False, "quantity"].tolist() == [  # noqa: E712
        "difference, z of the score test at the lower limit"
    ]


def test_a_changed_adjusted_p_value_is_found() -> None:
    frame = trd.adjust_p_values(trd.LogRank().fit(onset()).pairwise("none"))
    frame.loc[0, "p_adjusted"] *= 1.01
    assert trd.second_opinion(frame).n_differ == 1


def test_a_changed_standardised_rate_is_found() -> None:
    spec = trd.Standardisation("treatment + baseline", outcome=trd.Response(), day=28)
    result = spec.fit(study())
    values = replace(result._values, value=result._values.value + 1e-4)
    assert trd.second_opinion(replace(result, _values=values), study()).n_differ == 3


def test_a_fault_in_our_design_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The design is built again from the columns, so that a fault in ours does not go unseen."""
    sound = regression_data.read_covariates

    def rounded(*args: Any, **how: Any) -> Any:
        design = sound(*args, **how)
        return replace(design, X=np.round(design.X, -1))

    monkeypatch.setattr(regression_data, "read_covariates", rounded)
    opinion = trd.second_opinion(trd.CoxPH("age").fit(onset()))
    assert opinion.tidy()["agrees"].eq(False).all()
