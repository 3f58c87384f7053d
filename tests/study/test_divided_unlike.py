"""Partitions that are not alike: what is scored and said of them is what holds of all rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
# It has nothing to give where dask is not installed.
from tests.study.test_divided import ROLES, apart, quietly, same, visits  # noqa: E402

pytestmark = pytest.mark.usefixtures("synchronous")


def delayed(parts: list[pd.DataFrame]) -> Any:
    """Return partitions that keep their types and columns, as files have them."""
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_delayed(
            [dask.delayed(part) for part in parts], meta=parts[0].iloc[:0], verify_meta=False
        )


def rows_of(scored: trd.ScoredItems) -> pd.DataFrame:
    """Return scored forms by subject and day, all texts as such."""
    rows: Any = scored.tidy()
    rows = rows.compute() if hasattr(rows, "compute") else rows
    texts = {c: rows[c].astype(str) for c in ("subject", "ward", "reason", "flags")}
    rows = rows.assign(**texts)[[c for c in rows if not c.startswith("q_") and c != "rater"]]
    return rows.sort_values(["subject", "day"]).reset_index(drop=True)  # type: ignore[no-any-return]


def answered(n: int = 30) -> pd.DataFrame:
    """Forms of the PHQ-9, four of each patient."""
    rng = np.random.default_rng(4)
    forms = pd.DataFrame({"subject": np.repeat([f"P{i:02d}" for i in range(n)], 4),
                          "day": np.tile(np.arange(4) * 7, n)})  # fmt: skip
    items = pd.DataFrame(rng.integers(0, 4, (4 * n, 9)), columns=[f"q_{k}" for k in range(1, 10)])
    return pd.concat([forms, items], axis=1).assign(ward=np.repeat(rng.choice(["x", "y"], n), 4))


def in_three(frame: pd.DataFrame) -> list[pd.DataFrame]:
    number = frame["subject"].str[1:].astype(int) % 3
    return [frame[number == k] for k in range(3)]


UNLIKE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "order of columns": lambda p: p[list(p.columns[::-1])],
    "types of items": lambda p: p.astype({"q_2": float, "q_3": str}),
    "types of subjects": lambda p: p.assign(subject=p["subject"].str[1:].astype(int)),
    "a column more": lambda p: p.assign(rater="R1"),
    "an item less": lambda p: p.drop(columns="q_4"),
}


@pytest.mark.parametrize("unlike", UNLIKE)
def test_forms_of_partitions_that_are_not_alike_are_scored(unlike: str) -> None:
    parts = in_three(answered())
    parts[1] = UNLIKE[unlike](parts[1])
    scored = quietly(lambda: trd.score_items(delayed(parts), "PHQ9"))
    alone = quietly(lambda: trd.score_items(pd.concat(parts), "PHQ9"))
    same(alone.glance(), scored.glance())
    same(rows_of(alone), rows_of(scored))


def test_columns_that_some_forms_lack_are_named() -> None:
    parts = in_three(answered())
    parts[1] = parts[1].drop(columns="q_4")
    said = r"`forms` have a column 'q_4' only in some partitions: it is missing in 40 rows of 1"
    with pytest.warns(trd.errors.DataWarning, match=said):
        scored = trd.score_items(delayed(parts), "PHQ9")
    # One of nine items may be filled in: all 40 forms have a total.
    assert scored.glance()[["n_missing", "n_filled_in"]].to_numpy().tolist() == [[0, 40]]


def test_rows_of_an_item_may_stand_in_some_partitions_alone() -> None:
    rows = answered().melt(["subject", "day", "ward"], var_name="item", value_name="value")
    second = rows["subject"].str[1:].astype(int) % 3 == 1
    # A column that changes within the forms of two partitions describes no form.
    rows["seen"] = np.where(second, "c", np.arange(len(rows)).astype(str))
    rows = rows[~second | (rows["item"] != "q_3")]
    alone = trd.score_items(rows, "PHQ9", item="item", value="value")
    scored = trd.score_items(delayed(in_three(rows)), "PHQ9", item="item", value="value")
    assert alone.glance()["n_filled_in"].item() == 40
    same(alone.glance(), scored.glance())
    same(rows_of(alone), rows_of(scored))
    without = delayed(in_three(rows[rows["item"] != "q_3"]))
    with pytest.raises(DataError, match="The table has no row for 1 item of PHQ9"):
        trd.score_items(without, "PHQ9", item="item", value="value")


@pytest.mark.parametrize("n", [6, 30])  # 72 answers in a partition are too few to judge by
def test_forms_counted_from_one_are_judged_together(n: int) -> None:
    forms = answered(n)
    from_one = forms.assign(**{f"q_{k}": forms[f"q_{k}"].clip(lower=1) for k in range(1, 10)})
    with pytest.warns(trd.errors.DataWarning) as raised:
        trd.score_items(delayed(in_three(from_one)), "PHQ9").tidy().compute()  # type: ignore[operator]
    assert [str(w.message).split(" on ")[0] for w in raised] == [f"None of {36 * n:,} answers"]
    mixed = in_three(forms)
    mixed[1] = in_three(from_one)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trd.score_items(delayed(mixed), "PHQ9")


def said_of(make: Callable[[], Any]) -> list[tuple[str, str, str, list[str]]]:
    """Return kind, words, advice and places of what is said of a study, but how it is held."""
    try:
        problems = quietly(make).notices
    except DataError as error:
        problems = error.problems
    return sorted(
        (p.kind, str(p.summary), p.remedy, sorted(w.split(" (row")[0].split(": P")[-1].lstrip("P")
                                                  for w in p.where))
        for p in problems if p.kind != "divided"
    )  # fmt: skip


def with_named_baselines(frame: pd.DataFrame) -> pd.DataFrame:
    """Most baselines of one partition, none of the others, are far from what was rated."""
    first = frame[frame["day"] == 0].set_index("subject")["score"]
    near = frame["subject"].map(first)
    return frame.assign(named=np.where(frame["subject"].str[1:].astype(int) % 3 == 1, 10, near))


SAID: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any]]] = {
    "several scores": (
        lambda f: pd.concat([f.dropna(), f.dropna().iloc[::7].assign(score=30.0)]),
        {"duplicates": "worst"}),
    "of no rater": (
        lambda f: pd.concat([f.dropna(), f.dropna().iloc[::7].assign(score=30.0)]),
        {"duplicates": {"site": "q"}}),
    "called by weeks": (lambda f: f.rename(columns={"day": "week"}), {"day": "week"}),
    "derived": (lambda f: f.assign(dtype=np.where(f.index % 9 == 0, "LOCF", "")), {}),
    "outside the scale": (lambda f: f.assign(score=f["score"].mask(
        f["subject"] == "P003", 99.0)), {}),
    "no day in one partition": (lambda f: f[(f["day"] != 0) | (f.index > 300)].assign(
        day=lambda g: g["day"].mask(g["subject"] == "P003")), {}),
    "subjects change": (lambda f: f.assign(treatment=np.where(
        f["subject"].isin(["P003", "P004"]) & (f["day"] > 7), "B", f["treatment"])), {}),
    "baselines": (with_named_baselines, {"baseline": "named"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAID)
def test_what_is_said_of_partitions_is_said_of_all(kind: str) -> None:
    change, roles = SAID[kind]
    frame = change(visits())
    alone = said_of(lambda: trd.Study(frame, **ROLES, **roles))
    together = said_of(lambda: trd.DividedStudy(apart(frame), **ROLES, **roles))
    assert len(alone) > 0
    assert [s[:3] for s in together] == [s[:3] for s in alone]
    places = [[w for w in s[3] if w != "..."] for s in (*alone, *together)]
    for one, other in zip(places[: len(alone)], places[len(alone) :], strict=True):
        assert set(one) <= set(other)  # each partition lists fifty


def test_advice_is_what_all_partitions_give() -> None:
    """All scores outside the scale in one partition would fit another; of all, few do."""
    frame = visits().dropna()
    wrong = frame.assign(score=frame["score"].mask(frame["subject"].isin(["P003", "P010"]), 99.0))
    few = wrong["subject"].isin(["P003", "P006"])
    with pytest.raises(DataError) as raised:
        quietly(lambda: trd.DividedStudy(delayed([wrong[few], wrong[~few]]), **ROLES))
    (problem,) = (p for p in raised.value.problems if p.kind == "score_outside_scale")
    n = int(frame["subject"].isin(["P003", "P010"]).sum())
    assert problem.summary == f"{n} MADRS scores lie outside MADRS (0 to 60)."
    assert "is the scale right" not in problem.remedy


@pytest.mark.parametrize("table", [True, False])
def test_a_partition_whose_rows_name_no_subject_is_counted(table: bool) -> None:
    named = visits()[visits()["subject"].str[1:].astype(int) < 40]
    roles: dict[str, Any] = dict(ROLES)
    if table:
        roles["subjects"] = named[["subject", "treatment"]].drop_duplicates()
    with pytest.raises(DataError, match="4 rows of `visits` name no subject"):
        trd.DividedStudy(delayed([named, named.iloc[:4].assign(subject=None)]), **roles)


def test_identifiers_of_two_kinds_are_named_without_rows() -> None:
    """Numbers of subjects are no rows of the visits."""
    frame = visits().assign(subject=visits()["subject"].str[1:].astype(int).astype(object))
    late = frame["day"] > 30
    parts = [frame[~late], frame[late].assign(subject=frame["subject"].astype(str))]
    with pytest.raises(DataError, match="a number in some rows and text in others") as raised:
        trd.DividedStudy(delayed(parts), scale="MADRS")
    assert not any("row" in place for p in raised.value.problems for place in p.where)
