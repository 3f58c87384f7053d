"""Several intercurrent events in one subject: who is to be imputed, and which event decides."""

from __future__ import annotations

from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.imputation import Derived

KINDS = {
    "rescue": trd.Hypothetical(),
    "hospitalisation": trd.Composite(score="worst"),
    "switch": trd.WhileOnTreatment(),
    "withdrawal": trd.TreatmentPolicy(),
}
DAYS = (7, 14, 21, 28)


def derive(events: list[tuple[str, int, str]], order: tuple[str, ...] = tuple(KINDS)) -> Derived:
    rows = [
        {"subject": s, "treatment": t, "day": d, "score": 30 - d // 2}
        for s, t in (("A", "ECT"), ("B", "TMS")) for d in (0, *DAYS)
    ]  # fmt: skip
    table = pd.DataFrame(events, columns=["subject", "day", "event"])
    study = trd.Study(pd.DataFrame(rows), events=table, scale="MADRS")
    attributes = ("people", "score at day 28", "ECT v TMS", "difference in means")
    return trd.Estimand(*attributes, {k: KINDS[k] for k in order}).derive(study)


def test_a_composite_event_before_a_hypothetical_one_leaves_nothing_to_impute() -> None:
    derived = derive([("A", 8, "hospitalisation"), ("A", 15, "rescue"), ("B", 15, "rescue")])
    assert derived.events.to_numpy().tolist() == [["B", 21.0, "rescue"]]
    value = derived.audit.set_index(["subject", "visit"])["value"]
    assert value["A"].tolist() == [27, 60, 60, 60]
    assert value["B"].isna().tolist() == [False, False, True, True]
    # Imputation takes them as they are: A's set scores inform the model whatever the strategy.
    frame = derived.study.longitudinal()
    assert frame.loc[frame["subject"] == "A", "score"].notna().all()


def test_a_hypothetical_event_after_the_last_visit_is_not_listed() -> None:
    assert derive([("A", 28, "rescue"), ("B", 3, "withdrawal")]).events.empty


@pytest.mark.parametrize("order", list(permutations(("rescue", "hospitalisation", "switch"))))
def test_of_events_on_one_day_the_order_of_the_strategies_decides(order: tuple[str, ...]) -> None:
    events = [("A", 10, kind) for kind in ("hospitalisation", "rescue", "switch")]
    derived = derive(
        [*events, ("B", 10, "withdrawal"), ("B", 10, "switch")], (*order, "withdrawal")
    )
    assert derived.audit.query("subject == 'A' and visit > 10")["reason"].unique().tolist() == [
        f"{order[0]} on day 10"
    ]
    assert len(derived.events) == (order[0] == "rescue")
    # Treatment policy changes nothing, so for B the order does not matter.
    assert derived.same_day == ("A",)
    assert (
        "1 subject had several events on one day with strategies that differ; the first of these "
        f"decided: {', '.join(order)}, withdrawal." in repr(derived)
    )


@settings(max_examples=25, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(1, 28), st.sampled_from(list(KINDS))),
        min_size=1, max_size=6, unique=True,
    )
)  # fmt: skip
def test_events_to_impute_are_those_with_removed_scores(events: list[tuple[str, int, str]]) -> None:
    derived = derive(events)
    removed = derived.audit[derived.audit["action"] == "removed"]
    first = removed.groupby("subject", observed=True)["visit"].min()
    assert derived.events.set_index("subject")["visit"].to_dict() == first.to_dict()
    kinds = removed.groupby("subject", observed=True)["reason"].first().str.split(" on").str[0]
    assert derived.events.set_index("subject")["event"].to_dict() == kinds.to_dict()
    # The order of rows in the events table says nothing.
    pd.testing.assert_frame_equal(derived.audit, derive(events[::-1]).audit)
