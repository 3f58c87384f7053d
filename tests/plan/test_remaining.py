"""The remaining time that a run shows."""

import pytest

from trdstats import read_plan
from trdstats.plan.carrying_out.remaining import Remaining


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_shares_rise_to_the_report_and_the_rest_follows_from_them(n_jobs: int) -> None:
    plan = read_plan()
    remaining = Remaining(plan, n_jobs)
    assert remaining.words(0.0) == ""
    shares = []
    for _ in range(len(plan.steps) + 2):  # the study, the steps, the report
        remaining.begin()
        shares.append(remaining.done)
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert 0.5 < shares[-1] < 1.0
    left = 30 / shares[-1] * (1 - shares[-1])
    assert remaining.words(30.0) == f"about {left:.0f} s left"
    assert remaining.words(3000.0).endswith("min left")
    remaining.begin()  # a part more than was planned changes nothing
    assert remaining.done == shares[-1]


def test_what_another_process_has_begun_does_not_count_as_done() -> None:
    plan = read_plan()
    remaining = Remaining(plan, 2)
    remaining.begin()  # the study
    remaining.begin()  # the longest step, in one process
    remaining.begin()  # the next one, beside it
    assert remaining.done < 0.05
