"""Baseline characteristics: worked by hand, and standardised differences of the literature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import UnknownNameError
from trdstats.kernels.weighting.covariate_balance import category_difference


def study(**columns: object) -> trd.Study:
    n = 8
    subjects = pd.DataFrame(
        {"subject": [f"s{k}" for k in range(n)], "treatment": ["ECT"] * 4 + ["TMS"] * 4, **columns}
    )
    visits = pd.concat(
        [pd.DataFrame({"subject": subjects["subject"], "day": d, "score": 30.0 - d + np.arange(n)})
         for d in (0, 7)]
    )  # fmt: skip
    return trd.Study(visits, subjects, scale="MADRS", windows={7: 2}, randomised=True)


AGE = [40.0, 50, 60, np.nan, 30, 40, 50, 60]


def test_numbers_by_hand() -> None:
    table = trd.baseline_table(study(age=AGE), covariates=["age"]).tidy().set_index("treatment")
    ect, tms = table.loc["ECT"], table.loc["TMS"]
    assert (ect["n"], ect["n_missing"], ect["mean"], ect["sd"], ect["median"]) == (3, 1, 50, 10, 50)
    assert (tms["q25"], tms["q75"]) == (37.5, 52.5)
    # TMS: variance 500 / 3; difference -5 over the root of the mean of 100 and 500 / 3.
    gap = trd.baseline_table(study(age=AGE), covariates=["age"]).differences()["smd"].iloc[0]
    assert gap == pytest.approx(-5 / np.sqrt((100 + 500 / 3) / 2), rel=1e-12)


def test_categories_by_hand() -> None:
    sex = ["f", "f", "f", "m", "f", "m", "m", None]
    found = trd.baseline_table(study(sex=sex), covariates=["sex"])
    table = found.tidy().set_index(["level", "treatment"])
    assert table.loc[("f", "ECT"), "proportion"] == 0.75
    assert table.loc[("f", "TMS"), "proportion"] == pytest.approx(1 / 3)
    assert table.loc[("f", "TMS"), "n_missing"] == 1
    p, q = 0.25, 2 / 3
    want = abs(p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert found.differences()["smd"].iloc[0] == pytest.approx(want, rel=1e-12)


def test_levels_of_a_category_by_the_formula_with_a_matrix() -> None:
    """The distance does not depend on the level that is left out."""
    a = np.repeat([0.0, 1, 2], [20, 30, 50])
    b = np.repeat([0.0, 1, 2], [40, 30, 30])
    p, q = np.array([0.3, 0.5]), np.array([0.3, 0.3])
    S = np.array([[(0.21 + 0.21) / 2, (-0.15 - 0.09) / 2], [(-0.15 - 0.09) / 2, (0.25 + 0.21) / 2]])
    want = np.sqrt((p - q) @ np.linalg.inv(S) @ (p - q))
    assert category_difference(a, b) == pytest.approx(want, rel=1e-10)
    assert category_difference((a + 1) % 3, (b + 1) % 3) == pytest.approx(want, rel=1e-10)
    assert category_difference(b, a) == pytest.approx(want, rel=1e-10)
    assert category_difference(a, a) == 0.0
    assert category_difference(np.zeros(4), np.ones(4)) == np.inf
    assert category_difference(np.ones(4), np.ones(4)) == 0.0


def test_numbers_of_0_and_1_are_counts() -> None:
    text = repr(
        trd.baseline_table(study(prior_ect=[1, 0, 0, 0, 1, 1, 0, 0]), covariates=["prior_ect"])
    )
    row = next(line for line in text.splitlines() if line.startswith("prior_ect"))
    assert row.split()[1:] == ["1", "(25.0)", "2", "(50.0)", "3", "(37.5)", "0.53"]


def test_remarks_are_no_characteristics_and_are_named() -> None:
    rng = np.random.default_rng(1)
    n = 60
    subjects = pd.DataFrame(
        {"subject": range(n), "treatment": ["ECT", "TMS"] * 30, "age": rng.normal(45, 10, n),
         "remark": [f"note {k}" for k in range(n)]}
    )  # fmt: skip
    visits = pd.concat([pd.DataFrame({"subject": range(n), "day": d, "score": 30}) for d in (0, 7)])
    made = trd.Study(visits, subjects, scale="MADRS", windows={7: 2}, randomised=True)
    found = trd.baseline_table(made)
    assert found.left_out == ("remark",)
    assert set(found.tidy()["variable"]) == {"baseline", "age"}
    assert "Not shown, more than 20 different texts: remark." in repr(found)


def test_the_differences_are_those_of_the_weights() -> None:
    made = trd.load_sample("trial").only(["TMS", "ECT"])
    weights = trd.PropensityWeights("age + failed_trials").fit(made)
    balance = weights.balance().set_index("term")["smd_before"]
    own = trd.baseline_table(made).differences().set_index("variable")["smd"]
    for name in ("age", "failed_trials"):
        assert own[name] == pytest.approx(balance[name], rel=1e-12)


def test_unknown_columns_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="'agge'"):
        trd.baseline_table(study(age=AGE), covariates=["agge"])


def test_one_treatment_has_no_differences() -> None:
    text = repr(trd.baseline_table(study(age=AGE).only(["ECT"])))
    assert "SMD" not in text
    assert "All" not in text


def test_what_is_not_known_of_anybody_has_a_line_and_blanks_are_no_level() -> None:
    made = study(bmi=[None] * 8, smoker=["yes", " ", "", "no", "yes", "no", "yes", "no"])
    found = trd.baseline_table(made, covariates=["bmi", "smoker"])
    lines = repr(found).splitlines()
    for name, counts in (("bmi", "4 4 8"), ("smoker", "2 0 2")):
        line = next(x for x in lines if x.startswith(f"– {name}, not known"))
        assert line.split()[-3:] == counts.split()
    assert set(found.tidy().query("variable == 'smoker'")["level"]) == {"no", "yes"}


def test_labels_that_are_equal_are_one_level() -> None:
    site = ["Bern", "Bern ", "Basel", "Basel", "Bern", "Bern", " Basel", "Basel"]
    found = trd.baseline_table(study(site=site, remark=[" "] * 8), covariates=["site", "remark"])
    table = found.tidy().query("variable == 'site'").set_index(["level", "treatment"])["count"]
    assert table["Bern", "ECT"] == table["Bern", "TMS"] == 2
    assert "– remark, not known" in repr(found)


def test_a_treatment_may_be_called_all() -> None:
    subjects = pd.DataFrame(
        {"subject": list("abcd"), "treatment": ["All", "TMS"] * 2, "age": [30, 40, 50, 60]}
    )
    visits = pd.DataFrame(
        [(s, d, 30) for s in "abcd" for d in (0, 7)], columns=["subject", "day", "score"]
    )
    made = trd.Study(visits, subjects, scale="MADRS", windows={7: 2}, randomised=True)
    text = repr(trd.baseline_table(made, covariates=["age"]))
    assert "All (n = 2)" in text
    assert "All (n = 4)" in text


def test_a_baseline_given_as_a_column_is_listed_once() -> None:
    subjects = pd.DataFrame(
        {"subject": list("abcd"), "treatment": ["ECT", "ECT", "TMS", "TMS"],
         "madrs_0": [30, 32, 34, 36], "age": [40.0, 50, 60, 70]}
    )  # fmt: skip
    visits = pd.DataFrame({"subject": list("abcd"), "day": 7, "score": [20, 22, 24, 26]})
    made = trd.Study(visits, subjects, scale="MADRS", baseline="madrs_0", randomised=True)
    assert made.baseline_column == "madrs_0"
    assert list(made.subjects["madrs_0"]) == list(made.subjects["baseline"])  # for formulas
    table = trd.baseline_table(made)
    assert table.tidy()["variable"].unique().tolist() == ["baseline", "age"]
    assert str(table).count("33.0") == 1
    asked = trd.baseline_table(made, covariates=["madrs_0"])  # by that name, when it is asked for
    assert asked.tidy()["variable"].unique().tolist() == ["madrs_0"]
    assert trd.load_sample("trial").baseline_column is None
