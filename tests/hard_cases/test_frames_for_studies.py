"""A frame where a study is needed, and labels of contrasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import trdstats as trd
from trdstats.errors import SpecError

FRAME: Any = trd.load_sample("trial").longitudinal()
NEED_A_STUDY: dict[str, Callable[[Any], Any]] = {
    "mean_scores": trd.mean_scores,
    "change_from_baseline": lambda data: trd.change_from_baseline(data, 28),
    "single_imputation_analyses": lambda data: trd.single_imputation_analyses(data, day=28),
    "describe_dropout": trd.describe_dropout,
    "BinaryTippingPoint": lambda data: trd.BinaryTippingPoint(
        trd.Response(), 28, "ECT", reference="TMS"
    ).fit(data),
    "participant_flow": lambda data: trd.participant_flow(data, day=28),
    "baseline_table": trd.baseline_table,
    "count_events": trd.count_events,
    "check_ratings": trd.check_ratings,
    "Estimand": lambda data: trd.Estimand(
        population="all", variable="score", contrast="ECT v TMS", population_summary="mean",
        strategies={},
    ).derive(data),
    "rates": lambda data: trd.rates(data, trd.Response(), day=28),
}  # fmt: skip


@pytest.mark.parametrize("name", NEED_A_STUDY)
def test_a_frame_is_no_study(name: str) -> None:
    """They ended in "'DataFrame' object has no attribute 'subjects'"."""
    words = r"must be a Study, which knows the scale: Study\(frame.*got DataFrame"
    with pytest.raises(SpecError, match=words):
        NEED_A_STUDY[name](FRAME)


def test_every_contrast_has_a_label() -> None:
    fit = trd.MMRM("change ~ baseline + treatment * visit").fit(trd.load_sample("trial"))
    two = np.eye(len(fit.tidy()))[:2]
    for result in (fit, fit.estimates()):
        with pytest.raises(SpecError, match="labels must name each of 2 contrasts; got 1"):
            result.contrast(two, labels=["one"])
        assert result.contrast(two, labels=["one", "two"]).tidy()["contrast"].tolist() == [
            "one", "two",
        ]  # fmt: skip
