"""Results of published trials, each figure with its source and its certainty."""

from trdstats.evidence.published import Published, published_figures

__all__ = ["Published", "published_figures"]
