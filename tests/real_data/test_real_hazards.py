"""Regressions and competing risks on data that others have analysed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from real_files import real_file

from trdstats import AalenJohansen, CoxPH, EventTimes, FineGray, GrayTest, KaplanMeier, LogRank

PRINTED = 2e-9  # ten digits of R


def real(name: str) -> pd.DataFrame:
    path = real_file(name)
    return pd.read_csv(path)


def expected(name: str) -> dict[str, Any]:
    path = real_file("expected_results.json")
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))[name]
    return result


@pytest.fixture
def bone_marrow() -> EventTimes:
    """Disease-free survival after a transplant: relapse (1) or death in remission (2)."""
    table = real("bmt_competing_risks.csv")
    status = np.where(table["d2"] == 1, 1, np.where(table["d1"] == 1, 2, 0))
    frame = {"subject": np.arange(len(table)), "treatment": table["group"].astype(str),
             "time": table["t2"].astype(float), "status": status}  # fmt: skip
    return EventTimes(pd.DataFrame(frame), causes={1: "relapse", 2: "death in remission"})


def test_bone_marrow(bone_marrow: EventTimes) -> None:
    want = expected("bmt")
    gray = GrayTest().fit(bone_marrow).tidy()
    for row, name in zip(gray.to_dict("records"), ("relapse", "trm"), strict=True):
        found = [row["statistic"], row["p_value"], row["df"]]
        values = [want["gray"][name][k] for k in ("stat", "pv", "df")]
        assert found == pytest.approx(values, rel=1e-8), name
    at = AalenJohansen().fit(bone_marrow).at([365, 730]).set_index(["treatment", "cause", "time"])
    for curve, values in want["cif_365_730"].items():
        group, cause = curve.split()
        name = bone_marrow.causes[int(cause)]
        found = [at.loc[(group, name, day), "estimate"] for day in (365.0, 730.0)]
        assert found == pytest.approx(values, rel=PRINTED), curve
    fit = FineGray("treatment").fit(bone_marrow)
    fine_gray = want["fine_gray_relapse"]
    # cmprsk stops when the log-likelihood moves by less than 1e-6 of itself; ours is no lower, to
    # the digits printed, and where it is flat the coefficients differ by 1e-4 of an error.
    loglik = fit.glance()["loglik"].item()
    assert loglik == pytest.approx(fine_gray["loglik"], abs=1e-8)
    assert loglik > fine_gray["loglik"] - 1e-10
    gap = fit.tidy()["estimate"] - fine_gray["coef"]
    assert (gap.abs() < 1e-4 * np.array(fine_gray["se"])).all()
    assert fit.tidy()["std_error"].tolist() == pytest.approx(fine_gray["se"], rel=1e-4)


@pytest.fixture
def drug_use() -> pd.DataFrame:
    """Days to return to drug use (UIS), complete cases; CENSOR is 1 for the event."""
    columns = ["AGE", "BECK", "HC", "IV3", "NDT", "RACE", "TREAT", "SITE", "TIME", "CENSOR"]
    table = real("uis_relapse.csv").dropna(subset=columns).reset_index(drop=True)
    return table.assign(
        subject=np.arange(len(table)), treatment=table["TREAT"].map({0: "short", 1: "long"}),
        time=table["TIME"].astype(float), status=table["CENSOR"],
        HC=pd.Categorical(table["HC"]),
    )  # fmt: skip


def test_drug_use(drug_use: pd.DataFrame) -> None:
    want = expected("uis")
    assert (len(drug_use), drug_use["status"].sum()) == (want["n"], want["events"])
    order = drug_use.assign(treatment=pd.Categorical(drug_use["treatment"], ["short", "long"]))
    test = LogRank().fit(order)
    assert test.glance()["statistic"].item() == pytest.approx(want["logrank_treat"]["chisq"])
    assert test.tidy()["observed"].tolist() == want["logrank_treat"]["obs"]
    assert test.tidy()["expected"].tolist() == pytest.approx(want["logrank_treat"]["exp"])
    fit = CoxPH("AGE + BECK + HC + IV3 + NDT + RACE + TREAT + SITE").fit(drug_use)
    cox = want["cox_efron"]
    assert fit.tidy()["estimate"].tolist() == pytest.approx(list(cox["coef"].values()), rel=1e-8)
    assert fit.tidy()["std_error"].tolist() == pytest.approx(list(cox["se"].values()), rel=1e-8)
    curves = KaplanMeier().fit(order)
    at = curves.at([90, 180, 365])
    for ours, theirs in (("estimate", "surv"), ("std_error", "se"), ("n_risk", "n")):
        values = [row[theirs] for row in want["km_by_treat"]]
        assert at[ours].tolist() == pytest.approx(values, rel=PRINTED), ours
    # R's default interval is on the log scale.
    medians = KaplanMeier(conf_type="log").fit(order).quantiles((0.5,))
    for row, value in zip(medians.itertuples(), want["median"], strict=True):
        found = [row.estimate, row.conf_low, row.conf_high]
        assert found == [value["median"], value["0.95LCL"], value["0.95UCL"]]


def test_psychiatric_mortality_from_the_age_of_admission() -> None:
    # Woolson 1981: 26 inpatients of Iowa, observed from their age at admission on. Survival by age
    # rests on risk sets with delayed entry, which are counted here subject by subject.
    table = real("woolson_psychiatric_mortality.csv")
    entry = table["age"].astype(float)
    frame = pd.DataFrame({"subject": np.arange(len(table)), "treatment": "Iowa", "entry": entry,
                          "time": entry + table["time"], "status": table["death"]})  # fmt: skip
    curve = KaplanMeier().fit(EventTimes(frame)).tidy()
    survival = 1.0
    for age in sorted(frame.loc[frame["status"] == 1, "time"].unique()):
        at_risk = ((frame["entry"] < age) & (frame["time"] >= age)).sum()
        deaths = ((frame["time"] == age) & (frame["status"] == 1)).sum()
        survival *= 1 - deaths / at_risk
        row = curve[curve["time"] == age].iloc[0]
        assert (row["n_risk"], row["n_event"]) == (at_risk, deaths)
        assert row["estimate"] == pytest.approx(survival, abs=1e-12)
    by_sex = CoxPH("sex").fit(frame.assign(sex=table["sex"].astype(float))).tidy()
    assert np.isfinite(by_sex["estimate"]).all()
