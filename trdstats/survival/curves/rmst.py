"""Restricted mean survival time: days without the event up to a horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import (
    NotEstimableError,
    check_first_look,
    check_level,
    check_tau,
    no_error_known,
    no_error_reason,
    pick_level,
)
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.comparisons import MEASURES as COMPARED
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.stacked import below
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_covariates, read_right_side
from trdstats.kernels.risk_sets.survival_curve import (
    Curve,
    RestrictedMean,
    influence_on_restricted_mean,
    restricted_mean,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival.curves.kaplan_meier import fit_curves
from trdstats.survival.curves.rmst_adjusted import AdjustedMeans, adjust_means
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import check_observed
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level, format_p

RATIOS = ("ratio", "ratio of time lost")
MEASURES = ("restricted mean", "difference", *RATIOS)


@checked
@dataclass(frozen=True, slots=True)
class RMST:
    """Restricted mean time without the event up to `tau`, with comparisons.

    For onset a smaller mean is a faster onset; for durability a larger one lasts longer.

    Parameters
    ----------
    tau : float
        Horizon in days since the origin.
    by : str, default "treatment"
        Column that names the groups.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    covariates : str, optional
        Covariates to adjust for, such as ``"msm + age"``. The means are then those of all subjects
        under each treatment, from a regression of the days without the event, cut at tau and
        weighted for censoring by group. Subjects without a covariate are left out and counted.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When tau is not positive, or the covariates cannot be read.

    References
    ----------
    Uno 2014, J Clin Oncol 32:2380-2385, doi:10.1200/JCO.2014.55.2208; with covariates Tian, Zhao
    and Wei 2014, doi:10.1093/biostatistics/kxt050. Intervals of ratios are symmetric on the log
    scale.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> means = trd.RMST(tau=28, reference="TMS").fit(onset)
    >>> means.tidy()["measure"].unique().tolist()
    ['restricted mean', 'difference', 'ratio', 'ratio of time lost']
    """

    tau: float
    by: str = "treatment"
    reference: Level | None = None
    covariates: str | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        if self.covariates is not None:
            read_right_side(self.covariates)
        check_tau(self.tau)
        check_level(self.conf_level)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> RMSTResult:
        """Estimate the restricted means and compare them.

        Parameters
        ----------
        times : EventTimes or DataFrame
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`.

        Raises
        ------
        NotEstimableError
            When the follow-up of a group ends before tau while some are still at risk, no subject
            under a treatment was assessed by then, or, with delayed entry, no subject is under
            observation on some days before tau.
        UnknownNameError
            When the reference is no group.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        labels = [g.label for g in sample.groups]
        reference = pick_level("group", self.reference, labels)
        adjusted, left_out = None, {}
        if self.covariates is not None:
            design = read_covariates(
                times.at_risk(), self.covariates, what="event times", outcome=OUTCOME_COLUMNS
            )
            sample, left_out = sample.keep(design.kept), design.left_out
        curves = fit_curves(sample)
        _check_follow_up(curves, self.tau)
        if self.by == "treatment":
            check_first_look(times.first_look, self.tau, times.treatments, what="times")
        if self.covariates is None:
            check_observed(sample, self.tau)
        else:
            adjusted = adjust_means(sample, design, self.tau, reference)
        means = {
            g.label: restricted_mean(
                curves[g.label], self.tau, robust=sample.weighted, model=sample.weights_of(g)
            )
            for g in sample.groups
        }
        return RMSTResult(self, times, reference, left_out, sample, curves, means, adjusted)


@dataclass(frozen=True, repr=False)
class RMSTResult(EstimateResult):
    """Restricted means and their comparisons with the reference.

    Attributes
    ----------
    spec : RMST
    times : EventTimes
    reference : str
    left_out : dict of str to int
        Subjects with follow-up that were not analysed, by reason.
    """

    spec: RMST
    times: EventTimes
    reference: str
    left_out: dict[str, int]
    _sample: Sample
    _curves: dict[str, Curve]
    _means: dict[str, RestrictedMean]
    _adjusted: AdjustedMeans | None

    def estimates(self) -> Estimates:
        """Return means, then comparisons with the reference, in days and as ratios."""
        return self._estimates(self._of_means())

    def _table(self) -> Estimates:
        # Influences of groups that share nothing add nothing to the table.
        shared = self._adjusted is not None or self._sample.model is not None
        return self._estimates(self._of_means() if shared else self._independent_means())

    def _estimates(self, means: Estimates) -> Estimates:
        if self._adjusted is None:
            return self._with_comparisons(means)
        estimates = below([means, *self._of_regressions()])
        order = {g.label: k for k, g in enumerate(self._sample.groups)}
        measure, group = (estimates.keys[c].tolist() for c in ("measure", "treatment"))
        rows = [j for j, m in enumerate(measure) if m in MEASURES]
        rows.sort(key=lambda j: (MEASURES.index(measure[j]), order[group[j]]))
        return estimates.select(rows)

    def _of_means(self) -> Estimates:
        if self._adjusted is None:
            plain = self._independent_means()
            effect = self._sample.influences(
                lambda g: influence_on_restricted_mean(self._curves[g.label], self.spec.tau), 1
            )
        else:
            plain = self._named(
                self._adjusted.labels, self._adjusted.mean, self._adjusted.std_error
            )
            effect = self._sample.stacked_influence(self._adjusted.influence)
        variance = np.diag(plain.covariance)
        return replace(
            plain, influences=effect, subjects=self._sample.influence_subjects(),
            covariance=self._sample.covariance_between(effect, variance),
        )  # fmt: skip

    def _independent_means(self) -> Estimates:
        """Return the means of the groups without influences, as if they shared nothing."""
        means = self._means.values()
        value, error = np.array([(m.estimate, m.std_error) for m in means]).T
        return self._named(tuple(self._means), value, error)

    def _named(self, labels: Sequence[str], value: FloatArray, error: FloatArray) -> Estimates:
        keys = pd.DataFrame({"measure": "restricted mean", "treatment": labels, "reference": ""})
        return estimates_of(
            keys, value, covariance=np.diag(error**2), title=self._title,
            reasons=[no_error_reason(e) for e in error], notes=self._notes(),
        )  # fmt: skip

    def _with_comparisons(self, means: Estimates) -> Estimates:
        """Return means, then differences and ratios of them, and ratios of the times lost."""
        k = len(means)
        if k == 1:
            return means
        sign = np.repeat([1.0, -1.0], k)
        effect = means.influences
        groups = list(self._means)
        both = estimates_of(
            pd.DataFrame({"treatment": groups * 2}),
            np.concatenate([means.value, self.spec.tau - means.value]),
            covariance=np.tile(means.covariance, (2, 2)) * np.outer(sign, sign),
            influences=None if effect is None else np.hstack([effect, -effect]),
            subjects=means.subjects, reasons=means.reasons * 2, title=self._title,
            notes=means.notes,
        )  # fmt: skip
        base = groups.index(self.reference)
        each = np.eye(k)
        against = np.delete(each - each[base], base, axis=0)
        nothing = np.zeros_like(against)
        of_means, of_lost = np.hstack([against, nothing]), np.hstack([nothing, against])
        measures: tuple[tuple[Measure, FloatArray], ...] = (
            ("difference", np.hstack([each, 0 * each])),  # the means as they are
            ("difference", of_means), ("ratio", of_means), ("ratio", of_lost),
        )  # fmt: skip
        keys = pd.DataFrame({
            "measure": np.repeat(MEASURES, [k, k - 1, k - 1, k - 1]),
            "treatment": groups + (groups[:base] + groups[base + 1 :]) * 3,
            "reference": [""] * k + [self.reference] * (3 * (k - 1)),
        })  # fmt: skip
        return both._combine(keys, [(L, *COMPARED[measure].steps(L)) for measure, L in measures])

    def _of_regressions(self) -> list[Estimates]:
        """Return the effects of the groups in the three regressions."""
        if self._adjusted is None:
            return []
        rows = self._adjusted.coefficients
        groups = rows["term"].isin(self._adjusted.labels[1:]).to_numpy()
        effect = self._sample.stacked_influence(self._adjusted.on_coefficients[:, groups])
        rows = rows[groups]
        log = rows["measure"].isin(RATIOS).to_numpy()
        keys = pd.DataFrame(
            {"measure": rows["measure"], "treatment": rows["term"], "reference": self.reference}
        )
        value = rows["estimate"].to_numpy()
        return [
            estimates_of(
                keys, np.where(log, np.exp(value), value),
                influences=effect, subjects=self._sample.influence_subjects(),
                scale=["log" if x else "identity" for x in log], null=log.astype(float),
            )
        ]  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        notes = notes_of(self.times, self._sample)
        if self.spec.covariates is None or self.spec.by != "treatment":
            return notes
        frame = self.times.at_risk()
        return (*notes, *note_extrapolation(frame, self.spec.covariates, self.spec.by, None))

    @property
    def _title(self) -> str:
        return f"Restricted mean time to day {self.spec.tau:g}"

    def coefficients(self) -> pd.DataFrame:
        """Return the three regressions: measure, term, estimate (log scale of ratios), std_error.

        Raises
        ------
        NotEstimableError
            When no covariates were named.
        """
        if self._adjusted is None:
            raise NotEstimableError("There are no coefficients: RMST(covariates=...) names none.")
        return self._adjusted.coefficients.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, tau, reference."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "tau": [self.spec.tau],
                "reference": [self.reference],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the restricted means with their intervals; returns the Axes."""
        frame = self.tidy()
        frame = frame[frame["measure"] == "restricted mean"].assign(label=lambda d: d["treatment"])
        settings = {
            "xlabel": f"Mean days without {self.times.outcome} in the first {self.spec.tau:g}",
            "caveat": self.times.figure_caveat,
            **options,
        }
        return plots.plot_estimates(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return means and comparisons as a table."""
        level = f"{format_level(self.spec.conf_level)} CI"
        by_group: dict[str, dict[str, Any]] = {}
        for r in each_row(self.tidy()):
            by_group.setdefault(r.treatment, {})[r.measure] = r
        rows = []
        for name, by_measure in by_group.items():
            cells = [name, _shown(by_measure["restricted mean"], 1)]
            for measure in MEASURES[1:]:
                digits = 1 if measure == "difference" else 2
                cells.append(_shown(by_measure[measure], digits) if measure in by_measure else "")
            p = (
                format_p(by_measure["difference"].p_value)
                if "difference" in by_measure
                else "reference"
            )
            rows.append((*cells, p))
        header = ("Group", f"Mean days ({level})", "Difference", "Ratio", "Ratio of time lost", "p")
        lines = list(counts_header(self.times, self._sample))
        if self.spec.covariates is not None:
            lines.append(("Adjusted for", self.spec.covariates))
        lines += [("Left out", f"{n:,}: {why}") for why, n in self.left_out.items()]
        return Summary(
            self._title,
            tuple(lines),
            (Table(header, tuple(rows)),),
            (
                *self._notes(),
                *no_error_known([k for k, m in self._means.items() if np.isnan(m.std_error)]),
            ),
        )


def _shown(row: Any, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits)


def _check_follow_up(curves: dict[str, Curve], tau: float) -> None:
    short = {k: c.time[-1] for k, c in curves.items() if c.time[-1] < tau and c.survival[-1] > 0}
    if short:
        listed = ", ".join(f"{k} (day {t:g})" for k, t in short.items())
        raise NotEstimableError(
            f"tau = {tau:g} lies beyond the follow-up of {listed}. "
            f"Choose tau of at most {min(short.values()):g}."
        )
