"""Waveforms: raw files read, labelled axes, energy, and golden files of tests."""

from netlists.waveforms.labelled import check_complete, join, label, load, resample, save

__all__ = ["check_complete", "join", "label", "load", "resample", "save"]
