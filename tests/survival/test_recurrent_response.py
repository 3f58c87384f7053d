"""Response gained, lost and gained again: brute-force likelihood, simulation, refusals."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import approx_fprime

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.interval.panel_markov import Panel
from trdstats.testing import check_result

THETA = np.array([-3.0, -4.0, -4.5, -4.0, 0.4, -0.3])  # two pieces, one covariate


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(4)
    n = 40
    before, after = rng.integers(0, 2, n), rng.integers(0, 2, n)
    spent = rng.uniform(0, 30, (n, 2)) * rng.integers(0, 2, (n, 2))
    spent[spent.sum(axis=1) == 0, 0] = 7.0
    return Panel(np.arange(n), before, after, spent, rng.normal(size=(n, 1)))


def test_likelihood_is_that_of_matrix_exponentials(panel: Panel) -> None:
    """Each pair by products of expm(Q t), as R msm; equal to rounding."""
    found = np.real(panel.log_likelihoods(THETA))
    for i in range(len(panel.before)):
        P = np.eye(2)
        for j in range(2):
            a = np.exp(THETA[j] + THETA[4] * panel.X[i, 0])
            b = np.exp(THETA[2 + j] + THETA[5] * panel.X[i, 0])
            P = P @ expm(np.array([[-a, a], [b, -b]]) * panel.spent[i, j])
        assert found[i] == pytest.approx(np.log(P[panel.before[i], panel.after[i]]), abs=1e-12)


def test_derivatives_are_those_of_differences(panel: Panel) -> None:
    slope = panel.scores(THETA).sum(axis=0)
    by_difference = approx_fprime(THETA, lambda t: float(panel.log_likelihoods(t).sum()), 1e-7)
    assert slope == pytest.approx(by_difference, rel=1e-4, abs=1e-5)  # of a one-sided difference
    step = 1e-5 * np.eye(len(THETA))
    curved = np.array([
        (panel.scores(THETA + d) - panel.scores(THETA - d)).sum(axis=0) / 2e-5 for d in step
    ])  # fmt: skip
    # The error of a central difference is the square of its step, beside sums of about 10.
    assert panel.curvature(THETA) == pytest.approx(curved, rel=1e-6, abs=1e-6)


def cohort(n: int, *, seed: int, gap: float = 14.0) -> trd.Study:
    """Rates a day: gaining 0.03, twice that under K; losing 0.01 under both."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        arm = "K" if i % 2 else "P"
        state, at = 0, 0.0
        path = [(0.0, 0)]
        while at < 200:
            rate = (0.06 if arm == "K" else 0.03) if state == 0 else 0.01
            at += rng.exponential(1 / rate)
            state = 1 - state
            path.append((at, state))
        days = np.arange(0, 169, gap)
        for day in days:
            here = [s for t, s in path if t <= day][-1]
            rows.append((i, arm, day, day, 8 if here and day > 0 else 30))
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "visit", "score"])
    frame["treatment"] = pd.Categorical(frame["treatment"], categories=["P", "K"])
    return trd.Study(frame, scale="MADRS", randomised=True)


@pytest.fixture(scope="module")
def fitted() -> trd.survival.RecurrentResponseResult:
    return trd.RecurrentResponse("treatment").fit(cohort(600, seed=3), trd.Response())


def test_rates_of_a_simulation_are_found(fitted: trd.survival.RecurrentResponseResult) -> None:
    check_result(fitted)
    table = fitted.tidy().set_index("change")
    for change, truth in (("gaining", np.log(2)), ("losing", 0.0)):
        row = table.loc[change]
        assert abs(row["estimate"] - truth) < 3 * row["std_error"]
    rates = fitted.intensities().set_index(["treatment", "change"])["rate"]
    assert rates["P", "gaining"] == pytest.approx(0.03, rel=0.15)
    assert rates["K", "losing"] == pytest.approx(0.01, rel=0.2)
    a, b = rates["P", "gaining"], rates["P", "losing"]
    occupied = fitted.occupation([0, 28, 84]).tidy().set_index(["treatment", "time"])["estimate"]
    assert occupied["P", 0.0] == 0
    assert occupied["P", 28.0] == pytest.approx(a / (a + b) * (1 - np.exp(-(a + b) * 28)), abs=1e-9)
    area = quad(lambda t: a / (a + b) * (1 - np.exp(-(a + b) * t)), 0, 168)[0]
    means = fitted.means(168)
    assert means.tidy().set_index("treatment")["estimate"]["P"] == pytest.approx(area, abs=1e-8)
    # Where the model is true, robust errors are those of the information.
    model = np.sqrt(np.diag(np.linalg.inv(fitted._information)))[2:]
    assert fitted.tidy()["std_error"].to_numpy() == pytest.approx(model, rel=0.15)
    gap = means.compare("treatment", reference="P").tidy()
    assert gap["conf_low"].item() > 0


def test_the_answer_does_not_depend_on_the_schedule() -> None:
    """Rates from visits every 14 and every 56 days agree within their errors."""
    often = trd.RecurrentResponse("1").fit(cohort(500, seed=7), trd.Response())
    seldom = trd.RecurrentResponse("1").fit(cohort(500, seed=7, gap=56.0), trd.Response())
    one, other = often._theta[:2], seldom._theta[:2]
    error = np.sqrt(np.diag(np.linalg.inv(seldom._information)))
    assert (np.abs(one - other) < 3 * error).all()


def test_breaks_and_figures() -> None:
    study = trd.load_sample("trial")
    fit = trd.RecurrentResponse("treatment", breaks=(28,)).fit(study, trd.Response())
    table = fit.intensities()
    assert table["upper"].tolist()[:2] == [28.0, np.inf]
    early, late = table["rate"].iloc[0], table["rate"].iloc[1]
    assert early > 5 * late  # response comes in the acute phase
    assert "response gained" in str(fit)
    assert fit.glance()["gained"].item() > fit.glance()["lost"].item()
    ax = fit.plot()
    assert ax.get_ylabel().startswith("In response")
    plt.close("all")


def test_what_is_refused(fitted: trd.survival.RecurrentResponseResult) -> None:
    with pytest.raises(SpecError, match="breaks must be increasing"):
        trd.RecurrentResponse("1", breaks=(28, 14))
    with pytest.raises(SpecError, match="no category of the formula"):
        fitted.means(28, by="site")
    with pytest.raises(SpecError, match="tau must be a positive number"):
        fitted.means(0)
    rows = [(i, "A", d, d, 30) for i in range(6) for d in (0, 14, 28)]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "visit", "score"])
    with pytest.warns(trd.errors.DataWarning):
        never = trd.Study(frame, scale="MADRS")
    with pytest.raises(NotEstimableError, match="never gained between two visits"):
        trd.RecurrentResponse("1").fit(never, trd.Response())


def test_a_subject_starts_in_the_state_of_its_baseline() -> None:
    """Two of four are in remission on day 0: by hand, the state of day 0 is one half."""
    scores = {"A": (8, 8, 25, 8), "B": (8, 25, 8, 8), "C": (30, 8, 25, 25), "D": (30, 30, 8, 25)}
    rows = [
        (s, "T", d, v)
        for s, values in scores.items()
        for d, v in zip((0, 14, 28, 42), values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    with pytest.warns(trd.errors.DataWarning):
        study = trd.Study(frame, scale="MADRS")
    fit = trd.RecurrentResponse("1").fit(study, trd.Remission(10))
    assert fit.occupation([0], by=None).tidy()["estimate"].item() == pytest.approx(0.5)
    assert fit.glance()["visits"].item() == 12  # three pairs of visits a subject
    assert fit.glance()["lost"].item() == 4
    assert fit.glance()["gained"].item() == 4


def test_nothing_is_said_beyond_the_last_visit(
    fitted: trd.survival.RecurrentResponseResult,
) -> None:
    late = fitted.occupation([168, 169]).tidy()
    assert late["estimate"].isna().tolist() == [False, True, False, True]
    assert late["reason"].iloc[1] == "no subject was seen after day 168"
    assert fitted.means(200).tidy()["estimate"].isna().all()
    study = trd.load_sample("trial")
    last = study.visits["day"].max()
    with pytest.raises(SpecError, match="is not before the last visit"):
        trd.RecurrentResponse("1", breaks=(last,)).fit(study, trd.Response())
    with pytest.raises(SpecError, match="is a worsening: give the state of being well"):
        trd.RecurrentResponse("1").fit(study, trd.Relapse(at_least=22))
