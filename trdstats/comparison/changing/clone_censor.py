"""Clone, censor and weight: what would have happened had all followed one strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trdstats.arguments import Jobs, Level, check_instance, checked
from trdstats.comparison.changing.clone_censor_result import CloneCensorWeightResult
from trdstats.comparison.changing.clones import Clones, follow, redraw
from trdstats.comparison.changing.decision_model import check_separation, read_choice
from trdstats.comparison.changing.decisions import Decisions
from trdstats.comparison.changing.strategies import TreatmentStrategy
from trdstats.errors import SpecError, check_bootstrap, check_level, check_tau, pick_level
from trdstats.estimates.weights import check_cap
from trdstats.formulas import read_right_side
from trdstats.replicates import replicate, streams_of
from trdstats.tables import Summary, SummaryMixin


@checked
@dataclass(frozen=True, repr=False)
class CloneCensorWeight(SummaryMixin):
    """Compare strategies of a treatment that changes, such as continuing or stopping it.

    Every subject is cloned into each strategy at the origin, followed while its decisions agree
    with it, and weighted by the inverse probability of these decisions given what was known when
    they were made. All strategies begin with all subjects on the same day, so that no time is
    immortal.

    Parameters
    ----------
    strategies : mapping of str to TreatmentStrategy
        Two or more, e.g. ``{"continue": Continue(90), "stop": Discontinue(grace=28)}``.
    model : str
        Covariates of the decisions as known at the start of each interval, such as
        ``"score + start"``.
        Those on and off treatment before have separate logistic regressions.
    tau : float
        Horizon in days of mean days without the event.
    days : sequence of float, optional
        Days on which the incidence is compared. Default: tau.
    leaving : str, optional
        Covariates of leaving follow-up; weights then also stand for those who left.
    cap : float, optional
        Quantile above which weights are cut, e.g. 0.99. Cutting trades variance for bias.
    reference : str, optional
        Strategy the others are compared with. Default: the first.
    n_boot : int, default 200
        Bootstrap replicates of subjects, the models refitted in each.
    seed : int, default 0
    n_jobs : int, default 1
    conf_level : float, default 0.95

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.

    Notes
    -----
    The estimand is what would have happened had all followed the strategy. It is identified when,
    given the covariates of `model`, decisions do not depend on how the disease would go on, and
    every decision asked for has a chance at every history (positivity: `weights()` shows it).

    References
    ----------
    Hernan and others 2006, doi:10.1016/j.annepidem.2006.02.006; Cain and others 2010,
    doi:10.2202/1557-4679.1212 (grace periods); Hernan and others 2016,
    doi:10.1016/j.jclinepi.2016.04.014 (immortal time).

    Examples
    --------
    >>> import trdstats as trd
    >>> sample = trd.simulate.maintenance(n=300, seed=1)
    >>> relapse = trd.Relapse(at_least=22)
    >>> decisions = trd.decision_intervals(sample, relapse, "lithium", step=28,
    ...     covariates=["score"])
    >>> spec = trd.CloneCensorWeight({"continue": trd.Continue(364), "stop": trd.Discontinue()},
    ...     "score + start", tau=364, n_boot=20)
    >>> spec.fit(decisions).tidy()["measure"].unique().tolist()
    ['incidence', 'difference in incidence', 'mean days without', 'difference in mean days']
    """

    strategies: Mapping[str, TreatmentStrategy]
    model: str
    tau: float = field(kw_only=True)
    days: Sequence[float] | None = field(default=None, kw_only=True)
    leaving: str | None = field(default=None, kw_only=True)
    cap: float | None = field(default=None, kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    n_boot: int = field(default=200, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    n_jobs: Jobs = field(default=1, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        check_instance("strategies", self.strategies, Mapping)
        if len(self.strategies) < 2:
            raise SpecError(f"strategies must name two or more; got {len(self.strategies)}.")
        for name, strategy in self.strategies.items():
            if not isinstance(name, str) or not isinstance(strategy, TreatmentStrategy):
                raise SpecError(
                    f"The strategy {name!r} must be Continue(...), Discontinue(...), "
                    f"ContinueUntil(...) or RuleStrategy(...); got {strategy!r}."
                )
        read_right_side(self.model)
        if self.leaving is not None:
            read_right_side(self.leaving)
        check_tau(self.tau)
        check_cap(self.cap)
        if self.days is not None and not all(d > 0 for d in self.days):
            raise SpecError("days must be positive.")
        pick_level("strategy", self.reference, list(self.strategies))
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)

    def fit(self, decisions: Decisions) -> CloneCensorWeightResult:
        """Estimate the strategies.

        Parameters
        ----------
        decisions : Decisions

        Raises
        ------
        SpecError
            When a covariate is not known at the start of an interval, such as ``stop``.
        DataError, UnknownNameError
            When a covariate is missing.
        NotEstimableError
            When no subject follows a strategy, none has the event under it, decisions never
            change, or a covariate predicts them without error.
        """
        check_instance("decisions", decisions, Decisions)
        choice = read_choice(decisions, self.model, "on")
        stays = None if self.leaving is None else read_choice(decisions, self.leaving, "stays")
        all_rows = np.ones(len(decisions.frame))
        check_separation(choice, choice.fit(all_rows), "the treatment")
        if stays is not None:
            check_separation(stays, stays.fit(all_rows), "leaving")
        clones = Clones(
            strategies=follow(decisions, dict(self.strategies)), starts=decisions.starts,
            choice=choice, stays=stays, cap=self.cap,
            days=np.asarray([self.tau] if self.days is None else self.days, dtype=float),
            tau=float(self.tau),
        )  # fmt: skip
        estimate = clones.estimate(np.ones(decisions.n))
        drawn = replicate(redraw, (clones,), streams_of(self.seed, self.n_boot),
                          n_jobs=self.n_jobs) if self.n_boot else []  # fmt: skip
        return CloneCensorWeightResult(self, decisions, clones, estimate, tuple(drawn))

    def summary(self) -> Summary:
        """Return the strategies and the models in words."""
        return Summary("Clone, censor and weight", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        lines = [(f"Strategy {name!r}", s.describe()) for name, s in self.strategies.items()]
        lines.append(("Decisions", f"logistic regressions on {self.model}, on and off apart"))
        if self.leaving is not None:
            lines.append(("Leaving", f"logistic regression on {self.leaving}"))
        if self.cap is not None:
            lines.append(("Weights", f"cut at their {100 * self.cap:g} % quantile"))
        if self.n_boot:
            lines.append(
                ("Intervals", f"{self.n_boot:,} bootstrap replicates of subjects, seed {self.seed}")
            )
        return tuple(lines)
