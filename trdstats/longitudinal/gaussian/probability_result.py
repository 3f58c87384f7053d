"""Probabilities of response and remission by treatment and visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.ticker import PercentFormatter

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.errors import NotEstimableError, SpecError, check_choice
from trdstats.estimates import EstimateResult, Estimates
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.gaussian.calibration import Calibration, calibrate
from trdstats.longitudinal.gaussian.fitted_scores import fitted_scores
from trdstats.longitudinal.gaussian.normal_fit import NormalFit, normal_fit
from trdstats.longitudinal.gaussian.probability import (
    boxes_of_subjects,
    estimate_probabilities,
    used_places,
)
from trdstats.longitudinal.gaussian.question import Question, asked_visits
from trdstats.study.visit_order import days_of
from trdstats.tables import (
    Summary,
    Table,
    as_label,
    caveat_notes,
    each_row,
    format_interval,
    format_level,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

Misfit = Literal["refuse", "caveat"]


@checked_methods
@dataclass(frozen=True, repr=False)
class ProbabilityResult(EstimateResult):
    """Probabilities of an outcome from the normal distribution of a fitted model.

    The estimates have the keys treatment, visit and definition; `compare` gives differences and
    ratios, `number_needed_to_treat` reads them, and `joint` puts them beside other results.

    Attributes
    ----------
    fit : MMRMResult
    question : Question
        Definition, scale and the covariates that were set.
    places : tuple of int
        Visits, by their place among those after baseline.
    normal_fit : NormalFit
        How far the scores are from a normal distribution.
    """

    fit: MMRMResult
    question: Question
    places: tuple[int, ...]
    normal_fit: NormalFit
    _estimates: Estimates

    def estimates(self) -> Estimates:
        """Return the probabilities with the influence of every subject."""
        return self._estimates

    def calibration(self) -> Calibration:
        """Return predicted and observed proportions at each visit under each treatment.

        Of subjects who were not assessed the probability given their other ratings counts, so
        that dropout by these does not distort the comparison.

        Raises
        ------
        SpecError
            When the outcome is of several visits.
        """
        return calibrate(self.fit, self.question, self.places)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the probabilities by visit with their limits; returns the Axes."""
        frame = self.tidy()
        days = days_of(list(frame["visit"]))
        settings = {
            "caveat": self.fit.design.caveat,
            "ylabel": "Probability",
            "title": self.question.label,
            **options,
        }
        if np.isnan(days).any() or len(self.places) == 1:
            settings["xlabel"] = settings.pop("ylabel")
            label = frame["treatment"].astype(str)
            if len(self.places) > 1:
                label = "visit " + frame["visit"].map(level_text) + ", " + label
            return plots.plot_estimates(frame.assign(label=label), ax=ax, digits=2, **settings)
        by_day = frame[["treatment", "estimate", "conf_low", "conf_high"]].assign(
            day=days, n=len(self.fit.design.subjects)
        )
        settings = {"better": None, **settings}
        axes = plots.plot_trajectories(by_day, ax=ax, **settings)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        return axes

    def summary(self) -> Summary:
        """Return one row a visit and treatment."""
        table, question = self.tidy(), self.question
        rows = tuple(
            (
                level_text(r.visit), str(r.treatment), format_percent(r.estimate),
                format_interval(100 * r.conf_low, 100 * r.conf_high),
            )
            for r in each_row(table)
        )  # fmt: skip
        level = format_level(self.conf_level)
        columns = ("Visit", "Treatment", "Probability", f"{level} CI (%)")
        scale = question.scale
        header = [
            ("Model", self.fit.spec.formula),
            ("Outcome", question.definition.describe(scale)),
            ("Counted", "met at the visit or any before it" if question.first else "met at it"),
            ("Scores", f"totals {scale.floor} to {scale.maximum} of {scale.label}"
             if question.rounded else "continuous, not held within the scale"),
            ("Averaged over", f"{len(self.fit.design.subjects):,} subjects of the study"),
        ]  # fmt: skip
        if question.at:
            given = ", ".join(f"{c} {level_text(v)}" for c, v in question.at.items())
            header.append(("Every subject at", given))
        reasons = dict.fromkeys(r for r in table["reason"] if r)
        lost = tuple(f"Not estimable (–): {r}." for r in reasons)
        notes = (*self._estimates.notes, *lost)
        return Summary(self._estimates.title, tuple(header), (Table(columns, rows, 2),), notes)


def probabilities(
    fit: MMRMResult, question: Question, visit: Any, misfit: Misfit
) -> ProbabilityResult:
    """Return the probabilities of an outcome; see `MMRMResult.probability`."""
    check_choice("misfit", misfit, get_args(Misfit))
    fit._refuse_weights("A probability over the study")
    scores = fitted_scores(fit, question)
    design = fit.design
    names = [level_text(v) for v in design.visits[scores.after]]
    at = asked_visits(question, visit, names, scores.days, known=scores.days_are_known)
    added = _added(fit, question)
    _check_totals(fit, question, added)
    boxes, _ = boxes_of_subjects(question, scores, at)
    used = [used_places(scores, one) for one in boxes]
    places = scores.places[np.unique(np.concatenate(used))]
    together = any(len(one) > 1 for one in used)
    looked = normal_fit(fit, question, added, places.tolist(), together=together)
    A = len(scores.treatments)
    keys = [(k, a) for k in places.tolist() for a in range(A)]
    problem = dict(zip(keys, looked.frame["problem"], strict=True))
    of_rows = [
        tuple(filter(None, (problem[int(k), a] for k in scores.places[one])))
        for one in used
        for a in range(A)
    ]
    if misfit == "refuse" and all(of_rows):
        raise NotEstimableError(
            "The scores are too far from a normal distribution to take probabilities from it: "
            f"{'; '.join(looked.problems)}. Model the outcome itself, or accept it with "
            "misfit='caveat', which prints this beside the probabilities."
        )
    notes: tuple[str, ...] = caveat_notes(design.caveat)
    refused = [
        f"the normal distribution does not fit: {'; '.join(why)} (misfit='caveat' accepts it)"
        if why and misfit == "refuse" else ""
        for why in of_rows
    ]  # fmt: skip
    if looked.problems and misfit == "caveat":
        problems = "; ".join(looked.problems)
        caveat = f"Caveat: used although the normal distribution does not fit: {problems}."
        notes += (as_label(caveat),)
    estimates = estimate_probabilities(fit, question, scores, at, notes, refused)
    return ProbabilityResult(fit, question, tuple(at), looked, estimates)


def _added(fit: MMRMResult, question: Question) -> Any:
    """Return what makes a score of the outcome of each subject, shape (n,)."""
    n = len(fit.design.subjects)
    if question.outcome == "score":
        return np.zeros(n)
    first = np.unique(fit.design.person, return_index=True)[1]
    return fit.design.frame[question.baseline].to_numpy(dtype=float)[first]


def _check_totals(fit: MMRMResult, question: Question, added: Any) -> None:
    """Refuse to round scores that are no totals of the scale, and scores outside of it."""
    design, scale = fit.design, question.scale
    score = design.y[design.occasion, design.person] + added[design.person]
    outside = (score < scale.floor - 1e-6) | (score > scale.maximum + 1e-6)
    if outside.any():
        raise SpecError(
            f"{int(outside.sum())} of {len(score)} scores lie outside of {scale.label}, which runs "
            f"from {scale.floor} to {scale.maximum}: is it the scale of these scores, and is the "
            f"outcome a {question.outcome}?"
        )
    steps = (score - scale.floor) / scale.step
    broken = np.abs(steps - np.round(steps)) > 1e-6
    if question.rounded and broken.any():
        raise SpecError(
            f"{int(broken.sum())} of {len(score)} scores are no totals of {scale.label} (steps of "
            f"{scale.step:g}): take scores as continuous with rounded=False."
        )
