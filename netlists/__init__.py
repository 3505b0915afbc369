"""Text and simulators: a circuit written as SPICE, run in ngspice and read back as labelled waveforms."""
