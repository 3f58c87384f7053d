"""The estimand: the quantity to be estimated, with a strategy for every intercurrent event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError
from trdstats.imputation.estimands.derived import ACTIONS, Derived
from trdstats.imputation.estimands.intercurrent import (
    STRATEGIES,
    Composite,
    Hypothetical,
    ICEStrategy,
    TreatmentPolicy,
    WhileOnTreatment,
)
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin


@dataclass(frozen=True, repr=False)
class Estimand(SummaryMixin):
    """Population, variable, contrast, summary and a strategy for every intercurrent event.

    Parameters
    ----------
    population : str
        The population, as text: ``"adults with treatment-resistant depression"``.
    variable : str
        ``"change in MADRS to day 28"``.
    contrast : str
        ``"ketamine v TMS"``.
    population_summary : str
        ``"difference in means"``.
    strategies : mapping of str to strategy
        One of `TreatmentPolicy`, `Hypothetical`, `Composite` and `WhileOnTreatment` for every
        event of the study's events table. Their order decides between events on one day.

    Raises
    ------
    SpecError
        When an attribute is empty or a strategy is none of these.

    References
    ----------
    ICH E9(R1) 2019, Addendum on estimands and sensitivity analysis in clinical trials.

    Examples
    --------
    >>> import trdstats as trd
    >>> estimand = trd.Estimand(
    ...     population="adults with treatment-resistant depression",
    ...     variable="change in MADRS to day 28", contrast="IV ketamine v TMS",
    ...     population_summary="difference in means",
    ...     strategies={"rescue": trd.Hypothetical(), "switch": trd.Hypothetical(),
    ...                 "hospitalisation": trd.Composite(), "withdrawal": trd.TreatmentPolicy(),
    ...                 "death": trd.Composite()})
    >>> derived = estimand.derive(trd.load_sample("trial"))
    >>> derived.study.scale.label
    'MADRS'
    """

    population: str
    variable: str
    contrast: str
    population_summary: str
    strategies: Mapping[str, ICEStrategy]

    def __post_init__(self) -> None:
        attributes = {a: getattr(self, a) for a in ("population", "variable", "contrast")}
        attributes["summary"] = self.population_summary
        empty = [
            a for a, words in attributes.items() if not isinstance(words, str) or not words.strip()
        ]
        if empty:
            raise SpecError(f"An estimand needs a text for its {', '.join(empty)}.")
        if not isinstance(self.strategies, Mapping):
            raise SpecError(
                "strategies must map each kind of event to a strategy, such as "
                f"{{'rescue': Hypothetical()}}; got {self.strategies!r}."
            )
        for kind, strategy in self.strategies.items():
            if not isinstance(strategy, STRATEGIES):
                raise SpecError(
                    f"The strategy for {kind!r} must be TreatmentPolicy(), Hypothetical(), "
                    f"Composite() or WhileOnTreatment(); got {strategy!r}."
                )

    def describe(self) -> str:
        """Return the paragraph that a protocol prints."""
        events = "; ".join(f"{kind}: {s.words()}" for kind, s in self.strategies.items())
        handled = f"Intercurrent events: {events}." if events else "No intercurrent event is named."
        return (
            f"Population: {self.population}. Treatments: {self.contrast}. "
            f"Variable: {self.variable}. {handled} "
            f"Population-level summary: {self.population_summary}."
        )

    @checked
    def derive(self, study: Study) -> Derived:
        """Return the scores at scheduled visits that the estimand defines.

        Scores on days after an event are those after it; of several events the earliest decides
        first, and what a score was set to or that it was removed stays. Of several events of a
        subject on one day the one named first in `strategies` decides; the result counts the
        subjects for whom that matters.

        Parameters
        ----------
        study : Study
            With an events table and scheduled visits.

        Raises
        ------
        SpecError
            When an event of the study has no strategy.
        NotEstimableError
            When the study has no events table while strategies are named.
        """
        events = study.events
        kinds = [str(k) for k in pd.unique(events["event"])] if len(events) else []
        without = [k for k in kinds if k not in self.strategies]
        if without:
            raise SpecError(
                f"No strategy for {', '.join(without)}: every event of the study needs one, such "
                f"as {without[0]!r}: TreatmentPolicy()."
            )
        if not kinds and self.strategies:
            raise NotEstimableError(
                "The study has no events: give them as Study(visits, subjects, events), one row "
                "each with subject, day and event."
            )
        rows = _scheduled(study)
        ordered, same_day = _in_order(events, self.strategies)
        audit, imputed = _apply(rows, ordered, self.strategies, study)
        kept = audit[audit["value"].notna()]
        scores = kept[["subject", "visit"]].assign(score=kept["value"].to_numpy())
        acts = [k for k, s in self.strategies.items() if not isinstance(s, TreatmentPolicy)]
        derived = study.with_scores(scores, decided=acts)
        return Derived(self, study, derived, audit, imputed, same_day)

    def summary(self) -> Summary:
        """Return the five attributes."""
        header = [
            ("Population", self.population),
            ("Treatments", self.contrast),
            ("Variable", self.variable),
            ("Population-level summary", self.population_summary),
        ]
        header += [(f"After {kind}", s.words()) for kind, s in self.strategies.items()]
        return Summary("Estimand", tuple(header))


def _scheduled(study: Study) -> pd.DataFrame:
    """Return one row a subject and visit scheduled under its treatment, assessed or not."""
    rows = study.longitudinal()
    rows = rows[["subject", "treatment", "visit", "day", "score", "baseline"]]
    days = {
        t: np.unique(arm_rows["visit"]) for t, arm_rows in rows.groupby("treatment", observed=True)
    }
    subjects = study.subjects[["subject", "treatment", "baseline"]]
    grid = pd.concat(
        [subjects[subjects["treatment"] == t].merge(pd.DataFrame({"visit": d}), how="cross")
         for t, d in days.items()], ignore_index=True,
    )  # fmt: skip
    observed = rows[["subject", "visit", "day", "score"]]
    scheduled = grid.merge(observed, on=["subject", "visit"], how="left")
    scheduled["day"] = scheduled["day"].fillna(scheduled["visit"])
    return scheduled.sort_values(["subject", "visit"], ignore_index=True)


def _apply(
    rows: pd.DataFrame, events: pd.DataFrame, strategies: Mapping[str, ICEStrategy], study: Study
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the audit, and the events whose scores are to be imputed.

    Parameters
    ----------
    events : pandas.DataFrame
        In the order in which they decide.
    """
    value = rows["score"].to_numpy(dtype=float).copy()
    missing = np.isnan(value)
    action = np.where(missing, "missing", "used").astype(object)
    reason = np.where(missing, "not assessed", "").astype(object)
    day, baseline = rows["day"].to_numpy(), rows["baseline"].to_numpy(dtype=float)
    places: dict[Any, Any] = rows.groupby("subject", sort=False, observed=True).indices
    imputed = []
    for event in events.itertuples():
        visits = places.get(event.subject, np.empty(0, dtype=int))
        strategy = strategies[str(event.event)]
        after = visits[day[visits] > event.day]
        after = after[~np.isin(action[after], ("removed", "set"))]
        if isinstance(strategy, TreatmentPolicy) or not len(after):
            continue
        why = f"{event.event} on day {event.day:g}"
        if isinstance(strategy, Hypothetical):
            value[after], action[after] = np.nan, "removed"
            first = float(rows["visit"].iloc[after[0]])
            imputed.append((event.subject, first, str(event.event)))
        elif isinstance(strategy, Composite):
            worst = float(study.scale.worst)
            value[after] = baseline[after] if strategy.score == "baseline" else worst
            action[after] = "set"
        elif isinstance(strategy, WhileOnTreatment):
            before = visits[(day[visits] <= event.day) & ~np.isnan(value[visits])]
            value[after] = value[before[-1]] if len(before) else baseline[after]
            action[after] = "set"
        reason[after] = why
    audit = rows[["subject", "treatment", "visit", "day"]].assign(
        original=rows["score"].to_numpy(dtype=float),
        value=value,
        action=pd.Categorical(action, categories=list(ACTIONS)),
        reason=reason,
    )
    return audit, pd.DataFrame(imputed, columns=["subject", "visit", "event"])


def _in_order(
    events: pd.DataFrame, strategies: Mapping[str, ICEStrategy]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return events by day, those of one day in the order of the strategies.

    Also the subjects for whom that order decides: several events on one day with strategies that
    differ, none of them treatment policy, which changes nothing.
    """
    rank = {kind: k for k, kind in enumerate(strategies)}
    place = events["event"].astype(str).map(rank)
    ordered = events.assign(_place=place.to_numpy()).sort_values(["day", "_place"], kind="stable")
    of_event = [strategies[str(kind)] for kind in ordered["event"]]
    acts = np.array([not isinstance(s, TreatmentPolicy) for s in of_event], dtype=bool)
    words = pd.Series([s.words() for s in of_event], index=ordered.index, dtype=object)
    acting = ordered[acts].assign(_words=words[acts])
    differ = acting.groupby(["subject", "day"], observed=True, sort=True)["_words"].nunique()
    decided = differ[differ > 1].index.get_level_values("subject")
    return ordered.drop(columns="_place"), tuple(dict.fromkeys(str(s) for s in decided))
