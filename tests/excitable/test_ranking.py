"""Which transistor hurts most: shares of the output's variance, against drawn chips."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from circuits.mismatch.chips import DeviceMismatch
from circuits.mismatch.circuit import sized_devices
from circuits.mismatch.draws import CURRENT, THRESHOLD
from circuits.mismatch.ranking import ranked, spreads_of, total_error
from circuits.mismatch.rows import Number, Row
from circuits.mismatch.sensitivities import Effect, Sensitivities
from circuits.mismatch.sizing import chosen_areas, role_areas, total
from circuits.technologies import technology
from circuits.technologies.sizing import RoleSize
from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc
from excitable.mismatch.ranking import drawn_errors, output_slopes, predictor, ranking
from excitable.mismatch.run import Ranking, ranking_csv

GENERIC = technology("generic_180nm")
DT = 0.2


def fine(kind):
    """The same transistor with a fifth of its spread."""
    numbers = {"pelgrom_threshold": kind.pelgrom_threshold / 5, "pelgrom_current": kind.pelgrom_current / 5}
    return kind.model_copy(update=numbers)


FINE = GENERIC.model_copy(update={name: fine(getattr(GENERIC, name)) for name in ("nmos", "pmos")})
TURNED = {
    "m_1_0": {THRESHOLD: Effect(gain=27.0), CURRENT: Effect(gain=1.0)},
    "m_fold": {THRESHOLD: Effect(gain=28.0), CURRENT: Effect(gain=-1.0)},
    "m_sink": {THRESHOLD: Effect(gain=-28.0), CURRENT: Effect(gain=1.0)},
}
PAIR = {
    "m_tail": {THRESHOLD: Effect(gain=-27.5), CURRENT: Effect(gain=1.0)},
    "m_plus": {THRESHOLD: Effect(offset=14.7), CURRENT: Effect(offset=-0.5)},
    "m_left": {THRESHOLD: Effect(gain=-13.0, constant=-13.0), CURRENT: Effect(gain=-0.5, constant=-0.5)},
}
KNOWN = Sensitivities(
    cells={"ota10": PAIR, "ota5": PAIR},
    output={"m_take": {THRESHOLD: Effect(gain=-40.0, offset=-6.0), CURRENT: Effect(gain=1.5)}},
    synapses={"synapse_excitatory": {"m_1_0": TURNED["m_1_0"]}, "synapse_inhibitory": TURNED},
)


def network():
    """Neurons that follow their input without a spike: what mismatch does is nearly linear."""
    chain = Network(
        {
            "input": Projection(1, 3),
            "hidden": NeuronLayer(mtc([tanh("fast", -0.5)], filter_limit=1.0), 3, dt=DT),
            "readout": Projection(3, 1),
        }
    )
    with torch.no_grad():
        chain.chain["input"].bias.copy_(torch.tensor([0.2, 0.3, 0.1]))
        chain.chain["readout"].weight.copy_(torch.tensor([[1.0, -0.6, 0.3]]))
    return chain.double()


@pytest.mark.slow
def test_shares_are_those_of_drawn_chips():
    """All devices, and each of the worst three alone: sigma of 60 chips within 30 % of what sensitivities say."""
    net = network()
    mismatch = DeviceMismatch.of(net, FINE, FINE.scaling(), KNOWN)
    predict = predictor(0.1 * np.sin(np.arange(60) * DT / 5)[:, None], first=20)
    table = ranking(net, mismatch, predict)
    assert [one.error for one in table] == sorted((one.error for one in table), reverse=True)
    assert sum(one.share for one in table) == pytest.approx(1.0)
    drawn = drawn_errors(net, mismatch, predict, range(60))
    assert drawn.shape == (60, 40, 1)
    assert np.sqrt((drawn**2).mean()) == pytest.approx(total_error(table), rel=0.3)
    for one in table[:3]:
        alone = drawn_errors(
            net, mismatch, predict, range(60), of=lambda row, one=one: (row.part, row.device) == (one.part, one.device)
        )  # fmt: skip
        assert np.sqrt((alone**2).mean()) == pytest.approx(one.error, rel=0.3)


def test_chosen_areas_do_what_they_promise():
    """Drawn with the factors that were chosen, the network has the predicted error, less than all alike would."""
    net, predict = network(), predictor(0.1 * np.sin(np.arange(40) * DT / 5)[:, None], first=20)
    before = ranking(net, DeviceMismatch.of(net, FINE, FINE.scaling(), KNOWN), predict)
    chosen = chosen_areas(role_areas(before), 1.5)
    roles = {one.role: RoleSize(area=one.factor) for one in chosen}
    redrawn = FINE.model_copy(update={"sizing": FINE.sizing.model_copy(update={"roles": roles})})
    after = ranking(net, DeviceMismatch.of(net, redrawn, FINE.scaling(), KNOWN), predict)
    rest = float(np.hypot.reduce([one.error for one in before if not one.role]))
    assert total_error(after) == pytest.approx(total(chosen, rest), rel=0.02)
    assert total_error(after) < 0.98 * total_error(before) / 1.5**0.5
    areas = [sum(one.area for one in table if one.role) for table in (before, after)]
    assert areas[1] == pytest.approx(1.5 * areas[0], rel=0.02)


def test_variances_add_and_areas_are_those_of_the_gates():
    """Two devices of one number: 3 and 4 make 5; a row of two numbers moves the output by both at once."""
    net = network()
    circuit = DeviceMismatch.of(net, FINE, FINE.scaling(), KNOWN).circuit
    sized = sized_devices(circuit, FINE)
    paths = [f"xhidden_0.x_um_f_minus.{name}" for name in ("m_tail", "m_plus")]
    first, second = (
        Number(layer="hidden", field="output", index=(0,)),
        Number(layer="hidden", field="output", index=(1,)),
    )
    spread = sized[paths[0]].spreads[THRESHOLD]
    rows = (
        Row(path=paths[0], device="a", part="p", kind=THRESHOLD, moves={first: 3 / spread}),
        Row(
            path=paths[1], device="b", part="p", kind=THRESHOLD, moves={first: 2 / spread, second: 1 / spread}
        ),
    )
    slopes = {first: np.ones((4, 1)), second: 2 * np.ones((4, 1))}
    table = ranked(rows, sized, slopes)
    assert [(one.device, round(one.error, 9)) for one in table] == [("b", 4.0), ("a", 3.0)]
    assert total_error(table) == pytest.approx(5.0)
    assert spreads_of(rows, sized)[first] == pytest.approx(13**0.5)
    device = next(d for d in circuit.subcircuit("ota10").devices if d.name == "m_tail")
    assert table[1].area == pytest.approx(device.width * device.length)


def test_slopes_are_differences_over_a_spread():
    """The output of a readout weight's logarithm, w s, against the difference over that spread."""
    net = network()
    number = Number(layer="readout", field="weight", index=(0, 1))
    predict = predictor(np.zeros((60, 1)))
    slope = output_slopes(net, {number: 0.05}, predict)[number]
    with torch.no_grad():
        net.chain["readout"].weight[0, 1] *= np.e**0.05
        up = predict(net)
        net.chain["readout"].weight[0, 1] *= np.e**-0.1
        down = predict(net)
    np.testing.assert_allclose(slope, (up - down) / 0.1, atol=1e-9)


def test_the_file_has_every_device():
    """A header with units, a row for each, and the sums of the parts."""
    one = ranked((), {}, {})
    assert one == ()
    mismatch = DeviceMismatch.of(network(), FINE, FINE.scaling(), KNOWN)
    table = ranking(network(), mismatch, predictor(np.zeros((5, 1))))
    found = Ranking(technology="t", table=table, total=total_error(table), signal=0.1, samples=5)
    read = list(csv.DictReader(io.StringIO(ranking_csv(found))))
    assert len(read) == len(table) and float(read[0]["area_m2"]) == table[0].area
    assert sum(share for share, _ in found.parts.values()) == pytest.approx(1.0)
    assert not found.far and not replace(found, drawn=found.total).far
    assert replace(found, drawn=2 * found.total + 1e-9).far and replace(found, drawn=found.total / 2).far
