"""What the data of an imputation hold, in numbers and words."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray
from trdstats.errors import count_of
from trdstats.imputation.trial.layout import Layout, plain
from trdstats.tables import Table, format_count, format_number


def counts_of(layout: Layout, used: BoolArray) -> dict[str, list[int]]:
    """Return the counts of a table of one row: subjects, values, gaps, events.

    Parameters
    ----------
    layout : Layout
    used : ndarray of bool, shape (n, T)
        Observed values that inform the model.
    """
    missing = np.isnan(layout.y)
    after = np.arange(missing.shape[1]) >= layout.event[:, None]
    return {
        "n": [len(missing)],
        "n_observed": [int((~missing).sum())],
        "n_missing": [int(missing.sum())],
        "n_gaps": [int((missing & ~after).sum())],
        "n_events": [int((layout.event < missing.shape[1]).sum())],
        "n_set_aside": [int((~missing & ~used).sum())],
        "n_left_out": [sum(layout.left_out.values())],
    }


def data_lines(layout: Layout, used: BoolArray) -> list[tuple[str, str]]:
    """Return subjects, values, gaps and what is left out as header lines."""
    g = {name: value[0] for name, value in counts_of(layout, used).items()}
    values = f"{format_count(g['n_observed'])} observed, {format_count(g['n_missing'])} missing"
    if g["n_set_aside"]:
        values += (
            f"; {format_count(g['n_set_aside'])} observed after an event do not inform the model"
        )
    lines = [("Subjects", format_count(g["n"])), ("Values", values)]
    if g["n_gaps"]:
        gaps = count_of(g["n_gaps"], "value", "values")
        lines.append(("Gaps", f"{gaps} outside an event, taken as missing at random"))
    return lines + [("Left out", f"{why}: {format_count(k)}") for why, k in layout.left_out.items()]


def missing_table(layout: Layout) -> Table:
    """Return the per cent of missing values by arm and visit."""
    rows = []
    for a, name in enumerate(layout.treatments):
        in_arm = layout.arm == a
        proportion = np.isnan(layout.y[in_arm]).mean(axis=0)
        rows.append((name, f"{in_arm.sum():,}", *(format_number(100 * s, 1) for s in proportion)))
    header = ("Treatment", "Subjects", *(f"{layout.visit} {plain(v)}" for v in layout.visits))
    return Table(header, tuple(rows), title="Missing values (%)")
