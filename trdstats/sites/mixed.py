"""A mixed model's cross-products as plain values, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, SpecError
from trdstats.formulas import read_formula
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.longitudinal import MMRM, MMRMSummary
from trdstats.longitudinal.designs.design import RowTotals

_SPEC = ("formula", "covariance", "reml", "ddf", "group")
_SUBJECTS = 40  # of the artificial table that a design is made of
_RANGE = (30.0, 60.0)  # of its numbers: logarithms and roots of them are there


def mixed_as_values(summary: MMRMSummary) -> dict[str, Any]:
    """Return a summary as texts, numbers and lists."""
    spec, design, s = summary.spec, summary.design, summary.products
    if not isinstance(spec.covariance, str):
        raise SpecError("Summaries of sites name the covariance by its text, such as 'us'.")
    totals = design.totals
    counts = totals.counts.astype(object)
    return {
        "model": {k: v for k, v in asdict(spec).items() if k in _SPEC},
        "visit": design.visit,
        "terms": list(design.terms),
        "levels": {c: _plain(t.categories) for c, t in totals.types.items()},
        "sums": totals.sums,
        "rows": totals.n,
        "cells": {"columns": list(counts.columns), "values": counts.to_numpy().tolist()},
        "left_out": design.left_out,
        "caveat": str(design.caveat),
        "select": s.select.tolist(),
        "rated": s.rated.astype(int).tolist(),
        "group": s.group.tolist(),
        "n": s.n.tolist(),
        "cross_products": s.cross_products.tolist(),
        "log_weight": s.log_weight,
    }


def mixed_from_values(values: dict[str, Any]) -> MMRMSummary:
    """Return the summary that `mixed_as_values` took apart.

    Raises
    ------
    DataError
        When the numbers do not belong to the model.
    """
    spec = MMRM(**values["model"])
    template = spec.summarise(_artificial(spec, values), visit=values["visit"])
    design = template.design
    types = {
        c: pd.CategoricalDtype(levels, ordered=design.totals.types[c].ordered)
        for c, levels in values["levels"].items()
    }
    counts = pd.DataFrame(values["cells"]["values"], columns=values["cells"]["columns"])
    for c, kind in types.items():
        counts[c] = counts[c].astype(kind)
    counts.iloc[:, -1] = counts.iloc[:, -1].astype(int)
    totals = RowTotals(types, values["sums"], counts.infer_objects(), values["rows"])
    products = CrossProducts(
        np.array(values["select"], dtype=np.intp),
        np.array(values["rated"], dtype=bool),
        np.array(values["group"], dtype=np.intp),
        np.array(values["n"], dtype=float),
        np.array(values["cross_products"], dtype=float),
        float(values["log_weight"]),
    )
    same = design.terms == values["terms"] and np.array_equal(
        products.select, template.products.select
    )
    if not same or products.cross_products.shape[1:] != template.products.cross_products.shape[1:]:
        raise DataError(
            [Problem("other_design", "The cross-products of the mixed model do not belong to its "
                     "formula and levels.", (), "Make the summary anew with this version.")]
        )  # fmt: skip
    design = replace(
        design, totals=totals, left_out=dict(values["left_out"]), caveat=values["caveat"]
    )
    return MMRMSummary(spec, design, products)


def _artificial(spec: MMRM, values: dict[str, Any]) -> pd.DataFrame:
    """Return a table with every level, of which the design has the same columns."""
    visit, levels = values["visit"], values["levels"]
    days = levels[visit]
    n = max(_SUBJECTS, *(len(v) for v in levels.values()))
    rng = np.random.default_rng(0)
    outcome = next(iter(read_formula(spec.formula).lhs.required_variables))
    frame = pd.DataFrame({"subject": np.repeat(np.arange(n), len(days))})
    for c, names in levels.items():
        of_row = (
            np.tile(np.arange(len(days)), n)
            if c == visit
            else np.repeat(np.arange(n) % len(names), len(days))
        )
        frame[c] = pd.Categorical.from_codes(of_row, categories=names)
    for c in values["sums"]:
        frame[c] = np.repeat(rng.uniform(*_RANGE, size=n), len(days))
    frame[outcome] = rng.uniform(*_RANGE, size=len(frame))
    return frame


def _plain(names: pd.Index[Any]) -> list[Any]:
    return [v.item() if isinstance(v, np.generic) else v for v in names]
