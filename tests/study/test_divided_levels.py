"""Labels that differ between partitions: levels, refusals and warnings of rows in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from divided_visits import divided_into, quietly, same, visits

import trdstats as trd
from trdstats.errors import DataError, TooLargeError

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

pytestmark = pytest.mark.usefixtures("synchronous")

WINDOWS = {28: 9, 56: 9, 84: 9}
MODELS: dict[str, Callable[[str], Any]] = {
    "LMM": lambda term: trd.LMM(f"score ~ day + {term}"),
    "MMRM": lambda term: trd.MMRM(f"score ~ visit + {term}", covariance="cs"),
    "GEE": lambda term: trd.GEE(f"score ~ visit + {term}", family="gaussian"),
}


def number() -> pd.Series[int]:
    """Return the number of the subject of every row, whose rest says the partition."""
    return visits()["subject"].str[1:].astype(int)


def of_subjects(label: Callable[[int], object]) -> tuple[Any, Any]:
    """Return a study in memory and in three partitions, whose subjects have a column as given."""
    of_visits = visits()[["subject", "day", "score"]]
    subjects = visits()[["subject", "treatment"]].drop_duplicates("subject", ignore_index=True)
    given = [label(int(s[1:])) for s in subjects["subject"]]
    subjects["label"] = pd.Series(given, dtype=object)
    roles = {"scale": "MADRS", "windows": WINDOWS}
    parts = [dd.from_pandas(of_visits[number() % 3 == k], npartitions=1) for k in range(3)]
    return (
        quietly(lambda: trd.Study(of_visits, subjects, **roles)),
        quietly(lambda: trd.DividedStudy(dd.concat(parts), subjects, **roles)),
    )


def said_by(fit: Callable[[], Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = fit()
    return result, [str(w.message) for w in caught]


def same_fit(spec: Any, alone: Any, divided: Any) -> Any:
    """Return the second fit, whose numbers and warnings are those of the first."""
    (one, said), (other, said_of_parts) = (
        said_by(lambda s=s: spec.fit(s)) for s in (alone, divided)
    )
    assert said == said_of_parts
    same(one.tidy(), other.tidy())
    return other


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("texts", [0, 2])
def test_numbers_are_labels_where_other_partitions_have_texts(model: str, texts: int) -> None:
    studies = of_subjects(lambda k: "A" if k % 3 == texts else k % 2 + 1)
    same_fit(MODELS[model]("C(label)"), *studies)
    said = []
    for study in studies:
        with pytest.raises(
            DataError, match=r"'label' holds numbers, but \d+ entries are none"
        ) as e:
            MODELS[model]("label").fit(study)
        said.append(str(e.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("model", MODELS)
def test_such_labels_are_named_where_rows_are_too_many(model: str, few_rows: None) -> None:
    divided = of_subjects(lambda k: "A" if k % 3 == 1 else k % 2 + 1)[1]
    words = r"'label' holds numbers in some partitions and texts in others[\s\S]*C\(label\)"
    with pytest.raises(DataError, match=words):
        MODELS[model]("label").fit(divided)
    with pytest.raises(TooLargeError):
        MODELS[model]("C(label)").fit(divided)


@pytest.mark.parametrize("model", MODELS)
def test_truth_values_beside_texts(model: str) -> None:
    same_fit(MODELS[model]("label"), *of_subjects(lambda k: "A" if k % 3 == 2 else bool(k % 2)))


@pytest.mark.parametrize("model", MODELS)
def test_dates_of_all_partitions_are_counted_together(model: str) -> None:
    """Each partition has too few of them to tell."""
    for study in of_subjects(lambda k: f"2020-01-{k % 12 + 1:02d}"):
        with pytest.raises(DataError, match=r"dates written as text: .* 12 levels"):
            MODELS[model]("label").fit(study)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n", [6, 35])
def test_whole_numbers_as_text_are_said_of_all_rows(model: str, n: int) -> None:
    """Six of them stand for many rows each, and may be labels; 35 are amounts."""
    studies = of_subjects(lambda k: str(40 + k % n))
    assert bool(said_by(lambda: MODELS[model]("label").fit(studies[0]))[1]) == (n == 35)
    same_fit(MODELS[model]("label"), *studies)


@pytest.mark.parametrize("model", MODELS)
def test_levels_that_look_alike_are_said_once(model: str) -> None:
    alone, divided = of_subjects(lambda k: ("near", "Near", "far")[k % 7 % 3])
    fit = said_by(lambda: MODELS[model]("label").fit(divided))
    assert len(fit[1]) == 1
    same_fit(MODELS[model]("label"), alone, divided)


@pytest.mark.parametrize("values", [(0, 1, 1), (0.0, 1.0, 1.0), (0.0, 0.5, 1.0)])
def test_groups_that_are_numbers_have_a_covariance_each(values: tuple[float, ...]) -> None:
    frame = visits().assign(kind=np.array(values)[number() % 7 % 3])
    roles = {"windows": WINDOWS}
    alone = quietly(lambda: trd.Study(frame, scale="MADRS", **roles))
    divided = divided_into(frame, 3, **roles)
    spec = trd.MMRM("score ~ visit + treatment", covariance="cs", group="kind")
    fit = same_fit(spec, alone, divided)
    assert not len(fit.design.person), "rows were gathered"
    assert list(fit.covariance) == [f"{v:g}" for v in sorted(set(values))]
    rows = alone.longitudinal().head(4)
    np.testing.assert_allclose(fit.variance_of_rows(rows), spec.fit(alone).variance_of_rows(rows))
    # As a covariate, too, the numbers are no labels: rows are gathered.
    both = trd.MMRM("score ~ visit + kind", covariance="cs", group="kind")
    same_fit(both, alone, divided)
