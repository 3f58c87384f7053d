"""P values that are no numbers, graphs that are none, links whose table does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, SpecError


@pytest.mark.parametrize("text", ["<0.001", "0,001", "n.s."])
def test_a_p_value_that_is_a_text_is_refused(text: str) -> None:
    """It was left out: Holm took two hypotheses for three, 0.03 became 0.06 instead of 0.09."""
    family = pd.DataFrame({"p_value": [text, "0.04", "0.03"]})
    with pytest.raises(DataError, match="1 entry of the column 'p_value' is not a number"):
        trd.adjust_p_values(family)
    spelled = trd.adjust_p_values(pd.DataFrame({"p_value": ["0.01", None, "0.03"]}))
    assert spelled["p_adjusted"].iloc[[0, 2]].tolist() == [0.02, 0.03]
    arrow = pd.DataFrame({"p_value": pd.array([0.01, None, 0.03], dtype="Float64")})
    assert trd.adjust_p_values(arrow)["p_adjusted"].iloc[[0, 2]].tolist() == [0.02, 0.03]


@pytest.mark.parametrize(
    ("weights", "transitions"),
    [
        ([0.5, np.nan], [[0, 1], [1, 0]]),
        ([0.5, 0.5], [[0, np.nan], [1, 0]]),
        (["a", 0.5], [[0, 1], [1, 0]]),
        ([0.5, 0.5], [[0, 1], [1]]),
        ([], []),
    ],
)
def test_a_graph_of_no_numbers_is_refused(weights: Any, transitions: Any) -> None:
    with pytest.raises(SpecError, match="The graph cannot be used"):
        trd.Graph(weights, transitions)


@pytest.mark.parametrize("p", [[5, 0.02], [-0.1, 0.02]])
def test_a_graph_takes_p_values(p: list[float]) -> None:
    with pytest.raises(SpecError, match="lies between 0 and 1"):
        trd.Graph([0.5, 0.5], [[0, 1], [1, 0]]).adjust(p)


TABLE = pd.DataFrame({"source": [20, 40], "target": [15, 30]})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (TABLE.assign(target=[15, "x"]), "entries that are no numbers"),
        (TABLE.assign(target=[150, 160]), "HAMD17, which runs from 0 to 52. Are source and target"),
        (pd.DataFrame({"source": [15, 30], "target": [20, 55]}), "Are source and target exchanged"),
        (pd.DataFrame({"source_low": [20], "source_high": [21], "target_low": [18],
                       "target_high": [15]}), "run backwards"),
        (TABLE.assign(sd_link=[-3, 1]), "sd_link holds negative numbers"),
        (TABLE.iloc[:0], "has no row"),
    ],
)  # fmt: skip
def test_the_table_of_a_link_must_fit_its_scales(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        trd.convert([20], "MADRS", "HAM-D17", table=table)


def test_a_column_is_one_item() -> None:
    """Item 10 was read from the column of item 1."""
    forms = pd.DataFrame({"subject": ["A"], "day": [0], **{f"m{k}": [k % 7] for k in range(1, 11)}})
    with pytest.raises(SpecError, match=r"'m1' for items 1, 10\). Each item has its own column"):
        trd.score_items(forms, "MADRS", items=[*(f"m{k}" for k in range(1, 10)), "m1"])
