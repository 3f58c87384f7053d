"""Definitions as boxes of scores: the boxes hold exactly the scores that meet the definition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import trdstats as trd
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import RatedVisits, at_most
from trdstats.outcomes import (
    CGIResponse,
    Definition,
    Deterioration,
    InResponse,
    KOfLast,
    LossOfResponse,
    PartialResponse,
    ReliableChange,
)
from trdstats.outcomes.score_boxes import check_boxes, score_boxes
from trdstats.scales import get_scale

DAYS = np.array([7.0, 14.0, 28.0, 42.0])
RESPONSE, REMISSION = trd.Response(), trd.Remission()
RELIABLE = {"sd": 8.0, "reliability": 0.8}

LOW_IS_GOOD = [
    RESPONSE, trd.Response(0.3), trd.Response(points=6), REMISSION, PartialResponse(),
    PartialResponse(0.3, below=None), LossOfResponse(), Deterioration(),
    ReliableChange(**RELIABLE), ReliableChange(**RELIABLE, worse=True),
    ReliableChange(**RELIABLE, method="edwards-nunnally", mean=30.0),
    RESPONSE & REMISSION, RESPONSE | REMISSION, ~RESPONSE & ~REMISSION,
    trd.AtDays(RESPONSE, (7, 28)), trd.EarlyImprovement(by_day=14), InResponse(),
    KOfLast(RESPONSE, 2, 3), trd.Sustained(RESPONSE, visits=2),
    trd.Sustained(RESPONSE, for_days=21, slack_days=7),
    trd.Sustained(RESPONSE, visits=3, excursions=1, excursion=trd.Response(0.25)),
    trd.Onset(RESPONSE, by_day=14), trd.Onset(RESPONSE, until=28, excursions=1),
]  # fmt: skip
HIGH_IS_GOOD = [
    trd.Response(of="distance"), trd.Response(of="baseline"), trd.Response(points=10),
    trd.Remission(at_least=52), Deterioration(of="baseline"), Deterioration(of="distance"),
    trd.Response(of="distance") & ~trd.Remission(at_least=52),
]  # fmt: skip
CASES = [(d, "MADRS") for d in LOW_IS_GOOD] + [(d, "WHO5PCT") for d in HIGH_IS_GOOD]
CASES += [(CGIResponse(), "CGII"), (Deterioration(), "CGII")]


def states_of(
    definition: Definition, scale: Any, baseline: Any, scores: Any
) -> tuple[np.ndarray, np.ndarray]:
    n, T = scores.shape
    visits = RatedVisits(
        np.arange(n + 1) * T, np.tile(DAYS, n), scores.ravel(), baseline, float(scale.floor)
    )
    state = definition.evaluate(visits, scale)
    return state.met.reshape(n, T), state.known.reshape(n, T)


@pytest.mark.parametrize("first", [False, True], ids=["at", "by"])
@pytest.mark.parametrize(("definition", "name"), CASES, ids=lambda c: getattr(c, "name", str(c)))
def test_boxes_hold_the_scores_that_meet_the_definition(
    definition: Definition, name: str, first: bool
) -> None:
    scale = get_scale(name)
    rng = np.random.default_rng(5)
    totals = np.arange(scale.floor, scale.maximum + 1, scale.step)
    baseline = rng.choice(totals, 400).astype(float)
    # Near the limits as well as anywhere.
    near = np.round((baseline[:, None] * rng.choice([0.5, 0.6, 0.75, 1.0], (400, 4))) / scale.step)
    scores = np.where(rng.random((400, 4)) < 0.5, near * scale.step, rng.choice(totals, (400, 4)))
    scores = np.clip(scores, scale.floor, scale.maximum)
    met, known = states_of(definition, scale, baseline, scores)
    places = range(len(DAYS))
    found = score_boxes(definition, scale, DAYS, baseline, at=places, first=first)
    smooth = score_boxes(definition, scale, DAYS, baseline, at=places, first=first, rounded=False)
    for place, one, other in zip(places, found, smooth, strict=True):
        expected = met[:, : place + 1].any(axis=1) if first else met[:, place]
        sure = ~(one.undefined | one.open_ended)
        assert known[sure, place].all()
        for boxes in (one, other):
            count = boxes.whole.copy()
            for i, sign, low, high in zip(
                boxes.row, boxes.sign, boxes.lower, boxes.upper, strict=True
            ):
                # Limits themselves belong to the better side or not, which has probability 0.
                if boxes is other and (np.abs(scores[i] - low) < 1e-9).any():
                    count[i] = np.nan
                if boxes is other and (np.abs(scores[i] - high) < 1e-9).any():
                    count[i] = np.nan
                count[i] += sign * ((low < scores[i]) & (scores[i] <= high)).all()
            told = sure & ~np.isnan(count)
            assert told.sum() > 100 or not sure.any()
            assert count[told] == pytest.approx(expected[told].astype(float))


def test_limits_lie_between_totals_and_ends_reach_on() -> None:
    """An even baseline of 32 needs 16 or less, an odd one of 31 needs 15: exact, in integers."""
    scale = get_scale("MADRS")
    (one,) = score_boxes(RESPONSE, scale, DAYS[:1], np.array([31.0, 32.0]), at=[0])
    assert one.upper[:, 0].tolist() == [15.5, 16.5]
    assert np.isneginf(one.lower).all()
    # Totals of the WHO-5 as per cent are 4 apart, counted from good to bad: 100 - 52 = 48.
    who = get_scale("WHO5PCT")
    (one,) = score_boxes(trd.Remission(at_least=52), who, DAYS[:1], np.array([80.0]), at=[0])
    assert one.upper[:, 0].tolist() == [50.0]
    # Beyond an end there is nothing: no rise from 60; a fall by all of 40 is a total of 0.
    (one,) = score_boxes(Deterioration(), scale, DAYS[:1], np.array([40.0, 60.0]), at=[0])
    assert (one.row.tolist(), one.lower.tolist(), one.whole.tolist()) == ([0], [[49.5]], [0, 0])
    (one,) = score_boxes(trd.Response(1.0), scale, DAYS[:1], np.array([40.0]), at=[0])
    assert one.upper.tolist() == [[0.5]]


def test_boxes_are_few() -> None:
    scale, base = get_scale("MADRS"), np.array([30.0])
    (ever,) = score_boxes(RESPONSE, scale, DAYS, base, at=[3], first=True)
    assert (ever.whole.tolist(), ever.sign.tolist()) == ([1.0], [-1.0])  # 1 - P(never)
    (both,) = score_boxes(trd.AtDays(RESPONSE, (7, 42)), scale, DAYS, base, at=[3])
    assert both.upper.tolist() == [[15.5, np.inf, np.inf, 15.5]]


def test_what_cannot_be_known_is_said() -> None:
    scale = get_scale("MADRS")
    last = score_boxes(trd.Sustained(RESPONSE, visits=2), scale, DAYS, np.array([30.0, 0.0]),
                       at=[2, 3])  # fmt: skip
    assert [one.open_ended.tolist() for one in last] == [[False, False], [True, False]]
    assert [one.undefined.tolist() for one in last] == [[False, True], [False, True]]


@dataclass(frozen=True, repr=False)
class Homemade(Definition):
    """A definition that says no limits."""

    def evaluate(self, visits: RatedVisits, scale: Any) -> Any:
        return at_most(visits, 10)

    def describe(self, scale: Any = None) -> str:
        return "total at most 10"


def test_definitions_without_boxes_are_refused() -> None:
    scale = get_scale("MADRS")
    for event in (
        trd.Relapse(at_least=22),
        trd.Event(("rescue",)),
        trd.remission_at(28).without(trd.Relapse(at_least=22), until=42),
    ):
        with pytest.raises(SpecError, match="asks for an event, and a model of scores"):
            check_boxes(event, scale)
    for compared in (trd.Onset(no_rise=True), Homemade(), Homemade() & RESPONSE):
        with pytest.raises(SpecError, match="cannot be read as limits on the scores of visits"):
            check_boxes(compared, scale)
    with pytest.raises(SpecError, match="a definition such as Response"):
        check_boxes("response", scale)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="needs to say what it is a share of"):
        check_boxes(RESPONSE, get_scale("WHO5PCT"))
    with pytest.raises(SpecError, match="more combinations of scores than can be judged"):
        score_boxes(InResponse(), scale, np.arange(1.0, 15.0), np.array([30.0]), at=[13])
    ordinal = replace(scale, is_ordinal=True)
    with pytest.raises(SpecError, match="is a per cent change"):
        check_boxes(RESPONSE, ordinal)
