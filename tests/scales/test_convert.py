"""Links between scales: the table row by row, both directions, ties, refusals."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import convert, get_scale, linked_scales, transfer_percent_change
from trdstats.errors import DataError, EstimateWarning, NotEstimableError, SpecError

# The table of Rush 2003 and Trivedi 2004 as its authors print it, typed a second time.
PRINTED = """
0-3 0 0 0-1 0-1 | 4-5 1 1-2 2 2 | 6 2 3 3 3-4 | 7-8 3 4 4 5 | 9-11 4 5-6 5-6 6-7 | 12-13 5 7 7-8 8-9
14-16 6 8 9 10-11 | 17-18 7 9-10 10 12 | 19-21 8 11 11-12 13-14 | 22-23 9 12 13 15-16
24-25 10 13 14-15 17-18 | 26-28 11 14-15 16 19 | 29-30 12 16 17 20-21 | 31-33 13 17 18-19 22-23
34-36 14 18-19 20-21 24-25 | 37-38 15 18-19 22 26 | 39-40 16 20 23 27-28
41-43 17 21-22 24-25 29-30
44-45 18 23 26 31-32 | 46-47 19 24 27 33 | 48 20 25 28 34 | 49-53 21 26-27 29-31 35-38
54-55 22 28 32 39 | 56-58 23 29 33-34 40-41 | 59-61 24 30-31 35-36 42-44 | 62-64 25 32 37-38 45-46
65-67 26 33-35 39-41 47-49 | 68-84 27 36-52 42-64 50-75
"""
LABELS = ["IDSSR30", "QIDSSR16", "HAMD17", "HAMD21", "HAMD24"]
ROWS = [
    [[int(v) for v in cell.split("-")] for cell in row.split()]
    for row in re.split(r"[|\n]", PRINTED.strip())
]

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")


def span(cell: list[int]) -> tuple[int, int]:
    return cell[0], cell[-1]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"QIDS {r[1][0]}")
def test_every_row_in_every_direction(row: list[list[int]]) -> None:
    for i, source in enumerate(LABELS):
        for j, target in enumerate(LABELS):
            if i == j:
                continue
            low, high = span(row[i])
            got = convert(list(range(low, high + 1)), source, target)
            t_low, t_high = span(row[j])
            tied = source == "HAMD17" and low == 18
            if tied:  # HAM-D17 18 and 19 stand at QIDS 14 and at 15
                assert (got["low"] <= t_low).all()
                assert (got["high"] >= t_high).all()
            else:
                assert (got["low"] == t_low).all()
                assert (got["high"] == t_high).all()
                assert (got["estimate"] == (t_low + t_high) / 2).all()


@pytest.mark.parametrize("label", [x for x in LABELS if x != "HAMD17"])
def test_columns_are_partitions(label: str) -> None:
    spans = [span(row[LABELS.index(label)]) for row in ROWS]
    assert spans[0][0] == 0
    assert all(b[0] == a[1] + 1 for a, b in pairwise(spans))


def test_the_tie() -> None:
    got = convert([18, 19], "HAMD17", "QIDS-SR").iloc[0]
    assert (got["estimate"], got["low"], got["high"]) == (14.5, 14, 15)
    assert np.isnan(got["sd_link"])


def test_anchors_of_stard() -> None:
    # QIDS at most 5 goes with HAM-D17 at most 7, at least 11 with at least 14.
    assert convert([7, 8], "HAMD17", "QIDSSR16")["estimate"].tolist() == [5, 6]
    assert convert([11], "QIDSSR16", "HAMD17")["low"].tolist() == [14]


def test_directions_are_not_inverses() -> None:
    there = convert([12], "IDSSR30", "HAMD17")["estimate"].item()
    back = convert([there], "HAMD17", "IDSSR30")["estimate"].item()
    assert (there, back) == (7, 12.5)


def test_linked_totals_carry_their_origin() -> None:
    with pytest.warns(EstimateWarning, match="good for averages of groups and poor for a person"):
        got = convert([5, np.nan], "QIDS-C", "HAM-D24").iloc[0]
    assert (got["source_scale"], got["target_scale"], got["link"]) == (
        "QIDSC16",
        "HAMD24",
        "Rush 2003",
    )


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("HAMD17", "MADRS", "take its table from Leucht 2018"),
        ("MADRS", "HAMD17", "take its table from Leucht 2018"),
        ("QIDS-SR", "MADRS", "take its table from Carmody 2006"),
        ("BDI-II", "HAMD17", "take its table from Furukawa 2019"),
        ("PHQ-9", "QIDS-C", "take its table from Palmer 2024"),
        (
            "PHQ-9",
            "HAMD17",
            r"No published link .* is known\. Links are not chained",
        ),
        ("QIDS-SR", "QIDS-C", "No published link"),
    ],
)
def test_links_that_are_not_packaged(source: str, target: str, words: str) -> None:
    with pytest.raises(NotEstimableError, match=words):
        convert([10], source, target)


def test_own_tables() -> None:
    table = pd.DataFrame({"source": [10, 20], "target": [13, 26], "sd_link": [4.0, 5.0]})
    got = convert([20, 10], "HAMD17", "MADRS", table=table)
    assert got["estimate"].tolist() == [26, 13]
    assert got["sd_link"].tolist() == [5, 4]
    assert got["link"].unique().tolist() == ["own table"]
    spans = pd.DataFrame(
        {"source_low": [0], "source_high": [9], "target_low": [0], "target_high": [12]}
    )
    assert convert([4], "HAMD17", "MADRS", table=spans)["high"].item() == 12
    with pytest.raises(SpecError, match="has the columns source and target"):
        convert([4], "HAMD17", "MADRS", table=spans[["source_low"]])
    with pytest.raises(SpecError, match="ranges that run backwards"):
        convert([4], "HAMD17", "MADRS", table=spans.assign(source_high=-1))


@pytest.mark.parametrize("scores", [[53], [-1], [7.5]])
def test_totals_without_a_place(scores: list[Any]) -> None:
    with pytest.raises(DataError, match=r"1 total has no place in the link HAMD17 to QIDSSR16"):
        convert(scores, "HAMD17", "QIDS-SR")


def test_half_a_point_within_a_range_of_totals_is_refused() -> None:
    """Totals 10 and 11 of the IDS go with 4 of the QIDS; 10.5 is a total of neither."""
    assert convert([10, 11], "IDS-SR30", "QIDS-SR")["estimate"].tolist() == [4, 4]
    with pytest.raises(DataError, match="1 total has no place in the link IDSSR30 to QIDSSR16"):
        convert([10, 10.5], "IDS-SR30", "QIDS-SR")


def test_percent_falls() -> None:
    assert transfer_percent_change([20.0, 50.0], "MADRS", "HAMD17").tolist() == [20, 50]
    with pytest.raises(NotEstimableError, match="per cent falls on PHQ9 and MADRS"):
        transfer_percent_change([50.0], "PHQ-9", "MADRS")


def test_list_of_links() -> None:
    table = linked_scales()
    assert len(table[table["packaged"]]) == 6 * 5 - 2  # QIDS-SR and -C share a column
    for row in table[~table["packaged"]].itertuples():
        with pytest.raises(NotEstimableError, match="is not packaged"):
            convert([get_scale(row.source).maximum], row.source, row.target)
