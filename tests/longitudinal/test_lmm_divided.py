"""An LMM of a study in partitions: the numbers of memory, from sums and without rows."""

from __future__ import annotations

import gc
import pickle
import threading
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from divided_visits import RTOL, divided_into, divided_likewise, quietly, same, visits

import trdstats as trd
from trdstats.errors import DataWarning, EstimateWarning, SpecError, TooLargeError, TrdstatsError
from trdstats.partitions import computed, task_of
from trdstats.study.divided import divided_study

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

pytestmark = pytest.mark.usefixtures("synchronous")


@cache
def both(n: int, outcome: str = "score") -> tuple[trd.Study, Any]:
    """Return the study of a column of scores in memory, and in n partitions."""
    frame = visits().assign(score=visits()[outcome])
    return quietly(lambda: trd.Study(frame, scale="MADRS")), divided_likewise(frame, n)


def fits(n: int, formula: str, outcome: str = "score", **options: Any) -> tuple[Any, Any]:
    """Return the fits of both, of the second from sums, and hold their warnings to each other."""
    study, divided = both(n, outcome)
    of_rows = repr((formula, outcome, options))
    if of_rows not in IN_MEMORY:
        IN_MEMORY[of_rows] = fit_and_words(trd.LMM(formula, **options), study)
    alone, said = IN_MEMORY[of_rows]
    summed, said_of_parts = fit_and_words(trd.LMM(formula, **options), divided)
    assert said == said_of_parts
    assert not len(summed.design.person), "rows were gathered"
    return alone, summed


def fit_and_words(spec: trd.LMM, study: trd.Study) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(study)
    return fit, [str(w.message) for w in caught]


# Fits in memory, and what they answer: the same for every number of partitions.
IN_MEMORY: dict[str, tuple[Any, list[str]]] = {}
ANSWERED: dict[tuple[int, str], pd.DataFrame] = {}


# What a subject has near 0 is a difference of terms as large as the largest of all subjects.
OF_SUBJECTS = ("influence", "random_effects", "observed contrasts")


def same_answer(name: str, alone: Any, summed: Any) -> None:
    answer, of_rows = ANSWERS[name], (id(alone), name)  # such fits are kept
    if of_rows not in ANSWERED:
        ANSWERED[of_rows] = answer(alone)
    same(ANSWERED[of_rows], answer(summed), beside=RTOL if name in OF_SUBJECTS else 1e-14)


SEARCH = ["gradient", "condition", "n_iterations", "n_evaluations"]  # how the search went
ANSWERS: dict[str, Callable[[Any], pd.DataFrame]] = {
    "tidy": lambda f: f.tidy(),
    "covariance": lambda f: f.covariance,
    "covariance_parameters": lambda f: f.covariance_parameters(),
    "glance": lambda f: f.glance().drop(columns=SEARCH),
    "margins": lambda f: f.margins("treatment").tidy(),
    "margins at": lambda f: f.margins("treatment", at={"day": 20}).tidy(),
    "proportional": lambda f: f.margins("treatment", weights="proportional").tidy(),
    "observed": lambda f: f.margins("treatment", covariates="observed").tidy(),
    "contrasts": lambda f: f.margins("treatment").contrasts(pairwise=True, adjust="holm").tidy(),
    "observed contrasts": lambda f: f.margins("treatment", covariates="observed").contrasts(
        ).influence(),
    "slopes": lambda f: f.slopes("day", by="treatment").contrasts().tidy(),
    "joint_test": lambda f: f.joint_test("treatment"),
    "type3": lambda f: f.type3(),
    "influence": lambda f: f.influence(),
    "contrast": lambda f: f.contrast(np.eye(len(f.terms))[:2]).tidy(),
    "random_effects": lambda f: f.random_effects(),
    "variance_tests": lambda f: f.variance_tests(),
    "predict": lambda f: f.predict(both(1)[0].longitudinal().head(5).fillna(
        {"age": 40}), interval="new subject"),
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "intercept": {},
    "intercept, ML": {"reml": False},
    "slope": {"random": "1 + day"},
    "slope, ML": {"random": "1 + day", "reml": False},
    "uncorrelated": {"random": "1 + day", "correlated": False},
    "Kenward-Roger": {"random": "1 + day", "ddf": "kenward-roger"},
    "residual": {"ddf": "residual"},
    "named": {"random": {"subject": "1"}},
    **{
        f"wards{more}": {"random": {"ward": "1", "subject": "1"}, "outcome": "by_ward"} | options
        for more, options in {
            "": {},
            ", ML": {"reml": False},
            ", Kenward-Roger": {"ddf": "kenward-roger"},
        }.items()
    },
    "slopes": {"random": {"ward": "1 + day", "subject": "1 + day"}, "outcome": "by_ward"},
    "slopes, uncorrelated": {
        "random": {"ward": "1 + day", "subject": "1"},
        "correlated": False,
        "outcome": "by_ward",
    },
    "regions": {"random": {"region": "1", "ward": "1", "subject": "1"}, "outcome": "by_ward"},
}
FORMULA = "score ~ day * treatment + baseline + age + site"


@cache
def fitted(n: int, model: str) -> tuple[Any, Any]:
    return fits(n, FORMULA, **MODELS[model])


@pytest.mark.parametrize("n", [1, 3, 7])
@pytest.mark.parametrize("model", MODELS)
def test_every_answer_is_that_of_memory(model: str, n: int, few_rows: None) -> None:
    alone, summed = fitted(n, model)
    of_sites = alone.design.unit != "subject"
    for name in ANSWERS:
        if of_sites and name.startswith("observed"):
            for fit in (alone, summed):
                with pytest.raises(SpecError, match=r"only the levels of '\w+' are independent"):
                    ANSWERS[name](fit)
            continue
        try:
            same_answer(name, alone, summed)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
    for grouping in alone._groupings:
        effects = [f.random_effects(grouping.column) for f in (alone, summed)]
        same(*effects, beside=RTOL)
    assert str(alone) == str(summed)
    later = visits()[visits()["day"] > 0]
    no_score, no_age = later["score"].isna(), later["age"].isna()
    assert alone.design.left_out == summed.design.left_out
    assert summed.design.left_out == {
        "no outcome": no_score.sum(), "a covariate is missing": (no_age & ~no_score).sum(),
    }  # fmt: skip
    for property_of in ("deviance", "aic", "aicc", "bic", "residual_variance"):
        value = getattr(alone, property_of)
        assert getattr(summed, property_of) == pytest.approx(value, rel=RTOL)
    assert alone.design.subjects.equals(summed.design.subjects)
    assert (summed.effects, summed.structure, summed.boundary) == (
        alone.effects, alone.structure, alone.boundary,
    )  # fmt: skip


def test_joint_covariances_with_other_results(few_rows: None) -> None:
    joined = []
    for one, other in zip(fitted(3, "slope"), fitted(3, "intercept, ML"), strict=True):
        both_fits = trd.joint(one, other, labels=["slope", "intercept"])
        L = np.zeros(20)
        L[[1, 11]] = 1, -1  # the difference of their effects of a day
        joined.append(both_fits.contrast(L).tidy())
    same(*joined)


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a variance at zero": ("score ~ day", {"outcome": "flat"}),
    "variances at zero": (
        "score ~ treatment",
        {"outcome": "flat", "random": "1 + age", "correlated": False},
    ),
    "a correlation at one": ("score ~ day", {"outcome": "fan", "random": "1 + day"}),
    "aliased": ("score ~ age + older + day", {}),
    "empty cells": ("score ~ C(batch) * site * treatment + day", {}),
    "no intercept": ("score ~ 0 + treatment + day", {"random": "0 + day"}),
    "only an intercept": ("score ~ 1", {}),
    "far from zero": ("score ~ born + day", {"random": "1 + day"}),
    "curves": ("score ~ day + I(day**2) + log(age)", {"random": "1 + I(day / 7)"}),
    "numbers as categories": ("score ~ C(dose) * day", {}),
    "days as categories": ("score ~ C(day) + male", {}),
    "truth values": ("score ~ male * day", {}),
    "known in some partitions": ("score ~ dose + clinic * day", {"random": "1 + day"}),
    "a transformed outcome": ("log(score + 1) ~ treatment + day", {}),
    "sums to zero": ("score ~ C(site, contr.sum) + day", {}),
    "a site of one partition": (
        "by_ward ~ day * treatment",
        {"random": {"site": "0 + day", "subject": "1"}},
    ),
    "sites that some do not know": ("by_ward ~ day", {"random": {"known": "1", "subject": "1"}}),
    "sites that are numbers": ("by_ward ~ age + day", {"random": {"desk": "1", "subject": "1"}}),
    "sites far from zero": (
        "by_ward ~ born + day",
        {"random": {"ward": "1 + day", "subject": "1"}},
    ),
}


AT_BOUNDARY = (
    "a variance at zero", "variances at zero", "a correlation at one", "a site of one partition",
)  # fmt: skip


@pytest.mark.parametrize("n", [1, 3, 7])
@pytest.mark.parametrize("case", OTHERS)
def test_hard_cases_are_those_of_memory(case: str, n: int, few_rows: None) -> None:
    formula, options = OTHERS[case]
    alone, summed = fits(n, formula, **options)
    assert (case in AT_BOUNDARY) == bool(alone.boundary)
    assert alone.boundary == summed.boundary
    assert alone.aliased == summed.aliased
    assert (case in ("aliased", "empty cells")) == bool(alone.aliased)
    for name in ("tidy", "covariance_parameters", "glance", "influence", "random_effects"):
        same_answer(name, alone, summed)
    same(alone.variance_tests(), summed.variance_tests(), rtol=1e-8)  # a difference of deviances
    assert str(alone) == str(summed)


def test_levels_that_look_alike_are_said_once(few_rows: None) -> None:
    """Blanks around texts are none; `fits` compares the warnings."""
    with pytest.warns(DataWarning, match="1 pair of levels of 'spelt' differs only in case"):
        trd.LMM("score ~ spelt + day").fit(both(3)[1])
    alone, summed = fits(3, "score ~ spelt + day")
    same(alone.tidy(), summed.tidy())


def test_a_boundary_is_warned_of(few_rows: None) -> None:
    with pytest.warns(EstimateWarning, match="Intercept of subject is estimated at zero"):
        fit = trd.LMM("score ~ day").fit(both(3, "flat")[1])
    assert fit.covariance.iloc[0, 0] == 0


def test_threads_lose_no_warning() -> None:
    """Two threads catch warnings; the first leaves while the second still does."""
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first() -> None:
        with warnings.catch_warnings(record=True):
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second() -> None:
        first_in.wait(10)
        with warnings.catch_warnings(record=True):
            second_in.set()
            first_out.wait(10)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with dask.config.set(scheduler="threads", num_workers=2):
            computed([task_of(first)(), task_of(second)()])
        warnings.warn("of the fit", stacklevel=1)
    assert [str(w.message) for w in heard] == ["of the fit"]


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "one site": ("score ~ day", {"random": {"alike": "1", "subject": "1"}}),
    "a site for each subject": ("score ~ day", {"random": {"number": "1", "subject": "1"}}),
    "a subject at two sites": ("score ~ day", {"random": {"weekly": "1", "subject": "1"}}),
    "a site in two regions": (
        "score ~ day",
        {"random": {"treatment": "1", "ward": "1", "subject": "1"}},
    ),
    "no such column": ("score ~ dosage", {}),
    "no value": ("score ~ log(day - 14)", {}),
    "exact": ("score ~ change + baseline", {}),
    "not identified": ("score ~ day", {"random": "1 + age + born", "reml": False}),
    "no number": ("site ~ day", {}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_as_in_memory(case: str) -> None:
    formula, options = WRONG[case]
    said = []
    for study in both(7):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trd.LMM(formula, **options).fit(study)
            said.append("")
        except TrdstatsError as error:
            said.append(f"{type(error).__name__}: {error}")
    assert said[0] == said[1]
    assert said[0] or case == "not identified"


def test_what_is_wrong_is_said_of_rows_that_are_too_many(few_rows: None) -> None:
    with pytest.raises(TrdstatsError, match="has no column 'dosage'"):
        trd.LMM("score ~ dosage").fit(both(3)[1])
    with pytest.raises(SpecError, match=r"log\(day - 14\) has no value in"):
        trd.LMM("score ~ log(day - 14)").fit(both(3)[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(score=20.0), r"'score' is 20 in all \d+ ratings"),
        (lambda f: f[f["day"] < 20], "Every 'subject' has one rating"),
        (lambda f: f.assign(age=np.nan), "No row has an outcome and all covariates"),
    ],
)
def test_what_cannot_be_estimated_is_said_as_in_memory(
    change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    frame = change(visits())
    said = []
    for make in (lambda f: trd.Study(f, scale="MADRS"), lambda f: divided_into(f, 3)):
        with pytest.raises(trd.errors.NotEstimableError, match=words) as raised:
            trd.LMM("score ~ age").fit(quietly(lambda make=make: make(frame)))
        said.append(str(raised.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("random", "one"), [("1", "subject"), ({"ward": "1", "subject": "1"}, "ward")]
)
def test_the_variance_of_one_group_is_not_identified(random: Any, one: str) -> None:
    """Memory took the boundary, and partitions another error of the intercept."""
    frame = visits()
    frame = frame[frame[one] == frame[one].iloc[0]]
    said = []
    for make in (lambda: trd.Study(frame, scale="MADRS"), lambda: divided_into(frame, 2)):
        study, words = quietly(make), f"'{one}' has one group .*: the variance between groups"
        with pytest.raises(trd.errors.NotEstimableError, match=words) as raised:
            trd.LMM("score ~ day", random=random).fit(study)
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_likelihood_ratios_are_those_of_memory(few_rows: None) -> None:
    larger, simpler = (fitted(3, m) for m in ("slope", "intercept"))
    ratios = [a.likelihood_ratio(b) for a in larger for b in simpler]
    assert all(r["df"].tolist() == ["1:2"] for r in ratios)
    for ratio in ratios[1:]:  # a fit of rows and one of sums compare as well
        same(ratios[0], ratio, rtol=1e-9)  # a difference of deviances, a hundredth of their size
    uncorrelated = fitted(3, "uncorrelated")
    same(*(a.likelihood_ratio(b) for a, b in zip(larger, uncorrelated, strict=True)), rtol=1e-8)


def test_likelihood_ratios_of_sites_are_those_of_memory(few_rows: None) -> None:
    spec = trd.LMM("by_ward ~ day * treatment", random={"ward": "1 + day", "subject": "1"})
    simpler = [
        trd.LMM(spec.formula, random={"ward": "1", "subject": "1"}),
        trd.LMM(spec.formula, random={"ward": "1 + day", "subject": "1"}, correlated=False),
    ]
    study, divided = both(3)
    larger = [spec.fit(s) for s in (study, divided)]
    for other in simpler:
        fewer = [other.fit(s) for s in (study, divided)]
        ratios = [a.likelihood_ratio(b) for a in larger for b in fewer]
        for ratio in ratios[1:]:
            same(ratios[0], ratio, rtol=1e-8)  # a difference of deviances
    of_wards = trd.LMM(spec.formula, random={"ward": "1", "subject": "1"})
    of_subjects = trd.LMM(spec.formula)
    ratios = [of_wards.fit(s).likelihood_ratio(of_subjects.fit(s)) for s in (study, divided)]
    same(*ratios, rtol=1e-9)
    of_sites = trd.LMM(spec.formula, random={"site": "1", "subject": "1 + day"})
    with pytest.raises(TooLargeError, match="models whose random effects have different names"):
        quietly(lambda: of_sites.fit(divided)).likelihood_ratio(of_wards.fit(divided))


def test_likelihood_ratios_of_other_models_are_refused(few_rows: None) -> None:
    larger = fitted(3, "slope")[1]
    study = both(3)[1]
    fewer = trd.LMM(FORMULA).fit(study.keep(study.subjects["age"] > 45))
    with pytest.raises(SpecError, match="The fits are of different rows or outcomes"):
        larger.likelihood_ratio(fewer)
    noisy = visits().assign(score=visits()["score"].where(visits()["day"] != 28, 30))
    other = trd.LMM(FORMULA).fit(divided_into(noisy, 3))
    if other.n_obs == larger.n_obs:
        with pytest.raises(SpecError, match="The fits are of different rows or outcomes"):
            larger.likelihood_ratio(other)
    named_otherwise = trd.LMM(FORMULA, random="0 + I(day * 2)").fit(study)
    with pytest.raises(TooLargeError, match="models whose random effects have different names"):
        larger.likelihood_ratio(named_otherwise)
    for of_rows in (fitted(3, "slope")[0],):
        with pytest.raises(TooLargeError, match="hold no rows"):
            of_rows.likelihood_ratio(named_otherwise)


@pytest.mark.parametrize("work", [
    lambda f: f.residuals(), lambda f: f.residuals("conditional"), lambda f: f.simulate(seed=1),
    lambda f: f.residual_autocorrelation(), lambda f: f.plot_autocorrelation(),
    lambda f: f.predict(), lambda f: f.subject_lines(), lambda f: f.whitened(np.zeros(3)),
    lambda f: f.noise(1, np.random.default_rng(1)),
])  # fmt: skip
def test_what_needs_rows_says_what_to_do(work: Callable[[Any], Any]) -> None:
    words = r"sums of partitions, which hold no rows: .* need them\. .*study\.longitudinal\(\).*"
    with pytest.raises(TooLargeError, match=words + r"study\.in_memory\(\)"):
        work(fitted(3, "slope")[1])


NEED_ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "sites that cross": ("score ~ day", {"random": {"subject": "1"}, "crossed": {"site": "1"}}),
    "groups that are no subjects": ("score ~ day", {"random": {"site": "1"}}),
    "crossed": ("score ~ day", {"crossed": {"site": "1"}}),
    "residuals": ("score ~ day", {"residual": "ar1"}),
    "a spline": ("score ~ bs(day, df=4)", {}),
    "a scaled outcome": ("scale(score) ~ day", {}),
    "a scaled effect": ("score ~ day", {"random": "1 + scale(day)"}),
    "levels by partition": ("score ~ batch + C(batch)", {}),
}


@pytest.mark.parametrize("case", NEED_ROWS)
def test_models_that_need_rows_gather_them(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    formula, options = NEED_ROWS[case]
    study, divided = both(3)
    spec = trd.LMM(formula, **options)
    alone, gathered = (quietly(lambda s=s: spec.fit(s)) for s in (study, divided))
    assert len(gathered.design.person) == gathered.n_obs
    same(alone.tidy(), gathered.tidy())
    if case == "levels by partition":
        return
    monkeypatch.setattr(divided_study, "MOST_ROWS", 10)
    with pytest.raises(TooLargeError, match="would be gathered in memory"):
        spec.fit(divided)


def test_rows_are_never_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("rows were gathered")

    monkeypatch.setattr(trd.DividedStudy, "gathered", refuse)
    fit = trd.LMM(FORMULA, random="1 + day").fit(both(3)[1])
    assert len(fit.influence()) == len(fit.random_effects()) == len(fit.design.subjects)
    with pytest.raises(AssertionError, match="rows were gathered"):
        trd.LMM(FORMULA, residual="ar1").fit(both(3)[1])


def test_the_parts_are_read_twice_and_once_more_for_influences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Levels, then sums; every value of the likelihood is of sums that are kept."""
    read = []
    table = trd.Study.longitudinal

    def counted(study: trd.Study, *days: Any) -> pd.DataFrame:
        read.append(study)
        return table(study, *days)

    monkeypatch.setattr(trd.Study, "longitudinal", counted)
    fit = trd.LMM(FORMULA, random="1 + day").fit(both(3)[1])
    fit.summary(), fit.random_effects(), fit.variance_tests(), fit.margins("treatment").tidy()
    assert len(read) == 2 * 3
    fit.influence()
    fit.estimates()
    assert len(read) == 3 * 3


def test_a_copy_whose_original_is_gone_says_so() -> None:
    fit = trd.LMM("score ~ day", random="1 + day").fit(divided_into(visits(), 2))
    copied = pickle.dumps(fit)
    del fit
    gc.collect()
    with pytest.raises(TooLargeError, match=r"is no longer there: .* Fit the model again"):
        pickle.loads(copied).variance_tests()
