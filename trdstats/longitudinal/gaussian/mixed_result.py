"""Results of a mixed model: the fit, its effects and rows, marginal means, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.arguments import Level, checked_methods
from trdstats.errors import SpecError, check_choice
from trdstats.longitudinal.designs.grid import margin_rows, slope_rows
from trdstats.longitudinal.designs.study_grid import sampling, study_grid
from trdstats.longitudinal.gaussian.margins import Margins
from trdstats.longitudinal.gaussian.mixed.analysed_rows import AnalysedRows
from trdstats.longitudinal.gaussian.mixed.effects import FixedEffects
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_number,
    format_p,
)


@checked_methods
@dataclass(frozen=True, repr=False)
class MixedResult(FixedEffects, AnalysedRows):
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
        grid = study_grid(self._design_of_subjects(), term, by, at)
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
        return f"{self._n_subjects:,} in {n:,} of {self.design.unit}"

    @property
    def _n_subjects(self) -> int:
        """Analysed subjects."""
        return int(self.design.row_subjects.nunique())

    def _header(self) -> tuple[tuple[str, str], ...]:
        """Return further lines of the header of the summary."""
        return ()

    def _tables(self) -> tuple[Table, ...]:
        """Return the tables below the effects."""
        return ()
