"""Covariates of decisions that are known only when the interval is over: refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import trdstats as trd
from trdstats.errors import SpecError


@pytest.fixture(scope="module")
def decisions() -> trd.Decisions:
    """Every fourth leaves after some intervals, unless the event comes first."""
    made = trd.decision_intervals(
        trd.simulate.maintenance(n=120, seed=1), trd.Relapse(at_least=22), "lithium", step=28,
        covariates=["score"],
    )  # fmt: skip
    code = made.frame["subject"].cat.codes
    frame = made.frame[(code % 4 > 0) | (made.frame["interval"] <= code % 9)]
    last = ~frame["subject"].duplicated(keep="last") & (frame["status"] == 0)
    leaves = last & (code % 4 == 0)
    return trd.Decisions(frame.drop(columns="interval").assign(left=leaves.astype(int)))


TWO = {"always": trd.Continue(84, grace=28), "never": trd.Discontinue(grace=28)}
FITS: dict[str, Callable[[trd.Decisions, str], object]] = {
    "clones": lambda d, c: trd.CloneCensorWeight(TWO, c, tau=84, n_boot=0).fit(d),
    "clones, leaving": lambda d, c: trd.CloneCensorWeight(
        TWO, "score", tau=84, leaving=c, n_boot=0
    ).fit(d),
    "weights": lambda d, c: trd.ChangingWeights(c).fit(d),
    "weights, leaving": lambda d, c: trd.ChangingWeights("score", leaving=c).fit(d),
    "trials": lambda d, c: trd.SequentialTrials(c, days=[84], n_boot=0).fit(d),
}


@pytest.mark.parametrize("column", ["stop", "status", "left"])
@pytest.mark.parametrize("name", FITS)
def test_what_became_of_an_interval_is_no_covariate(
    decisions: trd.Decisions, name: str, column: str
) -> None:
    """The end of an interval tells of the event in it, and is easily typed for its start."""
    FITS[name](decisions, "start")
    with pytest.raises(SpecError, match=rf"holds '{column}', known only after it. Take the day"):
        FITS[name](decisions, f"start + {column}")


def test_the_end_of_an_interval_is_no_numerator(decisions: trd.Decisions) -> None:
    """Other covariates that change are refused there already, in words of their own."""
    with pytest.raises(SpecError, match="holds 'stop', known only after it"):
        trd.ChangingWeights("score + start", "stop").fit(decisions)


@pytest.mark.parametrize("name", FITS)
def test_the_decision_explains_leaving_but_not_itself(decisions: trd.Decisions, name: str) -> None:
    """Beside the arm of a trial it is the arm again: incidences were 5 and 42 % for 15 and 19."""
    if "leaving" in name:
        FITS[name](decisions, "start + on")
    else:
        with pytest.raises(SpecError, match="holds 'on', known only after it"):
            FITS[name](decisions, "start + on")
