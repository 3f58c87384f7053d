"""Table 1: who the subjects of each treatment were before treatment, and how alike they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray, ObjectArray
from trdstats.errors import unknown_name
from trdstats.kernels.weighting.covariate_balance import balance, category_difference
from trdstats.kinds import label_of
from trdstats.study import Study
from trdstats.tables import (
    NOT_ESTIMABLE,
    FrameResult,
    Summary,
    Table,
    format_count,
    format_number,
    format_percent,
)

ALL = "all treatments"  # a key; shown as "All"
_MOST_LEVELS = 20  # a text with more is a name or a remark, no characteristic
_ROLES = ("subject", "treatment", "treated")


@checked
def baseline_table(study: Study, *, covariates: Sequence[str] | None = None) -> BaselineTable:
    """Describe the subjects of each treatment before treatment, with standardised differences.

    Parameters
    ----------
    study : Study
    covariates : sequence of str, optional
        Columns of the subjects. Default: the baseline score and every column but texts with more
        than twenty different entries, which are named in the result.

    Returns
    -------
    BaselineTable
        Numbers as mean (standard deviation), median and quartiles; texts and numbers that are
        only 0 or 1 as counts. Values that are missing are counted and left out. No p-values: a
        baseline table describes who was compared (CONSORT 2025, item 25).

    Raises
    ------
    UnknownNameError
        When a column is not there.

    References
    ----------
    Austin 2009, Stat Med 28:3083-3107, doi:10.1002/sim.3697 (standardised differences); Yang and
    Dalton 2012, SAS Global Forum, paper 335 (the same of categories with several levels).

    Examples
    --------
    >>> import trdstats as trd
    >>> table = trd.baseline_table(trd.load_sample("trial"), covariates=["age", "sex"])
    >>> table.differences()["variable"].unique().tolist()
    ['age', 'sex']
    """
    subjects = study.subjects
    # A baseline that was given as a column stands under that name too, for formulas.
    again = study.baseline_column if study.baseline_column != "baseline" else None
    known = [str(c) for c in subjects.columns if c not in (*_ROLES, again)]
    if covariates is not None:
        for name in covariates:
            if name not in subjects.columns:
                raise unknown_name("column of the subjects", name, known)
    wanted = known if covariates is None else list(dict.fromkeys(covariates))
    long = [c for c in wanted if covariates is None and _is_free_text(subjects[c])]
    kept = [c for c in wanted if c not in long]
    arm = subjects["treatment"].astype(object).to_numpy()
    rows: list[dict[str, object]] = []
    gaps: list[dict[str, object]] = []
    for name in kept:
        values = subjects[name]
        if _is_number(values):
            some = values if values.notna().any() else pd.Series(np.nan, index=values.index)
            number = np.asarray(some.to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)
            rows += _number_rows(name, number, arm, study.treatments)
            gaps += _differences(name, number, arm, study.treatments, _number_difference)
        else:
            codes, levels = _levels(values)
            levels = levels or [""]  # blanks alone: a line that says so
            rows += _category_rows(name, codes, levels, arm, study.treatments)
            gaps += _differences(name, codes, arm, study.treatments, category_difference)
    return BaselineTable(
        frame=pd.DataFrame(rows, columns=list(_COLUMNS)),
        pairs=pd.DataFrame(gaps, columns=["variable", "treatment", "reference", "smd"]),
        sizes={t: int((arm == t).sum()) for t in study.treatments},
        left_out=tuple(long),
        scale=study.scale.label,
    )


_COLUMNS = (
    "variable", "level", "treatment", "n", "n_missing", "mean", "sd", "median", "q25", "q75",
    "count", "proportion",
)  # fmt: skip


def _is_free_text(values: pd.Series) -> bool:
    return not _is_number(values) and values.nunique() > _MOST_LEVELS


def _is_number(values: pd.Series) -> bool:
    if not values.notna().any():
        return True  # nothing is known of it: a line that says so
    if values.dtype.kind not in "iuf" and not pd.api.types.is_numeric_dtype(values):
        return False
    if pd.api.types.is_bool_dtype(values):
        return False
    return not set(values.dropna().unique()) <= {0, 1}


def _levels(values: pd.Series) -> tuple[FloatArray, list[str]]:
    """Return the level of each subject as a number, NaN where missing, and their names."""
    known = values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category")
    # Categories that have one label are one level, and a blank one is no answer.
    labels = [(label_of(v) or str(v)).strip() for v in known.cat.categories]
    names = [name for name in dict.fromkeys(labels) if name]
    place = np.array([names.index(k) if k else np.nan for k in labels], dtype=np.float64)
    codes = known.cat.codes.to_numpy()
    return np.where(codes < 0, np.nan, place[codes] if len(place) else np.nan), names


def _arms(arm: ObjectArray, treatments: Sequence[str]) -> Iterator[tuple[str, BoolArray]]:
    yield ALL, np.ones(len(arm), dtype=bool)
    for name in treatments:
        yield name, arm == name


def _number_rows(
    name: str, values: FloatArray, arm: ObjectArray, treatments: Sequence[str]
) -> Iterator[dict[str, object]]:
    for who, members in _arms(arm, treatments):
        in_arm = values[members]
        x = in_arm[~np.isnan(in_arm)]
        q25, median, q75 = np.quantile(x, [0.25, 0.5, 0.75]) if len(x) else [np.nan] * 3
        yield {
            "variable": name, "level": "", "treatment": who, "n": len(x),
            "n_missing": len(in_arm) - len(x), "mean": x.mean() if len(x) else np.nan,
            "sd": x.std(ddof=1) if len(x) > 1 else np.nan, "median": median, "q25": q25,
            "q75": q75, "count": np.nan, "proportion": np.nan,
        }  # fmt: skip


def _category_rows(
    name: str, codes: FloatArray, levels: list[str], arm: ObjectArray, treatments: Sequence[str]
) -> Iterator[dict[str, object]]:
    for k, level in enumerate(levels):
        for who, in_arm in _arms(arm, treatments):
            rows = codes[in_arm]
            n = int((~np.isnan(rows)).sum())
            count = int((rows == k).sum())
            yield {
                "variable": name, "level": level, "treatment": who, "n": n,
                "n_missing": len(rows) - n, "mean": np.nan, "sd": np.nan, "median": np.nan,
                "q25": np.nan, "q75": np.nan, "count": count,
                "proportion": count / n if n else np.nan,
            }  # fmt: skip


def _number_difference(a: FloatArray, b: FloatArray) -> float:
    if min(len(a), len(b)) < 2:
        return np.nan
    return float(balance(a[:, None], b[:, None], np.ones(len(a)), np.ones(len(b))).standardised[0])


def _differences(
    name: str,
    values: FloatArray,
    arm: ObjectArray,
    treatments: Sequence[str],
    difference: Callable[[FloatArray, FloatArray], float],
) -> Iterator[dict[str, object]]:
    known = ~np.isnan(values)
    for reference, treatment in combinations(treatments, 2):
        one, other = (values[known & (arm == t)] for t in (treatment, reference))
        smd = difference(one, other) if len(one) and len(other) else np.nan
        yield {"variable": name, "treatment": treatment, "reference": reference, "smd": smd}


@dataclass(frozen=True, repr=False, eq=False)
class BaselineTable(FrameResult):
    """Baseline characteristics by treatment.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a variable (and level) and treatment, "all treatments" among them: n (known),
        n_missing; of a number mean, sd, median, q25, q75; of a level count and proportion of those
        known.
    pairs : pandas.DataFrame
        variable, treatment, reference, smd.
    sizes : dict of str to int
        Subjects of each treatment.
    left_out : tuple of str
        Columns that are no characteristics: texts with too many different entries.
    scale : str
        Instrument of the baseline score.
    """

    frame: pd.DataFrame
    pairs: pd.DataFrame
    sizes: dict[str, int]
    left_out: tuple[str, ...]
    scale: str

    def differences(self) -> pd.DataFrame:
        """Return the standardised difference of every variable and pair of treatments.

        Returns
        -------
        pandas.DataFrame
            variable, treatment, reference, smd: treatment less reference in standard deviations;
            of categories the distance of their distributions, at least 0.
        """
        return self.pairs.copy()

    def largest(self) -> pd.Series:
        """Return the largest absolute standardised difference of each variable."""
        return self.pairs.assign(smd=self.pairs["smd"].abs()).groupby("variable", sort=False)[
            "smd"
        ].max()  # fmt: skip

    def summary(self) -> Summary:
        """Return Table 1."""
        arms = [*self.sizes, *([ALL] if len(self.sizes) > 1 else [])]
        total = sum(self.sizes.values())
        header = [
            "",
            *(f"{_shown(a)} (n = {format_count(self.sizes.get(a, total))})" for a in arms),
        ]
        compared = len(self.sizes) > 1
        if compared:
            header.append("SMD" if len(self.sizes) == 2 else "Largest SMD")
        rows = list(self._rows(arms, self.largest() if compared else None))
        words = [
            ("Numbers", "mean (standard deviation)"),
            ("Categories", "number (per cent of those known)"),
        ]
        if compared:
            words.append(("SMD", "standardised mean difference, in absolute value; of all pairs"))
        notes = (
            (f"Not shown, more than {_MOST_LEVELS} different texts: {', '.join(self.left_out)}.",)
            if self.left_out
            else ()
        )
        return Summary(
            "Baseline characteristics", tuple(words), (Table(tuple(header), tuple(rows)),), notes
        )

    def _rows(self, arms: list[str], largest: pd.Series | None) -> Iterator[tuple[str, ...]]:
        for name in dict.fromkeys(self.frame["variable"]):
            part = self.frame[self.frame["variable"] == name]
            label = f"Baseline {self.scale}" if name == "baseline" else name
            smd = () if largest is None else (format_number(largest[name], 2),)
            blank = () if largest is None else ("",)
            by_level = {k: g.set_index("treatment") for k, g in part.groupby("level", sort=False)}
            first = next(iter(by_level.values()))
            if list(by_level) == [""]:
                yield (label, *(_mean_sd(first.loc[a]) for a in arms), *smd)
            elif set(by_level) <= {"0", "1", "False", "True"}:
                shown = by_level.get("1", by_level.get("True"))
                cells = ["0 (0.0)"] * len(arms) if shown is None else [
                    _count(shown.loc[a]) for a in arms
                ]  # fmt: skip
                yield (label, *cells, *smd)
            else:
                yield (label, *[""] * len(arms), *smd)
                for level, rows in by_level.items():
                    yield (f"– {level}", *(_count(rows.loc[a]) for a in arms), *blank)
            missing = [int(first.loc[a, "n_missing"]) for a in arms]
            if any(missing):
                yield (f"– {label}, not known", *map(format_count, missing), *blank)


def _shown(treatment: str) -> str:
    return "All" if treatment == ALL else treatment


def _mean_sd(row: pd.Series) -> str:
    if np.isnan(row["mean"]):
        return NOT_ESTIMABLE
    return f"{format_number(row['mean'])} ({format_number(row['sd'])})"


def _count(row: pd.Series) -> str:
    if np.isnan(row["proportion"]):
        return NOT_ESTIMABLE
    return f"{format_count(row['count'])} ({format_percent(row['proportion'])})"
