"""An effect from a row of a tidy result or of a publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import pandas as pd

from trdstats.aliases import RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect import (
    CONTEXT,
    MEASURES,
    RATIOS,
    Effect,
    check_agreement,
)
from trdstats.errors import SpecError, with_article
from trdstats.estimates.scales import SCALES
from trdstats.kinds import spelled_numbers


@checked
def read_effect(source: Effect | RowLike, *, measure: str | None = None) -> Effect:
    """Return the effect that a tidy row tells.

    Parameters
    ----------
    source : Effect, Series, mapping, named tuple or DataFrame of one row
        A row of a tidy result or of `published`. Names read: measure; estimate; conf_low,
        conf_high; std_error; conf_level; treatment or arm; reference or comparator; trial. A Cox
        row brings its hazard ratio, a row of rates, plain or adjusted (`AIPW`, `Standardisation`,
        `Matching`), its risk difference, ratio or odds ratio.
    measure : str, optional
        Measure of a row that does not name it, or names it loosely.

    Raises
    ------
    SpecError
        When it is no single row, what it measures is not known, a risk difference is given in
        percentage points, its limits and standard error tell of different errors, or a measure is
        named that the row cannot hold: a ratio where it has a difference or a coefficient (a
        logarithm), or the other way round.
    """
    if isinstance(source, Effect):
        if measure is not None and not _may_be(source.measure, measure):
            raise SpecError(f"{source!r} is no {measure}.")
        check_agreement(source)
        return source if measure is None else replace(source, measure=measure)
    row = row_values(source)
    named = measure or _measure_of(row)
    columns, stated = _columns_of(named, row), _stated_measure(row)
    if measure is not None and stated is not None and not _may_be(stated, measure):
        raise SpecError(f"The row holds {with_article(stated)}, no {measure}.")
    estimate, low, high = (row.number(k) for k in columns)
    if named == "risk difference" and abs(estimate) > 1:
        raise SpecError(
            f"A risk difference lies between -1 and 1; the row has {estimate:g}. Give it as a "
            "proportion (14.2 percentage points are 0.142), with its limits and std_error."
        )
    effect = Effect(
        named,
        row.text("treatment", "arm") or _level(row.text("term")) or "treatment",
        row.text("reference", "comparator") or "reference",
        estimate,
        low,
        high,
        row.number("std_error"),
        row.number("conf_level") if "conf_level" in row.cells else 0.95,
        row.text("trial"),
        {k: row.text(k) for k in CONTEXT if row.text(k) and not (k == "scale" and row.on)},
    )
    if not row.on:  # limits of an analysis may be score, profile or t limits
        check_agreement(effect)
    return effect


@dataclass(frozen=True, slots=True)
class RowValues:
    """The cells of one row by the names of their columns."""

    cells: dict[str, Any]

    def number(self, key: str) -> float:
        """Return a cell as a number; NaN when it is missing.

        Raises
        ------
        SpecError
            When it holds something else.
        """
        value = self.cells.get(key, nan)
        try:
            return nan if pd.isna(value) else float(value)
        except (TypeError, ValueError):
            comma = "comma" in spelled_numbers([value])
            hint = " It has a decimal comma: write a point." if comma else ""
            raise SpecError(
                f"{key} must be a number, or empty; the row has {value!r}.{hint}"
            ) from None

    def text(self, *keys: str) -> str:
        """Return the first of some cells that is not empty; empty without one."""
        for key in keys:
            value = self.cells.get(key)
            if value is not None and not pd.isna(value) and str(value):
                return str(value)
        return ""

    @property
    def on(self) -> str:
        """The scale of the analysis (identity, log); empty where `scale` is none or a rating's."""
        return name if (name := self.text("scale")) in SCALES else ""


def row_values(source: RowLike) -> RowValues:
    """Return the cells of a Series, mapping, named tuple or frame of one row.

    Raises
    ------
    SpecError
        When it is none of these.
    """
    if isinstance(source, pd.DataFrame):
        if len(source) != 1:
            raise SpecError(
                f"One row is needed; the frame has {len(source)}. Choose one, for example "
                "frame.query(\"measure == 'ratio' and treatment == 'ECT'\")."
            )
        return RowValues({str(k): v for k, v in source.iloc[0].items()})
    if isinstance(source, pd.Series | Mapping):
        return RowValues({str(k): v for k, v in source.items()})
    if hasattr(source, "_asdict"):
        return RowValues(dict(source._asdict()))
    raise SpecError(
        "What is compared must be a tidy row (Series, mapping, frame of one row) or an Effect; "
        f"got {type(source).__name__}."
    )


def _may_be(stated: str, measure: str) -> bool:
    """Return whether an effect that calls itself a difference or ratio may be called so."""
    if stated in ("ratio", "difference"):
        return (stated == "ratio") == (measure in RATIOS)
    return measure in (stated, "ratio" if stated in RATIOS else "difference")


def _measure_of(row: RowValues) -> str:
    """Return what a row measures; `SpecError` where it does not say."""
    measure = _stated_measure(row)
    if measure is not None:
        return measure
    stated = row.text("measure")
    raise SpecError(
        f"What the row measures is not known{f' from {stated!r}' if stated else ''}: name it with "
        f"measure=, one of {', '.join(map(repr, MEASURES))}."
    )


def _stated_measure(row: RowValues) -> str | None:
    stated, quantity = row.text("measure"), row.text("quantity")
    if stated in ("difference", "ratio") and ("events" in row.cells or quantity == "rate"):
        return f"risk {stated}"
    if stated == "difference" and quantity in ("mean", "restricted mean"):
        return "mean difference"
    if stated in MEASURES:
        return stated
    if not stated and "hazard_ratio" in row.cells:
        return "hazard ratio"
    if not stated and "contrast" in row.cells:
        return "mean difference"
    return None


def _columns_of(measure: str, row: RowValues) -> tuple[str, str, str]:
    """Return the columns that hold a measure plainly, with its limits.

    A regression has its coefficient in `estimate`, and the ratio it stands for beside it.
    """
    beside = next((k for k in row.cells if k.endswith("ratio") and f"{k}_low" in row.cells), None)
    if beside is not None:
        kind = beside.replace("_", " ")
        if measure not in ("ratio", kind):
            raise SpecError(f"The row holds a {kind}, no {measure}.")
        return beside, f"{beside}_low", f"{beside}_high"
    needed = "log" if measure in RATIOS else "identity"
    if row.on == "identity" and needed == "log":
        raise SpecError(
            f"The row holds a difference or a coefficient, no {measure} (its scale is 'identity'). "
            f"If it is the logarithm of one, take Effect({measure!r}, treatment, reference, "
            "np.exp(estimate), std_error=std_error)."
        )
    if row.on and row.on != needed:
        raise SpecError(
            f"The row holds no {measure}: its scale is {row.on!r}, not {needed!r}. Choose the row "
            "of that measure."
        )
    return "estimate", "conf_low", "conf_high"


def _level(term: str) -> str:
    """Return the level that a column of a factor stands for: treatment[T.ECT] is ECT.

    An interaction stands for no level; its name stays whole.
    """
    _, mark, level = term.partition("[T.")
    return level[:-1] if mark and level.endswith("]") and "]:" not in level else term
