"""Cross-products of rows: chunks, workers or hospitals add up without sharing their rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.formulas import as_categories, complete_rows, read_formula
from trdstats.kernels.gaussian.patterns import CrossProducts, distinct_columns, merge, summarise
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.kinds import as_category
from trdstats.longitudinal.designs.by_visit import build_design
from trdstats.longitudinal.designs.design import Design
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
    empty = replace(
        design, frame=design.frame[:0], subjects=design.subjects[:0], X=design.X[:, :, :0],
        y=design.y[:, :0], rated=design.rated[:0], group=design.group[:0], person=design.person[:0],
        occasion=design.occasion[:0], schedule=design.schedule[:0],
    )  # fmt: skip
    return MMRMSummary(spec, empty, summary)


def summarise_parts(spec: MMRM, study: Study, *, subject: str, visit: str) -> MMRMSummary | None:
    """Summarise the partitions of a study, and return the sum; None where the model needs rows."""
    given = study.on_parts(_levels_of_part, spec, subject, visit)
    of_parts = [levels for levels in given if levels is not None]
    if not of_parts:
        return None
    levels = _levels_of_all(of_parts, study, visit)
    try:
        parts = study.on_parts(_summarise_part, spec, levels, subject, visit)
    except SpecError:  # a covariate of the visit, a transform that learns from all rows
        return None
    whole = reduce(MMRMSummary.__add__, [part for part in parts if part is not None])
    planned = pd.Index(study.scheduled_days())
    return replace(whole, design=replace(whole.design, planned=planned))


def _levels_of_part(
    part: Study, spec: MMRM, subject: str, visit: str
) -> dict[str, pd.Index[Any]] | None:
    """Return the levels that the analysed rows of a part have; None where it has no such row."""
    formula = read_formula(spec.formula)
    needed = sorted({str(v) for v in formula.required_variables})
    grouped = [] if spec.group is None else [spec.group]
    rows = part.longitudinal()
    if not len(rows):
        return None
    try:
        frame, _ = complete_rows(rows, formula, [subject, visit, *grouped], needed)
    except NotEstimableError:
        return None
    factors = [visit, *(c for c in needed if c != str(formula.lhs[0])), *grouped]
    coded = as_categories(frame, factors, visit, uses=formula.rhs.columns())
    return {
        c: coded[c].cat.categories
        for c in factors
        if isinstance(coded[c].dtype, pd.CategoricalDtype)
    }


def _levels_of_all(
    parts: list[dict[str, pd.Index[Any]]], study: Study, visit: str
) -> dict[str, pd.Index[Any]]:
    """Return the levels of all analysed rows in their order."""
    levels = {}
    for c in parts[0]:
        used = set().union(*(part[c] for part in parts if c in part))
        declared = study.subjects[c].dtype if c in study.subjects else None
        if isinstance(declared, pd.CategoricalDtype):
            levels[c] = pd.Index([v for v in declared.categories if v in used])
        elif c == visit:
            levels[c] = pd.Index(sorted(used))
        else:
            levels[c] = as_category(pd.Series(list(used))).categories
    return levels


def _summarise_part(
    part: Study, spec: MMRM, levels: dict[str, pd.Index[Any]], subject: str, visit: str
) -> MMRMSummary | None:
    rows = part.longitudinal()
    if not len(rows):
        return None
    coded = {c: pd.Categorical(rows[c], categories=known) for c, known in levels.items()}
    table = rows.assign(**coded)
    table.attrs = dict(rows.attrs)
    try:
        return spec.summarise(table, subject=subject, visit=visit)
    except NotEstimableError:  # no row of this part is analysed
        return None


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
