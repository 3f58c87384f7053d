"""Cross-products of rows: chunks, workers or hospitals add up without sharing their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.formulas import read_formula
from trdstats.kernels.gaussian.patterns import CrossProducts, distinct_columns, merge, summarise
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.by_visit import build_design
from trdstats.longitudinal.designs.counted_from import columns_through, in_columns, origins_of
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.gaussian.mmrm_fit.origin import origin_at, weighted
from trdstats.longitudinal.gaussian.mmrm_fit.structure import (
    Counts,
    check_columns,
    check_parameters,
)
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


@dataclass(frozen=True)
class SharedColumns:
    """What the chunks of one table agree on, so that their columns are the same.

    Attributes
    ----------
    extremes : dict of str to (float, float)
        The least and the largest value of each number in the analysed rows of all.
    start : float
        Near the mean outcome, from which it is counted.
    counts : Counts
        Of all rows.
    as_given : frozenset of int
        Columns of the design that are not counted from a place among their values.
    weights : str or None
        Column of weights of subjects.
    """

    extremes: dict[str, tuple[float, float]]
    start: float
    counts: Counts
    as_given: frozenset[int] = frozenset()
    weights: str | None = None


def summarise_frame(spec: MMRM, frame: Any, *, subject: str, visit: str) -> MMRMSummary:
    """Summarise a table; see `MMRM.summarise`."""
    return sum_up(spec, frame, subject=subject, visit=visit)[0]


def sum_up(
    spec: MMRM, frame: Any, *, subject: str, visit: str, shared: SharedColumns | None = None
) -> tuple[MMRMSummary, SubjectRows, Design]:
    """Return the summary of a table, its subjects one by one, and their design with its rows.

    Parameters
    ----------
    spec, frame, subject, visit
        As in `MMRM.summarise`.
    shared : SharedColumns, optional
        Default: columns are those of the formula, and the outcome is counted from 0.

    Raises
    ------
    SpecError
        When a covariate changes between visits, or a transform learns from all rows.
    NotEstimableError
        When the sums would be too large, or the covariance has too many parameters.
    """
    formula = read_formula(spec.formula)
    design = build_design(
        frame, formula, subject=subject, visit=visit, group=spec.group,
        weights=None if shared is None else shared.weights, keep_levels=True,
        is_part=shared is not None,
    )  # fmt: skip
    if design.varying:
        raise SpecError(
            f"{', '.join(design.varying)} change between visits: summaries take covariates of the "
            "subject only."
        )
    learnt = sorted(design.spec.transform_state)
    if learnt or formula.lhs.learns():
        raise SpecError(
            f"{', '.join(learnt or [design.outcome])} depends on all rows, and a summary has one "
            "chunk only: compute it as a column first, in the same way for all chunks."
        )
    if shared is not None:
        check_parameters(get_covariance(spec.covariance), shared.counts, len(design.terms))
    probe = _probe(design, visit, {} if shared is None else shared.extremes)
    origin = None
    if shared is not None:
        matrix = origins_of(probe.transpose(0, 2, 1).reshape(-1, probe.shape[1]), shared.as_given)
        if matrix is not None:
            design, probe = in_columns(design, matrix), columns_through(probe, matrix)
        origin = origin_at(design, shared.start)
    select, source = _identical(probe)
    check_columns(len(design.visits), len(source) + len(design.visits))
    X, y, log_weight = weighted(design, origin)
    distinct = np.concatenate([np.stack([X[t, j] for t, j in source]), y]).T
    select = np.column_stack([select, len(source) + np.arange(len(design.visits))])
    summary, rows = summarise(
        select, np.ascontiguousarray(distinct), design.rated, design.group, log_weight
    )
    return MMRMSummary(spec, design.without_rows(), summary), rows, design


def _probe(design: Design, visit: str, extremes: Mapping[str, tuple[float, float]]) -> FloatArray:
    """Return the columns of artificial subjects, different in every covariate, shape (T, q, n).

    Columns that agree for all of them agree for any. Among them is every level of every column,
    and every combination of levels that a term of the formula multiplies. Numbers lie between
    their extremes, by default those of the analysed rows.
    """
    rng = np.random.default_rng(0)
    T, types = len(design.visits), design.totals.types
    codes = _probe_codes(design, visit, rng)
    n = len(next(iter(codes.values()))) if codes else _PROBES
    columns: dict[str, Any] = {}
    for c in design.totals.sums:
        values = design.frame[c].to_numpy(dtype=float)
        low, high = extremes.get(c) or (float(values.min()), float(values.max()))
        columns[c] = np.tile(rng.uniform(low, high if high > low else low + 1, n), T)
    for c, levels in types.items():
        at = np.repeat(np.arange(T), n) if c == visit else np.tile(codes[c], T)
        columns[c] = pd.Categorical.from_codes(at.tolist(), dtype=levels)
    table = pd.DataFrame(columns, index=pd.RangeIndex(n * T))
    return np.ascontiguousarray(design.rows_of(table).reshape(T, n, -1).transpose(0, 2, 1))


def _identical(probe: FloatArray) -> tuple[IntArray, list[tuple[int, int]]]:
    """Return which columns of a design are identical for any data.

    Returns
    -------
    select : ndarray of int, shape (T, q)
    source : list of (int, int)
        Visit and column of each distinct column.
    """
    select, _ = distinct_columns(probe, np.zeros((len(probe), probe.shape[2])))
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
