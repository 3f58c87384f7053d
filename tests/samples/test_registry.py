"""The registry is a clinic as described: who comes when, on which form, filled in by whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats.errors import SpecError, UnknownNameError
from trdstats.simulate import RegistrySample, simulate_registry
from trdstats.simulate.clinic.design import RegistryDesign
from trdstats.simulate.clinic.forms import (
    PHQ9_ITEMS,
    QIDS_DOMAINS,
    QIDS_ITEMS,
    total_qids,
)
from trdstats.study import load_sample, sample_names, sample_tables

DESIGN = RegistryDesign()
Tables = dict[str, pd.DataFrame]


def calendar(tables: Tables, form: str) -> pd.Series[Any]:
    enrolled = pd.to_datetime(tables["patients"].set_index("patient")["enrolled"])
    forms = tables[form]
    return forms["patient"].map(enrolled) + pd.to_timedelta(forms["day"], unit="D")


def test_the_same_seed_gives_the_same_tables() -> None:
    one, two, other = simulate_registry(5), simulate_registry(5), simulate_registry(6)
    assert isinstance(one, RegistrySample)
    for name in ("patients", "qids", "phq9", "defects"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert not one.patients.equals(other.patients)


def test_columns(tables: Tables) -> None:
    assert list(tables["patients"]) == [
        "patient", "treatment", "enrolled", "age", "sex", "failed_trials",
    ]  # fmt: skip
    assert list(tables["qids"]) == ["patient", "day", "version", "rater", *QIDS_ITEMS, "total"]
    assert list(tables["phq9"]) == ["patient", "day", *PHQ9_ITEMS, "total"]
    assert list(tables["defects"]) == ["form", "patient", "day", "item", "kind"]


def test_patients(tables: Tables) -> None:
    patients = tables["patients"]
    assert patients["treatment"].value_counts().to_dict() == {"TMS": 100, "Esketamine": 60}
    assert patients["patient"].is_unique
    assert patients["enrolled"].is_monotonic_increasing
    assert patients["enrolled"].between("2022-01-01", "2023-12-31").all()
    assert patients["age"].between(18, 80).all()
    failed = patients.groupby("treatment")["failed_trials"].mean()
    assert failed["Esketamine"] > failed["TMS"]  # not randomised


def test_forms_belong_to_patients_and_are_sorted(tables: Tables, form: str) -> None:
    forms = tables[form]
    assert set(forms["patient"]) <= set(tables["patients"]["patient"])
    keys = list(zip(forms["patient"], forms["day"], strict=True))
    assert keys == sorted(keys)
    assert forms["day"].between(-3, 184).all()


def test_total_by_hand() -> None:
    """Sleep 3, sad 2, appetite or weight 1, the five single items 1 2 0 2 1 and pace 1: 13."""
    form = [2, 3, 0, 1, 2, np.nan, 1, 0, np.nan, 1, 2, 0, 2, 1, 0, 1]
    assert total_qids(np.array([form])).tolist() == [13]
    assert sorted(i for domain in QIDS_DOMAINS for i in domain) == list(range(1, 17))


def test_the_switch_and_its_bridge(tables: Tables) -> None:
    switch = pd.Timestamp(DESIGN.switch)
    over = switch + pd.Timedelta(days=DESIGN.bridge)
    on_qids, on_phq9 = calendar(tables, "qids"), calendar(tables, "phq9")
    assert on_qids.max() < over
    assert on_phq9.min() >= switch
    in_bridge = {"qids": on_qids >= switch, "phq9": on_phq9 < over}
    keys = {
        name: set(zip(tables[name]["patient"][m], tables[name]["day"][m], strict=True))
        for name, m in in_bridge.items()
    }
    assert keys["qids"] == keys["phq9"]
    assert len(keys["qids"]) > 60
    by_form = [set(tables[name]["patient"]) for name in ("qids", "phq9")]
    assert len(by_form[0] & by_form[1]) > 30  # start on one and end on the other
    assert by_form[0] | by_form[1] == set(tables["patients"]["patient"])


def test_both_forms_measure_the_same(valid_forms: Tables) -> None:
    pair = valid_forms["qids"].merge(valid_forms["phq9"], on=["patient", "day"])
    pair = pair[pair["version"] == "SR16"]
    assert pair["total_x"].corr(pair["total_y"]) > 0.7


def test_clinicians_rate_the_middle_of_some_courses(tables: Tables) -> None:
    qids = tables["qids"]
    assert set(zip(qids["version"], qids["rater"], strict=True)) == {
        ("SR16", "self"), ("C16", "Dr A"), ("C16", "Dr B"),
    }  # fmt: skip
    patients = qids.loc[qids["version"] == "C16", "patient"].unique()
    assert len(patients) == 24  # 15 % of 160
    of_them = qids[qids["patient"].isin(patients)].groupby("patient")["version"]
    assert (of_them.first() == "SR16").all()
    assert (of_them.last() == "SR16").all()


def test_severity_is_sensible(tables: Tables, valid_forms: Tables) -> None:
    """Baseline about 17 with SD 3; a fall by week 6; esketamine ahead after one week."""
    qids = valid_forms["qids"].merge(tables["patients"])
    before, late = qids[qids["day"] <= 0], qids[qids["day"].between(38, 46)]
    assert 15 <= before["total"].mean() <= 19
    assert 2 <= before["total"].std() <= 4.5
    assert late["total"].mean() < before["total"].mean() - 5
    assert late["total"].std() > before["total"].std()
    first = pd.concat([qids, valid_forms["phq9"].merge(tables["patients"])])
    first = first[first["day"].between(5, 9)]
    week = first.groupby("treatment")["total"].mean()
    assert week["Esketamine"] < week["TMS"]


def test_attendance_falls(tables: Tables) -> None:
    forms = pd.concat([tables["qids"], tables["phq9"]])
    n = len(tables["patients"])
    assert forms.loc[forms["day"] <= 0, "patient"].nunique() == n
    seen = {
        day: forms.loc[forms["day"].between(day - 4, day + 4), "patient"].nunique() / n
        for day in (42, 180)
    }
    assert 0.75 <= seen[42] <= 0.95
    assert 0.5 <= seen[180] <= 0.7


def test_the_registry_is_no_study() -> None:
    assert "registry" not in sample_names()
    with pytest.raises(SpecError, match=r'sample_tables\("registry"\) and score them with score'):
        load_sample("registry")


def test_tables_of_a_study_and_of_nothing() -> None:
    assert set(sample_tables("trial")) == {"visits", "subjects", "events"}
    with pytest.raises(UnknownNameError, match="registry"):
        sample_tables("registri")
