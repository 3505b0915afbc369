"""Networks from and for other libraries, through NIR (Pedersen et al., Nature Communications 15:8122, 2024)."""

from conductance.exchange.conventions import CONVENTIONS, Convention, ExchangeError
from conductance.exchange.nir_files import read_nir, write_nir

__all__ = ["CONVENTIONS", "Convention", "ExchangeError", "read_nir", "write_nir"]
"""The reader and the writer."""
