"""Start-stop Cox regressions and mean numbers of events as R's survival computes them.

Tolerances: R printed ten significant digits; coxph stops when the log-likelihood moves by less
than 1e-9 of itself, so a coefficient near 0 is its own to about 1e-9.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trdstats import (
    CoxPH,
    Episodes,
    LossOfResponse,
    MeanCumulative,
    Response,
    SharedFrailty,
    Study,
    loss_episodes,
    response_history,
    start_stop,
)
from trdstats.kernels.risk_sets.gamma_frailty import _Model

VALUES = Path(__file__).parents[1] / "reference" / "time_varying" / "values.json"


@pytest.fixture(scope="module")
def r_values() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(VALUES.read_text("utf-8"))
    return values


@pytest.fixture(scope="module")
def losses(trial: Study) -> Episodes:
    history = response_history(trial, Response(), LossOfResponse(below=0.5), regain=True)
    return loss_episodes(history)


def check_robust(fit: Any, rows: list[dict[str, float]]) -> None:
    table = fit.tidy()
    assert table["estimate"].tolist() == pytest.approx(
        [r["estimate"] for r in rows], rel=1e-8, abs=1e-9
    )
    assert table["std_error"].tolist() == pytest.approx([r["robust_se"] for r in rows], rel=1e-8)


def test_onset_with_a_covariate_that_changes(trial: Study, r_values: dict[str, Any]) -> None:
    expected = r_values["time_varying"]
    every = start_stop(trial, Response(), {"early": Response(0.2)})
    # The R script left out the subjects with an event at day 0.
    episodes = Episodes(every.frame[every.frame["stop"] > 0])
    assert len(episodes.frame) == expected["n_rows"]
    assert episodes.frame["status"].sum() == expected["events"]
    formula = "treatment + baseline + early"
    robust = CoxPH(formula, robust=True, correction="none").fit(episodes)
    check_robust(robust, expected["coef"])
    model = CoxPH(formula).fit(episodes)
    errors = [r["se"] for r in expected["coef"]]
    assert model.tidy()["std_error"].tolist() == pytest.approx(errors, rel=1e-8)
    g = model.glance().iloc[0]
    assert [g["loglik_null"], g["loglik"]] == pytest.approx(expected["loglik"], rel=1e-10)
    assert g["n"] == episodes.n_subjects


def test_andersen_and_gill(losses: Episodes, r_values: dict[str, Any]) -> None:
    expected = r_values["recurrent"]
    assert len(losses.frame) == expected["n_rows"]
    assert losses.frame["status"].sum() == expected["events"]
    fit = CoxPH("treatment + baseline", correction="none").fit(losses)
    # Events of one subject are not independent: nothing had to be asked for.
    assert fit.is_robust
    check_robust(fit, expected["andersen_gill"])
    own = np.sqrt(np.diag(np.linalg.inv(fit._best.fit.information)))
    assert own == pytest.approx([r["se"] for r in expected["andersen_gill"]], rel=1e-8)
    assert np.isnan(fit.glance()["likelihood_ratio"][0])


def test_prentice_williams_and_peterson(losses: Episodes, r_values: dict[str, Any]) -> None:
    spec = CoxPH("treatment + baseline", strata="number", correction="none")
    fit = spec.fit(losses.gap_time().with_numbers_to(3))
    check_robust(fit, r_values["recurrent"]["prentice_williams_peterson_gap"])


def test_mean_number_of_losses(losses: Episodes, r_values: dict[str, Any]) -> None:
    expected = r_values["recurrent"]["cumulative_hazard"]
    found = MeanCumulative().fit(losses).at([28, 84, 140])
    assert found["time"].tolist() == expected["time"]
    assert found["estimate"].tolist() == pytest.approx(expected["cumhaz"], rel=1e-9)
    assert found["std_error"].tolist() == pytest.approx(expected["std.chaz"], rel=1e-9)


def test_gamma_frailty(losses: Episodes, r_values: dict[str, Any]) -> None:
    expected = r_values["recurrent"]["gamma_frailty"]
    fit = SharedFrailty("treatment + baseline").fit(losses)
    assert fit.theta == pytest.approx(expected["theta"], abs=1e-3)
    theirs = np.array([r["estimate"] for r in expected["coef"]])
    # coxph stops when its penalised likelihood moves by less than 1e-9 of itself, 6e-7 here: its
    # coefficients are its own to a few thousandths of a standard error.
    gap = np.abs(fit.tidy()["estimate"].to_numpy() - theirs)
    assert (gap / fit.tidy()["std_error"].to_numpy()).max() < 2e-3
    # At R's values the likelihood is lower and its score is not 0; at ours it is.
    cox = CoxPH("treatment + baseline").fit(losses)._best
    model = _Model(cox.data, fit._group)
    start = model.at(theirs, np.log(fit._fit.frailty))
    there = model.solve(start, expected["theta"], moves=False)
    assert model.value(there, expected["theta"]) < fit._fit.loglik
    assert np.abs(model.slope(there, expected["theta"])[:3]).max() > 1e-3
    here = model.solve(start, fit.theta)
    assert model.slope(here, fit.theta) == pytest.approx(np.zeros(4), abs=1e-6)
