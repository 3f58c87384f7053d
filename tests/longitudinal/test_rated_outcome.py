"""Rows of a rated outcome: order, counts of what is left out, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, DataWarning, SpecError
from trdstats.formulas import read_formula
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome, read_rated_outcome


def read(data: Any, formula: str, **options: Any) -> RatedOutcome:
    options = {"family": "binomial", "subject": "subject", "visit": "visit", **options}
    return read_rated_outcome(data, read_formula(formula), **options)


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": ["B", "A", "A", "C", "B", "A"],
            "visit": ["10 weeks", "2 weeks", "1 week", "2 weeks", "2 weeks", "10 weeks"],
            "met": [1, 0, 0, np.nan, 1, 1],
            "x": [1.0, 2.0, 2.0, 3.0, 1.0, 2.0],
        }
    )


def test_rows_stand_by_subject_and_visit(frame: pd.DataFrame) -> None:
    rows = read(frame, "met ~ x")
    assert list(rows.subjects) == ["A", "B"]
    assert list(rows.visits) == ["1 week", "2 weeks", "10 weeks"]
    assert rows.person.tolist() == [0, 0, 0, 1, 1]
    assert rows.occasion.tolist() == [0, 1, 2, 1, 2]
    assert rows.day.tolist() == [7, 14, 70, 14, 70]
    assert rows.y.tolist() == [0, 0, 1, 1, 1]
    assert rows.left_out == {"no outcome": 1}
    assert rows.unrated == 1
    assert rows.order_from_text


def test_order_of_rows_plays_no_part(frame: pd.DataFrame) -> None:
    one, other = read(frame, "met ~ x * visit"), read(frame[::-1], "met ~ x * visit")
    assert (one.X == other.X).all()
    assert (one.y == other.y).all()


def test_a_planned_visit_without_ratings_is_a_step(frame: pd.DataFrame) -> None:
    rows = read(frame.assign(met=frame["met"].mask(frame["visit"] == "2 weeks")), "met ~ x")
    assert list(rows.visits) == ["1 week", "10 weeks"]
    assert rows.place.tolist() == [0, 2, 2]


def test_state_of_a_definition_at_every_scheduled_visit() -> None:
    study = trd.load_sample("trial")
    rows = read(study, "response ~ treatment * visit", outcome=trd.Response(), days=[7, 28])
    table = study.longitudinal(days=[7, 28]).dropna(subset=["score", "baseline"])
    table = table.sort_values(["subject", "visit"])
    met = 2 * (table["baseline"] - table["score"]) >= table["baseline"]
    assert rows.y.tolist() == met.to_numpy(dtype=float).tolist()
    assert rows.definition == trd.Response().describe(study.scale)
    assert rows.n_obs + sum(rows.left_out.values()) == len(study.longitudinal(days=[7, 28]))


def test_rated_but_undefined_is_counted() -> None:
    visits = pd.DataFrame(
        {
            "subject": ["A", "A", "B", "B", "C", "C"],
            "day": [0, 7] * 3,
            "treatment": ["ECT", "ECT", "TMS", "TMS", "TMS", "TMS"],
            "score": [30, 15, np.nan, 20, 28, np.nan],
        }
    )
    with pytest.warns(DataWarning, match="no MADRS baseline"):
        study = trd.Study(visits, scale="MADRS")
    rows = read(study, "response ~ 1", outcome=trd.Response())
    assert rows.left_out == {"no outcome": 1, "rated, but undefined (no baseline)": 1}
    assert rows.unrated == 2


def test_weights_of_ratings_times_those_of_subjects(frame: pd.DataFrame) -> None:
    frame = frame.assign(w=[2.0, 1.0, 0.0, 1.0, 1.0, 3.0])
    weights = pd.Series({"A": 1.0, "B": 0.5, "C": 1.0})
    rows = read(frame, "met ~ x", rating_weights="w", weights=weights)
    assert rows.weight is not None
    assert rows.weight.tolist() == [1.0, 3.0, 0.5, 1.0]
    assert rows.left_out == {"no outcome": 1, "weight 0": 1}
    assert rows.weighting is not None
    assert "taken as known" in rows.weighting.words


def test_ordered_categories_and_numbers(frame: pd.DataFrame) -> None:
    band = pd.Categorical(
        ["mild", "severe", "mild", "none", "none", "none"],
        categories=["none", "mild", "moderate", "severe"], ordered=True,
    )  # fmt: skip
    rows = read(frame.assign(band=band), "band ~ x", family="ordinal")
    assert rows.categories == ("none", "mild", "severe")
    assert rows.y.tolist() == [1, 2, 0, 0, 1, 0]
    numbers = read(frame.assign(band=[4, 7, 4, 1, 1, 1]), "band ~ x", family="ordinal")
    assert numbers.categories == (1, 4, 7)
    assert numbers.y.tolist() == rows.y.tolist()


@pytest.mark.parametrize(
    ("values", "family", "words"),
    [
        (["yes", "no"] * 3, "binomial", r"which entry is the event.*Code the event as 1"),
        ([1, 2] * 3, "binomial", r"not 0 or 1 in 3 analysed rows.\n  2\n"),
        ([1, 0.5] * 3, "poisson", r"not a whole number of 0 or more in 3"),
        ([1, -1] * 3, "poisson", r"not a whole number of 0 or more in 3"),
        (["a", "b"] * 3, "ordinal", r"categories without an order \('a', 'b'\)"),
        (["a", "b"] * 3, "gaussian", r"must be a number"),
        (["a", "b"] * 3, "poisson", r"must be a number"),
        ([1, np.inf] * 3, "gaussian", r"infinite"),
    ],
)
def test_an_outcome_of_another_family_is_refused(
    frame: pd.DataFrame, values: list[Any], family: str, words: str
) -> None:
    with pytest.raises((DataError, SpecError), match=r"(?s)" + words):
        read(frame.assign(met=values), "met ~ x", family=family)


def test_true_and_false_are_an_event(frame: pd.DataFrame) -> None:
    rows = read(frame.assign(met=[True, False, False, True, True, True]), "met ~ x")
    assert rows.y.tolist() == [0, 0, 1, 1, 1, 1]
    missing = pd.array([True, False, None, True, True, True], dtype="boolean")
    rows = read(frame.assign(met=missing), "met ~ x")
    assert rows.y.tolist() == [0, 1, 1, 1, 1]
    assert rows.left_out == {"no outcome": 1}


def test_one_rating_a_subject_and_visit(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="1 row repeats a subject and visit"):
        read(pd.concat([frame, frame.iloc[[0]]]), "met ~ x")


def test_definitions_need_a_study(frame: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="outcome= needs a Study"):
        read(frame, "response ~ x", outcome=trd.Response())
    with pytest.raises(SpecError, match="is a column of the study"):
        read(trd.load_sample("trial"), "score ~ treatment", outcome=trd.Response())
