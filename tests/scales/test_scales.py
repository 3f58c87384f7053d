"""Instruments: the data, the checks on creation, the card."""

from __future__ import annotations

import copy
import pickle
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trdstats import (
    EarlyImprovement,
    LossOfResponse,
    PartialResponse,
    Remission,
    Response,
    Study,
    assess,
    get_scale,
    read_scales,
    scale_names,
    search_scales,
)
from trdstats.errors import SpecError, UnknownNameError
from trdstats.scales import Source, scale_from_mapping

TEXT = resources.files("trdstats.scales").joinpath("instruments.toml").read_text("utf-8")
DATA = tomllib.loads(TEXT)


@pytest.mark.parametrize(
    ("label", "items", "total", "remission"),
    [
        ("MADRS", 10, (0, 60), 10),
        ("HAMD17", 17, (0, 52), 7),
        ("QIDSSR16", 16, (0, 27), 5),
        ("PHQ9", 9, (0, 27), 4),
        ("BDI2", 21, (0, 63), 9),
        ("MADRSS", 9, (0, 54), None),
        ("HAMD6", 6, (0, 22), 4),
        ("HAMD21", 21, (0, 64), 7),
        ("HAMD24", 24, (0, 76), 10),
        ("QIDSC16", 16, (0, 27), 5),
        ("IDSSR30", 30, (0, 84), 13),
        ("IDSC30", 30, (0, 84), None),
        ("BDI1A", 21, (0, 63), None),
        ("BDI1", 21, (0, 63), 12),
        ("CGIS", 1, (1, 7), None),
        ("CGII", 1, (1, 7), None),
        ("GAD7", 7, (0, 21), None),
        ("SDS", 3, (0, 30), None),
        ("CESD", 20, (0, 60), None),
        ("SHAPS", 14, (0, 14), None),
        ("SHAPS56", 14, (14, 56), None),
        ("WHO5", 5, (0, 25), None),
        ("WHO5PCT", 0, (0, 100), None),
        ("HAMA", 14, (0, 56), None),
    ],
)
def test_instrument(label: str, items: int, total: tuple[int, int], remission: int | None) -> None:
    scale = get_scale(label)
    assert len(scale.item_maxima) == items
    assert scale.total == total
    assert scale.recall
    assert scale.rater
    if remission is None:
        with pytest.raises(SpecError, match=f"{label} has no default remission cut-off"):
            scale.remission_cutoff()
    else:
        cutoff = scale.remission_cutoff()
        assert cutoff.at_most == remission
        assert cutoff.source.is_verified, "an unverified fact never becomes a default"


def test_instruments_are_all_listed() -> None:
    assert len(scale_names()) == 24
    assert [s.label for s in search_scales()] == scale_names()
    assert {s.label for s in search_scales("chronic depression")} == {"GAD7"}
    assert "PHQ9" in {s.label for s in search_scales("SELF")}
    assert search_scales("no such words") == []


def test_either_or_items_of_the_ids() -> None:
    scale = get_scale("IDS-SR")
    assert len(scale.domains) == 28
    assert scale.raw_maximum == 90


@pytest.mark.parametrize("label", ["CGI-S", "CGI-I"])
def test_categories_have_no_per_cent_change(label: str) -> None:
    visits = pd.DataFrame(
        {"subject": list("aabb"), "treatment": list("xxyy"), "day": [0, 7] * 2,
         "score": [6, 2, 5, 5]}
    )  # fmt: skip
    study = Study(visits, scale=label)
    assert study.scale.floor == 1
    for rule in (Response(), PartialResponse(), EarlyImprovement(), LossOfResponse()):
        with pytest.raises(SpecError, match=r"totals of CGI. are categories: use a cut-off"):
            assess(study, rule)
    assert assess(study, Remission(at_most=2))["met"].tolist() == [True, False]


def test_own_scales_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[ZUNG]\nname = "Zung"\ntotal = [20, 80]\n', "utf-8")
    assert read_scales(path)["ZUNG"].floor == 20
    with pytest.raises(SpecError, match="cannot be read"):
        read_scales(tmp_path / "none.toml")
    path.write_text("[ZUNG", "utf-8")
    with pytest.raises(SpecError, match="is no valid TOML"):
        read_scales(path)
    path.write_text("a = 1", "utf-8")
    with pytest.raises(SpecError, match="holds no scale"):
        read_scales(path)


def test_names() -> None:
    assert scale_names() == list(DATA)


@pytest.mark.parametrize(
    ("name", "label"),
    [("madrs", "MADRS"), ("HAM-D 17", "HAMD17"), ("HDRS", "HAMD17"), ("qids_sr16", "QIDSSR16"),
     ("PHQ-9", "PHQ9"), ("BDI-II", "BDI2")],
)  # fmt: skip
def test_aliases(name: str, label: str) -> None:
    assert get_scale(name).label == label


def test_unknown_scale_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown scale 'MADR'\. Did you mean 'MADRS'"):
        get_scale("MADR")


def test_qids_total_sums_domain_maxima() -> None:
    scale = get_scale("QIDS")
    assert len(scale.domains) == 9
    assert scale.raw_maximum == 48
    assert get_scale("MADRS").raw_maximum is None


@pytest.mark.parametrize(
    ("label", "total", "scheme", "band"),
    [
        ("MADRS", 6, None, "none"),
        ("MADRS", 7, None, "mild"),
        ("MADRS", 34, None, "moderate"),
        ("MADRS", 35, None, "severe"),
        ("MADRS", 8, "Liu 2014", None),  # the gap is in the source
        ("HAMD17", 23, None, "moderate"),
        ("HAMD17", 23, "NICE", "very severe"),
        ("PHQ9", 19, None, "moderately severe"),
        ("BDI2", 29, None, "severe"),
    ],
)
def test_severity(label: str, total: int, scheme: str | None, band: str | None) -> None:
    assert get_scale(label).severity(total, scheme=scheme) == band


def test_unknown_scheme() -> None:
    with pytest.raises(UnknownNameError, match="severity scheme of MADRS 'Snaith'"):
        get_scale("MADRS").severity(10, scheme="Snaith")


def test_cutoffs_keep_their_source() -> None:
    scale = get_scale("MADRS")
    assert "TRANSFORM" in scale.remission_cutoff(12).source.cite()
    assert scale.remission_cutoff(3).source.cite() == "set by the analyst"
    with pytest.raises(SpecError, match="cut-off of 60 lies outside MADRS"):
        scale.remission_cutoff(60)


def test_doubt_is_shown() -> None:
    assert Source("a paper", certainty="M").cite() == "a paper [recalled, not verified]"
    assert Source("a paper", "10.1/x").cite() == "a paper, doi:10.1/x"
    with pytest.raises(SpecError, match="certainty must be one of"):
        Source("a paper", certainty="X")  # type: ignore[arg-type]
    card = repr(get_scale("QIDS"))
    assert "recalled with doubt, not verified" in card


def _broken(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DATA["MADRS"]), **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"total": [60, 0]}, "must run from low to high"),
        ({"total": [0, 50]}, "item maxima sum to 60, not 50"),
        ({"item_maxima": [5.5, 6.5] + [6] * 8}, "item_minimum and item_maxima must be whole"),
        ({"direction": "up"}, "direction must be"),
        ({"domains": [[1, 2]]}, "domains must name every item once"),
        ({"colour": "red"}, "unknown field 'colour'"),
        (
            {"bands": [{"scheme": "x", "bands": [["a", 0, 9], ["b", 9, 60]],
                        "source": {"citation": "y"}}]},
            "bands of 'x' overlap",
        ),
        (
            {"remission": [{"at_most": 10, "default": True,
                            "source": {"citation": "y", "certainty": "M?"}}]},
            "rests on a source with doubt",
        ),
        (
            {"remission": [{"at_most": a, "default": True, "source": {"citation": "y"}}
                           for a in (9, 10)]},
            "only one remission cut-off",
        ),
        ({"remission": [{"at_most": 99, "source": {"citation": "y"}}]}, "99 lies outside 0 to 60"),
    ],
)  # fmt: skip
def test_inconsistent_scales_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        scale_from_mapping("MADRS", _broken(**changes))


def test_missing_fields_are_named() -> None:
    with pytest.raises(SpecError, match="missing field 'name'; missing field 'total'"):
        scale_from_mapping("own", {})


def test_scale_without_default_asks_for_a_cutoff() -> None:
    own = scale_from_mapping("OWN", {"name": "Own scale", "total": [20, 80]})
    assert own.floor == 20
    with pytest.raises(SpecError, match="OWN has no default remission cut-off"):
        own.remission_cutoff()


def test_a_scale_is_a_value() -> None:
    scale = get_scale("MADRS")
    assert pickle.loads(pickle.dumps(scale)) == scale
    assert get_scale(scale) is scale


def test_card_text_and_html_tell_the_same() -> None:
    scale = get_scale("PHQ9")
    text, html = repr(scale), scale._repr_html_()
    for word in ("Patient Health Questionnaire", "0 to 27", "Kroenke 2001", "moderately severe"):
        assert word in text
        assert word in html


def test_bands_of_the_scales_of_mood_anhedonia_well_being_and_anxiety() -> None:
    def at(label: str, *totals: float, scheme: str | None = None) -> list[str | None]:
        return [get_scale(label).severity(t, scheme=scheme) for t in totals]

    assert at("CES-D", 15, 16) == ["below the cut-off", "at or above the cut-off"]
    assert at("SHAPS", 2, 3) == ["normal", "abnormal"]
    assert at("WHO-5", 12, 13) == ["poor well-being", "not poor"]
    assert at("WHO5PCT", 28, 32, 52, scheme="Topp 2015") == [
        "depression likely", "screen positive", "screen negative"
    ]  # fmt: skip
    assert at("HAM-A", 7, 14, 23, 24) == ["none or minimal", "mild", "moderate", "severe"]
    # The two scores of the WHO-5 say the same of every total.
    for raw in range(26):
        for scheme in ("WHO-5 manual", "Topp 2015"):
            assert at("WHO5", raw, scheme=scheme) == at("WHO5PCT", 4 * raw, scheme=scheme)


def test_what_was_only_recalled_of_them_says_so() -> None:
    assert get_scale("HAM-A").remission_cutoff(7).source.is_verified
    assert "[recalled, not verified]" in get_scale("WHO5").schemes[2].source.cite()
    assert "[recalled with doubt" in get_scale("WHO5").schemes[1].source.cite()
    assert not get_scale("SHAPS56").source.is_verified  # type: ignore[union-attr]
    assert get_scale("HAMA").schemes[0].source.certainty == "V"


def test_a_scale_knows_which_end_is_good() -> None:
    who, madrs = get_scale("WHO-5"), get_scale("MADRS")
    assert (who.best, who.worst, who.better, who.oriented(25)) == (25, 0, "higher", 0)
    assert (madrs.best, madrs.worst, madrs.better, madrs.oriented(25)) == (0, 60, "lower", 25)
    shaps = get_scale("SHAPS56")
    assert (shaps.best, shaps.worst) == (14, 56)
    assert "at least 13 (set by the analyst)" in who.remission_cutoff(at_least=13).describe("WHO5")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"remission": [{"at_most": 5, "source": {"citation": "x"}}]}, "has 'at_least'"),
        ({"remission": [{"at_least": 0, "source": {"citation": "x"}}]}, "0 lies outside 0 to 9"),
        ({"step": 2}, "steps of 2 do not lead from 0 to 9"),
        ({"step": 0.07}, "of halves to tenths, not 0.07"),
        ({"step": -1}, "step must be a positive number"),
        ({"step": True}, "step must be a positive number"),
    ],
)
def test_a_scale_on_which_high_is_good_checks_itself(fields: dict[str, Any], words: str) -> None:
    data = {"name": "x", "total": [0, 9], "direction": "higher is better", **fields}
    with pytest.raises(SpecError, match=words):
        scale_from_mapping("X", data)


def test_raters_of_an_averaged_scale() -> None:
    assert get_scale("HAMD24").averaged_over(2).step == 0.5
    assert "in steps of 0.3333" in repr(get_scale("HAMD24").averaged_over(3))
    for raters in (1, 11, True, 2.0):
        with pytest.raises(SpecError, match="raters must be"):
            get_scale("HAMD24").averaged_over(raters)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="categories"):
        get_scale("CGIS").averaged_over(2)
