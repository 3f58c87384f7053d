"""The steps of a plan carried out: sections, figures, processes, and the time that is left."""

from trdstats.plan.carrying_out.analysis import analyse
from trdstats.plan.carrying_out.finish import Finished, finish_steps
from trdstats.plan.carrying_out.writing import write_table

__all__ = ["Finished", "analyse", "finish_steps", "write_table"]
