"""The bias table holds every number that a designer must set."""

import csv
import io

import numpy as np
import pytest

from circuits.data.scaling import Scaling
from circuits.measures.bias import bias_csv, bias_groups, bias_table, groups_csv
from circuits.networks.continuous import network_circuit
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from conductance.stimulus import Stimulus

GENERIC = technology("generic_180nm")
NEURON = mtc(filter_limit=1.0).with_values(alpha_s_minus=1.25, delta_s_minus=-0.8)


def circuit(scaling: Scaling):
    built = realise(NEURON, "transistor", technology=GENERIC, scaling=scaling)
    return neuron_circuit(NEURON, Stimulus.constant(-1.0), scaling=scaling, realisation=built)


def test_biases_are_the_parameters_in_si_units():
    """alpha I0 as the bias current of its amplifier, delta V0 as a reference, tau C0 as a capacitor."""
    scaling = GENERIC.scaling(current_unit=2e-9, capacitance=3e-12)
    rows = {row.path: row for row in bias_table(circuit(scaling))}
    assert rows["xn.x_um_s_minus.b_bias"].current == pytest.approx(1.25 * 2e-9)
    assert any(
        row.voltage == pytest.approx(-0.8 * scaling.voltage_unit) for row in rows.values() if row.voltage
    )
    assert rows["xn.c_us"].capacitance == pytest.approx(20 * 3e-12)
    assert rows["v_vdd"].voltage == pytest.approx(0.9)
    assert rows["xn.r_out"].resistance == pytest.approx(scaling.voltage_unit / 2e-9)


def test_every_transistor_has_its_size():
    """Ten transistors for an element, five and a diode for a filter, all as wide as the technology's rule says."""
    scaling = GENERIC.scaling()
    rows = [row for row in bias_table(circuit(scaling)) if row.kind == "Mosfet"]
    of = lambda part: [row for row in rows if row.path.startswith(f"xn.{part}.")]  # noqa: E731
    assert len(of("x_um_f_minus")) == 10
    assert len(of("x_us_filter")) == 6
    for row in rows:
        polarity = "nmos" if row.model == "nch" else "pmos"
        assert row.length == GENERIC.transistor(polarity).length
        # the output mirror is of unit transistors, four in parallel
        assert row.number * row.width == pytest.approx(GENERIC.width(polarity, 2e-9), rel=0.02)


def test_groups_are_the_values_that_a_generator_makes():
    """A neuron's currents and references, each different one once with how many devices have it; supplies are none."""
    built = circuit(GENERIC.scaling())
    groups = {(group.unit, group.value): group.number for group in bias_groups(built)}
    rows = [
        row
        for row in bias_table(built)
        if row.current or (row.voltage and row.path not in ("v_vdd", "v_vss"))
    ]
    assert sum(groups.values()) == len(rows) > len(groups)
    assert groups["A", 1.25e-9] == 1
    assert any(unit == "V" and value == pytest.approx(-0.8 * 0.0693) for unit, value in groups)
    assert groups_csv(built).splitlines()[0] == "value,unit,number"
    assert len(groups_csv(built).splitlines()) == len(groups) + 1


def test_csv_has_units_and_all_rows():
    """The header names units; a reader of CSV gets back the same numbers."""
    built = circuit(GENERIC.scaling())
    read = list(csv.DictReader(io.StringIO(bias_csv(built))))
    rows = bias_table(built)
    assert len(read) == len(rows)
    for line, row in zip(read, rows, strict=True):
        assert line["path"] == row.path
        for name in line.keys() - {"path", "kind", "model", "note"}:
            value = getattr(row, name.split("_")[0])
            assert line[name] == "" if value is None else float(line[name]) == value


def test_ideal_transconductances_are_rows():
    """A weight or a linear filter that no transistor makes stands in the table with its transconductance."""
    built = neuron_circuit(mtc(), Stimulus.constant(0.0), scaling=Scaling())
    found = {row.path: row.transconductance for row in bias_table(built)}
    assert found["xn.g_us_filter"] == pytest.approx(Scaling().conductance_unit)


def test_every_ideal_part_of_a_network_is_a_row():
    """All devices but the inputs: the readout's filter with its output among them, which states a law of voltages."""
    layers = {
        "input": Projection(1, 2),
        "hidden": NeuronLayer(NEURON, 2, dt=0.1),
        "readout": Projection(2, 1),
        "filter": NeuronLayer(low_pass(), 1, dt=0.1),
    }
    built = network_circuit(
        Network(layers), np.zeros((3, 1)), dt=0.1, scaling=GENERIC.scaling(), levels="transistor",
        technology=GENERIC,
    ).circuit  # fmt: skip
    rows = {row.path: row for row in bias_table(built)}
    assert set(_devices(built)) - set(rows) == {"v_x0"}
    output = rows["xfilter_0.b_out"]
    assert (output.kind, output.voltage) == ("BehaviouralVoltage", None)


def _devices(built, scope=None, prefix=""):
    """Paths of all devices, found without the table."""
    for device in (scope or built).devices:
        if hasattr(device, "subcircuit"):
            yield from _devices(built, built.subcircuit(device.subcircuit), f"{prefix}{device.name}.")
        else:
            yield f"{prefix}{device.name}"
