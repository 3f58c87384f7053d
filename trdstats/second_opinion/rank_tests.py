"""Log-rank tests, recomputed with statsmodels and lifelines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.second_opinion.curves import groups_of
from trdstats.second_opinion.recomputed import (
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
)

TESTS = Tolerance(1e-7, "value", "tails of small p values enlarge rounding")


def recompute_log_rank(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield statistic and p value of all groups, and of every pair."""
    spec = result.spec
    if result._sample.weighted or spec.trend is not None or spec.gamma:
        yield not_compared("log-rank test", "the libraries have no weights of subjects, no trend "
                           "and no weighting of late differences within strata")  # fmt: skip
        return
    parts = dict(groups_of(result.times, spec.by))
    parts = {g.label: parts[g.label] for g in result._sample.groups}
    whole = result.glance()
    yield from _both("all groups", whole.iloc[0], pd.concat(parts, names=["group"]), spec)
    if len(parts) > 2:
        pairs = result.pairwise("none").set_index(["reference", "treatment"])
        for a, b in combinations(parts, 2):
            both = pd.concat({a: parts[a], b: parts[b]}, names=["group"])
            yield from _both(f"{b} v {a}", pairs.loc[(a, b)], both, spec)
    if not spec.strata and not spec.rho:
        yield from _of_lifelines(whole.iloc[0], pd.concat(parts, names=["group"]))


def _both(name: str, ours: Any, rows: pd.DataFrame, spec: Any) -> Iterator[Recomputed]:
    from statsmodels.duration.survfunc import survdiff

    if np.isnan(ours["statistic"]):
        return
    library = library_of("statsmodels")
    options: dict[str, Any] = {"weight_type": "fh", "fh_p": spec.rho} if spec.rho else {}
    if spec.strata:
        rows = rows.dropna(subset=[spec.strata])
        options["strata"] = rows[spec.strata].astype(str).to_numpy()
    if (rows["entry"] > 0).any():
        options["entry"] = rows["entry"].to_numpy(float)
    group = pd.factorize(rows.index.get_level_values("group"))[0]
    event = (rows["status"] == 1).to_numpy().astype(int)
    statistic, p = survdiff(rows["time"].to_numpy(float), event, group, **options)
    yield compare(f"chi-squared, {name}", ours["statistic"], statistic, library, TESTS)
    # A p value of 1e-12 comes out of 1 - cdf in statsmodels: the tail of SciPy has its digits.
    from scipy.stats import chi2

    tail = float(chi2.sf(statistic, ours["df"]))
    note = "tail of SciPy" if abs(tail - p) <= 1e-12 + 1e-6 * abs(tail) else ""
    yield compare(
        f"p value, {name}", ours["p_value"], tail if note else float(p), library, TESTS, note=note
    )


def _of_lifelines(ours: Any, rows: pd.DataFrame) -> Iterator[Recomputed]:
    from lifelines.statistics import multivariate_logrank_test

    if np.isnan(ours["statistic"]) or (rows["entry"] > 0).any():
        return
    theirs = multivariate_logrank_test(
        rows["time"], rows.index.get_level_values("group"), rows["status"] == 1
    )
    library = library_of("lifelines")
    yield compare("chi-squared, all groups", ours["statistic"], theirs.test_statistic, library,
                  TESTS)  # fmt: skip
    yield compare("p value, all groups", ours["p_value"], theirs.p_value, library, TESTS)
