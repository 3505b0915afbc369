"""What the report's words mean, and which choices are ours because no source states them."""

from collections.abc import Mapping
from types import MappingProxyType

from conductance.layers import NeuronLayer
from conductance.networks import RECIPES
from excitable.report.evidence import Evidence
from excitable.report.verdict import number

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "model": "The trained network as it was trained: an update rule in steps of dt, in PyTorch.",
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
    if evidence.hidden:
        sentences.append(
            "Time: one sample of the series for each model step; inputs are held between samples on every rung."
        )
    if evidence.network is not None and "filter" in evidence.network.chain:
        sentences.append("The output's low-pass filter of order 4 has four equal first-order sections.")
    sentences.append(
        "Width of the network, learning rate, number of training steps and seeds are those of the configuration below."
    )
    if evidence.ladder is not None:
        sentences.append(
            f"Spikes are counted at {number(evidence.ladder.threshold_v0)} V0 with a hysteresis of "
            f"{number(evidence.ladder.hysteresis_v0)} V0, and two spikes are the same if they are at most "
            f"{number(evidence.ladder.window_tau_m)} tau_m apart."
        )
    return tuple(sentences)


def _of_layer(label: str, layer: NeuronLayer) -> list[str]:
    """Time step, parameters whose source says that they are our choice, and where training started."""
    sentences = [f"The time step of layer {label} is {number(layer.dt)} tau_m."]
    for parameter in layer.neuron.parameters:
        if "our choice" in parameter.source:
            values = layer.values()[parameter.name].detach()
            low, high = float(values.min()), float(values.max())
            text = number(low) if low == high else f"{number(low)} to {number(high)}"
            unit = "" if parameter.unit == "1" else f" {parameter.unit}"
            sentences.append(f"{parameter.name} = {text}{unit}: {parameter.meaning}.")
    recipe = RECIPES.get(layer.neuron.name)
    if recipe is not None:
        sentences.append(f"Start of training: {recipe.source}.")
    return sentences
