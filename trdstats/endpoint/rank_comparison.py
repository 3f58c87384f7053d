"""Groups compared by ranks at one time: wins, shifts, strata, covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.comparison.adjusted.subject_outcomes import (
    SubjectOutcomes,
    check_columns,
    check_outcome,
    levels_by,
    read_outcomes,
    with_covariates,
)
from trdstats.endpoint.categories import read_categories
from trdstats.endpoint.rank_result import Ranked, RankResult
from trdstats.endpoint.subjects import check_compared
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    count_of,
    pick_level,
)
from trdstats.formulas import read_covariates, read_right_side
from trdstats.frames import to_pandas
from trdstats.kinds import as_labels
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin

Better = Literal["higher", "lower"]


@checked
@dataclass(frozen=True, repr=False)
class RankComparison(SummaryMixin):
    """Treatments compared by ranks: probability of superiority, win odds, win ratio, shift.

    For scores that are skewed or at the floor, for categories in an order, and for shares of time.
    No model of the outcome is assumed.

    Parameters
    ----------
    outcome : str
        "score" or "change" at `day`, or a column of the subjects: numbers, or categories in a
        stated order.
    day : float, optional
        Scheduled day of the outcome.
    by : str, default "treatment"
        Column whose levels are compared.
    better : {"higher", "lower"}, optional
        Which outcome wins. Default: that of the scale for scores and changes; of a column it must
        be said.
    strata : sequence of str, optional
        Columns; comparisons are within their cells and combined by van Elteren's weights.
    covariates : str, optional
        Formula of covariates for the analysis of covariance on ranks, "baseline".
    reference : str, optional
        Level the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Brunner and Munzel 2000. Gasparyan et al. 2021, doi:10.1177/0962280220942558 (win odds, strata).
    Hodges and Lehmann 1963, doi:10.1214/aoms/1177704172. van Elteren 1960. Quade 1967,
    doi:10.1080/01621459.1967.10500925.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> found = trd.RankComparison("score", day=28, covariates="baseline").fit(study)
    >>> found.tidy()["measure"].unique().tolist()
    ['probability of superiority', 'win odds', 'win ratio', 'win difference', 'shift']
    """

    outcome: str
    day: float | None = field(default=None, kw_only=True)
    by: str = field(default="treatment", kw_only=True)
    better: Better | None = field(default=None, kw_only=True)
    strata: Sequence[str] = field(default=(), kw_only=True)
    covariates: str | None = field(default=None, kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        check_outcome(self.outcome, self.day, "observed")
        if self.better is not None:
            check_choice("better", self.better, get_args(Better))
        check_level(self.conf_level)
        check_compared(self.by)
        if isinstance(self.strata, str):
            raise SpecError(f"strata must be a list of columns, for example [{self.strata!r}].")
        object.__setattr__(self, "strata", tuple(self.strata))
        if self.by in self.strata:
            raise SpecError(f"{self.by!r} names what is compared and cannot be a stratum.")
        if self.covariates is not None:
            named = {str(v) for v in read_right_side(self.covariates).required_variables}
            if self.by in named:
                raise SpecError(f"covariates must not hold {self.by!r}, which is compared.")

    def fit(self, data: Study | FrameLike) -> RankResult:
        """Compare the subjects with an outcome.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject with the columns subject, outcome, treatment, strata.

        Raises
        ------
        SpecError, UnknownNameError, DataError
            When the data do not fit the specification.
        NotEstimableError
            When a treatment has no subject with an outcome, or only one treatment is there.
        """
        better = self._better(data)
        in_order = self.day is None and _has_own_order(data, self.outcome)
        if in_order:
            known = read_categories(data, self.outcome, None).known
        else:
            known = read_outcomes(
                data, self.outcome, day=self.day, missing="observed", reference=self.reference
            )
        ranked = rank_data(known, self.by, self.reference, self.strata, self.covariates)
        if in_order:
            words = f"{self.outcome}: ordered categories, counted 0, 1, 2, ...; shifts are in them."
            ranked = replace(ranked, notes=(*ranked.notes, words))
        return RankResult(
            spec=self, outcome=known.label, caveat=known.caveat, switching=known.switching,
            better=better, _data=ranked,
        )  # fmt: skip

    def _better(self, data: Study | FrameLike) -> Better:
        at_a_day = isinstance(data, Study) and self.day is not None
        if self.better is not None:
            return self.better
        if at_a_day and isinstance(data, Study):
            return data.scale.better
        raise SpecError(f"Say which {self.outcome!r} wins: better='higher' or better='lower'.")

    def summary(self) -> Summary:
        """Return the method in words."""
        header = [("Outcome", self.outcome), ("Compared", self.by)]
        if self.strata:
            header.append(("Strata", ", ".join(self.strata)))
        if self.covariates:
            header.append(("Covariates", self.covariates))
        return Summary("Comparison by ranks", tuple(header))


def _has_own_order(data: Study | FrameLike, column: str) -> bool:
    """Whether a column states an order of its values that is not the order of numbers."""
    frame = data.subjects if isinstance(data, Study) else to_pandas(data, what="data")
    if column not in frame:
        return False
    dtype = frame[column].dtype
    if not isinstance(dtype, pd.CategoricalDtype) or not dtype.ordered:
        return False
    number = pd.to_numeric(pd.Series(dtype.categories.astype(object)), errors="coerce")
    return not bool((number.diff().iloc[1:] > 0).all() and number.notna().all())


def rank_data(
    known: SubjectOutcomes,
    by: str,
    reference: Level | None,
    strata: Sequence[str] = (),
    covariates: str | None = None,
) -> Ranked:
    """Return the subjects with an outcome, their groups and strata.

    Raises
    ------
    DataError, UnknownNameError, NotEstimableError
        As `RankComparison.fit`.
    """
    formulas = (covariates,) if covariates is not None else ()
    frame = with_covariates(known.frame, formulas, by, "subjects", (known.column,))
    stratum = np.zeros(len(frame), dtype=np.intp)
    if strata:
        check_columns(frame, strata, "subjects")
        cells = frame.groupby([as_labels(frame[s]) for s in strata], observed=True)
        stratum = cells.ngroup().to_numpy().astype(np.intp)
    levels = levels_by(frame, by)
    observed = ~np.isnan(known.y)
    code = frame[by].cat.codes.to_numpy().astype(np.intp)
    empty = [str(v) for k, v in enumerate(levels) if not (observed & (code == k)).any()]
    if empty:
        raise NotEstimableError(
            f"No subject under {', '.join(empty)} has a known {known.label}. Leave the treatment "
            "out with study.only([...])."
        )
    first = pick_level(by, reference, levels)
    order = [first, *(v for v in levels if v != first)]
    place = np.array([order.index(v) for v in levels], dtype=np.intp)
    lost = int((~observed).sum())
    sentence = f"{count_of(lost, 'subject', 'subjects')} without an outcome: left out."
    beside = np.empty((int(observed.sum()), 0))
    if covariates is not None:
        rows = frame[observed].reset_index(drop=True)
        beside = read_covariates(rows, covariates, what="subjects").X
    return Ranked(
        subject=pd.Series(frame["subject"]).to_numpy(dtype=object)[observed], y=known.y[observed],
        group=place[code][observed], stratum=stratum[observed], levels=tuple(str(v) for v in order),
        covariates=beside, notes=(sentence,) if lost else (),
    )  # fmt: skip
