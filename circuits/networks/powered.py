"""A circuit as it is switched on: supplies that rise from zero, in place of initial voltages that a bench can force.

A bench on silicon has no `.ic`. Without one a simulation that begins with full supplies rests on the unstable
equilibrium and stays there; one whose supplies rise leaves it on the way, as a chip does.
"""

from dataclasses import replace

from circuits.data.circuit import Circuit, CircuitError, CurrentSource, Device, HeldWaveform, VoltageSource
from circuits.realisations.cells.cell import VDD, VSS


def powered_up(circuit: Circuit, *, rise: float, settle: float) -> Circuit:
    """The circuit with supplies that rise, every node at zero before.

    Args:
        circuit: with constant supplies at the nodes vdd and vss.
        rise: duration of the supplies' rise in s, from `rise`/2 on.
        settle: time in s between the end of the rise and the beginning of inputs, whose first value holds till then.

    Raises:
        CircuitError: durations that are not greater than zero, or a circuit without constant supplies.
    """
    if not (rise > 0 and settle > 0):
        raise CircuitError(
            f"circuit {circuit.name}: rise = {rise!r} s and settle = {settle!r} s must be greater than zero"
        )
    if not any(_is_supply(device) for device in circuit.devices):
        raise CircuitError(
            f"circuit {circuit.name}: it has no constant supply at vdd or vss to rise; a behavioural circuit has none, "
            "take level macromodel or transistor"
        )
    begin = delay_of(rise, settle)
    still = {path: 0.0 for path in circuit.initial}
    return replace(
        circuit,
        devices=tuple(_started(device, rise, begin) for device in circuit.devices),
        subcircuits=tuple(
            replace(one, initial=dict.fromkeys(one.initial, 0.0)) for one in circuit.subcircuits
        ),
        initial=still,
    )


def delay_of(rise: float, settle: float) -> float:
    """By how much the inputs come later, in s: the rise ends one and a half of itself after the beginning."""
    return 1.5 * rise + settle


def _is_supply(device: Device) -> bool:
    return (
        isinstance(device, VoltageSource)
        and device.positive in (VDD, VSS)
        and not isinstance(device.waveform, HeldWaveform)
    )


def _started(device: Device, rise: float, begin: float) -> Device:
    if not isinstance(device, VoltageSource | CurrentSource):
        return device
    if _is_supply(device) and not isinstance(device.waveform, HeldWaveform):
        return replace(
            device, waveform=HeldWaveform(times=(0.0, rise), values=(0.0, device.waveform), edge=rise)
        )
    if isinstance(device.waveform, HeldWaveform):
        held = device.waveform
        later = (0.0, *(time + begin for time in held.times[1:]))
        return replace(device, waveform=replace(held, times=later))
    return device
