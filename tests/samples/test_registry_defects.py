"""Forms of the registry are valid where nothing was planted, and wrong where it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.simulate.clinic.defects import DEFECTS, QIDS_ONLY
from trdstats.simulate.clinic.forms import ALTERNATIVES, PHQ9_ITEMS, QIDS_ITEMS

ITEMS = {"qids": list(QIDS_ITEMS), "phq9": list(PHQ9_ITEMS)}
Tables = dict[str, pd.DataFrame]


def planted(tables: Tables, form: str, kind: str) -> pd.DataFrame:
    defects = tables["defects"]
    found = defects[(defects["form"] == form) & (defects["kind"] == kind)]
    assert len(found) >= 3
    return found


def rows_of(tables: Tables, form: str, defect: Any) -> pd.DataFrame:
    """Return the rows of the form a defect belongs to, copies removed."""
    forms = tables[form]
    same = (forms["patient"] == defect.patient) & (forms["day"] == defect.day)
    return forms[same].drop_duplicates()


def the_row(tables: Tables, form: str, defect: Any) -> pd.Series[Any]:
    rows = rows_of(tables, form, defect)
    assert len(rows) == 1
    return rows.iloc[0]


def numbers(row: pd.Series[Any], form: str) -> np.ndarray:
    return row[ITEMS[form]].to_numpy(dtype=float)


def count_points(answers: np.ndarray, form: str) -> float:
    """Return the total by the rule of the form, written out apart from the generator."""
    if form == "phq9":
        return float(answers.sum())
    a = dict(enumerate(answers, start=1))
    worst = [np.nanmax([a[i] for i in group]) for group in ((1, 2, 3, 4), (6, 7, 8, 9), (15, 16))]
    return float(sum(worst) + a[5] + a[10] + a[11] + a[12] + a[13] + a[14])


def test_forms_that_are_not_listed_are_valid(
    tables: Tables, valid_forms: Tables, form: str
) -> None:
    forms = valid_forms[form]
    assert len(forms) > 0.8 * len(tables[form])
    assert not forms.duplicated(["patient", "day"]).any()
    answers = forms[ITEMS[form]]
    assert (answers.isna() | answers.isin([0, 1, 2, 3])).all(axis=None)
    if form == "qids":
        for pair in ALTERNATIVES:
            assert (answers[[f"qids_{i}" for i in pair]].notna().sum(axis=1) == 1).all()
        answers = answers.drop(columns=[f"qids_{i}" for pair in ALTERNATIVES for i in pair])
    assert answers.notna().all(axis=None)
    expected = [count_points(row, form) for row in forms[ITEMS[form]].to_numpy()]
    assert forms["total"].tolist() == expected


def test_every_kind_is_listed(tables: Tables, form: str) -> None:
    defects = tables["defects"][tables["defects"]["form"] == form]
    expected = set(DEFECTS) - (set(QIDS_ONLY) if form == "phq9" else set())
    assert set(defects["kind"]) == expected
    share = defects["kind"].value_counts() / len(tables[form])
    assert share.between(0.005, 0.025).all()
    # One kind a form, whatever was copied afterwards.
    alone = defects[defects["kind"] != "duplicate_row"]
    assert not alone.duplicated(["patient", "day"]).any()


def test_missing_item(tables: Tables, form: str) -> None:
    items = set()
    for defect in planted(tables, form, "missing_item").itertuples():
        row = the_row(tables, form, defect)
        asked = 14 if form == "qids" else 9
        assert np.isfinite(numbers(row, form)).sum() == asked - 1
        assert pd.isna(row[ITEMS[form][int(defect.item) - 1]])
        assert pd.isna(row["total"])
        items.add(int(defect.item))
    if form == "qids":
        assert items & {6, 7}  # both alternatives empty
        assert items & {1, 2, 3, 4, 15, 16}  # others of the domain remain
        assert items & {5, 10, 11, 12, 13, 14}  # a domain is empty


def test_several_missing(tables: Tables, form: str) -> None:
    asked = 14 if form == "qids" else 9
    for defect in planted(tables, form, "several_missing").itertuples():
        row = the_row(tables, form, defect)
        assert np.isfinite(numbers(row, form)).sum() <= asked - 3
        assert pd.isna(row["total"])


def test_impossible_item(tables: Tables, form: str) -> None:
    entries = set()
    for defect in planted(tables, form, "impossible_item").itertuples():
        row = the_row(tables, form, defect)
        entries.add(int(row[ITEMS[form][int(defect.item) - 1]]))
    assert entries == {4, 5, 9, 11, -1}


def test_text_item(tables: Tables, form: str) -> None:
    texts = []
    for defect in planted(tables, form, "text_item").itertuples():
        column = ITEMS[form][int(defect.item) - 1]
        assert not pd.api.types.is_numeric_dtype(tables[form][column])
        texts.append(str(the_row(tables, form, defect)[column]))
    assert any(t.endswith("?") for t in texts)
    assert any(t in ("zero", "one", "two", "three") for t in texts)
    assert pd.to_numeric(pd.Series(texts), errors="coerce").isna().all()


def test_duplicate_row(tables: Tables, form: str) -> None:
    forms = tables[form]
    for defect in planted(tables, form, "duplicate_row").itertuples():
        same = forms[(forms["patient"] == defect.patient) & (forms["day"] == defect.day)]
        assert len(same) == 2
        assert len(same.drop_duplicates()) == 1


def test_conflicting_row(tables: Tables, form: str) -> None:
    for defect in planted(tables, form, "conflicting_row").itertuples():
        rows = rows_of(tables, form, defect)
        assert len(rows) == 2
        if form == "qids":
            assert len(set(rows["version"])) == 1
        one, two = (numbers(row, form) for _, row in rows.iterrows())
        assert 3 <= np.nansum(one != two) - np.isnan(one).sum() <= 5
        assert [count_points(a, form) for a in (one, two)] == rows["total"].tolist()


def test_raw_sum(tables: Tables) -> None:
    totals = []
    for defect in planted(tables, "qids", "raw_sum").itertuples():
        row = the_row(tables, "qids", defect)
        answers = numbers(row, "qids")
        assert row["total"] == np.nansum(answers) != count_points(answers, "qids")
        totals.append(row["total"])
    assert min(totals) <= 27 < max(totals)


def test_wrong_total(tables: Tables, form: str) -> None:
    for defect in planted(tables, form, "wrong_total").itertuples():
        row = the_row(tables, form, defect)
        off = abs(row["total"] - count_points(numbers(row, form), form))
        assert 1 <= off <= 5


def test_copied_forward(tables: Tables, form: str) -> None:
    listed = planted(tables, form, "copied_forward")
    forms = tables[form].drop_duplicates(["patient", "day"], ignore_index=True)
    keys = pd.MultiIndex.from_frame(forms[["patient", "day"]])
    rows = np.sort(keys.get_indexer(pd.MultiIndex.from_frame(listed[["patient", "day"]])))
    for start in rows[::3]:
        run = forms.loc[start : start + 2]
        assert len(set(run["patient"])) == 1
        assert run[[*ITEMS[form], "total"]].astype(str).drop_duplicates().shape[0] == 1
        assert set(range(start, start + 3)) <= set(rows.tolist())


def test_straight_line(tables: Tables, form: str) -> None:
    for defect in planted(tables, form, "straight_line").itertuples():
        row = the_row(tables, form, defect)
        answers = numbers(row, form)
        level = np.unique(answers[np.isfinite(answers)])
        assert len(level) == 1
        assert level[0] > 0
        assert row["total"] == 9 * level[0]


def test_both_alternatives(tables: Tables) -> None:
    for defect in planted(tables, "qids", "both_alternatives").itertuples():
        row = the_row(tables, "qids", defect)
        assert defect.item in (6, 7)
        assert row[["qids_6", "qids_7"]].notna().all()
        assert row["total"] == count_points(numbers(row, "qids"), "qids")
