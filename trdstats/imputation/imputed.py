"""Completed sets: observed values with the imputed ones in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import Jobs, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.imputation.analysed import Analysed, analyse_sets
from trdstats.imputation.analyses import Analysis
from trdstats.imputation.methods import Method, NormalPosterior
from trdstats.imputation.refitted import Regression
from trdstats.imputation.trial.delta import Delta, read_deltas
from trdstats.imputation.trial.events import event_table
from trdstats.imputation.trial.layout import Layout, plain
from trdstats.longitudinal import MMRM
from trdstats.study import Study
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_number,
)


class HasMethod(Protocol):
    """An imputation model."""

    @property
    def method(self) -> Method | NormalPosterior:
        """How parameters are drawn."""


class CompletingDraws(Protocol):
    """Draws of the parameters of an imputation model."""

    @property
    def spec(self) -> HasMethod:
        """The model."""

    @property
    def layout(self) -> Layout:
        """Outcomes by subject and visit, with the events."""

    @property
    def counts(self) -> FloatArray | None:
        """Number of times each subject is in each set; None where each is once."""

    def glance(self) -> pd.DataFrame:
        """Return one row of counts."""

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return model, data and draws as header lines."""


@checked_methods
@dataclass(frozen=True, repr=False)
class Imputed(SummaryMixin):
    """The completed set of every draw.

    Attributes
    ----------
    draws : Draws or GLMMDraws
    strategies : ndarray of object, shape (n,)
        Strategy of each subject, its reference named.
    cells : (ndarray of int, ndarray of int)
        Subject and visit of every missing value.
    values : ndarray, shape (M, n_missing)
        Imputed values, without any delta.
    """

    draws: CompletingDraws
    strategies: npt.NDArray[np.object_]
    cells: tuple[IntArray, IntArray]
    values: FloatArray

    @property
    def layout(self) -> Layout:
        """Outcomes by subject and visit, with the events."""
        return self.draws.layout

    @property
    def shifted(self) -> str:
        """What deltas are added to."""
        return f"imputed {self.layout.outcome}"

    @property
    def profile_label(self) -> str:
        """What the profiles show."""
        return f"Mean {self.layout.outcome}"

    @property
    def n_sets(self) -> int:
        """Number of completed sets."""
        return len(self.values)

    @property
    def caveat(self) -> str:
        """Caution that belongs to every comparison."""
        return self.layout.study.caveat if self.layout.study is not None else ""

    def analyse(
        self,
        analysis: Analysis | MMRM | Regression | Callable[..., FrameLike],
        *,
        delta: Delta | list[Delta] | None = None,
        of: Literal["frame", "study"] = "frame",
        n_jobs: Jobs = 1,
        progress: bool = False,
    ) -> Analysed:
        """Analyse every completed set.

        Parameters
        ----------
        analysis : Analysis, MMRM, another model, or callable
            `ANCOVA`, `ResponderRates`, `TimeToEvent`, `VisitRates`; an `MMRM`, of which marginal
            means and differences by visit are taken; a `Logistic` or `ProportionalOdds` (at the
            last visit), `GEE` or `GLMM`, of which the coefficients are; or a function of a
            completed set that returns a table with estimate, std_error and optionally df, scale
            ("identity", "log", "logit": that of std_error), beside columns that name its rows.
        delta : Delta or sequence of them, optional
            Added to imputed values; of a binary or ordinal outcome to their linear predictors.
        of : {"frame", "study"}
            What a function receives.
        n_jobs : int
        progress : bool

        Raises
        ------
        SpecError
            When the analysis is not linear and the values are conditional means, or it needs a
            study.
        """
        return analyse_sets(
            self, analysis, read_deltas(delta), of=of, n_jobs=n_jobs, progress=progress
        )

    def outcomes(self, deltas: tuple[Delta, ...] = (), which: slice | None = None) -> FloatArray:
        """Return completed outcomes, shape (M, n, T)."""
        values = self.values[which or slice(None)] + self.shift(deltas)[self.cells]
        full = np.tile(self.layout.y, (len(values), 1, 1))
        full[:, self.cells[0], self.cells[1]] = values
        return full

    def shift(self, deltas: tuple[Delta, ...]) -> FloatArray:
        """Return what deltas add to missing values, shape (n, T)."""
        return sum((d.shifts(self.layout) for d in deltas), np.zeros_like(self.layout.y))

    def members(self, k: int) -> IntArray:
        """Return the subjects of a set, repeated as often as they count."""
        counts = self.draws.counts
        n = len(self.layout.subject_table)
        return np.arange(n) if counts is None else np.repeat(np.arange(n), counts[k].astype(int))

    def frame(self, k: int, *, deltas: tuple[Delta, ...] = ()) -> pd.DataFrame:
        """Return one completed set: one row a subject and visit, with a column `imputed`.

        A subject that a bootstrap sample holds twice appears as two subjects, the second named
        after the first.
        """
        layout, subjects = self.layout, self.members(k)
        outcome = self.outcomes(deltas, slice(k, k + 1))[0]
        frame = layout.grid(outcome, subjects)
        frame["imputed"] = np.isnan(layout.y[subjects]).ravel()
        twice = pd.Series(subjects).groupby(subjects).cumcount().to_numpy()
        if twice.any():
            names = layout.subject_table[layout.subject].to_numpy(dtype=object)[subjects]
            labels = [f"{s} ({t + 1})" if t else s for s, t in zip(names, twice, strict=True)]
            frame[layout.subject] = np.repeat(np.array(labels, dtype=object), len(layout.visits))
        return frame

    def frames(self, *, deltas: tuple[Delta, ...] = ()) -> Iterator[pd.DataFrame]:
        """Yield the completed sets, one after the other."""
        for k in range(self.n_sets):
            yield self.frame(k, deltas=deltas)

    def study(self, k: int, *, deltas: tuple[Delta, ...] = ()) -> Study:
        """Return one completed set as a study; imputed scores are neither rounded nor truncated.

        Raises
        ------
        SpecError
            When the draws were not made from a study, or the outcome is neither its score nor
            its change.
        """
        layout = self.layout
        if layout.study is None:
            raise SpecError(
                "Definitions need a study, which knows the scale: draw(study, ...) in place of a "
                "table."
            )
        if layout.outcome not in ("change", "score"):
            raise SpecError(
                f"A study is completed in its score or change, not in {layout.outcome!r}."
            )
        outcome = self.outcomes(deltas, slice(k, k + 1))[0]
        scores = layout.subject_table[[layout.subject]].loc[
            np.repeat(np.arange(len(outcome)), outcome.shape[1])
        ]
        if layout.outcome == "change":
            baseline = layout.study.subjects.set_index("subject")["baseline"]
            baselines = baseline.reindex(layout.subject_table[layout.subject]).to_numpy()
            outcome = outcome + baselines[:, None]
        table = pd.DataFrame(
            {
                "subject": scores[layout.subject].to_numpy(dtype=object),
                "visit": np.tile(np.asarray(layout.visits, dtype=float), len(outcome)),
                "score": outcome.ravel(),
            }
        )
        return layout.study.with_scores(table)

    def tidy(self) -> pd.DataFrame:
        """Return the imputed values, summarised over the sets.

        Returns
        -------
        pandas.DataFrame
            subject, treatment, visit, reason, strategy, mean, sd (between sets), low, high (2.5
            and 97.5 % of the sets); one row a missing value. Of resamples the mean is that of
            the fit to all subjects.
        """
        layout = self.layout
        who, when = self.cells
        after = when >= layout.event[who]
        labels = np.array([s.label for s in self.strategies], dtype=object)
        keys = pd.DataFrame(
            {
                layout.subject: layout.subject_table[layout.subject].to_numpy()[who],
                layout.treatment: layout.subject_table[layout.treatment].to_numpy()[who],
                layout.visit: np.asarray(layout.visits)[when],
                "reason": np.where(after, layout.reason[who], "gap"),
                "strategy": np.where(after, labels[who], "MAR"),
            }
        )
        return self._over_sets(keys)

    def _over_sets(self, keys: pd.DataFrame) -> pd.DataFrame:
        """Return the missing values with their distribution over the sets."""
        resampled = self.draws.counts is not None
        values = self.values[1:] if resampled else self.values
        low, high = np.quantile(values, [0.025, 0.975], axis=0)
        return keys.assign(
            mean=self.values[0] if resampled else values.mean(axis=0),
            sd=values.std(axis=0, ddof=1), low=low, high=high,
        )  # fmt: skip

    def profiles(self) -> pd.DataFrame:
        """Return mean completed outcomes of subjects with an event and without, by treatment.

        Returns
        -------
        pandas.DataFrame
            treatment, event (True or False), visit, n, n_imputed, estimate (mean over subjects,
            and over sets where values were drawn).
        """
        layout = self.layout
        # The first of resampled sets is of all subjects.
        which = slice(0, 1) if self.draws.counts is not None else None
        outcome = self.outcomes(which=which).mean(axis=0)
        missing = np.isnan(layout.y)
        had = layout.event < missing.shape[1]
        parts = []
        for a, name in enumerate(layout.treatments):
            for event in (False, True):
                selected = (layout.arm == a) & (had == event)
                if selected.any():
                    parts.append(
                        pd.DataFrame(
                            {
                                "treatment": name,
                                "event": event,
                                "visit": np.asarray(layout.visits),
                                "n": int(selected.sum()),
                                "n_imputed": missing[selected].sum(axis=0),
                                "estimate": outcome[selected].mean(axis=0),
                            }
                        )
                    )
        return pd.concat(parts, ignore_index=True)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the profiles of subjects with an event beside those without; returns the Axes."""
        frame = self.profiles()
        day = pd.to_numeric(frame["visit"], errors="coerce")
        numeric = day.notna().all()
        labels = frame["treatment"] + np.where(frame["event"], ", with an event", "")
        drawn = frame.assign(
            treatment=labels,
            # Visits without days are drawn at 1, 2, ...
            day=day if numeric else self.layout.visits.get_indexer(pd.Index(frame["visit"])) + 1,
            conf_low=np.nan,
            conf_high=np.nan,
        )
        settings = {
            "ylabel": self.profile_label,
            "xlabel": "Day" if numeric else f"{self.layout.visit} (in order)",
            "caveat": self.caveat,
            "better": self.layout.better,
            **options,
        }
        return plots.plot_trajectories(drawn, ax=ax, **settings)

    def glance(self) -> pd.DataFrame:
        """Return one row: as of the draws, with the number of sets."""
        return self.draws.glance().assign(n_sets=self.n_sets)

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return model, data and draws as header lines."""
        return self.draws.header()

    def tables(self) -> tuple[Table, ...]:
        """Return the events with what is assumed after them."""
        return event_table(self.layout, self.strategies)

    def summary(self) -> Summary:
        """Return the assumptions, and means of imputed values by arm and visit."""
        layout = self.layout
        frame = self.tidy()
        means = frame.groupby([layout.treatment, "strategy", layout.visit], observed=True)["mean"]
        table = means.agg(["size", "mean"]).reset_index()
        rows = tuple(
            (str(r[0]), r[1], plain(r[2]), f"{r[3]:,}", format_number(r[4], 2))
            for r in each_row(table)
        )
        header = ("Treatment", "Strategy", layout.visit, "Values", "Mean")
        notes = caveat_notes(self.caveat)
        shown = (Table(header, rows, 2, f"Imputed {layout.outcome}"),) if rows else ()
        return Summary("Imputed visits", self.header(), (*self.tables(), *shown), notes)
