"""The imputation model of a binary or ordinal outcome, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, check_instance, checked
from trdstats.errors import EstimateWarning, SpecError, count_of, warn
from trdstats.imputation.methods import NormalPosterior
from trdstats.imputation.rated.glmm_draws import GLMMDraws, draw_glmm
from trdstats.imputation.rated.rated_model import fit_rated_model
from trdstats.imputation.trial.events import informing_values, place_events
from trdstats.imputation.trial.layout import check_arms, check_status, lay_out
from trdstats.longitudinal import GLMM
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread


@checked
@dataclass(frozen=True, repr=False)
class GLMMImputation(SummaryMixin):
    """Imputation of a binary or ordinal outcome by a generalised linear mixed model.

    Response at every visit, or severity bands, are imputed as what they are, without a score
    behind them. The chain is that of `Imputation`:
    ``spec.draw(data, events).impute(strategy).analyse(analysis).pool()``.

    Parameters
    ----------
    model : GLMM
        Family "binomial" or "ordinal", with a random intercept. Covariates must not change within
        a subject. Include all terms of the analysis. ``after_event`` in the formula is as in
        `Imputation`.
    n : int
        Draws.
    seed : int

    Raises
    ------
    SpecError
        When the model has another family, or a random slope.

    Notes
    -----
    Each draw takes the parameters from the large-sample normal distribution of the estimates, the
    random effect of every subject from its exact distribution given the observed ratings, and each
    missing rating given both. Pooled by Rubin's rules. Strategies act on the linear predictor of
    the fixed effects, as in Tang 2018; deltas are added to it, so that ``Delta(-1)`` multiplies
    the odds of a missing response by exp(-1).

    References
    ----------
    Rubin 1987, doi:10.1002/9780470316696. Tang 2018, doi:10.1002/sim.7583 (binary and ordinal
    outcomes under reference-based strategies).

    Examples
    --------
    >>> import trdstats as trd
    >>> study, days = trd.load_sample("trial"), [14, 21, 28]
    >>> model = trd.GLMM("response ~ treatment * visit + baseline")
    >>> spec = trd.GLMMImputation(model, n=20, seed=1)
    >>> left = trd.dropout_events(study, days=days)
    >>> draws = spec.draw(study, left, outcome=trd.Response(), days=days)
    >>> completed = draws.impute(trd.JumpToReference("TMS"))
    >>> completed.analyse(trd.VisitRates(visits=[28])).pool().tidy()["measure"].nunique()
    4
    """

    model: GLMM
    n: int = 100
    seed: int = field(kw_only=True)

    def __post_init__(self) -> None:
        check_instance("model", self.model, GLMM)
        NormalPosterior(self.n, seed=self.seed)
        if self.model.family not in ("binomial", "ordinal"):
            raise SpecError(
                "Imputation by a GLMM is for binary and ordinal outcomes: family='binomial' or "
                f"'ordinal'; got {self.model.family!r}."
            )
        if self.model.random.strip() != "1":
            raise SpecError(
                f"random={self.model.random!r}: the day of a visit that was missed is not known, "
                "so its random slope is not either. Use random='1', with visits in the formula."
            )

    @property
    def method(self) -> NormalPosterior:
        """How parameters are drawn."""
        return NormalPosterior(self.n, seed=self.seed)

    @property
    def formula(self) -> str:
        """Outcome and fixed effects."""
        return self.model.formula

    @one_thread
    def draw(
        self,
        data: Study | FrameLike,
        events: FrameLike | None = None,
        *,
        outcome: Definition | None = None,
        days: Sequence[Level] | None = None,
        subject: str = "subject",
        treatment: str = "treatment",
        visit: str = "visit",
    ) -> GLMMDraws:
        """Fit the imputation model and draw its parameters.

        Parameters
        ----------
        data : Study or DataFrame
            One row a subject and visit; rows that are missing altogether are missing visits. Of
            a study the scheduled visits and all its subjects, also those without an assessment.
        events : DataFrame, optional
            As for `Imputation.draw`.
        outcome : Definition, optional
            Its state at every visit of a study is the outcome, under the name that the formula has
            on its left, e.g. ``trd.Response()``. Subjects for whom it is undefined, such as those
            without a baseline, are left out and counted.
        days : sequence, optional
            Visits to use. Default: all.
        subject, treatment, visit : str
            Columns.

        Raises
        ------
        DataError, SpecError, UnknownNameError
            When the data, the events or the formula are not usable.
        NotEstimableError
            When an arm has no rating at a visit, or the model cannot be fitted, or predicts
            ratings without error (separation).

        Warns
        -----
        EstimateWarning
            As `GLMM.fit`; and when a category of an ordinal outcome has no rating that informs the
            model, so that no missing rating is imputed as it.
        """
        layout = lay_out(
            data, self.formula, subject=subject, treatment=treatment, visit=visit, days=days,
            family=self.model.family, definition=outcome,
        )  # fmt: skip
        layout, strategies = place_events(layout, events)
        used = informing_values(layout, strategies)
        check_arms(layout, used)
        check_status(layout, used)
        fitted = fit_rated_model(layout, self.model, used)
        theta, redrawn = draw_glmm(fitted, self.method)
        wording = "" if outcome is None or not isinstance(data, Study) else outcome.describe(
            data.scale
        )  # fmt: skip
        draws = GLMMDraws(
            spec=self, layout=layout, strategies=strategies, used=used, fitted=fitted,
            theta=theta, n_redrawn=redrawn, definition=wording,
        )  # fmt: skip
        for note in draws.category_notes:
            warn(
                f"{note} If it can occur there, merge it with its neighbour.", EstimateWarning,
            )  # fmt: skip
        return draws

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary("Imputation by a generalised linear mixed model", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the model as header lines."""
        points = count_of(self.model.points, "point", "points")
        return (
            ("Model", f"{self.formula} ({self.model.family}, {self.model.link_name} link)"),
            ("Random effects", f"an intercept of each subject ({points} of quadrature)"),
            ("Method", self.method.describe()),
        )
