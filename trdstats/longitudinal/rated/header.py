"""What the summaries of models of rated outcomes say of model and data."""

from __future__ import annotations

from collections.abc import Mapping

from trdstats.longitudinal.designs.rated_outcome import RatedDesign

Lines = tuple[tuple[str, str], ...]


def model_lines(formula: str, design: RatedDesign, words: Mapping[str, str]) -> Lines:
    """Return formula, outcome and family as header lines.

    Parameters
    ----------
    formula : str
    design : RatedDesign
    words : mapping
        Header of the specification.
    """
    return (
        ("Formula", formula),
        *design.spec.header(),
        *([("Outcome", design.definition)] if design.definition else []),
        ("Family", words["Family"]),
        *([("Categories", ", ".join(map(str, design.categories)))] if design.categories else []),
    )


def data_lines(design: RatedDesign) -> Lines:
    """Return the subjects, ratings and visits that were analysed as header lines."""
    left = "; ".join(f"{n:,} {reason}" for reason, n in design.left_out.items())
    order = ", ".join(map(str, design.visits))
    return (
        ("Subjects", f"{len(design.subjects):,}{design.not_analysed}"),
        ("Ratings", f"{design.n_obs:,}" + (f" ({left} left out)" if left else "")),
        *([("Order of visits", order)] if design.order_from_text else []),
    )
