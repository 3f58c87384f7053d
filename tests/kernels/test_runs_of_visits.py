"""Runs of rows and tests in blocks, beside plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.kernels.visits import blocks, runs
from trdstats.study.checks import identifiers
from trdstats.study.plausibility import lookalikes

RUNS = st.lists(st.lists(st.booleans(), max_size=4), min_size=1, max_size=8)


@given(RUNS)
def test_last_and_count_of_marked_rows(of_run: list[list[bool]]) -> None:
    marked = np.array([m for run in of_run for m in run], dtype=bool)
    start = np.concatenate(([0], np.cumsum([len(run) for run in of_run])))
    last = [
        next((int(start[k]) + j for j in reversed(range(len(run))) if run[j]), -1)
        for k, run in enumerate(of_run)
    ]
    assert runs.last_marked(marked, start).tolist() == last
    assert runs.counts_marked(marked, start).tolist() == [sum(run) for run in of_run]


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 7))
def test_blocks_find_what_the_whole_does(values: list[int], size: int) -> None:
    x = np.array(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", size)
        rows = blocks.rows_where(lambda a, b: a == b, x[1:], x[:-1])
        anywhere = blocks.holds_anywhere(lambda a: a == 2, x)
    assert rows.tolist() == [k for k in range(len(x) - 1) if x[k] == x[k + 1]]
    assert anywhere == (2 in values)
    heads = [k for k in range(len(x)) if not k or x[k] != x[k - 1]]
    assert runs.first_of_runs(x).tolist() == heads


def visits(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"subject": [1, 1, 2, 2], "day": [0, 7, 0, 7], "score": [30, 10, 31, 30]})
    return frame.assign(treatment=["A", "A", "B", "B"], **columns)


@pytest.mark.parametrize(
    ("column", "describes"),
    [
        pytest.param(["x", "x", "y", "y"], True, id="texts"),
        pytest.param(["x", "x", "y", "z"], False, id="texts that change"),
        pytest.param([1.0, np.nan, np.nan, np.nan], True, id="filled in at the first visit only"),
        pytest.param([np.nan, 1.0, 2.0, 2.0], False, id="filled in later"),
        pytest.param([pd.NA, pd.NA, "y", "y"], True, id="missing values of pandas"),
        pytest.param(pd.Categorical(["x", "x", "y", "y"]), True, id="categories"),
        pytest.param(pd.Categorical(["x", None, "y", "z"]), False, id="categories that change"),
        pytest.param(pd.array(["x", "x", "y", "y"], dtype="string"), True, id="strings"),
        pytest.param(pd.to_datetime(["2020-01-01"] * 2 + ["2021-01-01"] * 2), True, id="dates"),
        pytest.param([None, None, None, None], True, id="nothing"),
    ],
)
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 3, 0, 1], [0, 2, 1, 3]])
def test_columns_that_describe_subjects(column: object, describes: bool, order: list[int]) -> None:
    """Whether rows of a subject lie together or apart, and are sorted or not."""
    study = trd.Study(visits(extra=column).iloc[order], scale="MADRS")
    assert ("extra" in study.subjects.columns) is describes
    assert ("extra" in study.visits.columns) is not describes
    assert study.subjects["subject"].tolist() == [1, 2]
    if describes:
        described = visits(extra=column).groupby("subject")["extra"].first()
        kept = study.subjects["extra"]
        assert kept.isna().tolist() == described.isna().tolist()
        assert kept.dropna().astype(str).tolist() == described.dropna().astype(str).tolist()


def test_the_table_of_the_user_is_neither_changed_nor_kept() -> None:
    frame = visits(extra=[1.0, 2.0, 3.0, 4.0])
    before = frame.copy(deep=True)
    study = trd.Study(frame, scale="MADRS")
    pd.testing.assert_frame_equal(frame, before)
    held = study.visits.copy(deep=True)
    frame.loc[:, ["day", "score", "extra"]] = -1
    frame["treatment"] = "Z"
    pd.testing.assert_frame_equal(study.visits, held)
    assert list(study.treatments) == ["A", "B"]


LABELS = st.lists(
    st.one_of(st.text(max_size=6), st.from_regex(r"P? ?0{0,2}\d{1,2}(\.0{1,2})?", fullmatch=True))
)


@given(LABELS)
def test_labels_read_together_are_read_as_one_by_one(labels: list[str]) -> None:
    one_by_one = [lookalikes.folded(label) for label in labels] or [""]
    assert lookalikes._folded_together(labels) == one_by_one


def test_identifiers_are_judged_by_run_as_by_row() -> None:
    """Blank, missing and mixed identifiers, where rows lie together and where they do not."""
    ids = pd.Series(["A", "A", " ", " ", None, None, "B", 7, 7, "7", pd.NA], dtype=object)
    for order in (list(range(11)), [10, 0, 2, 4, 6, 8, 1, 3, 5, 7, 9], list(range(10))):
        given_ = ids.iloc[order].reset_index(drop=True)
        blank = [pd.isna(v) or v == " " for v in given_]
        assert identifiers.missing_identifiers(given_).tolist() == blank
        (problem,) = identifiers.check_kinds_of_identifiers(given_, "visits")
        assert problem.kind == "mixed_subject"
        rows = [k for k, v in enumerate(given_) if not pd.isna(v) and str(v) == "7"]
        assert [int(w.split("row ")[1].rstrip(")")) for w in problem.where] == rows
