"""A p-value stands beside the interval that answers its question, or under a name of its own."""

from __future__ import annotations

import numpy as np
import pytest

import trdstats as trd


def test_audit_of_a_schedule_tells_the_two_tests_apart() -> None:
    study = trd.load_sample("modalities").only(["TMS", "ECT", "Psilocybin"])
    table = trd.audit_schedule(study, trd.Response(), tau=28).contrasts()
    outside = (table["conf_low"] > 0) | (table["conf_high"] < 0)
    known = table["std_error"].notna()
    assert (outside[known] == (table["p_value"] < 0.05)[known]).all()
    assert table.loc[~known, "p_value"].isna().all()
    seen = table[(table["method"] == "at the visit") & (table["treatment"] == "ECT")]
    pair = trd.time_to(study, trd.Response()).only(["TMS", "ECT"])
    wanted = trd.LogRank().fit(pair).glance()["p_value"].item()
    assert seen["log_rank_p_value"].item() == pytest.approx(wanted)
    assert np.isfinite(table["log_rank_p_value"]).any()
