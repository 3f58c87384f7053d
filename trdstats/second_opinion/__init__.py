"""Results recomputed through independent libraries on the data of the user."""

from trdstats.second_opinion.opinion import SecondOpinion
from trdstats.second_opinion.recompute import second_opinion
from trdstats.second_opinion.recomputed import Recomputed

__all__ = ["Recomputed", "SecondOpinion", "second_opinion"]
