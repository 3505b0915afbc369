"""The parts of a neuron, in the order in which they are asked whether a current, the output, or all of it is theirs.

One module per way to build. A new one adds its module and its line.
"""

from circuits.realisations.parts.any_law import any_law
from circuits.realisations.parts.base import OutputRecogniser, Recogniser, WholeRecogniser
from circuits.realisations.parts.comparator_reset import comparator, ideal_comparator
from circuits.realisations.parts.follower_integrator import follower_integrator
from circuits.realisations.parts.leak import leak
from circuits.realisations.parts.log_domain import log_domain
from circuits.realisations.parts.output_stage import output_stage
from circuits.realisations.parts.source import output_source, source
from circuits.realisations.parts.transconductor import element

CURRENTS: tuple[Recogniser, ...] = (
    source,
    follower_integrator,
    leak,
    element,
    any_law,
)
OUTPUTS: tuple[OutputRecogniser, ...] = (
    comparator,
    output_stage,
    output_source,
)
IDEAL_OUTPUTS: tuple[OutputRecogniser, ...] = (
    ideal_comparator,
    output_source,
)
WHOLE: tuple[WholeRecogniser, ...] = (log_domain,)
"""Of transistors only, and asked before the currents are."""
