"""Many runs: resumable, failures lose nothing."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from excitable.trials import TrialError, processes, run_trials


def squared(number):
    """The work of a trial; three is not liked."""
    if number == 3:
        raise ValueError("three")
    return {"square": number**2}


def run(folder, numbers, work=squared):
    """Run trials named by their number in threads of this process."""
    with ThreadPoolExecutor(2) as executor:
        return run_trials({f"n{n}": n for n in numbers}, work, folder=folder, executor=executor)


def test_results_are_kept_and_only_the_missing_ones_run(tmp_path):
    """The second call works on what is new, and gives all."""
    assert run(tmp_path, [1, 2]) == {"n1": {"square": 1}, "n2": {"square": 4}}
    seen = []

    def noting(number):
        seen.append(number)
        return squared(number)

    found = run(tmp_path, [1, 2, 4], noting)
    assert seen == [4] and found["n4"] == {"square": 16} and found["n1"] == {"square": 1}


def test_a_failure_stops_no_other_and_is_named(tmp_path):
    """All others are stored; the error names the run and its reason."""
    with pytest.raises(TrialError, match=r"1 of 3 runs failed.*\n.*n3: ValueError: three"):
        run(tmp_path, [1, 3, 5])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n1.json", "n5.json"]


def test_a_damaged_result_is_named(tmp_path):
    """It is not silently repeated: it may be somebody's file."""
    (tmp_path / "n1.json").write_text('{"square": ')
    with pytest.raises(TrialError, match=r"n1\.json.*delete the file"):
        run(tmp_path, [1])


def test_a_result_that_is_no_json_is_that_trials_failure(tmp_path):
    """NaN in one result: it is named, and the others are kept."""

    def work(number):
        return {"value": float("nan") if number == 2 else number}

    with pytest.raises(TrialError, match=r"1 of 3 runs failed.*\n.*n2: its result is no JSON"):
        run(tmp_path, [1, 2, 3], work)
    assert {path.name for path in tmp_path.glob("*.json")} == {"n1.json", "n3.json"}


def fallen(number):
    """A trial that ends its process at three."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return squared(number)


def test_a_killed_process_is_told_and_what_was_done_before_is_kept(tmp_path):
    """The operating system ends a worker: a failure by name, and the next call has only what is missing to do."""
    with processes(1) as pool, pytest.raises(TrialError, match="n3: BrokenProcessPool"):
        run_trials({f"n{n}": n for n in (1, 3, 5)}, fallen, folder=tmp_path, executor=pool)
    assert (tmp_path / "n1.json").is_file()
    assert run(tmp_path, [1, 2, 5])["n5"] == {"square": 25}
