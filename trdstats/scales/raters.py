"""Scales whose totals are means of several raters, as a plan, a mapping or a command line says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trdstats.errors import TrdstatsError, nearest
from trdstats.scales.registry import get_scale
from trdstats.scales.scale import Scale


def averaged_scales(
    scale: str | Sequence[str], averaged_over: int | Mapping[str, int] | None = None
) -> list[Scale]:
    """Return scales by name, with totals that are means of raters where that is said.

    Parameters
    ----------
    scale : str or sequence of str
    averaged_over : int or dict of scale to int, optional
        Number of raters: of all scales, or by scale.

    Raises
    ------
    TrdstatsError
        When a scale is not known, or cannot be averaged.
    """
    scales = [get_scale(s) for s in _listed(scale)]
    raters = _by_label(averaged_over, [s.label for s in scales])
    return [s.averaged_over(raters[s.label]) if s.label in raters else s for s in scales]


def wrong_averages(scale: str | Sequence[str], averaged_over: object) -> Iterator[str]:
    """Yield what is wrong with the numbers of raters of scales that are known, in words."""
    try:
        labels = [get_scale(s).label for s in _listed(scale)]
    except (TrdstatsError, TypeError):
        return  # the scale is refused by itself
    if isinstance(averaged_over, Mapping):
        for name in averaged_over:
            try:
                known = get_scale(name).label in labels
            except TrdstatsError:
                known = False
            if not known:
                close = nearest(str(name), labels, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"scales: {', '.join(labels)}"
                yield f"averaged_over names {name!r}, which is no scale here; {hint}"
    for label, raters in _by_label(averaged_over, labels).items():
        try:
            get_scale(label).averaged_over(raters)
        except TrdstatsError as error:
            yield f"averaged_over of {label}: {str(error).rstrip('.')}"


def _listed(scale: str | Sequence[str]) -> Sequence[str]:
    return [scale] if isinstance(scale, str) else list(scale)


def _by_label(averaged_over: object, labels: Sequence[str]) -> dict[str, Any]:
    """Return the number of raters by the label of the scale; of names that are no scale none."""
    if averaged_over is None:
        return {}
    if not isinstance(averaged_over, Mapping):
        return dict.fromkeys(labels, averaged_over)
    by_label = {}
    for name, raters in averaged_over.items():
        try:
            label = get_scale(name).label
        except TrdstatsError:
            continue
        if label in labels:
            by_label[label] = raters
    return by_label
