"""Matching on the propensity score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.adjusted.analysis_set import (
    AnalysisSet,
    fit_treatment_model,
    read_analysis_set,
)
from trdstats.comparison.adjusted.matching_result import MatchingResult
from trdstats.comparison.adjusted.subject_outcomes import (
    SubjectOutcomes,
    check_one_row_each,
    levels_by,
    with_covariates,
)
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    pick_level,
    unknown_name,
)
from trdstats.formulas import read_covariates, read_right_side
from trdstats.frames import to_pandas
from trdstats.kernels.weighting.matching import join_equal, match_again, match_once
from trdstats.kinds import as_labels, trimmed
from trdstats.study import Study
from trdstats.study.study import caveat_of, remembering
from trdstats.tables import Summary, SummaryMixin

Order = Literal["largest", "smallest"]
# Logits so near differ by rounding alone: where covariates say nothing of the treatment the
# standard deviation of the logit is itself rounding, and no measure of it.
_EQUAL = 1e-9


@checked
@dataclass(frozen=True, repr=False)
class Matching(SummaryMixin):
    """Nearest-neighbour matching of one treatment to another on the logit of the propensity.

    The matched controls stand for what the treated would have had without the treatment: the
    effect is that in the treated who found a match. Those who found none are counted and
    described; where they are many, the question has changed.

    Parameters
    ----------
    formula : str
        Covariates of the choice of treatment, such as ``"msm + age + baseline"``.
    treated, control : str, optional
        The two treatments. Default: the second and the first of a study of two.
    by : str, default "treatment"
    ratio : int, default 1
        Controls for each treated subject, as far as there are any.
    caliper : float or None, default 0.2
        Largest distance, in standard deviations of the logit (root of the mean variance of the
        two treatments, as Austin has it); None for no limit.
    replace : bool, default False
        Whether a control may be matched more than once.
    order : {"largest", "smallest"}
        Who chooses first without replacement: those with the largest or smallest propensity.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    Notes
    -----
    Nothing is drawn at random, and neither names nor the order of rows decide. Subjects of equal
    score share: with replacement all controls as near as the nearest `ratio` are matched; without,
    the result is the mean over all orders in which those of equal score could choose and be
    chosen, and of a lower and a higher score as near the lower is taken. Where controls are part
    of several sets, errors are those of Abadie and Imbens.

    References
    ----------
    Rosenbaum and Rubin 1985, doi:10.1080/00031305.1985.10479383; Austin 2011,
    doi:10.1002/pst.433 (caliper); Abadie and Imbens 2006, doi:10.1111/j.1468-0262.2006.00655.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial").only(["TMS", "ECT"])
    >>> matched = trd.Matching("baseline").fit(study)
    >>> rates = matched.estimate(study, trd.Response(), day=28)
    >>> rates.tidy()["measure"].tolist()
    ['rate', 'rate', 'difference', 'ratio', 'odds ratio']
    """

    formula: str
    treated: Level | None = field(default=None, kw_only=True)
    control: Level | None = field(default=None, kw_only=True)
    by: str = field(default="treatment", kw_only=True)
    ratio: int = field(default=1, kw_only=True)
    caliper: float | None = field(default=0.2, kw_only=True)
    replace: bool = field(default=False, kw_only=True)
    order: Order = field(default="largest", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        if self.by in {str(v) for v in read_right_side(self.formula).required_variables}:
            raise SpecError(
                f"{self.by!r} is what subjects are matched across; take it out of the formula."
            )
        if self.ratio != int(self.ratio) or self.ratio < 1:
            raise SpecError(f"ratio must be a whole number of at least 1; got {self.ratio!r}.")
        if self.caliper is not None and not self.caliper > 0:
            raise SpecError(
                f"caliper must be a positive number of standard deviations; got {self.caliper!r}."
            )
        check_choice("order", self.order, get_args(Order))
        check_level(self.conf_level)
        if self.treated is not None and self.treated == self.control:
            raise SpecError(f"treated and control are both {self.treated!r}.")

    def fit(self, data: Study | FrameLike) -> MatchingResult:
        """Match.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject.

        Raises
        ------
        DataError
            When a covariate is missing or a subject has several rows; every such subject is named.
        UnknownNameError
            When a treatment is not there.
        NotEstimableError
            When covariates separate the treatments, or no subject finds a match.
        """
        if isinstance(data, Study):
            table = remembering(data.subjects.copy(), data)
        else:
            table = to_pandas(data, what="data")
        if "subject" not in table:
            raise unknown_name("column", "subject", table.columns)
        table = trimmed(table, ["subject"])
        check_one_row_each(table)
        named = [c for c in ("subject", self.by) if c in table]
        coded = with_covariates(table[named], (), self.by, "subjects")
        control, treated = self._pair(levels_by(coded, self.by))
        names = as_labels(coded[self.by]).array
        place = {control: 0, treated: 1}
        of_name = np.array([*(place.get(name, -1) for name in names.categories), -1])
        of_pair = of_name[names.codes]
        frame = table[of_pair >= 0].reset_index(drop=True)
        frame[self.by] = pd.Categorical.from_codes(
            of_pair[of_pair >= 0], pd.Index([control, treated])
        )
        known = SubjectOutcomes(frame, np.zeros(len(frame)), False, "", "")
        both = read_analysis_set(known, (self.formula,), self.by, None)
        score, design = self._score(both)
        score = join_equal(score, _EQUAL * max(1.0, float(score.std())))
        width = self._width(score, both.code, (control, treated))
        is_treated = both.code == 1
        treated_rows = np.flatnonzero(is_treated)
        theirs = np.flatnonzero(~is_treated)
        theirs = theirs[np.argsort(score[theirs], kind="stable")]
        if self.replace:
            groups = match_again(score[treated_rows], score[theirs], self.ratio, width)
        else:
            sign = -1 if self.order == "largest" else 1
            turn = np.argsort(sign * score[treated_rows], kind="stable")
            groups = match_once(score[treated_rows], score[theirs], turn, self.ratio, width)
        if not len(groups.one):
            raise NotEstimableError(
                f"No subject under {treated} finds a match under {control} within {self.caliper:g} "
                "standard deviations: the two populations do not overlap."
            )
        return MatchingResult(
            spec=self,
            treated=treated,
            control=control,
            caveat=caveat_of(data),
            width=width,
            frame=both.frame,
            all_subjects=table["subject"].to_numpy(dtype=object),
            score=score,
            _treated=treated_rows,
            _controls=theirs,
            _groups=groups,
            _design=design,
        )

    def _width(self, score: FloatArray, code: IntArray, arms: tuple[str, str]) -> float:
        """Return how far apart the scores of a match may lie."""
        if self.caliper is None:
            return np.inf
        alone = [arm for k, arm in enumerate(arms) if (code == k).sum() < 2]
        if alone:
            raise NotEstimableError(
                f"One subject alone has {' and one '.join(alone)}: the caliper is in standard "
                "deviations within treatments, of which there is none. Say caliper=None."
            )
        # From one of the scores, so that equal scores have a spread of exactly 0.
        gap = score - score[0]
        spread = np.sqrt(np.mean([gap[code == k].var(ddof=1) for k in (0, 1)]))
        return float(self.caliper * spread)

    def _pair(self, levels: list[str]) -> tuple[str, str]:
        """Return the control and the treated among the treatments."""
        treated, control = (
            None if name is None else pick_level("treatment", name, levels)
            for name in (self.treated, self.control)
        )
        if treated is not None and control is not None:
            return control, treated
        if len(levels) != 2:
            raise SpecError(
                f"Matching is of one treatment to another; of {', '.join(map(str, levels))} name "
                "two with treated=... and control=...."
            )
        if treated is None:
            treated = levels[1] if control in (None, levels[0]) else levels[0]
        return next(v for v in levels if v != treated), treated

    def _score(self, both: AnalysisSet) -> tuple[FloatArray, pd.DataFrame]:
        """Return the logit of the propensity, and the covariates as numbers."""
        design = read_covariates(both.frame, self.formula)
        all_subjects = np.ones(len(design.X), dtype=bool)
        fit = fit_treatment_model(design.X, design.terms, both, all_subjects)
        score = np.asarray(fit.Z @ fit.gamma[0], dtype=float)
        return score, pd.DataFrame(design.X, columns=design.terms)

    def summary(self) -> Summary:
        """Return the method in words."""
        caliper = "none" if self.caliper is None else f"{self.caliper:g} SD of the logit"
        header = (
            ("Formula", self.formula),
            (
                "Controls for each",
                f"{self.ratio}, {'with' if self.replace else 'without'} replacement",
            ),
            ("Caliper", caliper),
        )
        return Summary("Nearest-neighbour matching", header)
