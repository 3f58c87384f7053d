"""The table of courses: one row a course of treatment, checked and sorted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.columns import check_columns, numbers
from trdstats.errors import Problem
from trdstats.kinds import as_labels, in_order, label_of
from trdstats.study.checks.values import check_given_names
from trdstats.study.courses import checks as course_checks
from trdstats.study.roles import Roles
from trdstats.study.subjects import SubjectTable, code_rows

# What a course is for; the last two are given beside the assigned treatment.
COURSE_KINDS = ("acute", "maintenance", "augmentation", "concomitant")
COLUMNS = ("subject", "treatment", "start", "end", "kind")


def check_course_columns(frame: pd.DataFrame, roles: Roles) -> list[Problem]:
    """Check that the table names subject, treatment and start, and no column of the study's own."""
    wanted = [("subject", roles.subject), ("treatment", roles.treatment)]
    problems = check_columns(frame, wanted, "courses")
    problems += course_checks.check_start_column(frame)
    named = check_given_names(frame, COLUMNS, "courses")
    return problems if named is None else [*problems, named]


def build_courses(
    frame: pd.DataFrame | None, roles: Roles, subject_table: SubjectTable, problems: list[Problem]
) -> pd.DataFrame:
    """Return courses as subject, treatment, start, end, kind and the user's other columns, sorted.

    Parameters
    ----------
    frame : pandas.DataFrame or None
        The user's courses: subject, treatment, ``start`` and, where they are known, ``end`` and
        ``kind``.
    roles : Roles
    subject_table : SubjectTable
    problems : list of Problem
        Problems are appended.

    Returns
    -------
    pandas.DataFrame
        Days without an end, and courses without a kind, are missing there.
    """
    given = frame is not None
    if frame is None:
        frame = pd.DataFrame(
            {roles.subject: subject_table.ids[:0], roles.treatment: [], "start": []}
        )
    code = code_rows(frame[roles.subject], subject_table, "courses", problems)
    treatment = as_labels(frame[roles.treatment])
    arms = list(subject_table.treatment.categories)
    names = frame[roles.subject].to_numpy(dtype=object)
    days = {}
    for column in ("start", "end"):
        values = frame.get(column, pd.Series(np.full(len(frame), np.nan)))
        days[column], wrong = numbers(values)
        problems += course_checks.check_course_days(names, values, days[column], wrong, column)
    start, end = days["start"], days["end"]
    given_kind = frame.get("kind", pd.Series([None] * len(frame), dtype=object))
    # A list: newer pandas would keep text as its own dtype, in which None is no value.
    labels_of_kind = [label_of(v) for v in given_kind.tolist()]
    kind = pd.Series([v.lower() if v else None for v in labels_of_kind], dtype=object)
    problems += course_checks.check_treatments(names, treatment, arms)
    problems += course_checks.check_order(names, treatment, start, end)
    problems += course_checks.check_overlaps(names, code, treatment, start, end)
    problems += course_checks.note_kinds(kind, COURSE_KINDS)
    if given:
        problems += course_checks.note_without_course(subject_table.ids, code)
    others = in_order([t for t in treatment.cat.categories if t not in arms])
    labels = pd.Categorical(treatment.astype(object), categories=[*arms, *others])
    rest = [c for c in frame.columns if c not in (roles.subject, roles.treatment, *COLUMNS[2:])]
    order = np.lexsort((labels.codes, start, code))
    return pd.DataFrame(
        {
            # Codes below zero are only met when `found` already stops the study.
            "subject": pd.Categorical.from_codes(np.maximum(code, -1)[order], subject_table.ids),
            "treatment": labels[order],
            "start": start[order],
            "end": end[order],
            "kind": pd.Series(kind.to_numpy(dtype=object)[order], dtype=object),
            **{f"{c}_given" if c in COLUMNS else str(c): frame[c].iloc[order].array for c in rest},
        }
    )
