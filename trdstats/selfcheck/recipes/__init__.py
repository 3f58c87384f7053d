"""How the packaged figures are computed here: one file a part of the library."""

from collections.abc import Callable, Mapping
from typing import Any

from trdstats.selfcheck.recipes import (
    comparison,
    curves,
    imputation,
    interval,
    mixed,
    outcomes,
    rates,
    regression,
    small,
)

Recipe = Callable[[Mapping[str, Any]], dict[str, float]]

RECIPES: dict[str, Recipe] = {
    name: function
    for module in (
        comparison, curves, imputation, interval, mixed, outcomes, rates, regression, small,
    )
    for name, function in module.RECIPES.items()
}  # fmt: skip

__all__ = ["RECIPES", "Recipe"]
