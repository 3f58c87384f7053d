"""A difference of rates is a proportion in every table of numbers; points are for display."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError


@pytest.fixture(scope="module")
def compared() -> trd.Comparison:
    study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    return trd.compare(study, adjust="age + baseline", outcomes=("rate",), day=28, tau=28)


@pytest.fixture(scope="module")
def crude(compared: trd.Comparison) -> pd.Series:
    return compared.tidy().query("analysis == 'crude'").iloc[0]


def counts(row: pd.Series) -> tuple[int, int, int, int]:
    study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    table = trd.rates(study, trd.Response(), day=28).tidy()
    rate = table[table["measure"] == "rate"].set_index("treatment")[["events", "n"]].astype(int)
    return (*rate.loc[row["treatment"]], *rate.loc[row["reference"]])


def test_compare_says_what_rates_says(crude: pd.Series) -> None:
    x1, n1, x0, n0 = counts(crude)
    same = trd.compare_counts(x1, n1, x0, n0).tidy().set_index("measure").loc["difference"]
    for column in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
        assert crude[column] == pytest.approx(same[column], rel=1e-12)
    assert crude["measure"] == "risk difference"


@pytest.mark.parametrize("margin", [0.02, 0.06, 0.15])
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_margin_judges_a_row_as_its_counts(crude: pd.Series, margin: float, better: str) -> None:
    test = trd.NoninferiorityTest(margin, better=better)
    by_row, by_counts = test.of_row(crude), test.of_counts(*counts(crude))
    assert by_row.shown == by_counts.shown
    # Wald against score: some hundred subjects a group.
    assert by_row.tidy()["statistic"].item() == pytest.approx(
        by_counts.tidy()["statistic"].item(), abs=0.1
    )


def test_a_meta_analysis_of_rows_is_that_of_the_counts(crude: pd.Series) -> None:
    x1, n1, x0, n0 = counts(crude)
    other = trd.Effect.from_counts(
        crude["treatment"],
        x1 // 2,
        n1 // 2,
        crude["reference"],
        x0 // 2,
        n0 // 2,
        measure="risk difference",
    )
    own = trd.Effect.from_counts(
        crude["treatment"], x1, n1, crude["reference"], x0, n0, measure="risk difference"
    )
    by_row, by_counts = (
        trd.meta_analysis([e, other], method="fixed").effect() for e in (crude, own)
    )
    assert by_row.estimate == pytest.approx(by_counts.estimate, rel=1e-9)
    assert by_row.error == pytest.approx(by_counts.error, rel=1e-9)


def test_points_are_refused_as_a_difference_of_rates() -> None:
    row = {"measure": "risk difference", "treatment": "A", "reference": "B", "estimate": -9.2,
           "conf_low": -17.4, "conf_high": -1.0}  # fmt: skip
    for use in (
        trd.NoninferiorityTest(0.15, better="higher").of_row,
        lambda r: trd.meta_analysis([r, r]),
    ):
        with pytest.raises(SpecError, match=r"between -1 and 1; the row has -9.2.*0\.142"):
            use(row)


def test_points_are_for_people(compared: trd.Comparison) -> None:
    table = compared.tidy()
    points = 100 * table["estimate"].abs()
    assert (points > 1).all()
    for value in 100 * table["estimate"]:
        assert f"{value:.1f} (" in repr(compared)
    low, high = compared.plot().axes[0].get_xlim()
    assert low < 100 * table["estimate"].min()
    assert high > 100 * table["estimate"].max()
    assert np.ptp([low, high]) > 5
