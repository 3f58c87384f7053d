"""A whole analysis as a value, read from one TOML file and checked before anything runs."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from trdstats.arguments import Level, checked
from trdstats.errors import PlanError, SpecError, TrdstatsError, nearest
from trdstats.outcomes import (
    LEFT_FOLLOW_UP,
    Definition,
    Relapse,
    Remission,
    Response,
    definition_from_mapping,
    definitions,
)
from trdstats.outcomes.rates import Missing
from trdstats.outcomes.switching import AfterSwitch
from trdstats.plan.problems import PlanProblems, nests_too_deep, too_deep
from trdstats.plan.settings import TimeScale, check_settings
from trdstats.study.described import check_described_study


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
    reference : str, float, bool or None
        Treatment the others are compared with; None for the first.
    missing, interval, difference : str
        As `missing`, `method` and `difference` of `trdstats.rates`.
    horizon : float
        Days over which the restricted mean time to response is taken.
    durability_days : tuple of float
        Days since response at which relapse is tabulated.
    competing : tuple of str
        What competes with relapse.
    after_switch : str or None
        What becomes of those who started another treatment: see `trdstats.time_to`. In rates a
        switch that competes is a failure, and one that censors is ignored; None is as "ignore".
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
    study: dict[str, object]
    response: Definition
    remission: Definition
    relapse: Definition
    acute_end: float | dict[str, float]
    rate_days: tuple[float, ...]
    reference: Level | None
    missing: Missing
    interval: str
    difference: str
    horizon: float
    durability_days: tuple[float, ...]
    competing: tuple[str, ...]
    after_switch: AfterSwitch | None
    adjust: str | None
    time_scale: TimeScale
    conf_level: float
    text: str
    folder: Path


_TOP = ("title", "study", "definitions", "analysis")
_EXAMPLES = {
    "response": "{ reduction = 0.5 }",
    "remission": "{ at_most = 12 }",
    "relapse": "{ at_least = 22, consecutive = 2 }",
}
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
        text = resources.files("trdstats.plan").joinpath("sample_plan.toml").read_text("utf-8")
        return plan_from_text(text, Path.cwd())
    path = Path(path)
    return plan_from_text(_read_text(path), path.parent)


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise PlanError(f"There is no plan {str(path)!r}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path that holds a null character
        if isinstance(error, PlanError):
            raise
        said = error.strerror if isinstance(error, OSError) else error
        raise PlanError(f"The plan {str(path)!r} cannot be read: {said}.") from error
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
    _report_unknown(data, _TOP, "", problems)
    for key in ("study", "definitions", "analysis"):
        if key not in data:
            problems.add(f"[{key}] is missing", "")
    study, rules, analysis = (
        _table(data, k, problems) for k in ("study", "definitions", "analysis")
    )
    if study:
        for role, words in check_described_study(study):
            problems.add(words, "study", role)
    elif isinstance(data.get("study"), Mapping):
        problems.add("[study] says nothing: name a sample, or visits and scale", "study")
    _report_unknown(rules, _DEFINITIONS, "definitions", problems)
    _report_unknown(analysis, _ANALYSIS, "analysis", problems)
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
    built = {k: _define(k, rules, problems) for k in _DEFINITIONS}
    title = data.get("title", "Onset and durability of response")
    if not isinstance(title, str):
        problems.add(f"title must be a text; got {title!r}", "", "title")
    settings = {**_ANALYSIS, **analysis}
    for key, words in check_settings(settings):
        problems.add(words, "analysis", key)
    problems.raise_if_any()
    end = settings["acute_end"]
    return Plan(
        title=title,
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
        after_switch=settings["after_switch"],
        adjust=settings["adjust"],
        time_scale=settings["time_scale"],
        conf_level=float(settings["conf_level"]),
        text=text,
        folder=folder,
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"The plan is not valid TOML: {error}.") from error
    except RecursionError:
        raise too_deep(text) from None
    if nests_too_deep(data):
        raise too_deep(text)
    return data


def _table(data: Mapping[str, Any], key: str, problems: PlanProblems) -> Mapping[str, Any]:
    value = data.get(key, {})
    if isinstance(value, Mapping):
        return value
    problems.add(f"[{key}] must be a table; got {value!r}", "", key)
    return {}


def _report_unknown(
    given: Mapping[str, Any], known: Collection[str], table: str, problems: PlanProblems
) -> None:
    where = f"[{table}]" if table else "the plan"
    for key in given:
        if key not in known:
            close = nearest(key, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"
            problems.add(f"{where} has an unknown key {key!r}{hint}", table, key)


def _define(key: str, rules: Mapping[str, Any], problems: PlanProblems) -> Any:
    if key == "relapse" and key not in rules:
        return None  # already reported as lacking
    try:
        return _read_definition(key, rules.get(key, {}))
    except TrdstatsError as error:
        words = f"definition {key!r}: {str(error).rstrip('.')}"
    except (TypeError, ValueError) as error:
        said = str(error).split("__init__() ")[-1]
        words = f"definition {key!r} has arguments that do not fit: {said}"
    problems.add(words, "definitions", key)
    return None


def _read_definition(key: str, arguments: Any) -> Any:
    if not isinstance(arguments, Mapping):
        raise SpecError(
            f"it must be a table such as {_EXAMPLES[key]}, or {{ published = ... }} for a "
            f"published one; got {arguments!r}"
        )
    if "published" in arguments:
        others = [k for k in arguments if k != "published"]
        if others:
            raise SpecError(
                f"a published definition stands as it is: remove {', '.join(map(repr, others))}, "
                "or write the rule out without `published`"
            )
        return definitions[str(arguments["published"])]
    if "is" in arguments:
        return definition_from_mapping(arguments)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    return _DEFINITIONS[key](**values)
