"""Events of ADTTE: what happened to a subject on which day."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from trdstats.errors import DataError, Problem, count_of, unknown_name
from trdstats.intake.adam.datasets import is_blank, who

ADTTE = frozenset({
    "STUDYID", "USUBJID", "PARAM", "PARAMCD", "PARAMN", "AVAL", "AVALU", "CNSR", "STARTDT", "ADT",
    "ADY", "ARELTM", "ARELTMU", "EVNTDESC", "CNSDTDSC", "ASEQ",
})  # fmt: skip


def pick_events(
    adtte: pd.DataFrame, names: Mapping[str, str] | None
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return the records of events (CNSR 0) with a column EVENT.

    Parameters
    ----------
    adtte : pandas.DataFrame
    names : mapping of PARAMCD to event, optional
        Which parameters to take, and what they are called. Default: all, called by EVNTDESC, or by
        PARAM, or PARAMCD.

    Raises
    ------
    UnknownNameError
        When a PARAMCD does not exist.
    DataError
        When CNSR is missing.
    """
    codes = adtte["PARAMCD"].astype(str).str.strip()
    if names is not None:
        for code in names:
            if code not in set(codes):
                raise unknown_name("PARAMCD of ADTTE", code, codes.unique())
        adtte, codes = adtte[codes.isin(list(names))], codes[codes.isin(list(names))]
    unknown = adtte["CNSR"].isna().to_numpy()
    if unknown.any():
        raise DataError(
            [Problem("missing_cnsr",
                     count_of(int(unknown.sum()), "record", "records") + " of ADTTE lack CNSR.",
                     who(adtte, unknown), "CNSR is 0 for an event and above 0 for a censoring.")]
        )  # fmt: skip
    label = codes.copy()
    for column in ("PARAM", "EVNTDESC"):
        if column in adtte:
            label = adtte[column].astype(str).str.strip().where(~is_blank(adtte[column]), label)
    if names is not None:
        label = codes.map(names)
    happened = (adtte["CNSR"] == 0).to_numpy()
    notice = Problem(
        "events_of_adtte",
        count_of(int(happened.sum()), "event", "events")
        + f" of ADTTE (CNSR 0) became events of the study; {int((~happened).sum()):,} censored "
        "records did not.",
        tuple(f"{k!r}: {n:,}" for k, n in label[happened].value_counts().items()),
        "Name which are events, and how they are called: events={PARAMCD: event}.",
        level="note",
    )
    return adtte.assign(EVENT=label)[happened], (notice,)
