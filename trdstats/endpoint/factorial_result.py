"""Main effects and interaction of a factorial trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import count_of
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.comparisons import MEASURES, Measure
from trdstats.estimates.stacked import below
from trdstats.outcomes.switching import SwitchCounts, notes_on
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.endpoint.factorial import Factorial

INTERACTION = "interaction"
# Combinations in the order neither, second alone, first alone, both.
_EFFECTS: tuple[tuple[str, FloatArray], ...] = (
    ("{first}, without {second}", np.array([-1.0, 0, 1, 0])),
    ("{first}, with {second}", np.array([0.0, -1, 0, 1])),
    ("{second}, without {first}", np.array([-1.0, 1, 0, 0])),
    ("{second}, with {first}", np.array([0.0, 0, -1, 1])),
    ("{first}", np.array([-0.5, -0.5, 0.5, 0.5])),
    ("{second}", np.array([-0.5, 0.5, -0.5, 0.5])),
    (INTERACTION, np.array([1.0, -1, -1, 1])),
)


@checked_methods
@dataclass(frozen=True, repr=False)
class FactorialResult(EstimateResult):
    """The four combinations, the effects of each treatment, and their interaction.

    Attributes
    ----------
    spec : Factorial
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    binary : bool
        Whether the outcome is one of yes or no.
    counts : pandas.DataFrame
        Both columns and n, one row a combination.
    n_left_out : int
        Subjects without an outcome.
    """

    spec: Factorial
    outcome: str
    caveat: str
    switching: SwitchCounts | None
    binary: bool
    counts: pd.DataFrame
    n_left_out: int
    _cells: Estimates
    _levels: tuple[tuple[str, str], tuple[str, str]]

    def estimates(self) -> Estimates:
        """Return the combinations, then the effects.

        Returns
        -------
        Estimates
            Keys measure ("rate" or "mean", "difference", "ratio", "odds ratio") and effect: a
            combination; a treatment, the average over the other one (of differences, or of the
            logarithms of ratios); a treatment with or without the other one; "interaction": the
            difference of differences (additive), or the ratio of ratios (multiplicative).
        """
        first, second = self.spec.first, self.spec.second
        labels = [f"{first} {a}, {second} {b}" for a, b in self._cells.keys.itertuples(index=False)]
        quantity = "rate" if self.binary else "mean"
        keys = pd.DataFrame({"measure": quantity, "effect": labels})
        cells = replace(self._cells, keys=keys)
        measures: tuple[Measure, ...] = (
            ("difference", "ratio", "odds ratio") if self.binary else ("difference",)
        )
        words = {"first": first, "second": second}
        effects = [text.format(**words) for text, _ in _EFFECTS]
        L = np.array([row for _, row in _EFFECTS])
        rows = pd.DataFrame(
            [(m, e) for m in measures for e in effects], columns=["measure", "effect"]
        )
        contrasts = self._cells._combine(rows, [(L, *MEASURES[m].steps(L)) for m in measures])
        return replace(below([cells, contrasts]), title="Factorial trial", notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        lost = int(self.n_left_out)
        sentences = (f"{count_of(lost, 'subject', 'subjects')} without an outcome: left out.",)
        return (*(sentences if lost else ()), *caveat_notes(self.caveat), *notes_on(self.switching))

    def summary(self) -> Summary:
        """Return combinations and effects as tables."""
        frame, level = self.tidy(), f"{format_level(self.conf_level)} CI"
        scale = 100 if self.binary else 1
        cell_rows = frame[frame["measure"].isin(["rate", "mean"])]
        cells = tuple(
            (r.effect, str(n), format_estimate(r.estimate, r.conf_low, r.conf_high, 1, scale=scale))
            for r, n in zip(each_row(cell_rows), self.counts["n"], strict=True)
        )
        rows = []
        for r in each_row(frame[~frame["measure"].isin(["rate", "mean"])]):
            unit, digits = (scale, 1) if r.measure == "difference" else (1, 2)
            shown = format_estimate(r.estimate, r.conf_low, r.conf_high, digits, scale=unit)
            rows.append((r.effect, r.measure, shown, format_p(r.p_value)))
        (a0, a1), (b0, b1) = self._levels
        header = [
            ("Outcome", self.outcome),
            (self.spec.first, f"{a1} against {a0}"),
            (self.spec.second, f"{b1} against {b0}"),
        ]
        if self.spec.covariates:
            header.append(("Covariates", self.spec.covariates))
        what = f"{'Rate (%' if self.binary else 'Mean ('}{', ' if self.binary else ''}{level})"
        lost = tuple(dict.fromkeys(f"{r}." for r in frame["reason"] if r))
        return Summary(
            "Factorial trial",
            tuple(header),
            (
                Table(("Combination", "Subjects", what), cells),
                Table(("Effect", "Measure", f"Estimate ({level})", "p"), tuple(rows), 2),
            ),
            (*self._notes(), *lost),
        )
