"""The family of the confirmatory results is the planned one, whatever could be estimated."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from trdstats.plan.confirmatory import Confirmatory, ConfirmatoryResult, judge_confirmatory


@pytest.mark.parametrize("rule", ["holm", "hochberg", "hommel", "bonferroni"])
def test_a_result_that_is_not_estimable_still_counts(rule: str) -> None:
    """P 0.02 of three: times 3 by Holm, whether or not the others can be estimated."""
    results = tuple(ConfirmatoryResult(k, "s", {"k": k}, k == "a") for k in "abc")
    table = pd.DataFrame({"k": list("abc"), "estimate": [np.nan, 0.3, 0.2], "conf_low": 0.0,
                          "conf_high": 1.0, "p_value": [np.nan, 0.02, 0.3]})  # fmt: skip
    judged = judge_confirmatory(Confirmatory(results, rule=rule), {"s": table})  # type: ignore[arg-type]
    assert judged["p_adjusted"].iloc[1] == pytest.approx(0.06)
    assert not judged["is_shown"].any()
    assert math.isnan(judged["p_adjusted"].iloc[0])
