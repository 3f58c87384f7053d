"""Weights that make cohorts balanced in what was measured before treatment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.comparison.weighting.propensity_result import PropensityResult
from trdstats.comparison.weighting.treatment_model import TreatmentModel
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    Problem,
    SpecError,
    check_choice,
    check_level,
    count_of,
    known_level,
    unknown_name,
    warn,
)
from trdstats.estimates.weights import check_cap
from trdstats.formulas import read_right_side
from trdstats.participants.covariates import (
    FEWEST,
    CovariateTable,
    read_covariate_table,
    split_formula,
)
from trdstats.participants.positivity import Violation, find_violations, in_words
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

ESTIMANDS = ("ate", "att", "overlap", "matching", "entropy")
METHODS = ("likelihood", "balancing")
EXPLODED = 0.2  # share of a treatment's weight that one subject may carry
LOW_EFFECTIVE_SIZE = 0.1  # effective size of a treatment, as a share of its subjects


@checked
@dataclass(frozen=True, repr=False)
class PropensityWeights(SummaryMixin):
    """Weights of subjects that balance covariates between treatments.

    Parameters
    ----------
    formula : str
        What decides about treatment and outcome, known before treatment: ``"msm + age + sex"``.
        ``"arm ~ msm + age"`` names the column of the treatment too.
    estimand : {"ate", "att", "overlap", "matching", "entropy"}
        For whom the treatments are compared: all subjects; the subjects of `treated`; those who
        could have had any of the treatments (overlap, or matching, which resembles pairs); or, by
        entropy balancing, all or the subjects of `treated`, means of the covariates met exactly.
    treated : str, optional
        Treatment whose subjects are the target of "att", and of "entropy" when named.
    method : {"likelihood", "balancing"}
        How scores are fitted: by maximum likelihood of a (multinomial) logistic model, or so that
        the weights balance the covariates exactly (covariate-balancing propensity score).
    scores : mapping of str to str, optional
        Columns with probabilities of each treatment from elsewhere; taken as known.
    stabilised : bool, default False
        Multiply by the share of each treatment; for "ate".
    trim : float, optional
        Leave out subjects with a score below it for any treatment, and fit again.
    cap : float, optional
        Quantile above which the weights of a treatment are cut, such as 0.99.
    missing : {"error", "indicator"}
        What to do where covariates are missing.
    on_violation : {"refuse", "overlap"}
        What to do where some treatment is never given to a kind of subject: refuse, or leave these
        subjects out and describe who stays.
    conf_level : float, default 0.95
        Of the coefficients of the model of treatment.

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Rosenbaum and Rubin 1983, Biometrika 70:41-55, doi:10.1093/biomet/70.1.41; Li, Morgan and
    Zaslavsky 2018, J Am Stat Assoc 113:390-400, doi:10.1080/01621459.2016.1260466 (overlap); Li and
    Greene 2013, Int J Biostat 9:215-234, doi:10.1515/ijb-2012-0030 (matching); Hainmueller 2012,
    Polit Anal 20:25-46, doi:10.1093/pan/mpr025 (entropy); Imai and Ratkovic 2014,
    doi:10.1111/rssb.12027 (balancing); Crump and others 2009, Biometrika 96:187-199,
    doi:10.1093/biomet/asn055 (trimming).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    >>> weights = trd.PropensityWeights("age + sex + baseline", estimand="overlap").fit(study)
    >>> bool(weights.balance()["smd_after"].abs().max() < 1e-8)
    True
    >>> rates = trd.rates(study, trd.Response(), day=28, weights=weights)
    """

    formula: str
    estimand: Literal["ate", "att", "overlap", "matching", "entropy"] = "ate"
    treated: Level | None = None
    method: Literal["likelihood", "balancing"] = "likelihood"
    scores: Mapping[str, str] | None = None
    stabilised: bool = False
    trim: float | None = None
    cap: float | None = None
    missing: Literal["error", "indicator"] = "error"
    on_violation: Literal["refuse", "overlap"] = "refuse"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(split_formula(self.formula, "treatment")[0])
        check_choice("estimand", self.estimand, ESTIMANDS)
        check_choice("method", self.method, METHODS)
        check_choice("missing", self.missing, ("error", "indicator"))
        check_choice("on_violation", self.on_violation, ("refuse", "overlap"))
        check_level(self.conf_level)
        if self.estimand == "att" and self.treated is None:
            raise SpecError("estimand='att' needs treated=...: the treatment of the target.")
        if self.treated is not None and self.estimand not in ("att", "entropy"):
            raise SpecError(f"treated=... has no part in estimand={self.estimand!r}.")
        if self.stabilised and self.estimand != "ate":
            raise SpecError("stabilised=True is for estimand='ate'.")
        if self.method == "balancing" and self.estimand in ("matching", "entropy"):
            raise SpecError(f"method='balancing' has no part in estimand={self.estimand!r}.")
        if self.trim is not None and not 0 < self.trim < 0.5:
            raise SpecError(f"trim must lie between 0 and 0.5; got {self.trim!r}.")
        check_cap(self.cap)
        if self.estimand == "entropy":
            for name in ("scores", "trim"):
                if getattr(self, name) is not None:
                    raise SpecError(
                        f"estimand='entropy' makes weights without scores: {name}=... has no part."
                    )
        if self.scores is not None and self.method == "balancing":
            raise SpecError("scores=... are taken as they are: method='balancing' has no part.")

    @one_thread
    def fit(
        self, data: Study | FrameLike, *, subject: str = "subject", treatment: str = "treatment"
    ) -> PropensityResult:
        """Estimate the weights.

        Parameters
        ----------
        data : Study or DataFrame
            A table has one row a subject.
        subject, treatment : str
            Columns of a table.

        Raises
        ------
        DataError
            When covariates are missing, a subject has two rows, or given scores are no
            probabilities.
        NotEstimableError
            When some treatment is never given to a kind of subject, covariates identify the
            treatment, or a treatment has too few subjects.

        Warns
        -----
        EstimateWarning
            When one subject carries more than a fifth of the weight of its treatment, or the
            subjects of a treatment are worth less than a tenth of their number.
        """
        all_subjects = read_covariate_table(
            data, self.formula, subject=subject, treatment=treatment, missing=self.missing
        )
        if self.treated is not None:
            known_level("treatment", self.treated, all_subjects.labels)
        violations, kept = find_violations(all_subjects)
        if violations and self.on_violation == "refuse":
            raise NotEstimableError(_refusal(violations))
        covariates = all_subjects if kept.all() else _among(all_subjects, kept, violations)
        model = self._model(covariates)
        fitted = model.fit()
        trimmed = 0
        if self.trim is not None and fitted.scores is not None:
            inside = (fitted.scores.probability >= self.trim).all(axis=1)
            trimmed = int((~inside).sum())
            if trimmed:
                kept[np.flatnonzero(kept)[~inside]] = False
                covariates = _among(covariates, np.asarray(inside, dtype=bool), violations)
                model = self._model(covariates)
                fitted = model.fit()
        _warn_of_explosions(covariates, fitted.weight)
        return PropensityResult(
            spec=self,
            covariates=covariates,
            violations=tuple(violations),
            trimmed=trimmed,
            _all_subjects=all_subjects,
            _kept=kept,
            _model=model,
            _fitted=fitted,
        )

    def fit_as(self, fitted: PropensityResult) -> PropensityResult:
        """Estimate the weights of the subjects of another result, read and checked there.

        Parameters
        ----------
        fitted : PropensityResult
            Of the same formula and handling of missing values; untrimmed.

        Raises
        ------
        NotEstimableError
            When covariates separate the treatments.

        Warns
        -----
        EstimateWarning
            As `fit`.
        """
        model = self._model(fitted.covariates)
        weights = model.fit()
        _warn_of_explosions(fitted.covariates, weights.weight)
        return replace(fitted, spec=self, _model=model, _fitted=weights)

    def _model(self, covariates: CovariateTable) -> TreatmentModel:
        X = covariates.design.X
        columns = np.ones((X.shape[1] + 1, len(X)))
        for column, x in zip(columns[1:], X.T, strict=True):
            np.subtract(x, x.mean(), out=column)
            spread = np.sqrt(column @ column / len(x))
            column /= spread if spread > 0 else 1.0
        return TreatmentModel(
            design=columns.T,
            treatment=covariates.treatment,
            k=len(covariates.labels),
            estimand=self.estimand,
            of=-1
            if self.treated is None
            else known_level("treatment", self.treated, covariates.labels),
            balancing=self.method == "balancing",
            stabilised=self.stabilised,
            cap=self.cap,
            terms=tuple(covariates.design.terms),
            given=None if self.scores is None else _given(covariates, self.scores),
        )

    def summary(self) -> Summary:
        """Return the weights in words."""
        header = [("Covariates", self.formula), ("Estimand", self.words())]
        if self.estimand != "entropy":
            header.append(("Scores", "given" if self.scores is not None else self.method))
        header += [("Stabilised", "yes")] if self.stabilised else []
        header += [("Trimmed", f"scores below {self.trim:g}")] if self.trim is not None else []
        header += [("Cut", f"above quantile {self.cap:g}")] if self.cap is not None else []
        return Summary("Propensity weights", tuple(header))

    def words(self) -> str:
        """Say for whom the treatments are compared."""
        population = (
            f"the subjects of {self.treated}" if self.treated is not None else "all subjects"
        )
        return {
            "ate": "all subjects (ATE)",
            "att": f"the subjects of {self.treated} (ATT)",
            "overlap": "those who could have had any of the treatments (overlap weights)",
            "matching": "those who could have had any of the treatments (matching weights)",
            "entropy": f"{population}, means met exactly (entropy balancing)",
        }[self.estimand]


def _among(
    covariates: CovariateTable, kept: BoolArray, violations: list[Violation]
) -> CovariateTable:
    """Return some of the covariates; covariates' categories that no subject has any more go.

    Raises
    ------
    NotEstimableError
        When nearly no subject of a treatment is among them.
    """
    sizes = np.bincount(covariates.treatment[kept], minlength=len(covariates.labels))
    if (sizes < FEWEST).any():
        listed = ", ".join(f"{k} ({n})" for k, n in zip(covariates.labels, sizes, strict=True))
        raise NotEstimableError(
            f"Nearly no subject could have had every one of the treatments. Who is left: {listed}. "
            f"{' '.join(in_words(violations))} Do not compare these treatments in these subjects, "
            "or compare fewer treatments."
        )
    again = read_covariate_table(
        covariates.frame[kept], covariates.formula, subject="subject", treatment="treatment",
        missing="error",
    )  # fmt: skip
    return replace(again, filled=covariates.filled, caveat=covariates.caveat)


def _given(covariates: CovariateTable, columns: Mapping[str, str]) -> FloatArray:
    """Return scores from elsewhere, shape (n, k)."""
    for label in covariates.labels:
        if label not in columns:
            raise unknown_name("treatment with a column of scores:", label, columns)
        if columns[label] not in covariates.frame:
            raise unknown_name("column", columns[label], covariates.frame.columns)
    given = [
        pd.to_numeric(covariates.frame[columns[k]], errors="coerce") for k in covariates.labels
    ]
    p = np.column_stack([g.to_numpy(dtype=float) for g in given])
    outside = ~((p > 0) & (p < 1)).all(axis=1)
    off = ~outside & (np.abs(p.sum(axis=1) - 1) > 1e-6)
    names = covariates.frame["subject"].astype(str).to_numpy()
    problems = [
        Problem("bad_score", f"{count_of(int(bad.sum()), 'subject has', 'subjects have')} {what}.",
                tuple(names[bad]), remedy)
        for bad, what, remedy in (
            (outside, "scores that are missing, or not above 0 and below 1",
             "Whoever could not have had a treatment cannot be compared: leave such subjects out."),
            (off, "scores that are no probabilities of all treatments: their sum is not 1",
             "Give one column a treatment, all of them from one model."),
        )
        if bad.any()
    ]  # fmt: skip
    if problems:
        raise DataError(problems)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _refusal(violations: list[Violation]) -> str:
    listed = "\n".join(in_words(violations))
    return (
        f"{listed}\nWhere a treatment is never given there is nothing to compare it with. Say "
        "on_violation='overlap' to leave these subjects out and compare the others, and say so."
    )


def _warn_of_explosions(covariates: CovariateTable, weight: FloatArray) -> None:
    for k, label in enumerate(covariates.labels):
        in_arm = np.flatnonzero(covariates.treatment == k)
        proportion = weight[in_arm] / weight[in_arm].sum()
        largest = int(proportion.argmax())
        size = weight[in_arm].sum() ** 2 / (weight[in_arm] ** 2).sum()
        alone = proportion[largest] > EXPLODED and len(in_arm) > 1 / EXPLODED
        if alone or size < LOW_EFFECTIVE_SIZE * len(in_arm):
            warn(
                f"Weights explode under {label}: subject "
                f"{covariates.frame['subject'].iloc[in_arm[largest]]} carries "
                f"{100 * proportion[largest]:.2g} % of them, {len(in_arm):,} subjects are worth "
                f"{size:,.1f}. "
                "Look at the overlap; estimand='overlap' has bounded weights, trim and cap cut.",
                EstimateWarning,
            )
