"""Which numbers a question and an answer hold, and of what shape: files are edited."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.sites.rounds.positivity import N_BINS

Shapes = dict[str, tuple[int, ...]]


def shapes_of_question(stage: str, analysis: str, q: int, k: int, j: int) -> Shapes:
    """Return what a site computes with.

    Parameters
    ----------
    stage, analysis : str
    q, k, j : int
        Numbers of terms, treatments and outcomes.
    """
    if stage == "moments":
        return {}
    p = _size(analysis, q, k)
    shapes: Shapes = {"centre": (q,), "scale": (q,), "at": (p,)}
    if stage in ("weights", "spread"):
        shapes["information"] = (p, p)
    if stage == "spread":
        shapes |= {"rate": (k, j), "weight": (k,), "weight_met": (k, j), "slope": (k, j, p),
                   "mean_derivative": (k, p)}  # fmt: skip
    return shapes


def shapes_of_answer(stage: str, analysis: str, q: int, k: int, j: int, c: int) -> Shapes:
    """Return what a site sends; `c` columns are balanced, the rest as `shapes_of_question`."""
    if stage == "moments":
        return {"n": (max(k, 1),), "events": (1,), "sum": (q,), "squares": (q,)}
    p = _size(analysis, q, k)
    if stage == "likelihood":
        return {"loglik": (1,), "score": (p,), "information": (p, p)}
    if stage == "spread":
        bins = (k, k * (k - 1) // 2, N_BINS)
        of_columns = ("columns", "column_squares", "weighted_columns", "weighted_column_squares")
        return {"cross_products": (j * k, j * k), "scores_lowest": bins, "scores_highest": bins,
                "not_marks": (c,), **dict.fromkeys(of_columns, (k, c))}  # fmt: skip
    return {
        "weight": (k,), "derivative": (k, p), "squares": (k,), "n_met": (k, j),
        "weight_met": (k, j), "met": (k, j), "derivative_met": (k, j, p),
        "met_derivative": (k, j, p),
    }  # fmt: skip


def _size(analysis: str, q: int, k: int) -> int:
    """Return the number of coefficients."""
    return q if analysis == "hazards" else (k - 1) * (q + 1)


def check_shapes(numbers: Mapping[str, FloatArray], shapes: Shapes, whose: str) -> None:
    """Refuse numbers that are missing, of another shape, or not finite.

    Raises
    ------
    SpecError
        With all of them.
    """
    wrong = []
    for name, shape in shapes.items():
        given = numbers.get(name)
        if given is None:
            wrong.append(f"{name} is missing")
        elif np.shape(given) != shape:
            wrong.append(f"{name} has the shape {np.shape(given)} instead of {shape}")
        elif not np.isfinite(given).all():
            wrong.append(f"{name} is not finite")
    if not wrong and "scale" in shapes and not (numbers["scale"] > 0).all():
        wrong.append("scale is not above 0")
    if wrong:
        raise SpecError(f"{whose} holds what cannot be: {'; '.join(wrong)}. Make it anew.")
