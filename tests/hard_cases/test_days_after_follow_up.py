"""A curve says nothing of days on which nobody was followed."""

from __future__ import annotations

import numpy as np

import trdstats as trd


def test_standardised_curves_end_with_follow_up() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    last = float(onset.frame["time"].max())
    fit = trd.CoxPH("treatment + age").fit(onset)
    curves = fit.marginal(days=[28, last, last + 1])
    table = curves.tidy()
    late = (table["time"] > last).to_numpy()
    assert table.loc[late, ["estimate", "std_error", "conf_low", "conf_high"]].isna().all(None)
    assert table.loc[~late, ["estimate", "std_error", "conf_low", "conf_high"]].notna().all(None)
    tested = curves.estimates().tidy()
    assert tested.loc[late, "reason"].tolist() == [f"follow-up ends on day {last:g}"] * 3
    assert (tested.loc[~late, "reason"] == "").all()
    beside = fit.marginal(days=[28, last]).tidy()
    np.testing.assert_array_equal(table.loc[~late, "estimate"], beside["estimate"])
    assert curves.contrasts()["estimate"].isna().sum() == 2
    assert "follow-up ends" in " ".join(curves.contrasts()["reason"])
    repr(curves)
