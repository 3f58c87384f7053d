"""What strategies of a changing treatment lead to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.comparison.changing.clones import Clones, weight_table
from trdstats.comparison.changing.decision_model import coefficients, model_labels
from trdstats.comparison.changing.decisions import Decisions
from trdstats.errors import pick_level
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.parts import Arrays
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_number,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.comparison.changing.clone_censor import CloneCensorWeight

_RARE = 0.025  # probability of a decision below which it is named
MEASURES = ("incidence", "difference in incidence", "mean days without", "difference in mean days")
NO_IMMORTAL = (
    "Every strategy begins with every subject at the origin: no time in which a subject could not "
    "have the event counts for one of them."
)


def gap_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Return why rows of a table of estimates have none, a sentence a day and reason."""
    gaps = table[table["estimate"].isna()][["time", "reason"]].drop_duplicates()
    return tuple(f"No estimate at day {r.time:g}: {r.reason}." for r in each_row(gaps))


@checked_methods
@dataclass(frozen=True, repr=False)
class CloneCensorWeightResult(EstimateResult):
    """Incidence and mean days without the event had all followed each strategy.

    `tidy` has one row an estimate: measure ("incidence", "difference in incidence", "mean days
    without", "difference in mean days"), strategy, reference, time, then the columns of every
    table of estimates; errors are those of the bootstrap.

    Attributes
    ----------
    spec : CloneCensorWeight
    decisions : Decisions
    """

    spec: CloneCensorWeight
    decisions: Decisions
    _clones: Clones
    _estimate: Arrays
    _drawn: tuple[Arrays, ...]

    @property
    def reference(self) -> str:
        """Strategy the others are compared with."""
        return pick_level("strategy", self.spec.reference, list(self.spec.strategies))

    def estimates(self) -> Estimates:
        """Return the estimates with their covariance over the replicates."""
        keys, value = self._laid_out(self._estimate)
        k = len(value)
        covariance = np.full((k, k), np.nan)
        if len(self._drawn) > 1:
            drawn = np.array([self._laid_out(one)[1] for one in self._drawn])
            covariance = np.cov(drawn, rowvar=False).reshape(k, k)
        null = np.where(keys["measure"].str.startswith("difference"), 0.0, np.nan)
        lost = [
            "no subject who follows the strategy is left by then" if np.isnan(v)
            else "" if np.isfinite(e) else "there is no bootstrap (n_boot)" if not self._drawn
            else "replicates of the bootstrap have no follower left by then"
            for v, e in zip(value, np.diag(covariance), strict=True)
        ]  # fmt: skip
        return estimates_of(
            keys, value, covariance=covariance, null=null, reasons=lost,
            title="Strategies of a treatment that changes", notes=self._notes(),
        )  # fmt: skip

    def _laid_out(self, estimate: Arrays) -> tuple[pd.DataFrame, FloatArray]:
        names, days = list(self.spec.strategies), self._clones.days
        base = names.index(self.reference)
        rows: list[tuple[str, str, str, float]] = []
        values: list[float] = []
        for j, day in enumerate(days):
            of_day = estimate["incidence"][:, j]
            rows += [(MEASURES[0], s, "", day) for s in names]
            values += of_day.tolist()
            rows += [(MEASURES[1], s, self.reference, day) for s in names if s != self.reference]
            values += [of_day[i] - of_day[base] for i in range(len(names)) if i != base]
        mean, tau = estimate["mean"], self._clones.tau
        rows += [(MEASURES[2], s, "", tau) for s in names]
        values += mean.tolist()
        rows += [(MEASURES[3], s, self.reference, tau) for s in names if s != self.reference]
        values += [mean[i] - mean[base] for i in range(len(names)) if i != base]
        keys = pd.DataFrame(rows, columns=["measure", "strategy", "reference", "time"])
        order = np.argsort([MEASURES.index(m) for m in keys["measure"]], kind="stable")
        return keys.iloc[order].reset_index(drop=True), np.array(values)[order]

    def curves(self) -> pd.DataFrame:
        """Return the incidence of each strategy after every day with an event, and at its end.

        Returns
        -------
        pandas.DataFrame
            strategy, time, estimate (cumulative incidence).
        """
        frames = []
        for one, weight in zip(
            self._clones.strategies, self._clones.weights(np.ones(self.decisions.n)), strict=True
        ):
            curve, days = np.r_[0.0, one.curves.incidence(weight)], np.r_[0.0, one.curves.days]
            last = float(self.decisions.frame["stop"].to_numpy()[one.kept].max())
            if last > days[-1]:
                curve, days = np.r_[curve, curve[-1]], np.r_[days, last]
            frames.append(pd.DataFrame({"strategy": one.name, "time": days, "estimate": curve}))
        return pd.concat(frames, ignore_index=True)

    def weights(self) -> pd.DataFrame:
        """Return the weights of each strategy by interval; see `weight_table`.

        Returns
        -------
        pandas.DataFrame
            strategy, start (day), n (clones that still follow it), mean, largest, effective (size
            of a sample of equal weights), least_probability (of the decisions asked for).
        """
        return self._weight_table.copy()

    @cached_property
    def _weight_table(self) -> pd.DataFrame:
        return weight_table(self.decisions, self._clones)

    def decision_model(self) -> pd.DataFrame:
        """Return the coefficients of the decisions.

        Returns
        -------
        pandas.DataFrame
            model ("staying on", "starting"), term, estimate (log odds ratio), std_error.
        """
        choice = self._clones.choice
        fits = choice.fit(np.ones(len(self.decisions.frame)))
        return coefficients(choice, fits, model_labels(self.decisions, choice))

    def glance(self) -> pd.DataFrame:
        """Return one row: n, intervals, events, the largest weight, the least probability."""
        table, frame = self._weight_table, self.decisions.frame
        return pd.DataFrame(
            {
                "n": [self.decisions.n],
                "intervals": [len(frame)],
                "events": [int((frame["status"] == 1).sum())],
                "largest_weight": [float(table["largest"].max())],
                "least_probability": [float(table["least_probability"].min())],
                "n_boot": [len(self._drawn)],
            }
        )

    def _notes(self) -> tuple[str, ...]:
        notes = [*caveat_notes(self.decisions.caveat), NO_IMMORTAL]
        least = float(self._weight_table["least_probability"].min())
        if least < _RARE:
            notes.append(
                f"Some decisions that a strategy asks for had a probability of {least:.3f}: few "
                "subjects stand for many (positivity). See weights(), and cap=."
            )
        notes.append(
            "Right when, given the covariates of the decisions, they do not depend on how the "
            "disease would go on."
        )
        return tuple(notes)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the incidence of each strategy; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        frame = self.curves().rename(columns={"strategy": "treatment"})
        frame = frame.assign(conf_low=np.nan, conf_high=np.nan, n_risk=0, n_event=0, n_censor=0)
        outcome, origin = self.decisions.outcome, self.decisions.origin
        settings = {
            "ylabel": outcome[:1].upper() + outcome[1:],
            "xlabel": "Day (0 is the start)" if origin == "day 0" else f"Days since {origin}",
            "caveat": self.decisions.caveat,
            **options,
        }
        ticks = plots.choose_ticks(0.0, frame["time"].max(), "linear")
        return plots.plot_survival(
            frame, at_risk=self._at_risk(ticks), ax=ax, cumulative=True, **settings
        )

    def _at_risk(self, days: Any) -> pd.DataFrame:
        frame = self.decisions.frame
        rows = []
        for one in self._clones.strategies:
            kept = frame[one.kept]
            for d in days:
                under = (kept["start"] <= d) & ((kept["stop"] > d) | (d == 0))
                rows.append((one.name, float(d), int(under.sum())))
        return pd.DataFrame(rows, columns=["treatment", "time", "n_risk"])

    def summary(self) -> Summary:
        """Return the strategies, what they lead to, and the weights at their last intervals."""
        level = f"{format_level(self.conf_level)} CI"
        rows = []
        for r in each_row(self.tidy()):
            percent = "incidence" in r.measure
            shown = format_estimate(
                r.estimate, r.conf_low, r.conf_high, 1, scale=100.0 if percent else 1.0
            )
            who = f"{r.strategy} less {r.reference}" if r.reference else r.strategy
            unit = " (%)" if percent else " (days)"
            rows.append((f"{r.measure}{unit}", who, f"{r.time:g}", shown, format_p(r.p_value)))
        names = ("Measure", "Strategy", "By day", f"Estimate ({level})", "p")
        weights = [
            (w.strategy, f"{w.start:g}", format_count(w.n), format_number(w.mean, 2),
             format_number(w.largest, 1), format_number(w.effective, 0),
             format_number(w.least_probability, 3))
            for w in each_row(self._weight_table.groupby("strategy", sort=False).tail(1))
        ]  # fmt: skip
        heads = ("Strategy", "From day", "Following", "Mean weight", "Largest", "Effective size",
                 "Least probability")  # fmt: skip
        estimates = self.estimates()
        header = (
            ("Outcome", self.decisions.outcome), ("Origin", self.decisions.origin),
            ("Treatment", self.decisions.treatment),
            ("Subjects", format_count(self.decisions.n)),
            *(("Left out", f"{w}: {format_count(k)}") for w, k in self.decisions.left_out.items()),
            *self.spec.header(),
        )  # fmt: skip
        return Summary(
            estimates.title, header,
            (Table(names, tuple(rows), 3),
             Table(heads, tuple(weights), 1, "Weights in the last interval")),
            (*gap_notes(self.tidy()), *estimates.notes),
        )  # fmt: skip
