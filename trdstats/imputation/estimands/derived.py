"""Scores under an estimand: used, removed or set, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from trdstats.errors import count_of
from trdstats.study import Study
from trdstats.tables import FrameResult, Summary, Table, format_count

if TYPE_CHECKING:
    from trdstats.imputation.estimands.estimand import Estimand

ACTIONS = ("used", "removed", "set", "missing")


@dataclass(frozen=True, repr=False)
class Derived(FrameResult):
    """A study with the scores that an estimand defines.

    `tidy` is the audit.

    Attributes
    ----------
    estimand : Estimand
    source : Study
        As it was observed.
    study : Study
        With the derived scores at scheduled visits: rates, mixed models and times take it.
        Removed scores are missing there.
    audit : pandas.DataFrame
        subject, treatment, visit, day, original, value, action ("used", "removed", "set" or
        "missing"), reason: one row a subject and scheduled visit.
    events : pandas.DataFrame
        subject, visit (the first after the event), event: of those whose scores are to be imputed,
        as `Imputation.draw` takes them. Events after which nothing was removed, as an earlier one
        had already decided, are not among them.
    same_day : tuple of str
        Subjects with several events on one day whose strategies differ: the order of the
        strategies decided.
    """

    _kept: ClassVar[str] = "audit"

    estimand: Estimand
    source: Study
    study: Study
    audit: pd.DataFrame
    events: pd.DataFrame
    same_day: tuple[str, ...] = ()

    def counts(self) -> pd.DataFrame:
        """Return treatment, visit, then how many scores were used, removed, set or missing."""
        table = self.audit.pivot_table(
            index=["treatment", "visit"], columns="action", values="subject", aggfunc="count",
            observed=False, fill_value=0,
        )  # fmt: skip
        table = table.reindex(columns=list(ACTIONS), fill_value=0)
        table = table[table.sum(axis=1) > 0].reset_index()
        table.columns.name = None
        return table.astype(dict.fromkeys(ACTIONS, int))

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, scores used, removed, set, missing."""
        counts = self.audit["action"].value_counts()
        return pd.DataFrame({"n": [self.audit["subject"].nunique()],
                             **{a: [int(counts.get(a, 0))] for a in ACTIONS}})  # fmt: skip

    def reasons(self) -> pd.DataFrame:
        """Return treatment, action, event and n: reasons why scores differ from those observed."""
        changed = self.audit[self.audit["action"].isin(["removed", "set"])]
        kind = changed["reason"].str.replace(r" on day .*", "", regex=True)
        table = changed.assign(event=kind).groupby(["treatment", "action", "event"], observed=True)
        return table.size().rename("n").reset_index()

    def summary(self) -> Summary:
        """Return the scores used, removed and set by arm and visit, with the reasons."""
        rows = tuple(
            (str(r[0]), f"{r[1]:g}", *(format_count(v) for v in r[2:]))
            for r in self.counts().itertuples(index=False, name=None)
        )
        tables = [Table(("Treatment", "Visit", *(a.capitalize() for a in ACTIONS)), rows, 1)]
        why = tuple(
            (str(r[0]), str(r[1]), str(r[2]), format_count(r[3]))
            for r in self.reasons().itertuples(index=False, name=None)
        )
        if why:
            tables.append(Table(("Treatment", "Action", "After", "Scores"), why, 3))
        notes = []
        if self.glance()["removed"].item():
            notes.append(
                "Removed scores are missing: impute them (Imputation), or state how they are "
                "handled."
            )
        if self.same_day:
            n = count_of(len(self.same_day), "subject", "subjects")
            order = ", ".join(self.estimand.strategies)
            notes.append(
                f"{n} had several events on one day with strategies that differ; the first of "
                f"these decided: {order}."
            )
        return Summary("Scores under the estimand", self.estimand.summary().header, tuple(tables),
                    tuple(notes))  # fmt: skip
