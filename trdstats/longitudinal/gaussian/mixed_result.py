"""Results of a mixed model: effects, tests, marginal means, influence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.estimates import EstimateResult, Estimates
from trdstats.kernels.gaussian.estimability import Estimability
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.kernels.gaussian.newton import Optimum
from trdstats.kernels.gaussian.reml import Model
from trdstats.kernels.random_effects.likelihood import RandomModel
from trdstats.kernels.random_effects.search import Optimum as RandomOptimum
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.estimable import Identified
from trdstats.longitudinal.designs.grid import margin_rows, slope_rows
from trdstats.longitudinal.designs.study_grid import sampling, study_grid
from trdstats.longitudinal.designs.subject_weights import Weighting
from trdstats.longitudinal.designs.term_tests import columns_by_term, joint_test_row, type3_table
from trdstats.longitudinal.gaussian.autocorrelation import residual_autocorrelation
from trdstats.longitudinal.gaussian.margins import Margins
from trdstats.longitudinal.gaussian.predict import (
    Kind,
    predicted,
    residual_table,
    simulated_outcomes,
)
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_number,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM
    from trdstats.longitudinal.gaussian.mmrm import MMRM


@checked_methods
@dataclass(frozen=True, repr=False)
class MixedResult(EstimateResult):
    """A fitted mixed model.

    Attributes
    ----------
    spec : MMRM or LMM
    design : Design
        Analysed rows, and counts of those left out.
    terms : tuple of str
        Columns of the design that were estimated.
    aliased : tuple of str
        Columns left out because they are collinear with others.
    inference : Inference
        Covariance of the effects and their degrees of freedom.
    """

    spec: MMRM | LMM
    design: Design
    terms: tuple[str, ...]
    aliased: tuple[str, ...]
    inference: Inference
    _columns: Estimability
    _model: Model | RandomModel
    _optimum: Optimum | RandomOptimum
    _of_theta: FloatArray
    _weighting: Weighting | None = field(default=None, kw_only=True)
    _by_constraint: tuple[int, ...] = field(default=(), kw_only=True)

    title: ClassVar[str] = "Mixed model"

    @property
    def _kept(self) -> IntArray:
        """Columns of the design that were estimated."""
        return self._columns.kept

    @property
    def identified(self) -> Identified:
        """Inference on combinations of all columns of the design, aliased ones included."""
        return Identified(self.design, self.inference, self._columns, self._by_constraint)

    @property
    def structure(self) -> str:
        """Covariance structure in words."""
        raise NotImplementedError

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return -self._optimum.state.deviance / 2

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return self._optimum.state.deviance

    @property
    def n_covariance(self) -> int:
        """Number of covariance parameters."""
        return int(sum(self._model.sizes))

    @property
    def aic(self) -> float:
        """Akaike's criterion; under REML it counts covariance parameters only, as SAS and mmrm.

        NaN with weights of subjects, whose likelihood is a pseudo-likelihood.
        """
        return float("nan") if self._weighting else self.deviance + 2 * self._n_counted()

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for small samples: 2 k n / (n - k - 1) in place of 2 k.

        As SAS: k parameters as `aic` counts them; n ratings, under REML less the fixed effects.

        References
        ----------
        Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297.
        """
        k = self._n_counted()
        n = max(self.n_obs - (len(self.terms) if self.spec.reml else 0), k + 2)
        return float("nan") if self._weighting else self.deviance + 2 * k * n / (n - k - 1)

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of subjects, as SAS and mmrm; NaN as `aic`."""
        if self._weighting:
            return float("nan")
        return self.deviance + float(np.log(self._n_units)) * self._n_counted()

    @property
    def n_obs(self) -> int:
        """Number of analysed ratings."""
        return self._model.n_obs

    @property
    def _n_units(self) -> int:
        """Number of subjects, or of sites whose subjects are not independent."""
        raise NotImplementedError

    def _n_counted(self) -> int:
        return self.n_covariance

    def estimates(self) -> Estimates:
        """Return the fixed effects, with the influence of every subject where the fit has rows."""
        return self.with_influence(self._table(), np.eye(len(self.terms)))

    def _table(self) -> Estimates:
        return self._combined(np.eye(len(self.terms)), pd.DataFrame({"term": list(self.terms)}))

    def contrast(self, L: npt.ArrayLike, labels: Sequence[str] | None = None) -> Estimates:
        """Return linear combinations of the fixed effects.

        Parameters
        ----------
        L : array_like, shape (k, q) or (q,)
            Coefficients in the order of `terms`; a row that is NaN has no estimate.
        labels : sequence of str, optional

        Raises
        ------
        SpecError
            When the number of coefficients is not that of the terms.
        """
        rows = self._checked_rows(L)
        names = list(labels or [f"contrast {i + 1}" for i in range(len(rows))])
        estimates = self._combined(rows, pd.DataFrame({"contrast": names}))
        return self.with_influence(estimates, rows)

    def _combined(self, rows: FloatArray, keys: pd.DataFrame) -> Estimates:
        """Return combinations of the effects as they were estimated, aliased ones left out."""
        lost = np.asarray(np.isnan(rows).any(axis=1))
        full = np.zeros((len(rows), len(self.design.terms)))
        full[:, self._kept] = np.where(lost[:, None], 0.0, rows)
        as_estimated = replace(
            self.identified, columns=self._columns.without(self._columns.left_out.tolist())
        )
        estimates = as_estimated.estimates(full, keys, title=self.title)
        return replace(
            estimates, value=np.where(lost, np.nan, estimates.value),
            reasons=tuple(
                "not estimable" if x else r for x, r in zip(lost, estimates.reasons, strict=True)
            ),
        )  # fmt: skip

    def with_influence(
        self, estimates: Estimates, rows: FloatArray, sampled: FloatArray | None = None
    ) -> Estimates:
        """Return estimates with the influence of every subject on them.

        Parameters
        ----------
        estimates : Estimates
        rows : ndarray, shape (k, q)
            Their coefficients on the columns that were estimated; NaN where not estimable.
        sampled : ndarray, shape (n, k), optional
            What subjects add by being in the study.

        Notes
        -----
        On the fixed effects it is Phi times the subject's score X' V^-1 r; the cross-product is
        the empirical covariance (CR0). Where subjects share random effects of a site, there is
        one row a site: only sites are independent. With estimated weights the influence includes
        their estimation. A fit to a summary has no rows, and no influences.
        """
        effect_influence = self._influence() if len(self.design.person) else None
        if effect_influence is None:
            return estimates
        subjects = np.asarray(self.design.subjects, dtype=object)
        if self._weighting is not None:
            effect_influence, subjects = (
                self._weighting.through(effect_influence),
                self._weighting.subjects(subjects),
            )
        influence = effect_influence @ np.nan_to_num(rows).T
        influence = influence if sampled is None else influence + sampled
        return replace(estimates, influences=np.asarray(influence), subjects=subjects)

    def with_sampling(
        self, estimates: Estimates, L: FloatArray, sampled: FloatArray | None
    ) -> Estimates:
        """Return estimates whose covariance counts that the subjects are a sample.

        Parameters
        ----------
        estimates : Estimates
        L : ndarray, shape (k, q)
            Their coefficients on all columns of the design.
        sampled : ndarray, shape (n, k), or None
            What subjects add by being in the study; None where nothing is averaged over it.

        Notes
        -----
        Given its covariates, a model that holds makes no error that depends on them. The
        empirical covariances do not rely on that: they count the products of both parts as well.
        """
        if sampled is None:
            return estimates
        added = sampled.T @ sampled
        effects = self._influence()
        if getattr(self.spec, "vcov", "model") != "model" and effects is not None:
            of_effects = effects @ L[:, self._kept].T
            added += of_effects.T @ sampled + sampled.T @ of_effects
        return replace(estimates, covariance=estimates.covariance + added)

    def _checked_rows(self, L: Any) -> FloatArray:
        rows = np.atleast_2d(np.asarray(L, dtype=float))
        if rows.shape[1] != len(self.terms):
            raise SpecError(
                f"A contrast needs {len(self.terms)} coefficients, one a term; got {rows.shape[1]}."
            )
        return rows

    def joint_test(
        self, terms: str | Sequence[str] | Sequence[Sequence[float]] | FloatArray
    ) -> pd.DataFrame:
        """Test several effects together.

        Parameters
        ----------
        terms : str, sequence of str, or array_like of shape (k, q)
            Columns of the design; a term of the formula (``"treatment"``, ``"treatment:visit"``)
            stands for all its columns; or coefficients, in the order of `terms`, of contrasts
            that are 0 together. If not all are estimable, the
            estimable combinations are tested.

        Returns
        -------
        pandas.DataFrame
            statistic (F), df_num, df_den, p_value, reason (what is not estimable and why).

        Raises
        ------
        UnknownNameError
            When a term is not in the model.
        """
        if isinstance(terms, str) or (len(terms) and isinstance(terms[0], str)):
            chosen = [terms] if isinstance(terms, str) else list(terms)
            columns = [j for name in chosen for j in self._columns_of(name)]
            L = np.eye(len(self.design.terms))[columns]
        else:
            rows = self._checked_rows(terms)
            if np.isnan(rows).any():
                return joint_test_row(FTest(np.nan, np.nan, np.nan), "a contrast is not estimable")
            return joint_test_row(self.inference.f_test(rows))
        return joint_test_row(*self.identified.test(L, as_parametrised=True))

    def type3(self) -> pd.DataFrame:
        """Test every term of the formula (type III).

        A term is tested by differences between the levels of its categories, averaged equally
        over the levels of all others; the coding of the columns does not matter. Numbers outside
        the term are at 0: centre a covariate that interacts with a category. If not
        all are estimable, the estimable combinations are tested. In a constrained
        analysis treatments do not differ at the first visit.

        Returns
        -------
        pandas.DataFrame
            term, statistic (F), df_num, df_den, p_value, reason (what is not estimable and why).

        Raises
        ------
        SpecError
            When the formula transforms a column.
        """
        return type3_table(
            self.design, self.spec.formula, lambda L: joint_test_row(*self.identified.test(L))
        )

    def _columns_of(self, name: str) -> list[int]:
        """Return columns of the design, aliased ones included."""
        if name in self.design.terms:
            return [self.design.terms.index(name)]
        groups = columns_by_term(self.design)
        if name not in groups:
            raise unknown_name("term", name, [*groups, *self.design.terms])
        return groups[name]

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, ratings, log-likelihood, AIC, BIC, and convergence."""
        o = self._optimum
        return pd.DataFrame(
            {
                "n": [self._n_units],
                "n_obs": [self.n_obs],
                "n_left_out": [sum(self.design.left_out.values())],
                "loglik": [self.loglik],
                "deviance": [self.deviance],
                "aic": [self.aic],
                "aicc": [self.aicc],
                "bic": [self.bic],
                "n_covariance": [self.n_covariance],
                "n_iterations": [o.n_iterations],
                "n_evaluations": [o.n_evaluations],
                "gradient": [float(np.abs(o.gradient).max())],
                "condition": [float(np.linalg.cond(o.hessian))],
                "converged": [o.is_minimum],
            }
        )

    def margins(
        self,
        term: str,
        *,
        by: str | None = None,
        at: Mapping[str, Level] | None = None,
        weights: str = "equal",
        covariates: Literal["observed", "fixed"] = "fixed",
    ) -> Margins:
        """Estimate marginal means.

        Parameters
        ----------
        term : str
            Column whose levels are compared, e.g. ``"treatment"``.
        by : str, optional
            Column within whose levels they are estimated, e.g. ``"visit"``.
        at : mapping, optional
            Values of covariates. Default: numbers at their mean over the analysed rows.
        weights : {"equal", "proportional", "observed"}
            How the levels of other categories are averaged: all equally, by their numbers of
            analysed rows, or equally over those combinations that have a row with the levels of
            `term` and `by` (categories within others, such as sites within countries).
        covariates : {"fixed", "observed"}
            "fixed" takes numbers at their mean and averages other categories. "observed" averages
            over the subjects of the study, each with the covariates it has, as if all had the
            level of `term` (g-computation), and counts that these are a sample; `at` then holds
            for every subject, and `weights` plays no part.

        Raises
        ------
        UnknownNameError, SpecError
            When a column is not in the model or has no levels; when an average over the study is
            not possible: a covariate changes between visits, subjects are weighted.

        References
        ----------
        Ye, Shao, Yi and Zhao 2023, doi:10.1080/01621459.2022.2049278 (average over the study).

        Examples
        --------
        >>> import trdstats as trd
        >>> fit = trd.MMRM("change ~ baseline * visit + treatment * visit").fit(
        ...     trd.load_sample("trial"))
        >>> fixed = fit.margins("treatment", by="visit").tidy()
        >>> observed = fit.margins("treatment", by="visit", covariates="observed").tidy()
        >>> bool((observed["std_error"] > fixed["std_error"]).all())
        True
        """
        check_choice("covariates", covariates, ("observed", "fixed"))
        if covariates == "fixed":
            L, size, labels = margin_rows(self.design, term, by, at or {}, weights)
            return Margins(self.inference, L, size, labels, term, by, self)
        self._refuse_weights("An average over the study")
        grid = study_grid(self.design, term, by, at)
        L, size = grid.X.mean(axis=1), np.abs(grid.X).mean(axis=1)
        sampled = sampling(grid.X[:, :, self._kept] @ self.inference.beta)
        return Margins(self.inference, L, size, grid.labels, term, by, self, sampled)

    def _refuse_weights(self, what: str) -> None:
        if self._weighting is not None:
            raise SpecError(
                f"{what} takes every subject once, and this model was fitted with weights of "
                "subjects: use margins at fixed covariates, or weights in rates(...)."
            )

    def slopes(
        self,
        variable: str,
        *,
        by: str,
        at: Mapping[str, Level] | None = None,
        weights: str = "equal",
    ) -> Margins:
        """Estimate how the mean outcome changes with a number, within each level of a category.

        Parameters
        ----------
        variable : str
            Number in the formula, e.g. ``"day"``.
        by : str
            Category within whose levels, e.g. ``"treatment"``. ``contrasts()`` of the result are
            differences of slopes.
        at : mapping, optional
            Values of covariates. A slope that depends on the number itself (``day + I(day**2)``) is
            that at its value here, by default its mean over the analysed rows.
        weights : {"equal", "proportional", "observed"}
            How the levels of other categories are averaged.

        Returns
        -------
        Margins
            One row a level: change of the mean outcome per unit of the number.

        Raises
        ------
        UnknownNameError, SpecError
            When a column is not in the model, or the variable is no number.

        Examples
        --------
        >>> import trdstats as trd
        >>> frame = trd.load_sample("trial").longitudinal(days=[7, 14, 21, 28])
        >>> fit = trd.LMM("score ~ day * treatment + baseline", random="1 + day").fit(frame)
        >>> fit.slopes("day", by="treatment").contrasts(reference="TMS").tidy()["contrast"].tolist()
        ['ECT - TMS', 'IV ketamine - TMS']
        """
        L, size, labels = slope_rows(self.design, variable, by, at or {}, weights)
        what = f"Slopes of {variable}"
        return Margins(self.inference, L, size, labels, by, None, self, what=what)

    def residual_autocorrelation(
        self, kind: Kind = "normalised", *, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """Return the correlation of residuals of a subject by how many visits lie between them.

        Parameters
        ----------
        kind : {"normalised", "conditional", "marginal"}
            As in `residuals`. Normalised residuals have no correlation where the covariance fits.
        conf_level : float
            Of the band.

        Returns
        -------
        pandas.DataFrame
            lag (visits, or with random effects ratings of the subject in the order of the table),
            autocorrelation, n_pairs, conf_low and conf_high: the band of residuals without
            correlation, z / sqrt(n_pairs) on both sides of 0.

        Raises
        ------
        NotEstimableError
            When no subject has two ratings.
        SpecError
            When the model has several instruments at a visit.
        """
        return residual_autocorrelation(self, kind, conf_level)

    def plot_autocorrelation(
        self, kind: Kind = "normalised", ax: Axes | None = None, **options: Any
    ) -> Axes:
        """Draw the autocorrelation of residuals by distance; returns the Axes."""
        frame = self.residual_autocorrelation(kind)
        unit = "ratings" if self.design.by_row else "visits"
        settings = {
            "xlabel": f"Distance in {unit}", "ylabel": f"Autocorrelation of {kind} residuals",
            **options,
        }  # fmt: skip
        return plots.plot_autocorrelation(frame, ax=ax, **settings)

    def residuals(self, kind: Kind = "marginal") -> pd.DataFrame:
        """Return fitted values and residuals of every analysed row.

        Parameters
        ----------
        kind : {"marginal", "conditional", "normalised"}
            From the population mean; from each subject's own line (models with random
            effects); or marginal residuals made independent with variance 1 by the inverse
            Cholesky factor of their covariance.

        Returns
        -------
        pandas.DataFrame
            subject, visit, outcome, fitted, residual.

        Raises
        ------
        SpecError
            When conditional residuals are requested of a model without random effects.
        """
        return residual_table(self, kind)

    def predict(
        self,
        data: FrameLike | None = None,
        *,
        interval: Literal["mean", "new subject"] = "mean",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate the mean outcome of new rows, or predict ratings of new subjects.

        Parameters
        ----------
        data : DataFrame, optional
            Columns of the formula; levels must be those the model was fitted to. Default: the
            analysed rows, beside which their subject stands.
        interval : {"mean", "new subject"}
            Whether the limits are for the mean of all such subjects, or for the rating of one new
            subject: its variance is then added. For an `MMRM` the rows need the column of the
            visits (and of the `group`), for an `LMM` those of the random effects.
        conf_level : float

        Returns
        -------
        pandas.DataFrame
            The columns of the formula, estimate, std_error, df, conf_low, conf_high, conf_level,
            reason. A mean that is not estimable is NaN, and reason says why. Of a new subject
            std_error is that of the prediction; its covariance parameters are taken as known.

        Raises
        ------
        SpecError
            When columns or levels are missing or unknown.
        """
        check_choice("interval", interval, ("mean", "new subject"))
        return predicted(self, data, conf_level, new_subject=interval == "new subject")

    def variance_of_rows(self, table: pd.DataFrame) -> FloatArray:
        """Return the variance of one rating of a new subject on each row of a table."""
        raise NotImplementedError

    def simulate(self, n: int = 1, *, seed: int) -> pd.DataFrame:
        """Draw outcomes of the analysed rows from the fitted model.

        Returns
        -------
        pandas.DataFrame
            subject, visit, then one column a draw.
        """
        return simulated_outcomes(self, n, seed)

    def subject_lines(self) -> FloatArray | None:
        """Return the contribution of random effects at every rating, (n_rows,); None without."""
        return None

    def whitened(self, residual: FloatArray) -> FloatArray:
        """Return residuals times the inverse Cholesky factor of their covariance, (n_rows,)."""
        raise NotImplementedError

    def noise(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of what is not the mean of the analysed rows, shape (n, n_rows)."""
        raise NotImplementedError

    def visit_variances(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the variance at each visit, and the sampling variance of each, shape (T,).

        None where visits have no variance parameter, or groups differ in it.
        """
        return None

    def influence(self) -> pd.DataFrame:
        """Return the influence of each subject, or site, on each fixed effect.

        Returns
        -------
        pandas.DataFrame
            subject (or the column of the sites), then one column a term; see `with_influence`.

        Raises
        ------
        SpecError
            When the model was fitted to a summary.
        """
        if not len(self.design.person):
            raise SpecError(
                "The model was fitted to a summary, which has no rows: influence needs them."
            )
        if self._influence() is None:
            raise SpecError(
                "Influence needs independent subjects or sites, and crossed random effects connect "
                "all ratings."
            )
        return super().influence().rename(columns={"subject": self.design.unit})

    def summary(self) -> Summary:
        """Return the fit and its fixed effects as tables."""
        g = next(each_row(self.glance()))
        left = "; ".join(f"{n:,} {reason}" for reason, n in self.design.left_out.items())
        header = [
            ("Formula", self.spec.formula),
            *self.design.spec.header(),
            ("Covariance", self.structure),
            ("Subjects", self._subjects_in_words(g.n)),
            ("Ratings", f"{g.n_obs:,}" + (f" ({left} left out)" if left else "")),
            ("Log-likelihood", f"{g.loglik:.3f} ({'REML' if self.spec.reml else 'ML'})"),
            *([] if self._weighting else [("AIC, BIC", f"{g.aic:.1f}, {g.bic:.1f}")]),
            ("Degrees of freedom", self.spec.ddf),
        ]
        header += self._header()
        header += [("Weights", self._weighting.words)] if self._weighting else []
        rows = tuple(
            (
                r.term,
                format_number(r.estimate, 3),
                format_number(r.std_error, 3),
                format_number(r.df, 1),
                format_number(r.statistic, 2),
                format_p(r.p_value),
            )
            for r in each_row(self.tidy())
        )
        columns = ("Term", "Estimate", "SE", "df", "t", "p")
        notes = [*caveat_notes(self.design.caveat)]
        notes += self._left_out_notes()
        tables = (Table(columns, rows), *self._tables())
        return Summary(self.title, tuple(header), tables, tuple(notes))

    def _left_out_notes(self) -> list[str]:
        notes = []
        if self.aliased:
            notes.append(f"Left out, collinear (aliased) with others: {', '.join(self.aliased)}.")
        ambiguous = self.identified.ambiguous()
        if ambiguous:
            shown = ", ".join(ambiguous[:8]) + (", ..." if len(ambiguous) > 8 else "")
            notes.append(
                f"Not interpretable alone, they depend on which columns were left out: {shown}."
            )
        if self._by_constraint:
            names = ", ".join(self.design.terms[j] for j in self._by_constraint)
            notes.append(f"Left out by the constraint of one mean at the first visit: {names}.")
        return notes

    def _subjects_in_words(self, n: int) -> str:
        if self.design.unit == "subject":
            return f"{n:,}"
        return f"{self.design.row_subjects.nunique():,} in {n:,} of {self.design.unit}"

    def _influence(self) -> FloatArray | None:
        """Return the influence of each subject on each fixed effect, shape (n, q).

        None where no subjects are independent of each other.
        """
        raise NotImplementedError

    def _header(self) -> tuple[tuple[str, str], ...]:
        """Return further lines of the header of the summary."""
        return ()

    def _tables(self) -> tuple[Table, ...]:
        """Return the tables below the effects."""
        return ()
