"""Four subjects whose regressions are worked by hand.

Cox, x the covariate and h = exp(beta):

    subject  time  event  x
    a        1     yes    1
    b        1     yes    1
    c        2     yes    0
    d        3     no     1     the last observation is censored

At 1 all are at risk, sum 3 h + 1; at 2 c and d, sum 1 + h. Breslow: the likelihood is
h^2 / (3 h + 1)^2 / (1 + h). Its score is 2 - 6 h / (3 h + 1) - h / (1 + h), which is 0 when
3 h^2 - h - 2 = 0, at h = 1: beta = 0, log-likelihood log(1/16 1/2) = -log 32, information
6 h / (3 h + 1)^2 + h / (1 + h)^2 = 3/8 + 1/4 = 5/8.

Efron: the second of the tied events has half of both left at risk, sum 3 h + 1 - h. The score
2 - 3 h / (3 h + 1) - 2 h / (2 h + 1) - h / (1 + h) is 0 when 3 h^3 - 3 h - 1 = 0, at h = 1.1371.

Fine and Gray:

    subject  time  status  x
    a        1     1       1
    b        2     2       1
    c        3     0       0
    d        4     1       0

Of two under observation at 3 one is censored: G is 1/2 from there on. At 4 b, who had the
competing event at 2, still counts with weight G(4-) / G(2-) = 1/2: sum 1 + h / 2. At 1 all count,
2 h + 2. The likelihood is h / (2 h + 2) / (1 + h / 2); its score 1 / (1 + h) - h / (2 + h) is 0
when h^2 = 2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import CoxPH, EventTimes, FineGray


def times(time: list[int], status: list[int], x: list[int]) -> EventTimes:
    frame = {"subject": list("abcd"), "treatment": "all", "time": time, "status": status, "x": x}
    return EventTimes(pd.DataFrame(frame))


COX = times([1, 1, 2, 3], [1, 1, 1, 0], [1, 1, 0, 1])


def test_breslow() -> None:
    fit = CoxPH("x", ties="breslow").fit(COX)
    row, summary = fit.tidy().iloc[0], fit.glance().iloc[0]
    assert row["estimate"] == pytest.approx(0, abs=1e-10)
    assert row["std_error"] == pytest.approx(np.sqrt(8 / 5), rel=1e-10)
    assert summary["loglik"] == pytest.approx(-np.log(32), rel=1e-12)
    # The maximum is at 0: the score there is 0, and so is every test of the whole.
    assert [summary[k] for k in ("score", "wald", "likelihood_ratio")] == pytest.approx(
        [0, 0, 0], abs=1e-12
    )


def test_efron() -> None:
    (h,) = (r.real for r in np.roots([3, 0, -3, -1]) if abs(r.imag) < 1e-12 and r.real > 0)
    assert h == pytest.approx(1.1371, abs=1e-4)
    row = CoxPH("x").fit(COX).tidy().iloc[0]
    assert row["hazard_ratio"] == pytest.approx(h, rel=1e-10)
    information = 3 * h / (3 * h + 1) ** 2 + 2 * h / (2 * h + 1) ** 2 + h / (1 + h) ** 2
    assert row["std_error"] == pytest.approx(1 / np.sqrt(information), rel=1e-10)


def test_fine_gray() -> None:
    fit = FineGray("x").fit(times([1, 2, 3, 4], [1, 2, 0, 1], [1, 1, 0, 0]))
    h = np.sqrt(2)
    assert np.exp(fit.tidy()["estimate"].item()) == pytest.approx(h, rel=1e-9)
    loglik = np.log(h / (2 * h + 2) / (1 + h / 2))
    assert fit.glance()["loglik"].item() == pytest.approx(loglik, rel=1e-10)
