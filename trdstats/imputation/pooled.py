"""Pooled estimates with the assumptions they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.imputation.analyses import to_scale
from trdstats.imputation.methods import ConditionalMean
from trdstats.kernels.numerics.pooling import Pool
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_number,
    format_p,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.imputation.analysed import Analysed


@dataclass(frozen=True, repr=False)
class Pooled(SummaryMixin):
    """Pooled estimates.

    Attributes
    ----------
    analysed : Analysed
    conf_level : float
    interval : str
    """

    analysed: Analysed
    _pool: Pool
    conf_level: float
    interval: str

    def tidy(self) -> pd.DataFrame:
        """Return one row an estimate.

        Returns
        -------
        pandas.DataFrame
            The columns of the analysis, estimate, std_error (on the logit scale for rates, on
            the log scale for ratios), statistic, df, p_value, conf_low, conf_high, conf_level,
            scale, fmi (fraction of missing information; NaN for resampling), mc_error (Monte
            Carlo error of the estimate, on the scale of std_error).
        """
        p, e = self._pool, self.analysed.estimates
        shown = {name: _back(getattr(p, name), e.scale) for name in ("estimate", "low", "high")}
        no_test = np.array([s == "logit" for s in e.scale])
        return e.keys.assign(
            estimate=shown["estimate"],
            std_error=p.std_error,
            # That a rate is one half, or a mean 0, is no question anybody asked of a rate.
            statistic=np.where(no_test, np.nan, p.statistic),
            df=p.df,
            p_value=np.where(no_test, np.nan, p.p_value),
            conf_low=shown["low"],
            conf_high=shown["high"],
            conf_level=self.conf_level,
            scale=list(e.scale),
            fmi=p.fmi,
            mc_error=p.mc_error,
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: as of the imputed sets, with the way of pooling."""
        return self.analysed.glance().assign(pooling=self.pooling)

    @property
    def pooling(self) -> str:
        """How the sets were pooled, in words."""
        method = self.analysed.imputed.draws.spec.method
        if not isinstance(method, ConditionalMean):
            return "Rubin's rules, degrees of freedom of Barnard and Rubin"
        if method.resampling == "jackknife":
            return "jackknife, normal law"
        if self.interval == "percentile":
            return "bootstrap, percentile interval"
        return "bootstrap, normal law"

    def influence(self) -> pd.DataFrame:
        """Return the effect of each subject on each estimate, by the jackknife.

        Returns
        -------
        pandas.DataFrame
            subject, then one column an estimate (on the scale of std_error), named by the
            columns of the analysis. The cross-product is the jackknife's covariance.

        Raises
        ------
        NotEstimableError
            When the sets were not made by the jackknife.
        """
        method = self.analysed.imputed.draws.spec.method
        if not (isinstance(method, ConditionalMean) and method.resampling == "jackknife"):
            raise NotEstimableError("Influence needs ConditionalMean('jackknife').")
        e, layout = self.analysed.estimates, self.analysed.imputed.layout
        out = to_scale(e.estimate, e.scale)[1:]
        n = len(out)
        effect = np.sqrt((n - 1) / n) * (out.mean(axis=0) - out)
        frame = pd.DataFrame(effect, columns=labels(e.keys))
        frame.insert(0, "subject", layout.people[layout.subject].to_numpy())
        return frame

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the differences (or all estimates where there are none); returns the Axes."""
        frame = self.tidy()
        frame = frame.assign(label=labels(self.analysed.estimates.keys))
        if "measure" in frame and (frame["measure"] == "difference").any():
            frame = frame[frame["measure"] == "difference"]
        settings = {
            "xlabel": "Difference with confidence interval",
            "reference_line": 0.0,
            "caveat": self.analysed.imputed.caveat,
            **options,
        }
        columns = ["label", "estimate", "conf_low", "conf_high"]
        return plots.plot_estimates(frame[columns], ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the assumptions, then the estimates."""
        frame = self.tidy()
        level = f"{100 * self.conf_level:g} % CI"
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
        caveat = self.analysed.imputed.caveat
        notes = [*self.analysed.estimates.notes, *((f"{caveat}.",) if caveat else ())]
        scales = {s for s in frame["scale"] if s != "identity"}
        if scales:
            notes.insert(0, f"SE on the {' and '.join(sorted(scales))} scale where pooled there.")
        return Summary(
            "Pooled estimates after imputation",
            (*self.analysed.facts(), ("Pooling", self.pooling)),
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
        # A term speaks for itself; a visit or a day does not.
        head += [str(r.pop("term"))] if "term" in r else []
        rest = [f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in r.items()]
        names.append(", ".join([*head, *([who] if who else []), *rest]))
    return names


def _back(values: FloatArray, scale: tuple[str, ...]) -> FloatArray:
    """Return values on the scale of the estimates."""
    result = values.copy()
    for j, name in enumerate(scale):
        if name == "log":
            result[j] = np.exp(values[j])
        elif name == "logit":
            result[j] = 1 / (1 + np.exp(-values[j]))
    return result
