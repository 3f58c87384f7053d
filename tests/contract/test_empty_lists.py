"""A list of days, treatments or definitions names at least one, or is refused in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.arguments import checked
from trdstats.errors import SpecError

LISTS = ("days", "definitions", "horizons", "measures", "outcomes", "treatments", "visits")


@pytest.fixture(scope="module")
def study() -> trd.Study:
    return trd.load_sample("trial")


@pytest.fixture(scope="module")
def times(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, trd.Response())


@pytest.mark.parametrize(
    "nothing", [[], (), np.array([]), pd.Index([])], ids=lambda x: type(x).__name__
)
def test_no_day_or_treatment_is_refused(
    study: trd.Study, times: trd.EventTimes, nothing: Any
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: study.only(nothing),
        lambda: times.only(nothing),
        lambda: study.longitudinal(nothing),
        lambda: trd.mean_scores(study, days=nothing),
        lambda: trd.CoxPH("treatment").fit(times).marginal(days=nothing),
        lambda: trd.GEE("response ~ treatment").fit(study, outcome=trd.Response(), days=nothing),
        lambda: trd.DropoutWeights("previous").fit(study, days=nothing),
        lambda: trd.KaplanMeier().fit(times).at(nothing),
        lambda: trd.ANCOVA("baseline", visits=nothing),
        lambda: trd.VisitRates(visits=nothing),
        lambda: trd.Delta({"ECT": 2}, visits=nothing),
    ]
    for call in calls:
        with pytest.raises(SpecError, match=r"^(days|treatments|visits) must hold at least one"):
            call()


def test_a_specification_says_in_its_words_what_it_needs() -> None:
    with pytest.raises(SpecError, match="AtDays needs different days"):
        trd.AtDays(trd.Response(), days=[])
    with pytest.raises(SpecError, match="horizons are positive numbers of days"):
        trd.Extrapolation(horizons=[])
    with pytest.raises(SpecError, match="days must name one positive day or more"):
        trd.SequentialTrials("age", days=[])


def test_what_may_be_left_out_says_so(study: trd.Study) -> None:
    with pytest.raises(SpecError, match=r"^days must hold at least one day, or leave days out\.$"):
        trd.mean_scores(study, days=[])
    with pytest.raises(SpecError, match=r"^treatments must hold at least one treatment\.$"):
        study.only([])


def test_an_empty_list_that_is_the_default_is_allowed() -> None:
    @checked
    def shown(*, days: tuple[float, ...] = ()) -> int:
        return len(days)

    assert shown(days=()) == shown(days=[]) == 0  # type: ignore[arg-type]


def _callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in dir(trd):
        target = getattr(trd, name)
        if inspect.isclass(target):
            yield name, target.__init__
            for method, function in inspect.getmembers(target, inspect.isfunction):
                if not method.startswith("_"):
                    yield f"{name}.{method}", function
        elif inspect.isfunction(target):
            yield name, target


def test_every_public_list_of_this_kind_is_checked() -> None:
    """A parameter of one of these names that is a list belongs to a checked callable."""
    unchecked = [
        f"{name}({parameter.name})"
        for name, function in _callables()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name in LISTS
        and "Sequence" in str(parameter.annotation)
        and not hasattr(function, "__wrapped__")
    ]
    assert unchecked == []
