"""Malformed inputs from a seed, each judged: refused in the library's words, or the right numbers.

What is accepted is computed again by plain loops over what was given. Anything else is a fault:
a foreign traceback, a warning that is not ours, a wrong number, a subject that is gone.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from valid_calls import Call, calls, small_trial

import trdstats as trd
from trdstats.errors import TrdstatsError, TrdstatsWarning, visible

Rng = np.random.Generator
COLUMNS = ["subject", "treatment", "day", "score"]
ODD: list[Any] = [
    None, np.nan, pd.NA, pd.NaT, np.inf, -np.inf, -1, 0, 61, 99, 1e300, 12.5, 2.0**53, "", " ",
    "12", "007", "7", 7, 7.0, "1E2", 100, "n/a", "12,5", True, np.False_, Decimal("12"),
    Decimal("NaN"),
    3 + 4j, [1, 2], {"a": 1}, (1,), pd.Timestamp("2026-01-01"), pd.Timedelta("1D"), b"12", "=1+1",
    "\x1b[31m", "$\\frac{$", "抗", np.float32(7), np.int8(5), np.array([1]), object(),
    "TMS ", "tms",
]  # fmt: skip
SCALARS: list[Any] = [v for v in ODD if not isinstance(v, str) or v.strip() not in ("TMS", "tms")]
PLAN = """title = "A plan"
[study]
visits = "visits.csv"
scale = "MADRS"
randomised = true
windows = { 7 = 2, 28 = 3 }
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 12 }
relapse = { at_least = 22, consecutive = 2 }
[analysis]
acute_end = 28
rate_days = [14, 28]
reference = "TMS"
horizon = 28
competing = ["left follow-up"]
"""
PIECES = [
    "28", '"x"', " # a comment", "[7]", "21", "0.5", "[", "]", "{", "}", '"', "'", "=", "\n",
    "\x00", "\ufeff", "true", "nan", "inf", "-1", "1e400",
    "[[1]]", "{ a = 1 }", '"visits.csv"', 'sample = "trial"\n', "{ is = 3 }", '{ is = "all" }',
    '{ is = "Relapse", at_least = "x" }', '{ published = "none" }', "2026-01-01", "[" * 50,
    "[study]\n",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of one input: its kind, and "refused", "right" or what is wrong."""

    kind: str
    outcome: str

    @property
    def is_fault(self) -> bool:
        return self.outcome not in ("refused", "right")


def verdicts(n: int, seed: int) -> Iterator[Verdict]:
    """Yield the verdicts on `n` inputs."""
    kinds: dict[str, Callable[[Rng], None]] = {
        "table": table_case, "file": file_case, "event times": times_case, "plan": plan_case,
        "argument": argument_case,
    }  # fmt: skip
    names = list(kinds)
    for i in range(n):
        rng = np.random.default_rng((seed, i))
        kind = names[i % len(names)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", TrdstatsWarning)
            try:
                kinds[kind](rng)
                outcome = "right"
            except TrdstatsError as error:
                said = str(error)
                outcome = "refused" if said and said == visible(said) else "unreadable message"
            except Exception as error:
                outcome = f"case {i}: {type(error).__name__}: {str(error)[:200]}"
        yield Verdict(kind, outcome)


def count(found: list[Verdict]) -> pd.DataFrame:
    """Return how many inputs of each kind were refused, right, and faulty."""
    tally = Counter((v.kind, "fault" if v.is_fault else v.outcome) for v in found)
    kinds = list(dict.fromkeys(v.kind for v in found))
    rows = [{"kind": k, **{o: tally[k, o] for o in ("refused", "right", "fault")}} for k in kinds]
    return pd.DataFrame(rows)


def sound(rng: Rng) -> pd.DataFrame:
    """Return two to five subjects with a baseline and up to four visits."""
    rows = []
    for i in range(int(rng.integers(2, 6))):
        arm = "ECT" if i % 2 else "TMS"
        days = [0, *sorted(rng.choice([7, 14, 21, 28], rng.integers(0, 5), replace=False))]
        rows += [(f"S{i}", arm, int(d), int(rng.integers(0 if d else 1, 61))) for d in days]
    return pd.DataFrame(rows, columns=COLUMNS)


def damaged(frame: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Return the frame with a cell, a column, a name or its rows changed."""
    pick = int(rng.integers(0, 12))
    column = str(rng.choice(COLUMNS))
    if pick < 6 and column in frame.columns and frame.columns.is_unique and len(frame):
        values = frame[column].astype(object).tolist()
        values[int(rng.integers(len(values)))] = ODD[int(rng.integers(len(ODD)))]
        if rng.random() < 0.2:
            values = [ODD[int(rng.integers(len(ODD)))]] * len(values)
        made = pd.Series(values, index=frame.index, dtype=object)
        return frame.assign(**{column: made if rng.random() < 0.5 else made.infer_objects()})
    if pick == 6:
        return frame.drop(columns=column, errors="ignore")
    if pick == 7:
        return frame.rename(columns={column: ODD[int(rng.integers(13))]})
    if pick == 8:
        frame = frame.copy()
        frame.columns = pd.MultiIndex.from_product([["a"], frame.columns])
        return frame
    if pick == 9:
        return (
            pd.concat([frame, frame.sample(1, random_state=int(rng.integers(99)))])
            if len(frame)
            else frame
        )
    if pick == 10:
        return frame.iloc[rng.permutation(len(frame))[: int(rng.integers(0, len(frame) + 1))]]
    names = ["visit", "visit_given", "change", "baseline", 1, "1"]
    for name in rng.choice(len(names), 2, replace=False):
        frame = frame.assign(new=1).rename(columns={"new": names[int(name)]})
    return frame


def table_case(rng: Rng) -> None:
    """Judge a damaged table of visits."""
    frame = sound(rng)
    for _ in range(int(rng.integers(1, 4))):
        try:
            frame = damaged(frame, rng)
        except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError):
            break  # pandas itself refuses the damage
    study = trd.Study(frame, scale="MADRS", randomised=True)
    compare(study, [tuple(r) for r in frame[COLUMNS].itertuples(index=False, name=None)])


def file_case(rng: Rng) -> None:
    """Judge a damaged file of visits, read again with the csv module."""
    frame = sound(rng).astype(object)
    ids = ["007", "7", "1E2", "100", "S1", "1.0", "1", "0x1", "NA", "+5", "5", "=A", "ü"]
    if rng.random() < 0.6:
        new = dict(zip(frame["subject"].unique(), rng.permutation(ids), strict=False))
        frame["subject"] = frame["subject"].map(new)
    text = frame.to_csv(index=False, lineterminator="\n")
    for _ in range(int(rng.integers(0, 3))):
        at = int(rng.integers(len(text) + 1))
        piece = str(
            rng.choice([",", "\n", '"', "x", "", ";", "\x00", "9", " ", "\ufeff", "e5", "-"])
        )
        text = text[:at] + piece + text[at + int(rng.integers(0, 2)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "visits.csv"
        path.write_bytes(text.encode(str(rng.choice(["utf-8", "utf-8-sig"]))))
        study = trd.read_study(path, scale="MADRS", randomised=True)
    rows = [
        r
        for r in csv.reader(io.StringIO(text.lstrip("\ufeff")))
        if r and (len(r) > 1 or r[0].strip())
    ]
    at = [rows[0].index(c) for c in COLUMNS]
    compare(study, [tuple(r[k] if k < len(r) else "" for k in at) for r in rows[1:]])


def number(value: Any) -> float:
    """Return a cell as a number, NaN where it is missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return math.nan
    if isinstance(value, str) and value.strip() in ("", "NA", "n/a"):
        return math.nan
    return float(value)


def compare(study: trd.Study, rows: list[tuple[Any, ...]]) -> None:
    """Hold baselines, onset, a rate and a curve to loops over the rows."""
    people: dict[Any, list[tuple[float, float]]] = {}
    arm: dict[Any, str] = {}
    for who, treatment, day, score in rows:
        people.setdefault(who, []).append((number(day), number(score)))
        arm[who] = label_of(treatment)
    assert list(map(str, sorted(people, key=str))) == sorted(map(str, study.subjects["subject"]))
    # Of rows that share subject and day one has a score at most: it stays, and is counted.
    kept = len({(str(who), number(day)) for who, _, day, _ in rows})
    assert len(study.visits) == kept, "a visit is gone"
    told = any(p.kind == "empty_duplicate" for p in study.notices)
    assert told == (kept < len(rows)), "a row is gone without a word"
    onset = {who: onset_of(visits) for who, visits in people.items()}
    for who, base in zip(study.subjects["subject"], study.subjects["baseline"], strict=True):
        want = baseline_of(people[who])
        assert base == want or (math.isnan(base) and math.isnan(want)), f"baseline of {who}"
    times = trd.time_to(study, trd.Response())
    got = {r.subject: (r.left, r.right, r.status) for r in times.frame.itertuples()}
    known = {who: o for who, o in onset.items() if o is not None}
    assert {who: o[:3] for who, o in known.items()} == got, "onset"
    assert len(times.left_out) + len(got) == len(people), "a subject is gone"
    if any(d == 28 for visits in people.values() for d, s in visits if not math.isnan(s)):
        table = trd.rates(study, trd.Response(), day=28).tidy()
        table = table[(table["measure"] == "rate") & (table["n"] > 0)]
        for row in table.itertuples():
            own = [w for w in people if arm[w] == row.treatment]
            assert (row.n, row.events) == (len(own), sum(met(people[w], 28) for w in own)), "rate"
    curve = trd.KaplanMeier().fit(times).at([20.0])
    for row in curve.itertuples():
        own = [(o[3], o[2]) for w, o in known.items() if arm[w] == row.treatment]
        want = kaplan_meier(own, 20.0)
        assert math.isnan(row.estimate) or math.isclose(row.estimate, want, abs_tol=1e-12), "curve"


def label_of(treatment: Any) -> str:
    """Return a treatment as it is written: a whole float without its decimals."""
    if isinstance(treatment, float | np.floating) and float(treatment).is_integer():
        return str(int(treatment))
    return str(treatment).strip()


def baseline_of(visits: list[tuple[float, float]]) -> float:
    before = [s for d, s in sorted(visits) if d <= 0 and not math.isnan(s)]
    return before[-1] if before else math.nan


def met(visits: list[tuple[float, float]], day: float) -> bool:
    base = baseline_of(visits)
    return any(d == day and base > 0 and 2 * (base - s) >= base for d, s in visits)


def onset_of(visits: list[tuple[float, float]]) -> tuple[float, float, int, float] | None:
    """Return left, right, status and time; None where response is not defined."""
    base = baseline_of(visits)
    after = sorted((d, s) for d, s in visits if d > 0 and not math.isnan(s))
    if after and not base > 0:
        return None
    left = 0.0
    for d, s in after:
        if 2 * (base - s) >= base:
            return left, d, 1, d
        left = d
    return left, math.inf, 0, left


def kaplan_meier(rows: list[tuple[float, int]], day: float) -> float:
    alive = 1.0
    for t in sorted({t for t, status in rows if status == 1 and t <= day}):
        at_risk = sum(time >= t for time, _ in rows)
        alive *= 1 - sum(time == t and status == 1 for time, status in rows) / at_risk
    return alive


def label(value: Any) -> str:
    """Return a treatment as it is shown: whole numbers without decimals."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def times_case(rng: Rng) -> None:
    """Judge a damaged table of event times."""
    n = int(rng.integers(2, 12))
    frame = pd.DataFrame(
        {"subject": [f"S{i}" for i in range(n)], "treatment": rng.choice(["A", "B"], n),
         "time": rng.integers(1, 30, n), "status": rng.integers(0, 2, n)}
    )  # fmt: skip
    for _ in range(int(rng.integers(1, 3))):
        column = str(rng.choice(list(frame.columns)))
        values = frame[column].astype(object).tolist()
        values[int(rng.integers(n))] = ODD[int(rng.integers(len(ODD)))]
        frame[column] = pd.Series(values, dtype=object)
        if rng.random() < 0.5:
            frame[column] = frame[column].infer_objects()
    given = [tuple(r) for r in frame.itertuples(index=False, name=None)]
    times = trd.EventTimes(frame)
    assert len(times.frame) == n, "a subject is gone"
    rows = [(label(a), float(t), int(float(s))) for _, a, t, s in given]
    for row in trd.KaplanMeier().fit(times).at([15.0]).itertuples():
        own = [(t, s) for a, t, s in rows if a == row.treatment]
        if not any(t == 0 and s > 0 for t, s in own):  # censored at 0: at risk of nothing
            own = [(t, s) for t, s in own if t > 0]
        want = kaplan_meier([(t, int(s == 1)) for t, s in own], 15.0)
        assert math.isnan(row.estimate) or math.isclose(row.estimate, want, abs_tol=1e-12), "curve"


def plan_case(rng: Rng) -> None:
    """Judge a damaged plan: an error that is a PlanError, or a plan."""
    text = PLAN
    for _ in range(int(rng.integers(1, 3))):
        piece = str(rng.choice(PIECES))
        if rng.random() < 0.5:  # another value
            lines = text.split("\n")
            k = int(rng.integers(len(lines)))
            lines[k] = f"{lines[k].split('=')[0]}= {piece}" if "=" in lines[k] else lines[k] + piece
            text = "\n".join(lines)
        else:
            at = int(rng.integers(len(text) + 1))
            text = text[:at] + piece + text[at + int(rng.integers(0, 4)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.toml"
        path.write_text(text, "utf-8")
        plan = read_plan(path)
    assert plan.relapse is not None
    assert 0 < plan.conf_level < 1
    assert all(math.isfinite(d) for d in plan.rate_days)


def read_plan(path: Path) -> trd.Plan:
    """Read a plan; an error that is no PlanError is a fault."""
    try:
        return trd.read_plan(path)
    except trd.errors.PlanError:
        raise
    except TrdstatsError as error:
        raise AssertionError(f"{type(error).__name__} where a PlanError belongs") from error


@cache
def _calls() -> list[Call]:
    return list(calls(small_trial()))


def argument_case(rng: Rng) -> None:
    """Judge a call with one or two arguments of another kind."""
    call = _calls()[int(rng.integers(len(_calls())))]
    names = [k for k, v in call.given.items() if not isinstance(v, trd.Study)]
    wrong = {
        str(name): SCALARS[int(rng.integers(len(SCALARS)))]
        for name in rng.choice(names, min(len(names), int(rng.integers(1, 3))), replace=False)
    }
    call.use(call.make(**{**call.given, **wrong}))
