"""A result recomputed through independent libraries, on the data of the user."""

from __future__ import annotations

import warnings

import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.errors import SpecError
from trdstats.outcomes import EventTimes
from trdstats.second_opinion.opinion import SecondOpinion
from trdstats.second_opinion.recomputed import Recomputed, not_compared
from trdstats.second_opinion.registry import Recomputation, find
from trdstats.study import Study
from trdstats.tables import SummaryMixin


def second_opinion(
    result: SummaryMixin | pd.DataFrame, data: Study | EventTimes | FrameLike | None = None
) -> SecondOpinion:
    """Recompute a result through lifelines, statsmodels and SciPy on the same data.

    Never with code of trdstats: where no independent implementation is known, the opinion has
    one row that says so and why.

    Parameters
    ----------
    result : result of trdstats
        What an estimator returned, or the frame of `adjust_p_values` with its column p_value.
    data : Study, EventTimes or DataFrame, optional
        What the result was fitted to, for the results that do not keep it: standardisation.

    Returns
    -------
    SecondOpinion

    Raises
    ------
    SpecError
        When it is no result.

    Notes
    -----
    The libraries see the rows and designs that the result holds, so that this is an opinion on
    the arithmetic, not on the rules by which outcomes were derived from visits.

    References
    ----------
    Davidson-Pilon 2019 (lifelines), doi:10.21105/joss.01317; Seabold and Perktold 2010
    (statsmodels), doi:10.25080/Majora-92bf1922-011; Virtanen et al. 2020 (SciPy),
    doi:10.1038/s41592-019-0686-2.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> trd.second_opinion(trd.LogRank().fit(onset)).agrees
    True
    """
    if isinstance(result, pd.DataFrame):
        lost = [c for c in ("p_value", "p_adjusted", "adjust") if c not in result]
        if lost:
            raise SpecError(
                "A frame has a second opinion when adjust_p_values made it; this one has no "
                f"column {', '.join(lost)}. Give the result itself, not its tidy()."
            )
    elif not isinstance(result, SummaryMixin) or not hasattr(result, "tidy"):
        raise SpecError(
            f"second_opinion() takes what an estimator returned, such as KaplanMeier().fit(...); "
            f"got {type(result).__name__}."
        )
    return SecondOpinion(type(result).__name__, tuple(_rows(result, data)))


def _rows(result: object, data: object) -> list[Recomputed]:
    entry = find(result)
    if isinstance(entry, Recomputation):
        recomputed: list[Recomputed] = []
        # The libraries warn about their own searches and versions; what matters is compared.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                recomputed.extend(entry.compute(result, data))
            except ImportError as error:  # list.extend keeps what came before
                lost = f"{error.name or 'a library'} is not installed"
                recomputed.append(not_compared("further numbers", lost))
        if recomputed:
            return recomputed
        entry = "these data leave nothing to compare"
    why = entry or "no recomputation is known for results of this class"
    return [not_compared("the result", why)]
