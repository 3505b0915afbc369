"""The capacitance of a membrane as its parts make it: one at once, and charges that follow the membrane with a delay.

At each voltage the admittance beyond the static conductance G is fitted by linear least squares:

    Y(w) - G = j w C_inf + sum_i a_i j w/(1 + j w tau_i)

with relaxation times on a fixed logarithmic grid, two a decade, from 0.3 to 3 tau_m. It was chosen among fifteen sets
of times by the spikes of one neuron (bursting, generic 180 nm, three inputs, 1500 tau_m), with finer sweeps than those
kept here: worst spikes of 0.05, 0.25 and 0.06 tau_m, where 0.5 and 4 gave 0.08, 0.58 and 1.2; four times from 0.1 to 3
did about as well. So these three numbers are optimistic; those of the sweeps kept here are in the documentation. All
sets with a time above 4 tau_m made spikes worse, up to 15 tau_m; our guess is that an inner node which is so slow at a
held voltage is never held there during a spike.
"""

import numpy as np

TIMES = (0.3, 1.0, 3.0)
"""Relaxation times in tau_m."""


def fit_relaxation(admittance: np.ndarray, radian: np.ndarray) -> tuple[np.ndarray, float]:
    """C_inf and the a_i at each voltage, and the root mean square residual of the capacitance, all in C0.

    Args:
        admittance: (voltage, frequency), complex, in C0/tau_m.
        radian: (frequency,) in 1/tau_m, smallest first; the static conductance is that of the first.

    Returns:
        (voltage, 1 + relaxation time) capacitances, and the residual.
    """
    times = np.array(TIMES)
    # divided by w: every frequency's capacitance weighs alike
    basis = 1j * np.column_stack([np.ones_like(radian), *(1 / (1 + 1j * radian * time) for time in times)])
    wanted = (admittance - admittance[:, :1].real) / radian
    rows = np.concatenate([basis.real, basis.imag])
    targets = np.concatenate([wanted.real, wanted.imag], axis=1)
    found, *_ = np.linalg.lstsq(rows, targets.T, rcond=None)
    return found.T, float(np.sqrt(np.mean((targets.T - rows @ found) ** 2)))
