"""The numbers of a run as data: written, read back, compared, explained."""

from trdstats.plan.results.changes import compare_results
from trdstats.plan.results.explain import Explanation, explain_result
from trdstats.plan.results.rows import (
    RESULTS,
    plan_rows,
    read_results,
    result_rows,
    write_results,
)
from trdstats.plan.results.verify import RunDifference, diff_runs, verify_run

__all__ = [
    "RESULTS",
    "Explanation",
    "RunDifference",
    "compare_results",
    "diff_runs",
    "explain_result",
    "plan_rows",
    "read_results",
    "result_rows",
    "verify_run",
    "write_results",
]
