"""Studies whose visits stand in the partitions of a dask DataFrame."""

from trdstats.study.divided.divided_study import DividedStudy

__all__ = ["DividedStudy"]
