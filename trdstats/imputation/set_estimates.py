"""Estimates of every completed set, and the tables they are put together from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.progress import Progress

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, unknown_name
from trdstats.imputation.trial.delta import Delta
from trdstats.parallel import run_parallel
from trdstats.threads import one_thread

SCALES = ("identity", "log", "logit")
_NUMBERS = ("estimate", "std_error", "df", "scale")
_DROPPED = ("statistic", "p_value", "conf_low", "conf_high", "conf_level", "reason")


@dataclass(frozen=True)
class SetEstimates:
    """Estimates of every completed set.

    Attributes
    ----------
    keys : pandas.DataFrame
        Labels, one row an estimate.
    scale : tuple of str
        Scale of each std_error.
    estimate, std_error, df : ndarray, shape (M, k)
        Degrees of freedom are infinite where the reference distribution is normal.
    notes : tuple of str
    """

    keys: pd.DataFrame
    scale: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an analysis.

    Attributes
    ----------
    deltas : tuple of Delta
    n_jobs : int
    progress : bool
    """

    deltas: tuple[Delta, ...] = ()
    n_jobs: int = 1
    progress: bool = False


@one_thread
def each_set(one: Callable[[int], pd.DataFrame], n: int, how: Options) -> list[pd.DataFrame]:
    """Call a function with the number of every set, and return its tables in order."""
    with Progress(disable=not how.progress) as bar:
        task = bar.add_task("Analysing completed sets", total=n)
        results = run_parallel(one, ((k,) for k in range(n)), how.n_jobs)
        tables = []
        for table in results:
            tables.append(table)
            bar.advance(task)
    return tables


def gather(tables: list[pd.DataFrame]) -> SetEstimates:
    """Put the tables of all sets together.

    Raises
    ------
    SpecError
        When a table lacks a column, or sets differ in their rows.
    """
    first = tables[0].reset_index(drop=True)
    missing = [c for c in ("estimate", "std_error") if c not in first.columns]
    if missing:
        raise SpecError(
            f"An analysis must return a table with {' and '.join(missing)}; got the columns "
            f"{', '.join(map(str, first.columns))}."
        )
    keys = first.drop(columns=[c for c in (*_NUMBERS, *_DROPPED) if c in first.columns])
    scale = tuple(first["scale"]) if "scale" in first else ("identity",) * len(first)
    for name in scale:
        if name not in SCALES:
            raise unknown_name("scale", name, SCALES)
    for k, table in enumerate(tables):
        if not keys.equals(table.reset_index(drop=True)[keys.columns]):
            raise SpecError(
                f"The analysis of set {k + 1} has different rows from that of the first: every set "
                "must estimate the same quantities, NaN where it cannot."
            )

    def numbers(column: str) -> FloatArray:
        return np.stack([t[column].to_numpy(dtype=float) for t in tables])

    df = numbers("df") if "df" in first else np.full((len(tables), len(first)), np.inf)
    return SetEstimates(keys, scale, numbers("estimate"), numbers("std_error"), df)


def to_scale(values: FloatArray, scale: tuple[str, ...]) -> FloatArray:
    """Return estimates on the scale of their errors, shape (M, k)."""
    result = np.array(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        for j, name in enumerate(scale):
            if name == "log":
                result[:, j] = np.log(values[:, j])
            elif name == "logit":
                result[:, j] = np.log(values[:, j] / (1 - values[:, j]))
    return result


def stack_estimates(parts: Sequence[SetEstimates]) -> SetEstimates:
    """Return estimates of several visits below each other; a note is made once."""
    return SetEstimates(
        pd.concat([p.keys for p in parts], ignore_index=True),
        tuple(scale for p in parts for scale in p.scale),
        np.concatenate([p.estimate for p in parts], axis=1),
        np.concatenate([p.std_error for p in parts], axis=1),
        np.concatenate([p.df for p in parts], axis=1),
        tuple(dict.fromkeys(note for p in parts for note in p.notes)),
    )
