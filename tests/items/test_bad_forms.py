"""Forms that cannot be scored as they are: what, where, and how to mend it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from trdstats import Prorate, Response, Study, assess, score_items
from trdstats.errors import DataError, DataWarning, SpecError
from trdstats.scales import scale_from_mapping


@pytest.fixture
def phq() -> pd.DataFrame:
    frame = pd.DataFrame(
        [[1, 2, 3, 0, 1, 2, 3, 0, 1]] * 2, columns=[f"phq9_{i}" for i in range(1, 10)], dtype=object
    )
    return frame.assign(subject=["P1", "P2"], day=[0, 7])


def test_every_slip_is_named_by_subject_visit_and_item(phq: pd.DataFrame) -> None:
    phq.loc[0, "phq9_3"], phq.loc[1, "phq9_9"], phq.loc[1, "phq9_1"] = 9, "2?", 1.5
    with pytest.raises(DataError) as caught:
        score_items(phq, "PHQ9")
    said = str(caught.value)
    assert [p.kind for p in caught.value.problems] == [
        "not_a_number", "item_outside_range", "item_not_whole",
    ]  # fmt: skip
    assert "P1 at day 0 (row 0), item 3 (0-3): 9" in said
    assert "P2 at day 7 (row 1), item 9 (0-3): '2?'" in said
    assert 'invalid="missing"' in said


def test_slips_can_be_scored_as_missing_and_are_counted(phq: pd.DataFrame) -> None:
    phq.loc[0, "phq9_3"], phq.loc[0, "phq9_4"] = 9, "x"
    scored = score_items(phq, "PHQ9", invalid="missing")
    assert scored.tidy()["items_missing"].tolist() == [2, 0]
    found = scored.quality()
    assert found["kind"].tolist() == ["item scored as missing"]
    assert found["detail"].tolist() == ["item 3: 9, item 4: 'x'"]


def test_halves_of_the_madrs_s_ask_which_scoring_it_is() -> None:
    frame = pd.DataFrame([[1.5] * 9], columns=[f"i{i}" for i in range(1, 10)])
    with pytest.raises(DataError, match="Two scorings are in use"):
        score_items(frame.assign(subject="A", day=0), "MADRS-S")


def test_items_of_a_longer_scale_are_refused_by_name() -> None:
    frame = pd.DataFrame([[1] * 24], columns=[f"ham_{i}" for i in range(1, 25)])
    with pytest.raises(DataError) as caught:
        score_items(frame.assign(subject="A", day=0), "HAMD17")
    assert "24 items are those of HAMD24: is the scale right?" in str(caught.value)
    assert "'ham_18'" in str(caught.value)


def test_items_that_are_not_there_are_listed(phq: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"no columns for 1 item of PHQ9\.\n.*item 4"):
        score_items(phq.drop(columns="phq9_4"), "PHQ9")
    with pytest.raises(DataError, match="no columns for 9 items of PHQ9"):
        score_items(phq[["subject", "day"]], "PHQ9")


def test_two_sets_of_columns_need_a_word(phq: pd.DataFrame) -> None:
    twice = phq.rename(columns=lambda c: c.replace("phq9_", "a"))
    twice = twice.assign(**{f"b{i}": 0 for i in range(1, 10)})
    with pytest.raises(DataError, match="Several sets of columns"):
        score_items(twice, "PHQ9")
    got = score_items(twice, "PHQ9", items=[f"a{i}" for i in range(1, 10)]).tidy()
    assert got["score"].tolist() == [13, 13]
    named = phq.assign(**{f"b{i}": 0 for i in range(1, 10)})
    assert score_items(named, "PHQ9").tidy()["score"].tolist() == [13, 13]


def test_items_must_fit_the_scale(phq: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="item 9 has no column"):
        score_items(phq, "PHQ9", items=[f"phq9_{i}" for i in range(1, 9)])
    with pytest.raises(SpecError, match="item 10 is unknown"):
        score_items(phq, "PHQ9", items={i: f"phq9_{i}" for i in range(1, 11)})
    with pytest.raises(DataError, match="does not have every column"):
        score_items(phq, "PHQ9", items=[f"phq_{i}" for i in range(1, 10)])
    with pytest.raises(SpecError, match="lists no items"):
        score_items(phq, scale_from_mapping("X", {"name": "X", "total": [0, 9]}))


def test_arguments_that_contradict_each_other(phq: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match=r"needs both item=\.\.\. and value"):
        score_items(phq, "PHQ9", item="item")
    with pytest.raises(SpecError, match="give one of them"):
        score_items(phq, "PHQ9", item="item", value="v", items=["a"])
    with pytest.raises(SpecError, match="missing must be 'published'"):
        score_items(phq, "PHQ9", missing=2)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="whole number of items"):
        Prorate(at_most=1.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no column 'patient' for subject"):
        score_items(phq, "PHQ9", subject="patient")
    with pytest.raises(DataError, match="no column 'sum' for total"):
        score_items(phq, "PHQ9", total="sum")


def test_mixed_versions_within_a_subject_are_refused(phq: pd.DataFrame) -> None:
    two = phq.assign(subject="P1", form=["PHQ-9", "PHQ-9 modified"])
    with pytest.raises(DataError) as caught:
        score_items(two, "PHQ9", version="form")
    assert "P1: PHQ-9 at day 0, PHQ-9 modified at day 7" in str(caught.value)
    assert score_items(two[:1], "PHQ9", version="form").tidy()["score"].tolist() == [13]


def test_forms_need_a_subject_and_a_visit(phq: pd.DataFrame) -> None:
    phq.loc[0, "subject"], phq.loc[1, "day"] = None, np.nan
    with pytest.raises(DataError) as caught:
        score_items(phq, "PHQ9")
    assert [p.kind for p in caught.value.problems] == ["missing_subject", "missing_visit"]


def long(phq: pd.DataFrame) -> pd.DataFrame:
    return phq.melt(["subject", "day"], var_name="item", value_name="answer")


def test_long_tables_name_labels_and_repeats(phq: pd.DataFrame) -> None:
    table = long(phq)
    odd = table.assign(item=table["item"].replace({"phq9_3": "sleep"}))
    with pytest.raises(DataError, match=r"1 label names no item of PHQ9 \(1 to 9\)"):
        score_items(odd, "PHQ9", item="item", value="answer")
    twice = pd.concat([table, table[:1]], ignore_index=True)
    with pytest.raises(DataError, match=r"P1 at day 0, item phq9_1 \(row 18\)"):
        score_items(twice, "PHQ9", item="item", value="answer")
    short = table[table["item"] != "phq9_2"]
    with pytest.raises(DataError, match="no row for 1 item of PHQ9"):
        score_items(short, "PHQ9", item="item", value="answer")
    nameless = table.assign(item=table["item"].where(table.index != 4))
    with pytest.raises(DataError, match="1 row has no item"):
        score_items(nameless, "PHQ9", item="item", value="answer")


def test_long_tables_may_label_items_by_number_and_keep_what_is_steady(phq: pd.DataFrame) -> None:
    table = long(phq)
    table = table.assign(item=table["item"].str[-1].astype(float), clinic="north", clock=range(18))
    got = score_items(table, "PHQ9", item="item", value="answer").tidy()
    assert got["score"].tolist() == [13, 13]
    assert list(got.columns[:3]) == ["subject", "day", "clinic"]
    assert "clock" not in got


def test_other_frames_and_empty_ones(phq: pd.DataFrame) -> None:
    plain = phq.infer_objects()
    assert score_items(pl.from_pandas(plain), "PHQ9").tidy()["score"].tolist() == [13, 13]
    with pytest.raises(DataError, match="has no rows"):
        score_items(plain[:0], "PHQ9")


def test_a_column_called_score_is_kept_under_another_name(phq: pd.DataFrame) -> None:
    got = score_items(phq.assign(score=99, flags="x"), "PHQ9").tidy()
    assert got["score_given"].tolist() == [99, 99]
    assert got["flags_given"].tolist() == ["x", "x"]


def test_a_study_takes_fractions_that_filling_in_gives_and_no_others() -> None:
    visits = pd.DataFrame(
        {"subject": ["A", "A", "B", "B"], "day": [0, 7] * 2,
         "treatment": ["ECT", "ECT", "TMS", "TMS"],
         "score": [26 * 10 / 9, 13 * 10 / 9, 30, 15]}
    )  # fmt: skip
    study = Study(visits, scale="MADRS")
    note = next(p for p in study.notices if p.kind == "filled_in_total")
    assert note.where == ("A at day 0", "A at day 7")
    # 13 of 26 is one half also when ninths stand between.
    assert assess(study, Response())["met"].tolist() == [True, True]
    with pytest.raises(DataError, match="MADRS totals are integers"):
        Study(visits.assign(score=[22.5, 20, 30, 15]), scale="MADRS")
    # Two items of the MADRS are more than the rule in use fills in: the table must say so.
    two = visits.assign(score=[24 * 10 / 8 + 10 / 8, 20, 30, 15])
    with pytest.raises(DataError, match="keep the column `items_imputed`"):
        Study(two, scale="MADRS")
    assert Study(two.assign(items_imputed=[2, 0, 0, 0]), scale="MADRS") is not None


def test_items_that_count_from_one() -> None:
    """Coded 1 to 4, and nobody gave the highest answer: every total is nine points too high."""
    rng = np.random.default_rng(3)
    answers = {f"phq9_{k}": rng.integers(1, 4, 24) for k in range(1, 10)}
    coded = pd.DataFrame({"subject": np.arange(24), "day": 0, **answers})
    words = "None of 216 answers on 9 items of PHQ9 is 0, the lowest"
    with pytest.warns(DataWarning, match=words):
        score_items(coded, "PHQ-9")
    score_items(coded.assign(phq9_9=0), "PHQ-9")
    score_items(coded.iloc[:10], "PHQ-9")  # 90 answers say too little
