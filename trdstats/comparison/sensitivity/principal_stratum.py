"""Durability among those who would respond under either treatment: what a trial can say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from trdstats.arguments import Level, check_instance, checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_bootstrap,
    check_level,
    check_tau,
    pick_level,
)
from trdstats.kernels.numerics.partial_identification import bounds_interval, trimmed_means
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.kernels.risk_sets.row_curves import RowCurves
from trdstats.outcomes import Definition, time_to
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure
from trdstats.study import Study
from trdstats.tables import (
    FrameResult,
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_interval,
    format_level,
    format_percent,
)


@checked
@dataclass(frozen=True, repr=False)
class PrincipalStratumBounds(SummaryMixin):
    """Bounds of the effect on durability among those who would respond under either treatment.

    Responders of two arms are different patients, so a comparison of their durability is none of
    the treatments. Those who would respond under both are a stratum that randomisation balances,
    and that no data show; what a trial says of them are sharp bounds.

    Parameters
    ----------
    response, loss : Definition
        The state that makes a responder, and what ends it.
    tau : float
        Horizon in days since the response, to which the days in response are counted.
    monotone : bool, default True
        Whether everyone who responds under the arm with fewer responders would under the other
        too. Without it the stratum itself is not identified, and the bounds are wide.
    reference : str, optional
        The arm the others are compared with. Default: the first.
    n_boot : int, default 500
    seed : int, default 0
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Frangakis and Rubin 2002, doi:10.1111/j.0006-341X.2002.00021.x; Zhang and Rubin 2003,
    doi:10.3102/10769986028004353 (sharp bounds); Chiba and VanderWeele 2011,
    doi:10.1093/aje/kwq418 (sensitivity parameter); Imbens and Manski 2004,
    doi:10.1111/j.1468-0262.2004.00555.x (intervals).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> spec = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=120, n_boot=50)
    >>> spec.fit(study).tidy()["treatment"].tolist()
    ['ECT', 'IV ketamine']
    """

    response: Definition
    loss: Definition
    tau: float
    monotone: bool = True
    reference: Level | None = None
    n_boot: int = 500
    seed: int = 0
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_instance("response", self.response, Definition)
        check_instance("loss", self.loss, Definition)
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)
        check_tau(self.tau)
        if not self.n_boot:
            raise SpecError("n_boot must be above 0: the bounds have no other errors.")

    def fit(self, study: Study) -> PrincipalStratumResult:
        """Estimate the bounds.

        Parameters
        ----------
        study : Study
            A randomised trial.

        Raises
        ------
        SpecError
            When treatments were not randomised.
        NotEstimableError
            When an arm has no responder, or the stratum may be empty.
        UnknownNameError
            When the reference is no arm.
        """
        check_instance("study", study, Study)
        if study.caveat:
            raise SpecError(
                "The bounds need randomised treatments: otherwise those who would respond under "
                "either are not balanced. Use ResponseState, or CloneCensorWeight."
            )
        times = time_to(study, self.loss, since=self.response)
        # Those of whom a response is undefined, such as without a baseline, are in no proportion.
        judged = time_to(study, self.response).frame
        arms = [_arm(judged, times.frame, name) for name in study.treatments]
        for arm in arms:
            if not len(arm.time):
                raise NotEstimableError(f"No subject under {arm.name} responded.")
            if arm.last < self.tau:
                raise NotEstimableError(
                    f"Responders under {arm.name} were followed to day {arm.last:g} after their "
                    f"response at most: tau must not be later; got {self.tau:g}."
                )
        base = pick_level("treatment", self.reference, [a.name for a in arms])
        reference = next(a for a in arms if a.name == base)
        rng = np.random.default_rng(self.seed)
        rows, left_out = [], []
        for arm in arms:
            if arm is reference:
                continue
            value = _bounds(arm, reference, self, np.ones(arm.n), np.ones(reference.n))
            drawn = np.array(
                [_bounds(arm, reference, self, draw_counts(arm.n, rng),
                         draw_counts(reference.n, rng)) for _ in range(self.n_boot)]
            )  # fmt: skip
            usable = drawn[np.isfinite(drawn).all(axis=1)]
            if not np.isfinite(value).all() or len(usable) < 2:
                raise NotEstimableError(
                    f"The stratum of those who respond under {arm.name} and {base} may be empty: "
                    "without monotonicity its least size is 0."
                )
            if len(usable) < self.n_boot:
                left_out.append(
                    f"{arm.name} v {base}: in {self.n_boot - len(usable):,} of {self.n_boot:,} "
                    "replicates the stratum was empty; they are left out, and the limits are too "
                    "narrow."
                )
            error = usable.std(axis=0, ddof=1)
            low, high = bounds_interval(
                value[2], value[3], error[2], error[3], self.conf_level
            )  # fmt: skip
            rows.append(
                {
                    "treatment": arm.name, "reference": base,
                    "response": arm.rate(), "response_reference": reference.rate(),
                    "stratum": value[0], "naive": value[1], "bound_low": value[2],
                    "bound_high": value[3], "conf_low": low, "conf_high": high,
                    "conf_level": self.conf_level, "proportion": value[4],
                }
            )  # fmt: skip
        return PrincipalStratumResult(
            self, pd.DataFrame(rows), study.scale.label, times.switching, tuple(left_out)
        )

    def summary(self) -> Summary:
        """Return the question in words."""
        return Summary("Principal stratum of responders", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        how = (
            "who responds under the arm with fewer responders would under the other too"
            if self.monotone
            else "none: any subject may respond under one arm only"
        )
        return (
            ("Response", self.response.describe()),
            ("Loss", self.loss.describe()),
            ("Horizon", f"{self.tau:g} days since the response"),
            ("Monotonicity", how),
        )


@dataclass(frozen=True)
class _Arm:
    """Subjects of an arm: who responded, and for how long."""

    name: str
    responded: FloatArray
    row: FloatArray
    time: FloatArray
    status: FloatArray
    curves: RowCurves

    @property
    def n(self) -> int:
        return len(self.responded)

    @property
    def last(self) -> float:
        return float(self.time.max())

    def rate(self, counts: FloatArray | None = None) -> float:
        weight = np.ones(self.n) if counts is None else counts
        return float(weight @ self.responded / weight.sum())

    def survival(self, counts: FloatArray) -> FloatArray:
        weight = counts[self.row.astype(np.intp)]
        return 1 - self.curves.incidence(weight)


def _arm(judged: pd.DataFrame, losses: pd.DataFrame, name: str) -> _Arm:
    """Return the subjects of an arm, of those judged for response and those who responded."""
    known = judged[judged["treatment"] == name].reset_index(drop=True)
    times = losses[losses["treatment"] == name]
    place = pd.Index(known["subject"].astype(object)).get_indexer(
        pd.Index(times["subject"].astype(object))
    )
    responded = np.zeros(len(known))
    responded[place] = 1.0
    time = times["time"].to_numpy(dtype=float)
    status = np.asarray(times["status"] == 1, dtype=np.float64)
    curves = RowCurves.of(np.full(len(time), -1.0), time, status.astype(np.intp))
    return _Arm(name, responded, place.astype(float), time, status, curves)


def _bounds(
    arm: _Arm, reference: _Arm, spec: PrincipalStratumBounds, m1: FloatArray, m0: FloatArray
) -> FloatArray:
    """Return stratum, naive difference, both bounds, and the part of the larger arm in it."""
    p1, p0 = arm.rate(m1), reference.rate(m0)
    size = min(p1, p0) if spec.monotone else max(p1 + p0 - 1, 0.0)
    if size <= 0 or p1 <= 0 or p0 <= 0:
        return np.full(5, np.nan)
    means = []
    for one, counts, p in ((arm, m1, p1), (reference, m0, p0)):
        S, days = one.survival(counts), one.curves.days
        means.append((*trimmed_means(days, S, spec.tau, min(size / p, 1.0)),
                      trimmed_means(days, S, spec.tau, 1.0)[0]))  # fmt: skip
    (low1, high1, mean1), (low0, high0, mean0) = means
    return np.array([size, mean1 - mean0, low1 - high0, high1 - low0, size / max(p1, p0)])


@checked_methods
@dataclass(frozen=True, repr=False)
class PrincipalStratumResult(FrameResult):
    """Bounds of differences in mean days in response among those who respond under both arms.

    `tidy` has one row a comparison: treatment, reference, response and response_reference (the
    proportions that responded), stratum (the proportion in the stratum; without monotonicity the
    least), naive (difference among responders), bound_low, bound_high, conf_low, conf_high (limits
    of the effect itself), conf_level, proportion (of the responders of the arm with more of them
    in the stratum).

    Attributes
    ----------
    spec : PrincipalStratumBounds
    frame : pandas.DataFrame
    scale : str
    switching : SwitchCounts or None
        Who had started another treatment.
    left_out : tuple of str
        Sentences on replicates without a stratum.
    """

    _kept: ClassVar[str] = "frame"

    spec: PrincipalStratumBounds
    frame: pd.DataFrame
    scale: str
    switching: SwitchCounts | None
    left_out: tuple[str, ...] = ()

    def at(self, gap: float) -> pd.DataFrame:
        """Return the effect for a known gap between the stratum and other responders.

        Parameters
        ----------
        gap : float
            Mean days in response of those in the stratum less those of the others who respond,
            in the arm with more responders. 0 is the naive difference.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, gap, estimate (held within the bounds), within (whether the gap
            can be).

        Raises
        ------
        SpecError
            When monotonicity is not assumed.
        """
        if not self.spec.monotone:
            raise SpecError("The gap has one meaning under monotonicity only: monotone=True.")
        table = self.frame
        more = np.where(table["response"] >= table["response_reference"], 1.0, -1.0)
        value = table["naive"] + more * (1 - table["proportion"]) * gap
        held = value.clip(table["bound_low"], table["bound_high"])
        return pd.DataFrame(
            {"treatment": table["treatment"], "reference": table["reference"], "gap": float(gap),
             "estimate": held, "within": np.abs(held - value) < 1e-9}
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the bounds beside the comparison of responders."""
        rows = tuple(
            (f"{r.treatment} less {r.reference}",
             f"{format_percent(r.response)} v {format_percent(r.response_reference)}",
             format_percent(r.stratum), f"{r.naive:.1f}",
             format_interval(r.bound_low, r.bound_high, 1),
             format_interval(r.conf_low, r.conf_high, 1))
            for r in each_row(self.frame)
        )  # fmt: skip
        level = f"{format_level(self.spec.conf_level)} CI"
        names = ("Comparison", "Responded (%)", "Stratum (%)", "Among responders (days)",
                 "Bounds (days)", level)  # fmt: skip
        return Summary(
            "Days in response among those who respond under either treatment",
            (*self.spec.header(),
             ("Intervals", f"{self.spec.n_boot:,} bootstrap replicates of subjects, seed "
              f"{self.spec.seed}; they cover the effect wherever between its bounds it lies")),
            (Table(names, rows),),
            ("Among responders: the difference of those who responded, who are different patients.",
             "Those never assessed count as without a response; who left after it is censored.",
             *self.left_out, *caveat_notes(caveat_of_figure("", self.switching))),
        )  # fmt: skip
