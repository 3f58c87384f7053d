"""Fixed effects of a mixed model: combinations of them, tests, influence of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, unknown_name
from trdstats.estimates import Estimates
from trdstats.estimates.comparisons import contrast_names
from trdstats.kernels.gaussian.mixed_tests import FTest
from trdstats.longitudinal.designs.term_tests import columns_by_term, joint_test_row, type3_table
from trdstats.longitudinal.gaussian.mixed.fitted import FittedModel


@checked_methods
class FixedEffects(FittedModel):
    """What a fitted model says of its fixed effects: see `MixedResult`."""

    def estimates(self) -> Estimates:
        """Return the fixed effects, with the influence of every subject where the fit has rows."""
        return self.with_influence(self._table(), self._on_kept(np.eye(len(self.terms))))

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
        names = contrast_names(labels, len(rows))
        estimates = self._combined(rows, pd.DataFrame({"contrast": names}))
        return self.with_influence(estimates, self._on_kept(rows))

    def _on_kept(self, rows: FloatArray) -> FloatArray:
        """Return coefficients on the columns that were fitted, of those on `terms`."""
        full = np.zeros((len(rows), len(self.design.terms)))
        full[:, self._kept] = rows
        return self.design.on_columns(full)[:, self._kept]

    def _combined(self, rows: FloatArray, keys: pd.DataFrame) -> Estimates:
        """Return combinations of the effects as they were estimated, aliased ones left out."""
        lost = np.asarray(np.isnan(rows).any(axis=1))
        full = np.zeros((len(rows), len(self.design.terms)))
        full[:, self._kept] = self._on_kept(np.where(lost[:, None], 0.0, rows))
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
        effect_influence = self._influence() if self._has_influences else None
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
            L = self.design.on_columns(np.eye(len(self.design.terms))[columns])
        else:
            rows = self._checked_rows(terms)
            if np.isnan(rows).any():
                return joint_test_row(FTest(np.nan, np.nan, np.nan), "a contrast is not estimable")
            return joint_test_row(self.inference.f_test(self._on_kept(rows)))
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
        if not self._has_influences:
            raise SpecError(
                "The model was fitted to a summary, which has no rows: influence needs them."
            )
        if self._influence() is None:
            raise SpecError(
                "Influence needs independent subjects or sites, and crossed random effects connect "
                "all ratings."
            )
        return super().influence().rename(columns={"subject": self.design.unit})
