"""Figures of published trials: a sound table, a search that finds, a face that tells."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trdstats.errors import UnknownNameError
from trdstats.evidence import published_figures
from trdstats.evidence.figure import show_figure
from trdstats.scales import scale_names

ROOT = Path(__file__).resolve().parents[2]
CSV = ROOT / "sample_data" / "published_trials.csv"
COUNTS = tomllib.loads(
    (ROOT / "tests" / "reference" / "published_counts" / "values.toml").read_text("utf-8")
)
MEASURES = {"count", "proportion", "mean", "mean difference", "risk difference", "odds ratio",
            "hazard ratio", "median time", "p value", "other"}  # fmt: skip


@pytest.fixture
def figures() -> pd.DataFrame:
    return published_figures().tidy()


def test_file_is_plain() -> None:
    data = CSV.read_bytes()
    assert b"\r" not in data
    assert not re.search(rb"[ \t]\n", data)
    assert not re.search(rb"(^|,) | (,|$)", re.sub(rb'"[^"\n]*"', b"", data), re.MULTILINE)


def test_types(figures: pd.DataFrame) -> None:
    kinds = figures.dtypes.astype(str)
    assert set(kinds[["year", "events", "n"]]) == {"Int64"}
    assert set(kinds[["day", "estimate", "sd", "conf_low", "conf_high", "p_value"]]) == {"float64"}
    assert kinds["resistant"] == "bool"
    text = figures.select_dtypes(exclude=["number", "bool"])
    assert not text.isna().any().any()


def test_words_are_of_the_list(figures: pd.DataFrame) -> None:
    assert set(figures["mark"]) == {"V", "V2", "D"}
    assert set(figures["measure"]) == MEASURES
    assert set(figures["scale"]) <= {"", *scale_names()}
    assert set(figures["denominator"]) == {"", "randomised", "treated", "observed"}
    assert figures[["trial", "modality", "arm", "outcome", "source"]].ne("").all().all()
    assert figures["year"].between(2000, 2026).all()


def test_counts(figures: pd.DataFrame) -> None:
    is_count = figures["measure"] == "count"
    assert figures.loc[is_count, ["events", "n"]].notna().all().all()
    assert figures.loc[~is_count, "events"].isna().all()
    counts = figures[is_count]
    assert (counts["events"] <= counts["n"]).all()
    share = (counts["events"] / counts["n"]).astype(float).round(4)
    assert counts["estimate"].tolist() == pytest.approx(share.tolist(), abs=1e-9)


def test_estimates(figures: pd.DataFrame) -> None:
    low, high, estimate = figures["conf_low"], figures["conf_high"], figures["estimate"]
    assert (low.isna() | estimate.isna() | (low <= estimate)).all()
    assert (high.isna() | estimate.isna() | (estimate <= high)).all()
    shares = figures[figures["measure"].isin(["count", "proportion"])]
    assert shares["estimate"].between(0, 1).all()
    differences = figures[figures["measure"] == "risk difference"]
    assert differences["estimate"].dropna().between(-1, 1).all()
    assert figures["p_value"].dropna().between(0, 1, inclusive="right").all()
    assert figures.loc[figures["measure"] == "p value", "p_value"].notna().all()
    assert figures.loc[figures["measure"] == "p value", "estimate"].isna().all()


def test_contrasts_name_both_arms(figures: pd.DataFrame) -> None:
    contrasts = figures["measure"].isin(
        ["mean difference", "risk difference", "odds ratio", "hazard ratio"]
    )
    assert figures.loc[contrasts, "comparator"].ne("").all()
    of_one_arm = figures["measure"].isin(["count", "proportion", "mean", "median time"])
    assert figures.loc[of_one_arm, "comparator"].eq("").all()


def test_no_figure_stands_twice(figures: pd.DataFrame) -> None:
    key = ["trial", "arm", "comparator", "outcome", "scale", "definition", "time", "measure",
           "analysis", "source"]  # fmt: skip
    assert not figures.duplicated(key).any()


def test_dois(figures: pd.DataFrame) -> None:
    dois = [d for d in figures["doi"].unique() if d]
    assert len(dois) > 20
    assert all(re.fullmatch(r"10\.\d{4,}/[!-~]+", d) for d in dois)
    sources = published_figures().sources()
    one_doi = sources[["source", "doi"]].drop_duplicates()
    assert not one_doi["source"].duplicated().any()


# Fixture of the published counts, search that finds its two arms, day where there are several.
FIXTURES = [
    ("elektd_resp", {"trial": "ELEKT-D", "outcome": "response"}, None),
    ("ketect_rem", {"trial": "KetECT", "outcome": "remission"}, None),
    ("escape_rem8", {"trial": "ESCAPE-TRD", "outcome": "remission"}, 56),
    ("escape_sust", {"trial": "ESCAPE-TRD", "outcome": "sustained remission"}, 224),
    ("t2_resp", {"trial": "TRANSFORM-2", "outcome": "response"}, 28),
    ("t2_rem", {"trial": "TRANSFORM-2", "outcome": "remission"}, 28),
    ("t3_resp", {"trial": "TRANSFORM-3", "outcome": "response"}, 28),
    ("t3_rem", {"trial": "TRANSFORM-3", "outcome": "remission"}, 28),
    ("pool_day2", {"trial": "TRANSFORM-1/2", "outcome": "response"}, 2),
    ("pool_day28", {"trial": "TRANSFORM-1/2", "outcome": "response"}, 28),
    ("comp_sust", {"trial": "COMP001", "outcome": "sustained response"}, 84),
    ("d02_hamd", {"trial": "VNS D-02", "outcome": "response", "scale": "HAMD24"}, 70),
    ("d02_ids", {"trial": "VNS D-02", "outcome": "response", "scale": "IDSSR30"}, 70),
    ("smiles_rem", {"trial": "SMILES", "outcome": "remission"}, 84),
    ("kratter_rem", {"trial": "Kratter 2026", "outcome": "remission"}, None),
    ("kratter_resp", {"trial": "Kratter 2026", "outcome": "response"}, None),
    ("kumar_first", {"trial": "Kumar 2019", "outcome": "cumulative response"}, None),
    ("core_relapse", {"trial": "CORE", "outcome": "relapse"}, 182),
]


@pytest.mark.parametrize(("name", "search", "day"), FIXTURES, ids=[f[0] for f in FIXTURES])
def test_counts_agree_with_the_fixtures(name: str, search: Any, day: float | None) -> None:
    frame = published_figures(measure="count", **search).frame
    if name == "t2_resp":
        frame = frame[frame["analysis"] == "observed"]
    frame = frame if day is None else frame[frame["day"] == day]
    assert frame[["events", "n"]].to_numpy().ravel().tolist() == COUNTS[name]["counts"]


def test_fixtures_of_more_or_fewer_than_two_arms() -> None:
    arms = published_figures(trial="TRANSFORM-1", outcome="response", measure="count").frame
    low, high, placebo = arms[["events", "n"]].to_numpy().tolist()
    assert low + placebo == COUNTS["t1_resp56"]["counts"]
    assert high + placebo == COUNTS["t1_resp84"]["counts"]
    # The response of the 1 mg arm is not verified and not in the table.
    arm = published_figures(trial="COMP001", outcome="response", measure="count").frame
    assert arm[["events", "n"]].to_numpy().tolist() == [COUNTS["comp_resp"]["counts"][:2]]


@pytest.mark.parametrize(
    ("search", "shown"),
    [
        ({"trial": "ELEKT-D", "measure": "risk difference"},
         ["14.2 percentage points (3.9 to 24.2), p <0.001"]),
        ({"trial": "KetECT", "measure": "risk difference"},
         ["– percentage points (2.0 to 30.0), p 0.026"]),
        ({"trial": "TRANSFORM-2", "measure": "mean"},
         ["mean -21.4, SD 12.3", "mean -17.0, SD 13.9"]),
        ({"trial": "TRANSFORM-2", "measure": "mean difference"},
         ["mean difference -4.0 (-7.3 to -0.6)"]),
        ({"trial": "SUSTAIN-1", "measure": "hazard ratio"},
         ["hazard ratio 0.49 (0.29 to 0.84), p 0.003",
          "hazard ratio 0.30 (0.16 to 0.55), p <0.001"]),
        ({"trial": "SUSTAIN-1", "measure": "median time"},
         ["median not reached", "median 273 days (97 to –)"]),
        ({"trial": "COMP001", "measure": "mean difference"},
         ["mean difference -6.6 (-10.2 to -2.9), p <0.001",
          "mean difference -2.5 (-6.2 to 1.2), p 0.180"]),
        ({"trial": "VNS D-23", "outcome": "cumulative remission"}, ["43.3 %", "25.7 %"]),
        ({"trial": "Sackeim 2001", "modality": "placebo"}, ["84.0 % (70.0 to 99.0)"]),
        ({"trial": "TRANSFORM-1", "outcome": "response", "measure": "count"},
         ["60/111 (54.1 %)", "52/98 (53.1 %)", "42/108 (38.9 %)"]),
        ({"trial": "SMILES", "measure": "other"},
         ["Cohen's d -1.2", "number needed to treat 4.1 (2.3 to 27.8)"]),
        ({"trial": "SMILES", "outcome": "remission", "measure": "p value"}, ["p 0.028"]),
    ],
)  # fmt: skip
def test_figures_as_printed(search: Any, shown: list[str]) -> None:
    assert [show_figure(row) for row in published_figures(**search).frame.itertuples()] == shown


@pytest.mark.parametrize(
    ("text", "search", "expected"),
    [
        ("nortriptyline after", {},
         {"trial": "Sackeim 2001", "n": 27, "estimate": 0.6, "conf_low": 0.41, "day": 168}),
        ("prudic", {"outcome": "remission", "modality": "ECT"}, {"events": 181, "n": 319}),
        ("", {"trial": "PRIDE phase 2"},
         {"estimate": -4.2, "conf_low": -6.9, "conf_high": -1.6, "resistant": False}),
        ("", {"trial": "O'Reardon 2007"}, {"estimate": 0.045, "doi": "", "resistant": True}),
        ("sex", {"trial": "TRANSFORM-3", "measure": "p value"}, {"p_value": 0.4937}),
        ("esketamine, women", {"trial": "TRANSFORM-1/2", "measure": "mean difference"},
         {"estimate": -4.5, "conf_low": -7.26, "conf_high": -1.70}),
        ("step 4", {"outcome": "relapse"}, {"estimate": 0.71, "scale": "QIDSSR16"}),
        ("taper", {"outcome": "relapse"}, {"events": 5, "n": 37, "mark": "V"}),
        ("re-treatment", {"outcome": "re-treatment"}, {"events": 93, "n": 257}),
        ("Fisher", {"trial": "SNT"},
         {"estimate": 0.652, "conf_low": 0.294, "conf_high": 0.821, "mark": "D"}),
        ("week 52", {"trial": "SUSTAIN-3", "outcome": "response", "scale": "PHQ-9",
                     "resistant": True}, {"events": 10, "n": 32, "analysis": "LOCF"}),
    ],
)  # fmt: skip
def test_spot_checks(text: str, search: Any, expected: dict[str, Any]) -> None:
    row = published_figures(text, **search).frame.iloc[0]
    assert {name: row[name] for name in expected} == expected


def test_search_takes_any_case() -> None:
    pd.testing.assert_frame_equal(
        published_figures("KRATTER").frame, published_figures("kratter").frame
    )
    assert set(published_figures("anand").frame["trial"]) == {"ELEKT-D"}
    assert (
        len(published_figures(trial="elekt-d").frame)
        == len(published_figures(trial="ELEKT-D").frame)
        > 0
    )
    assert set(published_figures(modality="iv KETAMINE").frame["modality"]) == {"IV ketamine"}
    assert set(published_figures(scale="HAM-D 17").frame["scale"]) == {"HAMD17"}
    assert set(published_figures(mark="v2").frame["mark"]) == {"V2"}


def test_filters_narrow_together() -> None:
    frame = published_figures("rTMS", modality="TMS", outcome="response", resistant=True).frame
    assert set(frame["trial"]) == {"ASCERTAIN-TRD", "Dalhuisen 2024"}
    sizes = [len(published_figures(resistant=r).frame) for r in (True, False, None)]
    assert sizes[0] + sizes[1] == sizes[2]
    assert min(sizes) > 0


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"trial": "TRANSFORM"}, r"Unknown trial 'TRANSFORM'\. Did you mean 'TRANSFORM-[123]'"),
        ({"modality": "ketamin"}, r"Unknown modality 'ketamin'\. Did you mean .*'IV ketamine'"),
        ({"outcome": "remision"}, r"Unknown outcome 'remision'\. Did you mean 'remission'"),
        ({"scale": "MADSR"}, r"Unknown scale 'MADSR'\. Did you mean 'MADRS'"),
        ({"measure": "hazard"}, r"Unknown measure 'hazard'\. Did you mean 'hazard ratio'"),
        ({"mark": "M"}, r"Unknown mark 'M'\. Known: .*'V2'"),
    ],
)
def test_unknown_names(search: Any, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        published_figures(**search)


def test_frames_handed_out_are_copies() -> None:
    found = published_figures(trial="KetECT")
    copy = found.tidy()
    copy["trial"] = "changed"
    assert set(found.frame["trial"]) == {"KetECT"}
    frame = found.frame
    frame["trial"] = "changed"
    assert set(published_figures(trial="KetECT").frame["trial"]) == {"KetECT"}


def test_sources() -> None:
    assert published_figures(trial="KetECT").sources().to_dict("records") == [
        {
            "trial": "KetECT",
            "source": "Ekstrand 2022, Int J Neuropsychopharmacol 25:339-349",
            "doi": "10.1093/ijnp/pyab088",
        }
    ]
    assert not published_figures().sources().duplicated().any()


def test_face() -> None:
    assert repr(published_figures("qids", trial="ELEKT-D", outcome="response")) == (
        "Published figures\n"
        "  Search   text 'qids', trial ELEKT-D, outcome response\n"
        "  Figures  3, of 1 trial\n"
        "\n"
        "Trial    Arm             Outcome   Scale     Time           "
        "Figure                                          Mark\n"
        "ELEKT-D  ketamine        response  QIDSSR16  end of week 3  "
        "108/195 (55.4 %)                                D\n"
        "ELEKT-D  ECT             response  QIDSSR16  end of week 3  "
        "70/170 (41.2 %)                                 D\n"
        "ELEKT-D  ketamine v ECT  response  QIDSSR16  end of week 3  "
        "14.2 percentage points (3.9 to 24.2), p <0.001  V\n"
        "\n"
        "Note: V was read in the paper, its tables or a registry; V2 in a secondary source; "
        "D was computed from such figures.\n"
        "Note: Figures of different trials must not be compared naively: cut-offs, days, "
        "denominators and patients differ. .tidy() has them for every row, with remarks."
    )


def test_face_of_nothing() -> None:
    found = published_figures("no such words", scale="GAD-7")
    assert found.frame.empty
    assert list(found.frame.columns) == list(published_figures().frame.columns)
    assert found.sources().empty
    assert repr(found) == (
        "Published figures: none match\n"
        "  Search  text 'no such words', scale GAD7\n"
        "\n"
        "Note: published_figures() without arguments returns every figure."
    )


def test_face_of_many_says_how_many_it_leaves_out() -> None:
    found = published_figures()
    text = found.summary().to_text()
    assert f"{len(found.frame) - 40} more rows are in .tidy()." in text
    assert f"{len(found.frame)}, of {found.frame['trial'].nunique()} trials" in text
    assert found._repr_html_().count("<tr>") == 41
