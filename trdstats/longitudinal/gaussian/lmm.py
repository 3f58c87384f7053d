"""Linear mixed models with random effects of nested and crossed groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.formulas import read_formula
from trdstats.longitudinal.covariances.covariances import Covariance
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.by_rating import build_rows, read_effects
from trdstats.longitudinal.designs.degrees import check_degrees
from trdstats.longitudinal.designs.fitted_rows import FittedRows
from trdstats.longitudinal.gaussian.lmm_fit.conclude import conclude
from trdstats.longitudinal.gaussian.lmm_fit.divided import adds_up, fit_divided
from trdstats.longitudinal.gaussian.lmm_residuals import INDEPENDENT, residual_rows, with_visits
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.longitudinal.gaussian.lmm_search import check_replication
from trdstats.study import DividedStudy, Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

DDF = ("kenward-roger", "satterthwaite", "residual")


@checked
@dataclass(frozen=True, repr=False)
class LMM(SummaryMixin):
    """Linear mixed model with random effects of subjects, sites, raters.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"score ~ week * treatment + baseline"``.
    random : str or mapping of str to str, default "1"
        Random effects of a subject: ``"1"`` an intercept, ``"1 + week"`` an intercept and a slope.
        Or the effects of every level of grouping, the outermost first and the subject last:
        ``{"country": "1", "site": "1", "subject": "1 + week"}``. The cost grows with the number
        of ratings and of groups at every level, not with the size of a site.
    crossed : mapping of str to str, optional
        Random effects of factors whose groups cross the subjects, such as raters who see many
        subjects: ``{"rater": "1"}``. The cost grows with the square of their number of groups:
        name the factor with the most groups in `random`.
    residual : str or Covariance, default "ind"
        Covariance of the residuals of a subject given the random effects: "ind" independent with
        one variance, "indh" one variance a visit, or a structure of `MMRM`, such as "ar1" and
        "sp_exp". By the column ``visit``, one rating a visit.
    time : str, optional
        Column with the actual day of each rating, for spatial residuals.
    correlated : bool, default True
        Whether random effects of a group may correlate.
    reml : bool, default True
        Restricted maximum likelihood, else maximum likelihood.
    ddf : {"satterthwaite", "kenward-roger", "residual"}
        Denominator degrees of freedom. Kenward-Roger takes the expected information, as R
        pbkrtest.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.

    References
    ----------
    Laird and Ware 1982, doi:10.2307/2529876. Pinheiro and Bates 2000, Mixed-Effects Models in S
    and S-PLUS, chapters 2 and 5. Baayen, Davidson and Bates 2008 (crossed effects),
    doi:10.1016/j.jml.2007.12.005.

    Examples
    --------
    >>> import trdstats as trd
    >>> frame = trd.load_sample("trial").longitudinal(days=[7, 14, 21, 28])
    >>> fit = trd.LMM("score ~ day * treatment + baseline", random="1 + day").fit(frame)
    >>> fit.covariance.shape
    (2, 2)
    """

    formula: str
    random: str | Mapping[str, str] = "1"
    correlated: bool = True
    reml: bool = True
    ddf: Literal["satterthwaite", "kenward-roger", "residual"] = "satterthwaite"
    crossed: Mapping[str, str] = field(default_factory=dict)
    residual: str | Covariance = INDEPENDENT
    time: str | None = None

    def __post_init__(self) -> None:
        read_formula(self.formula)
        check_choice("ddf", self.ddf, DDF)
        check_degrees(self.ddf, self.reml)
        texts = [self.random] if isinstance(self.random, str) else list(self.random.values())
        for text in [*texts, *self.crossed.values()]:
            if "~" in text or "|" in text:
                raise SpecError(
                    f"random names effects of the subject, such as '1 + week'; got {text!r}. "
                    "The subject is named in fit(..., subject=...), levels of grouping by "
                    "random={'site': '1', 'subject': '1 + week'}, crossed factors by "
                    "crossed={'rater': '1'}."
                )
            read_effects(text)
        if not texts:
            raise SpecError("random names no level of grouping; use random='1' or name one.")
        twice = (
            [] if isinstance(self.random, str) else [c for c in self.crossed if c in self.random]
        )
        if twice:
            raise SpecError(
                f"{', '.join(map(repr, twice))} is named in random and in crossed: groups are "
                "either nested or crossed."
            )
        structure = get_covariance(self.residual)
        if self.time is not None and not structure.by_days:
            raise SpecError(
                f"time={self.time!r} is not used by {structure.label} residuals: leave it out."
            )

    @one_thread
    def fit(
        self, data: Study | FrameLike, *, subject: str = "subject", visit: str = "visit"
    ) -> LMMResult:
        """Fit the model.

        Parameters
        ----------
        data : Study or DataFrame
            One row a rating; days may differ between subjects. Of a `DividedStudy` the sums of its
            partitions are added, where the last level of `random` is the subject (sites may lie in
            several partitions), residuals are independent, no factor is crossed and no function of
            the formulas learns from all rows (such as a spline); other models gather the scheduled
            visits. A fit to sums has no residuals: ``study.longitudinal()`` gathers the rows for
            what needs them afterwards.
        subject : str
            Column. Not used where `random` names levels of grouping.
        visit : str
            Column of the visits, used where residuals have a covariance by visit.

        Raises
        ------
        DataError, SpecError
            When the table or the formula is not usable, or a subject lies in two sites.
        NotEstimableError
            When the variances are not identified; the message says which and why.
        TooLargeError
            When a model that needs rows would gather more than 20 million.

        Warns
        -----
        EstimateWarning
            When columns of the design are collinear (aliased) with others, and when the estimate
            lies on the boundary: a variance at zero or a correlation at 1 or -1.
        """
        random = {subject: self.random} if isinstance(self.random, str) else dict(self.random)
        if subject in self.crossed and isinstance(self.random, str):
            raise SpecError(f"{subject!r} is the subject and cannot be crossed with itself.")
        if isinstance(data, DividedStudy) and adds_up(self, subject):
            fit = fit_divided(self, data)
            if fit is not None:
                return fit
        structure = get_covariance(self.residual)
        by_visit = self.residual != INDEPENDENT
        more = [visit, *([self.time] if self.time else [])] if by_visit else []
        design, groupings = build_rows(
            data, read_formula(self.formula), random, dict(self.crossed), more
        )
        residual = None
        if by_visit:
            innermost = groupings[len(random) - 1]
            residual = residual_rows(structure, design, innermost, visit, self.time)
            design = with_visits(design, residual, visit)
        else:
            check_replication(groupings, design.y.size)
        fitted = FittedRows.of(
            design, groupings, correlated=self.correlated, reml=self.reml, residual=residual
        )
        return conclude(LMMResult, self, design, fitted, groupings, residual)

    def _in_words(self) -> str:
        if isinstance(self.random, str):
            words = [self.random]
        else:
            words = [f"{effects} of {column}" for column, effects in self.random.items()]
        words += [f"{effects} of {column} (crossed)" for column, effects in self.crossed.items()]
        return "; ".join(words)

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [
            ("Formula", self.formula),
            ("Random effects", self._in_words() + ("" if self.correlated else ", uncorrelated")),
        ]
        if self.residual != INDEPENDENT:
            header.append(("Residuals", get_covariance(self.residual).label))
        header += [
            ("Estimation", "REML" if self.reml else "ML"),
            ("Degrees of freedom", self.ddf),
        ]
        return Summary("Linear mixed model", tuple(header))
