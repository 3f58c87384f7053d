"""Instruments: the data, the checks on creation, the card."""

from __future__ import annotations

import copy
import pickle
import tomllib
from importlib import resources
from typing import Any

import pytest

from trdstats import get_scale, scale_names
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
    ],
)
def test_instrument(label: str, items: int, total: tuple[int, int], remission: int) -> None:
    scale = get_scale(label)
    assert len(scale.item_maxima) == items
    assert scale.total == total
    assert scale.floor == 0
    cutoff = scale.remission_cutoff()
    assert cutoff.at_most == remission
    assert cutoff.source.is_verified, "an unverified fact never becomes a default"


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
