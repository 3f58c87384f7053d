"""What is no number, text or truth value ends in an error of the library, whoever is asked."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import pickle
import pkgutil
import signal
import sys
import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from more_calls import WITHOUT_SCALARS, more_calls
from valid_calls import Call, calls, small_trial

import trdstats as trd
from trdstats.errors import TrdstatsError
from trdstats.parallel import run_parallel

STUDY = small_trial()
CALLS = [*calls(STUDY), *more_calls(STUDY)]
ONSET = trd.time_to(STUDY, trd.Response())
CURVE = trd.KaplanMeier().fit(ONSET)
WRONG: list[Any] = [
    None, "text", "", "28", b"28", [], [1, "a"], {}, {"a": None}, object(), lambda: 1,
    np.nan, np.inf, -np.inf, -1, 0, 1.5, 10**30, True, 3 + 4j, Decimal("0.5"), np.float64("nan"),
    pd.NaT, pd.NA, np.array([1, 2]), np.array(["a"]), pd.DataFrame(), np.datetime64("2026-01-01"),
]  # fmt: skip


def outcome(call: Call, name: str, value: Any) -> str:
    """Return "" when the library answered or refused in its own words, else what went wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", trd.errors.TrdstatsWarning)
        try:
            call.use(call.make(**{**call.given, name: value}))
        except TrdstatsError:
            return ""
        except Exception as error:
            return f"{call.name}({name}={value!r}): {type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.name)
def test_the_call_itself_is_valid(call: Call) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", trd.errors.TrdstatsWarning)
        call.use(call.make(**call.given))


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.name)
def test_wrong_values(call: Call) -> None:
    names = [n for n, v in call.given.items() if not isinstance(v, trd.Study)]
    said = [outcome(call, n, v) for n in names for v in WRONG]
    assert not [s for s in said if s], "\n".join(s for s in said if s)


def test_every_public_callable_is_tried() -> None:
    # What is made from a table alone is tried by the malformed tables.
    tables = {"Study", "EventTimes", "ResponseHistory", "compare_strata", "score_items"}
    public = {n for n in trd.__all__ if callable(getattr(trd, n))}
    tried = {c.name.split(".")[0] for c in CALLS}
    assert not public - tried - WITHOUT_SCALARS - tables


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: trd.NoninferiorityTest(None, "higher"), "margin must be a number; got None"),
        (lambda: trd.NoninferiorityTest(np.nan, "higher"), "margin must be a finite number"),
        (lambda: trd.RMST("28"), "tau must be a number; got '28'"),
        (lambda: trd.RMST(True), "tau must be a number; got True"),
        (lambda: trd.Turnbull(n_boot=2.5), r"n_boot must be a whole number; got 2\.5"),
        (lambda: trd.CoxPH("age", robust="no"), "robust must be True or False; got 'no'"),
        (lambda: trd.CoxPH(" "), "formula must not be an empty text"),
        (lambda: trd.AtDays(trd.Response(), (7, "a")), r"days\[1\] must be a number; got 'a'"),
        (lambda: trd.AtDays(None, (7,)), "definition must be given; got None"),
        (lambda: trd.Event("death"), r"events must be a tuple, for example \('death',\)"),
        (lambda: trd.KaplanMeier(conf_level="95 %"), "conf_level must be a number; got '95 %'"),
        (lambda: trd.compare_counts(1.5, 3, 1, 3), r"events must be a whole number; got 1\.5"),
        (lambda: trd.meta_analysis([], conf_level=None), "conf_level must be a number; got None"),
        (lambda: trd.rates(STUDY, trd.Response(), day="28"), "day must be a number; got '28'"),
        (lambda: trd.time_to(STUDY, trd.Response(), until=-1), "until must be a number of days"),
        (lambda: trd.time_to(STUDY, trd.Response(), until=()), "until must be a day or name an"),
        (lambda: trd.Turnbull(n_jobs=0), "n_jobs must be a number of workers, or -1 for all proc"),
        (lambda: trd.Turnbull(n_jobs=-2), "n_jobs must be a number of workers, or -1 for all proc"),
        (lambda: trd.Turnbull(n_jobs=1.5), r"n_jobs must be a whole number; got 1\.5"),
        (lambda: CURVE.at(7), "days must be a list of numbers; got 7"),
        (lambda: CURVE.contrasts([]), "days must hold at least one day"),
    ],
)  # fmt: skip
def test_words(make: Any, words: str) -> None:
    with pytest.raises(TrdstatsError, match=words):
        make()


def public_functions() -> Iterator[tuple[str, Any]]:
    """Yield all public functions, and the constructors and public methods of all public classes."""
    for found in pkgutil.walk_packages(trd.__path__, "trdstats."):
        if found.name == "trdstats.__main__":  # it runs
            continue
        module = importlib.import_module(found.name)
        for name, one in vars(module).items():
            if getattr(one, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(one):
                yield name, one
            elif inspect.isclass(one):
                yield from (
                    (f"{name}.{n}", m) for n, m in vars(one).items() if inspect.isfunction(m)
                )


def test_the_number_of_processes_is_checked_wherever_it_is_asked_for() -> None:
    """A count of 0 was refused only where work was in fact divided."""
    asked = {
        name: function
        for name, function in public_functions()
        if function.__code__.co_filename.endswith("arguments.py")  # it checks what it is given
        and "n_jobs" in inspect.signature(function).parameters
    }
    assert {"run_plan", "compare", "Turnbull.__init__", "Imputed.analyse"} <= set(asked)
    kinds = {n: inspect.signature(f).parameters["n_jobs"].annotation for n, f in asked.items()}
    assert set(kinds.values()) == {"Jobs"}, kinds


@pytest.mark.parametrize("number", [np.int64(28), np.int8(28), np.float32(28), 28.0, np.uint16(28)])
def test_numbers_of_numpy_are_numbers(number: Any) -> None:
    ours = trd.time_to(STUDY, trd.Response(), until=number)
    assert ours.frame.equals(trd.time_to(STUDY, trd.Response(), until=28).frame)
    assert type(trd.RMST(number).tau) in (int, float)
    assert trd.rates(STUDY, trd.Response(), day=number).day == 28
    assert trd.Turnbull(n_boot=number) == trd.Turnbull(n_boot=28)
    assert repr(trd.KOfLast(trd.Response(), 1, number)) == repr(trd.KOfLast(trd.Response(), 1, 28))


def test_signatures_and_copies_are_kept() -> None:
    spec = trd.RMST(tau=20)
    assert list(inspect.signature(trd.RMST).parameters)[:2] == ["tau", "by"]
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert dataclasses.replace(spec, tau=30).tau == 30
    with pytest.raises(TrdstatsError, match="tau must be a number"):
        dataclasses.replace(spec, tau=None)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        trd.RMST(tou=20)  # type: ignore[call-arg]
    assert inspect.getdoc(trd.rates)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.filterwarnings("ignore::UserWarning")  # joblib's own word on the lost worker
def test_a_killed_worker_is_named() -> None:
    def die(_: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(TrdstatsError, match="A worker process ended before its work was done"):
        list(run_parallel(die, [(1,), (2,)], 2))
