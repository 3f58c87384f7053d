"""Runs of rows and tests in blocks, beside plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.kernels.visits import blocks, runs
from trdstats.kinds import factorized, kind_of_objects
from trdstats.study.checks import identifiers
from trdstats.study.plausibility import lookalikes
from trdstats.study.plausibility.timeline import Timeline

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
    first = [next((int(start[k]) + j for j, m in enumerate(run) if m), -1)
             for k, run in enumerate(of_run)]  # fmt: skip
    assert runs.first_marked(marked, start[:-1], start[1:]).tolist() == first
    later = np.minimum(start[:-1] + 1, start[1:])
    after = [next((int(start[k]) + j for j, m in enumerate(run) if m and j), -1)
             for k, run in enumerate(of_run)]  # fmt: skip
    assert runs.first_marked(marked, later, start[1:]).tolist() == after


def test_counts_go_beyond_small_numbers() -> None:
    marked = np.ones(1_000, dtype=bool)
    assert runs.counts_marked(marked, np.array([0, 300, 300, 1_000])).tolist() == [300, 0, 700]


@given(st.lists(st.integers(0, 5), max_size=30))
def test_offsets_of_sorted_codes(codes: list[int]) -> None:
    code = np.sort(np.array(codes, dtype=np.int8))
    assert runs.run_starts(code, 6).tolist() == [sum(c < k for c in codes) for k in range(7)]


@given(st.lists(st.sampled_from(["A", "".join(["A", "B"]), "AB", None, 7, 7.0]), max_size=20))
def test_runs_of_objects_are_those_of_their_values(values: list[object]) -> None:
    held = np.array([*values, None], dtype=object)[:-1]
    heads = [k for k in range(len(values)) if not k or values[k] != values[k - 1]]
    assert runs.first_of_runs(held).tolist() == heads
    code, distinct = factorized(pd.Series(held, dtype=object))
    expected = pd.factorize(pd.Series(held, dtype=object))
    assert code.tolist() == expected[0].tolist()
    assert list(distinct) == list(expected[1])


def test_many_rows_of_few_objects_have_the_codes_of_their_values() -> None:
    texts = ["TMS", "".join(["T", "MS"]), None, float("nan"), "ECT"]
    held = pd.Series([texts[k % 5] for k in range(400)], dtype=object)
    code, distinct = factorized(held)
    assert code[:5].tolist() == [0, 0, -1, -1, 1]
    assert list(distinct) == ["TMS", "ECT"]
    assert kind_of_objects(held) == "string"
    assert kind_of_objects(pd.Series([*held, [1]], dtype=object)) == "mixed"
    assert kind_of_objects(pd.Series([], dtype=object)) == "empty"


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, np.nan, np.inf]), max_size=12), st.integers(1, 5))
def test_extremes_say_what_is_wrong(values: list[float], size: int) -> None:
    x = np.array(values, dtype=float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", size)
        low, high = blocks.extremes(x)
        known = blocks.known_extremes(x)
    finite = len(x) > 0 and bool(np.isfinite(x).all())
    assert bool(np.isfinite([low, high]).all()) == finite
    left = x[~np.isnan(x)]
    expected = (left.min(), left.max()) if len(left) else (np.nan, np.nan)
    assert known == pytest.approx(expected, nan_ok=True)


@given(RUNS, st.integers(1, 5))
def test_rows_against_a_number_of_their_run(of_run: list[list[bool]], size: int) -> None:
    start = np.concatenate(([0], np.cumsum([len(run) for run in of_run])))
    x, limit = np.arange(start[-1]) % 3 * 1.0, np.arange(len(of_run)) % 2 + 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", size)
        rows = blocks.rows_against(np.less, x, limit, start)
    assert rows.tolist() == (x < np.repeat(limit, np.diff(start))).tolist()


def test_some_days_are_those_of_every_so_many_ratings() -> None:
    start = np.array([0, 3, 3, 10, 14])
    line = Timeline(pd.Index(list("abcd")), np.array([0, 0, 1, 0]), ["x", "y"],
                    np.arange(14.0), start)  # fmt: skip
    assert [who.tolist() for who in line.of_arms] == [
        [True, False, False, True], [False, False, True, False],
    ]  # fmt: skip
    days, step = line.some_days(line.seen, 4)
    assert (days.tolist(), step) == (np.arange(14.0)[::3].tolist(), 3)
    days, step = line.some_days(line.of_arms[0], 3)
    assert (days.tolist(), step) == ([0.0, 2.0, 11.0, 13.0], 2)
    assert line.some_days(np.zeros(4, dtype=bool), 3)[0].tolist() == []


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
