"""What a multiverse shows: every estimate, what they say together, and the curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.arrays import FloatArray
from trdstats.errors import count_of
from trdstats.kernels.numerics.max_t import MaxT
from trdstats.study import Study
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

CHOICES = ("definition", "day", "missing", "baseline", "windows")
_SHOWN = 12  # universes listed in the face; tidy() holds all
_COLUMNS = [
    *CHOICES, "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "p_joint",
    "joint_low", "joint_high", "conf_level", "is_primary", "agrees", "note",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Multiverse(SummaryMixin):
    """Estimates of one comparison under many definitions, judged together.

    Attributes
    ----------
    title : str
        What is compared.
    contrast : (str, str)
        Treatment and reference.
    frame : pandas.DataFrame
        As returned by `tidy`.
    critical : float
        Joint critical value of the largest statistic.
    n_effective : float
        How many independent estimates would need the same critical value.
    caveat : str
        What every comparison must say.
    """

    title: str
    contrast: tuple[str, str]
    frame: pd.DataFrame
    critical: float
    n_effective: float
    caveat: str
    _subjects: pd.Series[Any]
    _influence: FloatArray

    @classmethod
    def build(
        cls,
        frame: pd.DataFrame,
        influence: FloatArray,
        joint: MaxT,
        *,
        study: Study,
        contrast: tuple[str, str],
        conf_level: float,
        title: str,
    ) -> Multiverse:
        """Put estimates and their joint inference together; the first row is the primary one."""
        estimate = frame["estimate"].to_numpy(dtype=float)
        error = np.where(np.isfinite(estimate) & (joint.std_error > 0), joint.std_error, np.nan)
        z = float(norm.isf((1 - conf_level) / 2))
        frame = frame.assign(
            std_error=error,
            statistic=estimate / error,
            p_value=2 * norm.sf(np.abs(estimate / error)),
            conf_low=estimate - z * error,
            conf_high=estimate + z * error,
            p_joint=joint.p_value,
            joint_low=estimate - joint.critical * error,
            joint_high=estimate + joint.critical * error,
            conf_level=conf_level,
            is_primary=np.arange(len(frame)) == 0,
        )
        frame["agrees"] = _agrees(frame, 1 - conf_level)
        facts = [c for c in frame.columns if c not in _COLUMNS]
        return cls(
            title=title,
            contrast=contrast,
            frame=frame[[*_COLUMNS[:-1], *facts, "note"]],
            critical=joint.critical,
            n_effective=joint.n_effective,
            caveat=study.caveat,
            _subjects=study.subjects["subject"],
            _influence=influence,
        )

    def tidy(self) -> pd.DataFrame:
        """Return one row a universe, the primary one first.

        Returns
        -------
        pandas.DataFrame
            definition, day, missing, baseline, windows, estimate, std_error (from the subjects'
            influence), statistic, p_value, conf_low, conf_high (each on its own), p_joint,
            joint_low, joint_high (all together, max-T), conf_level, is_primary, agrees (whether
            it leads to the conclusion of the primary one; missing where either has no test),
            outcome and n of both treatments where the estimate has them, note (why there is no
            estimate, or no test of it).
        """
        return self.frame.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: how many universes, the primary one, and what they say together.

        Returns
        -------
        pandas.DataFrame
            n, n_estimated, n_tested, estimate, p_value and p_joint of the primary universe,
            median, lowest and highest estimate, share_agree (same conclusion as the primary),
            share_same_sign, share_significant, share_joint (significant together), p_any (no
            universe has an effect), critical, n_effective. Shares of conclusions are of the
            universes with a test.
        """
        known = self.frame[self.frame["estimate"].notna()]
        tested = known[known["p_value"].notna()]
        agrees = pd.Series(tested["agrees"].to_numpy(dtype=float, na_value=np.nan))
        first = self.frame.iloc[0]
        alpha = 1 - first["conf_level"]
        return pd.DataFrame(
            {
                "n": [len(self.frame)],
                "n_estimated": [len(known)],
                "n_tested": [len(tested)],
                "estimate": [first["estimate"]],
                "p_value": [first["p_value"]],
                "p_joint": [first["p_joint"]],
                "median": [known["estimate"].median()],
                "lowest": [known["estimate"].min()],
                "highest": [known["estimate"].max()],
                "share_agree": [agrees.mean()],
                "share_same_sign": [
                    (np.sign(known["estimate"]) == np.sign(first["estimate"])).mean()
                ],
                "share_significant": [(tested["p_value"] < alpha).mean()],
                "share_joint": [(tested["p_joint"] < alpha).mean()],
                "p_any": [known["p_joint"].min()],
                "critical": [self.critical],
                "n_effective": [self.n_effective],
            }
        )

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each estimate, one column a row."""
        columns = {str(i): self._influence[:, i] for i in range(len(self.frame))}
        return pd.DataFrame({"subject": self._subjects.array, **columns})

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the specification curve; returns the Axes."""
        treatment, reference = self.contrast
        varied = _varied(self.frame)
        settings = {
            "choices": varied or ["definition"],
            "ylabel": f"{self.title}, {treatment} v {reference}",
            "caveat": self.caveat,
            **options,
        }
        return plots.plot_specification_curve(self.frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the primary universe, what all say together, and the universes."""
        g = next(each_row(self.glance()))
        first = next(each_row(self.frame))
        level = f"{100 * first.conf_level:g} %"
        primary = format_estimate(first.estimate, first.conf_low, first.conf_high, 3)
        facts = (
            ("Comparison", f"{self.contrast[0]} v {self.contrast[1]}"),
            ("Primary", f"{_name_of(first, self.frame)}: {primary}, p {format_p(first.p_value)}"),
            ("Universes", f"{g.n:,}, {g.n_estimated:,} estimated, {g.n_tested:,} tested"),
            (
                "Estimates",
                f"median {format_number(g.median, 3)}, from {format_number(g.lowest, 3)} to "
                f"{format_number(g.highest, 3)}",
            ),
            ("Same conclusion", _agreement(g)),
            ("Same direction", f"{format_percent(g.share_same_sign)} %"),
            ("Any effect", f"p {format_p(g.p_any)} over all together (max-T)"),
        )
        rows = tuple(
            (
                _name_of(r, self.frame),
                format_estimate(r.estimate, r.conf_low, r.conf_high, 3),
                format_p(r.p_value),
                format_p(r.p_joint),
            )
            for r in each_row(self.frame[:_SHOWN])
        )
        notes = [f"{self.caveat}."] if self.caveat else []
        if len(self.frame) > _SHOWN:
            notes.append(f"{len(self.frame) - _SHOWN:,} more universes: see tidy().")
        untested = self.frame[self.frame["p_value"].isna()]
        notes += [
            f"{count_of(len(own), 'universe has', 'universes have')} no test: {why}."
            for why, own in untested.groupby("note", sort=False)
        ]
        if g.n_tested:
            notes.append(
                f"Joint p: all universes together; they weigh as much as {g.n_effective:.1f} "
                "independent ones."
            )
        header = ("Universe", f"Estimate ({level} CI)", "p", "Joint p")
        return Summary(
            f"{self.title} in {g.n:,} universes", facts, (Table(header, rows),), tuple(notes)
        )


def _agreement(glance: Any) -> str:
    """Return the share of tested universes with the conclusion of the primary one, in words."""
    if np.isnan(glance.p_value):
        return "not known: the primary universe has no test"
    return f"{format_percent(glance.share_agree)} % of those tested"


def _agrees(frame: pd.DataFrame, alpha: float) -> pd.Series[Any]:
    """Return whether each universe leads to the conclusion of the first.

    Missing where a universe or the first has no p value: not tested is not "no difference".
    """
    sign = np.sign(frame["estimate"].to_numpy(dtype=float))
    p = frame["p_value"].to_numpy(dtype=float)
    conclusion = np.where(p < alpha, sign, 0.0)
    agrees = pd.Series(conclusion == conclusion[0], dtype="boolean", index=frame.index)
    return agrees.mask(np.isnan(p) | bool(np.isnan(p[0])))


def _name_of(row: Any, frame: pd.DataFrame) -> str:
    """Return the choices of a universe that differ between universes."""
    words = {"day": "day {:g}", "baseline": "{} baseline", "windows": "{}", "missing": "{}"}
    parts = [row.definition]
    parts += [
        text.format(getattr(row, column))
        for column, text in words.items()
        if column in _varied(frame)
    ]
    return ", ".join(parts)


def _varied(frame: pd.DataFrame) -> list[str]:
    """Return the choices that differ between universes."""
    return [c for c in CHOICES if len(frame[c].unique()) > 1]
