"""An MMRM of a study in partitions, with weights and robust errors: the numbers of memory."""

from __future__ import annotations

import gc
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from divided_visits import RTOL, divided_into, divided_likewise, quietly, same, visits

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, TooLargeError, TrdstatsError
from trdstats.study.divided import divided_study

dask = pytest.importorskip("dask")

pytestmark = pytest.mark.usefixtures("synchronous")

WINDOWS = {14: 5, 28: 5, 42: 5, 56: 5, 70: 5, 84: 5}
FORMULA = "change ~ baseline * visit + treatment * visit + age"


@cache
def frame() -> pd.DataFrame:
    """Visits with a weight of each subject, 0 of some, and covariates far from 0."""
    rows = visits()
    number = rows["subject"].str[1:].astype(int)
    weight = np.where(number % 11 == 4, 0.0, 0.5 + number % 5 / 3)
    year = 2000 + (rows["born"] - 1e8) / 10
    # One rating of one subject at a level of its own: it has no residual there.
    alone = np.where((number == 9), "only P009", "others")
    return rows.assign(weight=weight, year=year, alone=alone)


@cache
def both(n: int) -> tuple[trd.Study, Any]:
    roles = {"windows": WINDOWS}
    study = quietly(lambda: trd.Study(frame(), scale="MADRS", **roles))
    return study, divided_likewise(frame(), n, **roles)


@cache
def fit_of(n: int | None, formula: str, options: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    """Return the fit in memory, or of n partitions, and what it warned of."""
    study = both(1)[0] if n is None else both(n)[1]
    given = dict(options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        weights = given.pop("weights", None)
        weights = weights(study) if callable(weights) else weights
        fit = trd.MMRM(formula, **given).fit(study, weights=weights)
    return fit, [str(w.message) for w in caught]


def fits(n: int, formula: str, **options: Any) -> tuple[Any, Any]:
    """Return the fits of both, of the second from sums, and hold their warnings to each other."""
    (alone, said), (summed, said_of_parts) = (
        fit_of(k, formula, tuple(options.items())) for k in (None, n)
    )
    assert said == said_of_parts
    assert not len(summed.design.person), "rows were gathered"
    return alone, summed


def propensity(study: trd.Study) -> Any:
    return trd.PropensityWeights("baseline").fit(study)


def some_of(study: trd.Study) -> pd.Series[float]:
    """Return weights by subject, which no column has."""
    age = study.subjects.set_index("subject")["age"].fillna(50.0)
    return (age / 40).rename("weight")


SEARCH = ["gradient", "condition", "n_iterations", "n_evaluations"]  # how the search went
OF_SUBJECTS = ("influence", "observed contrasts")
ANSWERS: dict[str, Callable[[Any], pd.DataFrame]] = {
    "tidy": lambda f: f.tidy(),
    "covariance_parameters": lambda f: f.covariance_parameters(),
    "glance": lambda f: f.glance().drop(columns=SEARCH),
    "margins": lambda f: f.margins("treatment", by="visit").tidy(),
    "margins at": lambda f: f.margins("treatment", by="visit", at={"age": 40}).tidy(),
    "proportional": lambda f: f.margins("treatment", weights="proportional").tidy(),
    "observed": lambda f: f.margins("treatment", by="visit", covariates="observed").tidy(),
    "contrasts": lambda f: f.margins("treatment", by="visit").contrasts(
        pairwise=True, adjust="holm").tidy(),
    "observed contrasts": lambda f: f.margins(
        "treatment", by="visit", covariates="observed").contrasts().influence(),
    "joint_test": lambda f: f.joint_test("treatment"),
    "type3": lambda f: f.type3(),
    "influence": lambda f: f.influence(),
    "contrast": lambda f: f.contrast(np.eye(len(f.terms))[:2]).tidy(),
    "predict": lambda f: f.predict(both(1)[0].longitudinal().head(5).fillna({"age": 40})),
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "Kenward-Roger": {},
    "empirical": {"vcov": "empirical", "ddf": "satterthwaite"},
    "bias-reduced": {"vcov": "bias-reduced", "ddf": "satterthwaite"},
    "jackknife, ML": {"vcov": "jackknife", "ddf": "satterthwaite", "reml": False},
    "between-within": {"vcov": "bias-reduced", "ddf": "between-within", "covariance": "toeph"},
    "residual": {"vcov": "empirical", "ddf": "residual", "covariance": "ar1"},
    "by treatment": {
        "vcov": "bias-reduced", "ddf": "satterthwaite", "covariance": "cs", "group": "treatment"
    },
    "a column": {"weights": "weight"},
    "a column, jackknife": {"weights": "weight", "vcov": "jackknife", "ddf": "residual"},
    "a series": {"weights": some_of, "vcov": "bias-reduced", "ddf": "between-within"},
    "estimated": {"weights": propensity, "covariance": "csh"},
}  # fmt: skip


@cache
def fitted(n: int, model: str) -> tuple[Any, Any]:
    return fits(n, FORMULA, **MODELS[model])


# What fits in memory answer: the same for every number of partitions.
ANSWERED: dict[tuple[int, str], pd.DataFrame] = {}


def same_answer(name: str, alone: Any, summed: Any) -> None:
    answer, of_rows = ANSWERS[name], (id(alone), name)  # such fits are kept: see `fit_of`
    if of_rows not in ANSWERED:
        ANSWERED[of_rows] = answer(alone)
    same(ANSWERED[of_rows], answer(summed), beside=RTOL if name in OF_SUBJECTS else 1e-13)


@pytest.mark.parametrize("n", [1, 3, 7])
@pytest.mark.parametrize("model", MODELS)
def test_every_answer_is_that_of_memory(model: str, n: int, few_rows: None) -> None:
    alone, summed = fitted(n, model)
    weighted = "weights" in MODELS[model]
    for name in ANSWERS:
        if weighted and "observed" in name:
            continue
        try:
            same_answer(name, alone, summed)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
    assert str(alone) == str(summed)
    assert alone.design.left_out == summed.design.left_out
    assert ("weight 0" in summed.design.left_out) == (model in ("a column", "a column, jackknife"))
    assert [str(s) for s in alone.design.subjects] == [str(s) for s in summed.design.subjects]
    assert (alone.design.better, alone.design.scale) == (summed.design.better, summed.design.scale)
    assert (alone.spec, alone.boundary) == (summed.spec, summed.boundary)


def test_joint_covariances_with_other_results(few_rows: None) -> None:
    joined = []
    for one, other in zip(fitted(3, "bias-reduced"), fitted(3, "Kenward-Roger"), strict=True):
        both_fits = trd.joint(one, other, labels=["robust", "model"])
        q = len(one.terms)
        L = np.zeros(2 * q)
        L[[1, 1 + q]] = 1, -1
        joined.append(both_fits.contrast(L).tidy())
    same(*joined)


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "far from zero": ("score ~ born * visit + treatment", {"covariance": "cs"}),
    "years": ("score ~ treatment * year + visit", {"covariance": "cs"}),
    "years of cells": ("score ~ 0 + visit + visit:year", {"covariance": "cs"}),
    "aliased": ("score ~ age + older + visit", {"covariance": "toeph"}),
    "aliased and far": ("score ~ C(clinic) * year + C(batch) * site", {"covariance": "cs"}),
    "empty cells": ("score ~ C(batch) * site + visit", {"covariance": "cs"}),
    "no intercept": ("score ~ 0 + treatment:visit", {}),
    "only an intercept": ("score ~ 1", {}),
    "curves": ("score ~ I(age**2) + log(age) + visit", {}),
    "a transformed outcome": ("log(score + 1) ~ treatment + visit", {}),
    "known in some partitions": ("score ~ dose + clinic + visit", {"covariance": "cs"}),
    "a subject alone": ("score ~ alone + visit", {"covariance": "cs"}),
}


@pytest.mark.parametrize("n", [1, 3, 7])
@pytest.mark.parametrize("case", OTHERS)
def test_hard_cases_are_those_of_memory(case: str, n: int, few_rows: None) -> None:
    """Robust fits have the estimates of the others: both are made of seven partitions."""
    formula, options = OTHERS[case]
    robust_one = {"vcov": "bias-reduced", "ddf": "satterthwaite"}
    for robust in ({}, robust_one) if n == 7 else (robust_one,):
        alone, summed = fits(n, formula, **options, **robust)
        assert alone.aliased == summed.aliased
        # Columns far from 0 are counted from other places: the last of their digits differ.
        for name in ("tidy", "covariance_parameters", "glance", "influence"):
            same_answer(name, alone, summed)
        assert str(alone) == str(summed)


def test_a_boundary_is_that_of_memory(few_rows: None) -> None:
    for alone, summed in (fits(3, "flat ~ visit", covariance="cs", vcov="empirical",
                               ddf="satterthwaite"),):  # fmt: skip
        same(alone.tidy(), summed.tidy())
        assert alone.boundary == summed.boundary


def test_fewer_subjects_are_those_of_memory(few_rows: None) -> None:
    answers = []
    for study in both(7):
        kept = study.keep(study.subjects["age"] > 48).only(["A", "C"])
        fit = trd.MMRM(FORMULA, covariance="csh").fit(kept, weights="weight")
        answers.append((fit.tidy(), fit.influence().assign(
            subject=lambda t: t["subject"].astype(str))))  # fmt: skip
    for a, b in zip(*answers, strict=True):
        same(a, b, beside=RTOL)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("change ~ change + visit", "fits"),
        ("flat ~ visit", r"'flat' is 20 in all \d+ ratings"),
        ("score ~ C(age) * visit", "too few"),
    ],
)
def test_what_cannot_be_estimated_is_said_as_in_memory(formula: str, words: str) -> None:
    constant = frame().assign(flat=20.0)
    constant = constant[constant["subject"].str[1:].astype(int) < 12]
    said = []
    for make in (
        lambda: trd.Study(constant, scale="MADRS", windows=WINDOWS),
        lambda: divided_into(constant, 3, windows=WINDOWS),
    ):
        study = quietly(make)
        with pytest.raises(NotEstimableError, match=words) as raised:
            quietly(lambda s=study: trd.MMRM(formula, covariance="cs").fit(s))
        said.append(str(raised.value))
    assert said[0] == said[1]


@cache
def without_windows() -> tuple[trd.Study, Any]:
    """Return a study of visits on 170 days, in memory and in partitions."""
    rows = frame().assign(day=np.where(frame()["day"] > 0, np.arange(len(frame())) % 170 + 1, 0))
    rows = rows.drop_duplicates(["subject", "day"])
    return quietly(lambda: trd.Study(rows, scale="MADRS")), divided_into(rows, 3)


@pytest.mark.parametrize("group", [None, "treatment"])
@pytest.mark.parametrize(
    ("covariance", "words"),
    [
        ("us", r"needs more subjects than visits; there are \d+ subjects"),
        ("adh", "is too large to be fitted"),
        ("cs", "are too many for a mean at every visit"),
    ],
)
def test_visits_on_every_day_are_refused_as_in_memory(
    covariance: str, words: str, group: str | None
) -> None:
    """Without windows every day is a visit: parts are not summed in vain."""
    spec, said = trd.MMRM("change ~ treatment + visit", covariance=covariance, group=group), []
    for study in without_windows():
        with pytest.raises(NotEstimableError, match=words) as raised:
            quietly(lambda s=study: spec.fit(s))
        said.append(str(raised.value))
    assert said[0] == said[1]


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no such column": ("score ~ dosage", {}),
    "no value": ("score ~ log(age - 60)", {}),
    "no number": ("site ~ visit", {}),
    "no weight": ("score ~ visit", {"weights": "no such weight"}),
    "negative": ("score ~ visit", {"weights": lambda s: some_of(s) - 1.2}),
    "too few": ("score ~ visit", {"weights": lambda s: some_of(s).iloc[:40]}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_as_in_memory(case: str) -> None:
    formula, options = WRONG[case]
    said = []
    for study in both(7):
        weights = options.get("weights")
        with pytest.raises(TrdstatsError) as raised:
            trd.MMRM(formula).fit(study, weights=weights(study) if callable(weights) else weights)
        said.append(f"{type(raised.value).__name__}: {raised.value}")
    assert said[0] == said[1]


@pytest.mark.parametrize("work", [
    lambda f: f.residuals(), lambda f: f.simulate(seed=1), lambda f: f.predict(),
    lambda f: f.residual_autocorrelation(), lambda f: f.predict_missing(),
    lambda f: f.probability(trd.Response()), lambda f: f.onset_curve(trd.Response()),
])  # fmt: skip
def test_what_needs_rows_says_what_to_do(work: Callable[[Any], Any]) -> None:
    words = r"sums of partitions, which hold no rows: .* need them\. .*study\.longitudinal\(\).*"
    with pytest.raises(TooLargeError, match=words + r"study\.in_memory\(\)"):
        work(fitted(3, "bias-reduced")[1])


NEED_ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "actual days": (FORMULA, {"covariance": "sp_exp", "time": "day"}),
    "weights of ratings": (FORMULA, {"rating_weights": "age"}),
    "constrained": ("score ~ visit * treatment", {"constrained": True}),
    "a spline": ("score ~ bs(age, df=4) + visit", {}),
    "a scaled outcome": ("scale(score) ~ visit", {}),
    "a covariate of the visit": ("score ~ day + visit", {"covariance": "cs"}),
}


@pytest.mark.parametrize("case", NEED_ROWS)
def test_models_that_need_rows_gather_them(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    formula, options = NEED_ROWS[case]
    study, divided = both(3)
    spec = trd.MMRM(formula, **options)
    alone, gathered = (quietly(lambda s=s: spec.fit(s)) for s in (study, divided))
    assert len(gathered.design.person) == gathered.n_obs
    same(alone.tidy(), gathered.tidy())
    monkeypatch.setattr(divided_study, "MOST_ROWS", 10)
    with pytest.raises(
        (TooLargeError, SpecError), match=r"would be gathered|change between visits"
    ):
        spec.fit(divided)


def test_the_parts_are_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels, then sums; scores and degrees of freedom are of subjects that are kept."""
    read = []
    table = trd.Study.longitudinal

    def counted(study: trd.Study, *days: Any) -> pd.DataFrame:
        read.append(study)
        return table(study, *days)

    monkeypatch.setattr(trd.Study, "longitudinal", counted)
    robust = trd.MMRM(FORMULA, vcov="bias-reduced", ddf="satterthwaite")
    fit = robust.fit(both(3)[1])
    fit.summary(), fit.margins("treatment", by="visit").contrasts().tidy(), fit.influence()
    assert len(read) == 2 * 3
    trd.MMRM(FORMULA).fit(both(3)[1], weights="weight").tidy()
    assert len(read) == 3 * 3  # with weights, rows are read once and kept
    plain = trd.MMRM(FORMULA).fit(both(3)[1])
    plain.tidy(), plain.margins("treatment", by="visit").tidy()
    assert len(read) <= 6 * 3
    plain.influence(), plain.estimates()
    assert len(read) <= 6 * 3


@pytest.mark.parametrize("kept", ["weights", "subjects"])
def test_a_copy_whose_original_is_gone_says_so(kept: str) -> None:
    options = {"weights": "weight"} if kept == "weights" else {}
    study = divided_into(frame(), 2, windows=WINDOWS)
    spec = trd.MMRM("score ~ visit", covariance="cs", vcov="bias-reduced", ddf="satterthwaite")
    copied = pickle.dumps(spec.fit(study, **options))
    gc.collect()
    with pytest.raises(TooLargeError, match=r"is no longer there: .* Fit the model again"):
        pickle.loads(copied).margins("visit").tidy()
