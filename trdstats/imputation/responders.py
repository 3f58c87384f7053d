"""Responders and event times in completed sets, by any definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.imputation.analyses import Analysis, check_reference
from trdstats.imputation.set_estimates import Options, SetEstimates, each_set, gather
from trdstats.outcomes import Definition, EventTimes, rates, time_to
from trdstats.outcomes.verdicts.judged_day import at_day, day_of

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed

MEASURES = ("rate", "difference", "ratio", "odds ratio")


@checked
@dataclass(frozen=True)
class ResponderRates(Analysis):
    """Proportion of subjects that meet a definition at a day, and its comparisons.

    Rates are pooled on the logit scale, ratios and odds ratios on the log scale, differences as
    they are. Where a set has an arm with no responder or only responders, half a subject is added
    to each count of every set, and a note says so.

    Parameters
    ----------
    definition : Definition
        E.g. ``Response()``.
    day : float, optional
        Scheduled day, as in `rates`.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.

    Raises
    ------
    SpecError
        When the definition names no day and none is given, or another than its own is.
    """

    definition: Definition
    day: float | None = None
    reference: Level | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "day", day_of(self.definition, self.day))

    def describe(self) -> str:
        """Return the analysis in words."""
        at = at_day(self.definition, day_of(self.definition, self.day))
        return f"rates{at}: {self.definition.describe()}"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""

        def one(k: int) -> pd.DataFrame:
            study = imputed.study(k, deltas=how.deltas)
            outcomes = rates(study, self.definition, day=self.day, missing="observed").outcomes
            decided = outcomes[outcomes["met"].notna()]
            met = decided["met"].astype(float)
            return (
                met.groupby(decided["treatment"], observed=False)
                .agg(events="sum", n="size")
                .reset_index()
            )

        tables = each_set(one, imputed.n_sets, how)
        events = np.stack([t["events"].to_numpy(dtype=float) for t in tables])
        n = np.stack([t["n"].to_numpy(dtype=float) for t in tables])
        arms = [str(a) for a in tables[0]["treatment"]]
        base = check_reference(self.reference, arms)
        labels = {"day": day_of(self.definition, self.day)}
        return compare_rates(arms, events, n, base, labels)


def compare_rates(
    arms: list[str],
    events: FloatArray,
    n: FloatArray,
    base: int,
    labels: Mapping[str, object],
) -> SetEstimates:
    """Return rates, differences, ratios and odds ratios of every completed set.

    Parameters
    ----------
    arms : list of str, length a
    events, n : ndarray, shape (M, a)
    base : int
        Place of the reference.
    labels : mapping
        Further columns of the rows, such as the day.
    """
    notes: tuple[str, ...] = ()
    if ((events == 0) | (events == n)).any():
        events, n = events + 0.5, n + 1.0
        notes = (
            "Half a subject was added to responders and to non-responders of every arm: in "
            "some sets an arm had no responder or no non-responder.",
        )
    p = events / n
    odds = np.sqrt(1 / events + 1 / (n - events))
    rows = [("rate", a, "", "logit", p[:, a], odds[:, a]) for a in range(len(arms))]
    for a in range(len(arms)):
        if a == base:
            continue
        v = p * (1 - p) / n
        name = arms[base]
        gap = np.sqrt(v[:, a] + v[:, base])
        log_ratio = np.sqrt(v[:, a] / p[:, a] ** 2 + v[:, base] / p[:, base] ** 2)
        ratio = p[:, a] / p[:, base]
        of_odds = ratio * (1 - p[:, base]) / (1 - p[:, a])
        rows += [
            ("difference", a, name, "identity", p[:, a] - p[:, base], gap),
            ("ratio", a, name, "log", ratio, log_ratio),
            ("odds ratio", a, name, "log", of_odds, np.hypot(odds[:, a], odds[:, base])),
        ]
    rows.sort(key=lambda r: (MEASURES.index(r[0]), r[1]))
    keys = pd.DataFrame(
        {
            "measure": [r[0] for r in rows],
            "treatment": [arms[r[1]] for r in rows],
            "reference": [r[2] for r in rows],
            **labels,
        }
    )
    estimate = np.stack([r[4] for r in rows], axis=1)
    error = np.stack([r[5] for r in rows], axis=1)
    scale = tuple(r[3] for r in rows)
    return SetEstimates(keys, scale, estimate, error, np.full(estimate.shape, np.inf), notes)


class HasTidy(Protocol):
    """A result with a table."""

    def tidy(self) -> pd.DataFrame:
        """Return the table of the estimates."""


class FitsTimes(Protocol):
    """An estimator of event times."""

    def fit(self, times: EventTimes) -> HasTidy:
        """Fit the times."""


@dataclass(frozen=True)
class TimeToEvent(Analysis):
    """Time to a definition in each completed set, by an estimator of event times.

    Parameters
    ----------
    definition : Definition
        Event of interest.
    estimator : RMST, CoxPH or another whose table has estimate and std_error
        Ratios are pooled on the log scale.
    since : Definition, optional
        Origin, as in `time_to`.
    """

    definition: Definition
    estimator: FitsTimes
    since: Definition | None = None

    def __post_init__(self) -> None:
        if not hasattr(self.estimator, "fit"):
            raise SpecError(
                f"estimator must have a method fit, such as RMST(tau=28); got {self.estimator!r}."
            )

    def describe(self) -> str:
        """Return the analysis in words."""
        how = type(self.estimator).__name__
        return f"time to the first visit with: {self.definition.describe()}; by {how}"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set."""

        def one(k: int) -> pd.DataFrame:
            study = imputed.study(k, deltas=how.deltas)
            times = time_to(study, self.definition, since=self.since)
            table: pd.DataFrame = self.estimator.fit(times).tidy()
            # Numbers beside the estimate, such as a hazard ratio, differ from set to set.
            names = [c for c in table if not pd.api.types.is_numeric_dtype(table[c].dtype)]
            table = table[[*names, "estimate", "std_error"]]
            if "measure" in table:
                ratio = table["measure"].astype(str).str.startswith("ratio")
                table = table.assign(scale=np.where(ratio, "log", "identity"))
            return table

        return gather(each_set(one, imputed.n_sets, how))
