"""Total scores from answered forms, and data-quality findings on them."""

from trdstats.items.score import ScoredItems, score_items

__all__ = ["ScoredItems", "score_items"]
