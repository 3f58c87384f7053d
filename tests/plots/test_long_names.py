"""Long names of treatments leave the axes their room."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import trdstats as trd
from trdstats.outcomes import Relapse
from trdstats.plots.flow_chart import flow_height
from trdstats.plots.layout.number_rows import short_names

LONG = {
    "TMS": "Repetitive transcranial magnetic stimulation (left DLPFC)",
    "ECT": "Quetiapine extended release plus oral antidepressant",
    "IV ketamine": "Esketamine nasal spray plus oral antidepressant",
}


@pytest.fixture(scope="module")
def study() -> trd.Study:
    plain = trd.load_sample("trial")
    subjects = plain.subjects.assign(treatment=plain.subjects["treatment"].astype(str).map(LONG))
    return trd.Study(
        plain.visits[["subject", "day", "score"]],
        subjects[["subject", "treatment"]],
        scale="MADRS", windows={7: 2, 14: 2, 28: 3, 56: 5}, randomised=True,
    )  # fmt: skip


def test_a_curve_keeps_its_width_beside_legend_and_numbers_at_risk(study: trd.Study) -> None:
    ax = trd.KaplanMeier().fit(trd.time_to(study, trd.Response())).plot()
    figure = ax.figure
    figure.canvas.draw()
    legend = ax.get_legend()
    assert legend is not None
    # A layout was found: with names on one line there was none, and the figure cut them off.
    assert 0.25 < ax.get_position().width < 0.5
    page = figure.bbox
    for box in [legend.get_window_extent(), *(t.get_window_extent() for t in ax.texts)]:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
    words = {t.get_text().replace("\n", " ") for t in legend.get_texts()}
    assert set(LONG.values()) <= words
    assert max(len(x) for t in legend.get_texts() for x in t.get_text().split("\n")) <= 32
    plt.close("all")


def test_titles_of_panels_do_not_overlap(study: trd.Study) -> None:
    history = trd.response_history(study, trd.Response(), Relapse(22, 2))
    figure = trd.ResponseState(tau=42).fit(history).plot()
    figure.canvas.draw()
    titles = [t for ax in figure.axes for t in [ax.title, ax._left_title] if t.get_text()]  # type: ignore[attr-defined]
    assert {t.get_text().replace("\n", " ") for t in titles} == set(LONG.values())
    boxes = [t.get_window_extent() for t in titles]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    plt.close("all")


def test_names_beside_numbers_lose_their_middle_unless_they_would_read_the_same() -> None:
    assert short_names(["ECT", LONG["ECT"]]) == {
        "ECT": "ECT", LONG["ECT"]: "Quetiapine extended…tidepressant"
    }  # fmt: skip
    alike = [f"Quetiapine extended release {k} mg plus antidepressant" for k in (50, 100)]
    assert short_names(alike) == dict(zip(alike, alike, strict=True))


def test_boxes_of_a_flow_have_room_for_every_line() -> None:
    rows = [
        {"treatment": name, "stage": "assigned", "words": "assigned", "reason": "", "n": 9}
        for name in ("A", LONG["TMS"])
    ]
    wide = pd.DataFrame([{**r, "treatment": f"{r['treatment']} {k}"}
                         for k in range(6) for r in rows])  # fmt: skip
    short = wide.assign(treatment=[f"T{k}" for k in range(12)])
    assert flow_height(wide) > flow_height(short) + 0.4
