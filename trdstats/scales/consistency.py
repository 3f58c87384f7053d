"""What does not fit together in the description of a scale."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trdstats.scales.scale import Scale


def find_problems(scale: Scale) -> list[str]:
    """Return everything that does not fit together, a clause each."""
    low, high = scale.total
    problems = list(scale.scoring.problems(len(scale.item_maxima)))
    if low >= high:
        problems.append(f"total must run from low to high, not {low} to {high}")
    if scale.direction not in ("higher is worse", "higher is better"):
        problems.append(
            f"direction must be 'higher is worse' or 'higher is better', not {scale.direction!r}"
        )
    if low < high:
        problems += _step_problems(scale)
    numbers = set(range(1, len(scale.item_maxima) + 1))
    if any(ends != int(ends) for ends in (scale.item_minimum, *scale.item_maxima)):
        problems.append("item_minimum and item_maxima must be whole numbers")
    if scale.domains:
        named = [i for d in scale.domains for i in d]
        if sorted(named) != sorted(numbers):
            problems.append("domains must name every item once")
        else:
            top = sum(max(scale.item_maxima[i - 1] for i in d) for d in scale.domains)
            if top != high:
                problems.append(f"the domain maxima sum to {top}, not {high}")
    elif scale.item_maxima and sum(scale.item_maxima) != high:
        problems.append(f"the item maxima sum to {sum(scale.item_maxima)}, not {high}")
    for s in scale.schemes:
        edges = [(a, b) for _, a, b in s.bands]
        if any(a > b for a, b in edges) or any(b >= c for (_, b), (c, _) in pairwise(edges)):
            problems.append(f"the bands of {s.scheme!r} overlap or run backwards")
        elif edges and (edges[0][0] < low or edges[-1][1] > high):
            problems.append(f"the bands of {s.scheme!r} leave the range {low} to {high}")
    defaults = [c for c in scale.remission if c.default]
    if len(defaults) > 1:
        problems.append("only one remission cut-off can be the default")
    problems += [
        f"the default remission cut-off {c.total} rests on a source with doubt"
        for c in defaults
        if c.source.certainty == "M?"
    ]
    side, other = ("at_least", "at_most") if scale.high_is_good else ("at_most", "at_least")
    for c in scale.remission:
        if (c.at_most is None) == (c.at_least is None) or getattr(c, side) is None:
            problems.append(
                f"with {scale.direction!r} a remission cut-off has {side!r}, and not {other!r}"
            )
        elif not low <= c.total <= high or c.total == scale.worst:
            problems.append(f"the remission cut-off {c.total} lies outside {low} to {high}")
    return problems


def _step_problems(scale: Scale) -> list[str]:
    step = scale.step
    if isinstance(step, bool) or not isinstance(step, int | float) or not step > 0:
        return [f"step must be a positive number of points, not {step!r}"]
    # Up to here comparisons are exact: see kernels/visits/endpoints.py.
    exact = Fraction(step).limit_denominator(10)
    if abs(float(exact) - step) > 1e-9:
        return [f"step must be a whole number of points, or of halves to tenths, not {step!r}"]
    if (scale.maximum - scale.floor) % exact:
        return [f"steps of {step:g} do not lead from {scale.floor} to {scale.maximum}"]
    return []
