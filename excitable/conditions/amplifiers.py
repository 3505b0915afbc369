"""The amplifiers of a technology at one corner, temperature and supply, as numbers: swept there as transistors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits.calibration.amplifiers import Calibration
from circuits.calibration.working import check_working
from circuits.data.amplifier import AmplifierModel
from circuits.realisations.kit import kit
from circuits.technologies import Technology
from excitable.ladder.calibration import calibrate_level


@dataclass(frozen=True, kw_only=True)
class SweptThere:
    """A technology whose macromodels are those of its transistors where it is.

    Attributes:
        technology: with them.
        element: the ten-transistor amplifier, the mean over its bias currents.
        residual: largest deviation of any amplifier from its tanh, over its largest current.
    """

    technology: Technology
    element: AmplifierModel
    residual: float


def swept_there(technology: Technology, biases: Sequence[float], simulator: str = "ngspice") -> SweptThere:
    """Sweep the amplifiers of transistors of a technology where it is, and make them its macromodels.

    Early voltages and headrooms stay those of its file.

    Args:
        technology: at a corner, a temperature and a supply; with transistors.
        biases: bias currents in A; the largest is what transistors are drawn for.
        simulator: ngspice or vacask.

    Raises:
        SimulatorMissing, SimulationFailed: ngspice. CalibrationError: a sweep that is no amplifier's. NotWorking: an
            amplifier that does not work there.
    """
    found = calibrate_level("transistor", technology, biases, simulator)
    check_working(found, None, None, technology=technology, smallest=min(biases))
    cells = kit("transistor", technology, bias=max(biases))
    element, follower = (
        [each for each in found if each.cell == cell.subcircuit.name]
        for cell in (cells.element, cells.follower)
    )
    own = _model(technology.amplifier, element)
    given = {"amplifier": own}
    if technology.follower is not None:
        given["follower"] = _model(technology.follower, follower)
    return SweptThere(
        technology=technology.model_copy(update=given),
        element=own,
        residual=max(each.residual for each in found),
    )


def _model(known: AmplifierModel, swept: Sequence[Calibration]) -> AmplifierModel:
    """The numbers of an amplifier with those of its sweeps, each the mean over the bias currents."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(each, name) for each in swept]))

    return replace(
        known,
        gain=mean("gain"),
        offset=mean("offset"),
        voltage_unit=mean("voltage_unit"),
        imbalance=mean("imbalance"),
    )
