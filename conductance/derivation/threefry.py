"""A counter-based generator: the same draw for the same seed, lane, step and source, on any machine, in any order.

Threefry-2x32 with 13 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC11), the least
number that passed their tests. Nothing is stored: a backward run draws again what the forward run drew. The rounds
stand here once; numpy and torch run them, C and Triton are printed from them.

A draw is the sum of four even 16-bit numbers, centred and scaled: mean 0, variance 1 and third moment 0 exactly, fourth
moment 2.7 (a normal number's is 3), never beyond 3.47. Schemes of weak order 1 need no more than the first three.
"""

from collections.abc import Iterator
from typing import Any

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
ROUNDS = 13
WORD = 0xFFFFFFFF
LARGEST_SEED = WORD
MIDDLE = 2 * 0xFFFF
"""Mean of the sum of four 16-bit numbers."""
STARTS = 4
"""Draws that a start is the sum of."""
SCALE = ((2.0**32 - 1) / 3) ** -0.5
"""One over the standard deviation of that sum."""


def rounds() -> Iterator[tuple[int, tuple[int, int, int] | None]]:
    """For every round its rotation and, where keys are added after it, (place of the first, of the second, number)."""
    for index in range(ROUNDS):
        turn, rest = divmod(index + 1, 4)
        yield ROTATIONS[index % len(ROTATIONS)], None if rest else (turn % 3, (turn + 1) % 3, turn)


def words(lane: Any, step: Any, seed: int, source: int) -> tuple[Any, Any]:
    """Two 32-bit words for counters (lane, step) and key (seed, source): integers, or arrays or tensors of int64."""
    keys = (seed, source, seed ^ source ^ PARITY)
    x, y = (lane + keys[0]) & WORD, (step + keys[1]) & WORD
    for rotation, added in rounds():
        x = (x + y) & WORD
        y = ((y << rotation) | (y >> (32 - rotation))) & WORD
        y = y ^ x
        if added is not None:
            first, second, number = added
            x, y = (x + keys[first]) & WORD, (y + keys[second] + number) & WORD
    return x, y


def sums(lane: Any, step: Any, seed: int, source: int) -> Any:
    """Whole numbers whose product with `SCALE` has variance 1; below 2^18 in size, so exact in every precision."""
    x, y = words(lane, step, seed, source)
    return (x & 0xFFFF) + (x >> 16) + (y & 0xFFFF) + (y >> 16) - MIDDLE


def start(lane: Any, seed: int, source: int) -> Any:
    """A draw of variance 1 for where a process begins, out to 6.9: four draws of steps that no run reaches."""
    return sum(sums(lane, WORD - place, seed, source) for place in range(STARTS)) * (SCALE / STARTS**0.5)


def c_text() -> str:
    """The function `draw(lane, step, seed, source)` for the vectors of `kernels/vectors.h`."""
    lines = [
        "typedef uint32_t words __attribute__((vector_size(4 * LANES)));",
        "typedef int32_t signed_words __attribute__((vector_size(4 * LANES)));",
        "INLINE vec draw(words lane, uint32_t step, uint32_t seed, uint32_t source) {",
        f"    const uint32_t key[3] = {{seed, source, seed ^ source ^ {PARITY:#x}u}};",
        "    words x = lane + key[0], y = (words){0} + (step + key[1]);",
    ]
    for rotation, added in rounds():
        lines.append(f"    x += y; y = (y << {rotation}) | (y >> {32 - rotation}); y ^= x;")
        if added is not None:
            first, second, number = added
            lines.append(f"    x += key[{first}]; y += key[{second}] + {number}u;")
    lines += [
        f"    const words sum = (x & 0xffffu) + (x >> 16) + (y & 0xffffu) + (y >> 16) - {MIDDLE}u;",
        f"    return __builtin_convertvector((signed_words)sum, vec) * (real){SCALE!r};",
        "}",
    ]
    return "\n".join(lines) + "\n"


def triton_text() -> str:
    """The function `draw(lane, step, seed, source, BLOCK)` of a Triton kernel, a block of numbers of variance 1."""
    lines = [
        "@triton.jit",
        "def draw(lane, step, seed, source: tl.constexpr, BLOCK: tl.constexpr):",
        "    zero = tl.full([BLOCK], 0, tl.uint32)",
        "    key_0 = zero + seed.to(tl.uint32)",
        "    key_1 = zero + source",
        f"    key_2 = key_0 ^ key_1 ^ {PARITY}",
        "    x = lane.to(tl.uint32) + key_0",
        "    y = zero + step + key_1",
    ]
    for rotation, added in rounds():
        lines += ["    x = x + y", f"    y = ((y << {rotation}) | (y >> {32 - rotation})) ^ x"]
        if added is not None:
            first, second, number = added
            lines += [f"    x = x + key_{first}", f"    y = y + key_{second} + {number}"]
    lines += [
        "    whole = (x & 65535) + (x >> 16) + (y & 65535) + (y >> 16)",
        f"    return (whole.to(tl.int32) - {MIDDLE}).to(tl.float64) * {SCALE!r}",
    ]
    return "\n".join(lines) + "\n"
