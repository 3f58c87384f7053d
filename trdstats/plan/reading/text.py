"""The text of a plan into a `Plan`, with everything that is wrong in it said at once."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Collection, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from trdstats.arguments import checked
from trdstats.errors import PlanError, unknown_name, why_unreadable
from trdstats.intake.mapping.toml_text import invalid_toml
from trdstats.outcomes import LEFT_FOLLOW_UP
from trdstats.plan.plan import Plan
from trdstats.plan.reading.confirmatory import read_confirmatory
from trdstats.plan.reading.definitions import read_definitions
from trdstats.plan.reading.problems import (
    PlanProblems,
    nests_too_deep,
    read_table_of,
    report_unknown_keys,
    too_deep,
)
from trdstats.plan.reading.sites import read_sites
from trdstats.plan.reading.steps import TOP, read_steps
from trdstats.plan.settings import check_settings
from trdstats.plan.steps import all_steps
from trdstats.study.described import check_described_study

SAMPLE_PLANS = ("modalities", "trial")
_ANALYSIS: dict[str, Any] = {
    "acute_end": None,
    "rate_days": None,
    "reference": None,
    "missing": "nonresponse",
    "interval": "wilson",
    "difference": "miettinen-nurminen",
    "horizon": None,
    "durability_days": [28, 84, 168],
    "competing": [LEFT_FOLLOW_UP],
    "after_switch": None,
    "adjust": None,
    "time_scale": "linear",
    "conf_level": 0.95,
}


@checked
def read_plan(path: str | Path | None = None) -> Plan:
    """Read a plan from a TOML file.

    Parameters
    ----------
    path : str or Path, optional
        Default: the packaged plan, which analyses the sample study ``modalities``.

    Raises
    ------
    PlanError
        With everything that is wrong in the file.

    Examples
    --------
    >>> read_plan().relapse.describe()
    'total at least 22 at 2 consecutive visits, dated at the first'
    """
    if path is None:
        return sample_plan("modalities")
    path = Path(path)
    return plan_from_text(_read_text(path), path.parent)


@checked
def sample_plan(name: str = "modalities") -> Plan:
    """Return a packaged plan.

    Parameters
    ----------
    name : {"modalities", "trial"}
        Eight cohorts that were not randomised, or a randomised trial of three arms with
        confirmatory results, missing data and tipping points.

    Raises
    ------
    UnknownNameError
        When there is no such plan.

    Examples
    --------
    >>> sample_plan("trial").confirmatory.rule
    'fixed sequence'
    """
    folder = resources.files("trdstats.plan.samples")
    if name not in SAMPLE_PLANS:
        raise unknown_name("packaged plan", name, SAMPLE_PLANS)
    return plan_from_text(folder.joinpath(f"{name}.toml").read_text("utf-8"), Path.cwd())


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise PlanError(f"There is no plan {str(path)!r}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path that holds a null character
        if isinstance(error, PlanError):
            raise
        raise PlanError(
            f"The plan {str(path)!r} cannot be read: {why_unreadable(error)}."
        ) from error
    if content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise PlanError(
            f"The plan {str(path)!r} begins with a byte order mark (line 1). "
            "Save it as UTF-8 without one (in an editor: 'UTF-8', not 'UTF-8 with BOM')."
        )
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlanError(
            f"The plan {str(path)!r} is not a UTF-8 text file (line {line})."
        ) from error


def plan_from_text(text: str, folder: Path) -> Plan:
    """Build a plan from the text of a TOML file; see `read_plan`."""
    data = _parse(text)
    problems = PlanProblems(text)
    kinds = {step.key: step for step in all_steps()}
    _report_unknown(data, kinds, problems)
    for key in ("study", "definitions", "analysis"):
        if key not in data:
            problems.add(f"[{key}] is missing", "")
    study, rules, analysis = (
        read_table_of(data, k, problems) for k in ("study", "definitions", "analysis")
    )
    if study:
        for role, words in check_described_study(study):
            problems.add(words, "study", role)
    elif isinstance(data.get("study"), Mapping):
        problems.add("[study] says nothing: name a sample, or visits and scale", "study")
    report_unknown_keys(analysis, _ANALYSIS, "analysis", problems)
    if "analysis" in data:
        for key in ("acute_end", "rate_days", "horizon"):
            if key not in analysis:
                problems.add(f"[analysis] lacks {key!r}", "analysis")
    if "relapse" not in rules and "definitions" in data:
        problems.add(
            "[definitions] lacks 'relapse': trials differ, so it has no default, "
            "e.g. relapse = { at_least = 22, consecutive = 2 }",
            "definitions",
        )
    built = read_definitions(rules, problems)
    title = data.get("title", "Onset and durability of response")
    if not isinstance(title, str):
        problems.add(f"title must be a text; got {title!r}", "", "title")
    settings = {**_ANALYSIS, **analysis}
    for key, words in check_settings(settings):
        problems.add(words, "analysis", key)
    steps = read_steps(data, kinds, problems)
    confirmatory = read_confirmatory(data, [s.name for s in steps], problems)
    sites = read_sites(data, problems)
    level = settings["conf_level"]
    is_level = isinstance(level, float)
    if confirmatory is not None and is_level and abs(1 - level - confirmatory.alpha) > 1e-12:
        problems.add(
            f"[confirmatory] alpha = {confirmatory.alpha:g} and intervals of conf_level = "
            f"{level!r} could disagree; with this alpha write conf_level = "
            f"{1 - confirmatory.alpha:g} under [analysis]",
            "confirmatory",
            "alpha",
        )
    problems.raise_if_any()
    end = settings["acute_end"]
    return Plan(
        title=title,
        study=dict(study),
        definitions=built,
        acute_end={k: float(v) for k, v in end.items()} if isinstance(end, Mapping) else float(end),
        rate_days=tuple(float(d) for d in settings["rate_days"]),
        reference=settings["reference"],
        missing=settings["missing"],
        interval=settings["interval"],
        difference=settings["difference"],
        horizon=float(settings["horizon"]),
        durability_days=tuple(float(d) for d in settings["durability_days"]),
        competing=tuple(settings["competing"]),
        after_switch=settings["after_switch"],
        adjust=settings["adjust"],
        time_scale=settings["time_scale"],
        conf_level=float(settings["conf_level"]),
        steps=tuple(steps),
        confirmatory=confirmatory,
        sites=sites,
        text=text,
        folder=folder,
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(invalid_toml("The plan", text, error)) from error
    except RecursionError:
        raise too_deep(text) from None
    if nests_too_deep(data):
        raise too_deep(text)
    return data


def _report_unknown(
    data: Mapping[str, Any], kinds: Collection[str], problems: PlanProblems
) -> None:
    """Report tables that are neither those of every plan, nor of a step, nor name their step."""
    names_step = {k for k, v in data.items() if isinstance(v, Mapping) and "step" in v}
    report_unknown_keys(
        {k: v for k, v in data.items() if k not in names_step}, (*TOP, *kinds), "", problems
    )
