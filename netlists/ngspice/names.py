"""How ngspice calls the objects of a circuit, and which names it keeps for itself."""

from circuits.data.circuit import Circuit
from netlists.writing.names import card_name, device_path, node_path


def spice_node(circuit: Circuit, path: str) -> str:
    """Name under which ngspice knows the node of a path.

    Instance names become card names, pins the nodes outside.
    """
    return ".".join(node_path(circuit, path))


def spice_sources(circuit: Circuit) -> dict[str, str]:
    """The sources whose current is observed, and the names by which ngspice knows them."""
    devices = {device.name: device for device in circuit.devices}
    return {name: card_name(devices[name]) for name in circuit.metered}


def spice_transistors(circuit: Circuit) -> dict[str, str]:
    """The transistors whose operating point is observed, and the names by which ngspice knows them."""
    return {path: _flat(device_path(circuit, path)) for path in circuit.inspected}


def _flat(cards: tuple[str, ...]) -> str:
    """ngspice puts the kind of a device before the instances that hold it."""
    return cards[0] if len(cards) == 1 else ".".join((cards[-1][0], *cards))


RESERVED = frozenset(
    (
        *(
            "abs",
            "acos",
            "acosh",
            "agauss",
            "arctan",
            "asin",
            "asinh",
            "atan",
            "atan2",
            "atanh",
            "aunif",
            "ceil",
        ),
        *(
            "cos",
            "cosh",
            "e",
            "exp",
            "floor",
            "gauss",
            "gnd",
            "hertz",
            "int",
            "limit",
            "ln",
            "log",
            "log10",
            "max",
        ),
        *(
            "min",
            "nint",
            "null",
            "params",
            "pi",
            "pow",
            "pwl",
            "pwr",
            "sgn",
            "sin",
            "sinh",
            "sqr",
            "sqrt",
            "tan",
        ),
        *("tanh", "temper", "ternary_fcn", "time", "u", "u2", "unif", "uramp"),
    )
)
"""Names of parameters and nodes that ngspice 39 takes for its own functions, constants or ground."""
