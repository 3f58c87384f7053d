"""What is known of a trial without its patients: covariates, arms, effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Any

import numpy as np

from trdstats.aliases import FrameLike, RowLike
from trdstats.arguments import Level, check_instance, checked
from trdstats.comparison.indirect.effect import CONTEXT, Effect
from trdstats.comparison.indirect.effect_rows import row_values
from trdstats.comparison.indirect.measure_scales import check_inside, scale_of
from trdstats.errors import NotEstimableError, SpecError, unknown_name
from trdstats.frames import to_pandas
from trdstats.kinds import label_of
from trdstats.tables import each_row


@checked
@dataclass(frozen=True, slots=True)
class PublishedArm:
    """The outcome of one arm of a trial.

    Parameters
    ----------
    treatment : str
    n : int
        Denominator of the outcome.
    events : int, optional
        Subjects with the outcome, for a rate.
    mean, sd : float, optional
        Mean and standard deviation of the outcome, for a score.

    Raises
    ------
    SpecError
        When neither a count nor a mean with its standard deviation is given, or they cannot be.

    Examples
    --------
    >>> PublishedArm("psilocybin 25 mg", 79, events=29).estimate
    0.3670886075949367
    """

    treatment: Level
    n: int
    events: int | None = None
    mean: float | None = None
    sd: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "treatment", label_of(self.treatment) or "")
        if self.n != int(self.n) or self.n < 1:
            raise SpecError(f"{self.treatment}: n must be a whole number; got {self.n!r}.")
        counted, averaged = self.events is not None, self.mean is not None
        if counted == averaged:
            raise SpecError(f"{self.treatment}: give either events, or a mean with its sd.")
        if self.events is not None and not (
            self.events == int(self.events) and 0 <= self.events <= self.n
        ):
            raise SpecError(
                f"{self.treatment}: events must be a whole number from 0 to {self.n}; got "
                f"{self.events!r}."
            )
        if averaged and not (self.sd is not None and self.sd > 0 and self.n > 1):
            raise SpecError(
                f"{self.treatment}: a mean needs a positive sd and at least 2 subjects."
            )

    @classmethod
    def from_row(cls, row: RowLike) -> PublishedArm:
        """Return the arm that a row tells, such as one of `published`.

        Parameters
        ----------
        row : Series, mapping, named tuple or DataFrame of one row
            treatment or arm; n; events, or mean (or estimate) and sd.
        """
        estimates = row_values(row)
        name = estimates.text("treatment", "arm")
        if not name or not isfinite(estimates.number("n")):
            raise SpecError("A published arm needs its treatment (or arm) and its n.")
        # Not cut to whole numbers: 55.4 events are a rate in per cent, and are refused.
        n: Any = estimates.number("n")
        events: Any = estimates.number("events")
        if isfinite(events):
            return cls(name, n, events=events)
        mean = (
            estimates.number("mean") if "mean" in estimates.cells else estimates.number("estimate")
        )
        sd = estimates.number("sd")
        return cls(name, n, mean=mean if isfinite(mean) else None, sd=sd if isfinite(sd) else None)

    @property
    def estimate(self) -> float:
        """Rate or mean."""
        return float(self.mean) if self.mean is not None else float(self.events or 0) / self.n

    @property
    def error(self) -> float:
        """Standard error of the rate or mean."""
        if self.sd is not None:
            return float(self.sd) / sqrt(self.n)
        p = self.estimate
        return sqrt(p * (1 - p) / self.n)


@checked
@dataclass(frozen=True)
class PublishedTrial:
    """A trial known by its publication.

    Parameters
    ----------
    label : str
    means : mapping of str to float
        Mean of each covariate in the trial's population; shares for covariates of 0 and 1.
    sds : mapping of str to float
        Standard deviations, of some of them.
    arms : tuple of PublishedArm
    effect : Effect, optional
        Effect of the trial as published; takes precedence over the arms.
    context : mapping of str to str
        What the outcome is, as in `Effect`.

    Raises
    ------
    SpecError
        When a mean is not a number, a standard deviation not positive, or of no known mean.
    """

    label: str
    means: Mapping[str, float] = field(default_factory=dict)
    sds: Mapping[str, float] = field(default_factory=dict)
    arms: tuple[PublishedArm, ...] = ()
    effect: Effect | None = None
    context: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bad = [k for k, v in self.means.items() if not isfinite(v)]
        bad += [f"sd of {k}" for k, v in self.sds.items() if not (isfinite(v) and v > 0)]
        if bad:
            raise SpecError(f"{self.label}: not usable as published moments: {', '.join(bad)}.")
        alone = [k for k in self.sds if k not in self.means]
        if alone:
            raise SpecError(f"{self.label}: sds without means: {', '.join(alone)}.")
        check_instance("arms", self.arms, Sequence)
        for k, arm in enumerate(self.arms):
            check_instance(f"arms[{k}]", arm, PublishedArm)
        names = [a.treatment for a in self.arms]
        if len(set(names)) < len(names):
            raise SpecError(f"{self.label}: two arms share a treatment; name each arm its own.")

    @classmethod
    def from_rows(
        cls, rows: FrameLike, *, means: Mapping[str, float] | None = None,
        sds: Mapping[str, float] | None = None,
    ) -> PublishedTrial:  # fmt: skip
        """Return the trial that rows of arms tell, such as those of `published`.

        Parameters
        ----------
        rows : DataFrame
            One row an arm, as `PublishedArm.from_row` reads it; a column trial names the trial.
        means, sds : mapping of str to float, optional
            Moments of the covariates.

        Raises
        ------
        SpecError
            When the rows are of several trials, or an arm cannot be read.

        Examples
        --------
        >>> from trdstats import published_figures
        >>> figures = published_figures(trial="ELEKT-D", outcome="response", measure="count")
        >>> rows = figures.frame
        >>> PublishedTrial.from_rows(rows).contrast("ketamine", "ECT", "odds ratio")
        Effect: ketamine v ECT, odds ratio 1.77 (1.17 to 2.69), ELEKT-D
        """
        table = [row_values(row) for row in each_row(to_pandas(rows, what="rows"))]
        labels = list(dict.fromkeys(row.text("trial") for row in table))
        if len(labels) != 1:
            raise SpecError(f"The rows are of {len(labels)} trials: choose the rows of one.")
        stated = {k: {row.text(k) for row in table} - {""} for k in CONTEXT}
        return cls(
            labels[0] or "the trial",
            dict(means or {}),
            dict(sds or {}),
            tuple(PublishedArm.from_row(row.cells) for row in table),
            context={k: next(iter(v)) for k, v in stated.items() if len(v) == 1},
        )

    def arm(self, treatment: Level) -> PublishedArm:
        """Return the arm of a treatment.

        Raises
        ------
        UnknownNameError
        """
        for arm in self.arms:
            if arm.treatment == label_of(treatment):
                return arm
        raise unknown_name(f"arm of {self.label}", treatment, [a.treatment for a in self.arms])

    def contrast(self, treatment: Level, reference: Level, measure: str) -> Effect:
        """Return the effect of one arm against another.

        The published effect where there is one, turned round if need be; else that of the arms.

        Raises
        ------
        SpecError
            When the published effect is another one.
        NotEstimableError
            When no subject or every subject of an arm had the outcome: its rate has no standard
            error.
        """
        treatment, reference = label_of(treatment) or "", label_of(reference) or ""
        if self.effect is not None:
            effect = self.effect
            if (effect.treatment, effect.reference) == (reference, treatment):
                effect = effect.reversed()
            if (effect.treatment, effect.reference, effect.measure) != (
                treatment,
                reference,
                measure,
            ):
                raise SpecError(
                    f"{self.label} has published the {self.effect.measure} of "
                    f"{self.effect.treatment} v {self.effect.reference}; the {measure} of "
                    f"{treatment} v {reference} was asked for."
                )
            return effect
        arms = self.arm(treatment), self.arm(reference)
        mean, error = np.array([[a.estimate, a.error] for a in arms]).T
        check_inside(measure, mean, f"{self.label}, {measure}")
        scale = scale_of(measure)
        value, std_error = scale.apply(mean), float(np.linalg.norm(scale.slope(mean) * error))
        if not std_error > 0:
            raise NotEstimableError(f"{self.label}: the {measure} has no standard error.")
        return Effect.on_scale(
            measure, treatment, reference, float(value[0] - value[1]), std_error, trial=self.label,
            context=self.context,
        )  # fmt: skip
