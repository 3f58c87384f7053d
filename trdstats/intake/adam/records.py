"""Analysis records of ADaM (basic data structure): which count, and on which day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from trdstats.errors import (
    DataError,
    Problem,
    SpecError,
    UnknownNameError,
    count_of,
    unknown_name,
)
from trdstats.intake.adam.datasets import check_flag, flagged, is_blank, is_yes, who
from trdstats.scales import Scale, get_scale

# Variables of the basic data structure that have a role here or follow from others.
ADQS = frozenset({
    "STUDYID", "USUBJID", "TRTP", "TRTPN", "TRTA", "TRTAN", "PARAM", "PARAMCD", "PARAMN",
    "PARCAT1", "AVAL", "AVALC", "BASE", "BASEC", "BASETYPE", "CHG", "PCHG", "ABLFL", "ANL01FL",
    "ANL02FL", "DTYPE", "AVISIT", "AVISITN", "ADT", "ADY", "ARELTM", "ARELTMU", "AWTARGET", "AWLO",
    "AWHI", "AWTDIFF", "AWRANGE", "AWU", "ASEQ", "QSSEQ", "SRCDOM", "SRCVAR", "SRCSEQ", "VISIT",
    "VISITNUM", "APERIOD", "APERIODC", "RANDFL", "ITTFL", "FASFL", "SAFFL",
})  # fmt: skip
_LISTED = 50


def pick_scales(
    adqs: pd.DataFrame, given: Mapping[str, str | Scale] | None
) -> tuple[dict[str, Scale], tuple[Problem, ...]]:
    """Return the scale of each PARAMCD that is one, in the order in which they were named.

    Raises
    ------
    UnknownNameError
        When a PARAMCD or a scale does not exist, or none is a scale.
    DataError
        When there are no records.
    """
    if not len(adqs):
        raise DataError(
            [Problem("no_rows", "ADQS has no records of the subjects of ADSL that are analysed.",
                     (), "Check the file or the filter that made it.")]
        )  # fmt: skip
    codes = adqs["PARAMCD"].astype(str).str.strip()
    known = list(dict.fromkeys(codes))
    if given is not None:
        for code in given:
            if code not in known:
                raise unknown_name("PARAMCD", code, known)
        scales_by_code = {code: get_scale(scale) for code, scale in given.items()}
        labels = [s.label for s in scales_by_code.values()]
        if len(set(labels)) < len(labels) or not labels:
            raise SpecError("scales must name one PARAMCD for each scale, and at least one.")
    else:
        first = adqs.assign(PARAMCD=codes).drop_duplicates("PARAMCD")
        if "PARAMN" in first:
            first = first.sort_values("PARAMN", kind="stable")
        scales_by_code = {}
        for _, row in first.iterrows():
            scale = _named_scale(row["PARAMCD"], str(row.get("PARAM", "")))
            if scale is not None and scale not in scales_by_code.values():
                scales_by_code[row["PARAMCD"]] = scale
        if not scales_by_code:
            raise UnknownNameError(
                f"No PARAMCD names a scale: {', '.join(map(repr, known[:12]))}. Say which does: "
                f'scales={{{known[0]!r}: "MADRS"}}.'
            )
    others = [c for c in known if c not in scales_by_code]
    if not others:
        return scales_by_code, ()
    n = int(codes.isin(others).sum())
    return scales_by_code, (
        Problem(
            "other_parameters",
            count_of(n, "record of another parameter was", "records of other parameters were")
            + " left out.",
            tuple(map(repr, others[:_LISTED])),
            "Name those that are totals of a scale: scales={PARAMCD: scale}.",
            level="note",
        ),
    )


def _named_scale(code: str, words: str) -> Scale | None:
    names = (code, words, words.lower().removesuffix("total score"), code.removesuffix("TOT"))
    for name in filter(str.strip, names):
        try:
            return get_scale(name)
        except UnknownNameError:
            continue
    return None


def keep_analysed(
    adqs: pd.DataFrame, flag: str | None, derived: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return the records of the analysis: flagged or baseline, and not derived unless asked for.

    Raises
    ------
    UnknownNameError
        When the flag, or a kind of derived record that is asked for, is not there.
    DataError
        When no record has the flag, or it or ABLFL holds something else than flags do.
    """
    notices = []
    check_flag(adqs, "ABLFL", "ADQS")
    if "DTYPE" in adqs:
        kind = adqs["DTYPE"].astype(str).str.strip().where(~is_blank(adqs["DTYPE"]))
        for name in derived:
            if not (kind == name).any():
                raise unknown_name("DTYPE", name, kind.dropna().unique())
        out = (kind.notna() & ~kind.isin(list(derived))).to_numpy(dtype=bool)
        if out.any():
            counts = kind[out].value_counts()
            notices.append(
                Problem(
                    "derived_records",
                    count_of(int(out.sum()), "derived record is", "derived records are")
                    + " no observation: left out.",
                    tuple(f"DTYPE {k}: {n:,}" for k, n in counts.items()),
                    f'To keep them: derived=("{counts.index[0]}",).',
                    level="note",
                )
            )
            adqs = adqs[~out]
    elif derived:
        raise unknown_name("DTYPE", derived[0], ())
    if flag == "ANL01FL" and flag not in adqs:
        return adqs, tuple(notices)  # records without flags are all analysed
    if flag is not None:
        flags = [c for c in adqs.columns if c.startswith("ANL") and c.endswith("FL")]
        if flag not in adqs:
            raise unknown_name("analysis flag", flag, flags)
        chosen = flagged(adqs, flag, "ADQS")
        kept = chosen | (is_yes(adqs["ABLFL"]) if "ABLFL" in adqs else False)
        if not kept.all():
            notices.append(
                Problem(
                    "analysis_flag",
                    count_of(int((~kept).sum()), "record has", "records have")
                    + f" no {flag} = Y and {'is' if (~kept).sum() == 1 else 'are'} no baseline: "
                    "left out.",
                    who(adqs, ~kept),
                    "For all records: analysis_flag=None.",
                    level="note",
                )
            )
        adqs = adqs[kept]
    return adqs, tuple(notices)


def note_later_periods(records: pd.DataFrame) -> list[Problem]:
    """Note records of another treatment than that of the subject, or of a later period.

    Parameters
    ----------
    records : pandas.DataFrame
        With the TREATMENT of the subject.
    """
    later, signs = np.zeros(len(records), dtype=bool), []
    if "APERIOD" in records:
        later |= (records["APERIOD"] > 1).to_numpy(dtype=bool)
        signs += ["APERIOD above 1"] if later.any() else []
    for variable in ("TRTP", "TRTA"):
        if variable not in records:
            continue
        given = records[variable].astype(str).str.strip()
        of_subject = given.groupby(records["USUBJID"], observed=True)
        # Who was treated otherwise than planned throughout crossed over to nothing.
        changed = ~is_blank(records[variable]) & (given != of_subject.transform("first")).to_numpy()
        later |= changed
        signs += [f"{variable} that changes"] if changed.any() else []
    if not later.any():
        return []
    n = records["USUBJID"][later].nunique()
    return [
        Problem(
            "later_period",
            count_of(int(later.sum()), "record", "records")
            + f" of ADQS, of {count_of(n, 'subject', 'subjects')}, "
            + ("belongs" if later.sum() == 1 else "belong")
            + f" to a later period of treatment ({', '.join(signs)}): such a visit counts under "
            "the first treatment.",
            who(records, later),
            "Give one period of treatment at a time; or give the change of treatment as an event "
            "and say what becomes of it: after_switch=...",
            level="warning",
        )
    ]
