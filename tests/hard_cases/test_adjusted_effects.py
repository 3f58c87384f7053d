"""Adjusted risk ratios go wherever crude ones go: E-values, bias analysis, pooling, Bucher."""

from __future__ import annotations

import pandas as pd
import pytest

import trdstats as trd
from trdstats.comparison import (
    AIPW,
    Bucher,
    Effect,
    Matching,
    Standardisation,
    e_value,
    meta_analysis,
    read_effect,
    unmeasured_confounder,
)

TREATMENT, REFERENCE = "IV ketamine", "TMS"


@pytest.fixture(scope="module")
def rows() -> dict[str, pd.DataFrame]:
    study = trd.load_sample("trial").only([REFERENCE, TREATMENT])
    response = trd.Response()
    frames = {
        "AIPW": AIPW("treatment + baseline", "baseline", outcome=response, day=28,
                     reference=REFERENCE).fit(study),
        "Standardisation": Standardisation("treatment + baseline", outcome=response, day=28,
                                           reference=REFERENCE).fit(study),
        "Matching": Matching("baseline + age", treated=TREATMENT, control=REFERENCE)
        .fit(study).estimate(study, response, day=28),
        "rates": trd.rates(study, response, day=28, reference=REFERENCE),
    }  # fmt: skip
    return {name: fit.tidy() for name, fit in frames.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["AIPW", "Standardisation", "Matching", "rates"])
def test_every_risk_ratio_is_read(rows: dict[str, pd.DataFrame], method: str) -> None:
    table = rows[method]
    ratio = table[table["measure"] == "ratio"]
    effect = read_effect(ratio)
    assert effect.measure == "risk ratio"
    assert (effect.treatment, effect.reference) == (TREATMENT, REFERENCE)
    row = ratio.iloc[0]
    known = ("estimate", "conf_low", "conf_high")
    by_hand = e_value(*(float(row[c]) for c in known), measure="risk ratio")
    found = e_value(ratio)
    assert (found.estimate, found.limit) == pytest.approx((by_hand.estimate, by_hand.limit))
    grid = unmeasured_confounder(ratio, prevalence_reference=0.25, effect_of_cause=[1.0, 3.0])
    assert grid.tidy()["estimate"].iloc[0] == pytest.approx(row["estimate"])
    assert read_effect(table[table["measure"] == "difference"]).measure == "risk difference"
    published = Effect("risk ratio", TREATMENT, REFERENCE, 1.2, 0.8, 1.8)
    assert meta_analysis([ratio, published], method="fixed").effect().measure == "risk ratio"
    other = Effect("risk ratio", "ECT", REFERENCE, 1.2, 0.8, 1.8)
    direct = Bucher().fit(ratio, other).tidy().iloc[-1]
    assert direct["estimate"] == pytest.approx(row["estimate"] / 1.2)


def test_means_are_mean_differences() -> None:
    study = trd.load_sample("trial").only([REFERENCE, TREATMENT])
    fit = Standardisation("treatment + baseline", outcome="change", day=28, reference=REFERENCE)
    table = fit.fit(study).tidy()
    assert read_effect(table[table["measure"] == "difference"]).measure == "mean difference"
