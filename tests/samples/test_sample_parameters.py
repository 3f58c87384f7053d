"""The parameters are checked when they are read."""

from __future__ import annotations

import copy
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from trdstats.errors import SpecError
from trdstats.simulate.load import load_parameters, parse_parameters


@pytest.fixture
def table() -> dict[str, Any]:
    text = files("trdstats.simulate").joinpath("cohorts.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text))


def test_weights_must_sum_to_one(table: dict[str, Any]) -> None:
    table["cohorts"]["TMS"]["weights"]["none"] += 0.1
    with pytest.raises(SpecError, match="TMS: class weights must sum to 1"):
        parse_parameters(table)


def test_failed_trials_must_sum_to_one(table: dict[str, Any]) -> None:
    table["cohorts"]["VNS"]["case_mix"]["failed_trials"]["4"] += 0.1
    with pytest.raises(SpecError, match="VNS: shares of failed_trials must sum to 1"):
        parse_parameters(table)


def test_untreated_is_a_share(table: dict[str, Any]) -> None:
    table["cohorts"]["ECT"]["untreated"] = 1.0
    with pytest.raises(SpecError, match="ECT: size and untreated"):
        parse_parameters(table)


def test_the_last_class_is_nonresponse() -> None:
    """The covariates act on the last class; its curve must hardly move."""
    course = load_parameters().course
    assert course.classes[-1] == "none"
    assert course.floor[-1] > 0.9


def test_every_band_gives_its_reason() -> None:
    assert all(len(b.reason) > 5 and b.width > 0 for b in load_parameters().bands.values())
