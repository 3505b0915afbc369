"""Cut uncoupled neurons into netlists that simulate fast.

All neurons of a netlist share one time step, and past about a hundred the sources fall out of the processor's
cache. Bursting neurons cost 43, 53, 69 and 91 ms of core time each in netlists of 4, 8, 16 and 32, and 499 ms in one
netlist of 1000; below 8 what every netlist repeats, its inputs above all, eats the gain (benchmarks/scale.md).
"""

from itertools import pairwise

from netlists.errors import NetlistError

SMALLEST, LARGEST = 8, 16


def partition(
    count: int, *, workers: int = 1, smallest: int = SMALLEST, largest: int = LARGEST
) -> list[range]:
    """Consecutive groups of `count` neurons, whose sizes differ by at most one.

    No group is larger than `largest`; where there are enough neurons none is smaller than `smallest`. Within
    these limits the number of groups is a multiple of `workers`, so that none idles.

    >>> partition(35, workers=2)
    [range(0, 9), range(9, 18), range(18, 27), range(27, 35)]
    """
    for name, value in {"count": count, "workers": workers, "smallest": smallest}.items():
        if value < 1:
            raise NetlistError(f"partition: {name} = {value}; it must be at least 1")
    if largest < smallest:
        raise NetlistError(f"partition: largest = {largest} is below smallest = {smallest}")
    fewest = -(-count // largest)
    most = max(fewest, count // smallest)
    multiple = -(-fewest // workers) * workers
    groups = multiple if multiple <= most else fewest
    size, larger = divmod(count, groups)
    starts = [k * size + min(k, larger) for k in range(groups + 1)]
    return [range(start, stop) for start, stop in pairwise(starts)]
