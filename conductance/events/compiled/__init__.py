"""The compiled event loop: one pass over the sorted input spikes of a trial for all neurons, and back."""

from conductance.events.compiled.classifier import ClassifierLoss, NotFiniteError
from conductance.events.compiled.library import problem
from conductance.events.compiled.operator import Answer, Recurrence, respond

__all__ = ["Answer", "ClassifierLoss", "NotFiniteError", "Recurrence", "problem", "respond"]
