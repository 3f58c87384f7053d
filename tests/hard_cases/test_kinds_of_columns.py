"""Numbers, categories, dates and labels are decided by the values, not by the kind of frame."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import DataError, SpecError, TrdstatsError, UnknownNameError
from trdstats.frames import to_pandas
from trdstats.imputation.trial.layout import lay_out
from trdstats.kinds import as_labels, in_order, kind_of, label_of

N = 60


def people() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "subject": [f"s{i:02}" for i in range(N)],
            "treatment": np.where(np.arange(N) % 2, "B", "A"),
            "time": rng.exponential(10, N),
            "status": rng.integers(0, 2, N),
            "age": rng.integers(20, 70, N),
        }
    )


def effects(frame: Any, formula: str = "age + treatment") -> list[float]:
    return list(trd.CoxPH(formula).fit(trd.EventTimes(frame)).tidy()["estimate"])


def as_decimal(v: int) -> Decimal:
    return Decimal(int(v))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.astype({"age": object}),
        lambda f: f.assign(age=[Decimal(int(v)) for v in f["age"]]),
        lambda f: f.assign(age=[Fraction(int(v)) for v in f["age"]]),
        lambda f: f.assign(age=pd.Series([*map(int, f["age"][:-1]), float(f["age"].iloc[-1])],
                                         dtype=object)),
        lambda f: f.astype({"age": "Int64"}),
        lambda f: f.assign(age=pd.array([Decimal(int(v)) for v in f["age"]],
                                        dtype=pd.ArrowDtype(pa.decimal128(8, 2)))),
        lambda f: pl.from_pandas(f).with_columns(pl.col("age").cast(pl.Decimal(8, 2))),
        lambda f: pa.Table.from_pandas(f).set_column(
            4, "age", pa.array([Decimal(int(v)) for v in f["age"]], pa.decimal128(8, 2))),
    ],
    ids=["object", "Decimal", "Fraction", "int and float", "Int64", "arrow in pandas",
         "polars Decimal", "arrow decimal"],
)  # fmt: skip
def test_numbers_are_numbers(change: Any) -> None:
    frame = people()
    np.testing.assert_allclose(effects(change(frame)), effects(frame), rtol=1e-12)


def test_arrow_columns_of_pandas_are_plain_ones() -> None:
    """Arrays of arrow cannot be searched for labels: `only` and `compare` ended there."""
    trial = trd.load_sample("trial")
    visits = trial.visits[["subject", "day", "score"]].astype({"subject": str})
    subjects = trial.subjects[["subject", "treatment", "sex"]].astype(str)
    roles: Any = {"scale": "MADRS", "randomised": True, "windows": {28: 3}}
    plain = trd.Study(visits, subjects, **roles)
    made = trd.Study(
        *(t.convert_dtypes(dtype_backend="pyarrow") for t in (visits, subjects)), **roles
    )
    want, got = (
        trd.rates(s.only(["ECT", "TMS"]), trd.Response(), day=28).tidy() for s in (plain, made)
    )
    pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.array(["a", None], dtype=pd.ArrowDtype(pa.string())), "O"),
        (pd.array(["a", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))), "O"),
        (pd.Categorical(pd.array(["a", None], dtype=pd.ArrowDtype(pa.string()))), "O"),
        (pd.Categorical(pd.array([1, None], dtype="Int64")), "i"),
        (pd.array([datetime.datetime(2026, 1, 1), None],
                  dtype=pd.ArrowDtype(pa.timestamp("us"))), "M"),
        (pd.array([datetime.date(2026, 1, 1), None], dtype=pd.ArrowDtype(pa.date32())), "O"),
    ],
    ids=["text", "dictionary", "levels of text", "levels of numbers", "time", "date"],
)  # fmt: skip
def test_arrow_in_pandas_becomes_plain(values: Any, kind: str) -> None:
    column = to_pandas(pd.DataFrame({"x": values}), what="rows")["x"]
    dtype = column.cat.categories.dtype if hasattr(column, "cat") else column.dtype
    assert dtype.kind == kind
    assert list(column.isna()) == [False, True]


def test_missing_decimals_are_missing() -> None:
    frame = people()
    want = effects(frame.iloc[3:])
    for empty in (None, Decimal("NaN"), float("nan"), pd.NA):
        ages = [empty] * 3 + [Decimal(int(v)) for v in frame["age"][3:]]
        fit = trd.CoxPH("age + treatment").fit(trd.EventTimes(frame.assign(age=ages)))
        np.testing.assert_allclose(fit.tidy()["estimate"], want, rtol=1e-10)


@pytest.mark.parametrize("text", [True, False], ids=["all text", "objects"])
def test_texts_among_numbers_are_named(text: bool) -> None:
    ages = [str(v) if text else int(v) for v in people()["age"]]
    frame = people().assign(age=pd.Series(ages, dtype=object))
    frame.loc[[3, 8], "age"] = ["unknown", "~40"]
    words = r"'age' holds numbers, but 2 entries are none.\n  'unknown' in row 3; '~40' in row 8"
    for call in (
        lambda: effects(frame),
        lambda: trd.PropensityWeights("age").fit(frame),
        lambda: trd.MMRM("time ~ age").fit(frame.assign(visit=7)),
        lambda: trd.LMM("time ~ age", random="1").fit(frame),
        lambda: trd.Standardisation("treatment + age", outcome="status").fit(frame),
    ):
        with pytest.raises(DataError, match=words):
            call()
    # Labels, because the formula says so.
    terms = trd.formulas.read_covariates(frame, "C(age)").terms
    assert len(terms) == frame["age"].map(str).nunique() - 1


def test_codes_are_labels() -> None:
    frame = people().assign(site=np.resize(["1", "2A", "3B", "C4"], N))
    assert kind_of(frame["site"]) == "category"
    assert len(effects(frame, "site")) == 3


@pytest.mark.parametrize(
    "dates",
    [
        pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="D"),
        pd.to_timedelta(np.arange(N), unit="D"),
        [datetime.date(2026, 1, 1) + datetime.timedelta(days=k) for k in range(N)],
        [datetime.timedelta(days=k) for k in range(N)],
        pd.Categorical(pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="D")),
        pd.period_range("2026-01-01", periods=N, freq="D"),
    ],
)  # fmt: skip
def test_dates_are_no_categories(dates: Any) -> None:
    frame = people().assign(when=dates)
    for formula in ("when", "C(when)", "age + when"):
        with pytest.raises(DataError, match="'when' holds dates or durations"):
            effects(frame, formula)
    with pytest.raises(TrdstatsError, match=r"dates|no numbers"):
        effects(frame, "log(when)")
    with pytest.raises(DataError, match="'when' holds dates"):
        trd.MMRM("time ~ when").fit(frame.assign(visit=7))
    with pytest.raises(DataError, match="'when' holds dates"):
        trd.MMRM("time ~ when").fit(frame, visit="when")


def test_booleans_are_categories() -> None:
    rng = np.random.default_rng(8)
    frame = people().assign(old=lambda d: d["age"] > 50, y=rng.normal(size=N), visit=7)
    fit = trd.CoxPH("old").fit(trd.EventTimes(frame))
    assert list(fit.tidy()["term"]) == ["old[T.True]"]
    assert effects(frame, "old") == pytest.approx(effects(frame.astype({"old": int}), "old"))
    rated = ratings().assign(old=lambda d: d["subject"] < "s15")
    fitted = trd.MMRM("y ~ visit + old", covariance="cs").fit(rated)
    means = fitted.margins("old").tidy()
    assert list(means["old"]) == [False, True]
    np.testing.assert_allclose(means["estimate"], rated.groupby("old")["y"].mean(), rtol=1e-9)
    slope = trd.MMRM("y ~ visit + I(old * 2)", covariance="cs").fit(rated)
    assert 2 * slope.tidy()["estimate"].iloc[-1] == pytest.approx(
        fitted.tidy()["estimate"].iloc[-1]
    )


def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"subject": np.repeat([f"s{k:02}" for k in range(40)], 3)})
    frame["visit"] = np.tile([7, 14, 28], 40)
    frame["site"] = np.repeat(rng.integers(1, 5, 40), 3)
    frame["treatment"] = np.repeat(np.where(np.arange(40) % 2, "B", "A"), 3)
    frame["y"] = rng.normal(0, 2, 120) + 2 * (frame["site"] == 2)
    return frame


@pytest.mark.parametrize("dtype", [int, float, object, "Int64"])
def test_numbers_within_c_are_levels(dtype: Any) -> None:
    frame = ratings()
    text = frame.assign(site=frame["site"].map("site {}".format))
    want = trd.MMRM("y ~ site + treatment * visit").fit(text)
    fit = trd.MMRM("y ~ C(site) + treatment * visit").fit(frame.astype({"site": dtype}))
    for term in ("treatment", "site"):
        np.testing.assert_allclose(
            fit.margins(term).tidy()["estimate"], want.margins(term).tidy()["estimate"], rtol=1e-9
        )
    assert list(fit.margins("site").tidy()["site"]) == [1, 2, 3, 4]
    assert [t for t in fit.terms if "site" in t] == [f"C(site)[T.{k}]" for k in (2, 3, 4)]
    with pytest.raises(SpecError, match=r"'site' holds .*999.*, to which the model was not fitted"):
        fit.predict(frame.iloc[:1].assign(site=999))
    with pytest.raises(UnknownNameError, match="level of 'site' '999'"):
        fit.margins("treatment", at={"site": 999})
    daily = trd.LMM("y ~ C(visit) + treatment", random="1").fit(
        frame.assign(y=frame["y"] + np.repeat(np.random.default_rng(1).normal(0, 3, 40), 3))
    )
    with pytest.raises(UnknownNameError, match="level of 'visit' '99'"):
        daily.margins("treatment", at={"visit": 99})


def test_a_number_that_is_a_level_besides() -> None:
    frame = ratings().assign(dose=lambda d: d["site"])
    fit = trd.CoxPH("dose + C(dose)")
    assert fit.formula == "dose + C(dose)"
    linear = trd.LMM("y ~ dose + C(dose)", random="1")
    with pytest.warns(trd.errors.EstimateWarning):
        found = linear.fit(
            frame.assign(y=frame["y"] + np.repeat(np.random.default_rng(1).normal(0, 3, 40), 3))
        )
    with pytest.raises(TrdstatsError, match=r"level of C\(dose\)"):
        found.predict(frame.iloc[:1].assign(dose=2.5))


def test_missing_sites_are_a_level_of_their_own() -> None:
    frame = people().assign(site=np.arange(N) % 3 + 1.0)
    frame.loc[:5, "site"] = np.nan
    weights = trd.PropensityWeights("age + C(site)", missing="indicator").fit(frame)
    named = [t for t in weights.covariates.design.terms if "site" in t]
    assert named == ["C(site)[T.2]", "C(site)[T.3]", "C(site)[T.missing]"]


def visits(treatment: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": np.repeat([f"s{k:02}" for k in range(40)], 2),
            "treatment": np.repeat(np.asarray(treatment, dtype=object), 2),
            "day": np.tile([0, 28], 40),
            "score": np.tile([30, 10], 40),
        }
    )


def test_labels_keep_all_digits() -> None:
    codes = np.repeat([2119361.0, 2119364.0], 20)
    frame = visits(codes)
    frame["score"] = np.where((frame["day"] == 28) & (frame["treatment"] == 2119361.0), 29,
                              frame["score"])  # fmt: skip
    study = trd.Study(frame, scale="MADRS")
    assert study.treatments == ("2119361", "2119364")
    rates = trd.rates(study, trd.Response(), day=28).tidy()
    rates = rates[rates["measure"] == "rate"]
    assert list(rates["estimate"]) == [0.0, 1.0]
    assert list(rates["n"]) == [20, 20]


@pytest.mark.parametrize(
    "kind",
    [int, float, str, Decimal, lambda v: np.float32(v)],
    ids=["int", "float", "str", "Decimal", "float32"],
)
def test_treatments_that_are_numbers_keep_their_order(kind: Any) -> None:
    arms = np.resize([25, 5, 10], 40)
    study = trd.Study(visits([kind(int(v)) for v in arms]), scale="MADRS")
    assert study.treatments == ("5", "10", "25")
    frame = people().assign(treatment=[kind(int(v)) for v in np.resize([25, 5, 10], N)])
    times = trd.EventTimes(frame)
    assert times.treatments == ("5", "10", "25")
    assert list(trd.CoxPH("treatment").fit(times).tidy()["term"]) == [
        "treatment[T.10]", "treatment[T.25]",
    ]  # fmt: skip
    people_ = trd.PropensityWeights("age").fit(frame).covariates
    assert people_.labels == ("5", "10", "25")
    curves = trd.KaplanMeier(by="dose").fit(
        trd.EventTimes(people().assign(dose=frame["treatment"]))
    )
    assert list(dict.fromkeys(curves.tidy()["dose"].astype(str))) == ["5", "10", "25"]


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_text_and_numbers_have_one_order(values: list[int]) -> None:
    as_numbers = as_labels(pd.Series(values))
    as_floats = as_labels(pd.Series(values, dtype=float))
    as_text = as_labels(pd.Series([str(v) for v in values]))
    assert list(as_numbers.cat.categories) == list(as_text.cat.categories)
    assert list(as_numbers.cat.categories) == list(as_floats.cat.categories)
    assert list(as_numbers.cat.categories) == [str(v) for v in sorted(set(values))]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_label_is_read_back_as_the_same_number(value: float) -> None:
    label = label_of(value)
    assert label is not None
    assert float(label) == value


@given(st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=10))
def test_any_labels_have_an_order(values: list[Any]) -> None:
    ordered = in_order(values)
    assert set(ordered) == set(values)
    assert in_order(list(reversed(values))) == ordered or len({str(v) for v in values}) < len(
        set(values)
    )


@pytest.mark.parametrize("empty", [None, np.nan, pd.NaT, pd.NA, Decimal("NaN"), "", "  "])
def test_no_treatment_is_no_treatment(empty: Any) -> None:
    assert label_of(empty) is None
    frame = visits(np.resize(["A", "B"], 40))
    subjects = pd.DataFrame({"subject": frame["subject"].unique()})
    subjects["treatment"] = pd.Series(np.resize(["A", "B"], 40), dtype=object)
    subjects.loc[[3], "treatment"] = pd.Series([empty], index=[3], dtype=object)
    with pytest.raises(DataError, match="1 subject has no treatment"):
        trd.Study(frame.drop(columns="treatment"), subjects, scale="MADRS")


def test_whole_numbers_too_large_for_floats_stay() -> None:
    big = 2**53 + 1
    kept = to_pandas(pd.DataFrame({"a": pd.Series([big, None], dtype=object)}), what="data")
    assert kept["a"].iloc[0] == big
    whole = to_pandas(pd.DataFrame({"a": pd.Series([big, 1], dtype=object)}), what="data")
    assert whole["a"].dtype == np.int64


def test_the_frame_of_the_user_stays_as_it_was() -> None:
    frame = pd.DataFrame({"a": pd.Series([1, 2], dtype=object), 5: pd.Series([1, 2], dtype=object)})
    changed = to_pandas(frame, what="data")
    assert changed["a"].dtype == np.int64
    assert changed["5"].dtype == np.int64
    assert frame["a"].dtype == object


def test_a_covariate_empty_on_some_rows() -> None:
    frame = visits(np.resize(["A", "B"], 40))
    frame["age"] = np.repeat(np.arange(40.0) + 30, 2)
    frame["noted"] = np.where(frame["day"] == 28, 1.0, np.nan)
    sparse = frame.assign(age=frame["age"].where(frame["day"] == 0))
    whole, gaps = (trd.Study(f, scale="MADRS") for f in (frame, sparse))
    pd.testing.assert_series_equal(gaps.subjects["age"], whole.subjects["age"])
    assert "noted" not in gaps.subjects  # not known at the start: of the visit, not the subject


def test_an_imputation_takes_a_covariate_empty_on_some_rows() -> None:
    frame = ratings().assign(age=np.repeat(np.random.default_rng(3).normal(50, 9, 40), 3))
    frame.loc[frame["visit"].eq(28) & (np.arange(120) % 4 == 0), "y"] = np.nan
    sparse = frame.assign(age=frame["age"].where(frame["visit"] == 7))
    whole, gaps = (
        lay_out(
            f, "y ~ age + treatment * visit", subject="subject", treatment="treatment",
            visit="visit", days=None,
        )
        for f in (frame, sparse)
    )  # fmt: skip
    pd.testing.assert_frame_equal(gaps.subject_table, whole.subject_table)
    assert not gaps.left_out


def test_models_name_their_references() -> None:
    frame = people().assign(treatment=np.resize([25, 5, 10], N), sex=np.resize(["m", "f"], N))
    times = trd.EventTimes(frame)
    words = "treatment = 5, sex = f"
    for model in (trd.CoxPH, trd.AFT, trd.IntervalPH, trd.FineGray):
        facts = dict(model("treatment + sex").fit(times).summary().header)
        assert facts["Reference"] == words
    coded = trd.CoxPH("C(treatment, Treatment('10')) + age").fit(times)
    assert dict(coded.summary().header)["Reference"] == "C(treatment, Treatment('10')) = 10"
    assert "Reference" not in dict(trd.CoxPH("age").fit(times).summary().header)
    fit = trd.MMRM("y ~ C(site) + treatment * visit").fit(ratings())
    assert dict(fit.summary().header)["Reference"] == "C(site) = 1, treatment = A, visit = 7"
