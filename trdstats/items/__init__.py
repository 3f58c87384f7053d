"""Answered forms into totals, and what looks wrong with them."""

from trdstats.items.score import ScoredItems, score_items

__all__ = ["ScoredItems", "score_items"]
