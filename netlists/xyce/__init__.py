"""Xyce's form of SPICE."""
