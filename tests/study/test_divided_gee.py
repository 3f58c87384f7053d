"""Estimating equations of a study in partitions: sums of the partitions, the numbers of memory."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, TooLargeError, TrdstatsError
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.gee.divided_outcome import DividedOutcome
from trdstats.study.divided import divided_study

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

pytestmark = pytest.mark.usefixtures("synchronous")

# Partitions add sums in another order: rounding of some hundred terms. Steps end below 1e-9 of a
# standard error, and the steps are the same but for that rounding.
RTOL = 1e-10
RESPONSE = trd.Response()
N = 120


@cache
def visits() -> pd.DataFrame:
    """Ratings of three treatments; covariates and scores are missing here and there."""
    rng = np.random.default_rng(11)
    days = np.array([0, 7, 14, 28])
    start, fall = rng.integers(24, 40, N), rng.uniform(0.2, 1.1, N)
    size = (N, len(days))
    score = start[:, None] * (1 - fall[:, None] * np.minimum(days / 14, 1)) + rng.normal(0, 5, size)
    score = np.clip(np.rint(score), 0, 60)
    score[:, 0] = start
    each = np.repeat(np.arange(N), len(days))
    frame = pd.DataFrame({
        "subject": [f"P{i:03d}" for i in each], "day": np.tile(days, N), "score": score.ravel(),
        "treatment": rng.choice(["A", "B", "C"], N)[each],
        "age": rng.normal(50, 9, N).round(1)[each],
        "site": np.where(each % 7 == 5, "only here", rng.choice(["x", "y"], N)[each]),
        "importance": (1.0 + np.arange(N) % 3)[each],
        "quality": rng.uniform(0.5, 2, N * 4).round(2),
        "episodes": rng.poisson(2.5, N * 4) * 1.0, "stage": (np.arange(N) % 4)[each],
        "rater": rng.choice(["R1", "R2"], N * 4),
    })  # fmt: skip
    frame.loc[rng.random(len(frame)) < 0.04, "episodes"] = np.nan
    frame["took"] = frame["day"] + rng.uniform(-1, 1, len(frame)).round(2)
    frame["grade"] = pd.cut(frame["score"], [-1, 10, 18, 25, 60], labels=False)
    frame.loc[frame["subject"].isin(["P004", "P019", "P047"]), "age"] = np.nan
    frame.loc[(rng.random(len(frame)) < 0.06) & (frame["day"] > 0), "score"] = np.nan
    # Without a baseline a response is undefined.
    frame = frame[~(frame["subject"].isin(["P008", "P033"]) & (frame["day"] == 0))]
    return frame[(rng.random(len(frame)) < 0.9) | (frame["day"] == 0)].reset_index(drop=True)


def partitions(frame: pd.DataFrame, k: int) -> Any:
    number = frame["subject"].str[1:].astype(int) % k
    parts = [dd.from_pandas(frame[number == j], npartitions=1, sort=False) for j in range(k)]
    return dd.concat(parts)


WINDOWS = {7: 3, 14: 3, 28: 3}


def quietly(work: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


def studies(frame: pd.DataFrame, k: int) -> tuple[trd.Study, trd.DividedStudy]:
    rest: dict[str, Any] = {"scale": "MADRS", "windows": WINDOWS}
    return (
        quietly(lambda: trd.Study(frame, **rest)),
        quietly(lambda: trd.DividedStudy(partitions(frame, k), **rest)),
    )


@cache
def both(k: int) -> tuple[trd.Study, trd.DividedStudy]:
    return studies(visits(), k)


def answers(work: Callable[[Any], Any], *data: Any) -> list[tuple[Any, list[str]]]:
    """Return answers or errors, each with its warnings."""
    out = []
    for study in data:
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            try:
                answer = work(study)
            except TrdstatsError as error:
                answer = f"{type(error).__name__}: {error}"
        out.append((answer, [str(w.message) for w in given]))
    return out


def same(a: Any, b: Any, rtol: float = RTOL) -> None:
    """Assert that two answers are equal, tables column by column."""
    assert type(a) is type(b)
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, rtol=rtol, atol=1e-11)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y, rtol)
    elif isinstance(a, np.ndarray) and a.dtype != object:
        # Influences of single subjects cancel: they are rounding beside the largest.
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * np.abs(a).max(initial=0))
    elif isinstance(a, np.ndarray):
        assert a.tolist() == b.tolist()
    else:
        assert a == b


def fit(data: Any, formula: str, outcome: Any = None, *, days: Any = None, weights: Any = None,
        **options: Any) -> Any:  # fmt: skip
    return trd.GEE(formula, **options).fit(data, outcome=outcome, days=days, weights=weights)


def all_of(result: Any) -> list[Any]:
    """Return what a fit says: effects, means, tests, influences, criteria, words."""
    by = "visit" if "visit" in result.spec.formula else None
    margins = result.margins("treatment", by=by)
    estimates = [result.estimates(), margins.estimates(), margins.contrasts()]
    shown = [result.tidy(), result.glance(), result.correlation, result.type3(),
             margins.tidy(), margins.contrasts(reference="A").tidy(),
             result.margins("treatment", by=by, scale="link").contrasts(pairwise=True).tidy(),
             result.margins("treatment", by=by, covariates="fixed").tidy(),
             result.joint_test("treatment"),
             str(result.summary()).replace("Iterations", "")]  # fmt: skip
    for table in estimates:
        shown += [table.influences, np.asarray(table.subjects, dtype=object)]
    if result.spec.family != "ordinal":
        shown += [margins.contrasts(measure="ratio").tidy()]
    return shown


FAMILIES: dict[str, dict[str, Any]] = {
    "binomial": {"formula": "response ~ treatment * visit + age", "outcome": RESPONSE},
    "probit": {"formula": "response ~ treatment + visit", "outcome": RESPONSE,
               "link": "probit", "family": "binomial"},
    "poisson": {"formula": "episodes ~ treatment + visit + age", "family": "poisson"},
    "risk ratio": {"formula": "response ~ treatment + visit", "outcome": RESPONSE,
                   "family": "poisson"},
    "rate difference": {"formula": "episodes ~ treatment", "family": "poisson",
                        "link": "identity"},
    "gaussian": {"formula": "change ~ treatment * visit + baseline + site", "family": "gaussian"},
    "log of a mean": {"formula": "score ~ treatment + age", "family": "gaussian", "link": "log"},
    "ordinal": {"formula": "grade ~ treatment + age", "family": "ordinal"},
}  # fmt: skip
CORRELATIONS = ["independence", "exchangeable", "ar1", "ar1-days", "unstructured"]
PARTITIONS = {"independence": 7, "ar1-days": 1}
CASES = [
    (family, corr)
    for family in FAMILIES
    for corr in CORRELATIONS
    if family in ("binomial", "poisson", "gaussian") or corr == "exchangeable"
]


@pytest.mark.parametrize(("family", "corr"), CASES)
def test_sums_of_partitions_give_the_numbers_of_memory(family: str, corr: str) -> None:
    study, divided = both(PARTITIONS.get(corr, 3))
    given = FAMILIES[family]
    one, other = answers(lambda data: fit(data, **given, corr=corr), study, divided)
    if not isinstance(one[0], str):
        assert isinstance(other[0].design, DividedOutcome)
        one, other = ((all_of(a), said) for a, said in (one, other))
    same(one, other)


def test_margins_at_a_given_covariate_change_none_that_follow() -> None:
    formula = "change ~ baseline + treatment * visit"
    for result in answers(lambda s: fit(s, formula, family="gaussian"), *both(4)):
        before = result[0].margins("treatment", by="visit").tidy()
        result[0].margins("treatment", by="visit", at={"baseline": 5})
        same(before, result[0].margins("treatment", by="visit").tidy())


def test_small_sample_corrections_and_degrees_of_freedom() -> None:
    study, divided = both(3)
    pairs = {"mancl-derouen": "pan-wall", "kauermann-carroll": "satterthwaite",
             "fay-graubard": "fay-graubard", "model": "normal",
             "robust": "satterthwaite"}  # fmt: skip
    for vcov, ddf in pairs.items():
        one, other = (
            fit(data, **FAMILIES["rate difference"], corr="ar1", vcov=vcov, ddf=ddf)
            for data in (study, divided)
        )
        same([one.tidy(), one.margins("treatment").contrasts().tidy()],
             [other.tidy(), other.margins("treatment").contrasts().tidy()])  # fmt: skip
        assert other.criteria.qic == pytest.approx(one.criteria.qic, rel=RTOL)


def test_the_score_test_solves_its_restricted_equations_in_parts() -> None:
    one, other = (fit(data, **FAMILIES["binomial"], corr="ar1") for data in both(3))
    for terms in ("treatment", "treatment:visit"):
        same(one.joint_test(terms, method="score"), other.joint_test(terms, method="score"))


def weighted(study: Any) -> Any:
    return trd.PropensityWeights("age + site").fit(study.keep(study.subjects["age"].notna()))


WEIGHTED: dict[str, Callable[[Any], Any]] = {
    "a column": lambda s: fit(s, "episodes ~ treatment + age", family="poisson",
                              weights="importance"),
    "a series": lambda s: fit(s, "response ~ treatment", outcome=RESPONSE, weights=pd.Series(
        np.arange(N) % 4.0, index=[f"P{i:03d}" for i in range(N)])),
    "estimated": lambda s: fit(s.keep(s.subjects["age"].notna()), "change ~ treatment + visit",
                               family="gaussian", weights=weighted(s)),
    "of ratings": lambda s: fit(s, "change ~ treatment + visit", family="gaussian", corr="ar1",
                                rating_weights="quality"),
    "of both": lambda s: fit(s, "grade ~ treatment", family="ordinal", rating_weights="quality",
                             weights="importance"),
    "of no such column": lambda s: fit(s, "change ~ treatment", family="gaussian", weights="wt"),
    "too few": lambda s: fit(s, "change ~ treatment", family="gaussian", weights=pd.Series(
        1.0, index=["P001", "P002"])),
}  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHTED)
def test_weights(kind: str) -> None:
    one, other = answers(WEIGHTED[kind], *both(3))
    if not isinstance(one[0], str):
        assert isinstance(other[0].design, DividedOutcome)
        assert other[0].design.is_weighted
        one, other = ((all_of(a), said) for a, said in (one, other))
    same(one, other)


def test_actual_days_and_chosen_days() -> None:
    for options in (
        {"corr": "ar1-days", "time": "took"},
        {"corr": "unstructured", "days": [7, 28]},
    ):
        one, other = answers(
            lambda data, o=options: fit(data, "change ~ treatment + visit", family="gaussian", **o),
            *both(7),
        )
        assert isinstance(other[0].design, DividedOutcome)
        same((all_of(one[0]), one[1]), (all_of(other[0]), other[1]))
        assert "ratings" in str(other[0].summary()).lower()


def test_rows_left_out_are_counted_by_reason() -> None:
    """Scores and ages are missing; without a score, or a baseline, no state is known."""
    study, divided = both(7)
    reasons = {"binomial": ["a covariate is missing", "rated, but undefined (no baseline)"],
               "poisson": ["no outcome", "a covariate is missing"]}  # fmt: skip
    for family, names in reasons.items():
        one, other = (fit(data, **FAMILIES[family]).design for data in (study, divided))
        assert list(other.left_out) == names
        assert list(other.left_out.items()) == list(one.left_out.items())
        assert other.unrated == one.unrated > 0


def test_a_level_that_one_partition_has_and_a_partition_without_a_row() -> None:
    """Site "only here" stands in one of seven partitions; of another no row is analysed."""
    frame = visits().copy()
    number = frame["subject"].str[1:].astype(int) % 7
    frame.loc[(number == 2) & (frame["day"] > 0), "score"] = np.nan
    formula = "change ~ treatment + site + C(stage) + rater"
    one, other = answers(
        lambda data: fit(data, formula, family="gaussian", corr="exchangeable"),
        *studies(frame, 7),
    )
    assert "site[T.x]" in other[0].design.terms
    assert one[0].design.left_out == other[0].design.left_out
    assert other[0].margins("site", covariates="fixed").tidy()["site"].tolist() == [
        "only here", "x", "y"]  # fmt: skip
    same((one[0].tidy(), one[1]), (other[0].tidy(), other[1]))
    with pytest.raises(SpecError, match="'rater' changes between visits of a subject"):
        other[0].margins("treatment")


def test_levels_keep_the_order_that_dask_declares() -> None:
    frame = visits().assign(rater=pd.Categorical(visits()["rater"], categories=["R2", "R1", "R0"]))
    one, other = (
        fit(data, "change ~ treatment + rater", family="gaussian") for data in studies(frame, 3)
    )
    assert other.design.terms[-1] == "rater[T.R1]"
    same(one.tidy(), other.tidy())


def test_collinear_columns_are_left_out_and_named() -> None:
    frame = visits().copy()
    frame["twice"] = 2 * frame["age"] + 7
    # No subject under C at site x: an interaction without data.
    frame = frame[~((frame["treatment"] == "C") & (frame["site"] == "x"))]
    formula = "change ~ treatment * site + age + twice + visit"
    one, other = answers(
        lambda data: fit(data, formula, family="gaussian", corr="exchangeable"), *studies(frame, 3)
    )
    assert isinstance(other[0].design, DividedOutcome)
    assert "2 of " in other[1][0]
    assert "collinear" in other[1][0]
    tables = [
        [r.tidy(), r.margins("treatment", by="site", covariates="fixed").tidy(), r.type3(),
         r.margins("treatment", by="site", scale="link").tidy(), str(r.summary())]
        for r in (one[0], other[0])
    ]  # fmt: skip
    assert tables[1][1]["reason"].str.contains("no assessment|no subject").any()
    same((tables[0], one[1]), (tables[1], other[1]))


def test_covariates_far_from_zero_keep_their_digits() -> None:
    frame = visits().assign(year=lambda f: 20_000 + f["age"])
    one, other = (
        fit(data, "change ~ treatment + year", family="gaussian") for data in studies(frame, 3)
    )
    # An intercept at the year 0 is carried over 20,000 years: three of its digits are lost.
    same(one.tidy(), other.tidy(), 1e-8)


GATHERED: dict[str, Callable[[Any], Any]] = {
    "no event at one visit": lambda s: fit(s, "never ~ treatment + visit"),
    "nothing to estimate": lambda s: fit(s, "none ~ treatment"),
    "all predicted": lambda s: fit(s, "late ~ visit"),
    "categories predicted": lambda s: fit(s, "row ~ treatment + C(visit)", family="ordinal"),
    "a transform": lambda s: fit(s, "change ~ treatment + scale(age)", family="gaussian"),
    "a transform of the outcome": lambda s: fit(s, "log(score + 1) ~ treatment + rater",
                                                family="gaussian"),
    "a learnt outcome": lambda s: fit(s, "scale(score) ~ treatment", family="gaussian"),
    "no such column": lambda s: fit(s, "chnage ~ treatment", family="gaussian"),
    "no such covariate": lambda s: fit(s, "change ~ treatmnt", family="gaussian"),
    "no event": lambda s: fit(s, "score ~ treatment"),
    "a text": lambda s: fit(s, "rater ~ treatment"),
    "a name that is there": lambda s: fit(s, "score ~ treatment", outcome=RESPONSE),
    "a day that is not": lambda s: fit(s, "change ~ treatment", family="gaussian", days=[5]),
    "no term": lambda s: fit(s, "change ~ 1", family="gaussian", corr="independence"),
    "an exact fit": lambda s: fit(s, "change ~ score + baseline", family="gaussian"),
    "a bounded risk": lambda s: fit(s, "response ~ treatment * visit + age", outcome=RESPONSE,
                                    link="identity"),
    "a negative mean": lambda s: fit(s, "change ~ treatment", family="gaussian", link="log"),
    "more columns than subjects": lambda s: fit(
        s.keep(s.subjects["age"] > 63), "change ~ treatment * visit", family="gaussian"),
}  # fmt: skip


@cache
def hard() -> tuple[trd.Study, trd.DividedStudy]:
    frame = visits().assign(
        never=lambda f: ((f["day"] == 28) & (f["stage"] > 1)).astype(int),
        none=0, late=lambda f: (f["day"] > 7).astype(int),
        row=lambda f: np.where(f["day"] == 7, 0, 1 + f["stage"] % 2),
    )  # fmt: skip
    return studies(frame, 3)


@pytest.mark.parametrize("kind", GATHERED)
def test_what_is_said_in_memory_is_said_of_partitions(kind: str) -> None:
    """Separation is looked for in rows; faults of the data are named with all rows."""
    one, other = answers(GATHERED[kind], *hard())
    if isinstance(one[0], str):
        assert one == other
        return
    tables = [[r.tidy(), str(r.summary())] for r in (one[0], other[0])]
    same((tables[0], one[1]), (tables[1], other[1]))


def test_rows_are_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    study, divided = both(3)
    monkeypatch.setattr(divided_study, "MOST_ROWS", 5)
    with pytest.raises(TooLargeError, match="would be gathered"):
        divided.longitudinal()
    for family in ("binomial", "gaussian"):
        same(fit(study, **FAMILIES[family]).tidy(), fit(divided, **FAMILIES[family]).tidy())
    with pytest.raises(TooLargeError, match=r"no finite estimate \(separation\), and the search.*"
                       r"all ratings at once\. Rows of visits would be gathered"):  # fmt: skip
        GATHERED["no event at one visit"](hard()[1])
    with pytest.raises(TooLargeError, match="depends on the rows of all partitions"):
        GATHERED["a transform"](divided)
    # A fault of one partition is said as it is, where rows cannot be gathered to count all.
    with pytest.raises(trd.errors.DataError, match="not 0 or 1"):
        GATHERED["no event"](divided)


def test_rows_that_are_not_there_are_refused() -> None:
    result = fit(both(3)[1], **FAMILIES["gaussian"])
    for name in ("frame", "X", "y", "person", "occasion", "day", "weight"):
        with pytest.raises(TooLargeError, match=r"fit it to study\.in_memory\(\)"):
            getattr(result.design, name)


def test_a_second_opinion_needs_rows() -> None:
    pytest.importorskip("statsmodels")
    result = fit(both(3)[1], **FAMILIES["gaussian"])
    opinion = trd.second_opinion(result)
    assert "there are no rows" in str(opinion.tidy().to_dict())


def test_weights_for_dropout_are_gathered() -> None:
    study, divided = both(3)
    one, other = (
        fit(data, "change ~ treatment", family="gaussian", corr="independence",
            weights=trd.DropoutWeights("treatment + previous").fit(data))
        for data in (study, divided)
    )  # fmt: skip
    assert isinstance(other.design, RatedOutcome)
    same(one.tidy(), other.tidy())


def test_a_result_travels_while_its_study_stands() -> None:
    result = fit(both(3)[1], **FAMILIES["poisson"], ddf="satterthwaite")
    text = pickle.dumps(result)
    same(result.tidy(), pickle.loads(text).tidy())
    del result
    with pytest.raises(TooLargeError, match=r"is no longer there: .*Fit the model again"):
        pickle.loads(text).tidy()


def test_threads_give_the_same() -> None:
    study, divided = both(7)
    with dask.config.set(scheduler="threads"):
        same(fit(study, **FAMILIES["gaussian"]).tidy(), fit(divided, **FAMILIES["gaussian"]).tidy())
