"""The imputation model and the way its parameters are drawn, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trdstats import __version__
from trdstats.aliases import FrameLike
from trdstats.arguments import Jobs, Level, checked
from trdstats.errors import EstimateWarning, SpecError, warn
from trdstats.formulas import read_formula
from trdstats.imputation.draws import Draws
from trdstats.imputation.methods import Bayesian, ConditionalMean, Method
from trdstats.imputation.model import fit_model
from trdstats.imputation.parameter_draws import draw_parameters
from trdstats.imputation.trial.events import informing_values, place_events
from trdstats.imputation.trial.layout import check_arms, check_status, lay_out
from trdstats.longitudinal import Covariance, get_covariance
from trdstats.parts import Shelf, fingerprint
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin

_WORST_RHAT = 1.05


@checked
@dataclass(frozen=True, repr=False)
class Imputation(SummaryMixin):
    """Imputation of missing visits by a mixed model for repeated measures.

    The chain is ``spec.draw(data, events).impute(strategy).analyse(analysis).pool()``.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects of the imputation model. Covariates must not change within a
        subject. Include all terms of the analysis, and their interactions with the visit.
        ``after_event`` is 1 at visits from the event of a subject on and 0 before: visits missing
        after an event are then imputed like those of retrieved subjects, observed after theirs
        (treatment policy; ``treatment * after_event`` by arm). The strategy is "MAR".
    covariance : str or Covariance, default "us"
        As in `MMRM`.
    common_covariance : bool, default True
        One covariance for all arms, else one for each.
    method : ConditionalMean, ApproximateBayes or Bayesian
    reml : bool, default True
        Restricted maximum likelihood, else maximum likelihood.

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Carpenter, Roger and Kenward 2013, doi:10.1080/10543406.2013.834911; Wolbers and others 2022,
    doi:10.1002/pst.2234. Retrieved dropout: Wang and Hu 2022, doi:10.1186/s12874-022-01509-9.

    Examples
    --------
    >>> import trdstats as trd
    >>> study, days = trd.load_sample("trial"), [7, 14, 21, 28]
    >>> spec = trd.Imputation("change ~ baseline * visit + treatment * visit")
    >>> left = trd.dropout_events(study, days=days)
    >>> imputed = spec.draw(study, left, days=days).impute(trd.JumpToReference("TMS"))
    >>> pooled = imputed.analyse(trd.ANCOVA("baseline")).pool()
    >>> pooled.tidy().columns[:4].tolist()
    ['measure', 'treatment', 'reference', 'visit']
    """

    formula: str
    covariance: str | Covariance = "us"
    common_covariance: bool = True
    method: Method = field(default_factory=ConditionalMean)
    reml: bool = True

    def __post_init__(self) -> None:
        read_formula(self.formula)
        structure = get_covariance(self.covariance)
        if not isinstance(self.method, Method):
            raise SpecError(
                "method must be ConditionalMean(...), ApproximateBayes(...) or Bayesian(...); got "
                f"{self.method!r}."
            )
        if isinstance(self.method, Bayesian) and structure.label != "unstructured":
            raise SpecError(
                "The Gibbs sampler draws unstructured covariances: covariance='us', or "
                "ApproximateBayes for other structures."
            )

    def draw(
        self,
        data: Study | FrameLike,
        events: FrameLike | None = None,
        *,
        days: Sequence[Level] | None = None,
        subject: str = "subject",
        treatment: str = "treatment",
        visit: str = "visit",
        n_jobs: Jobs = 1,
        progress: bool = False,
        cache: str | Path | None = None,
    ) -> Draws:
        """Fit the imputation model and draw its parameters.

        Parameters
        ----------
        data : Study or DataFrame
            One row a subject and visit; rows that are missing altogether are missing visits. Of
            a study the scheduled visits and all its subjects, also those without an assessment.
            Visits of a table are numbers, or categories in their order.
        events : DataFrame, optional
            One row a subject with an intercurrent event: subject, the visit of the event (the
            first that it affects) or its `day`, and optionally `reason` (or `event`) and
            `strategy`. Values observed from the event on inform the model only under MAR.
            See `dropout_events`.
        days : sequence, optional
            Visits to use. Default: all.
        subject, treatment, visit : str
            Columns.
        n_jobs : int
            Workers; the draws do not depend on it.
        progress : bool
            Whether to show a bar.
        cache : path, optional
            Folder that keeps the draws: after an interruption the same call continues from there.

        Raises
        ------
        DataError, SpecError, UnknownNameError
            When the data, the events or the formula are not usable.
        NotEstimableError
            When an arm has no value at a visit, or the model cannot be fitted.

        Warns
        -----
        EstimateWarning
            When resamples were redrawn, or chains of the sampler did not converge.
        """
        layout = lay_out(
            data, self.formula, subject=subject, treatment=treatment, visit=visit, days=days
        )
        layout, strategies = place_events(layout, events)
        used = informing_values(layout, strategies)
        check_arms(layout, used)
        check_status(layout, used)
        group = None if self.common_covariance else treatment
        result, fitted = fit_model(layout, self.formula, self.covariance, group, self.reml, used)
        name = fingerprint(
            __version__, repr(self), self.covariance, self.method, layout.y, used, layout.arm,
            fitted.rows.distinct, fitted.place, fitted.products.select, fitted.products.group,
        )  # fmt: skip
        drawn = draw_parameters(
            fitted, layout.arm, self.method, Shelf(cache, name), n_jobs=n_jobs, progress=progress
        )
        draws = Draws(
            spec=self, layout=layout, strategies=strategies, used=used, drawn=drawn,
            terms=result.terms,
            covariance_groups=tuple(result.design.groups), fit=result.glance(),
            design=fitted.design,
        )  # fmt: skip
        _warn(draws)
        return draws

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary("Imputation by a mixed model for repeated measures", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the model as header lines."""
        by = "" if self.common_covariance else ", one for each arm"
        return (
            ("Model", f"{self.formula} ({'REML' if self.reml else 'ML'})"),
            ("Covariance", get_covariance(self.covariance).label + by),
            ("Method", self.method.describe()),
        )


def _warn(draws: Draws) -> None:
    drawn = draws.drawn
    if drawn.n_redrawn:
        warn(
            f"The imputation model did not converge in {drawn.n_redrawn} resamples, which were "
            "drawn again.",
            EstimateWarning,
        )
    if drawn.chains is not None:
        worst = float(np.nanmax(draws.convergence()["rhat"]))
        if worst > _WORST_RHAT:
            warn(
                f"Chains of the sampler have not converged (R-hat {worst:.3f}, above "
                f"{_WORST_RHAT}): "
                "raise burn_in and n, or thin.",
                EstimateWarning,
            )
