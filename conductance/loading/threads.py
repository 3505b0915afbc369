"""How the threads of one operation wait for each other: they look for a moment and then sleep.

GNU's OpenMP library, which torch carries and the kernels share, spins for about 300000 rounds (10 ms) between two
operations. Beside other work that takes the cores from whoever could use them. It reads its settings once, when torch
is loaded, so they stand in the environment before that, where child processes find them as well.
"""

import os

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""What a user may set; either one wins over what is set here."""
ROUNDS = 1000
"""Of looking before a thread sleeps: about as long as waking it takes, so that neither costs much alone."""


def wait_briefly() -> None:
    """Let the threads of this process and its children sleep early, unless the user has said how they wait.

    It has no effect where torch is loaded already: import conductance first, or set OMP_WAIT_POLICY=passive.
    """
    if not any(name in os.environ for name in VARIABLES):
        os.environ["GOMP_SPINCOUNT"] = str(ROUNDS)


def one_thread_each() -> None:
    """For a process of a pool that has one per core: its operations take one thread, unless the user has said how many.

    It has no effect where torch is loaded already.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
