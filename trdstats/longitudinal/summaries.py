"""Rows summed up so that chunks, workers or hospitals can be put together without sharing them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import SpecError
from trdstats.formulas import DesignSpec, read_formula
from trdstats.kernels.patterns import Summary, distinct_columns, merge, summarise
from trdstats.kernels.rows import Rows
from trdstats.longitudinal.by_visit import build_design
from trdstats.longitudinal.design import Design, Facts
from trdstats.tables import Face, Introduces

if TYPE_CHECKING:
    from trdstats.longitudinal.mmrm import MMRM

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

_PROBES = 97  # subjects of the probe: more than any design has levels that must differ


@dataclass(frozen=True, repr=False)
class MMRMSummary(Introduces):
    """Cross-products of rows by pattern of visits.

    Attributes
    ----------
    spec : MMRM
    design : Design
        Without rows.
    summary : Summary
    """

    spec: MMRM
    design: Design
    summary: Summary

    def __add__(self, other: MMRMSummary) -> MMRMSummary:
        """Return the summary of the rows of both.

        Raises
        ------
        SpecError
            When they are of different models, or their columns have different levels.
        """
        a, b = self.design, other.design
        same = (
            self.spec == other.spec
            and a.terms == b.terms
            and list(a.visits) == list(b.visits)
            and a.groups == b.groups
            and np.array_equal(self.summary.select, other.summary.select)
        )
        if not same:
            raise SpecError(
                "Only summaries of one model with the same visits and levels add up. Give every "
                "chunk all of them: frame[c] = pd.Categorical(frame[c], categories=[...])."
            )
        left_out = {
            k: a.left_out.get(k, 0) + b.left_out.get(k, 0) for k in {**a.left_out, **b.left_out}
        }
        design = replace(a, facts=a.facts + b.facts, left_out=left_out)
        return MMRMSummary(self.spec, design, merge(self.summary, other.summary))

    def no_rows(self) -> Rows:
        """Return that there are no rows."""
        d = self.summary.gram.shape[1]
        none = np.zeros(0, dtype=np.intp)
        return Rows(np.zeros((0, d)), none, none)

    def face(self) -> Face:
        """Return what was summed up."""
        s = self.summary
        return Face(
            "Summary for a mixed model",
            (
                ("Formula", self.spec.formula),
                ("Subjects", f"{int(s.n.sum()):,}"),
                ("Ratings", f"{s.n_obs:,}"),
                ("Patterns of visits", f"{len(s.n):,}"),
                ("Numbers kept", f"{s.gram.size:,}"),
            ),
        )


def summarise_frame(spec: MMRM, frame: Any, *, subject: str, visit: str) -> MMRMSummary:
    """Sum a table up; see `MMRM.summarise`."""
    formula = read_formula(spec.formula)
    laid = build_design(
        frame, formula, subject=subject, visit=visit, group=spec.group, weights=None,
        keep_levels=True,
    )  # fmt: skip
    if laid.varying:
        raise SpecError(
            f"{', '.join(laid.varying)} change between visits: summaries take covariates of the "
            "subject only."
        )
    select, source = _probe(laid.spec, laid.facts, visit, list(laid.visits))
    u = np.concatenate([np.stack([laid.X[t, j] for t, j in source]), laid.y]).T
    T = len(laid.visits)
    select = np.column_stack([select, len(source) + np.arange(T)])
    summary, _ = summarise(select, np.ascontiguousarray(u), laid.rated, laid.group)
    empty = replace(
        laid, frame=laid.frame[:0], subjects=laid.subjects[:0], X=laid.X[:, :, :0],
        y=laid.y[:, :0], rated=laid.rated[:0], group=laid.group[:0], person=laid.person[:0],
        occasion=laid.occasion[:0], schedule=laid.schedule[:0],
    )  # fmt: skip
    return MMRMSummary(spec, empty, summary)


def _probe(
    spec: DesignSpec, facts: Facts, visit: str, visits: list[Any]
) -> tuple[IntArray, list[tuple[int, int]]]:
    """Find which columns of the design are one and the same whatever the data.

    Made-up subjects, different in every covariate, are put through the formula: columns that
    agree for all of them agree for any.

    Returns
    -------
    select : ndarray of int, shape (T, q)
    source : list of (int, int)
        Visit and column at which each distinct column is found.
    """
    rng = np.random.default_rng(0)
    T = len(visits)
    made: dict[str, Any] = {c: np.tile(rng.uniform(1, 2, _PROBES), T) for c in facts.sums}
    for c, levels in facts.types.items():
        codes = rng.integers(0, len(levels.categories), _PROBES)
        # Every level is met, so that its column is not empty.
        codes[: len(levels.categories)] = np.arange(len(levels.categories))[:_PROBES]
        made[c] = pd.Categorical.from_codes(np.tile(codes, T).tolist(), dtype=levels)
    if visit in made:
        at_visit = np.repeat(np.arange(T), _PROBES).tolist()
        made[visit] = pd.Categorical.from_codes(at_visit, dtype=facts.types[visit])
    matrix = spec.get_model_matrix(pd.DataFrame(made), output="numpy", na_action="ignore")
    X = np.asarray(matrix, dtype=float).reshape(T, _PROBES, -1).transpose(0, 2, 1)
    select, _ = distinct_columns(np.ascontiguousarray(X), np.zeros((T, _PROBES)))
    select = select[:, :-1]
    source = [
        tuple(int(v) for v in np.argwhere(select == k)[0]) for k in range(int(select.max()) + 1)
    ]
    return select, source  # type: ignore[return-value]
