"""The ``[sites]`` table of a plan: hospitals that share summaries and no rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from trdstats.arguments import checked
from trdstats.errors import SpecError


@checked
@dataclass(frozen=True)
class Sites:
    """Which sites send summaries, and what may be in them.

    Attributes
    ----------
    names : tuple of str
        The sites; none for any.
    minimum : int
        Cells of fewer subjects do not leave a site.
    furthest : float
        Days by which a subject may stand on another day than its own, where days or courses with
        few subjects are joined; times and courses that would need more are withheld.
    levels : mapping of str to tuple
        Levels that categories of the mixed model have at all sites together, in order.
    """

    names: tuple[str, ...] = ()
    minimum: int = 5
    furthest: float = 28.0
    levels: dict[str, tuple[str | float | bool, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.minimum < 1:
            raise SpecError(f"minimum is a number of subjects of 1 or more; got {self.minimum}.")
        if not self.furthest >= 0:
            raise SpecError(f"furthest is a number of days of 0 or more; got {self.furthest}.")
        twice = sorted({n for n in self.names if self.names.count(n) > 1})
        for column, values in self.levels.items():
            if len(set(map(str, values))) < len(values):
                raise SpecError(f"levels: a level of {column!r} stands there twice.")
        if twice:
            raise SpecError(f"names: {', '.join(map(repr, twice))} stands there twice.")
