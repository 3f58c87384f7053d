"""Published definitions, each on one patient drawn by hand."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import Relapse, Study, assess, definitions, get_scale, scale_names, time_to
from trdstats.errors import SpecError, UnknownNameError, UnverifiedError
from trdstats.outcomes import Definition, definition_from_mapping

# name: scale, baseline, days, scores, states: Y met, n not met, ? not known
DRAWN: dict[str, tuple[str, float | None, list[float], list[float], str]] = {
    "response": ("MADRS", 32, [7, 14, 21, 28, 35, 42], [30, 17, 16, 20, 15, 9], "nnYnYY"),
    "partial_response": ("MADRS", 32, [7, 14, 21, 28, 35], [25, 24, 17, 16, 24], "nYYnY"),
    "recover_partial_response": ("MADRS", 30, [90, 180, 270, 360], [22, 21, 10, 22], "nYYn"),
    "mantovani_partial_response": ("HAMD24", 30, [7, 14, 21, 28], [22, 21, 16, 15], "nYYn"),
    "nonresponse": ("HAMD17", 24, [7, 14, 21, 28], [24, 19, 18, 12], "YYnn"),
    "cgi_response": ("CGII", None, [7, 14, 21, 28], [4, 3, 2, 1], "nnYY"),
    # A total of 10 is half of 20 but not of 19.
    "brexpiprazole_remission": ("MADRS", 19, [7, 14, 21], [11, 10, 9], "nnY"),
    # A fifth of 25 is 5, reached on day 14 at the latest; later visits keep that verdict.
    "early_improvement": ("HAMD17", 25, [7, 14, 21, 28], [21, 20, 25, 10], "nYYY"),
    "bares2012_early_improvement_25": ("MADRS", 32, [7, 14, 21], [25, 24, 32], "nYY"),
    "bares2012_early_improvement_30": ("MADRS", 30, [7, 14, 21], [22, 22, 10], "nnn"),
    "deterioration": ("MADRS", 32, [7, 14, 21], [39, 40, 32], "nYn"),
    # 30 % of 20 is 6. The 14 of day 14 is followed by 15, the 13 of day 28 by nothing higher.
    "nierenberg2000_onset": ("HAMD17", 20, [7, 14, 21, 28, 35, 42],
        [18, 14, 15, 13, 13, 9], "nnnYYY"),
    # Response on day 2, an excursion that keeps a quarter of the fall on day 15.
    "transform_onset": ("MADRS", 40, [2, 8, 15, 22, 28], [20, 18, 30, 19, 12], "YYYYY"),
    "sustain1_stable_remission": ("MADRS", 34, [91, 98, 105, 112, 119],
        [12, 13, 12, 11, 20], "nnnYn"),
    # Two responses in a row; from day 112 on remission is stable (12 or below, three of four).
    "sustain1_stable_response": ("MADRS", 34, [91, 98, 105, 112, 119],
        [17, 16, 12, 12, 12], "nYYYn"),
    # Response on day 21 and at every later visit to day 84; what comes after does not count.
    "comp001_sustained_response": ("MADRS", 32, [7, 21, 42, 63, 84, 100],
        [30, 16, 15, 14, 16, 30], "nYYYYY"),
    "szegedi2003_stable_response": ("HAMD17", 24, [14, 28, 35, 42, 49],
        [12, 12, 20, 11, 20], "???YY"),
    "szegedi2003_stable_remission": ("HAMD17", 24, [28, 42], [7, 8], "nn"),
    "nct03321526_sustained_response": ("MADRS", 32, [84, 126, 168], [16, 15, 14], "??Y"),
    "nct03321526_sustained_remission": ("MADRS", 32, [84, 168], [12, 12], "nn"),
    "brightmind_sustained_response": ("HAMD17", 24, [56, 112, 182], [12, 11, 13], "nYn"),
    # A year from day 42 ends on day 407; the visit of day 380 completes it.
    "dunner2014_sustained_response": ("IDSSR30", 44, [42, 133, 224, 315, 380],
        [22, 20, 21, 18, 22], "Y????"),
    # 60 % of 30 leaves 12, so the cut-off of 10 decides; the second rating dates it.
    "sackeim2001_remission": ("HAMD24", 30, [7, 14, 21, 28, 35], [12, 10, 9, 11, 10], "nnYnn"),
    "acnp2006_recovery": ("MADRS", 32, [28, 60, 90, 120, 148, 180],
        [10, 8, 9, 10, 7, 20], "nnnnYn"),
    "frank1991_remission": ("HAMD17", 24, [28, 35, 42, 49], [7, 7, 6, 9], "Ynnn"),
    # Six months from day 28 end on day 210, from day 120 two days too late.
    "frank1991_recovery": ("HAMD17", 24, [28, 120, 210, 300], [7, 5, 6, 7], "nnYn"),
    "frank1991_relapse": ("HAMD17", 24, [28, 35, 42], [7, 14, 15], "nnY"),
    "frank1991_recurrence": ("HAMD17", 24, [28, 35, 42], [7, 14, 15], "nnY"),
    # High on days 70 and 72 (too close), and 80: the rating ten days on dates it.
    "sustain1": ("MADRS", 34, [56, 63, 70, 72, 80], [12, 21, 22, 25, 24], "nnnnY"),
    "escape_trd": ("MADRS", 34, [56, 63, 70, 78, 100], [10, 12, 22, 24, 24], "nnYn?"),
    "stard": ("QIDSSR16", 18, [30, 60, 90], [5, 10, 11], "nnY"),
    "stard_hamd17": ("HAMD17", 24, [30, 60, 90], [7, 13, 14], "nnY"),
    "mantovani_tms": ("HAMD24", 30, [30, 60, 90], [10, 19, 20], "nnY"),
    "janicak_tms": ("MADRS", 34, [30, 60], [10, 30], "nn"),
    # Of 30, 40 % leave 18: 19 is lost.
    "vns_registry": ("MADRS", 30, [90, 180, 270], [15, 18, 19], "nnY"),
    "hamd18x2": ("HAMD17", 24, [28, 35, 40, 49, 70], [18, 10, 18, 19, 18], "nnYn?"),
    "madrs22_single": ("MADRS", 34, [28, 35], [21, 22], "nY"),
    "madrs25_judged": ("MADRS", 34, [28, 35], [24, 25], "nY"),
    "cgis4": ("CGIS", 5, [28, 35], [3, 4], "nY"),
    "pride": ("HAMD24", 30, [28, 35, 42, 49], [20, 21, 22, 10], "nYnn"),
    "elektd": ("QIDSSR16", 18, [28, 35], [11, 12], "nY"),
}  # fmt: skip
WITH_ORIGIN = {"sackeim2001", "core2006"}
UNKNOWN = {"ketect", "comp004"}


def study_of(scale: str, baseline: float | None, days: list[float], scores: list[float]) -> Study:
    n = len(days)
    visits = pd.DataFrame(
        {
            "subject": ["A"] * (n + 1) + ["B"] * 2,
            "treatment": ["TMS"] * (n + 1) + ["ECT"] * 2,
            "day": [0, *days, 0, days[-1]],
            "score": [baseline, *scores, 7, 7],
        }
    )
    # Some rules count missed visits: these are the scheduled ones.
    windows = {84: 3, 126: 3, 168: 3} if 168 in days else None
    return Study(visits, scale=scale, windows=windows)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_drawn_patient(name: str) -> None:
    scale, baseline, days, scores, states = DRAWN[name]
    rule = definitions.get(name, allow_unverified=True)
    found = assess(study_of(scale, baseline, days, scores), rule)
    met = found.loc[found["subject"] == "A", "met"]
    assert "".join("?" if pd.isna(m) else "Y" if m else "n" for m in met) == states


def test_a_rise_from_remission_after_ect() -> None:
    """Remission on days 14 and 21 (10, then 8); 16 and a rise of 10 from 8 is 18.

    Day 35 has 17 (too little), days 42 and 46 have 19 and 20 but lie four days apart, the visit
    of day 50 confirms.
    """
    days: list[float] = [14, 21, 28, 35, 42, 46, 50]
    study = study_of("HAMD24", 30, days, [10, 8, 9, 17, 19, 20, 21])
    since = definitions["sackeim2001_remission"]
    row = time_to(study, definitions["sackeim2001"], since=since).frame.iloc[0]
    assert (row["left"], row["right"], row["status"]) == (35 - 21, 42 - 21, 1)
    core = time_to(study, definitions["core2006"], since=since).frame.iloc[0]
    assert core["right"] == 42 - 21
    with pytest.raises(SpecError, match="counts from the score at an origin"):
        assess(study, definitions["sackeim2001"])


def test_every_definition_is_drawn_or_says_why_not() -> None:
    named = {n for n in definitions if not n.startswith("remission_")}
    assert named == set(DRAWN) | WITH_ORIGIN | UNKNOWN
    assert all(
        definitions[n].since in ("", *definitions) for n in DRAWN if n not in ("pride", "elektd")
    )


def test_every_cut_off_in_use_is_a_definition() -> None:
    for label in scale_names():
        scale = get_scale(label)
        for cutoff in scale.remission:
            name = f"remission_{label.lower()}_{cutoff.at_most}"
            found = definitions.get(name, allow_unverified=True)
            assert (found.rule.at_most, found.scales) == (cutoff.at_most, (label,))  # type: ignore[attr-defined]
            assert found.source == cutoff.source


def test_doubt_has_to_be_asked_for() -> None:
    with pytest.raises(UnverifiedError, match=r"recalled with doubt .*allow_unverified=True"):
        definitions["pride"]
    assert "[recalled with doubt, not verified]" in repr(
        definitions.get("pride", allow_unverified=True)
    )
    with pytest.raises(UnverifiedError, match="not verified: the MADRS threshold"):
        definitions.get("ketect", allow_unverified=True)
    with pytest.raises(UnknownNameError, match="Did you mean 'sustain1'"):
        definitions["sustain_1"]


def test_a_definition_on_another_scale_says_where_it_belongs() -> None:
    study = study_of("HAMD17", 24, [7], [10])
    with pytest.raises(SpecError) as caught:
        time_to(study, definitions["sustain1"])
    assert str(caught.value) == (
        "relapse (SUSTAIN-1) is defined on MADRS, and the study shows HAMD17. See the study on "
        "that scale with study.on('MADRS'), or take the rule itself: definitions['sustain1'].rule."
    )


def test_search() -> None:
    found = definitions.search(trial="sustain", scale="madrs")
    assert found["name"].tolist() == [
        "sustain1_stable_remission", "sustain1_stable_response", "sustain1", "remission_madrs_12",
    ]  # fmt: skip
    assert definitions.search("hysteresis").empty
    assert definitions.search(modality="vns")["name"].tolist() == [
        "recover_partial_response", "vns_registry",
    ]  # fmt: skip
    on_hamd = definitions.search(scale="HAM-D 17", concept="relapse")["name"].tolist()
    assert on_hamd == [
        "frank1991_relapse", "frank1991_recurrence", "stard_hamd17", "janicak_tms", "hamd18x2",
    ]  # fmt: skip
    assert definitions.search("COMP004")["rule"].iloc[0].startswith("lacking: the components")
    with pytest.raises(UnknownNameError, match="concept 'relapses'"):
        definitions.search(concept="relapses")


def test_the_sentence_for_a_methods_section() -> None:
    assert definitions["comp001_sustained_response"].methods() == (
        "Sustained response (COMP001) was defined as a fall of at least 50 % of the baseline above "
        "the floor of the scale, on day 21, kept at every later visit to day 84 (COMP001, Goodwin "
        "2022, N Engl J Med 387:1637-1648, doi:10.1056/NEJMoa2206443)."
    )
    assert definitions["remission_madrs_12"].methods() == (
        "Remission (MADRS ≤ 12) (TRANSFORM-1/2/3, SUSTAIN-1, SUSTAIN-3 (esketamine programme)) was "
        "defined as a MADRS total at most 12 (TRANSFORM-1/2/3, SUSTAIN-1, SUSTAIN-3 (esketamine "
        "programme))."
    )


def test_the_card_in_text_and_html() -> None:
    rule = definitions["vns_registry"]
    text = repr(rule)
    assert text.splitlines()[0] == "Loss of response (VNS registry)"
    assert "Counted since  response" in text
    assert "Kumar 2019" in rule._repr_html_()
    assert "sustain1" in definitions._repr_html_()


def test_it_joins_others_and_travels() -> None:
    both = definitions["response"] & definitions["remission_madrs_12"]
    study = study_of("MADRS", 20, [7, 14], [11, 10])
    assert assess(study, both)["met"].tolist()[:2] == [False, True]
    again = pickle.loads(pickle.dumps(definitions["sustain1"]))
    assert again == definitions["sustain1"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"is": "Relaps", "at_least": 22}, "Unknown definition 'Relaps'. Did you mean 'Relapse'"),
        ({"at_least": 22}, "Unknown definition 'None'"),
        ({"is": "Relapse", "at_last": 22}, "'Relapse' is given arguments that do not fit"),
        ({"is": "any", "parts": [{"is": "Response"}, 3]}, "& and | join definitions"),
    ],
)
def test_unusable_mappings(data: dict[str, Any], message: str) -> None:
    with pytest.raises((SpecError, UnknownNameError), match=message):
        definition_from_mapping(data)


def test_a_mapping_becomes_the_definition_it_describes() -> None:
    rule = definition_from_mapping(
        {"is": "any", "parts": [{"is": "Relapse", "at_least": 22, "consecutive": 2},
                                {"is": "Event", "events": ["death"]}]}
    )  # fmt: skip
    assert isinstance(rule, Definition)
    assert rule.parts == (Relapse(22, 2), rule.parts[1])  # type: ignore[attr-defined]
    assert np.array_equal(rule.events, ("death",))
