"""Numbers in the styles of journals: hand-made cases, each with the rule that it shows.

Sources of the rules (see docs/howto/into_a_paper.md):

- JAMA Network, Instructions for Table Creation, 2016: "reported to exact numbers to 2 digits past
  the decimal point ... For values lower than .01, present the P value to 3 digits. Express any
  values lower than .001 as P<.001"; AMA Manual of Style, 11th edition (2020), 19.7.1 (no zero
  before the point of P) and its hyphen between limits, "to" where one of them is negative.
- NEJM, Statistical Reporting Guidelines, as quoted by Aguinis, Vassar and Wayant 2019,
  doi:10.1136/bmjebm-2019-111264: larger than 0.01 two decimals, 0.01 to 0.001 three, below P<0.001.
- The Lancet, formatting guidelines: "Type decimal points midline (ie, 23·4, not 23.4)"; "p values
  to two significant figures (capped at four decimal places), or p<0·0001".
- APA Style, Numbers and Statistics Guide, 7th edition: "exact p values to two or three decimals",
  "p < .001"; no zero before the point of what cannot exceed 1; 95% CI [LL, UL].
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

import trdstats as trd
from trdstats.errors import SpecError
from trdstats.tables import (
    NumberStyle,
    add_unit,
    format_ci,
    format_count,
    format_estimate,
    format_interval,
    format_level,
    format_number,
    format_p,
    format_p_equation,
    format_significant,
    format_time,
    number_style,
)

STYLES = ("plain", "jama", "nejm", "lancet", "apa")


@pytest.mark.parametrize(
    ("style", "cases"),
    [
        ("plain", {0.00099: "<0.001", 0.001: "0.001", 0.0312: "0.031", 1.0: "1.000"}),
        ("jama", {0.00099: "<.001", 0.001: ".001", 0.0084: ".008", 0.01: ".01", 0.0312: ".03",
                  0.0461: ".046", 0.0496: ".050", 0.05: ".05", 0.37: ".37", 0.998: ">.99"}),
        ("nejm", {0.00099: "<0.001", 0.001: "0.001", 0.0084: "0.008", 0.0312: "0.03",
                  0.37: "0.37", 0.998: ">0.99"}),
        ("lancet", {0.00009: "<0·0001", 0.00014: "0·0001", 0.0013: "0·0013", 0.0131: "0·013",
                    0.0996: "0·10", 0.131: "0·13", 0.998: ">0·99"}),
        ("apa", {0.00099: "<.001", 0.0061: ".006", 0.0312: ".031", 0.9999: ">.999"}),
    ],
)  # fmt: skip
def test_p_values(style: str, cases: dict[float, str]) -> None:
    with number_style(style):
        assert {p: format_p(p) for p in cases} == cases


@pytest.mark.parametrize(
    ("style", "small", "exact"),
    [
        ("plain", "p < 0.001", "p = 0.012"),
        ("jama", "P < .001", "P = .01"),
        ("nejm", "P<0.001", "P=0.01"),
        ("lancet", "p<0·0001", "p=0·012"),
        ("apa", "p < .001", "p = .012"),
    ],
)
def test_p_values_in_sentences(style: str, small: str, exact: str) -> None:
    with number_style(style):
        assert (format_p_equation(1e-9), format_p_equation(0.0121)) == (small, exact)


@pytest.mark.parametrize(
    ("style", "positive", "negative"),
    [
        ("plain", "95 % CI 0.45 to 0.85", "95 % CI -3.46 to 2.00"),
        ("jama", "95% CI, 0.45-0.85", "95% CI, −3.46 to 2.00"),
        ("nejm", "95% CI, 0.45 to 0.85", "95% CI, −3.46 to 2.00"),
        ("lancet", "95% CI 0·45–0·85", "95% CI −3·46 to 2·00"),
        ("apa", "95% CI [0.45, 0.85]", "95% CI [−3.46, 2.00]"),
    ],
)
def test_intervals_in_sentences(style: str, positive: str, negative: str) -> None:
    with number_style(style):
        assert format_ci(0.95, 0.45, 0.85, 2) == positive
        assert format_ci(0.95, -3.46, 2.0, 2) == negative


@pytest.mark.parametrize("style", STYLES)
def test_no_dash_between_limits_can_be_read_as_a_minus(style: str) -> None:
    with number_style(style):
        for low, high in [(-2, -1), (-2, 1), (math.nan, 1), (1, math.nan), (-math.inf, 1)]:
            text = format_interval(low, high)
            assert " to " in text or text.startswith("[")
        assert format_interval(-0.04, 2.0).count("−") == 0  # rounds to 0.0: no sign is left


@pytest.mark.parametrize(
    ("style", "thousands", "more"),
    [
        ("plain", "1,234.5", "12,345"),
        ("jama", "1234.5", "12\u2009345"),
        ("nejm", "1,234.5", "12,345"),
        ("lancet", "1234·5", "12\u2009345"),
        ("apa", "1,234.5", "12,345"),
    ],
)
def test_digits_in_groups(style: str, thousands: str, more: str) -> None:
    with number_style(style):
        assert (format_number(1234.5), format_count(12345)) == (thousands, more)


def test_estimates_with_their_limits() -> None:
    shown = {}
    for style in STYLES:
        with number_style(style):
            shown[style] = format_estimate(0.62, 0.45, 0.85, 2)
    assert shown == {
        "plain": "0.62 (0.45 to 0.85)",
        "jama": "0.62 (0.45-0.85)",
        "nejm": "0.62 (0.45 to 0.85)",
        "lancet": "0·62 (0·45–0·85)",
        "apa": "0.62 [0.45, 0.85]",
    }


def test_the_rest_follows_the_style() -> None:
    with number_style("lancet"):
        assert format_level(0.975) == "97·5%"
        assert add_unit(format_number(66.25), "%") == "66·2%"
        assert add_unit(format_number(66.25), "days") == "66·2 days"
        assert format_significant(1.25e-7, 3) == "1·25e−07"
        assert format_significant(-12345.6, 6) == "−12345·6"
        assert format_time(1.06) == "1·1"
        assert format_number(-math.inf) == "−∞"
        assert format_p_equation(math.nan) == "p –"
        assert format_estimate(math.nan, 0.5, math.inf, 2) == "– (0·50–∞)"


def test_a_block_ends_and_blocks_nest() -> None:
    with number_style("lancet"):
        with number_style("apa"):
            assert format_p(0.0312) == ".031"
        assert format_p(0.0312) == "0·031"
        with pytest.raises(RuntimeError, match="inside"), number_style("jama"):
            raise RuntimeError("inside")
        assert format_p(0.0312) == "0·031"
    assert format_p(0.0312) == "0.031"


def test_results_print_in_a_style_and_keep_their_numbers() -> None:
    result = trd.rates(trd.load_sample("trial"), trd.Response(), day=28, reference="TMS")
    plain, numbers = repr(result), result.tidy()
    with trd.number_style("lancet"):
        text, html, same = repr(result), result._repr_html_(), result.tidy()
    assert "27.8 (13.3 to 41.1)" in plain
    assert "27·8 (13·3–41·1)" in text
    assert "27·8 (13·3–41·1)" in html
    assert "12·2 (−2·3 to 26·3)" in text
    assert numbers.equals(same)
    assert repr(result) == plain


def test_a_style_for_another_journal() -> None:
    bmj = replace(NumberStyle("ours"), decimal_mark=",", thousands=".")
    with number_style(bmj) as used:
        assert used is bmj
        assert format_number(1234.5) == "1.234,5"


def test_the_page_on_styles_is_true() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "howto" / "into_a_paper.md"
    rows = {
        cells[0]: cells[1:]
        for line in page.read_text("utf-8").splitlines()
        if len(cells := [c.strip() for c in line.strip("|").split("|")]) == len(STYLES) + 1
    }
    assert rows[""] == ["plain", *(f"`{s}`" for s in STYLES[1:])]
    shown = {
        "estimate with limits": lambda: format_estimate(0.62, 0.45, 0.85, 2),
        "a limit is negative": lambda: format_estimate(-1.2, -3.5, 1.0, 1),
        "in a sentence": lambda: format_ci(0.95, 0.45, 0.85, 2),
        "p = 0.0312": lambda: format_p_equation(0.0312),
        "p = 0.0084": lambda: format_p_equation(0.0084),
        "p = 0.0002": lambda: format_p_equation(0.0002),
        "1234 and 12345": lambda: f"{format_count(1234)}; {format_count(12345)}",
    }
    for k, style in enumerate(STYLES):
        with number_style(style):
            for what, write in shown.items():
                assert rows[what][k] == write().replace("\u2009", " "), (what, style)


def test_refusals() -> None:
    with (
        pytest.raises(SpecError, match=r"style must be one of 'plain'.*Did you mean 'lancet'"),
        number_style("lanset"),
    ):
        pass
    with pytest.raises(SpecError, match=r"bounds descend to 0, such as \(\(0\.01, 2\)"):
        NumberStyle("ours", p_decimals=((0.0, 3), (0.01, 2)))
