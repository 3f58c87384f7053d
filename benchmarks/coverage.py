"""Coverage of 95 % limits and level of 5 % tests, estimator by estimator, where the truth is known.

Run: python benchmarks/coverage.py [replicates] [estimator ...]
Each estimator has a small simulated study: one with an effect (its limits should hold the truth in
95 % of studies) and one without (its test should reject in 5 %). Studies without an estimate or
limits are left out and counted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import record
from scipy.special import expit

import trdstats as trd
from trdstats.errors import NotEstimableError, TrdstatsWarning

Rng = np.random.Generator
REPLICATES = 1_000
BAND = (0.93, 0.97)
VISITS = np.array([7.0, 14.0, 28.0, 42.0, 56.0])
TAU = 60.0
NODES, MASS = np.polynomial.hermite_e.hermegauss(40)


@dataclass(frozen=True)
class Answer:
    """Limits, the value they should hold, and the p-value beside them (NaN where there is none)."""

    low: float
    high: float
    truth: float
    p: float = np.nan


@dataclass(frozen=True)
class Case:
    """One estimator on one design.

    Attributes
    ----------
    name, design : str
    answer : callable
        Random generator and size of the effect to an Answer.
    effect : float
        0 is no effect.
    remark : str
        Why it may lie outside of the band.
    most : int
        Replicates at most, where each is itself a bootstrap.
    """

    name: str
    design: str
    answer: Callable[[Rng, float], Answer]
    effect: float
    remark: str = ""
    most: int = REPLICATES


def read(table: pd.DataFrame, truth: float, *, p: str = "p_value", **keys: Any) -> Answer:
    """Return limits and p of the one row with these keys."""
    for column, value in keys.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return Answer(row["conf_low"], row["conf_high"], truth, row.get(p, np.nan))


def arms(n: int) -> np.ndarray[Any, Any]:
    return np.arange(2 * n) % 2 == 1


def labels(arm: Any) -> np.ndarray[Any, Any]:
    return np.where(arm, "B", "A")


def times(rng: Rng, effect: float, n: int, *, rate: float = 1 / 40) -> pd.DataFrame:
    """Return exponential times, censored between day 10 and 100."""
    arm = arms(n)
    event = rng.exponential(np.exp(-effect * arm) / rate)
    end = rng.uniform(10, 100, 2 * n)
    return pd.DataFrame(
        {"subject": np.arange(2 * n), "treatment": labels(arm), "time": np.minimum(event, end),
         "status": (event <= end).astype(int)}
    )  # fmt: skip


def kaplan_meier_rate(rng: Rng, effect: float) -> Answer:
    curve = trd.KaplanMeier().fit(times(rng, effect, 50))
    return read(curve.at([30.0]), np.exp(-30 / 40 * np.exp(effect)), treatment="B")


def kaplan_meier_difference(rng: Rng, effect: float) -> Answer:
    table = trd.KaplanMeier().fit(times(rng, effect, 50)).contrasts([30.0], reference="A")
    return read(table, np.exp(-30 / 40 * np.exp(effect)) - np.exp(-30 / 40))


def restricted_mean(rng: Rng, effect: float) -> Answer:
    def mean(rate: float) -> float:
        return (1 - np.exp(-rate * 30)) / rate

    table = trd.RMST(tau=30).fit(times(rng, effect, 50)).tidy()
    truth = mean(np.exp(effect) / 40) - mean(1 / 40)
    return read(table, truth, measure="difference")


def cox(rng: Rng, effect: float) -> Answer:
    return read(trd.CoxPH("treatment").fit(times(rng, effect, 50)).tidy(), effect)


def cox_robust(rng: Rng, effect: float) -> Answer:
    fit = trd.CoxPH("treatment", robust=True).fit(times(rng, effect, 25))
    return read(fit.tidy(), effect)


def accelerated_times(rng: Rng, effect: float) -> Answer:
    fit = trd.AFT("treatment").fit(times(rng, effect, 50))
    return read(fit.tidy(), -effect, term="treatment[T.B]")


def counts_difference(rng: Rng, effect: float) -> Answer:
    events = rng.binomial(30, [0.3, 0.3 + effect])
    table = trd.compare_counts(int(events[1]), 30, int(events[0]), 30).tidy()
    return read(table, effect, measure="difference")


def logits(effect: float) -> tuple[float, float]:
    """Return the two marginal rates of outcomes with logit x - 0.3 + effect, x standard normal."""
    mass = MASS / MASS.sum()
    return tuple(float(mass @ expit(NODES - 0.3 + e)) for e in (0.0, effect))  # type: ignore[return-value]


def confounded(rng: Rng, effect: float, n: int) -> tuple[pd.DataFrame, float]:
    """Return outcomes whose covariate decides the treatment too, and the true risk difference."""
    x = rng.normal(size=n)
    arm = rng.random(n) < expit(0.5 * x)
    y = rng.random(n) < expit(x - 0.3 + effect * arm)
    frame = {"subject": np.arange(n), "treatment": labels(arm), "x": x, "y": y.astype(float)}
    reference, treated = logits(effect)
    return pd.DataFrame(frame), treated - reference


def weighted_rates(rng: Rng, effect: float) -> Answer:
    frame, truth = confounded(rng, effect, 150)
    before = frame.assign(day=0, score=30)
    after = frame.assign(day=28, score=np.where(frame["y"] == 1, 10, 30))
    study = trd.Study(pd.concat([before, after]).drop(columns="y"), scale="MADRS")
    weights = trd.PropensityWeights("x").fit(study)
    table = trd.rates(study, trd.Response(), day=28, weights=weights).tidy()
    return read(table, truth, measure="difference")


def augmented(rng: Rng, effect: float) -> Answer:
    frame, truth = confounded(rng, effect, 150)
    table = trd.AIPW("treatment + x", "x", outcome="y").fit(frame).tidy()
    return read(table, truth, measure="difference")


def standardised(rng: Rng, effect: float) -> Answer:
    frame, truth = confounded(rng, effect, 150)
    table = trd.Standardisation("treatment + x", outcome="y").fit(frame).tidy()
    return read(table, truth, measure="difference")


def mixed_model(rng: Rng, effect: float) -> Answer:
    n, days = 20, np.array([7, 14, 21, 28])
    root = np.linalg.cholesky(0.6 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4))))
    base, arm = rng.normal(size=2 * n), arms(n)
    y = rng.normal(size=(2 * n, 4)) @ root.T * np.sqrt([1, 2, 3, 4])
    y = y + base[:, None] + effect * arm[:, None] * np.arange(4) / 3
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(2 * n), 4), "visit": np.tile(days, 2 * n),
         "arm": np.repeat(labels(arm), 4), "base": np.repeat(base, 4), "y": y.ravel()}
    )  # fmt: skip
    frame = frame[rng.random(len(frame)) > 0.15]
    fit = trd.MMRM("y ~ base * visit + arm * visit", ddf="kenward-roger").fit(frame)
    table = fit.margins("arm", by="visit").contrasts(reference="A").tidy()
    return read(table, effect, visit=28)


def days_in_response(rng: Rng, effect: float) -> Answer:
    n, arm, a, b = 50, arms(50), 1 / 20, 1 / 60
    relapse = b * np.exp(-effect * arm)
    first = rng.exponential(1 / a, 2 * n)
    second = first + rng.exponential(1 / relapse)
    end = rng.uniform(20, 120, 2 * n)
    rows = []
    for i, (t, u, c) in enumerate(zip(first, second, end, strict=True)):
        stays = [(0.0, t, "not responding", "in response"), (t, u, "in response", "relapsed"),
                 (u, np.inf, "relapsed", "")]  # fmt: skip
        for start, stop, state, to in stays:
            if start < c:
                seen = stop <= c
                row = (i, labels(arm[i]).item(), start, min(stop, c), state)
                rows.append((*row, to if seen else "censored"))
    columns = ["subject", "treatment", "start", "stop", "state", "to"]
    history = trd.ResponseHistory(pd.DataFrame(rows, columns=columns))

    def mean(r: float) -> float:
        return a / (r - a) * ((1 - np.exp(-a * TAU)) / a - (1 - np.exp(-r * TAU)) / r)

    table = trd.ResponseState(tau=TAU).fit(history).mean_days()
    truth = mean(b * np.exp(-effect)) - mean(b)
    return read(table, truth, measure="difference", state="in response")


def trials(k: int) -> Callable[[Rng, float], Answer]:
    def answer(rng: Rng, effect: float) -> Answer:
        errors = rng.uniform(0.15, 0.4, k)
        found = effect + rng.normal(0, 0.3, k) + rng.normal(0, errors)
        effects = [
            trd.Effect("mean difference", "B", "A", float(e), std_error=float(s), trial=str(i))
            for i, (e, s) in enumerate(zip(found, errors, strict=True))
        ]
        return read(trd.meta_analysis(effects).tidy(), effect, row="pooled")

    return answer


def between_visits(rng: Rng, effect: float) -> Answer:
    n = 50
    event = rng.exponential(np.exp(-effect) * 40, n)
    attends = rng.random((n, len(VISITS))) < 0.85
    left, right = np.zeros(n), np.full(n, np.inf)
    for i in range(n):
        days = VISITS[attends[i]]
        met = days[days >= event[i]]
        left[i] = max([0.0, *days[days < event[i]]])
        right[i] = met[0] if len(met) else np.inf
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": "A", "left": left, "right": right})
    spec = trd.Turnbull(n_boot=100, seed=int(rng.integers(2**31)))
    curve = spec.fit(trd.EventTimes(frame))
    return read(curve.at([28.0]), 1 - np.exp(-28 / 40 * np.exp(effect)))


def fine_gray(rng: Rng, effect: float) -> Answer:
    """Draw times of cause 1 from Fine and Gray's model: 1 - (1 - p(1 - exp(-t)))^exp(effect)."""
    arm, p = arms(75), 0.5
    hazard = np.exp(effect * arm)
    total = 1 - (1 - p) ** hazard
    first = rng.random(len(arm)) < total
    u = rng.random(len(arm)) * total
    cause1 = -np.log1p(-(1 - (1 - u) ** (1 / hazard)) / p)
    event = np.where(first, cause1, rng.exponential(1, len(arm)))
    end = rng.uniform(0.3, 3, len(arm))
    status = np.where(event <= end, np.where(first, 1, 2), 0)
    frame = pd.DataFrame(
        {"subject": np.arange(len(arm)), "treatment": labels(arm),
         "time": np.minimum(event, end) * 30, "status": status}
    )  # fmt: skip
    data = trd.EventTimes(frame, causes={1: "response", 2: "left"})
    return read(trd.FineGray("treatment").fit(data).tidy(), effect)


CAUTIOUS = "t on 2 df and a factor of at least 1: too wide rather than too narrow"
CASES = (
    Case("KaplanMeier.at", "50 an arm, day 30", kaplan_meier_rate, 0.5),
    Case("KaplanMeier.contrasts", "50 an arm, day 30", kaplan_meier_difference, 0.5),
    Case("RMST difference", "50 an arm, 30 days", restricted_mean, 0.5),
    Case("CoxPH", "50 an arm", cox, 0.5),
    Case("CoxPH(robust=True)", "25 an arm", cox_robust, 0.5),
    Case("AFT (Weibull)", "50 an arm", accelerated_times, 0.5),
    Case("FineGray", "75 an arm, two causes", fine_gray, 0.5),
    Case("Turnbull.at", "50 in one arm, 5 visits, 15 % missed, 100 resamples",
         between_visits, 0.5,
         "percentiles of 100 resamples; Monte Carlo error 0.015", most=200),
    Case("ResponseState, mean days", "50 an arm, 60 days", days_in_response, 0.7),
    Case("compare_counts, difference", "30 an arm, Miettinen-Nurminen", counts_difference, 0.25),
    Case("rates, PropensityWeights", "150 subjects, one confounder", weighted_rates, 0.8),
    Case("AIPW", "150 subjects, one confounder", augmented, 0.8),
    Case("Standardisation", "150 subjects, one confounder", standardised, 0.8),
    Case("MMRM, Kenward-Roger", "20 an arm, 4 visits, 15 % missed", mixed_model, 1.0),
    *(Case(f"meta_analysis, {k} trials", "tau 0.3, SE 0.15 to 0.4", trials(k), 0.3, remark)
      for k, remark in ((3, CAUTIOUS), (5, ""), (9, ""))),
)  # fmt: skip


def measure(case: Case, n: int) -> list[str]:
    """Return the row of one estimator."""
    n = min(n, case.most)
    held, null = (
        [a for seed in range(n) if (a := answered(case, seed, effect)) is not None]
        for effect in (case.effect, 0.0)
    )
    covers = np.mean([a.low <= a.truth <= a.high for a in held])
    at_null = np.mean([a.low <= a.truth <= a.high for a in null])
    p = np.array([a.p for a in null])
    level = f"{np.mean(p[np.isfinite(p)] < 0.05):.3f}" if np.isfinite(p).any() else "no test"
    lost = 2 * n - len(held) - len(null)
    print(f"{case.name}: {covers:.3f} {at_null:.3f} {level} {lost}", file=sys.stderr, flush=True)
    return [case.name, case.design, f"{covers:.3f}", f"{at_null:.3f}", level, str(lost),
            str(n), case.remark]  # fmt: skip


def answered(case: Case, seed: int, effect: float) -> Answer | None:
    """Return the answer to one study; None without limits."""
    try:
        answer = case.answer(np.random.default_rng((seed, 7)), effect)
    except NotEstimableError:
        return None
    return answer if answer.low <= answer.high else None


def main(n: int, names: list[str]) -> None:
    warnings.simplefilter("ignore", TrdstatsWarning)
    cases = [c for c in CASES if not names or any(name in c.name for name in names)]
    rows = [measure(c, n) for c in cases]
    header = ["estimator", "study", "covers the effect", "covers no effect", "rejects no effect",
              "without limits", "studies",
              "remark"]  # fmt: skip
    body = record.table(header, rows) + (
        f"\n\n{n:,} studies with an effect and as many without, nominal 95 % and 5 %; the Monte "
        f"Carlo error of a coverage is {np.sqrt(0.95 * 0.05 / n):.3f}. Wanted: coverage within "
        f"{BAND[0]} to {BAND[1]}."
    )
    if names:
        print(body)
    else:
        record.write("coverage", "Coverage and level of every estimator", body)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATES, sys.argv[2:])
