"""Pooled estimates, with their assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.scales import ScaleName, back
from trdstats.estimates.table import Columns
from trdstats.imputation.methods import ConditionalMean
from trdstats.imputation.set_estimates import to_scale
from trdstats.kernels.numerics.pooling import Pool, jackknife_influence, pool_bootstrap
from trdstats.plots.layout.direction import say_direction
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_number,
    format_p,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.imputation.analysed import Analysed


SAME = "it is the same in every completed set, without an error"


@dataclass(frozen=True)
class PercentileLimits:
    """Percentile limits of a bootstrap, and the p values that go with them.

    Attributes
    ----------
    drawn : ndarray, shape (n + 1, k)
        On the scales; the first row is of all subjects.
    scale : tuple of str
    """

    drawn: FloatArray
    scale: tuple[ScaleName, ...]

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        limits = pool_bootstrap(self.drawn, conf_level, percentile=True)
        return back(limits.low, self.scale), back(limits.high, self.scale)

    def p_values(self) -> FloatArray:
        """Return p values; NaN for rates, which are not tested."""
        limits = pool_bootstrap(self.drawn, 0.95, percentile=True)
        return np.where(np.array(self.scale) == "logit", np.nan, limits.p_value)


@dataclass(frozen=True, repr=False)
class Pooled(EstimateResult):
    """Pooled estimates.

    `tidy` has the columns of the analysis, fmi (fraction of missing information; NaN for
    resampling), mc_error (Monte Carlo error of the estimate, on the scale of std_error), then the
    columns of `EstimateResult.tidy`. Percentile limits have no statistic.

    Attributes
    ----------
    analysed : Analysed
    interval : str
    degrees : str
        Degrees of freedom under Rubin's rules: "barnard-rubin" or "rubin".
    """

    analysed: Analysed
    _pool: Pool
    _conf_level: float
    interval: str
    degrees: str

    def estimates(self) -> Estimates:
        """Return the pooled estimates, rates on the logit scale and ratios on the log scale.

        The jackknife gives the influence of every subject; its cross-product is the covariance.
        Rubin's rules give no covariance between estimates.
        """
        p, e = self._pool, self.analysed.estimates
        scale = cast(tuple[ScaleName, ...], tuple(e.scale))
        drawn = to_scale(e.estimate, scale)
        caveat = self.analysed.imputed.caveat
        layout = self.analysed.imputed.layout
        subjects = layout.subject_table[layout.subject].to_numpy()
        return estimates_of(
            e.keys, back(p.estimate, scale), covariance=p.covariance, scale=scale, df=p.df,
            influences=jackknife_influence(drawn) if self._is("jackknife") else None,
            subjects=subjects if self._is("jackknife") else None,
            # A rate has no null hypothesis: logit 0, a rate of one half, is not of interest.
            null=[{"identity": 0.0, "log": 1.0}.get(s, np.nan) for s in scale],
            limits=PercentileLimits(drawn, scale) if self.interval == "percentile" else None,
            reasons=["" if v > 0 else SAME for v in np.diag(p.covariance)],
            title="Pooled estimates after imputation",
            notes=(*e.notes, *caveat_notes(caveat)),
        )  # fmt: skip

    def _is(self, resampling: str) -> bool:
        method = self.analysed.imputed.draws.spec.method
        return isinstance(method, ConditionalMean) and method.resampling == resampling

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        columns = {"fmi": self._pool.fmi, "mc_error": self._pool.mc_error}
        return columns | ({"statistic": np.nan} if self.interval == "percentile" else {})

    def glance(self) -> pd.DataFrame:
        """Return one row: as of the imputed sets, with the way of pooling."""
        return self.analysed.glance().assign(pooling=self.pooling)

    @property
    def pooling(self) -> str:
        """Method of pooling, as text."""
        if not isinstance(self.analysed.imputed.draws.spec.method, ConditionalMean):
            whose = "Barnard and Rubin" if self.degrees == "barnard-rubin" else "Rubin 1987"
            return f"Rubin's rules, degrees of freedom of {whose}"
        if self._is("jackknife"):
            return "jackknife, normal distribution"
        if self.interval == "percentile":
            return "bootstrap, percentile interval"
        return "bootstrap, normal distribution"

    def influence(self) -> pd.DataFrame:
        """Return the influence of each subject on each estimate, by the jackknife.

        Raises
        ------
        NotEstimableError
            When the sets were not made by the jackknife.
        """
        if not self._is("jackknife"):
            raise NotEstimableError("Influence needs ConditionalMean('jackknife').")
        return super().influence()

    def _axis(self) -> str:
        label = "Difference with confidence interval"
        if not self.analysed.analysis.linear:  # rates and times, not scores
            return label
        return say_direction(label, self.analysed.imputed.layout.better)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the differences (or all estimates where there are none); returns the Axes."""
        frame = self.tidy()
        frame = frame.assign(label=labels(self.analysed.estimates.keys))
        if "measure" in frame and (frame["measure"] == "difference").any():
            frame = frame[frame["measure"] == "difference"]
        settings = {
            "xlabel": self._axis(),
            "reference_line": 0.0,
            "caveat": self.analysed.imputed.caveat,
            **options,
        }
        columns = ["label", "estimate", "conf_low", "conf_high"]
        return plots.plot_estimates(frame[columns], ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the assumptions, then the estimates."""
        frame = self.tidy()
        level = f"{format_level(self.conf_level)} CI"
        rubin = not np.isnan(frame["fmi"]).all()
        rows = []
        for name, r in zip(labels(self.analysed.estimates.keys), each_row(frame), strict=True):
            percent = r.scale == "logit"
            cells = [
                f"{name} (%)" if percent else name,
                format_estimate(
                    r.estimate, r.conf_low, r.conf_high, 1 if percent else 2,
                    scale=100.0 if percent else 1.0,
                ),
                format_number(r.std_error, 3),
                format_p(r.p_value),
            ]  # fmt: skip
            if rubin:
                cells += [format_number(r.df, 1), format_percent(r.fmi),
                          format_number(r.mc_error, 3)]  # fmt: skip
            rows.append(tuple(cells))
        header = ("Estimate", level, "SE", "p")
        if rubin:
            header = (*header, "df", "Missing information (%)", "Monte Carlo error")  # type: ignore[assignment]
        notes = list(self.estimates().notes)
        scales = {s for s in frame["scale"] if s != "identity"}
        if scales:
            notes.insert(0, f"SE on the {' and '.join(sorted(scales))} scale where pooled there.")
        return Summary(
            self.estimates().title,
            (*self.analysed.header(), ("Pooling", self.pooling)),
            (*self.analysed.imputed.tables(), Table(header, tuple(rows))),
            tuple(notes),
        )


def labels(keys: pd.DataFrame) -> list[str]:
    """Return a name for every row: what differs between rows, in words."""
    names = []
    for r in keys.to_dict("records"):
        arm = str(r.pop("treatment", "") or "")
        base = str(r.pop("reference", "") or "")
        head = [str(r.pop("measure"))] if "measure" in r else []
        who = f"{arm} v {base}" if arm and base else arm
        # A term is clear without its column name; a visit or a day is not.
        head += [str(r.pop("term"))] if "term" in r else []
        others = [f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in r.items()]
        names.append(", ".join([*head, *([who] if who else []), *others]))
    return names
