"""Configuration files: TOML, every key checked, all faults reported at once."""

from excitable.config.base import Configuration
from excitable.config.faults import ConfigurationError, Fault
from excitable.config.files import (
    configuration_text,
    example,
    parse_configuration,
    read_configuration,
    read_configuration_text,
    schema,
    shipped_configurations,
    shipped_text,
)
from excitable.config.kinds import KINDS

__all__ = [
    "KINDS",
    "Configuration",
    "ConfigurationError",
    "Fault",
    "configuration_text",
    "example",
    "parse_configuration",
    "read_configuration",
    "read_configuration_text",
    "schema",
    "shipped_configurations",
    "shipped_text",
]
