"""One comparison under every declared definition and rule, with joint inference."""

from trdstats.multiverse.estimates import Estimate, Universe
from trdstats.multiverse.multiverse import multiverse
from trdstats.multiverse.result import Multiverse

__all__ = ["Estimate", "Multiverse", "Universe", "multiverse"]
