"""Imputation of two visits, worked by hand.

Arm A (the reference): three subjects rated twice, (0, 1), (1, 2), (2, 6), one only once, (5, -).
Arm B: (1, 0), (2, 2), (3, 1) and (6, -). The model has a mean for each arm and visit and one
covariance; its likelihood (ML) factors into that of visit 1, and that of visit 2 given visit 1
(Anderson 1957, doi:10.1080/01621459.1957.10501379).

Visit 1: means of all, A 8 / 4 = 2, B 12 / 4 = 3.
Visit 2 given visit 1, among those rated twice, within arms:
  A: means (1, 3), deviations (-1, -2), (0, -1), (1, 3): Sxx 2, Sxy 2 + 0 + 3 = 5.
  B: means (2, 1), deviations (-1, -1), (0, 1), (1, 0): Sxx 2, Sxy 1 + 0 + 0 = 1.
  Slope (5 + 1) / (2 + 2) = 1.5.
Means at visit 2: A 3 + 1.5 (2 - 1) = 4.5, B 1 + 1.5 (3 - 2) = 2.5.

The missing value of A (5 at visit 1, 3 above its mean): 4.5 + 1.5 * 3 = 9 under every strategy but
last mean carried forward, where the mean stays at 2: 2 + 4.5 = 6.5.
The missing value of B (6 at visit 1, 3 above its mean):
  missing at random               2.5 + 1.5 * 3 = 7
  jump to reference               4.5 + 1.5 * 3 = 9
  copy reference                  4.5 + 1.5 * (6 - 2) = 10.5
  copy increments in reference    3 + (4.5 - 2) = 5.5, and 5.5 + 1.5 * 3 = 10
  last mean carried forward       3 + 1.5 * 3 = 7.5
  halfway to the reference        3.5 + 1.5 * 3 = 8
Difference B - A of the completed means at visit 2, e.g. missing at random
(0 + 2 + 1 + 7) / 4 - (1 + 2 + 6 + 9) / 4 = 2.5 - 4.5 = -2; jump to reference 3 - 4.5 = -1.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    ANCOVA,
    MAR,
    CopyIncrements,
    CopyReference,
    CustomStrategy,
    Delta,
    Imputation,
    JumpToReference,
    LastMeanCarriedForward,
)
from trdstats.imputation import Draws, VisitDistribution

A = [(0, 1), (1, 2), (2, 6), (5, np.nan)]
B = [(1, 0), (2, 2), (3, 1), (6, np.nan)]
EXACT = 1e-8  # the search ends within 1e-5 standard errors of theta, to which means are orthogonal


def halfway(own: VisitDistribution, reference: VisitDistribution, before: Any) -> VisitDistribution:
    return VisitDistribution(
        np.where(before, own.mean, (own.mean + reference.mean) / 2), own.covariance
    )


@pytest.fixture(scope="module")
def draws() -> Draws:
    rows = [
        (f"{arm}{k}", arm, visit, value)
        for arm, people in (("A", A), ("B", B))
        for k, pair in enumerate(people)
        for visit, value in zip((1, 2), pair, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "visit", "y"])
    events = pd.DataFrame({"subject": ["A3", "B3"], "visit": 2, "reason": ["left", "rescue"]})
    return Imputation("y ~ treatment * visit", reml=False).draw(frame, events)


@pytest.mark.parametrize(
    ("strategy", "of_a", "of_b", "difference"),
    [
        (MAR(), 9.0, 7.0, -2.0),
        (JumpToReference("A"), 9.0, 9.0, -1.5),
        (CopyReference("A"), 9.0, 10.5, -1.125),
        (CopyIncrements("A"), 9.0, 10.0, -1.25),
        (LastMeanCarriedForward(), 6.5, 7.5, 2.625 - 3.875),
        (CustomStrategy(halfway, "halfway", "half is lost", "A"), 9.0, 8.0, -1.75),
        ({"rescue": "JR"}, 9.0, 9.0, -1.5),
    ],
    ids=lambda v: getattr(v, "label", None),
)
def test_conditional_means(
    draws: Draws, strategy: Any, of_a: float, of_b: float, difference: float
) -> None:
    imputed = draws.impute(strategy, reference="A")
    assert imputed.tidy()["mean"].tolist() == pytest.approx([of_a, of_b], rel=EXACT)
    row = imputed.analyse(ANCOVA(None, visits=[2])).pool().tidy().iloc[-1]
    assert row["estimate"] == pytest.approx(difference, rel=EXACT)


def test_jackknife(draws: Draws) -> None:
    """The variance from eight closed-form estimates, each without one subject."""

    def difference(left_out: int) -> float:
        arms, dev = [], []
        for a, people in enumerate((A, B)):
            kept = np.array([p for k, p in enumerate(people) if 4 * a + k != left_out], dtype=float)
            twice = kept[~np.isnan(kept[:, 1])]
            dev.append(twice - twice.mean(axis=0))
            arms.append((twice.mean(axis=0), kept[:, 0].mean()))
        both = np.concatenate(dev)
        slope = (both[:, 0] @ both[:, 1]) / (both[:, 0] @ both[:, 0])
        a, b = (m[1] + slope * (all_first - m[0]) for m, all_first in arms)
        return float(b - a)

    out = np.array([difference(k) for k in range(8)])
    expected = np.sqrt(7 / 8 * ((out - out.mean()) ** 2).sum())
    pooled = draws.impute(MAR()).analyse(ANCOVA(None, visits=[2])).pool()
    row = pooled.tidy().iloc[-1]
    assert row["estimate"] == pytest.approx(difference(-1), rel=EXACT)
    assert row["std_error"] == pytest.approx(expected, rel=1e-6)
    own = pooled.influence()["difference B A 2"]
    assert own.to_numpy() @ own.to_numpy() == pytest.approx(row["std_error"] ** 2, rel=1e-10)


def test_deltas(draws: Draws) -> None:
    """Four points on one of four values of B are one point on its mean."""
    imputed = draws.impute(MAR())

    def shifted(delta: Any) -> float:
        table = imputed.analyse(ANCOVA(None, visits=[2]), delta=delta).pool().tidy()
        return float(table["estimate"].iloc[-1])

    assert shifted(Delta({"B": 4})) == pytest.approx(-1.0, rel=EXACT)
    assert shifted(Delta(4)) == pytest.approx(-2.0, rel=EXACT)
    assert shifted([Delta({"B": 4}), Delta({"A": 2})]) == pytest.approx(-1.5, rel=EXACT)
    assert shifted(Delta({"B": 4}, reasons=["left"])) == pytest.approx(-2.0, rel=EXACT)
    assert shifted(Delta({"B": 4}, visits=[1])) == pytest.approx(-2.0, rel=EXACT)
    assert shifted(Delta({"B": 4}, accumulate=True)) == pytest.approx(-1.0, rel=EXACT)


def test_face(draws: Draws) -> None:
    pooled = draws.impute({"rescue": "JR"}, reference="A").analyse(ANCOVA(None, visits=[2])).pool()
    lines = repr(pooled).splitlines()
    assert lines[:11] == [
        "Pooled estimates after imputation",
        "  Model               y ~ treatment * visit (ML)",
        "  Covariance          unstructured",
        "  Method              conditional means under the fitted model, errors by the jackknife",
        "  Subjects            8",
        "  Values              14 observed, 2 missing",
        "  Sets of parameters  9",
        "  Analysis            ANCOVA at each visit: treatment",
        "  Pooling             jackknife, normal distribution",
        "",
        "Intercurrent events",
    ]
    assert lines[12].startswith("left ")
    assert (
        "Missing at random: as subjects of the same arm with the same observed visits" in lines[12]
    )
    assert "Jump to reference: the benefit is lost at the event, means as under A" in lines[13]
    assert lines[15].split() == ["Estimate", "95", "%", "CI", "SE", "p"]
    assert lines[18].startswith("difference, B v A, visit 2")
    assert "-1.50" in lines[18]
