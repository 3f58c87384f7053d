"""What every result of an estimator can do once it says what it estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.estimates.adjusted import Adjustment
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.estimates import Estimates
from trdstats.estimates.procedures import Graph
from trdstats.estimates.table import Columns
from trdstats.tables import SummaryMixin


@checked_methods
class EstimateResult(SummaryMixin):
    """A result that holds `Estimates`: a subclass writes `estimates()`, the rest follows."""

    __slots__ = ()

    def estimates(self) -> Estimates:
        """Return everything the result estimated, with the influence of every subject."""
        raise NotImplementedError

    @property
    def conf_level(self) -> float:
        """Confidence level of tables and figures: its own, or that of the specification."""
        of_spec = getattr(getattr(self, "spec", None), "conf_level", 0.95)
        level: float = getattr(self, "_conf_level", of_spec)
        return level

    def tidy(self, *, conf_level: float | None = None) -> pd.DataFrame:
        """Return one row an estimate.

        Parameters
        ----------
        conf_level : float, optional
            Default: that of the specification.

        Returns
        -------
        pandas.DataFrame
            The keys of the estimates, columns of this kind of result (its class names them), then
            estimate (natural scale), std_error and the scale it is on, df, statistic, p_value,
            conf_low, conf_high, conf_level, and the reason where an estimate could not be had.
        """
        level = self.conf_level if conf_level is None else conf_level
        estimates = self._table()
        held = estimates._columns(level)
        columns = self._table_columns(held, level)
        keys = {name: held[name] for name in estimates.keys}
        added = {name: values for name, values in columns.items() if name not in held}
        # One frame of all columns: frames joined, or columns inserted, take several times as long.
        # What stands in two of them keeps its first place and takes the last values.
        every = keys | added | held | dict(columns)
        return pd.DataFrame(every, index=pd.RangeIndex(len(estimates)))

    def _table(self) -> Estimates:
        """Return the estimates as a table needs them; without influences where they are costly."""
        return self.estimates()

    def _table_columns(self, held: Columns, conf_level: float) -> Mapping[str, Any]:
        """Return columns to add to the table of the estimates, one value an estimate.

        They stand after the keys; one with the name of a column of `Estimates.tidy` replaces it,
        such as the statistic of a score test.

        Parameters
        ----------
        held : mapping
            Columns of the table of the estimates: arrays, lists, or one value for all rows.
        conf_level : float
        """
        return {}

    def influence(self) -> pd.DataFrame:
        """Return one row a subject, one column an estimate; see `Estimates.influence`."""
        return self.estimates().influence()

    def contrast(self, L: npt.ArrayLike, labels: Sequence[str] | None = None) -> Estimates:
        """Return linear combinations of the estimates; see `Estimates.contrast`."""
        return self.estimates().contrast(L, labels)

    def compare(
        self,
        by: str = "treatment",
        *,
        reference: object = None,
        measures: Sequence[Measure] = ("difference",),
    ) -> Estimates:
        """Return differences and ratios between levels of a key; see `Estimates.compare`."""
        return self.estimates().compare(by, reference=reference, measures=measures)

    def adjust(
        self, method: Adjustment, *, within: str | Sequence[str] = (), graph: Graph | None = None
    ) -> Estimates:
        """Return the estimates adjusted for their number; see `Estimates.adjust`."""
        return self.estimates().adjust(method, within=within, graph=graph)
