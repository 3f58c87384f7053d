"""Mutated exports end in our error, in a notice that names the cause, or in the right rates.

A sound export is written in some form and changed in one to three ways from a seed. Where a
study comes out, its rates must be those that plain loops count from what the export still says;
a difference needs a warning. The loops are `rates_by_loops`.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clinic_export import ARMS, WINDOWS, Row, clinic, frame_of, rates_by_loops

from trdstats import ExportMapping, Response, Study, rates, read_export
from trdstats.errors import DataWarning, EstimateWarning, TrdstatsError

MAPPING: dict[str, Any] = {
    "scale": "MADRS", "subject": "pat", "treatment": "arm", "score": "madrs",
    "date": "visit_date", "start": "first", "labels": {"arm": ARMS}, "windows": WINDOWS,
}  # fmt: skip
DATES: list[Callable[[datetime.date], Any]] = [
    datetime.date.isoformat,
    lambda d: f"{d:%d.%m.%Y}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d:%m/%d/%y}",
    lambda d: f"{d:%d-%b-%Y}",
    lambda d: str((d - datetime.date(1899, 12, 30)).days),
    lambda d: f"{d.isoformat()} 00:00:00",
    lambda d: f"{d:%Y%m%d}",
]


# Warnings that say why rates may be wrong, with the places and the remedy.
CAUSES = ("exchanged_dates", "date_apart", "early_date")


class Export:
    """An export under mutation: the table, the rows it still says, and the mapping."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows: list[Row] = clinic(18, int(rng.integers(0, 10**6)))
        self.write = DATES[int(rng.integers(len(DATES)))]
        self.comma = bool(rng.integers(2))
        number = (lambda x: str(x).replace(".", ",")) if self.comma else str
        self.frame = frame_of(self.rows, date=self.write, number=number)
        self.mapping = dict(MAPPING)
        self.separator = ";"
        self.said: list[str] = []

    def pick(self, n: int = 1) -> list[int]:
        return sorted(self.rng.choice(len(self.frame), n, replace=False).tolist())

    def put(self, column: str, rows: list[int], values: list[Any]) -> None:
        self.frame[column] = self.frame[column].astype(object)
        for row, value in zip(rows, values, strict=True):
            self.frame.iloc[row, self.frame.columns.get_loc(column)] = value

    def keep(self, rows: list[int]) -> None:
        self.frame = self.frame.iloc[rows].reset_index(drop=True)
        self.rows = [self.rows[k] for k in rows]


def no_score(e: Export) -> None:
    (k,) = e.pick()
    e.put("madrs", [k], [e.rng.choice(["", "NA", "n/a", ".", None])])
    e.rows[k] = e.rows[k] | {"day": 10**6}  # a visit without a score is in no window


def coded_missing(e: Export) -> None:
    (k,) = e.pick()
    e.put("madrs", [k], [e.rng.choice(["-9", "-9,0", "999"])])
    e.mapping["missing"] = [-9, 999]
    e.rows[k] = e.rows[k] | {"day": 10**6}


def undeclared_code(e: Export) -> None:
    (k,) = e.pick()
    code = str(e.rng.choice(["-9", "99", "999", "nicht erhoben", "30 Punkte"]))
    e.put("madrs", [k], [code])
    if code in map(str, e.mapping.get("missing", ())):  # another mutation declared it
        e.rows[k] = e.rows[k] | {"day": 10**6}


def fewer_rows(e: Export) -> None:
    gone = set(e.pick(3))
    e.keep([k for k in range(len(e.frame)) if k not in gone])


def shuffled(e: Export) -> None:
    e.keep(e.rng.permutation(len(e.frame)).tolist())


def serials(e: Export) -> None:
    at = e.pick(5)
    column = str(e.rng.choice(["first", "visit_date"]))
    key = "start" if column == "first" else "date"
    epoch = datetime.date(1899, 12, 30)
    e.put(column, at, [str((e.rows[k][key] - epoch).days) for k in at])


def iso_among_others(e: Export) -> None:
    at = e.pick(5)
    e.put("visit_date", at, [e.rows[k]["date"].isoformat() for k in at])


def other_order(e: Export) -> None:
    at = e.pick(6)
    e.put("visit_date", at, [f"{e.rows[k]['date']:%m/%d/%Y}" for k in at])


def broken_date(e: Export) -> None:
    column = str(e.rng.choice(["first", "visit_date"]))
    text = e.rng.choice(["2025-03", "UN-MAR-2025", "31.02.2025", "2025", "bald", "0", "-9", "45",
                         "1925-03-03", "00.03.2025"])  # fmt: skip
    e.put(column, e.pick(), [str(text)])


def no_date(e: Export) -> None:
    e.put("visit_date", e.pick(), [None])


def no_start(e: Export) -> None:
    # The other rows of the subject still say it, unless it is gone from all.
    (k,) = e.pick()
    same = [i for i, r in enumerate(e.rows) if r["subject"] == e.rows[k]["subject"]]
    gone = same if e.rng.integers(2) else [k]
    e.put("first", gone, [None] * len(gone))


def wrong_year(e: Export) -> None:
    (k,) = e.pick()
    years = int(e.rng.choice([-1, -10, -100, 20]))
    date = e.rows[k]["date"]
    e.put("visit_date", [k], [e.write(date.replace(year=date.year + years, day=min(date.day, 28)))])


def two_starts(e: Export) -> None:
    (k,) = e.pick()
    other = e.rows[k]["start"] + datetime.timedelta(days=3)
    e.put("first", [k], [e.write(other)])


def exchanged_starts(e: Export) -> None:
    def exchanged(d: datetime.date) -> datetime.date:
        return d.replace(day=d.month, month=d.day) if d.day <= 12 else d

    e.frame["first"] = [e.write(exchanged(r["start"])) for r in e.rows]


def arm_code(e: Export) -> None:
    e.put("arm", e.pick(), [e.rng.choice(["4", "x", "1,5"])])


def arm_as_written(e: Export) -> None:
    at = e.pick(8)
    e.put("arm", at, [e.rng.choice([ARMS[e.rows[k]["arm"]], f" {e.rows[k]['arm']} "]) for k in at])


def arm_once(e: Export) -> None:
    # What is said of a subject stands on its first row.
    seen: set[Any] = set()
    for k, row in enumerate(e.rows):
        if row["subject"] in seen:
            e.put("arm", [k], [None])
        seen.add(row["subject"])


def no_subject(e: Export) -> None:
    e.put("pat", e.pick(), [e.rng.choice(["", " ", None])])


def blanks(e: Export) -> None:
    at = e.pick(6)
    column = str(e.rng.choice(["pat", "madrs", "visit_date"]))
    e.put(column, at, [f" {e.frame[column].iloc[k]} " for k in at])


def repeated(e: Export) -> None:
    (k,) = e.pick()
    e.keep([*range(len(e.frame)), k])


def decimals(e: Export) -> None:
    at = [k for k in e.pick(4) if e.rows[k]["day"] < 10**6]  # a lost score stays lost
    mark = "," if e.rng.integers(2) else "."
    e.put("madrs", at, [f"{e.rows[k]['madrs']}{mark}0" for k in at])


def percent(e: Export) -> None:
    e.put("madrs", e.pick(), ["50 %"])


def renamed(e: Export) -> None:
    column = str(e.rng.choice(list(e.frame.columns)))
    e.frame = e.frame.rename(columns={column: f"{column}_x"})


def other_file(e: Export) -> None:
    e.separator = str(e.rng.choice([",", ";", "\t"]))


MUTATIONS = [no_score, coded_missing, undeclared_code, fewer_rows, shuffled, serials,
             iso_among_others, other_order, broken_date, no_date, no_start, wrong_year, two_starts,
             exchanged_starts, arm_code, arm_as_written, arm_once, no_subject, blanks, repeated,
             decimals, percent, renamed, other_file]  # fmt: skip


def response(study: Study) -> dict[str, float]:
    table = rates(study, Response(), day=28).tidy()
    table = table[table["measure"] == "rate"]
    return dict(zip(table["treatment"], table["estimate"], strict=True))


def outcome(seed: int, folder: Path) -> tuple[str, str]:
    """Return how a mutated export ends, and what was done to it."""
    rng = np.random.default_rng(seed)
    export = Export(rng)
    chosen = [MUTATIONS[k] for k in rng.integers(0, len(MUTATIONS), int(rng.integers(1, 4)))]
    done = " + ".join(m.__name__ for m in chosen)
    for mutate in chosen:
        if {"pat", "arm", "first", "visit_date", "madrs", "bmi"} <= set(export.frame.columns):
            mutate(export)
    path = folder / "export.csv"
    export.frame.to_csv(path, sep=export.separator, index=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EstimateWarning)
            warnings.simplefilter("ignore", DataWarning)
            study = read_export(path, mapping=ExportMapping(**export.mapping))
            found = response(study)
    except TrdstatsError:
        return "error", done
    if found == pytest.approx(rates_by_loops(export.rows), nan_ok=True):
        return "right", done
    if any(p.kind in CAUSES and p.level == "warning" for p in study.notices):
        return "notice", done
    return f"wrong: {found} in place of {rates_by_loops(export.rows)}", done


def judge(seeds: range, folder: Path) -> None:
    ends = {seed: outcome(seed, folder) for seed in seeds}
    wrong = {s: e for s, e in ends.items() if e[0].startswith("wrong")}
    assert not wrong
    # A test whose exports all end in one way would show nothing.
    counts = {k: sum(e[0] == k for e in ends.values()) for k in ("right", "error")}
    assert min(counts.values()) > len(seeds) / 5


def test_some_hundred_mutations(tmp_path: Path) -> None:
    judge(range(300), tmp_path)


@pytest.mark.slow
def test_five_thousand_mutations(tmp_path: Path) -> None:
    """All end in one of the three ways; 110 to 180 s of processor time on one of two cores."""
    judge(range(1000, 6000), tmp_path)
