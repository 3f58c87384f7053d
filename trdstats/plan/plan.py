"""A whole analysis as a value, read from one TOML file and checked before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from trdstats.errors import (
    PlanError,
    TrdstatsError,
    check_choice,
    check_level,
    nearest,
)
from trdstats.formulas import read_right_side
from trdstats.outcomes import (
    LEFT_FOLLOW_UP,
    Definition,
    Relapse,
    Remission,
    Response,
    definition_from_mapping,
    definitions,
)
from trdstats.outcomes.contrasts import DIFFERENCES
from trdstats.outcomes.rates import METHODS, MISSING, Missing

TimeScale = Literal["linear", "sqrt"]
_TIME_SCALES = get_args(TimeScale)


@dataclass(frozen=True)
class Plan:
    """What is to be analysed and how.

    Attributes
    ----------
    title : str
    study : dict
        The ``[study]`` table: where the data are and which column plays which part.
    response, remission, relapse : Definition
        What counts: arguments of `Response`, `Remission` and `Relapse`, ``published = "sustain1"``
        for a published definition, or ``is = "Sustained"`` and its arguments for any other.
    acute_end : float or dict of str to float
        Scheduled day of the last acute visit, one or one a treatment.
    rate_days : tuple of float
        Scheduled days at which rates are compared.
    reference : str or None
        Treatment the others are compared with; None for the first.
    missing, interval, difference : str
        As `missing`, `method` and `difference` of `trdstats.rates`.
    horizon : float
        Days over which the restricted mean time to response is taken.
    durability_days : tuple of float
        Days since response at which relapse is tabulated.
    competing : tuple of str
        What competes with relapse.
    adjust : str or None
        Covariates known before treatment for which cohorts are compared; None for crude only.
    time_scale : {"linear", "sqrt"}
        Axis of time in figures; "sqrt" gives early days room when follow-up is long.
    conf_level : float
    text : str
        The plan as written.
    folder : Path
        Where its relative files are looked for.
    """

    title: str
    study: dict[str, Any]
    response: Definition
    remission: Definition
    relapse: Definition
    acute_end: float | dict[str, float]
    rate_days: tuple[float, ...]
    reference: str | None
    missing: Missing
    interval: str
    difference: str
    horizon: float
    durability_days: tuple[float, ...]
    competing: tuple[str, ...]
    adjust: str | None
    time_scale: TimeScale
    conf_level: float
    text: str
    folder: Path


_TOP = ("title", "study", "definitions", "analysis")
_DEFINITIONS = {"response": Response, "remission": Remission, "relapse": Relapse}
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
    "adjust": None,
    "time_scale": "linear",
    "conf_level": 0.95,
}


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
        text = resources.files("trdstats.plan").joinpath("sample_plan.toml").read_text("utf-8")
        return plan_from_text(text, Path.cwd())
    path = Path(path)
    if not path.is_file():
        raise PlanError(f"There is no plan {str(path)!r}.")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(f"The plan {str(path)!r} is not a UTF-8 text file.") from error
    return plan_from_text(text, path.parent)


def plan_from_text(text: str, folder: Path) -> Plan:
    """Build a plan from the text of a TOML file; see `read_plan`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"The plan is not valid TOML: {error}.") from error
    problems = _unknown(data, _TOP, "the plan")
    problems += [f"[{k}] is missing" for k in ("study", "definitions", "analysis") if k not in data]
    study, rules, analysis = (
        _table(data, k, problems) for k in ("study", "definitions", "analysis")
    )
    problems += _unknown(rules, _DEFINITIONS, "[definitions]")
    problems += _unknown(analysis, _ANALYSIS, "[analysis]")
    needed = [k for k in ("acute_end", "rate_days", "horizon") if k not in analysis]
    problems += [f"[analysis] lacks {k!r}" for k in needed if "analysis" in data]
    if "relapse" not in rules and "definitions" in data:
        problems.append(
            "[definitions] lacks 'relapse': trials differ, so it has no default, "
            "e.g. relapse = { at_least = 22, consecutive = 2 }"
        )
    built = {k: _define(k, rules.get(k, {}), problems) for k in _DEFINITIONS}
    settings = {**_ANALYSIS, **analysis}
    problems += _check_settings(settings)
    if problems:
        raise PlanError("The plan cannot be run.\n" + "\n".join(f"  {p}." for p in problems))
    end = settings["acute_end"]
    return Plan(
        title=str(data.get("title", "Onset and durability of response")),
        study=dict(study),
        **built,
        acute_end={k: float(v) for k, v in end.items()} if isinstance(end, Mapping) else float(end),
        rate_days=tuple(float(d) for d in settings["rate_days"]),
        reference=settings["reference"],
        missing=settings["missing"],
        interval=settings["interval"],
        difference=settings["difference"],
        horizon=float(settings["horizon"]),
        durability_days=tuple(float(d) for d in settings["durability_days"]),
        competing=tuple(settings["competing"]),
        adjust=settings["adjust"],
        time_scale=settings["time_scale"],
        conf_level=float(settings["conf_level"]),
        text=text,
        folder=folder,
    )


def _table(data: Mapping[str, Any], key: str, problems: list[str]) -> Mapping[str, Any]:
    value = data.get(key, {})
    if isinstance(value, Mapping):
        return value
    problems.append(f"[{key}] must be a table")
    return {}


def _unknown(given: Mapping[str, Any], known: Any, where: str) -> list[str]:
    found = []
    for key in given:
        if key not in known:
            close = nearest(key, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"
            found.append(f"{where} has an unknown key {key!r}{hint}")
    return found


def _define(key: str, arguments: Any, problems: list[str]) -> Any:
    if key == "relapse" and not arguments:
        return None  # already reported as lacking
    try:
        if "published" in arguments:
            return definitions[str(arguments["published"])]
        if "is" in arguments:
            return definition_from_mapping(arguments)
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in dict(arguments).items()}
        return _DEFINITIONS[key](**values)
    except TrdstatsError as error:
        problems.append(f"definition {key!r}: {str(error).rstrip('.')}")
    except (TypeError, ValueError) as error:
        problems.append(f"definition {key!r} has arguments that do not fit: {error}")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_settings(settings: Mapping[str, Any]) -> list[str]:
    problems = []
    choices = {
        "missing": MISSING,
        "interval": METHODS,
        "difference": DIFFERENCES,
        "time_scale": _TIME_SCALES,
    }
    for key, allowed in choices.items():
        try:
            check_choice(key, settings[key], allowed)
        except TrdstatsError as error:
            problems.append(str(error).rstrip("."))
    for key in ("rate_days", "durability_days"):
        value = settings[key]
        if value is not None and (
            not isinstance(value, list) or not all(_is_number(d) and d > 0 for d in value)
        ):
            problems.append(f"{key} must be a list of days after 0, e.g. [14, 28]; got {value!r}")
    end = settings["acute_end"]
    days = end.values() if isinstance(end, Mapping) else [] if end is None else [end]
    if not all(_is_number(d) and d > 0 for d in days):
        problems.append(f"acute_end must be a day, or a day for each treatment; got {end!r}")
    horizon = settings["horizon"]
    if horizon is not None and not (_is_number(horizon) and horizon > 0):
        problems.append(f"horizon must be a number of days after 0; got {horizon!r}")
    if not isinstance(settings["competing"], list):
        problems.append(f"competing must be a list; got {settings['competing']!r}")
    if settings["adjust"] is not None and not isinstance(settings["adjust"], str):
        problems.append(
            f'adjust must be a text such as "age + baseline"; got {settings["adjust"]!r}'
        )
    elif settings["adjust"] is not None:
        try:
            read_right_side(settings["adjust"])
        except TrdstatsError as error:
            problems.append(f"adjust: {str(error).rstrip('.')}")
    try:
        check_level(settings["conf_level"])
    except (TrdstatsError, TypeError):
        problems.append(f"conf_level must lie between 0 and 1; got {settings['conf_level']!r}")
    return problems
