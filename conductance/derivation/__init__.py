"""From a declaration to update rules and their adjoints, in sympy."""

from conductance.derivation.rules import Rule, RuleError, derive

__all__ = ["Rule", "RuleError", "derive"]
