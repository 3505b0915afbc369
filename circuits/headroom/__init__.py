"""Headroom: whether each transistor has the room that it works in, and each amplifier a phase margin to settle with."""
