"""Non-inferiority of rates against the margins of a plan, as rows of its results."""

from __future__ import annotations

import math

import pandas as pd

from trdstats.comparison import NoninferiorityTest
from trdstats.outcomes import Definition, Rates
from trdstats.tables import (
    NOT_ESTIMABLE,
    Summary,
    Table,
    each_row,
    format_interval,
    format_level,
    format_number,
    format_p,
)

MEASURE = "non-inferiority"


def margin_rows(
    result: Rates, definition: Definition, margin: float, conf_level: float
) -> pd.DataFrame:
    """Return one row a treatment: its difference from the reference, judged by the margin.

    Parameters
    ----------
    result : Rates
    definition : Definition
        Whether it is a bad outcome says which side the margin lies on.
    margin : float
        Largest tolerated difference, as a proportion.
    conf_level : float

    Returns
    -------
    pandas.DataFrame
        As `NoninferiorityResult.tidy`, with `margin` and `sides` (1: the p value is one-sided).
    """
    test = NoninferiorityTest(
        margin, better="lower" if definition.is_worsening else "higher", conf_level=conf_level
    )
    counts = {str(r.treatment): r for r in each_row(result.counts)}
    base = counts.pop(result.reference)
    rows = []
    for name, count in counts.items():
        keys = {"treatment": name, "reference": result.reference}
        if pd.isna(count.events) or pd.isna(base.events):
            rows.append(pd.DataFrame([keys | _UNKNOWN]))
            continue
        tested = test.of_counts(
            int(count.events), int(count.n), int(base.events), int(base.n), **keys
        )
        rows.append(tested.tidy())
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    return table.assign(measure=MEASURE, margin=margin, sides=1)


_UNKNOWN = {
    **dict.fromkeys(("estimate", "conf_low", "conf_high", "p_value"), math.nan),
    "shown": False,
    "reason": "one of the two treatments has no rate",
}


def margin_summary(table: pd.DataFrame, conf_level: float) -> Summary:
    """Return the comparisons with their margins as a table."""
    rows = tuple(
        (
            f"{r.treatment} v {r.reference}",
            format_number(100 * r.margin),
            format_number(100 * r.estimate),
            format_interval(100 * r.conf_low, 100 * r.conf_high),
            format_p(r.p_value),
            NOT_ESTIMABLE if math.isnan(r.estimate) else "shown" if r.shown else "not shown",
        )
        for r in each_row(table)
    )
    level = f"{format_level(conf_level)} CI"
    header = (
        "Comparison", "Margin, points", "Difference, points", level, "One-sided p", "Verdict"
    )  # fmt: skip
    return Summary(
        f"Non-inferiority: {table['label'].iloc[0]}", (), (Table(header, rows),),
        ("The difference must not be worse than the margin; Miettinen-Nurminen limits and test.",),
    )  # fmt: skip
