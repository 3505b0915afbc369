"""What the report's words mean, and which choices are ours because no source states them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import BaseModel
from quantiphy import Quantity

from conductance.layers import NeuronLayer
from conductance.networks import RECIPES
from conductance.tasks import options_of
from excitable.config.declared import is_own
from excitable.config.series import SeriesConfiguration
from excitable.report.evidence import Evidence

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "model": "The network as it was trained, or given where nothing is: an update rule in steps of dt, in PyTorch.",
        "equation": "The differential equation that the update rule approximates, solved at tight tolerance by scipy.",
        "circuit": "The netlist in ngspice. At the behavioural level sources state the equation; capacitors integrate.",
        "rung, ladder": "Model, equation and circuit are rungs. Each step between two rungs adds one kind of error.",
        "nrmse": "Normalised root mean square error: the rms difference from the truth over the truth's standard "
        "deviation, after the warm-up. 0 is perfect, 1 is what predicting the mean gets.",
        "persistence": "The prediction that the future value is the present one.",
        "held-out series": "A series that neither training nor the choice of weights has seen.",
        "rms": "Root mean square over time (over time and neurons, where one number stands for all).",
        "share": "A step's rms over the sum of all steps' rms. The whole way is never longer than that sum.",
        "tau_m": "The membrane's time constant, the unit of time.",
        "V0": "The unit of voltage: the width of a differential pair's tanh, about 72 mV.",
        "I0": "The unit of current: the bias current that makes a gain of 1.",
        "dt": "The model's time step, in tau_m.",
        "I-V curve": "The current that flows out of the membrane when it is held at a voltage. The curve of a "
        "timescale lets everything up to this timescale settle and freezes the slower parts.",
        "negative-slope region": "Voltages at which a curve falls: more voltage, less outward current. There the "
        "membrane runs away, which makes a spike (fast curve) or a burst (slow curve).",
        "N-shaped": "Rising, falling, rising.",
        "MTC": "Multi-timescale conductance neuron: a membrane and conductances that read its voltage fast, slowly "
        "and ultra-slowly. Networks of it are called MTCSN in the literature (arXiv 2605.11835).",
        "spike": "An upward crossing of the threshold voltage; it counts once the voltage has been clearly below "
        "and gets clearly above (hysteresis).",
        "communication": "Spikes per neuron and model step: what would have to be sent.",
        "computation": "Duty cycle: the share of time in which a neuron's output is above zero.",
        "netlist": "A circuit as text, the input of a SPICE simulator. A subcircuit (.subckt) is a part with pins.",
        "ngspice": "A free SPICE simulator.",
    }
)


def own_choices(evidence: Evidence) -> tuple[str, ...]:
    """The choices of this run that no source states, as sentences."""
    sentences = []
    for label, layer in evidence.hidden.items():
        sentences += _of_layer(label, layer)
    configuration = evidence.configuration
    if isinstance(configuration, SeriesConfiguration):
        sentences += _of_task(configuration)
    if evidence.hidden:
        sentences.append(
            "Time: one sample of the series for each model step; inputs are held between samples on every rung."
        )
    if evidence.network is not None and "filter" in evidence.network.chain:
        sentences.append("The output's low-pass filter of order 4 has four equal first-order sections.")
    if isinstance(configuration, SeriesConfiguration):
        units = configuration.circuit.scaling()
        sentences.append(
            f"Units of the circuit: V0 = {_si(units.voltage_unit, 'V')}, I0 = {_si(units.current_unit, 'A')}, "
            f"C = {_si(units.capacitance, 'F')}; so one tau_m is {_si(units.time_unit, 's')}."
        )
    sentences.append(
        "Width of the network, learning rate, number of training steps and seed: see the settings."
    )
    if evidence.ladder is not None:
        ladder = evidence.ladder
        sentences.append(
            f"Spikes are counted at {ladder.threshold_v0:g} V0 with a hysteresis of {ladder.hysteresis_v0:g} V0, and "
            f"two spikes are the same if they are at most {ladder.window_tau_m:g} tau_m apart."
        )
    return tuple(sentences)


def _of_layer(label: str, layer: NeuronLayer) -> list[str]:
    """Time step, parameters whose source says that they are our choice, and where training started."""
    sentences = [f"The time step of layer {label} is {layer.dt:g} tau_m."]
    for parameter in layer.neuron.parameters:
        if "our choice" in parameter.source:
            values = layer.values()[parameter.name].detach()
            low, high = float(values.min()), float(values.max())
            text = f"{low:g}" if low == high else f"{low:.3g} to {high:.3g}"
            unit = "" if parameter.unit == "1" else f" {parameter.unit}"
            sentences.append(f"{parameter.name} = {text}{unit}: {parameter.meaning}.")
    recipe = RECIPES.get(layer.neuron.name)
    if recipe is not None:
        sentences.append(f"Start of training: {recipe.source}.")
    return sentences


def _of_task(configuration: SeriesConfiguration) -> list[str]:
    """The task's options whose source says that they are ours; a report runs no task of one's own to ask it."""
    if is_own(configuration.task.name):
        return []
    task = configuration.task.build()
    return [
        f"{name} = {getattr(task, name)} {declared.unit}: {declared.meaning} ({declared.source})."
        for name, declared in options_of(task).items()
        if "ours" in declared.source
    ]


def _si(value: float, unit: str) -> str:
    """A quantity with its prefix: `72 mV`."""
    return Quantity(value, unit).render(prec=3)


def settings(evidence: Evidence) -> tuple[tuple[str, str, str], ...]:
    """Every key of the configuration, defaults included: name, value, meaning."""
    configuration = evidence.configuration
    if not isinstance(configuration, SeriesConfiguration):
        return ()
    return tuple(settings_of(configuration))


def settings_of(section: BaseModel, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Every key of a section and those below it: name, value, meaning."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from settings_of(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", "not given" if value is None else str(value), field.description or ""
