"""Work on this process and others beside it: results in order, faults and killed workers named."""

import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest

import trdstats as trd
from trdstats import parallel
from trdstats.errors import DataWarning, SpecError, TrdstatsError
from trdstats.parallel import run_beside, workers_loading
from trdstats.plan.carrying_out.analysis import prepare
from trdstats.tables.number_style import current_style

PLAN = """
title = "Two steps"
steps = ["participants", "rates"]

[study]
sample = "trial"

[definitions]
response = { reduction = 0.5 }
relapse = { at_least = 22 }

[analysis]
acute_end = 28
rate_days = [14, 28]
horizon = 28
"""


def slow_square(number: int, where: str) -> tuple[int, int]:
    time.sleep(0.05)
    Path(where, str(number)).touch()
    return number**2, os.getpid()


def fail_at_two(number: int) -> int:
    if number == 2:
        raise IndexError("there is no second one")
    return number


def kill_elsewhere(here: int) -> int:
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1.0)  # the other process begins meanwhile
    return 0


def test_results_come_in_order_and_both_processes_work(tmp_path: Path) -> None:
    begun: list[int] = []
    done = run_beside(slow_square, [(k, str(tmp_path)) for k in range(40)], 2, begun.append)
    assert [square for square, _ in done] == [k**2 for k in range(40)]
    assert sorted(begun) == list(range(40))
    assert sorted(int(p.name) for p in tmp_path.iterdir()) == list(range(40))  # each once
    assert len({process for _, process in done}) == 2


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_fault_of_the_work_is_raised_wherever_it_happens(n_jobs: int) -> None:
    with pytest.raises(IndexError, match="there is no second one"):
        run_beside(fail_at_two, [(k,) for k in range(6)], n_jobs, lambda k: None)


def note_and_grow(shared: dict[int, str], key: int) -> int:
    """Change what all arguments hold while others of them travel."""
    for k in range(20_000):
        shared[key * 100_000 + k] = "x"
    return len(shared)


def test_work_may_change_what_the_arguments_hold() -> None:
    """A dictionary that grew while a thread pickled it broke some runs."""
    shared: dict[int, str] = {}
    sizes = run_beside(note_and_grow, [(shared, k) for k in range(30)], 2, lambda k: None)
    assert all(size % 20_000 == 0 for size in sizes)
    # Each process has one dictionary for all its work.
    assert max(sizes) > 20_000


def test_a_killed_worker_is_named_with_the_remedy() -> None:
    with pytest.raises(TrdstatsError, match=r"A worker process ended .* fewer workers \(n_jobs=1"):
        run_beside(kill_elsewhere, [(os.getpid(),)] * 4, 2, lambda k: None)
    assert run_beside(fail_at_two, [(1,), (3,)], 2, lambda k: None) == [1, 3]  # a new one started


def seen_by(_: int) -> tuple[int, bool]:
    time.sleep(0.1)
    return os.getpid(), "this" in sys.modules


def test_fewer_pieces_of_work_than_processes_take_those_that_wait() -> None:
    """Processes that had loaded what the work needs were left for others that had not."""
    with workers_loading("this", 3):
        pass
    waiting = parallel._beside[0]
    seen = dict(run_beside(seen_by, [(0,), (1,)], 3, lambda k: None))
    assert parallel._beside == [waiting]
    assert waiting[0] == 2
    assert len(seen) == 2
    seen.pop(os.getpid())
    assert all(seen.values())


@pytest.mark.parametrize("steps", ['["participants", "rates"]', '["participants"]'])
def test_no_workers_is_refused(steps: str, tmp_path: Path) -> None:
    text = PLAN.replace('["participants", "rates"]', steps)
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    with pytest.raises(SpecError, match="n_jobs must be a number of workers, or -1"):
        trd.run_plan(trd.read_plan(tmp_path / "plan.toml"), tmp_path / "out", n_jobs=0)
    assert not (tmp_path / "out").exists()


def test_warnings_of_another_process_are_given_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trdstats.plan.carrying_out import finish

    def finish_with_a_warning(step: object, task: object, folder: Path) -> finish.Finished:
        warnings.warn("a caution of the data", DataWarning, stacklevel=1)
        return real(step, task, folder)  # type: ignore[arg-type]

    real = finish._finish
    monkeypatch.setattr(finish, "_finish", finish_with_a_warning)
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    with pytest.warns(DataWarning, match="a caution of the data"):
        trd.run_plan(trd.read_plan(tmp_path / "plan.toml"), tmp_path / "out", n_jobs=2)
    # What a process sends back holds them, too, and no code that drew its figures.
    plan = trd.read_plan(tmp_path / "plan.toml")
    step, task = prepare(plan, trd.load_sample("trial"))[0]
    (tmp_path / "tables").mkdir()
    done = finish._finish_noting(step, task, tmp_path, current_style())
    sent = pickle.loads(pickle.dumps(done))
    assert [str(message) for message, *_ in sent.warned] == ["a caution of the data"]
    assert sent.figures == done.figures
    assert all(path.exists() for files in done.figures.values() for path in files)


def test_the_progress_names_every_step_once(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    plan, said = trd.read_plan(tmp_path / "plan.toml"), []
    trd.run_plan(plan, tmp_path / "out", n_jobs=2, tell=said.append)
    assert said[0] == "reading and checking the study"
    assert said[-1] == "report"
    assert sorted(said[1:-1]) == ["participants and definitions", "rates at scheduled days"]
