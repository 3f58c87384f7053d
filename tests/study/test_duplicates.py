"""Several scores of a subject on one day: refused, or settled by a rule and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, SpecError
from trdstats.scales import get_scale
from trdstats.study.plausibility.duplicates import one_a_day, read_rule

# A is rated twice on day 7, by two raters; of two rows one has a score on day 14, none on day 21.
ROWS = [
    ("A", "ECT", 0, 30, "R1"),
    ("A", "ECT", 7, 20, "R2"),
    ("A", "ECT", 7, 25, "R1"),
    ("A", "ECT", 14, None, "R1"),
    ("A", "ECT", 14, 15, "R2"),
    ("A", "ECT", 21, None, "R1"),
    ("A", "ECT", 21, None, "R2"),
    ("B", "TMS", 0, 32, "R1"),
    ("B", "TMS", 7, 17, "R1"),
]


@pytest.fixture
def visits() -> pd.DataFrame:
    """Return the rows above."""
    return pd.DataFrame(ROWS, columns=["subject", "treatment", "day", "score", "rater"])


def test_the_default_lists_them(visits: pd.DataFrame) -> None:
    match = (
        r"1 row of `visits` repeats a subject and day \(MADRS\)\.\n  A at day 7 \(rows 1, 2\)\n  "
        r"Keep one row a subject and day, or name a rule: duplicates='first', 'last', 'worst', "
    )
    with pytest.raises(DataError, match=match):
        trd.Study(visits, scale="MADRS")


def test_rows_without_a_score_never_refuse_a_study(visits: pd.DataFrame) -> None:
    study = trd.Study(visits.drop(index=1), scale="MADRS")
    own = study.visits[study.visits["subject"] == "A"]
    assert own["day"].tolist() == [0, 7, 14, 21]
    assert own["score"].fillna(-1).tolist() == [30, 25, 15, -1]
    assert own["rater"].tolist() == ["R1", "R1", "R2", "R1"]
    (notice,) = (p for p in study.notices if p.kind == "empty_duplicate")
    assert notice.summary.startswith("2 rows without a MADRS score shared subject and day")
    assert notice.where == ("A at day 14 (row 2)", "A at day 21 (row 5)")
    assert notice.level == "note"


@pytest.mark.parametrize(
    ("rule", "score", "words"),
    [
        ("first", 20, "the first in the order of the rows is kept"),
        ("last", 25, "the last in the order of the rows is kept"),
        ("worst", 25, "the worst is kept"),
        ("mean", 22.5, "their mean is taken"),
        ({"rater": "R1"}, 25, "the one with rater = 'R1' is kept"),
        ({"rater": "R2"}, 20, "the one with rater = 'R2' is kept"),
    ],
)
def test_rules(visits: pd.DataFrame, rule: Any, score: float, words: str) -> None:
    study = trd.Study(visits, scale="MADRS", duplicates=rule)
    own = study.visits[(study.visits["subject"] == "A") & (study.visits["day"] == 7)]
    assert own["score"].tolist() == [score]
    (notice,) = (p for p in study.notices if p.kind == "duplicates_settled")
    assert notice.summary == f"On 1 day a subject has several MADRS scores, 2 in all: {words}."
    assert "A at day 7" in notice.where[0]
    assert words in str(study)


def test_half_points_of_a_mean_are_judged_exactly() -> None:
    """From 30, a mean of 14 and 16 is a response, one of 15 and 16 (15.5) is none."""
    rows = [("A", "ECT", 0, 30), ("A", "ECT", 7, 14), ("A", "ECT", 7, 16),
            ("B", "TMS", 0, 30), ("B", "TMS", 7, 15), ("B", "TMS", 7, 16)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    study = trd.Study(table, scale="MADRS", duplicates="mean")
    assert trd.assess(study, trd.Response())["met"].tolist() == [True, False]


def test_baselines_are_settled_too() -> None:
    rows = [("A", "ECT", 0, 30), ("A", "ECT", 0, 34), ("A", "ECT", 7, 14), ("B", "TMS", 0, 20)]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    for rule, expected in (("first", 30), ("last", 34), ("worst", 34), ("mean", 32)):
        study = trd.Study(table, scale="MADRS", duplicates=rule)
        assert study.subjects["baseline"].tolist() == [expected, 20]


def test_the_worst_is_the_lowest_where_high_is_good() -> None:
    rows = [("A", "ECT", 0, 5), ("A", "ECT", 7, 9), ("A", "ECT", 7, 15), ("B", "TMS", 0, 5)]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    study = trd.Study(table, scale="WHO-5", duplicates="worst")
    assert study.visits["score"].tolist() == [5, 9, 5]


def test_a_rater_who_does_not_settle_it(visits: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"Of 2 MADRS scores .* none or several have rater = 'R9'"):
        trd.Study(visits, scale="MADRS", duplicates={"rater": "R9"})
    with pytest.raises(DataError, match="no column 'ratr' for duplicates"):
        trd.Study(visits, scale="MADRS", duplicates={"ratr": "R1"})


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("wrost", "Did you mean 'worst'"),
        ({}, r"one column and the value whose rows are kept, for example \{'rater': 'R1'\}"),
        ({"a": 1, "b": 2}, "one column"),
        ({"rater": ""}, "one column"),
        (3, "duplicates must be one of"),
    ],
)
def test_refused_rules(rule: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        read_rule(rule)


def test_each_scale_has_its_own_row() -> None:
    """Two scales in one column may share a day; two rows side by side complete each other."""
    rows = [("A", "ECT", 0, 30, 20), ("A", "ECT", 7, 15, None), ("A", "ECT", 7, None, 9),
            ("B", "TMS", 0, 30, 20)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "madrs", "phq"])
    scores = {"MADRS": "madrs", "PHQ9": "phq"}
    study = trd.Study(table, scale=["MADRS", "PHQ9"], score=scores)
    for scale, score in (("MADRS", 15), ("PHQ9", 9)):
        own = study.on(scale).visits
        assert own.loc[own["day"] == 7, "score"].tolist() == [score]


def test_plan_and_command_line(tmp_path: Path, visits: pd.DataFrame) -> None:
    visits.to_csv(tmp_path / "v.csv", index=False)
    for rule in ("last", {"rater": "R1"}):
        given = {"visits": "v.csv", "scale": "MADRS", "duplicates": rule}
        study = trd.study.study_from_mapping(given, tmp_path)
        assert 25 in study.visits["score"].tolist()
    for rule in ("last", "rater=R1"):
        result = CliRunner().invoke(
            main, ["check", str(tmp_path / "v.csv"), "--scale", "MADRS", "--duplicates", rule]
        )
        assert result.exit_code == 0, result.output
        assert "On 1 day a subject has several MADRS scores" in result.output


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.none() | st.integers(0, 60)), max_size=14
    ),
    rule=st.sampled_from(["first", "last", "worst", "mean"]),
)
def test_against_a_loop(rows: list[tuple[int, int, int | None]], rule: str) -> None:
    table = pd.DataFrame(rows, columns=["who", "day", "score"])
    order = table.sort_values(["who", "day"], kind="stable").index.to_numpy()
    own = table.loc[order]
    found = one_a_day(
        table, own["who"].to_numpy(), own["who"].to_numpy(dtype=int),
        own["day"].to_numpy(dtype=float), own["score"].to_numpy(dtype=float), order,
        get_scale("MADRS"), rule,
    )  # fmt: skip
    expected = {}
    for who, day, score in rows:
        expected.setdefault((who, day), []).append(score)
    pick = {"first": lambda s: s[0], "last": lambda s: s[-1], "worst": max,
            "mean": lambda s: sum(s) / len(s)}[rule]  # fmt: skip
    kept = own[found.keep].assign(score=found.score[found.keep])
    got = {(w, d): s for w, d, s in zip(kept["who"], kept["day"], kept["score"], strict=True)}
    assert len(got) == found.keep.sum() == len(expected)
    for key, scores in expected.items():
        rated = [s for s in scores if s is not None]
        assert (pd.isna(got[key]) and not rated) or got[key] == pytest.approx(pick(rated))
