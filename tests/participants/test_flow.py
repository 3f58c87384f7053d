"""Participant flow against a walk through eight patients."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, TrdstatsError, UnknownNameError
from trdstats.participants import ParticipantFlow
from trdstats.plots import plot_flow

WINDOWS = {7: 2, 28: 3}


def study(randomised: bool = True, **changes: object) -> trd.Study:
    """Return patients a to h: who did what is said beside each."""
    scores = {
        ("a", 0): 30, ("a", 7): 20, ("a", 28): 10,  # complete
        ("b", 0): 30, ("b", 7): 20,  # withdrew on day 10
        ("c", 0): 30, ("c", 7): 20, ("c", 60): 10,  # missed day 28, came later, rescued before
        ("d", 0): 30, ("d", 7): 25,  # rescued on day 9, then no more
        ("e", 0): 30,  # never came back, nothing recorded
        ("f", 7): 20, ("f", 28): 10,  # no baseline
        ("g", 0): 30,  # never treated
        ("h", 0): 30, ("h", 28): 12,  # complete but for day 7
    }  # fmt: skip
    visits = pd.DataFrame([(s, d, y) for (s, d), y in scores.items()],
                          columns=["subject", "day", "score"])  # fmt: skip
    subjects = pd.DataFrame(
        {"subject": list("abcdefgh"), "treatment": ["ECT"] * 6 + ["TMS"] * 2,
         "treated": [1, 1, 1, 1, 1, 1, 0, 1]}
    )  # fmt: skip
    events = pd.DataFrame(
        {
            "subject": ["b", "c", "d"],
            "day": [10, 20, 9],
            "event": ["withdrawal", "rescue", "rescue"],
        }
    )
    return trd.Study(
        visits, subjects, events, scale="MADRS", windows=WINDOWS, randomised=randomised
    )


@pytest.fixture(scope="module")
def flow() -> ParticipantFlow:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    return trd.participant_flow(made, day=28)


def test_each_patient_stands_where_a_reader_would_put_them(flow: ParticipantFlow) -> None:
    found = flow.members.set_index("subject")[["stage", "reason"]].apply(tuple, axis=1).to_dict()
    assert found == {
        "a": ("assessed at the day", ""),
        "b": ("assessed after baseline", "withdrawal"),
        "c": ("assessed after baseline", "visit missed, assessed later"),
        "d": ("assessed after baseline", "left follow-up after rescue"),
        "e": ("treated", "never assessed"),
        "f": ("treated", "no baseline"),
        "g": ("assigned", "treatment not begun"),
        "h": ("assessed at the day", ""),
    }


def test_counts_and_reasons_add_up(flow: ParticipantFlow) -> None:
    stages = ("assigned", "treated", "assessed after baseline", "assessed at the day")
    assert [flow.count(s, "ECT") for s in stages] == [6, 6, 4, 1]
    assert [flow.count(s, "TMS") for s in stages] == [2, 1, 1, 1]
    table = flow.tidy()
    for treatment in ("ECT", "TMS"):
        own = table[table["treatment"] == treatment]
        reached = own[own["reason"] == ""]["n"].tolist()
        lost = [own[(own["stage"] == s) & (own["reason"] != "")]["n"].sum()
                for s in dict.fromkeys(own["stage"])]  # fmt: skip
        assert [a - b for a, b in zip(reached[:-1], lost[1:], strict=True)] == reached[1:]


def test_a_day_for_each_treatment() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    found = trd.participant_flow(made, day={"ECT": 7, "TMS": 28})
    assert found.count("assessed at the day", "ECT") == 4
    assert found.words("assessed at the day") == "assessed at the last day"


def test_it_reads_as_a_table(flow: ParticipantFlow) -> None:
    lines = repr(flow).splitlines()
    assert lines[2].split() == ["ECT", "TMS", "All"]
    assert lines[3].split() == ["randomised", "6", "2", "8"]
    assert any(line.startswith("– withdrawal") for line in lines)
    with pytest.warns(trd.errors.DataWarning):
        cohort = study(randomised=False)
    assert "assigned" in repr(trd.participant_flow(cohort, day=28))


def test_who_was_enrolled_must_add_up() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    full = trd.participant_flow(made, day=28, enrolled=12, excluded={"declined": 4})
    assert full.tidy()["n"].tolist()[:2] == [12, 4]
    assert "excluded: declined" in repr(full)
    with pytest.raises(SpecError, match="12 subjects enrolled less 3 excluded make 9, but the "
        "study "
                       "has 8 subjects: name the reasons of all others"):  # fmt: skip
        trd.participant_flow(made, day=28, enrolled=12, excluded={"declined": 3})
    with pytest.raises(SpecError, match="excluded needs enrolled"):
        trd.participant_flow(made, day=28, excluded={"declined": 3})


def test_a_day_that_is_not_scheduled_is_refused() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    with pytest.raises(UnknownNameError, match="27"):
        trd.participant_flow(made, day=27)


def test_every_box_of_the_chart_is_inside_the_axes_and_none_overlap() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    found = trd.participant_flow(made, day=28, enrolled=10, excluded={"declined": 2})
    ax = found.plot()
    figure = ax.figure
    figure.set_size_inches(9, found.height)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts]
    frame = figure.bbox
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 for b in boxes)
    assert all(frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_a_recorded_withdrawal_is_the_reason_whenever_it_was() -> None:
    seen = {"a": (0, 7), "b": (0,), "c": (0, 7), "d": (0, 7, 28), "e": (0, 7, 28)}
    visits = pd.DataFrame(
        [(s, d, 30 - d) for s, days in seen.items() for d in days],
        columns=["subject", "day", "score"],
    )
    subjects = pd.DataFrame({"subject": list("abcde"), "treatment": ["ECT"] * 4 + ["TMS"]})
    events = pd.DataFrame(
        [("a", 20, "withdrawal"), ("a", 22, "rescue"), ("b", 0, "withdrawal"),
         ("c", 40, "withdrawal")], columns=["subject", "day", "event"],
    )  # fmt: skip
    made = trd.Study(visits, subjects, events, scale="MADRS", windows=WINDOWS, randomised=True)
    found = trd.participant_flow(made, day=28).members.set_index("subject")["reason"]
    assert found.to_dict() == dict.fromkeys("abc", "withdrawal") | {"d": "", "e": ""}


def test_people_are_counted_from_0() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study()
    with pytest.raises(SpecError, match="excluded counts subjects, 0 or more for each reason"):
        trd.participant_flow(made, day=28, enrolled=8, excluded={"a": 3, "b": -3})


def test_counts_are_asked_for_by_names_that_are_there(flow: ParticipantFlow) -> None:
    with pytest.raises(UnknownNameError, match="Unknown stage 'enroled'"):
        flow.count("enroled", "ECT")
    with pytest.raises(UnknownNameError, match="Unknown treatment 'VNS'"):
        flow.count("assigned", "VNS")


def test_a_window_that_nobody_came_in_is_told_from_a_day_without_one() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study().with_windows({7: 2, 28: 3, 42: 3})
    with pytest.raises(UnknownNameError, match=r"No rating falls in the window of day 42\."):
        trd.participant_flow(made, day=42)
    with pytest.raises(UnknownNameError, match=r"No visit is scheduled at day 41\. Nearest: .*\.$"):
        trd.participant_flow(made, day=41)


@pytest.mark.parametrize("flow", [None, pd.DataFrame({"a": [1]}), pd.DataFrame()])
def test_a_figure_of_something_else_is_refused(flow: Any) -> None:
    with pytest.raises(TrdstatsError, match=r"plot_flow\(\): `flow`"):
        plot_flow(flow)
