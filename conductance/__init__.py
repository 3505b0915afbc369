"""What a neuron is: elements, neurons, derivation, layers, networks, tasks, training. Dimensionless.

Each name is imported when it is first asked for: only layers, networks, events and training load torch. Threads that
torch and the kernels start after this import wait without spinning, see `conductance.loading.threads`.
"""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily
from conductance.loading.threads import wait_briefly

if TYPE_CHECKING:
    from conductance.derivation import derive as derive
    from conductance.elements import linear as linear
    from conductance.elements import quadratic as quadratic
    from conductance.elements import tabulated as tabulated
    from conductance.elements import tanh as tanh
    from conductance.events import EventLayer as EventLayer
    from conductance.events import EventNetwork as EventNetwork
    from conductance.events import Spikes as Spikes
    from conductance.layers import AveragePool as AveragePool
    from conductance.layers import BatchFirst as BatchFirst
    from conductance.layers import Delay as Delay
    from conductance.layers import NeuronLayer as NeuronLayer
    from conductance.layers import Projection as Projection
    from conductance.layers import Skip as Skip
    from conductance.networks import Network as Network
    from conductance.networks import series_network as series_network
    from conductance.neurons import Neuron as Neuron
    from conductance.neurons import adlif as adlif
    from conductance.neurons import dlif as dlif
    from conductance.neurons import dqif as dqif
    from conductance.neurons import lif as lif
    from conductance.neurons import low_pass as low_pass
    from conductance.neurons import mtc as mtc
    from conductance.neurons import qif as qif
    from conductance.neurons.presets import PRESETS as PRESETS
    from conductance.shaping.curves import curves as curves
    from conductance.shaping.curves import negative_slope_regions as negative_slope_regions
    from conductance.shaping.equilibria import equilibria as equilibria
    from conductance.shaping.integrate import integrate as integrate
    from conductance.shaping.regimes import classify as classify
    from conductance.stimulus import Pulse as Pulse
    from conductance.stimulus import Stimulus as Stimulus
    from conductance.storage import load_network as load_network
    from conductance.storage import save_network as save_network
    from conductance.training import TrainingOptions as TrainingOptions
    from conductance.training import train as train
    from conductance.training.events import train_classifier as train_classifier

wait_briefly()
__getattr__, __dir__, __all__ = lazily(__name__, __file__)
