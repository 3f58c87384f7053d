"""Scores do not depend on how a table keeps its numbers, and the table stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import Prorate, score_items
from trdstats.scales import scale_from_mapping

WIDE = scale_from_mapping("WIDE", {
    "name": "Three visual analogue scales", "total": [3, 900], "item_maxima": [300, 300, 300],
    "item_minimum": 1, "scoring": {"reversed": [3]},
})  # fmt: skip
EDGE = scale_from_mapping("EDGE", {
    "name": "One item to 127", "total": [1, 127], "item_maxima": [127], "item_minimum": 1,
    "scoring": {"reversed": [1]},
})  # fmt: skip


def table(answers: Any, dtype: Any) -> pd.DataFrame:
    frame = pd.DataFrame(answers, dtype=dtype)
    frame.columns = [f"item_{k}" for k in range(1, frame.shape[1] + 1)]
    return frame.assign(subject=np.arange(len(frame)) // 2, day=np.arange(len(frame)) % 2)


@pytest.mark.parametrize(
    "dtype", [np.int64, np.int8, np.uint8, np.int32, np.float32, float, "Int64", object]
)
def test_integers_floats_and_objects_give_the_same_totals(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 4, (40, 9))
    got = score_items(table(answers, dtype), "PHQ-9").tidy()
    assert got["score"].tolist() == answers.sum(axis=1).tolist()
    assert got["suicide_item"].tolist() == answers[:, 8].tolist()
    assert set(got["reason"]) == {"complete"}
    assert {str(got[c].dtype) for c in ("score", "suicide_item")} == {"float64"}
    assert {str(got[c].dtype) for c in ("items_missing", "items_imputed")} == {"int64"}


def test_items_with_many_points_are_turned_round_without_overflow() -> None:
    # 300 + 1 + (1 + 300 - 7): beyond what one byte holds.
    assert score_items(table([[300, 1, 7]], int), WIDE).tidy()["score"].tolist() == [595.0]
    # 1 + 127 - 1: the ends add up to more than the highest byte.
    assert score_items(table([[1], [127]], int), EDGE).tidy()["score"].tolist() == [127.0, 1.0]
    gap = score_items(table([[300, None, 7]], float), WIDE, missing=Prorate(at_most=1)).tidy()
    assert gap["score"].tolist() == [(300 + 294) * 3 / 2]


def test_the_table_stays_as_it_was_and_the_result_does_not_follow_it() -> None:
    frame = table(np.full((4, 9), 1), int).set_index(pd.Index(list("abcd")))
    before = frame.copy()
    scored = score_items(frame, "PHQ-9")
    shown = scored.tidy().copy()
    pd.testing.assert_frame_equal(frame, before)
    frame.loc[:, "day"] = 99
    frame.iloc[:, :9] = 3
    pd.testing.assert_frame_equal(scored.tidy(), shown)


def test_of_two_alternatives_outside_every_domain_a_total_is_not_made_up() -> None:
    # Item 2 is empty by design where item 1 was answered; a plain sum has no score for it.
    scale = scale_from_mapping("PAIR", {
        "name": "Pair", "total": [0, 9], "item_maxima": [3, 3, 3],
        "scoring": {"alternatives": [[1, 2]]},
    })  # fmt: skip
    got = score_items(table([[1, None, 2], [1, 2, 2]], float), scale).tidy()["score"]
    assert np.isnan(got[0])
    assert got[1] == 5


def test_copies_are_recognised_whatever_the_order_of_rows() -> None:
    answers = np.array([[1, 0, 2, 3, 1, 0, 2, 1, 0]] * 3 + [[0, 0, 0, 1, 0, 0, 0, 0, 0]] * 3)
    frame = table(answers, int).assign(subject=np.repeat([2, 1], 3), day=[0, 7, 14] * 2)
    flags = score_items(frame, "PHQ-9").tidy()["flags"]
    assert (flags == "same answers again").all()
    mixed = frame.iloc[[4, 0, 3, 2, 5, 1]]
    pd.testing.assert_series_equal(
        score_items(mixed, "PHQ-9").tidy()["flags"], flags, check_index=False
    )
