"""The picture of fitted curves, one a treatment, as several steps show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trdstats import plots
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture


def curve_picture(
    plan: Plan, key: str, caption: str, curves: Any, treatments: Sequence[str], *, alt: str = ""
) -> Picture:
    """Return the picture of curves, with a line below them for each treatment.

    Parameters
    ----------
    plan : Plan
    key, caption, alt : str
        As in `Picture`.
    curves : result
        Its ``plot`` takes an Axes, styles of treatments and the scale of time.
    treatments : sequence of str
    """

    def draw(figure: Any) -> None:
        curves.plot(
            figure.add_subplot(),
            styles=plots.treatment_styles(treatments),
            time_scale=plan.time_scale,
        )

    return Picture(key, caption, draw, (9.0, 4.6 + 0.24 * len(treatments)), alt=alt)
