"""Definitions: the rule on the edge of its threshold, words, sources, combination, refusals."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trdstats import (
    EarlyImprovement,
    LossOfResponse,
    PartialResponse,
    Relapse,
    Remission,
    Response,
    get_scale,
)
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import REASONS, RatedVisits, States
from trdstats.outcomes import Definition

MADRS = get_scale("MADRS")


def one_subject(
    scores: list[float], *, baseline: float = 30, days: list[float] | None = None, floor: float = 0
) -> RatedVisits:
    day = np.arange(1.0, len(scores) + 1) * 7 if days is None else np.array(days, dtype=float)
    return RatedVisits(
        start=np.array([0, len(scores)]),
        day=day,
        score=np.array(scores, dtype=float),
        baseline=np.array([baseline], dtype=float),
        floor=floor,
    )


def met(definition: Definition, *args: Any, **kwargs: Any) -> list[bool | None]:
    state = definition.evaluate(one_subject(*args, **kwargs), MADRS)
    return [bool(m) if k else None for m, k in zip(state.met, state.known, strict=True)]


def reasons(state: States) -> list[str]:
    return [REASONS[r] for r in state.reason]


def test_response_on_the_edge() -> None:
    assert met(Response(), [16, 15, 14]) == [False, True, True]
    # An odd baseline: half of 31 is 15.5, so 16 is no response.
    assert met(Response(), [16, 15], baseline=31) == [False, True]


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 99))
def test_response_is_exact(baseline: int, score: int, percent: int) -> None:
    share = percent / 100
    exact = Fraction(baseline - score, baseline) >= Fraction(percent, 100)
    assert met(Response(share), [score], baseline=baseline) == [exact]


def test_fall_is_taken_from_the_floor() -> None:
    # A scale from 20 to 80: from 50 the fall of one half ends at 35, not at 25.
    assert met(Response(), [36, 35], baseline=50, floor=20) == [False, True]


def test_partial_response_in_both_meanings() -> None:
    scores: list[float] = [23, 22, 16, 15]
    assert met(PartialResponse(), scores) == [False, True, True, False]
    assert met(PartialResponse(0.3, below=None), [22, 21, 15]) == [False, True, True]


def test_remission_needs_no_baseline() -> None:
    assert met(Remission(), [11, 10], baseline=np.nan) == [False, True]
    assert met(Remission(at_most=12), [13, 12]) == [False, True]


def test_early_improvement_is_cumulative_and_then_fixed() -> None:
    # -20 % of 30 is 24. Reached on day 7, lost on 14, the verdict of day 14 stays.
    assert met(EarlyImprovement(), [24, 28, 30]) == [True, True, True]
    # Reached on day 21 only: too late.
    assert met(EarlyImprovement(), [28, 25, 20]) == [False, False, False]


def test_loss_of_response_leaves_a_gap() -> None:
    # Gained at 15 or below, lost above 18: 16 to 18 is neither.
    assert met(LossOfResponse(), [15, 18, 19]) == [False, False, True]


def test_relapse_needs_confirmation() -> None:
    assert met(Relapse(at_least=22), [10, 22]) == [False, True]
    assert met(Relapse(22, 2), [22, 10, 25, 22, 21]) == [False, False, True, False, False]
    state = Relapse(22, 2).evaluate(one_subject([10, 24]), MADRS)
    assert reasons(state) == ["assessed", "unconfirmed"]
    assert met(Relapse(22, 3), [22, 23, 24, 5]) == [True, False, False, False]
    assert met(Relapse(22, 3), [22, 23]) == [None, None]


def test_relapse_within_days() -> None:
    rule = Relapse(22, 2, within_days=15)
    assert met(rule, [25, 25, 25], days=[7, 28, 43]) == [False, True, None]


def test_undefined_states_say_why() -> None:
    assert met(Response(), [10], baseline=np.nan) == [None]
    assert reasons(Response().evaluate(one_subject([10], baseline=np.nan), MADRS)) == [
        "no baseline"
    ]
    at_floor = Response().evaluate(one_subject([10], baseline=0), MADRS)
    assert reasons(at_floor) == ["baseline at floor"]


def test_and_or_follow_kleene() -> None:
    both, either = Response() & Remission(), Response() | Remission()
    assert met(both, [15, 10]) == [False, True]
    assert met(either, [15, 10, 20]) == [True, True, False]
    # Without a baseline response is not known: "and" is false where remission is, "or" true.
    assert met(both, [20, 10], baseline=np.nan) == [False, None]
    assert met(either, [20, 10], baseline=np.nan) == [None, True]


def test_chains_are_flat() -> None:
    rule = Response() & Remission() & EarlyImprovement()
    assert len(rule.parts) == 3  # type: ignore[attr-defined]
    text = (Response() & Remission() | LossOfResponse()).describe(MADRS)
    assert text == (
        "(fall of at least 50 % of the baseline above the floor of the scale and MADRS total at "
        "most 10) or fall of less than 40 % of the baseline above the floor of the scale"
    )


@pytest.mark.parametrize(
    ("rule", "label", "source"),
    [
        (Response(), "response (≥ 50 % fall)", "ELEKT-D"),
        (Response(0.4), "response (≥ 40 % fall)", "set by the analyst"),
        (PartialResponse(), "partial response (≥ 25 %, < 50 % fall)", "recalled, not verified"),
        (PartialResponse(0.3, None), "partial response (≥ 30 % fall)", "RECOVER"),
        (PartialResponse(0.3, 0.5), "partial response (≥ 30 %, < 50 % fall)", "Mantovani"),
        (PartialResponse(0.2, 0.5), "partial response (≥ 20 %, < 50 % fall)", "analyst"),
        (Remission(), "remission (MADRS ≤ 10)", "ESCAPE-TRD"),
        (Remission(12), "remission (MADRS ≤ 12)", "TRANSFORM"),
        (EarlyImprovement(), "early improvement (≥ 20 % fall by day 14)", "Szegedi"),
        (EarlyImprovement(0.3), "early improvement (≥ 30 % fall by day 14)", "analyst"),
        (LossOfResponse(), "loss of response (< 40 % fall)", "Kumar"),
        (LossOfResponse(0.3), "loss of response (< 30 % fall)", "analyst"),
    ],
)
def test_words_and_sources(rule: Definition, label: str, source: str) -> None:
    assert rule.label(MADRS) == label
    assert source in "; ".join(s.cite() for s in rule.sources(MADRS))
    assert rule.describe(MADRS) in (rule.describe(), rule.describe(MADRS))


def test_relapse_in_words() -> None:
    rule = Relapse(22, 2, within_days=15, events=("Hospitalisation", "death"))
    assert rule.label(MADRS) == "relapse (MADRS ≥ 22 × 2, or hospitalisation, or death)"
    assert rule.describe(MADRS) == (
        "MADRS total at least 22 at 2 consecutive visits at most 15 days apart, dated at the "
        "first; or hospitalisation or death"
    )
    assert (rule | LossOfResponse()).events == ("hospitalisation", "death")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Response(50), r"reduction must lie above 0.*Did you mean 0\.5\?"),
        (lambda: Response(0), "reduction must lie above 0"),
        (lambda: Response("half"), "reduction must be a share"),  # type: ignore[arg-type]
        (lambda: Response(True), "reduction must be a share"),
        (lambda: Response(float("nan")), "reduction must lie above 0"),
        (lambda: PartialResponse(0.5, 0.25), r"below \(0.25\) must be larger"),
        (lambda: Remission(9.5), "must be a whole number; got 9.5"),  # type: ignore[arg-type]
        (lambda: EarlyImprovement(by_day=0), "by_day must be a day after 0"),
        (lambda: LossOfResponse(-0.4), "below must lie above 0"),
        (lambda: Relapse(22, 0), "consecutive must be at least 1"),
        (lambda: Relapse(22, 1, within_days=5), "within_days needs consecutive of 2"),
        (lambda: Relapse(22, 2, within_days=0), "within_days must be positive"),
        (lambda: Relapse(22, events="death"), r"events must be a tuple, for example \('death',\)"),  # type: ignore[arg-type]
        (lambda: Relapse(float("nan")), "at_least must be a whole number"),  # type: ignore[arg-type]
        (lambda: Relapse(22) & Response(), "A relapse is an event, not a state"),
        (lambda: Response() & 3, "& and | join definitions"),  # type: ignore[operator]
    ],
)
def test_unusable_definitions(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_definitions_must_fit_the_scale() -> None:
    with pytest.raises(SpecError, match=r"Relapse\(at_least=61\) lies outside MADRS"):
        met(Relapse(61), [10])
    with pytest.raises(SpecError, match="cut-off of 60 lies outside MADRS"):
        met(Remission(60), [10])


def test_definitions_are_values() -> None:
    assert Response() == Response(0.5)
    assert len({Response(), Response(0.5), Response(0.4)}) == 2
    rule = (Response() & Remission()) | Relapse(22, 2, events=("death",))
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_a_definition_introduces_itself() -> None:
    assert repr(LossOfResponse()) == (
        "Loss of response\n"
        "  Rule    fall of less than 40 % of the baseline above the floor of the scale\n"
        "  Source  Kumar 2019, Neuropsychiatr Dis Treat 15:785-792, doi:10.2147/NDT.S196665"
    )
