"""Configuration files: TOML, every key checked, all faults reported at once."""

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
from excitable.config.sections import (
    CircuitSection,
    Configuration,
    NetworkSection,
    SimulationSection,
    TaskSection,
    TrainingSection,
)

__all__ = [
    "CircuitSection",
    "Configuration",
    "ConfigurationError",
    "Fault",
    "NetworkSection",
    "SimulationSection",
    "TaskSection",
    "TrainingSection",
    "configuration_text",
    "example",
    "parse_configuration",
    "read_configuration",
    "read_configuration_text",
    "schema",
    "shipped_configurations",
    "shipped_text",
]
