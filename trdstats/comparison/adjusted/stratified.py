"""Rates compared within strata and summed over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.columns import check_not_empty, numbers
from trdstats.comparison.adjusted.stratified_result import COUNTS, StratifiedRates
from trdstats.errors import (
    DataError,
    DataWarning,
    NotEstimableError,
    Problem,
    check_choice,
    check_level,
    count_of,
    pick_level,
    unknown_name,
    warn,
)
from trdstats.frames import to_pandas
from trdstats.kinds import as_labels, in_order, label_of, trimmed
from trdstats.outcomes.assess import check_arguments
from trdstats.outcomes.rates_result import MISSING_WORDS
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.switching import notes_on
from trdstats.outcomes.verdicts.after_switch import switches_by
from trdstats.outcomes.verdicts.judged_day import at_day, day_of
from trdstats.outcomes.verdicts.missing import MISSING, Missing
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.study import Study, warn_of_asked_days
from trdstats.study.plausibility.lookalikes import note_lookalikes

NAMES = ("stratum", "treatment", "reference")


@checked
def stratified_rates(
    study: Study,
    definition: Definition,
    *,
    day: float | None = None,
    strata: str | Sequence[str],
    missing: Missing = "nonresponse",
    reference: Level | None = None,
    conf_level: float = 0.95,
) -> StratifiedRates:
    """Compare rates at a day within strata of subjects.

    Parameters
    ----------
    study : Study
    definition : Definition
    day : float, optional
        Scheduled day, as in `rates`.
    strata : str or sequence of str
        Columns of the subjects; several are crossed.
    missing : {"nonresponse", "observed", "locf", "worst"}
        As in `rates`.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    conf_level : float

    Returns
    -------
    StratifiedRates
        Difference and ratio with the weights of Mantel and Haenszel and the limits of Miettinen
        and Nurminen; common odds ratio with the limits of Robins, Breslow and Greenland and the
        test of Cochran, Mantel and Haenszel, without correction for continuity.

    Raises
    ------
    UnknownNameError
        When a column, the reference or the day is not known.
    NotEstimableError
        When no stratum holds both treatments.

    References
    ----------
    Miettinen and Nurminen 1985, doi:10.1002/sim.4780040211; Mantel and Haenszel 1959,
    doi:10.1093/jnci/22.4.719; Robins, Breslow and Greenland 1986, doi:10.2307/2531052.

    Examples
    --------
    >>> import trdstats as trd
    >>> found = trd.stratified_rates(trd.load_sample("trial"), trd.Response(), day=28, strata="sex")
    >>> found.tidy()["measure"].unique().tolist()
    ['difference', 'ratio', 'odds ratio']
    """
    check_arguments(study, definition)
    check_choice("missing", missing, MISSING)
    check_level(conf_level)
    columns = [strata] if isinstance(strata, str) else list(strata)
    for column in columns:
        if column not in study.subjects.columns:
            raise unknown_name("column of the subjects", column, study.subjects.columns)
    base = pick_level("treatment", reference, study.treatments)
    day = day_of(definition, day)
    outcomes = verdicts(study, definition, day=day, missing=missing, reference=base)
    warn_of_asked_days(study, [day])
    cells = study.subjects[columns]
    lacks = cells.isna().any(axis=1).to_numpy()
    label = cells.apply(lambda c: c.map(label_of).astype(str)).agg(", ".join, axis=1).to_numpy()
    counted = outcomes["met"].notna().to_numpy() & ~lacks
    table = pd.DataFrame(
        {
            "subject": outcomes["subject"].array[counted],
            "stratum": label[counted],
            "treatment": outcomes["treatment"].astype(str).to_numpy()[counted],
            "met": outcomes["met"].to_numpy(dtype=float, na_value=np.nan)[counted],
        }
    )
    sums = table.groupby(["stratum", "treatment"])["met"].agg(["sum", "count"])
    names = in_order(table["stratum"])
    rows = []
    for treatment in study.treatments:
        if treatment == base:
            continue
        for name in names:
            cell, other = (_cell(sums, name, arm) for arm in (treatment, base))
            rows.append((name, treatment, base, *cell, *other))
    counts = pd.DataFrame(rows, columns=["stratum", "treatment", "reference", *COUNTS])
    _check_overlap(counts)
    header = [
        ("Rule", definition.describe(study.scale)),
        ("Not assessed", MISSING_WORDS[missing]),
        ("Strata", f"{len(names)} of {', '.join(columns)}"),
    ]
    if lacks.any():
        header.append(("Left out", f"{int(lacks.sum()):,} without a stratum"))
    counts_of = switches_by(study, outcomes, day)
    header += [("Switched", note) for note in notes_on(counts_of)]
    title = f"{definition.label(study.scale)}{at_day(definition, day)}, stratified"
    title = title[0].upper() + title[1:]
    return StratifiedRates(title, counts, conf_level, tuple(header), study.caveat, table)


@checked
def compare_strata(frame: FrameLike, *, conf_level: float = 0.95) -> StratifiedRates:
    """Compare two rates over strata of which only the counts are known.

    Parameters
    ----------
    frame : DataFrame
        stratum, events, n, reference_events, reference_n; optional treatment and reference.
    conf_level : float

    Returns
    -------
    StratifiedRates

    Raises
    ------
    UnknownNameError, DataError
        When a column or a name is missing, a treatment is compared with itself, or counts are not
        whole or exceed their denominator.
    NotEstimableError
        When no stratum holds both treatments.

    Warns
    -----
    DataWarning
        When names of strata or treatments are probably one name, written in different ways.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"stratum": ["F", "M"], "events": [29, 12], "n": [54, 26],
    ...                        "reference_events": [21, 6], "reference_n": [54, 26]})
    >>> row = compare_strata(counts).tidy().iloc[2]
    >>> row["measure"], round(float(row["estimate"]), 3)
    ('odds ratio', 2.081)
    """
    check_level(conf_level)
    table = to_pandas(frame, what="frame")
    for column in ("stratum", *COUNTS):
        if column not in table.columns:
            raise unknown_name("column", column, table.columns)
    for column in ("treatment", "reference"):
        if column not in table.columns:
            table[column] = column
    table = trimmed(table, ["stratum"])
    for name in ("treatment", "reference"):
        table[name] = as_labels(table[name]).astype(object)
    values = np.column_stack([numbers(table[c])[0] for c in COUNTS])
    problems = _check_counts(table, values)
    if problems:
        raise DataError(problems)
    for one, of in (("stratum", ["stratum"]), ("treatment", ["treatment", "reference"])):
        twins = note_lookalikes(pd.unique(table[of].to_numpy().ravel()), one)
        if twins is not None:
            warn(twins.describe(), DataWarning)
    named = {c: table[c].array for c in NAMES}
    counts = pd.DataFrame(named | dict(zip(COUNTS, values.astype(np.int64).T, strict=True)))
    _check_overlap(counts)
    header = (("Strata", str(counts["stratum"].nunique())),)
    return StratifiedRates("Rates over strata", counts, conf_level, header)


def _check_counts(table: pd.DataFrame, values: FloatArray) -> list[Problem]:
    """Check names and counts of strata, shape (strata, 4)."""
    empty = check_not_empty(table, "frame")
    if empty is not None:
        return [empty]
    whole = np.isfinite(values) & (np.round(values) == values) & (values >= 0)
    fits = (values[:, 0] <= values[:, 1]) & (values[:, 2] <= values[:, 3])
    unnamed = table[list(NAMES)].isna().any(axis=1).to_numpy()
    alone = (table["treatment"] == table["reference"]).to_numpy()
    checks = (
        ("missing_name", unnamed, "no name of the stratum, treatment or reference",
         "Name them: a row without a name belongs to no comparison."),
        ("same_treatment", alone, "one treatment on both sides",
         "Name the treatment and the one it is compared with."),
        ("bad_counts", ~(whole.all(axis=1) & fits), "counts that are no counts",
         "Events must be whole numbers between 0 and n."),
        ("duplicate_stratum", table.duplicated(list(NAMES)).to_numpy() & ~unnamed,
         "a second row of the same comparison",
         "Give one row a stratum and comparison: add the counts, or name the strata apart."),
    )  # fmt: skip
    return [
        Problem(
            code,
            f"{count_of(int(bad.sum()), 'stratum has', 'strata have')} {what}.",
            tuple(
                dict.fromkeys(label_of(table["stratum"][i]) or f"row {i}" for i in table.index[bad])
            ),
            remedy,
        )
        for code, bad, what, remedy in checks
        if bad.any()
    ]


def _cell(sums: pd.DataFrame, stratum: str, arm: str) -> tuple[int, int]:
    if (stratum, arm) not in sums.index:
        return 0, 0
    return int(sums["sum"].loc[(stratum, arm)]), int(sums["count"].loc[(stratum, arm)])


def _check_overlap(counts: pd.DataFrame) -> None:
    both = ((counts["n"] > 0) & (counts["reference_n"] > 0)).to_numpy()
    compared = set(counts["treatment"].to_numpy()[both])
    for treatment, reference in zip(counts["treatment"], counts["reference"], strict=True):
        if treatment not in compared:
            raise NotEstimableError(
                f"No stratum holds both {treatment} and {reference}: they cannot be compared "
                "within strata."
            )
