"""Verilog-A modules: what they say, what they refuse, and that the compiler takes them."""

import math
import re
import subprocess

import numpy as np
import pytest
import sympy
from netlist_examples import SCALED, TAU, V0, mtc_circuit, mtc_subcircuit

from circuits.data.circuit import (
    BehaviouralCurrent,
    Capacitor,
    Circuit,
    Instance,
    Mosfet,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Transconductance,
    voltage,
)
from circuits.data.models import ModelCard
from netlists.analyses import OperatingPoint, Transient
from netlists.errors import NetlistError
from netlists.vacask.simulator import find, find_compiler
from netlists.verilog_a.compiler import compiled
from netlists.verilog_a.expressions import print_expression
from netlists.verilog_a.loose import with_modules
from netlists.verilog_a.module import behavioural_part
from netlists.waveforms.raw import read_raw
from netlists.writing import write_netlist

ANALYSIS = Transient(stop=1e-3, max_step=1e-6)


def text_of(circuit: Circuit) -> str:
    """The file of modules."""
    written = write_netlist(circuit, ANALYSIS, SCALED, dialect="verilog-a")
    return written.files[written.bench]


def one(**changes) -> Circuit:
    """A circuit of one instance of a small subcircuit, with something changed in that."""
    plain = {
        "name": "part",
        "pins": (Pin(name="a", meaning="entry"),),
        "parameters": (Param(name="g", value=1e-9, unit="S", meaning="conductance", lower=0.0),),
        "devices": (
            Capacitor(name="c", positive="a", negative="0", capacitance=1e-12),
            BehaviouralCurrent(name="b", source="a", sink="0", current=sympy.Symbol("g") * voltage("a")),
        ),
        "initial": {"a": 0.1},
    }
    made = Subcircuit(**(plain | changes))
    connections = {pin.name: f"n{k}" for k, pin in enumerate(made.pins)}
    return Circuit(
        name="top",
        subcircuits=(made,),
        devices=(
            Instance(name="x", subcircuit=made.name, connections=connections),
            *(Resistor(name=f"r{n}", positive=n, negative="0", resistance=1e9) for n in connections.values()),
        ),
        probes=("n0",),
    )  # fmt: skip


def test_a_module_says_its_pins_parameters_units_ranges_and_charges():
    """A reader finds pins in order, each parameter with unit, meaning, default and range, and `ddt` of charges."""
    text = text_of(one())
    assert "module part(a);" in text
    assert "inout a;  // entry" in text
    assert '(* type="instance", units="S", desc="conductance" *)' in text
    assert "parameter real g = 1e-09 from [0.0:inf);" in text
    assert "I(a) <+ ddt((1e-12)*V(a));" in text
    assert "I(a) <+ g*V(a);" in text


def test_bounds_of_a_declaration_reach_the_range():
    """Open and closed, finite and infinite ends are told apart."""
    ranges = {
        "(0.0:inf)": {"lower": 0.0, "lower_open": True},
        "[0.0:1.0]": {"lower": 0.0, "upper": 1.0},
        "[0.0:1.0)": {"lower": 0.0, "upper": 1.0, "upper_open": True},
        "(-inf:inf)": {},
    }
    for expected, bounds in ranges.items():
        text = text_of(one(parameters=(Param(name="g", value=0.5, **bounds),)))
        assert f"parameter real g = 0.5 from {expected};" in text


def test_every_number_is_a_real():
    """Integers would divide as such: 1/4 is 0 in Verilog-A."""
    x = voltage("a")
    for expression in (
        x / 4,
        x**2 * sympy.Rational(3, 7),
        2 - x,
        sympy.Max(0, x),
        sympy.Integer(10) ** 12 * x,
    ):
        text = print_expression(expression)
        assert not re.search(r"(?<![\w.])\d+(?![\w.])", text.replace("e+", "e").replace("e-", "e")), text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": (Param(name="g", value=1.0), Param(name="real", value=1.0))}, "parameter real"),
        ({"pins": (Pin(name="a"), Pin(name="input"))}, "node input"),
        ({"name": "module"}, "module module"),
        ({"parameters": (Param(name="g", value=1.0), Param(name="a", value=1.0))}, "parameter a has the name of"),
    ],
)  # fmt: skip
def test_names_that_verilog_a_keeps_are_refused_with_the_object(changes, message):
    """A keyword, or one name for two things, is one error that names circuit and object and says to rename it."""
    with pytest.raises(NetlistError, match=rf"circuit top: .*{message}.*rename"):
        text_of(one(**changes))


def test_all_faults_come_at_once():
    """Two keywords in one subcircuit are one error."""
    parameters = (Param(name="g", value=1.0), Param(name="real", value=1.0), Param(name="table", value=1.0))
    with pytest.raises(NetlistError, match=r"parameter real.*parameter table"):
        text_of(one(parameters=parameters))


def test_users_words_stay_comments():
    """A title or a meaning can neither end its comment nor its string."""
    evil = 'x"); endmodule\n`include "/etc/passwd"\nmodule evil(a); // */ \\'
    text = text_of(one(title=evil, parameters=(Param(name="g", value=1.0, meaning=evil),)))
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("`")] == [
        '`include "constants.vams"',
        '`include "disciplines.vams"',
    ]
    assert sum(line.startswith("module ") for line in lines) == 1
    assert sum(line.startswith("endmodule") for line in lines) == 1
    assert all(line.count('"') % 2 == 0 for line in lines)


def test_transistors_and_instances_stay_outside():
    """The behavioural part of a subcircuit with a transistor is a module whose terminals are all nodes it touches."""
    made = Subcircuit(
        name="stage",
        pins=(Pin(name="a"), Pin(name="s")),
        devices=(
            Mosfet(name="m", drain="d", gate="a", source="s", bulk="s", model="nch", width=1e-6, length=1e-6),
            BehaviouralCurrent(name="b", source="d", sink="s", current=1e-9 * voltage("d", "a")),
        ),
    )
    module, left = behavioural_part(made)
    assert module.name == "stage_body"
    assert [pin.name for pin in module.pins] == ["a", "d", "s"]
    assert module.nodes == ()
    assert [device.name for device in left] == ["m"]


def test_what_is_left_outside_is_listed_with_its_values():
    """An instance with what it is given, a transistor with its width, length and number."""
    stage = Subcircuit(
        name="stage",
        pins=(Pin(name="a"),),
        parameters=(Param(name="g", value=1e-9), Param(name="h", value=2.0)),
        devices=(
            Mosfet(
                name="m", drain="a", gate="a", source="0", bulk="0", model="nch", width=2e-6, length=3e-6,
                multiplicity=4,
            ),
            BehaviouralCurrent(name="b", source="a", sink="0", current=sympy.Symbol("g") * voltage("a")),
        ),
    )  # fmt: skip
    card = ModelCard(name="nch", polarity="nmos", level=8, parameters={})
    given = {"g": 3e-9, "h": 0.1}
    circuit = Circuit(
        name="top",
        models=(card,),
        subcircuits=(stage,),
        devices=(Instance(name="x", subcircuit="stage", connections={"a": "n"}, parameters=given),),
        probes=("n",),
    )
    lines = [line for line in text_of(circuit).splitlines() if line.startswith("//   ")]
    instance, transistor = (next(line for line in lines if f"  {name} (" in line) for name in ("x", "m"))
    assert {key: float(value) for key, value in re.findall(r" (\w+)=(\S+)", instance)} == given
    sizes = {key: float(value) for key, value in re.findall(r" (\w+)=(\S+)", transistor)}
    assert sizes == {"w": 2e-6, "l": 3e-6, "m": 4}


def test_loose_devices_get_a_subcircuit_each():
    """A behavioural source at the top level becomes an instance; its parameters are handed on, its nodes stay."""
    source = BehaviouralCurrent(
        name="b", source="a", sink="0", current=sympy.Symbol("g", real=True) * voltage("a", "c")
    )
    circuit = Circuit(
        name="loose",
        parameters=(Param(name="g", value=2e-9),),
        devices=(
            source,
            Resistor(name="r", positive="a", negative="c", resistance=1e9),
            Resistor(name="r2", positive="c", negative="0", resistance=1e9),
        ),
        probes=("a",),
    )
    lifted = with_modules(circuit)
    (instance,) = [device for device in lifted.devices if isinstance(device, Instance)]
    assert set(instance.connections) == {"a", "c"}
    assert instance.parameters == {"g": sympy.Symbol("g", real=True)}
    assert lifted.nodes == circuit.nodes


@pytest.mark.vacask
def test_the_compiler_takes_it(tmp_path):
    """openvaf-r compiles a neuron's module, and is not asked twice for the same equations under another title."""
    program = find()
    texts = [text_of(mtc_circuit(name=name)) for name in ("first", "second")]
    made = [
        compiled(text, compiler=find_compiler(program), version=program.version, folder=tmp_path, name="m.va")
        for text in texts
    ]
    assert made[0] == made[1]
    assert made[0].stat().st_size > 1000
    assert np.frombuffer(made[0].read_bytes()[:4], "u1").tolist() == [0x7F, 0x45, 0x4C, 0x46]


def test_a_subcircuit_of_one_neuron_is_one_module():
    """What has neither instances nor transistors is a module of its own name, with the filters as nodes inside."""
    module, left = behavioural_part(mtc_subcircuit())
    assert (module.name, left) == ("mtc", ())
    assert set(module.nodes) == {"us", "uus"}
    with pytest.raises(NetlistError, match="no probes"):
        write_netlist(Circuit(name="top", devices=(Resistor(name="r", positive="a", negative="0", resistance=1.0),)),
                      OperatingPoint(), SCALED, dialect="verilog-a")  # fmt: skip


@pytest.mark.vacask
def test_the_file_says_how_it_is_loaded_and_those_lines_run(tmp_path):
    """Its head has an instance in each tool's words; VACASK, given its lines and a source, charges the membrane."""
    netlist = write_netlist(mtc_circuit(), ANALYSIS, SCALED, dialect="verilog-a")
    ((file, text),) = netlist.files.items()
    head = [line.removeprefix("// ") for line in text.partition("`include")[0].splitlines()]
    places = [k for k, line in enumerate(head) if line.startswith("  ") and not line.startswith("    ")]
    told = {
        head[k].split(",")[0].strip(): head[k + 1 : end]
        for k, end in zip(places, [*places[1:], None], strict=True)
    }
    assert {"ngspice", "VACASK", "Spectre", "Xyce"} <= set(told)
    assert "pre_osdi" in "\n".join(told["ngspice"])
    program = find()
    (tmp_path / file).write_text(text)
    command = next(line for line in head if "openvaf-r" in line).split()
    subprocess.run([str(find_compiler(program)), *command[1:]], cwd=tmp_path, check=True, capture_output=True)
    lines = [line.strip() for line in told["VACASK"] if line.startswith("    ")]
    bench = ["hint", *lines, "ground 0", "model isource isource", "i1 (0 um) isource dc=1e-9", "control"]
    start = f'ic={{"um", {-V0}}}'
    bench += [
        "abort always",
        "save v(um)",
        f"analysis result tran stop={TAU} step={TAU / 100} {start}",
        "endc",
    ]
    (tmp_path / "hint.sim").write_text("\n".join(bench) + "\n")
    subprocess.run([program.path, "hint.sim"], cwd=tmp_path, check=True, capture_output=True)
    (plot,) = read_raw(tmp_path / "result.raw")
    assert plot.variables == ("time", "um")
    assert plot.values[0, 1] == pytest.approx(-V0, rel=1e-3)
    assert plot.values[-1, 1] > 0


def test_signs_of_what_hangs_on_ground():
    """A voltage below ground is minus the node's, a current out of ground flows into the node."""
    part = one(
        pins=(Pin(name="a"), Pin(name="b")),
        devices=(
            Resistor(name="r", positive="0", negative="a", resistance=2.0),
            Transconductance(
                name="g", out_from="0", out_to="b", sense_positive="0", sense_negative="a", gain=3.0
            ),
        ),
        parameters=(),
        initial={},
    )
    lines = [line.strip() for line in text_of(part).splitlines() if "<+" in line]
    assert lines == ["I(a) <+ -((-V(a))/(2.0));", "I(b) <+ -((3.0)*(-V(a)));"]


@pytest.mark.parametrize("at_zero", [0, 1, sympy.Rational(1, 2)])
def test_a_step_has_its_value_at_zero(at_zero):
    """The printed condition, read as C would, is the step at -1, 0 and 1."""
    text = print_expression(sympy.Heaviside(voltage("a"), at_zero)).replace("V(a)", "x")
    match = re.fullmatch(r"\((.+?) > 0\.0 \? (.+?) : \((.+?) (<=?) 0\.0 \? (.+?) : (.+)\)\)", text)
    over, below, under, otherwise = match[2], match[4], match[5], match[6]

    def value(x):
        if x > 0:
            return eval(over)
        return eval(under) if (x < 0 or (below == "<=" and x == 0)) else eval(otherwise.strip("()"))

    assert [value(x) for x in (-1.0, 0.0, 1.0)] == [0.0, float(at_zero), 1.0]


def test_logarithms_are_natural():
    """`ln` is Verilog-A's natural one, `log` is that of 10: read so, the printed law is the declared one."""
    printed = print_expression(sympy.log(voltage("a")) * sympy.exp(voltage("a")))
    read = {
        "ln": math.log,
        "log": math.log10,
        "exp": math.exp,
        "limexp": math.exp,
        "V": lambda _: 3.0,
        "a": "a",
    }
    assert eval(printed, {}, read) == pytest.approx(math.log(3.0) * math.exp(3.0))
