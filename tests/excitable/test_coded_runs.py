"""Runs whose weights have bits: trained, begun from another run, exported; and what does not fit is refused."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from test_config import SMALL

from conductance.layers import Code
from conductance.networks.grouping import values_of
from conductance.storage import load_network
from excitable.config import ConfigurationError, parse_configuration
from excitable.config.overrides import with_values
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun, train_run
from excitable.runs.stages.series import compare_run, simulate_run


def begin(path: Path, text: str = SMALL) -> AbstractContextManager[SeriesRun]:
    return SeriesRun.begun(path, text, source="small")


def test_a_run_is_trained_with_its_bits(tmp_path):
    """The kept network has codes, its weights are whole numbers of the unit, and other bits do not fit the run."""
    with begin(tmp_path / "run", with_values(SMALL, ["network.bits=4"], source="small")) as run:
        trained = train_run(run)
    readout = load_network(run.path).chain["readout"]
    assert readout.code == trained.network.chain["readout"].code == Code(bits=4)
    whole = readout.weights() / readout.code.unit(readout.weight)
    assert (whole - whole.round()).abs().max() < 1e-5 and whole.abs().max() <= 7
    text = (run.path / "config.toml").read_text("utf-8")
    (run.path / "config.toml").write_text(text.replace("bits = 4", "bits = 5"), encoding="utf-8")
    with pytest.raises(RunError, match=r"bits: 4 -> 5"):
        SeriesRun(run.path).network()


def test_a_trained_run_is_rounded(tmp_path):
    """`--from` with nothing to train gives the other run's weights to the codes: rounding after training."""
    with begin(tmp_path / "first") as first:
        theirs = train_run(first).network.chain["readout"]
    text = with_values(SMALL, ["network.bits=3", "training.trained=none"], source="small")
    with begin(tmp_path / "rounded", text) as run:
        own = train_run(run, begin=first.path).network.chain["readout"]
    assert (own.weight == theirs.weight).all() and own.weights().unique().numel() <= 7
    assert (own.weights() - theirs.weight).abs().max() > 0


def test_a_run_shares_its_bias_values(tmp_path):
    """The kept network has at most so many values, the one before is kept beside, and the ladder has a line of both."""
    text = with_values(SMALL, ["network.bias_values=[3, 4]", "simulation.samples=30"], source="small")
    with begin(tmp_path / "run", text) as run:
        trained = train_run(run)
        simulate_run(run)
        line = compare_run(run).grouping
    shared, before = values_of(run.network()), values_of(run.ungrouped())
    assert len(shared.currents) <= 3 < len(before.currents) and len(shared.references) <= 4 < len(
        before.references
    )
    assert (line.currents, line.references) == (len(shared.currents), len(shared.references))
    assert line.before != line.after
    assert any(remark.startswith("grouped into") for remark in trained.remarks)
    with pytest.raises(ConfigurationError, match=r"network\.bias_values"):
        parse_configuration(
            with_values(SMALL, ["network.bias_values=[1, 4]"], source="small"), source="small"
        )


@pytest.mark.parametrize("bits", [1, 13, 2.5, '"six"'])
def test_bits_out_of_range_are_refused(bits):
    """In the words of the configuration."""
    with pytest.raises(ConfigurationError, match=r"network\.bits"):
        parse_configuration(with_values(SMALL, [f"network.bits={bits}"], source="small"), source="small")
