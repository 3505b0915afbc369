"""The time loop of a rule as one compiled function, forwards and backwards, printed from the rule and its adjoint."""

from conductance.kernels.backend import BackendError, check_backend, kernel_name, run
from conductance.kernels.cache import CacheError
from conductance.kernels.compiler import CompilerError
from conductance.kernels.library import KernelWarning
from conductance.kernels.operator import KernelError

__all__ = [
    "BackendError",
    "CacheError",
    "CompilerError",
    "KernelError",
    "KernelWarning",
    "check_backend",
    "kernel_name",
    "run",
]
