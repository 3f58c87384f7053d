"""Estimating equations on Koch's depression trial (Agresti's table), beside R's geepack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from real_files import real_file

import trdstats as trd

# R 4.2.2, geepack 1.3.9: geeglm(y ~ severe + new * time, binomial, id = id, corstr = ...), time =
# log2 of the week. Agresti (Categorical Data Analysis, table 12.1) prints the independence fit.
TERMS = ["Intercept", "severe", "new", "time", "new:time"]
COEF = {
    "independence": [-0.02798842696024, -1.313910920419, -0.0596038117048, 0.4824120895284,
                     1.017444981754],
    "exchangeable": [-0.02809865913548, -1.313910329021, -0.05926688840726, 0.4824641999123,
                     1.017193124097],
}  # fmt: skip
ERROR = {
    "independence": [0.1741865187518, 0.1459845494312, 0.2285385181953, 0.1199350309876,
                     0.1876937816751],
    "exchangeable": [0.1741791387419, 0.145963005321, 0.2285568900803, 0.1199382879507,
                     0.1877014205727],
}  # fmt: skip
ALPHA = -0.003432732207602


@pytest.fixture(scope="module")
def koch() -> pd.DataFrame:
    table = pd.read_csv(real_file("koch1977_depression_counts.csv"))
    wide = table.loc[table.index.repeat(table["count"])].reset_index(drop=True)
    wide = wide.assign(
        id=np.arange(len(wide)),
        severe=(wide["severity"] == "severe") * 1.0,
        new=(wide["treatment"] == "new") * 1.0,
    )
    long = wide.melt(["id", "severe", "new"], ["w1", "w2", "w4"], "week", "state")
    week = long["week"].str[1:].astype(int)
    return long.assign(y=long["state"] == "normal", week=week, time=np.log2(week))


@pytest.mark.parametrize("corr", ["independence", "exchangeable"])
def test_koch(corr: str, koch: pd.DataFrame) -> None:
    spec = trd.GEE("y ~ severe + new * time", corr=corr, ddf="normal")
    result = spec.fit(koch, subject="id", visit="week")
    table = result.tidy().set_index("term").loc[TERMS]
    # geepack stops at changes of 1e-4.
    assert table["estimate"].to_numpy() == pytest.approx(np.array(COEF[corr]), abs=1e-6)
    assert table["std_error"].to_numpy() == pytest.approx(np.array(ERROR[corr]), abs=1e-6)
    if corr == "exchangeable":
        assert result.correlation.iloc[0, 1] == pytest.approx(ALPHA, abs=1e-7)
    assert len(result.design.subjects) == 340
