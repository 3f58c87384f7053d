"""Draws of the parameters of a generalised linear mixed model, ready to impute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError, count_of
from trdstats.imputation.methods import NormalPosterior
from trdstats.imputation.rated.imputed_ratings import ImputedRatings
from trdstats.imputation.rated.predictors import impute_predictors
from trdstats.imputation.rated.rated_model import RatedModel
from trdstats.imputation.trial.choice import resolve_strategies
from trdstats.imputation.trial.events import event_table
from trdstats.imputation.trial.layout import Layout
from trdstats.imputation.trial.strategies import Strategy
from trdstats.imputation.trial.words import counts_of, data_lines, missing_table
from trdstats.tables import FrameResult, Summary, format_count

if TYPE_CHECKING:
    from trdstats.imputation.rated.glmm_imputation import GLMMImputation

_ATTEMPTS = 1_000  # draws of the parameters tried for one that has its thresholds in order


def draw_glmm(fitted: RatedModel, method: NormalPosterior) -> tuple[FloatArray, int]:
    """Draw parameters from the normal distribution of their estimates.

    Returns
    -------
    theta : ndarray, shape (M, q)
    n_redrawn : int
        Draws whose thresholds were not in order, replaced by others.

    Raises
    ------
    NotEstimableError
        When hardly a draw has its thresholds in order.
    """
    parameters = fitted.result.parameters
    covariance = parameters.covariance
    free = np.diag(covariance) > 0  # the others are held at the boundary
    root = np.linalg.cholesky(covariance[np.ix_(free, free)])
    theta = np.tile(parameters.theta, (method.n, 1))
    redrawn = 0
    for b in range(method.n):
        rng = np.random.default_rng((method.seed, b, 0))
        for _ in range(_ATTEMPTS):
            theta[b, free] = parameters.theta[free] + root @ rng.standard_normal(int(free.sum()))
            if (np.diff(theta[b, : fitted.n_thresholds]) > 0).all():
                break
            redrawn += 1
        else:
            raise NotEstimableError(
                "The thresholds of the imputation model are hardly told apart: a category has too "
                "few ratings. Merge it into a neighbour."
            )
    return theta, redrawn


@checked_methods
@dataclass(frozen=True, repr=False)
class GLMMDraws(FrameResult):
    """Parameters of a generalised linear mixed model, one set a draw.

    `tidy` has one row a parameter: term, estimate (mean of the draws), sd (between draws).

    Attributes
    ----------
    spec : GLMMImputation
    layout : Layout
        Places of the categories by subject and visit, with the events.
    strategies : ndarray of object, shape (n,)
        Strategy that came with each event; MAR without one.
    used : ndarray of bool, shape (n, T)
        Ratings that inform the imputation model.
    fitted : RatedModel
    theta : ndarray, shape (M, q)
        Thresholds, coefficients, then the standard deviation of the random intercept.
    n_redrawn : int
    definition : str
        Rule of the outcome in words, where it is a definition.
    """

    spec: GLMMImputation
    layout: Layout
    strategies: npt.NDArray[np.object_]
    used: BoolArray
    fitted: RatedModel
    theta: FloatArray
    n_redrawn: int
    definition: str

    _kept: ClassVar[str] = "parameters"
    # Every subject is in every set once.
    counts: None = None

    @property
    def n_draws(self) -> int:
        """Number of sets of parameters."""
        return len(self.theta)

    def impute(
        self,
        strategy: Strategy | str | Mapping[str, Strategy | str] | None = None,
        *,
        reference: Level | None = None,
    ) -> ImputedRatings:
        """Impute the missing ratings of every draw.

        Parameters
        ----------
        strategy : Strategy, str or dict, optional
            For all events, or ``{reason: strategy}``. Default: the strategies of the events.
            Gaps before an event, and those of subjects without one, are missing at random.
        reference : str, optional
            Reference arm of strategies that do not name one.

        Returns
        -------
        ImputedRatings

        Raises
        ------
        SpecError
            When a strategy needs a reference and has none, or sets aside ratings that informed
            the model.
        NotEstimableError
            When the linear predictor of a missing rating is not estimable.
        """
        complete = resolve_strategies(self, strategy, reference)
        who, when = np.nonzero(np.isnan(self.layout.y))
        predictors = impute_predictors(self, complete)
        return ImputedRatings(
            draws=self, strategies=complete, cells=(who, when), values=predictors.eta,
            chance=predictors.chance, given=predictors.given,
        )  # fmt: skip

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameters of the imputation model, summarised over the draws."""
        result, fitted = self.fitted.result, self.fitted.result.fitted
        codes = [str(self.layout.categories[k]) for k in self.fitted.place]
        names = [f"threshold {codes[k]}|{codes[k + 1]}" for k in range(fitted.n_thresholds)]
        names += [result.design.terms[j] for j in fitted.estimated]
        theta = self.theta.copy()
        theta[:, -1] = np.abs(theta[:, -1])
        return pd.DataFrame(
            {
                "term": [*names, f"sd({result.effects.names[0]})"],
                "estimate": theta.mean(axis=0),
                "sd": theta.std(axis=0, ddof=1),
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, ratings, draws."""
        return pd.DataFrame(
            {
                **counts_of(self.layout, self.used),
                "n_draws": [self.n_draws],
                "n_redrawn": [self.n_redrawn],
            }
        )

    @property
    def category_notes(self) -> tuple[str, ...]:
        """What must be said of categories that are never imputed: nothing or one sentence."""
        categories, place = self.layout.categories, self.fitted.place
        # Also those whose ratings are all of visits that do not inform the model.
        unused = [c for k, c in enumerate(categories) if k not in place]
        names = [str(c) for c in (*self.layout.unrated_categories, *unused)]
        if not names:
            return ()
        where = count_of(len(names), "category", "categories")
        them = "it" if len(names) == 1 else "them"
        return (
            f"No rating that informs the imputation model is in {where}: {', '.join(names)}. The "
            f"cut points beside {them} cannot be estimated: no missing rating is imputed as "
            f"{them if len(names) == 1 else 'one of them'}.",
        )

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return model, data and draws as header lines."""
        g = self.glance().iloc[0]
        header = [*self.spec.header()]
        if self.definition:
            header.insert(1, ("Outcome", self.definition))
        header += data_lines(self.layout, self.used)
        redrawn = f"; {g.n_redrawn:,} with thresholds out of order were drawn again"
        header.append(
            ("Sets of parameters", format_count(g.n_draws) + (redrawn if g.n_redrawn else ""))
        )
        return tuple(header)

    def summary(self) -> Summary:
        """Return model, data and events of the draws."""
        tables = (missing_table(self.layout), *event_table(self.layout, self.strategies))
        notes = (*self.fitted.result.boundary, *self.category_notes)
        return Summary("Draws of an imputation model", self.header(), tables, notes)
