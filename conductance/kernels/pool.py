"""Memory for large results, used again: the page faults of fresh memory cost as much as the kernel itself.

A block goes back to the pool when the last tensor that shares its storage is gone (views, saved tensors and numpy
arrays included), because torch holds the array that the storage was made from, and the array's end returns the block.
"""

import math
import mmap
import threading
import weakref
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

SMALLEST = 1 << 20
"""Bytes below which torch's own allocator reuses memory well enough."""
LARGEST_IDLE = 1 << 31
"""Bytes that may lie idle in the pool."""
PATIENCE = 64
"""Requests after which an idle block is given back to the system."""


@dataclass(kw_only=True)
class _Block:
    memory: mmap.mmap
    age: int = 0


class Pool:
    """Blocks of memory by size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Block] = []
        # Blocks return from finalizers, which run at any moment, also while the lock is held: appending needs no lock.
        self._returned: deque[_Block] = deque()

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """An uninitialised CPU tensor."""
        size = math.prod(shape) * dtype.itemsize
        if size < SMALLEST:
            return torch.empty(shape, dtype=dtype)
        block = self._take(size)
        array = np.frombuffer(block.memory, dtype=np.uint8, count=size)
        weakref.finalize(array, self._returned.append, block).atexit = False
        return torch.from_numpy(array).view(dtype).view(shape)

    def clear(self) -> None:
        """Give all idle memory back to the system."""
        with self._lock:
            self._collect()
            self._idle.clear()

    def _collect(self) -> None:
        while self._returned:
            block = self._returned.popleft()
            block.age = 0
            self._idle.append(block)

    def _take(self, size: int) -> _Block:
        with self._lock:
            self._collect()
            fitting = [block for block in self._idle if size <= len(block.memory) <= size + size // 4]
            chosen = min(fitting, key=lambda block: len(block.memory), default=None)
            kept, total = [], 0
            for block in self._idle:
                block.age += 1
                if (
                    block is not chosen
                    and block.age <= PATIENCE
                    and total + len(block.memory) <= LARGEST_IDLE
                ):
                    kept.append(block)
                    total += len(block.memory)
            self._idle = kept
        return chosen or _Block(memory=_mapped(size))


def _mapped(size: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            return memory  # a kernel without huge pages: small ones do
    return memory


POOL = Pool()
"""The process's pool."""
