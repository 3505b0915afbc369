"""Transistor models: the cards of a circuit for the compact models that come with VACASK."""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import Circuit
from circuits.data.models import ModelBin, ModelCard
from netlists.errors import NetlistError
from netlists.writing.expressions import print_number
from netlists.writing.models import origin, used_bins

MODULES: dict[int, tuple[str, str]] = {
    8: ("spice/bsim3v3.osdi", "sp_bsim3v3"),
    49: ("spice/bsim3v3.osdi", "sp_bsim3v3"),
    14: ("spice/bsim4v8.osdi", "sp_bsim4v8"),
    54: ("spice/bsim4v8.osdi", "sp_bsim4v8"),
    103: ("psp103v4.osdi", "psp103va"),
}
"""File and module of each SPICE level: BSIM3 3.3 and BSIM4 4.8, made from the same C code as ngspice's, and PSP 103.4,
made from its Verilog-A, under the number that Xyce gives it."""
VERSIONS = {8: ("BSIM3", "3.3"), 49: ("BSIM3", "3.3"), 103: ("PSP", "103.4")}
"""Name and version of those whose versions differ in their parameters."""
PSP = 103
_TYPES = {"nmos": 1, "pmos": -1}
_PARAMETERS_PER_LINE = 4
_SIZE = ("w", "l", "ad", "as", "pd", "ps")


def module(model: ModelCard) -> tuple[str, str]:
    """File and module of a card; `NetlistError` for one that VACASK does not have."""
    if model.level not in MODULES:
        known = ", ".join(str(level) for level in MODULES)
        raise NetlistError(
            f"model {model.name} has level {model.level}; VACASK's transistors have {known}; simulate it in ngspice"
        )
    name, version = VERSIONS.get(model.level, ("", ""))
    if model.version and not model.version.startswith(version):
        raise NetlistError(
            f"model {model.name} is {name} {model.version}; VACASK has {version}; simulate it in ngspice, or give the "
            "numbers of that version"
        )
    return MODULES[model.level]


def draw_names(model: ModelCard) -> tuple[str, str]:
    """What a threshold's shift in V and a current's factor are called; BSIM's are as ngspice's."""
    return ("delvto", "factuo") if model.level == PSP else ("delvto", "mulu0")


def model_lines(circuit: Circuit) -> Iterator[str]:
    """The cards in the order of the circuit. A binned one is a subcircuit that chooses by size."""
    for model in circuit.models:
        yield from origin(model, "// ")
        if not model.bins:
            yield from _card(model, model.name, model.parameters)
            continue
        bins = used_bins(model, circuit)
        for index, size in enumerate(bins):
            yield from _card(model, f"{model.name}_{index}", size.parameters)
        yield from _choice(model, bins)


def _card(model: ModelCard, name: str, parameters: Mapping[str, float]) -> Iterator[str]:
    _, kind = module(model)
    numbers = [f"{key}={print_number(value)}" for key, value in parameters.items()]
    yield f"model {name} {kind} ( type={_TYPES[model.polarity]}"
    for start in range(0, len(numbers), _PARAMETERS_PER_LINE):
        yield f"  {' '.join(numbers[start : start + _PARAMETERS_PER_LINE])}"
    yield ")"


def _choice(model: ModelCard, bins: list[ModelBin]) -> Iterator[str]:
    """A subcircuit whose transistor has the bin of its size."""
    sizes = " ".join(f"{name}={name}" for name in _SIZE)
    yield f"subckt {model.name} (d g s b)"
    shift, factor = draw_names(model)
    yield "parameters " + " ".join(f"{name}=0.0" for name in _SIZE) + f" several=1 {shift}=0.0 {factor}=1.0"
    for index, size in enumerate(bins):
        low, high = print_number(size.shortest), print_number(size.longest)
        narrow, wide = print_number(size.narrowest), print_number(size.widest)
        word = "@if" if index == 0 else "@elseif"
        yield f"{word} {low} <= l && l < {high} && {narrow} <= w && w < {wide}"
        yield f"  m (d g s b) {model.name}_{index} {sizes} {shift}={shift} {factor}={factor} $mfactor=several"
    yield "@end"
    yield "ends"
