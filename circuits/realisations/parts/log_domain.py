"""The log-domain QIF neuron: its state is I_m = iu exp(kappa (v - v_unit)/U_T), its parabola a current mirror.

    C dv/dt = -iu + I_m/m + I_in iu/I_m   gives   tau dI_m/dt = -I_m + I_m^2/(2 I_s) + I_in

with tau = C U_T/(kappa iu) and I_s = m iu/2 for a mirror of ratio 1/m (docs/models.md, section 4). The input's term
comes from a translinear pair, so the neuron lives in one quadrant: I_in > 0. From I_s/2 on it spikes.
"""

import math

import sympy

from circuits.data.circuit import (
    GROUND,
    BehaviouralVoltage,
    Capacitor,
    CircuitError,
    Device,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    Switch,
    voltage,
)
from circuits.data.scaling import Scaling
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.translinear import UNIT_GATE, Block, Loops
from circuits.realisations.parts.base import Whole
from circuits.realisations.realisation import Realisation
from circuits.technologies import Technology
from conductance.elements import quadratic
from conductance.neurons.base import INPUT, SPIKE, Event, Neuron, State
from conductance.neurons.membrane import U, time_constant
from conductance.parameter import Parameter
from conductance.surrogates import ARCTAN

IN, OUT, STATE = "in", "out", "v"
CAPACITANCE, PEAK, RESET = sympy.symbols("c peak reset", positive=True)
DISCHARGE = 2e4
"""Resistance of the reset in Ohm: a hundred nA, the neuron's largest current, makes 2 mV there."""
MARGIN = 0.5
"""How far below the reset voltage the switch pulls, in thermal voltages."""


def log_domain_neuron(
    *, tau: float = 1.0, saddle: float = 3.0, peak: float = 80.0, reset: float = 0.1, name: str = "log_domain"
) -> Neuron:
    """The declaration that the circuit realises; the membrane is I_m/iu.

    Args:
        tau: C U_T/(kappa iu), in the units of time of the stimulus.
        saddle: I_s/iu; the parabola's zeros are 0 and twice this.
        peak: I_m/iu at which it spikes.
        reset: I_m/iu from which it goes on.
        name: of the neuron.
    """
    parabola = quadratic("fast", -1 / (2 * saddle), 0.0, 2 * saddle)
    constant = time_constant("tau", tau, "C U_T/(kappa iu)")
    high = Parameter(name="V_peak", default=peak, lower=0.0, lower_open=True, meaning="I_m/iu of the peak")
    low = Parameter(name="V_reset", default=reset, lower=0.0, lower_open=True, meaning="I_m/iu of the reset")
    state = State(
        name="um", symbol=U, capacity=constant.symbol, initial=low.symbol, meaning="current I_m over iu",
        currents={parabola.name: -parabola.current(U), "input": INPUT},
    )  # fmt: skip
    return Neuron(
        name=name,
        meaning="log-domain quadratic integrate-and-fire neuron",
        parameters=(constant, *parabola.parameters, high, low),
        states=(state,),
        output=SPIKE,
        event=Event(margin=U - high.symbol, reset={U: low.symbol}, surrogate=ARCTAN),
        elements=(parabola,),
        source="derived",
    )


def log_domain(neuron: Neuron) -> Whole | None:
    """Takes a neuron that `log_domain_neuron` declares, at any values.

    Its unit current is the scaling's, and its capacitor makes the declared `tau` of the scaling's tau_m.
    """
    declared, names = neuron.defaults, [f"root_high_{element.name}" for element in neuron.elements]
    if len(names) != 1 or not {"tau", "V_peak", "V_reset", *names} <= set(declared):
        return None
    saddle, peak, reset = declared[names[0]] / 2, declared["V_peak"], declared["V_reset"]
    same = log_domain_neuron(tau=declared["tau"], saddle=saddle, peak=peak, reset=reset)
    if (neuron.states, neuron.event, neuron.parameters) != (same.states, same.event, same.parameters):
        return None

    def build(technology: Technology, scaling: Scaling) -> Realisation:
        seconds = declared["tau"] * scaling.time_unit
        unit = scaling.current_unit
        block = log_domain_qif(
            technology, unit, mirror=2 * saddle, capacitance=seconds / time_constant_of(technology, unit, 1.0),
            peak=peak, reset=reset, name=neuron.name,
        )  # fmt: skip
        low, high = technology.rails
        return Realisation(
            subcircuit=block.subcircuit, models=block.models, supplies={VDD: high, VSS: low},
            temperature=technology.temperature, corner=technology.corner, pins_carry_currents=True,
        )  # fmt: skip

    return build


def log_domain_qif(
    technology: Technology, unit: float = 1e-9, *, mirror: float = 6.0, capacitance: float = 20e-12,
    peak: float = 80.0, reset: float = 0.1, name: str = "log_domain_qif",
) -> Block:  # fmt: skip
    """The neuron's transistors, with an ideal comparator for its reset.

    Args:
        technology: of the transistors.
        unit: leak current in A, the default of the parameter `iu`.
        mirror: m; I_s = m iu/2, and the rheobase is half of it.
        capacitance: C in F, the default of the parameter `c`; well above the gates' own.
        peak: I_m/iu at which it is reset.
        reset: I_m/iu at which the reset ends.
        name: of the subcircuit.

    Raises:
        CircuitError: a mirror that does not fall, or a peak that is not above the reset.
        TechnologyError: a technology without transistors.
    """
    if not mirror >= 1 or not 0 < reset < peak:
        raise CircuitError(
            f"log-domain neuron: mirror = {mirror!r}, peak = {peak!r}, reset = {reset!r}; allowed are mirror >= 1 and "
            f"0 < reset < peak"
        )
    subcircuit = Subcircuit(
        name=name,
        title=f"log-domain QIF neuron, {technology.title}",
        pins=(
            Pin(name=IN, meaning="input current, drawn out of here"),
            Pin(name=OUT, meaning="I_m flows out of here"),
            Pin(name=STATE, meaning="voltage of the state"),
            Pin(name=VDD, meaning="positive supply"),
            Pin(name=VSS, meaning="negative supply"),
        ),
        parameters=(
            Param(name="iu", value=unit, unit="A", meaning="unit and leak current"),
            Param(name="c", value=capacitance, unit="F", meaning="capacitance of the state"),
            Param(name="peak", value=peak, meaning="I_m/iu at which it spikes"),
            Param(name="reset", value=reset, meaning="I_m/iu from which it goes on"),
        ),
        devices=(*_transistors(technology, unit * peak, mirror), *_reset(technology)),
        initial={STATE: technology.rails[0] + 16 * technology.thermal_voltage},
    )
    return Block(subcircuit=subcircuit, models=technology.model_cards())


def _transistors(technology: Technology, current: float, mirror: float) -> list[Device]:
    """Leak, parabola and input as mirrors and translinear pairs, sized for the largest current in A."""
    loops = Loops(technology=technology, current=current)
    loops.unit()
    loops.mirror("m_leak_copy", "unit", "leak", note="leak current")
    loops.nmos("m_leak_diode", "leak", "leak", note="leak, mirror's input")
    loops.nmos("m_leak", STATE, "leak", note="leak")
    loops.mirror("m_unit_forced", "unit", "one", note="unit current into pair one")
    loops.pair("one", forced=(UNIT_GATE, "one"), free=(STATE, "membrane"), source="source_one")
    loops.mirror("m_membrane", "membrane", "membrane", note="I_m, mirror's input")
    loops.mirror("m_square", "membrane", STATE, ratio=1 / mirror, note="the quadratic term")
    loops.mirror("m_out", "membrane", OUT, note="I_m, output")
    loops.mirror("m_in", IN, IN, note="input, mirror's input")
    loops.mirror("m_in_forced", IN, "two", note="input into pair two")
    loops.pair("two", forced=(STATE, "two"), free=(UNIT_GATE, "divided"), source="source_two")
    loops.mirror("m_divided", "divided", "divided", note="I_in iu/I_m, mirror's input")
    loops.mirror("m_arrive", "divided", STATE, note="I_in iu/I_m")
    return loops.devices


def _reset(technology: Technology) -> tuple[Device, ...]:
    """The capacitor, and an ideal comparator that discharges it from the peak to the reset."""
    kappa_units = technology.transistor("nmos").slope_factor * technology.thermal_voltage
    high, low = kappa_units * sympy.log(PEAK), kappa_units * sympy.log(RESET)
    return (
        Capacitor(name="c_state", positive=STATE, negative=VSS, capacitance=CAPACITANCE, note="state"),
        BehaviouralVoltage(
            name="b_low", positive="low", negative=GROUND,
            voltage=voltage(UNIT_GATE) + low - MARGIN * technology.thermal_voltage,
            note="where the reset pulls",
        ),
        Switch(
            name="s_reset", positive=STATE, negative="discharge", sense_positive=STATE, sense_negative=UNIT_GATE,
            on_above=high, off_below=low, on_resistance=DISCHARGE / 2, off_resistance=1e14,
            note="comparator and reset",
        ),
        Resistor(name="r_reset", positive="discharge", negative="low", resistance=DISCHARGE / 2),
    )  # fmt: skip


def time_constant_of(technology: Technology, unit: float, capacitance: float) -> float:
    """tau = C U_T/(kappa iu) in s, by the technology's stated slope factor."""
    kappa = 1 / technology.transistor("nmos").slope_factor
    if not (unit > 0 and capacitance > 0 and math.isfinite(unit * capacitance)):
        raise CircuitError(
            f"log-domain neuron: unit = {unit!r} A and capacitance = {capacitance!r} F must be positive"
        )
    return capacitance * technology.thermal_voltage / (kappa * unit)
