"""Rates beside their differences: what is judged together, and what keeps its limits."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning


@pytest.fixture(scope="module")
def rates() -> trd.EstimateResult:
    return trd.rates(trd.load_sample("trial"), trd.Response(), day=28, reference="TMS")


@pytest.mark.parametrize("method", ["holm", "hochberg", "hommel", "bonferroni"])
def test_measures_of_one_comparison_are_one_hypothesis(
    rates: trd.EstimateResult, method: str
) -> None:
    """Holm multiplied by six where two treatments were compared with the reference."""
    with pytest.warns(EstimateWarning, match=rf"{method.capitalize()} counts 6 hypotheses of 2 comp"
                                             r".*\.only\(measure='difference'\)"):  # fmt: skip
        rates.adjust(method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = rates.estimates().only(measure="difference").adjust(method).tidy()
        within = rates.adjust(method, within="measure").tidy()
        rates.adjust("max-t")  # by the joint distribution a second measure costs next to nothing
    chosen = within[within["measure"] == "difference"]
    np.testing.assert_array_equal(one["p_value"], chosen["p_value"])


def test_differences_of_two_measures_are_one_hypothesis() -> None:
    """Of events: differences of proportions, and of rates per 100 person-years."""
    events = trd.count_events(trd.load_sample("trial")).compare("treatment", reference="TMS")
    with pytest.warns(EstimateWarning, match=r"Holm counts 16 hypotheses of 8 comparisons: "
                      r"proportion with event, events per 100 person-years of the same subjects "
                      r".*\.only\(of='proportion with event'\), or say within='of'"):  # fmt: skip
        events.adjust("holm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        within = events.adjust("holm", within="of")
        one = events.only(of="proportion with event").adjust("holm")
    np.testing.assert_array_equal(one.p_value, within.p_value[:8])


@pytest.mark.parametrize("method", ["dunnett", "max-t", "bonferroni", "fixed sequence"])
def test_rates_keep_their_limits(rates: trd.EstimateResult, method: str) -> None:
    """They are not tested: a rate of 7 % had limits of -3 % to 16 % beside Dunnett's test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        adjusted = rates.adjust(method).tidy()
    plain = rates.tidy()
    of_rates = (plain["measure"] == "rate").to_numpy()
    ends = ["conf_low", "conf_high"]
    pd.testing.assert_frame_equal(adjusted.loc[of_rates, ends], plain.loc[of_rates, ends])
    width = (adjusted["conf_high"] - adjusted["conf_low"])[~of_rates]
    if method == "fixed sequence":
        assert width.isna().all()
    else:
        assert (width > (plain["conf_high"] - plain["conf_low"])[~of_rates] * 1.01).all()
