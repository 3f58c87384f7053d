"""What a comparison of cohorts found: verdicts, crude and adjusted contrasts, balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.comparison.cohorts.comparability import (
    COMPARE,
    DO_NOT,
    IN_OVERLAP,
    PITFALLS,
    WITH_CAUTION,
    Verdict,
    table_of,
)
from trdstats.comparison.cohorts.pair_estimates import DURABILITY, IN_RESPONSE, ONSET, RATE
from trdstats.comparison.weighting.propensity_result import PropensityResult
from trdstats.errors import Problem
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_number,
    format_p,
)

_HEADINGS = {
    ONSET: "Days to response",
    RATE: "Response (points)",
    IN_RESPONSE: "Days in response",
    DURABILITY: "Days to relapse, responders",
}
_COLUMNS = (
    "treatment", "reference", "verdict", "outcome", "measure", "day", "analysis", "population", "n",
    "estimate", "bound_low", "bound_high", "std_error", "statistic", "p_value", "conf_low",
    "conf_high", "conf_level", "e_value", "e_value_limit", "smd", "overlap", "note",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Comparison(SummaryMixin):
    """Every pair of cohorts, judged and compared.

    Attributes
    ----------
    adjust : str
        Covariates.
    outcomes : tuple of str
    verdicts : tuple of Verdict
    frame : pandas.DataFrame
        What `tidy` shows.
    weights : dict of (str, str) to PropensityResult
        Weights by (treatment, reference); absent where there could be none.
    caveat : str
        What the crude contrasts must say.
    conf_level : float
    notices : tuple of Problem
        Days of the rate that few reach.
    """

    adjust: str
    outcomes: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    frame: pd.DataFrame
    weights: dict[tuple[str, str], PropensityResult]
    caveat: str
    conf_level: float
    notices: tuple[Problem, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Return one row a pair, outcome and analysis.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, verdict, outcome, measure ("risk difference" for the rate,
            "mean difference" for days), day (of the rate; horizon of the days, for
            durability counted from the first response), analysis
            ("crude" or "adjusted"), population ("all", or the estimand of the weights), n
            (adjusted: the effective number), estimate (treatment less reference: days, and a
            proportion for the rate), bound_low, bound_high (what the visits leave open),
            std_error, statistic, p_value, conf_low, conf_high, conf_level, e_value, e_value_limit,
            smd (the largest standardised difference of a covariate, before or after weighting),
            overlap (common area of the scores), note. Pairs that are not to be compared have NaN
            and the reason in note.
        """
        is_rate = self.frame["outcome"] == RATE
        frame = self.frame.assign(
            measure=np.where(is_rate, "risk difference", "mean difference"),
            conf_level=self.conf_level,
        )
        return frame.reindex(columns=list(_COLUMNS))

    def findings(self) -> pd.DataFrame:
        """Return what each check found: treatment, reference, verdict, check, grade, finding."""
        return table_of(self.verdicts)

    def balance(self) -> pd.DataFrame:
        """Return the balance of the covariates of every pair that has weights."""
        frames = [w.balance() for w in self.weights.values()]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def overlap(self) -> pd.DataFrame:
        """Return how far the scores of every pair that has some overlap."""
        frames = [w.overlap() for w in self.weights.values() if np.isfinite(w.common_area)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def glance(self) -> pd.DataFrame:
        """Return one row: pairs, how many of each verdict, covariates."""
        words = [v.words for v in self.verdicts]
        return pd.DataFrame(
            {
                "n_pairs": [len(words)],
                "compare": [words.count(COMPARE)],
                "overlap": [words.count(IN_OVERLAP)],
                "caution": [words.count(WITH_CAUTION)],
                "do_not_compare": [words.count(DO_NOT)],
                "adjust": [self.adjust],
            }
        )

    def plot(self, fig: Any = None, **options: Any) -> Any:
        """Draw crude and adjusted differences, one panel an outcome; returns the Figure."""
        frame = self.tidy()
        shown = ["estimate", "bound_low", "bound_high", "conf_low", "conf_high"]
        frame[shown] = frame[shown].mul(np.where(frame["outcome"] == RATE, 100, 1), axis=0)
        frame = frame.assign(
            label=frame["treatment"] + " v " + frame["reference"],
            outcome=[_HEADINGS[o] for o in frame["outcome"]],
        )
        settings = {"caveat": self.caveat and f"{self.caveat} (crude marks)", **options}
        return plots.plot_forest(frame, fig=fig, **settings)

    def summary(self) -> Summary:
        """Return the verdicts, then the contrasts, then what to keep in mind."""
        judged = tuple(self._judged(v) for v in self.verdicts)
        level = f"{100 * self.conf_level:g} % CI"
        rows, without = [], []
        for (treatment, reference), own in self.tidy().groupby(
            ["treatment", "reference"], sort=False
        ):
            for outcome, both in own.groupby("outcome", sort=False):
                found = {r.analysis: r for r in each_row(both)}
                if not np.isfinite(found["adjusted"].estimate):
                    why = found["adjusted"].note
                    if isinstance(why, str) and not self._prevented(str(treatment), str(reference)):
                        pair, what = f"{treatment} v {reference}", _HEADINGS[str(outcome)]
                        without.append(f"{pair}, {what}: not estimable. {why}")
                    continue
                rows.append(
                    (
                        f"{treatment} v {reference}",
                        f"{_HEADINGS[str(outcome)]}, day {found['crude'].day:g}",
                        _shown(found["crude"]),
                        _shown(found["adjusted"]),
                        format_p(found["adjusted"].p_value)
                        if np.isfinite(found["adjusted"].p_value) else "",
                        _strength(found["adjusted"]),
                    )
                )  # fmt: skip
        header = ("Pair", "Outcome", f"Crude ({level})", "Adjusted", "p", "E-value (limit)")
        seen = ("Pair", "Verdict", "Worth (n)", "Unlike (SMD)", "Overlap")
        tables = [Table(seen, judged, 2, title="May they be compared?")]
        if rows:
            title = "Differences, treatment less reference"
            tables.append(Table(header, tuple(rows), 2, title=title))
        notes = [f"Crude: {self.caveat.lower()}."] if self.caveat else []
        notes += [f"{p.summary} {p.remedy}" for p in self.notices]
        for v in self.verdicts:
            for f in v.findings:
                # Of pairs that are not compared it is enough to say why.
                if f.grade == "fine" or (v.words == DO_NOT and f.grade == "limits"):
                    continue
                accepted = " (accepted)" if f.check in v.accepted else ""
                about = f.about or f"{v.treatment} v {v.reference}"
                notes.append(f"{about}, {f.check}{accepted}: {f.finding}")
        notes += without + self._of_the_whole()
        notes.append(
            "Adjusted for what was measured; an E-value is the risk ratio that an unmeasured "
            "confounder must have with both treatment and outcome to explain the difference away."
        )
        return Summary("Comparison of cohorts", (("Adjusted for", self.adjust),), tuple(tables),
                    tuple(dict.fromkeys(notes)))  # fmt: skip

    def _prevented(self, treatment: str, reference: str) -> bool:
        """Whether a pair is not to be compared."""
        return any(
            v.words == DO_NOT
            for v in self.verdicts
            if (v.treatment, v.reference) == (treatment, reference)
        )

    def _judged(self, verdict: Verdict) -> tuple[str, ...]:
        """Return a verdict with what the two are worth, how unlike they are and overlap."""
        words = (f"{verdict.treatment} v {verdict.reference}", verdict.words)
        fit = self.weights.get((verdict.treatment, verdict.reference))
        if fit is None:
            return (*words, "", "", "")
        found, area = fit.glance().iloc[0], fit.common_area
        return (
            *words,
            format_count(round(float(found["effective"]))),
            f"{found['smd_before']:.2f}, weighted {found['smd_after']:.2f}",
            format_number(area, 2) if np.isfinite(area) else "",
        )

    def _of_the_whole(self) -> list[str]:
        """Return what to keep in mind of all pairs together."""
        met = {f.check: f.remedy for v in self.verdicts for f in v.findings
               if f.grade in ("limits", "caution")}  # fmt: skip
        notes = [f"About {k}: {met[k]}" for k in PITFALLS if met.get(k)]
        tests = int(self.tidy().query("analysis == 'adjusted'")["p_value"].notna().sum())
        if tests > 1:
            notes.append(
                f"{tests} adjusted tests stand here, none of them corrected for the others: name "
                "the one that counts, or use adjust_p_values."
            )
        shown = set(self.outcomes)
        if ONSET in shown and not shown & {IN_RESPONSE, DURABILITY}:
            notes.append("Speed alone favours what works fast: show days in response beside it.")
        if shown & {IN_RESPONSE, DURABILITY} and ONSET not in shown:
            notes.append("Lasting alone favours what works slowly: show the onset beside it.")
        return notes


def _shown(row: Any) -> str:
    scale = 100 if row.outcome == RATE else 1
    return format_estimate(row.estimate, row.conf_low, row.conf_high, 1, scale=scale)


def _strength(row: Any) -> str:
    if not np.isfinite(row.e_value):
        return ""
    return f"{format_number(row.e_value, 2)} ({format_number(row.e_value_limit, 2)})"
