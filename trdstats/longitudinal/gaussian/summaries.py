"""Cross-products of rows: chunks, workers or hospitals add up without sharing their rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.formulas import OutcomeFormula, add_left_out, any_complete_rows, read_formula
from trdstats.kernels.gaussian.patterns import CrossProducts, distinct_columns, merge, summarise
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.designs.by_visit import build_design
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.part_levels import (
    Levels,
    levels_of_all,
    levels_of_part,
    with_levels,
)
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM


_PROBES = 97  # subjects of the probe, besides those that meet every level
_MEETINGS = 3  # times that every level is met, each time beside other levels of the other columns


@dataclass(frozen=True, repr=False)
class MMRMSummary(SummaryMixin):
    """Cross-products of rows by pattern of visits.

    Attributes
    ----------
    spec : MMRM
    design : Design
        Without rows.
    products : CrossProducts
    """

    spec: MMRM
    design: Design
    products: CrossProducts

    def __add__(self, other: MMRMSummary) -> MMRMSummary:
        """Return the summary of the rows of both.

        Raises
        ------
        SpecError
            When they are of different models, or their columns have different levels.
        """
        a, b = self.design, other.design
        is_comparable = (
            self.spec == other.spec
            and a.terms == b.terms
            and list(a.visits) == list(b.visits)
            and a.groups == b.groups
            and np.array_equal(self.products.select, other.products.select)
        )
        if not is_comparable:
            raise SpecError(
                "Only summaries of one model with the same visits and levels add up. Give every "
                "chunk all of them: frame[c] = pd.Categorical(frame[c], categories=[...])."
            )
        left_out = {
            k: a.left_out.get(k, 0) + b.left_out.get(k, 0) for k in {**a.left_out, **b.left_out}
        }
        totals, caveat = a.totals + b.totals, a.caveat or b.caveat
        design = replace(a, totals=totals, left_out=left_out, caveat=caveat)
        return MMRMSummary(self.spec, design, merge(self.products, other.products))

    def no_rows(self) -> SubjectRows:
        """Return that there are no rows."""
        d = self.products.cross_products.shape[1]
        none = np.zeros(0, dtype=np.intp)
        return SubjectRows(np.zeros((0, d)), none, none)

    def summary(self) -> Summary:
        """Return what was summarised."""
        s = self.products
        return Summary(
            "Summary for a mixed model",
            (
                ("Formula", self.spec.formula),
                ("Subjects", f"{int(s.n.sum()):,}"),
                ("Ratings", f"{s.n_obs:,}"),
                ("Patterns of visits", f"{len(s.n):,}"),
                ("Numbers kept", f"{s.cross_products.size:,}"),
            ),
        )


def summarise_frame(spec: MMRM, frame: Any, *, subject: str, visit: str) -> MMRMSummary:
    """Summarise a table; see `MMRM.summarise`."""
    formula = read_formula(spec.formula)
    design = build_design(
        frame, formula, subject=subject, visit=visit, group=spec.group, weights=None,
        keep_levels=True,
    )  # fmt: skip
    if design.varying:
        raise SpecError(
            f"{', '.join(design.varying)} change between visits: summaries take covariates of the "
            "subject only."
        )
    learnt = sorted(design.spec.transform_state)
    if learnt:
        raise SpecError(
            f"{', '.join(learnt)} depends on all rows, and a summary has one chunk only: "
            "compute it as a column first, in the same way for all chunks."
        )
    select, source = _probe(design, visit)
    distinct = np.concatenate([np.stack([design.X[t, j] for t, j in source]), design.y]).T
    T = len(design.visits)
    select = np.column_stack([select, len(source) + np.arange(T)])
    summary, _ = summarise(select, np.ascontiguousarray(distinct), design.rated, design.group)
    return MMRMSummary(spec, design.without_rows(), summary)


def summarise_parts(spec: MMRM, study: Study, *, subject: str, visit: str) -> MMRMSummary | None:
    """Summarise the partitions of a study, and return the sum; None where the model needs rows."""
    given = study.on_parts(_levels_of_part, spec, subject, visit)
    of_parts = [levels for levels in given if levels is not None]
    if not of_parts:
        return None
    levels = levels_of_all(of_parts, study, visit)
    try:
        parts = study.on_parts(_summarise_part, spec, levels, subject, visit)
    except SpecError:  # a covariate of the visit, a transform that learns from all rows
        return None
    whole = reduce(MMRMSummary.__add__, [part for part in parts if isinstance(part, MMRMSummary)])
    counts = [p.design.left_out if isinstance(p, MMRMSummary) else p for p in parts]
    planned, left_out = pd.Index(study.scheduled_days()), add_left_out(counts)
    return replace(whole, design=replace(whole.design, planned=planned, left_out=left_out))


def _levels_of_part(part: Study, spec: MMRM, subject: str, visit: str) -> Levels | None:
    """Return the levels that the analysed rows of a part have; None where it has no such row."""
    formula, needed, factors, roles = _columns_of(spec, subject, visit)
    return levels_of_part(part, formula, roles, needed, factors, visit=visit)


def _summarise_part(
    part: Study, spec: MMRM, levels: Levels, subject: str, visit: str
) -> MMRMSummary | dict[str, int]:
    """Return the summary of a part, or how many rows are left out where none is analysed."""
    rows = part.longitudinal()
    if not len(rows):
        return {}
    table = with_levels(rows, levels)
    try:
        return spec.summarise(table, subject=subject, visit=visit)
    except NotEstimableError:
        formula, needed, _, roles = _columns_of(spec, subject, visit)
        usable, left_out = any_complete_rows(table, formula, roles, needed)
        if len(usable):
            raise
        return left_out


def _columns_of(
    spec: MMRM, subject: str, visit: str
) -> tuple[OutcomeFormula, list[str], list[str], list[str]]:
    """Return the formula, its columns, those that may be categories, and those that rows need."""
    formula = read_formula(spec.formula)
    needed = sorted({str(v) for v in formula.required_variables})
    grouped = [] if spec.group is None else [spec.group]
    factors = [visit, *(c for c in needed if c != str(formula.lhs[0])), *grouped]
    return formula, needed, factors, [subject, visit, *grouped]


def _probe(design: Design, visit: str) -> tuple[IntArray, list[tuple[int, int]]]:
    """Return which columns of the design are identical for any data.

    Artificial subjects, different in every covariate, are put through the formula: columns that
    agree for all of them agree for any. Among them is every level of every column, and every
    combination of levels that a term of the formula multiplies.

    Returns
    -------
    select : ndarray of int, shape (T, q)
    source : list of (int, int)
        Visit and column of each distinct column.
    """
    rng = np.random.default_rng(0)
    T, types = len(design.visits), design.totals.types
    codes = _probe_codes(design, visit, rng)
    n = len(next(iter(codes.values()))) if codes else _PROBES
    columns: dict[str, Any] = {}
    for c in design.totals.sums:
        values = design.frame[c].to_numpy(dtype=float)
        low, high = float(values.min()), float(values.max())
        columns[c] = np.tile(rng.uniform(low, high if high > low else low + 1, n), T)
    for c, levels in types.items():
        at = np.repeat(np.arange(T), n) if c == visit else np.tile(codes[c], T)
        columns[c] = pd.Categorical.from_codes(at.tolist(), dtype=levels)
    table = pd.DataFrame(columns, index=pd.RangeIndex(n * T))
    X = design.rows_of(table).reshape(T, n, -1).transpose(0, 2, 1)
    select, _ = distinct_columns(np.ascontiguousarray(X), np.zeros((T, n)))
    select = select[:, :-1]
    source = [
        tuple(int(v) for v in np.argwhere(select == k)[0]) for k in range(int(select.max()) + 1)
    ]
    return select, source  # type: ignore[return-value]


def _probe_codes(design: Design, visit: str, rng: np.random.Generator) -> dict[str, IntArray]:
    """Return levels of artificial subjects by column."""
    sizes = {c: len(t.categories) for c, t in design.totals.types.items() if c != visit}
    if not sizes:
        return {}
    blocks = [{c: rng.integers(0, k, _PROBES) for c, k in sizes.items()}]
    for term in design.spec.terms:
        term_columns = [c for c in sizes if any(c in f.required_variables for f in term.factors)]
        if not term_columns:
            continue
        cells = np.unravel_index(
            np.arange(int(np.prod([sizes[c] for c in term_columns]))),
            [sizes[c] for c in term_columns],
        )
        for _ in range(_MEETINGS):
            block = {c: rng.integers(0, k, len(cells[0])) for c, k in sizes.items()}
            blocks.append(block | dict(zip(term_columns, cells, strict=True)))
    return {c: np.concatenate([b[c] for b in blocks]).astype(np.intp) for c in sizes}
