"""What every estimator shares once it has its estimates: adjustment for several at once."""

from trdstats.estimates.multiplicity import SingleStep, adjust_single_step

__all__ = ["SingleStep", "adjust_single_step"]
