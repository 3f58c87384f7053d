"""Codes for missing, numbers and dates written as text, outcomes: as covariates said or refused."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, DataWarning, NotEstimableError, SpecError


def patients(n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    age = rng.normal(45, 11, n).round()
    return pd.DataFrame({
        "subject": [f"P{i:03}" for i in range(n)], "treatment": np.where(rng.random(n) < 0.5, "ECT",
        "TMS"), "age": age, "responded": rng.integers(0, 2, n), "change": rng.normal(-9, 6, n),
        "time": rng.integers(5, 60, n), "status": rng.integers(0, 2, n),
        "entered": (pd.Timestamp("2021-03-01") + pd.to_timedelta(age, "D")).strftime("%d.%m.%Y"),
    })  # fmt: skip


ADJUSTED: dict[str, Any] = {
    "PropensityWeights": lambda t, c: trd.PropensityWeights(c).fit(t).weights,
    "Matching": lambda t, c: trd.Matching(c, treated="ECT").fit(t).tidy(),
    "AIPW": lambda t, c: trd.AIPW(f"treatment + {c}", c, outcome="responded").fit(t).tidy(),
    "Standardisation": lambda t, c: (
        trd.Standardisation(f"treatment + {c}", outcome="responded").fit(t).tidy()
    ),
    "Logistic": lambda t, c: trd.Logistic(f"responded ~ treatment + {c}").fit(t).tidy(),
    "RankComparison": lambda t, c: (
        trd.RankComparison("change", better="lower", covariates=c).fit(t).tidy()
    ),
    "CoxPH": lambda t, c: trd.CoxPH(f"treatment + {c}").fit(t).tidy(),
    "FineGray": lambda t, c: trd.FineGray(f"treatment + {c}").fit(t).tidy(),
    "AFT": lambda t, c: trd.AFT(f"treatment + {c}").fit(t).tidy(),
    "RMST": lambda t, c: trd.RMST(40, covariates=c).fit(t).tidy(),
    "IPCW": lambda t, c: trd.IPCW(c, days=[28]).fit(t).tidy(),
}
OF_TIMES = ("CoxPH", "FineGray", "AFT", "RMST", "IPCW")


@pytest.mark.parametrize("code", [999, -9])
@pytest.mark.parametrize("name", ADJUSTED)
def test_a_code_for_missing_among_numbers_is_named(name: str, code: int) -> None:
    """Studies said so; tables given to an estimator did not."""
    table = patients()
    coded = table.assign(age=table["age"].mask(table.index % 9 == 0, code))
    with pytest.warns(DataWarning, match=rf"'age' holds {code}, far from all others \(\d+ to 7"):
        ADJUSTED[name](coded, "age")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ADJUSTED[name](table, "age")


def test_ages_as_text_are_named() -> None:
    """They were a category of fifty levels, which nothing in these results shows."""
    table = patients()
    text = table.assign(age=table["age"].astype(int).astype(str))
    words = r"'age' holds whole numbers written as text: it counts"
    with pytest.warns(DataWarning, match=words):
        ADJUSTED["RankComparison"](text, "age")
    # Nobody of some ages was followed to day 40: an error of NumPy.
    among = r"among those who had the event or were followed to day 40: age\[T\.\d+\]"
    with (
        pytest.warns(DataWarning, match=words),
        pytest.raises(NotEstimableError, match=among),
    ):
        ADJUSTED["RMST"](text, "age")


@pytest.mark.parametrize("written", ["{} y", "{},", ">{}", "{}.5 mg", "{}/90", "~{}", "({})"])
def test_numbers_with_a_mark_are_named(written: str) -> None:
    """One wrong key on every row, or a unit, made a category of fifty levels in silence."""
    table = patients()
    text = table.assign(age=[written.format(int(a)) for a in table["age"]])
    mark = re.escape(written.replace("{}.5", "").replace("{}", "").strip())
    with pytest.warns(DataWarning, match=f"'age' holds numbers with '{mark}' beside them"):
        ADJUSTED["RankComparison"](text, "age")


@pytest.mark.parametrize(
    "written", ["{:.1f} mg", "{:.0f},", ">{:.0f}", "{:.0f}/90", "comma", "minus"]
)
def test_the_advice_on_marks_gives_the_numbers(written: str) -> None:
    """Without the sign, or the digits behind a comma, it would give others in silence."""
    data = patients()
    amount = data["age"] / 2 - 20 if written in ("{:.1f} mg", "comma", "minus") else data["age"]
    form = {"comma": "{:.1f} mg", "minus": "{:.1f} mg"}.get(written, written)
    texts = pd.Series([form.format(a) for a in amount])
    if written == "comma":
        texts = texts.str.replace(".", ",", regex=False)
    if written == "minus":
        texts = texts.str.replace("-", "\N{MINUS SIGN}")
    data = data.assign(age=texts)
    with pytest.warns(DataWarning, match="Take the mark off: ") as warned:
        ADJUSTED["RankComparison"](data, "age")
    advice = str(warned[0].message).split("Take the mark off: ")[1].split(". If the")[0]
    exec(advice, {"subjects": data})
    assert data["age"].tolist() == amount.tolist()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("site", [str(k % 25) for k in range(160)]),  # by its name
        ("device", [str(k % 12) for k in range(160)]),  # each for many
        ("dose", [f"{k % 40:03}" for k in range(160)]),  # zeros that a number would lose
        ("dose", [f"D{k % 40}" for k in range(160)]),
        ("dose", [f"{k % 40}{'abcdefgh'[k % 8]}" for k in range(160)]),
        ("arm", [f"{10 * (k % 4)} mg" for k in range(160)]),  # few
    ],
)
def test_numbers_that_are_labels_are_not_named(column: str, values: list[str]) -> None:
    table = patients().assign(**{column: values})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ADJUSTED["RankComparison"](table, column)
        text = table.assign(age=table["age"].astype(int).astype(str))
        ADJUSTED["RankComparison"](text, "C(age)")


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%y", "%Y-%m-%d %H:%M"])
def test_dates_as_text_are_no_covariate(written: str) -> None:
    table = patients()
    dates = pd.to_datetime(table["entered"], dayfirst=True).dt.strftime(written)
    for name, fit in ADJUSTED.items():
        with pytest.raises(DataError, match="'entered' holds dates written as text"):
            fit(table.assign(entered=dates), "entered")
        assert name


@pytest.mark.parametrize("name", OF_TIMES)
@pytest.mark.parametrize("column", ["time", "status"])
def test_the_time_is_no_covariate_of_itself(name: str, column: str) -> None:
    """RMST and AFT adjusted for it; CoxPH said that it has no finite estimate."""
    with pytest.raises(SpecError, match=rf"^'{column}' holds the outcome, which cannot be a cova"):
        ADJUSTED[name](patients(), f"age + {column}")


@pytest.mark.parametrize(
    ("name", "column"),
    [("AIPW", "responded"), ("Standardisation", "responded"), ("Logistic", "responded"),
     ("RankComparison", "change")],
)  # fmt: skip
def test_the_outcome_is_no_covariate_of_itself(name: str, column: str) -> None:
    with pytest.raises(
        SpecError, match=rf"^'{column}' holds the outcome, which cannot be a covari"
    ):
        ADJUSTED[name](patients(), f"age + {column}")


@pytest.mark.parametrize("name", ADJUSTED)
def test_a_subject_is_no_covariate(name: str) -> None:
    with pytest.raises(SpecError, match=r"^'subject' identifies subjects and is no covariate"):
        ADJUSTED[name](patients(), "age + subject")
