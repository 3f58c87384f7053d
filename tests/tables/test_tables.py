"""Numbers as they are printed, and the one face that becomes text and HTML."""

from __future__ import annotations

import math

import pytest

from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_p,
    format_percent,
    format_time,
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (format_number(1234.567, 1), "1,234.6"),
        (format_number(-0.04, 1), "0.0"),
        (format_number(-0.06, 1), "-0.1"),
        (format_number(math.nan), "–"),
        (format_number(math.inf), "∞"),
        (format_number(-math.inf), "-∞"),
        (format_count(12345.0), "12,345"),
        (format_count(math.nan), "–"),
        (format_percent(0.1234), "12.3"),
        (format_p(0.00099), "<0.001"),
        (format_p(0.001), "0.001"),
        (format_p(1.0), "1.000"),
        (format_p(math.nan), "–"),
        (format_interval(0.5, math.inf, 2), "0.50 to ∞"),
        (format_interval(math.nan, math.nan), "–"),
        (format_estimate(0.142, 0.039, 0.242, 1, scale=100), "14.2 (3.9 to 24.2)"),
        (format_estimate(math.nan, math.nan, math.nan), "–"),
        (format_estimate(math.nan, 0.0, math.inf, 2), "– (0.00 to ∞)"),
        (format_time(14.0), "14"),
        (format_time(1.06), "1.1"),
        (format_time(math.nan), "not reached"),
        (format_time(math.inf), "not reached"),
    ],
)
def test_numbers(shown: str, expected: str) -> None:
    assert shown == expected


class Shown(SummaryMixin):
    def summary(self) -> Summary:
        return Summary(
            "A <result>",
            (("Model", "plain"), ("Subjects", "3 & more")),
            (
                Table(
                    ("Arm", "n", "Rate"), (("ECT", "12", "50.0"), ("TMS", "7", "–")), title="Rates"
                ),
            ),
            ("Mind the gap.",),
        )


def test_text() -> None:
    assert repr(Shown()) == (
        "A <result>\n  Model     plain\n  Subjects  3 & more\n\n"
        "Rates\nArm   n  Rate\nECT  12  50.0\nTMS   7     –\n\n"
        "Note: Mind the gap."
    )


def test_html_is_escaped_and_aligned() -> None:
    html = Shown()._repr_html_()
    assert "<h4>A &lt;result&gt;</h4>" in html
    assert "<dt>Subjects</dt><dd>3 &amp; more</dd>" in html
    assert '<th class="left">Arm</th><th class="right">n</th>' in html
    assert "<caption>Rates</caption>" in html
    assert '<p class="note">Mind the gap.</p>' in html


def test_leading_text_columns() -> None:
    table = Table(("a", "b", "c"), (("x", "y", "1"),), 2)
    assert table.alignment() == ["left", "left", "right"]


def test_numbers_that_ran_away_are_powers_of_ten() -> None:
    """A limit of 2e213 was written with all its digits, and made a table of 300 columns."""
    assert format_number(2.008e213, 2) == "2.0e+213"
    assert format_number(-3e15) == "-3.0e+15"
    assert format_number(123_456_789_012.0, 0) == "123,456,789,012"
