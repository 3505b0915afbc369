"""Whether a circuit works where it is to work: what calibration may find, what is warned of, what is refused.

Found on the generic process: at 27 degrees and 1.8 V the membrane follows its curve within 2 % of I0, and a silent
synapse passes 0.3 %. At 0.8 V the pairs of the leak have no room, and the residual is 19 %; at 150 degrees closed
transistors pass 11 %, at 10 pA and 27 degrees 28 %.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from circuits.calibration.amplifiers import Calibration
from circuits.calibration.membrane import MembraneFit
from circuits.calibration.output import OutputFit
from circuits.data.circuit import CircuitError
from circuits.technologies import Technology


class NotWorking(CircuitError):
    """A circuit that cannot work under its conditions."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A measured number, from where on it is said and from where on it is refused, and what helps."""

    what: str
    warned: float
    refused: float
    cure: str


AMPLIFIER = Limit(
    what="the largest deviation of an amplifier from its tanh, over its largest current",
    warned=0.03, refused=0.15,
    cure="its pair leaves weak inversion, or its output has no room: choose smaller bias currents, or a larger supply",
)  # fmt: skip
MEMBRANE = Limit(
    what="the largest deviation of the membrane from its curve, over I0",
    warned=0.08, refused=0.15,
    cure="pairs far from rest have no room for their tails, or transistors leak: choose a larger supply, a smaller "
    "leak_limit, or less heat",
)  # fmt: skip
FLOOR = Limit(
    what="the current of a silent synapse of weight one, over I0",
    warned=0.04, refused=0.2,
    cure="closed transistors leak as much: choose a larger current_unit, less heat, or longer transistors",
)  # fmt: skip


def check_working(
    amplifiers: Sequence[Calibration], membrane: MembraneFit | None, output: OutputFit | None, *,
    technology: Technology, smallest: float,
) -> tuple[str, ...]:  # fmt: skip
    """What to warn of.

    Args:
        amplifiers: the sweeps of a level.
        membrane: its fit; None where there is none.
        output: its fit; None where there is none.
        technology: at whose corner, temperature and supply they were swept.
        smallest: bias current in A.

    Raises:
        NotWorking: a number beyond what is refused, all of them named.
    """
    found = list(_measured(amplifiers, membrane, output))
    where = (
        f"{technology.name} at corner {technology.corner}, {technology.temperature:g} degrees and "
        f"{technology.supply:g} V, smallest bias current {smallest:.3g} A"
    )
    broken = [_said(limit, value, limit.refused) for limit, value in found if value > limit.refused]
    if broken:
        raise NotWorking(f"{where}: the circuit does not work there. " + "; ".join(broken))
    return tuple(
        f"{where}: {_said(limit, value, limit.warned)}" for limit, value in found if value > limit.warned
    )


def _said(limit: Limit, value: float, allowed: float) -> str:
    return f"{limit.what}, is {value:.1%}, and {allowed:.0%} is allowed; {limit.cure}"


def _measured(
    amplifiers: Sequence[Calibration], membrane: MembraneFit | None, output: OutputFit | None
) -> Iterator[tuple[Limit, float]]:
    yield AMPLIFIER, max(found.residual for found in amplifiers)
    if membrane is not None:
        yield MEMBRANE, membrane.residual
    if output is not None:
        yield FLOOR, max(abs(output.excitatory_floor), abs(output.inhibitory_floor))
