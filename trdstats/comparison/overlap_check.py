"""Whether the patients of two cohorts are alike enough to be compared."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pandas as pd

from trdstats.comparison.propensity import PropensityWeights
from trdstats.comparison.propensity_result import PropensityResult
from trdstats.comparison.verdict import Finding
from trdstats.errors import DataError, EstimateWarning, NotEstimableError

# Of those who could have had either treatment at least so many must be left, in either cohort.
FEWEST = 20.0
# Weighted to all subjects a cohort must be worth this share of itself, or only the overlap is left.
WORTH = 0.5
# More than this share left out of a cohort, and what is left is another population.
MOST_LEFT_OUT = 0.5


@dataclass(frozen=True)
class OverlapCheck:
    """What the check found, and the weights it leads to.

    Attributes
    ----------
    finding : Finding
    weights : PropensityResult or None
        None where no weights could be made.
    """

    finding: Finding
    weights: PropensityResult | None


def check_overlap(
    people: pd.DataFrame, formula: str, *, estimand: str | None, missing: str, randomised: bool
) -> OverlapCheck:
    """Weigh two cohorts and judge how far they overlap.

    Parameters
    ----------
    people : pandas.DataFrame
        subject, treatment (reference, then treatment), covariates.
    formula : str
    estimand : str or None
        Of `PropensityWeights`; None for all subjects where the overlap is good, and the overlap
        population where it is not.
    missing : {"error", "indicator"}
    randomised : bool

    Raises
    ------
    DataError
        When covariates are missing.
    """

    def weigh(kind: str) -> PropensityResult:
        spec = PropensityWeights(
            formula,
            estimand=kind,  # type: ignore[arg-type]
            missing=missing,  # type: ignore[arg-type]
            on_violation="overlap",
        )
        with warnings.catch_warnings():
            # Weights that explode are what is being found out here.
            warnings.simplefilter("ignore", EstimateWarning)
            return spec.fit(people)

    try:
        overlap = weigh("overlap")
    except NotEstimableError as error:
        return OverlapCheck(Finding("overlap", "prevents", str(error)), None)
    except DataError:
        raise
    left = overlap.effective_size().set_index("treatment")
    whole = people["treatment"].value_counts()
    out = {str(k): 1 - left.loc[k, "n"] / whole[k] for k in left.index}
    named = " ".join(v.words() for v in overlap.violations)
    if (left["effective"] < FEWEST).any() or max(out.values()) > MOST_LEFT_OUT:
        worth = ", ".join(f"{k} {r:.0f}" for k, r in left["effective"].items())
        text = f"{named} Too few could have had either treatment: they are worth {worth} subjects."
        return OverlapCheck(
            Finding("overlap", "prevents", text.strip(), "Compare other cohorts, or a trial."), None
        )
    ate = weigh("ate")
    share = ate.effective_size().set_index("treatment")["share"]
    c = float(overlap.overlap()["c_statistic"].iloc[0])
    facts = f"c statistic of the scores {max(c, 1 - c):.2f}"
    if overlap.violations or share.min() < WORTH:
        worth = ", ".join(f"{k} {100 * v:.0f} %" for k, v in share.items())
        text = f"{named} Weighted to all subjects the cohorts are worth {worth}; {facts}."
        found = Finding(
            "overlap", "overlap", text.strip(),
            "The comparison holds for those who could have had either treatment.",
        )  # fmt: skip
        return OverlapCheck(found, overlap if estimand is None else weigh(estimand))
    text = "Allocated at random" if randomised else "The cohorts overlap"
    found = Finding("overlap", "fine", f"{text}; {facts}.")
    return OverlapCheck(found, ate if estimand is None else weigh(estimand))
