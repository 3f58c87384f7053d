"""The parameters read from ``cohorts.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from trdstats.simulate.loss import LossLaw
from trdstats.simulate.mixture import Curves
from trdstats.simulate.parameters import (
    Band,
    CaseMix,
    Cohort,
    Course,
    Hazards,
    Links,
    OutcomeModel,
    Parameters,
    Retention,
    Target,
    TrialDesign,
)
from trdstats.simulate.schedule import Schedule


@cache
def load_parameters() -> Parameters:
    """Read and check ``cohorts.toml``."""
    text = files("trdstats.simulate").joinpath("cohorts.toml").read_text(encoding="utf-8")
    return parse_parameters(tomllib.loads(text))


def parse_parameters(table: Mapping[str, Any]) -> Parameters:
    """Build the parameters from a parsed TOML document.

    Raises
    ------
    SpecError
        When weights do not sum to 1, windows touch, or a distribution is not known.
    """
    classes = table["classes"]
    course = Course(
        classes=tuple(classes),
        floor=tuple(c["floor"] for c in classes.values()),
        fall=tuple(c["fall"] for c in classes.values()),
        rise=tuple(c["rise"] for c in classes.values()),
        **table["course"],
    )
    bands = {
        name: Band(float(entry["band"]), entry["reason"]) for name, entry in table["bands"].items()
    }
    outcome: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in table["outcome"].items()
    }
    return Parameters(
        seed=table["seed"],
        course=course,
        links=Links(**table["links"]),
        outcome=OutcomeModel(**outcome),
        hazards=Hazards(**table["hazards"]),
        bands=bands,
        cohorts={k: _read_cohort(v, course, bands) for k, v in table["cohorts"].items()},
        trial=_read_trial(table["trial"], bands),
    )


def _read_cohort(entry: Mapping[str, Any], course: Course, bands: Mapping[str, Band]) -> Cohort:
    fall = dict(zip(course.classes, course.fall, strict=True)) | entry["fall"]
    curves = Curves(
        floor=np.array(course.floor),
        fall=np.array([fall[c] for c in course.classes], dtype=float),
        rise=np.array(course.rise),
        course_end=float(entry["course_end"]),
        rise_time=float(entry["rise_time"]),
    )
    return Cohort(
        prefix=entry["prefix"],
        size=entry["size"],
        untreated=entry["untreated"],
        weights=tuple(entry["weights"][c] for c in course.classes),
        curves=curves,
        case_mix=CaseMix(**_with_failed_trials(entry["case_mix"])),
        schedule=_read_schedule(entry["windows"]),
        retention=Retention(**entry["retention"]),
        loss=LossLaw(**entry["loss"]),
        targets=_read_targets(entry["targets"], bands),
    )


def _read_trial(entry: Mapping[str, Any], bands: Mapping[str, Band]) -> TrialDesign:
    plain = {k: v for k, v in entry.items() if k not in ("windows", "retention", "targets")}
    plain = _with_failed_trials(plain) | {"arms": tuple(entry["arms"])}
    return TrialDesign(
        **plain,
        schedule=_read_schedule(entry["windows"]),
        retention={arm: Retention(**r) for arm, r in entry["retention"].items()},
        targets={arm: _read_targets(t, bands) for arm, t in entry["targets"].items()},
    )


def _with_failed_trials(entry: Mapping[str, Any]) -> dict[str, Any]:
    proportions = {int(k): float(v) for k, v in entry["failed_trials"].items()}
    return dict(entry) | {"failed_trials": proportions}


def _read_schedule(windows: Mapping[str, float]) -> Schedule:
    pairs = sorted((float(day), float(width)) for day, width in windows.items())
    return Schedule(tuple(d for d, _ in pairs), tuple(w for _, w in pairs))


def _read_targets(rows: list[dict[str, Any]], bands: Mapping[str, Band]) -> tuple[Target, ...]:
    return tuple(
        Target(
            quantity=row["quantity"],
            day=float(row["day"]),
            value=float(row["value"]),
            source=row["source"],
            band=float(row.get("band", bands[row["quantity"]].width)),
        )
        for row in rows
    )
