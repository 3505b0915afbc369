"""The time loop of a rule as one compiled function, forwards and backwards, printed from the rule and its adjoint."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.kernels.backend import BackendError as BackendError
    from conductance.kernels.backend import check_backend as check_backend
    from conductance.kernels.backend import kernel_name as kernel_name
    from conductance.kernels.backend import run as run
    from conductance.kernels.cache import CacheError as CacheError
    from conductance.kernels.compiler import CompilerError as CompilerError
    from conductance.kernels.library import KernelWarning as KernelWarning
    from conductance.kernels.operator import KernelError as KernelError

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
