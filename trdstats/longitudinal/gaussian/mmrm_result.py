"""Results of a mixed model for repeated measures, beside those of every mixed model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.gaussian.newton import Optimum
from trdstats.kernels.gaussian.reml import Model, covariances
from trdstats.kernels.gaussian.sandwich import Subjects, SubjectsInMemory, sandwich
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.covariances.covariances import Covariance, boundary_of
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.gaussian.mixed_result import MixedResult
from trdstats.longitudinal.gaussian.nested_models import likelihood_ratio
from trdstats.longitudinal.gaussian.predict import missing_visits
from trdstats.longitudinal.gaussian.probability_result import (
    Misfit,
    ProbabilityResult,
    probabilities,
)
from trdstats.longitudinal.gaussian.question import Outcome, read_question
from trdstats.outcomes import Definition
from trdstats.scales import Scale

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM


@checked_methods
@dataclass(frozen=True, repr=False)
class MMRMResult(MixedResult):
    """A fitted mixed model for repeated measures."""

    spec: MMRM
    _model: Model
    _optimum: Optimum
    _rows: SubjectRows = field(kw_only=True)
    _origin: FloatArray = field(kw_only=True)
    title: ClassVar[str] = "Mixed model for repeated measures"

    @property
    def structure(self) -> str:
        """Covariance structure in words."""
        by = f", by {self.spec.group}" if self.spec.group else ""
        return get_covariance(self.spec.covariance).label + by

    @property
    def _structure(self) -> Covariance:
        return get_covariance(self.spec.covariance).at(self.design.places)

    @property
    def boundary(self) -> tuple[str, ...]:
        """Sentences that name what is estimated at the boundary of the parameters; mostly none."""
        by_group = self._model.parts(self._optimum.state.theta)
        sentences = boundary_of(self._structure, by_group, self.design.usual_days)
        return tuple(dict.fromkeys(sentences.values()))

    def _left_out_notes(self) -> list[str]:
        return [*super()._left_out_notes(), *self.boundary]

    def _header(self) -> tuple[tuple[str, str], ...]:
        """Return the order of visits that was read from texts, and which are constrained."""
        design = self.design
        header = []
        if design.order_from_text:
            header.append(("Order of visits", ", ".join(str(v) for v in design.visits)))
        if design.baseline is not None:
            names = ", ".join(f"{v:g}" if isinstance(v, float) else str(v)
                              for v in design.baseline.before if v in design.visits)  # fmt: skip
            header.append(("Constrained", f"treatments have one mean at {names}"))
        return tuple(header)

    @property
    def covariance(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Covariance matrix of the visits on their nominal days; with ``group``, one a group."""
        visits = self.design.visits
        structure = self._structure
        thetas = self._model.parts(self._optimum.state.theta)
        by_group = {
            name: pd.DataFrame(
                structure.matrix(theta, self.design.nominal_days), index=visits, columns=visits
            )
            for name, theta in zip(self.design.groups, thetas, strict=True)
        }
        return by_group if self.spec.group else by_group["all"]

    def covariance_parameters(self) -> pd.DataFrame:
        """Return covariance parameters: term, group, estimate, std_error, start of the search.

        What is estimated at the boundary has no standard error (NaN).
        """
        names = self._structure.names([str(v) for v in self.design.visits])
        groups = self.design.groups
        variance = np.diag(self._of_theta)
        return pd.DataFrame(
            {
                "term": names * len(groups),
                "group": np.repeat(groups, len(names)),
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.where(variance > 0, variance, np.nan)),
                "start": self._optimum.start,
            }
        )

    def likelihood_ratio(self, simpler: MMRMResult) -> pd.DataFrame:
        """Test what a simpler fit of the same rows does not have.

        Either covariances of which one is a special case of the other, with the same fixed
        effects, under REML or ML; or fixed effects, with the same covariance, under ML only:
        restricted likelihoods of different fixed effects are not comparable.

        Parameters
        ----------
        simpler : MMRMResult

        Returns
        -------
        pandas.DataFrame
            statistic, df, p_value (chi-squared).

        Raises
        ------
        SpecError
            When the fits are not of the same rows, not nested, or differ in both.

        Examples
        --------
        >>> import trdstats as trd
        >>> frame = trd.load_sample("trial").longitudinal(days=[7, 14, 21, 28])
        >>> model = trd.MMRM("change ~ baseline * visit + treatment * visit")
        >>> banded = trd.MMRM(model.formula, covariance="toeph").fit(frame)
        >>> int(model.fit(frame).likelihood_ratio(banded)["df"].item())
        3
        """
        return likelihood_ratio(self, simpler)

    def predict_missing(self) -> pd.DataFrame:
        """Predict the missed visits from those observed on the same subject.

        Missing at random given the observed visits, as the model itself assumes. The error includes
        the variance of the visit and the uncertainty of the fixed effects; the covariance is
        taken as known.

        Returns
        -------
        pandas.DataFrame
            subject, visit, estimate, std_error, reason; one row a missed visit of a subject with
            ratings. Where the model has no mean for the visit, as for a treatment without
            any assessment at it, the prediction is NaN, and reason says why.

        Raises
        ------
        NotEstimableError
            When a covariate changes between visits, or the ratings are weighted.
        """
        return missing_visits(self)

    def probability(
        self,
        definition: Definition,
        *,
        visit: Level | Sequence[Level] | None = None,
        at: Mapping[str, Level] | None = None,
        treatment: str = "treatment",
        baseline: str = "baseline",
        outcome: Outcome | None = None,
        scale: Scale | str | None = None,
        rounded: bool = True,
        misfit: Misfit = "refuse",
    ) -> ProbabilityResult:
        """Return the probability of response, remission and their kin from the fitted model.

        The fitted normal distribution of the scores says how often an outcome is met, so that no
        score is cut into met and not met. Every subject of the study is put under every
        treatment with its own covariates, and the average taken (g-computation); the standard
        error counts the effects, the covariance, and that the subjects are a sample.

        Parameters
        ----------
        definition : Definition
            Decided by limits on the scores of visits: `Response`, `Remission`, these at several
            days (`AtDays`), sustained (`Sustained`), joined by ``&``, ``|`` and ``~``.
        visit : level or sequence of levels, optional
            Visits. Default: all after baseline; of a definition that speaks for all visits
            before it, the one at the last day it needs.
        at : mapping, optional
            Values of covariates for every subject; with all of them, probabilities at given
            covariates.
        treatment, baseline : str
            Columns. The baseline is a covariate of the model, or in a constrained analysis one
            of its outcomes, and then random.
        outcome : {"score", "change"}, optional
            What the outcome of the model is. Default: by the name of its column.
        scale : Scale or str, optional
            Scale of the scores. Default: that of the study the model was fitted to.
        rounded : bool, default True
            Whether scores are totals of the scale: a score at most c is a value below c + 0.5 (half
            a step), and what lies beyond an end of the scale counts there.
        misfit : {"refuse", "caveat"}
            Where the residuals of a treatment at a visit are skewed, or many of its ratings are at
            an end of the scale: NaN with the reason, or a probability with a printed caveat.

        Raises
        ------
        SpecError, UnknownNameError
            When the definition is not decided by limits on scores, such as an event, or the
            arguments do not fit the model.
        NotEstimableError
            When the normal distribution fits nowhere and ``misfit="refuse"``.

        See Also
        --------
        onset_curve : the probability of a first such visit by each visit.

        Notes
        -----
        With mean m and standard deviation s of a subject's score, P(score <= c) is
        Phi((c + 0.5 - m) / s); several visits are a box of the multivariate normal distribution.
        See docs/methods/probability.md.

        Examples
        --------
        In the sample trial responders and others are two groups, so the scores are skewed under
        two of the treatments: that is refused, or accepted and printed.

        >>> import trdstats as trd
        >>> fit = trd.MMRM("change ~ baseline * visit + treatment * visit").fit(
        ...     trd.load_sample("trial"))
        >>> fit.probability(trd.Response(), visit=[7, 28]).tidy()["estimate"].round(2).tolist()
        [0.18, nan, nan, 0.37, nan, nan]
        >>> found = fit.probability(trd.Response(), visit=[7, 28], misfit="caveat")
        >>> found.tidy()["estimate"].round(2).tolist()
        [0.18, 0.5, 0.5, 0.37, 0.66, 0.47]
        >>> difference = found.compare("treatment", measures=("difference", "ratio"))
        >>> trd.number_needed_to_treat(difference).tidy()["rounded_up"].tolist()
        [4, 4, 4, 11]
        """
        question = read_question(
            self, definition, scale=scale, outcome=outcome, treatment=treatment, baseline=baseline,
            at=at, first=False, rounded=rounded,
        )  # fmt: skip
        return probabilities(self, question, visit, misfit)

    def onset_curve(
        self,
        definition: Definition,
        *,
        visit: Level | Sequence[Level] | None = None,
        at: Mapping[str, Level] | None = None,
        treatment: str = "treatment",
        baseline: str = "baseline",
        outcome: Outcome | None = None,
        scale: Scale | str | None = None,
        rounded: bool = True,
        misfit: Misfit = "refuse",
    ) -> ProbabilityResult:
        """Return the probability that an outcome was met by each visit, were all attended.

        Parameters
        ----------
        definition, visit, at, treatment, baseline, outcome, scale, rounded, misfit
            As in `probability`.

        Raises
        ------
        SpecError, UnknownNameError, NotEstimableError
            As in `probability`.

        Examples
        --------
        >>> import trdstats as trd
        >>> fit = trd.MMRM("change ~ baseline * visit + treatment * visit").fit(
        ...     trd.load_sample("trial").longitudinal(days=[7, 14, 28]))
        >>> curve = fit.onset_curve(trd.Response(), misfit="caveat").tidy()
        >>> curve.loc[curve["treatment"] == "TMS", "estimate"].is_monotonic_increasing
        True
        """
        question = read_question(
            self, definition, scale=scale, outcome=outcome, treatment=treatment, baseline=baseline,
            at=at, first=True, rounded=rounded,
        )  # fmt: skip
        return probabilities(self, question, visit, misfit)

    def variance_of_rows(self, table: pd.DataFrame) -> FloatArray:
        """Return the variance of one rating of a new subject on each row of a table.

        Raises
        ------
        SpecError
            When the rows do not name their visits, or the variances are those of weights.
        """
        spec, design = self.spec, self.design
        if spec.rating_weights is not None or self._weighting is not None:
            raise SpecError("A new rating has no weight, so its variance is not known.")
        columns = [c for c in (design.visit, spec.group, spec.scale) if c]
        absent = [c for c in columns if c not in table.columns]
        if absent:
            raise SpecError(
                f"The variance of a new rating needs the columns {', '.join(map(repr, absent))}."
            )
        matrices = self.covariance
        by_group = matrices if isinstance(matrices, dict) else {"all": matrices}
        variances = {name: np.diag(V) for name, V in by_group.items()}
        names = [str(v) for v in design.visits]
        visits = table[design.visit].astype(object).map(level_text)
        if spec.scale:
            visits = table[spec.scale].astype(object).map(level_text) + ", " + visits
            place = pd.Index(names).get_indexer(pd.Index(visits))
        else:
            place = pd.Index([level_text(v) for v in design.visits]).get_indexer(pd.Index(visits))
        if (place < 0).any():
            raise SpecError(
                f"The model has no visit {visits[place < 0].iloc[0]}; its visits are "
                f"{', '.join(names)}."
            )
        group = ["all"] * len(table)
        if spec.group is not None:
            group = [level_text(g) for g in table[spec.group]]
        unknown = sorted(set(group) - set(variances))
        if unknown:
            raise SpecError(f"The model has no group {', '.join(unknown)} of {spec.group!r}.")
        return np.array([variances[g][t] for g, t in zip(group, place, strict=True)])

    def visit_variances(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the variance at each visit, and the sampling variance of each, shape (T,).

        None where groups have their own covariances.
        """
        if self.spec.group or self.spec.scale:
            return None
        shape = self._optimum.state.shapes[0]
        slope = np.diagonal(shape.first[:, 0], axis1=1, axis2=2)
        spread = np.einsum("ht,hk,kt->t", slope, self._of_theta, slope)
        return np.diag(shape.value[0]), spread

    @property
    def _n_units(self) -> int:
        """Number of subjects."""
        return int(self._model.products.n.sum())

    @property
    def _subjects(self) -> Subjects:
        """The subjects one by one."""
        return SubjectsInMemory(self._rows)

    def _influence(self) -> FloatArray:
        """Return the influence of each subject on each fixed effect, shape (n, q)."""
        subjects = self._subjects
        robust = sandwich(self._model, self._optimum.state, subjects, "empirical")
        effect = np.zeros((len(self.design.subjects), len(self.terms)))
        effect[subjects.order] = robust.scores @ robust.plain
        return effect

    def _covariances(self) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Yield the subjects of each pattern, its visits, and their covariance."""
        s, rows = self._model.products, self._rows
        V = covariances(self._model, self._optimum.state.shapes)
        for p in range(len(s.n)):
            visits = np.flatnonzero(s.rated[p])
            yield rows.order[rows.pattern == p], visits, V[p][np.ix_(visits, visits)]

    def whitened(self, residual: FloatArray) -> FloatArray:
        """Return residuals times the inverse Cholesky factor of their covariance, (n_rows,)."""
        design = self.design
        root = np.ones_like(design.y) if design.weight is None else np.sqrt(design.weight)
        raw = np.zeros(design.rated.shape)
        raw[design.person, design.occasion] = residual * root[design.cells]
        result = np.zeros_like(raw)
        for subjects, visits, V in self._covariances():
            half = np.linalg.cholesky(V)
            result[np.ix_(subjects, visits)] = np.linalg.solve(
                half, raw[np.ix_(subjects, visits)].T
            ).T
        return np.asarray(result[design.person, design.occasion])

    def noise(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of what is not the mean of the analysed rows, shape (n, n_rows)."""
        design = self.design
        root = np.ones_like(design.y) if design.weight is None else np.sqrt(design.weight)
        drawn = np.zeros((n, *design.y.shape))
        for subjects, visits, V in self._covariances():
            noise = rng.standard_normal((n, len(subjects), len(visits))) @ np.linalg.cholesky(V).T
            drawn[:, visits[:, None], subjects] = np.swapaxes(noise, 1, 2)
        return np.asarray((drawn / root)[:, design.occasion, design.person])
