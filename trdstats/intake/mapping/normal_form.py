"""One way to keep a mapping, however it was written: text keys, tuples, scales by their label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trdstats.arguments import is_number
from trdstats.errors import TrdstatsError
from trdstats.kinds import label_of
from trdstats.scales import averaged_scales, get_scale, scale_names, wrong_averages


def normal_form(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of a mapping in their normal form, and what was wrong with scales.

    Two mappings that mean the same are equal afterwards, whether written in Python or in TOML,
    where keys are texts and sequences are lists.
    """
    values, faults = dict(given), list[str]()
    scales = _scales(given["scale"], faults)
    values["scale"] = tuple(scales)
    score = given["score"]
    if score is None and given["items"] is None:
        score = "score"
    averaged = given["averaged_over"]
    if averaged is not None:
        wrong = list(wrong_averages(scales, averaged))
        faults += [f"{words}." for words in wrong]
        known = averaged_scales(scales, None if wrong else averaged)
        steps = {s.label: round(get_scale(s.label).step / s.step) for s in known}
        values["averaged_over"] = {label: n for label, n in steps.items() if n > 1}
    values["score"] = _by_scale("score", score, scales, faults)
    values["items"] = _by_scale("items", given["items"], scales, faults)
    values["baseline"] = _by_scale("baseline", given["baseline"], scales[:1], faults, scales)
    values["visit_days"] = {str(k): _number(v) for k, v in given["visit_days"].items()}
    values["labels"] = {
        str(column): {label_of(code) or "": _plain(label) for code, label in known.items()}
        if isinstance(known, Mapping)
        else known
        for column, known in given["labels"].items()
    }
    missing = given["missing"]
    values["missing"] = (
        {str(c): _several(codes) for c, codes in missing.items()}
        if isinstance(missing, Mapping)
        else _several(missing)
    )
    covariates = given["covariates"]
    values["covariates"] = None if covariates is None else tuple(covariates)
    for name in ("event_dates", "event_days"):
        values[name] = dict(given[name])
    values["windows"] = _windows(given["windows"])
    return values, faults


def _scales(scale: Any, faults: list[str]) -> list[str]:
    lines: list[str] = []
    for name in [scale] if isinstance(scale, str) else list(scale):
        try:
            lines.append(get_scale(name).label)
        except TrdstatsError as error:
            faults.append(f"scale: {error}")
    if not lines and not faults:
        faults.append('scale must name at least one instrument, for example "MADRS".')
    if len(set(lines)) < len(lines):
        faults.append(f"scale names an instrument twice: {', '.join(lines)}.")
    return lines


def _by_scale(
    what: str, value: Any, scales: list[str], faults: list[str], known: list[str] | None = None
) -> dict[str, Any] | None:
    """Return a value for each scale: what is given once is that of all, or of the first."""
    if value is None:
        return None
    known = known or scales
    if not isinstance(value, Mapping) or not all(_is_scale(k) for k in value):
        kept = _plain(value)
        return dict.fromkeys(scales, kept)
    by_scale: dict[str, Any] = {}
    for name, one in value.items():
        label = get_scale(name).label
        if label not in known and known:
            faults.append(f"{what} names {label}, which is not among the scales.")
        by_scale[label] = _plain(one)
    return {s: by_scale[s] for s in known if s in by_scale}


def _is_scale(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    if name in scale_names():
        return True
    try:
        get_scale(name)
    except TrdstatsError:
        return False
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _number(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return tuple(value)
    return _number(value)


def _number(value: Any) -> Any:
    """Return whole numbers as int, so that 28 and 28.0 are written alike."""
    if is_number(value) and float(value).is_integer():
        return int(value)
    return value


def _several(values: Any) -> tuple[Any, ...]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        values = (values,)
    return tuple(_number(v) for v in values)


def _windows(windows: Any) -> Any:
    """Return windows with days as numbers and widths as numbers or tuples."""
    if isinstance(windows, Mapping):
        return {_day(k): _windows(v) for k, v in windows.items()}
    return _plain(windows) if not isinstance(windows, Mapping) else windows


def _day(key: Any) -> Any:
    try:
        return _number(float(key))
    except (TypeError, ValueError):
        return str(key)
