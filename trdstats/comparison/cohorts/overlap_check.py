"""Whether the patients of two cohorts are alike enough to be compared."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pandas as pd

from trdstats.comparison.cohorts.comparability import SAMPLE_SIZE, Finding, Grade
from trdstats.comparison.weighting.propensity import PropensityWeights
from trdstats.comparison.weighting.propensity_result import UNBALANCED, PropensityResult
from trdstats.errors import EstimateWarning, NotEstimableError
from trdstats.participants.positivity import in_words

# Of those who could have had either treatment at least so many must be left, in either cohort.
FEWEST = 20.0
# Weighted to all subjects a cohort must be worth this share of itself, or only the overlap is left.
LEAST_EFFECTIVE = 0.5
# More than this share left out of a cohort, and what is left is another population.
MOST_LEFT_OUT = 0.5


@dataclass(frozen=True)
class OverlapCheck:
    """What the check found, and the weights it leads to.

    Attributes
    ----------
    findings : tuple of Finding
    weights : PropensityResult or None
        None where no weights could be made.
    """

    findings: tuple[Finding, ...]
    weights: PropensityResult | None


def check_overlap(
    covariates: pd.DataFrame, formula: str, *, estimand: str | None, missing: str, randomised: bool
) -> OverlapCheck:
    """Weigh two cohorts and judge how far they overlap.

    Parameters
    ----------
    covariates : pandas.DataFrame
        subject, treatment (reference, then treatment), covariates.
    formula : str
    estimand : str or None
        Of `PropensityWeights`; None for all subjects where the overlap is good and weights balance
        them, and the overlap population where not.
    missing : {"error", "indicator"}
    randomised : bool
        Chance alone separates the cohorts: neither their size nor what is left of a difference
        speaks against comparing them.

    Raises
    ------
    DataError
        When covariates are missing.
    """

    def weigh(kind: str, same: PropensityResult | None = None) -> PropensityResult:
        spec = PropensityWeights(
            formula,
            estimand=kind,  # type: ignore[arg-type]
            missing=missing,  # type: ignore[arg-type]
            on_violation="overlap",
        )
        with warnings.catch_warnings():
            # Weights that explode are what is being found out here.
            warnings.simplefilter("ignore", EstimateWarning)
            return spec.fit(covariates) if same is None else spec.fit_as(same)

    try:
        overlap = weigh("overlap")
        ate = weigh("ate", overlap)
    except NotEstimableError as error:
        return OverlapCheck((Finding("overlap", "not comparable", str(error)),), None)
    violations = " ".join(in_words(overlap.violations))
    excluded = _mostly_left_out(overlap, covariates)
    if excluded:
        text = f"{violations} More than half of {' and '.join(excluded)} would have to be left out."
        return OverlapCheck(
            (
                Finding(
                    "overlap", "not comparable", text.strip(), "Compare other cohorts, or a trial."
                ),
            ),
            None,
        )
    size = _check_size(overlap, violations, randomised=randomised)
    against = _against_all(ate, overlap, randomised=randomised)
    used = ("overlap" if against else "ate") if estimand is None else estimand
    weights = {"overlap": overlap, "ate": ate}.get(used) or weigh(used, overlap)
    c = float(overlap.overlap()["c_statistic"].iloc[0])
    words = f"c statistic of the scores {max(c, 1 - c):.2f}"
    if not against:
        text = "Allocated at random" if randomised else "The cohorts overlap"
        return OverlapCheck((size, Finding("overlap", "ok", f"{text}; {words}.")), weights)
    # Whoever asks for all subjects all the same is told in the verdict.
    grade: Grade = "overlap" if used in ("overlap", "matching") else "caution"
    restricted = Finding(
        "overlap", grade, f"{against}; {words}.",
        "The comparison holds for those who could have had either treatment: estimand='overlap'.",
    )  # fmt: skip
    return OverlapCheck((size, restricted), weights)


def _mostly_left_out(overlap: PropensityResult, covariates: pd.DataFrame) -> list[str]:
    kept = overlap.effective_size().set_index("treatment")["n"]
    all_subjects = covariates["treatment"].value_counts()
    return [str(k) for k in kept.index if 1 - kept[k] / all_subjects[k] > MOST_LEFT_OUT]


def _check_size(overlap: PropensityResult, named: str, *, randomised: bool) -> Finding:
    """Say what those are worth who could have had either treatment."""
    effective = overlap.effective_size().set_index("treatment")["effective"]
    sizes = ", ".join(f"{k} {n:.1f}" for k, n in effective.items())
    asked = f"at least {FEWEST:g} in each are asked for"
    if (effective >= FEWEST).all():
        return Finding(SAMPLE_SIZE, "ok", f"Effective sample sizes {sizes}; {asked}.")
    text = f"{named} Few could have had either treatment: effective sample sizes {sizes}; {asked}."
    if randomised:
        return Finding(
            SAMPLE_SIZE, "note", f"A small trial: effective sample sizes {sizes}.",
            "Estimates are imprecise, and errors from weights rough: show the crude score interval "
            "beside them.",
        )  # fmt: skip
    remedy = f"Compare other cohorts, or a trial, or accept=[{SAMPLE_SIZE!r}]."
    return Finding(SAMPLE_SIZE, "not comparable", text.strip(), remedy)


def _against_all(ate: PropensityResult, overlap: PropensityResult, *, randomised: bool) -> str:
    """Return what speaks against weighting to all subjects; empty where nothing does."""
    proportion = ate.effective_size().set_index("treatment")["share"]
    imbalance = ate.balance().set_index("term")["smd_after"].abs()
    objections = in_words(overlap.violations)
    if objections or proportion.min() < LEAST_EFFECTIVE:
        sizes = ", ".join(f"{k} {100 * v:.0f} %" for k, v in proportion.items())
        objections.append(
            f"Weighted to all subjects the effective sample sizes are {sizes} of the cohorts"
        )
    if not randomised and imbalance.max() > UNBALANCED:
        worst = f"{imbalance.idxmax()} (standardised difference {imbalance.max():.2f})"
        objections.append(f"Weighted to all subjects they still differ in {worst}")
    return "; ".join(objections)
