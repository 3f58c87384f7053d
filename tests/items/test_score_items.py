"""Every scoring trap as a form worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import Prorate, Study, get_scale, read_scales, score_items
from trdstats.errors import DataWarning
from trdstats.items import ScoredItems
from trdstats.scales import scale_from_mapping


def forms(*answers: list[Any], **more: Any) -> pd.DataFrame:
    """Return forms of subject A, one week apart, with columns item_1, item_2, ..."""
    columns = [f"item_{i}" for i in range(1, len(answers[0]) + 1)]
    frame = pd.DataFrame(list(answers), columns=columns)
    return frame.assign(subject="A", day=7 * np.arange(len(answers)), **more)


def score(scale: str, *answers: list[Any], **options: Any) -> pd.DataFrame:
    return score_items(forms(*answers), scale, **options).tidy()


# Item:  1  2  3  4  5  6     7  8     9  10 11 12 13 14 15 16
QIDS = [2, 3, 0, 1, 2, None, 1, 0, None, 1, 2, 0, 2, 1, 0, 1]  # 3+2+1+1+2+0+2+1+1 = 13


def change(answers: list[Any], **items: Any) -> list[Any]:
    """Return answers with some replaced: ``change(QIDS, i12=None)``."""
    answers = list(answers)
    for name, value in items.items():
        answers[int(name[1:]) - 1] = value
    return answers


def test_qids_sums_domain_maxima_and_expects_one_of_each_alternative() -> None:
    row = score("QIDS-SR16", QIDS).iloc[0]
    assert (row["score"], row["items_missing"], row["reason"]) == (13, 0, "complete")
    assert row["suicide_item"] == 0


@pytest.mark.parametrize(
    ("answers", "total", "missing", "reason"),
    [
        # Sleep: item 4 empty, but item 2 already has the highest answer.
        (change(QIDS, i4=None), 13, 1, "complete"),
        # Sleep: item 1 empty, the others at most 2: the domain is not known, 10 of 8 domains.
        (change(QIDS, i1=None, i2=1), 10 * 9 / 8, 1, "filled in"),
        # Neither alternative of weight was answered: its domain is not known.
        (change(QIDS, i8=None), 12 * 9 / 8, 1, "filled in"),
        # ... unless appetite has the highest answer.
        (change(QIDS, i7=3, i8=None), 15, 1, "complete"),
        # Two domains: no total.
        (change(QIDS, i12=None, i13=None), np.nan, 2, "too many items missing"),
        ([None] * 16, np.nan, 14, "not answered"),
    ],
)
def test_qids_missing_items(answers: list[Any], total: float, missing: int, reason: str) -> None:
    row = score("QIDSSR16", answers, change(QIDS)).iloc[0]
    assert row["score"] == pytest.approx(total, nan_ok=True)
    assert (row["items_missing"], row["reason"]) == (missing, reason)


def test_qids_both_alternatives_answered_is_flagged_and_the_higher_counts() -> None:
    row = score("QIDSSR16", change(QIDS, i6=3)).iloc[0]
    assert (row["score"], row["flags"]) == (15, "both alternatives answered")


def test_ids_takes_one_of_two_alternatives() -> None:
    answers: list[Any] = [1] * 30
    answers[10:14] = [None, 2, 3, None]  # appetite increased 2, weight decreased 3
    row = score("IDS-SR30", answers).iloc[0]
    assert (row["score"], row["items_missing"]) == (26 + 5, 0)
    row = score("IDS-SR30", change(answers, i11=3)).iloc[0]
    assert row["score"] == 26 + 6
    assert np.isnan(score("IDS-SR30", change(answers, i30=None))["score"].iloc[0])


HAMD = [2, 1, 0, 1, 2, 1, 3, 1, 1, 2, 2, 1, 1, 1, 1, 0, 1]  # sums to 21


def test_hamd17_code_3_of_item_16_is_not_assessed() -> None:
    row = score("HAM-D17", change(HAMD, i16=3)).iloc[0]
    assert (row["score"], row["items_missing"], row["reason"]) == (21, 1, "complete")
    assert row["flags"] == "item not assessed"


def test_hamd17_highest_total_is_52_and_a_typed_53_is_named() -> None:
    top = list(get_scale("HAMD17").item_maxima)
    assert score("HAMD17", top)["score"].iloc[0] == 52
    frame = forms(change(top, i16=3), typed=53)
    scored = score_items(frame, "HAMD17", total="typed")
    assert scored.tidy()["score"].iloc[0] == 50
    said = scored.quality().set_index("kind")["detail"]["typed total differs"]
    assert said == "typed 53, outside 0 to 52, items give 50: a code for not assessed was added"


def test_hamd17_item_16_in_two_parts() -> None:
    frame = forms(HAMD).rename(columns={"item_16": "item_16A"})
    frame = frame.assign(item_16B=[np.nan])
    assert score_items(frame, "HAMD17").tidy()["score"].iloc[0] == 21
    frame = frame.assign(item_16A=[np.nan], item_16B=[2])
    assert score_items(frame, "HAMD17").tidy()["score"].iloc[0] == 23


def test_hamd21_counts_only_the_severity_of_diurnal_variation() -> None:
    answers = [*HAMD, 1, 0, 1, 0]
    frame = forms(answers).rename(columns={"item_18": "item_18B"}).assign(item_18A=[2])
    assert score_items(frame, "HAMD21").tidy()["score"].iloc[0] == 23


def test_hamd24_ends_at_76_and_75() -> None:
    top = list(get_scale("HAMD24").item_maxima)
    assert score("HAMD24", top)["score"].iloc[0] == 76
    assert score("HAMD24", change(top, i20=3))["score"].iloc[0] == 75


def test_hamd_missing_items_weighted_by_their_range() -> None:
    """Item 1 (0-4) empty: 19 of the 48 points left, of 52. By the mean: 19 of 16 items, of 17."""
    answers = change(HAMD, i1=None)
    assert np.isnan(score("HAMD17", answers)["score"].iloc[0])  # no rule is in use
    by_range = score("HAMD17", answers, missing=Prorate(at_most=2, weights="range"))
    assert by_range["score"].iloc[0] == pytest.approx(19 * 52 / 48)
    by_mean = score("HAMD17", answers, missing=Prorate(at_most=2))
    assert by_mean["score"].iloc[0] == pytest.approx(19 * 17 / 16)
    assert by_mean["items_imputed"].iloc[0] == 1


def test_phq9_fills_in_up_to_two_items() -> None:
    complete = [2, 3, 1, 2, 1, 2, 1, 0, 1]  # 13
    got = score(
        "PHQ-9",
        complete,
        change(complete, i8=None),  # 13 of 8
        change(complete, i8=None, i2=None),  # 10 of 7
        change(complete, i8=None, i2=None, i5=None),
    )
    assert got["score"].tolist()[:3] == pytest.approx([13, 13 * 9 / 8, 10 * 9 / 7])
    assert np.isnan(got["score"].iloc[3])
    assert got["items_imputed"].tolist() == [0, 1, 2, 0]
    assert np.isnan(score("PHQ9", change(complete, i8=None), missing="complete")["score"].iloc[0])


def test_phq9_item_10_is_not_scored() -> None:
    frame = forms([1] * 10)
    assert score_items(frame, "PHQ9").tidy()["score"].iloc[0] == 9


def test_madrs_fills_in_one_item() -> None:
    answers = [4, 4, 3, 2, 1, 3, 4, 3, 2, 1]  # 27
    got = score("MADRS", answers, change(answers, i5=None), change(answers, i5=None, i4=None))
    assert got["score"].tolist()[:2] == pytest.approx([27, 26 * 10 / 9])
    assert got["reason"].tolist() == ["complete", "filled in", "too many items missing"]


def test_bdi2_letters_do_not_count() -> None:
    answers: list[Any] = ["1"] * 21
    answers[15], answers[17] = "2a", " 3B "
    assert score("BDI-II", answers)["score"].iloc[0] == 19 + 5


def test_cgi_0_is_not_assessed() -> None:
    got = score("CGI-S", [4], [0], [None])
    assert got["score"].tolist()[0] == 4
    assert got["score"].isna().tolist() == [False, True, True]
    assert got["reason"].tolist() == ["complete", "not answered", "not answered"]


def test_sds_without_work_has_no_total() -> None:
    got = score("SDS", [3, 4, 5], [None, 4, 5], [3, None, 5])
    assert got["score"].tolist()[0] == 12
    assert got["reason"].tolist() == [
        "complete", "work not applicable", "too many items missing",
    ]  # fmt: skip


def test_a_scale_that_starts_at_one_is_filled_in_above_its_floor() -> None:
    own = scale_from_mapping(
        "OWN", {"name": "Own", "total": [3, 12], "item_maxima": [4, 4, 4], "item_minimum": 1}
    )
    frame = forms([1, 1, None], [4, 4, None], [1, 4, None])
    got = score_items(frame, own, missing=Prorate(at_most=1, weights="range")).tidy()
    assert got["score"].tolist() == [3, 12, 7.5]


def test_typed_totals_are_named_by_what_they_are() -> None:
    raw = sum(a for a in QIDS if a is not None)
    frame = forms(QIDS, QIDS, QIDS, typed=[13, raw, 14]).assign(day=[0, 7, 14])
    found = score_items(frame, "QIDSSR16", total="typed").quality()
    found = found[found["kind"] == "typed total differs"]
    assert found["detail"].tolist() == [
        f"typed {raw}, items give 13: the unscaled sum of the 16 items",
        "typed 14, items give 13",
    ]
    frame = forms([*HAMD, 1, 0, 0, 0, 2, 2, 2], typed=21)
    said = score_items(frame, "HAMD24", total="typed").quality()["detail"].tolist()
    assert said == ["typed 21, items give 28: the total of HAMD17"]


def test_quality_finds_copies_levels_and_contradictions() -> None:
    same = [1, 2, 1, 0, 1, 2, 1, 0, 0]
    frame = pd.DataFrame(
        [same, same, same, [2] * 9, [0, 0, 1, 1, 0, 1, 0, 0, 3], same, same, change(same, i1=2)],
        columns=[f"phq9_{i}" for i in range(1, 10)],
    ).assign(subject=["A"] * 3 + ["B"] * 2 + ["C"] * 3, day=[0, 7, 14, 0, 7, 0, 0, 0])
    found = score_items(frame, "PHQ9").quality()
    rows = found.groupby("kind")["row"].apply(list).to_dict()
    assert rows == {
        "all answers equal": [3],
        "same answers again": [0, 1, 2],
        "suicidal thoughts without low mood": [4],
        "copy of a form": [6],
        "contradicting forms": [6, 7],
    }
    madrs = score_items(forms([0, 3, 3, 2, 1, 3, 4, 3, 2, 1]), "MADRS")
    assert madrs.quality()["kind"].tolist() == ["items contradict each other"]


def test_the_face_tells_rule_results_and_findings() -> None:
    frame = forms([1] * 9, [1, 2, 3, 0, 1, 2, 3, None, 0])
    assert repr(score_items(frame, "PHQ9")) == (
        "PHQ9 scored from items\n"
        "  Forms          2\n"
        "  Missing items  up to 2 items filled in by the mean of those answered\n"
        "  Source         NHS Data Dictionary; Arrieta 2017; Kroenke 2010\n"
        "\n"
        "Result     Forms\n"
        "complete       1\n"
        "filled in      1\n"
        "\n"
        "Finding            First occurrence  Forms\n"
        "all answers equal  A at day 0            1"
    )
    glance = score_items(frame, "PHQ9").glance()
    assert glance.iloc[0].tolist() == ["PHQ9", 2, 2, 1, 0, 1]


def test_a_rule_that_is_not_verified_says_so() -> None:
    assert "[recalled, not verified]" in repr(score_items(forms([1] * 10), "MADRS"))


def scored(frame: pd.DataFrame, **options: Any) -> ScoredItems:
    return score_items(frame, "QIDSSR16", **options)


@st.composite
def qids_tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 6))
    answer = st.one_of(st.none(), st.integers(0, 3))
    rows = [draw(st.lists(answer, min_size=16, max_size=16)) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=[f"q{i}" for i in range(1, 17)], dtype=float)
    return frame.assign(subject=[f"S{i % 3}" for i in range(n)], day=np.arange(n))


@settings(max_examples=40, deadline=None)
@given(qids_tables(), st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_item_order_or_shape(table: pd.DataFrame, random: Any) -> None:
    wide = scored(table).tidy()
    columns = list(table.columns)
    random.shuffle(columns)
    pd.testing.assert_frame_equal(scored(table[columns]).tidy()[list(wide)], wide)
    long = table.melt(["subject", "day"], var_name="item", value_name="answer")
    long = long.sample(frac=1, random_state=random.randint(0, 99)).sort_values(
        ["day"], kind="stable"
    )
    again = scored(long.reset_index(drop=True), item="item", value="answer").tidy()
    pd.testing.assert_frame_equal(again[list(wide)], wide)


@settings(max_examples=40, deadline=None)
@given(qids_tables())
def test_totals_lie_on_the_scale_and_a_filled_in_total_enters_a_study(table: pd.DataFrame) -> None:
    result = scored(table).tidy()
    known = result["score"].dropna()
    assert known.between(0, 27).all()
    if len(known) and (result["day"] <= 0).any():
        table = result.assign(treatment="TMS")
        with pytest.warns(DataWarning, match="have the treatment"):
            study = Study(table, scale="QIDSSR16")
        assert study.visits["score"].notna().sum() == len(known)


def test_read_scales_reads_scoring(tmp_path: Any) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        "[OWN]\nname = 'Own'\ntotal = [0, 6]\nitem_maxima = [3, 3]\n"
        "[OWN.scoring]\nmissing = { at_most = 1, weights = 'range' }\n"
    )
    own = read_scales(path)["OWN"]
    assert score_items(forms([2, None]), own).tidy()["score"].iloc[0] == 4


def test_items_answered_in_the_other_direction_are_turned_round() -> None:
    # All 0: sixteen items add 0, and items 4, 8, 12 and 16 add 3 each. All 3: 16 x 3 and none.
    none, most = [0] * 20, [3] * 20
    assert score("CES-D", none, most)["score"].tolist() == [12.0, 48.0]
    well = [3 if i in (4, 8, 12, 16) else 0 for i in range(1, 21)]
    ill = [0 if i in (4, 8, 12, 16) else 3 for i in range(1, 21)]
    assert score("CES-D", well, ill)["score"].tolist() == [0.0, 60.0]
    shown = repr(score_items(forms(none), "CES-D"))
    assert "items 4, 8, 12, 16, read as they were answered" in shown
    # Answers that somebody turned round before show in a total typed beside them.
    typed = score_items(forms(ill, sum=[48]), "CES-D", total="sum").quality()
    detail = typed.loc[typed["kind"] == "typed total differs", "detail"].item()
    assert detail.startswith("typed 48, items give 60: the sum of the answers as they stand")
    # An unanswered one is unanswered, not the highest.
    gap = [None if i == 4 else 0 for i in range(1, 21)]
    assert np.isnan(score("CES-D", gap)["score"].iloc[0])
    by_rule = score("CES-D", gap, missing=Prorate(at_most=1))
    assert by_rule["score"].iloc[0] == pytest.approx(9 * 20 / 19)


def test_items_of_scales_on_which_high_is_good_and_of_both_scorings() -> None:
    assert score("WHO-5", [5, 4, 3, 2, 1])["score"].tolist() == [15.0]
    assert score("SHAPS", [1] * 3 + [0] * 11)["score"].tolist() == [3.0]
    assert score("SHAPS56", [1] * 14, [4] * 14)["score"].tolist() == [14.0, 56.0]
    assert score("HAM-A", [4] * 14)["score"].tolist() == [56.0]
