"""Few trials pooled: the interval never gets narrower because trials agree by chance."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from trdstats.comparison import Effect, meta_analysis
from trdstats.errors import EstimateWarning, SpecError

# R 4.2.2, metafor 3.8-1: rma(log(c(1.62, 1.66, 1.71)), c(0.09, 0.09, 0.09), method = "REML"),
# test = "knha", "adhoc" (the factor at least 1) and "z": lower, upper, p.
METAFOR = {
    True: (1.554753479891, 1.778625868509, 0.000943486341),
    "truncated": (0.789257796825, 3.503702807389, 0.099052058374),
    False: (1.184242489113, 2.335100103155, 0.003321717093),
}


def trials(ratios: tuple[float, ...] = (1.62, 1.66, 1.71)) -> list[Effect]:
    return [
        Effect("odds ratio", "A", "B", r, std_error=0.3, trial=f"T{i}")
        for i, r in enumerate(ratios)
    ]


@pytest.mark.parametrize("kind", METAFOR)
def test_three_trials_that_agree_by_chance(kind: bool | str) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = meta_analysis(trials(), hartung_knapp=kind)  # type: ignore[arg-type]
    row = found.tidy().query("row == 'pooled'").iloc[0]
    got = row[["conf_low", "conf_high", "p_value"]].to_numpy(dtype=float)
    assert got == pytest.approx(METAFOR[kind], rel=1e-7)
    narrow = [w for w in said if "differ less than by chance (Q 0.02 on 2 df)" in str(w.message)]
    assert len(narrow) == (kind is True)
    assert ("hartung_knapp='truncated'" in repr(found)) == (kind != "truncated")


def test_below_ten_trials_the_truncated_factor_is_the_default_and_is_printed() -> None:
    few = meta_analysis(trials())
    row = few.tidy().query("row == 'pooled'").iloc[0]
    assert row["conf_low"] == pytest.approx(METAFOR["truncated"][0], rel=1e-7)
    assert few.hartung_knapp == "truncated"
    assert "reml, Hartung-Knapp interval (t, 2 df, factor at least 1)" in repr(few)
    assert few.glance()["interval"][0] == "Hartung-Knapp interval (t, 2 df, factor at least 1)"
    assert "too narrow" not in repr(few)
    many = meta_analysis(trials(tuple(np.linspace(1.2, 2.2, 10))))
    assert many.hartung_knapp is False
    assert "reml, normal interval" in repr(many)
    assert meta_analysis(trials(), method="fixed").hartung_knapp is False


def test_the_truncated_factor_changes_nothing_where_trials_differ_more() -> None:
    # R as above: rma(c(0.1, 0.5, 0.9, 0.2), c(.04, .09, .05, .02), test = "adhoc" / "knha").
    effects = [
        Effect("mean difference", "A", "B", y, std_error=float(np.sqrt(v)))
        for y, v in zip((0.1, 0.5, 0.9, 0.2), (0.04, 0.09, 0.05, 0.02), strict=True)
    ]
    for kind, low in ((True, -0.176150977642), ("truncated", -0.183639855308)):
        with pytest.warns(EstimateWarning, match="differ in size"):
            found = meta_analysis(effects, hartung_knapp=kind)  # type: ignore[arg-type]
        row = found.tidy().query("row == 'pooled'").iloc[0]
        assert row["conf_low"] == pytest.approx(low, rel=1e-6)


def test_other_words_are_refused() -> None:
    with pytest.raises(SpecError, match="hartung_knapp must be one of"):
        meta_analysis(trials(), hartung_knapp="yes")  # type: ignore[arg-type]
