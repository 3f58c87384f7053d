"""Tipping points of a rate: the responders among subjects not assessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    count_of,
    known_level,
)
from trdstats.kernels.proportions.two_proportions import METHODS, risk_difference
from trdstats.kernels.visits.endpoints import UNDEFINED
from trdstats.outcomes import Definition, rates
from trdstats.outcomes.rates_result import reasons_undecided
from trdstats.outcomes.verdicts.judged_day import day_of
from trdstats.study import Study
from trdstats.tables import (
    FrameResult,
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_number,
    format_p,
)

_WITH_TEST = tuple(m for m in METHODS if m != "newcombe")


@checked
@dataclass(frozen=True)
class BinaryTippingPoint:
    """A tipping-point analysis of a rate, by the number of responders among subjects not assessed.

    Subjects assessed at the day to whom the rule does not apply (no baseline, or a baseline at the
    floor) are not missing: they are left out of both counts, and shown.

    Parameters
    ----------
    definition : Definition
    day : float, optional
        Scheduled day, as in `rates`.
    treatment, reference : str, optional
        Arms compared. Default: the second treatment with the first.
    method : {"miettinen-nurminen", "gart", "wald"}
        Test and interval of the difference.
    conf_level : float, default 0.95
        The conclusion is whether p is below 1 - conf_level.

    Raises
    ------
    SpecError
        When the method, level or day is not usable.

    References
    ----------
    Hollis 2002, Stat Med 21:3823-3834, doi:10.1002/sim.1276.

    Examples
    --------
    >>> import trdstats as trd
    >>> tipping = trd.BinaryTippingPoint(trd.Response(), 28, "ECT").fit(trd.load_sample("trial"))
    >>> tipping.glance()[["n_missing", "n_missing_reference"]].to_numpy().tolist()
    [[15, 12]]
    """

    definition: Definition
    day: float | None = None
    treatment: Level | None = None
    reference: Level | None = None
    method: str = "miettinen-nurminen"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("method", self.method, _WITH_TEST)
        check_level(self.conf_level)
        object.__setattr__(self, "day", day_of(self.definition, self.day))

    def fit(self, study: Study) -> BinaryTippingPointResult:
        """Compare the arms for every number of responders among subjects not assessed.

        Parameters
        ----------
        study : Study

        Raises
        ------
        UnknownNameError, SpecError
            When an arm is not known, or both arms are the same.
        NotEstimableError
            When no subject is missing, or the study has one treatment.
        """
        arms = list(study.treatments)
        if len(arms) < 2:
            raise NotEstimableError(
                f"The study has one treatment, {arms[0]!r}: there are no two arms to compare."
            )
        first = 0 if self.reference is None else known_level("treatment", self.reference, arms)
        reference = arms[first]
        treatment = (
            next(a for a in arms if a != reference)
            if self.treatment is None
            else arms[known_level("treatment", self.treatment, arms)]
        )
        if treatment == reference:
            raise SpecError(f"treatment and reference are both {reference!r}.")
        day = day_of(self.definition, self.day)
        outcomes = rates(study, self.definition, day=day, missing="observed").outcomes
        undefined = outcomes["rated"] & outcomes["reason"].isin(UNDEFINED)
        counts, left_out = [], []
        for arm in (treatment, reference):
            in_arm = outcomes["treatment"] == arm
            met = outcomes.loc[in_arm & ~undefined, "met"]
            counts.append((int((met == True).sum()), len(met), int(met.isna().sum())))  # noqa: E712
            left_out.append(int((in_arm & undefined).sum()))
        if not all(n for _, n, _ in counts):
            raise NotEstimableError(
                "The rule applies to no subject under one of the arms: "
                f"{reasons_undecided(outcomes)}."
            )
        if not counts[0][2] + counts[1][2]:
            raise NotEstimableError(
                f"No subject is missing at day {day:g}: there is no tipping point."
            )
        rows = [
            self._compare(counts, k, j)
            for j in range(counts[1][2] + 1)
            for k in range(counts[0][2] + 1)
        ]
        (x1, n1, m1), (x0, n0, m0) = counts
        observed = risk_difference(
            x1, n1 - m1, x0, n0 - m0, method=self.method, conf_level=self.conf_level
        )
        summary = pd.DataFrame(
            {
                "treatment": [treatment], "reference": [reference],
                "n": [n1], "n_reference": [n0],
                "n_missing": [m1], "n_missing_reference": [m0],
                "n_undefined": [left_out[0]], "n_undefined_reference": [left_out[1]],
                "responders": [x1], "responders_reference": [x0],
                "estimate": [observed.estimate], "p_value": [observed.p_value],
            }
        )  # fmt: skip
        return BinaryTippingPointResult(self, pd.DataFrame(rows), summary, study.caveat)

    def _compare(self, counts: list[tuple[int, int, int]], k: int, j: int) -> dict[str, float]:
        (x1, n1, _), (x0, n0, _) = counts
        c = risk_difference(x1 + k, n1, x0 + j, n0, method=self.method, conf_level=self.conf_level)
        return {
            "responders": k,
            "responders_reference": j,
            "estimate": c.estimate,
            "std_error": c.std_error,
            "statistic": c.statistic,
            "p_value": c.p_value,
            "conf_low": c.low,
            "conf_high": c.high,
            "conf_level": self.conf_level,
        }


@dataclass(frozen=True, repr=False)
class BinaryTippingPointResult(FrameResult):
    """The difference for every number of responders among subjects not assessed.

    `tidy` has one row a combination: responders (among the missing of the treatment),
    responders_reference, estimate (difference of rates), std_error, statistic, p_value, conf_low,
    conf_high, conf_level.

    Attributes
    ----------
    spec : BinaryTippingPoint
    grid : pandas.DataFrame
    rates : pandas.DataFrame
    caveat : str
    """

    _kept: ClassVar[str] = "grid"

    spec: BinaryTippingPoint
    grid: pd.DataFrame
    rates: pd.DataFrame
    caveat: str

    def glance(self) -> pd.DataFrame:
        """Return one row: counts, the difference among subjects assessed, and its p value.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, n (subjects to whom the rule applies), n_missing (of these,
            without a known outcome), n_undefined (assessed, but without a baseline or with one at
            the floor: not in n), responders, each also of the reference; estimate, p_value.
        """
        return self.rates.copy()

    def tipping_points(self) -> pd.DataFrame:
        """Return the combinations at which the conclusion changes.

        Returns
        -------
        pandas.DataFrame
            responders_reference, responders: at so many responders among the missing of the
            treatment the conclusion differs from that at one fewer.
        """
        level = 1 - self.spec.conf_level
        rows = []
        for j, grid_rows in self.grid.groupby("responders_reference"):
            holds = grid_rows["p_value"].to_numpy() < level
            rows += [(int(str(j)), int(k) + 1) for k in np.flatnonzero(holds[1:] != holds[:-1])]
        return pd.DataFrame(rows, columns=["responders_reference", "responders"])

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the conclusion for every combination; returns the Axes."""
        s = next(each_row(self.rates))
        settings = {
            "level": 1 - self.spec.conf_level,
            "xlabel": f"Responders among the {s.n_missing} not assessed, {s.treatment}",
            "ylabel": f"Responders among the {s.n_missing_reference} not assessed, {s.reference}",
            "caveat": self.caveat,
            **options,
        }
        frame = self.grid.rename(
            columns={"responders": "delta", "responders_reference": "delta_other"}
        )
        return plots.plot_responder_tiles(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the counts and where the conclusion changes."""
        s = next(each_row(self.rates))
        header = (
            ("Rule", self.spec.definition.describe()),
            ("Day", f"{day_of(self.spec.definition, self.spec.day):g}"),
            (s.treatment, f"{s.responders} responders of {s.n - s.n_missing} assessed, "
             f"{s.n_missing} not assessed"),
            (s.reference, f"{s.responders_reference} responders of "
             f"{s.n_reference - s.n_missing_reference} assessed, "
             f"{s.n_missing_reference} not assessed"),
            ("Difference among subjects assessed",
             f"{format_number(100 * s.estimate, 1)} points, p {format_p(s.p_value)}"),
            ("Test", self.spec.method),
        )  # fmt: skip
        level = 1 - self.spec.conf_level
        below = self.grid["p_value"] < level
        rows = tuple(
            (str(r.responders_reference), str(r.responders))
            for r in each_row(self.tipping_points())
        )
        left_out = s.n_undefined + s.n_undefined_reference
        words = f"p is below {level:g} in {int(below.sum()):,} of {len(below):,} combinations."
        notes = [words]
        if left_out:
            notes.append(
                f"{count_of(left_out, 'subject', 'subjects')} assessed without a baseline, or with "
                "one from which no percentage can be taken, left out: "
                f"{s.n_undefined} {s.treatment}, {s.n_undefined_reference} {s.reference}."
            )
        notes += caveat_notes(self.caveat)
        columns = (f"Responders not assessed, {s.reference}",
                  f"Conclusion changes at responders not assessed, {s.treatment}")  # fmt: skip
        tables = (Table(columns, rows, 0),) if rows else ()
        return Summary("Tipping points of a rate", header, tables, tuple(notes))
