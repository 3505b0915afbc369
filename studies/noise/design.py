"""What a neuron of a network may be made of: I0, C and V0 against noise, energy and area.

All white noise grows with q/(C V0). What a neuron takes in one tau_m is the supply times its bias currents times
C V0/I0, so that a power of noise fixes the energy, whatever I0 is: I0 sets the pace, and with it the gates' width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy

from circuits.realisations import recognised
from circuits.realisations.cells.parasitics import loaded
from circuits.technologies import Technology
from conductance.networks.recipes import RECIPES
from conductance.neurons.base import Neuron
from excitable.trials import Result
from studies.noise.bench import Bench
from studies.noise.budget import Budget, NoiseTrial

UNIT = 1e-12
"""In F: the capacitor whose noise has the power 1 in the study."""
FIRING = -1.0
"""Input at which the supply's power is read: within the range that a network's neurons see."""
MORE = (0.02, 0.05, 0.10, 0.20, 0.50)
"""By how much the task's error may grow."""


def design_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """One I0, in A: power, gates and what they load the membrane with, of the demo's neuron at 1 pF."""
    current = float(trial.form)
    bench = Bench(RECIPES["mtc"].neuron, calibrated=False, current_unit=current)
    area = bench.area()
    return {
        "current": current, "power": bench.supply_power(FIRING), "gates": area.transistors,
        "capacitors": area.capacitors, "load": membrane_load(bench.neuron, bench.technology, current),
        "unit": bench.scaling.voltage_unit, "time": bench.scaling.time_unit, "transistors": area.transistor_count,
    }  # fmt: skip


def membrane_load(neuron: Neuron, made_of: Technology, current: float) -> float:
    """Capacitance in F of the gates and drains that hang on the membrane."""
    known, membrane = recognised(neuron), neuron.membrane
    bias = float(known.bias_currents(made_of.scaling(current_unit=current))[-1])
    bare = made_of.amplifier
    full = loaded(bare, made_of, bias)
    gate = full.input_capacitance - bare.input_capacitance
    drains = full.output_capacitance - bare.output_capacitance
    total = gate  # of the output stage
    for part in known.parts:
        form = part.current.transfer
        if not part.generators or form is None:
            continue
        reads = sum(membrane.symbol in sympy.sympify(end).free_symbols for end in (form.plus, form.minus))
        feeds = part.current.state.name == membrane.name
        total += len(part.pairs()) * (reads * gate + feeds * drains)
    return total


def error_at(curve: Mapping[float, float], power: float) -> float:
    """The error at a power of noise, by lines over its logarithm between measured ones; below them that of the least.

    Args:
        curve: error by power, with that at 0 among them.
        power: times that of `UNIT`, up to the largest measured one.
    """
    powers = [one for one in sorted(curve) if one]
    return float(np.interp(np.log(power), np.log(powers), [curve[one] for one in powers]))


def allowed_power(curve: Mapping[float, float], more: float) -> float | None:
    """The least power of noise at which an error has grown by `more`, a share of that without noise; None where the
    measured powers do not reach it.
    """
    powers = [one for one in sorted(curve) if one]
    wanted = curve[0.0] * (1 + more)
    for low, high in pairwise(powers):
        if curve[low] < wanted <= curve[high]:
            share = (wanted - curve[low]) / (curve[high] - curve[low])
            return float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return None


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A neuron of some capacitance, in SI units: noise as times that of 1 pF, time constant, energy in it, area.

    `drawn` is the membrane's capacitor, what its gates and drains already are taken off; below zero there is no such
    neuron with these gates.
    """

    power: float
    drawn: float
    tau_m: float
    energy: float
    area: float


def sized(capacitance: float, found: Result) -> Sized:
    """The neuron whose membrane has that capacitance (F) in all, gates included, at the I0 of `found`.

    Filters keep their time constants over the membrane's, so that their capacitors shrink with it. V0 is the pairs'.
    """
    share = capacitance / UNIT
    return Sized(
        power=1 / share, drawn=capacitance - found["load"], tau_m=found["time"] * share,
        energy=found["power"] * found["time"] * share, area=found["gates"] + found["capacitors"] * share,
    )  # fmt: skip
