"""Visits in several files as a study in partitions: decimal commas, identifiers of two kinds."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from divided_visits import same, visits

import trdstats as trd
from trdstats.errors import DataError, DataWarning

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

pytestmark = pytest.mark.usefixtures("synchronous")


def written(frame: pd.DataFrame, folder: Path) -> str:
    """Write a table by subject into three files with semicolons; return their pattern."""
    number = frame["subject"].str[1:].astype(int) % 3
    for k in range(3):
        frame[number == k].to_csv(folder / f"part-{k}.csv", sep=";", index=False)
    frame.to_csv(folder / "all.csv", sep=";", index=False)
    return str(folder / "part-*.csv")


def with_commas(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.map(lambda v: "" if pd.isna(v) else f"{v:g}".replace(".", ","))


def studies(pattern: str) -> list[Any]:
    """Return the study of all rows in one file, and that of the files."""
    folder = Path(pattern).parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            trd.read_study(folder / "all.csv", scale="MADRS"),
            trd.read_study(pattern, engine="dask", scale="MADRS"),
        ]


def test_decimal_commas_are_read_as_in_memory(tmp_path: Path) -> None:
    """One file has whole ages only: commas are decimal marks there, too."""
    frame = visits()[["subject", "treatment", "day", "score", "age"]].copy()
    whole = frame["subject"].str[1:].astype(int) % 3 == 1
    frame["age"] = frame["age"].where(~whole, frame["age"].round())
    for c in ("day", "age"):
        frame[c] = with_commas(frame[c])
    alone, divided = studies(written(frame, tmp_path))
    for c in ("age", "baseline"):
        np.testing.assert_array_equal(alone.subjects[c], divided.subjects[c])
    assert [p for p in divided.notices if p.kind == "decimal_commas"] == [
        p for p in alone.notices if p.kind == "decimal_commas"
    ]
    same(*(trd.LMM("score ~ age + day * treatment").fit(s).tidy() for s in (alone, divided)))


def test_what_one_file_shows_of_commas_holds_for_all(tmp_path: Path) -> None:
    """Values such as 1,234 alone may be thousands; a file beside them has 51,5."""
    frame = visits()[["subject", "treatment", "day", "score"]].copy()
    third = frame["subject"].str[1:].astype(int) % 3 == 2
    frame["dose"] = np.where(third, "1,234", "51,5")
    alone, divided = studies(written(frame, tmp_path))
    np.testing.assert_array_equal(alone.subjects["dose"], divided.subjects["dose"])
    assert set(divided.subjects["dose"]) == {1.234, 51.5}


def test_unclear_commas_stay_text_and_are_warned_of(tmp_path: Path) -> None:
    frame = visits()[["subject", "treatment", "day", "score"]].copy()
    frame["day"] = frame["day"].round().astype(int)
    pattern = written(frame.assign(dose="1,234"), tmp_path)
    with pytest.warns(DataWarning, match="Commas may be decimal marks or separate thousands"):
        study = trd.read_study(pattern, engine="dask", scale="MADRS")
    assert set(study.subjects["dose"]) == {"1,234"}


def part(ids: list[Any]) -> pd.DataFrame:
    n = len(ids)
    return pd.DataFrame(
        {"subject": np.repeat(np.array(ids), 2), "treatment": "A", "day": [0.0, 7.0] * n,
         "score": [30.0, 15.0] * n}
    )  # fmt: skip


def of_parts(parts: list[pd.DataFrame]) -> Any:
    frame = dd.from_map(lambda k: parts[k], list(range(len(parts))), meta=parts[0].iloc[:0])
    return study_of(frame)


def study_of(frame: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one treatment
        return trd.Study(frame, scale="MADRS")


def test_an_identifier_of_two_kinds_is_refused(tmp_path: Path) -> None:
    """A subject is a number in one partition, and text in another."""
    parts = [part([1, 2, 3]), part(["3", "4"])]
    words = "1 identifier of `visits` is a number in some rows and text in others"
    with pytest.raises(DataError, match=words):
        of_parts(parts)
    for k, one in enumerate(parts):
        one.to_parquet(tmp_path / f"{k}.parquet")
    with pytest.raises(DataError, match=words):
        trd.read_study(tmp_path / "*.parquet", engine="dask", scale="MADRS")


def test_identifiers_of_two_kinds_that_differ_are_those_of_memory() -> None:
    """Of two sites, one that numbers its patients; one patient stands in two partitions."""
    parts = [part([1, 2, 3]), part(["P1", "P2"]), part([9]), part([3]).assign(day=[14.0, 21.0])]
    alone = study_of(pd.concat(parts))
    divided = of_parts(parts)
    assert alone.subjects["subject"].tolist() == divided.subjects["subject"].tolist()
    same(trd.time_to(alone, trd.Response()).frame, trd.time_to(divided, trd.Response()).frame)


@pytest.mark.parametrize(
    ("first", "second", "third", "expected"),
    [
        # Points beside decimal commas of another file may separate thousands: never divided by one.
        (["1.234", "2.345"], ["1,5", "2,5"], ["3,5"], None),
        (["1.234", "2.345"], ["1,5", "2,5"], ["51.5"], {1.234, 2.345, 1.5, 2.5, 51.5}),
        (["51.5", "52.5"], ["1,5", "2,5"], ["3"], {51.5, 52.5, 1.5, 2.5, 3.0}),
        (["1.234", "2.345"], ["1.5"], ["7"], {1.234, 2.345, 1.5, 7.0}),  # no comma anywhere
    ],
)
def test_points_beside_decimal_commas_of_another_file(
    tmp_path: Path, first: list[str], second: list[str], third: list[str],
    expected: set[float] | None,
) -> None:  # fmt: skip
    frame = visits()[["subject", "treatment", "day", "score"]].copy()
    number = frame["subject"].str[1:].astype(int)
    doses = [first, second, third]
    frame["dose"] = [doses[k % 3][k // 3 % len(doses[k % 3])] for k in number]
    pattern = written(frame, tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = trd.read_study(pattern, engine="dask", scale="MADRS")
    said = [str(w.message) for w in caught if "Points may be decimal marks" in str(w.message)]
    if expected is None:
        assert len(said) == 1
        assert "1.234), in files with decimal commas: kept as text" in said[0]
        assert "'dose'" in said[0]
        assert set(study.subjects["dose"]) == {"1.234", "2.345", "1,5", "2,5", "3,5"}
    else:
        assert not said
        assert set(study.subjects["dose"].astype(float)) == expected


def test_points_kept_as_text_in_one_file_are_numbers_where_another_shows_it(tmp_path: Path) -> None:
    """One file has commas and 1.234 beside them; another writes the dose as 51.5."""
    frame = visits()[["subject", "treatment", "day", "score"]].copy()
    third = frame["subject"].str[1:].astype(int) % 3
    frame["age"] = np.where(third == 1, "40,5", "41")
    frame["dose"] = np.where(third == 1, "1.234", "51.5")
    study = trd.read_study(written(frame, tmp_path), engine="dask", scale="MADRS")
    assert set(study.subjects["dose"].astype(float)) == {1.234, 51.5}
    assert set(study.subjects["age"].astype(float)) == {40.5, 41.0}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_truth_values_with_gaps_are_truth_values(tmp_path: Path, ending: str) -> None:
    """Dask made texts of them in the files that have gaps: True and 'True' were two levels."""
    frame = visits()[["subject", "treatment", "day", "score"]].copy()
    number = frame["subject"].str[1:].astype(int)
    frame["inpatient"] = np.where(number % 5 == 0, "True", "False")
    gaps = (number % 3 == 1) & (number % 7 == 0)
    parts = []
    for k in range(3):
        part = frame[number % 3 == k].assign(n=k).reset_index(drop=True)
        part["inpatient"] = (part["inpatient"] == "True").astype(object)
        part.loc[gaps[number % 3 == k].to_numpy(), "inpatient"] = None
        parts.append(part.assign(**{f"only_{k}": k}))  # files of Parquet with unlike columns
        if ending == "csv":
            part.to_csv(tmp_path / f"part-{k}.csv", index=False)
        else:
            parts[-1].to_parquet(tmp_path / f"part-{k}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        divided = trd.read_study(str(tmp_path / f"part-*.{ending}"), engine="dask", scale="MADRS")
        memory = trd.Study(pd.concat(parts, ignore_index=True), scale="MADRS")
        a, b = (s.subjects.set_index("subject")["inpatient"] for s in (memory, divided))
        assert {type(v) for v in b.dropna()} == {bool}
        assert a.isna().sum() == b.isna().sum() > 0
        formula = "score ~ day * treatment + inpatient"
        fits = [trd.LMM(formula).fit(s).tidy() for s in (memory, divided)]
    assert not [t for t in fits[1]["term"] if "'True'" in t]
    same(*fits)
