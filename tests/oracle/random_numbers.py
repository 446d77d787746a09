"""xoshiro256++ seeded by splitmix64 from seed, purpose and keys, and what is drawn from it."""

from __future__ import annotations

import enum

import numpy as np

from oracle.arithmetic import logarithm

MASK = (1 << 64) - 1


class Purpose(enum.IntEnum):
    """What numbers are drawn for."""

    WEIGHTS = 1
    OUTPUT_WEIGHTS = 2
    BIASES = 3
    ORDER = 4
    ATTACK = 5


def split_mix(state: int) -> tuple[int, int]:
    """The next state, and the number drawn."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & MASK


class RandomStream:
    """The stream of (seed, purpose, keys), from its start."""

    def __init__(self, seed: int, purpose: Purpose, *keys: int) -> None:
        mixed = seed
        for key in (purpose, *keys):
            _, value = split_mix(mixed)
            mixed = value ^ int(key)
        self.state = []
        for _ in range(4):
            mixed, value = split_mix(mixed)
            self.state.append(value)
        self.spare: float | None = None

    def next(self) -> int:
        """64 random bits."""
        a, b, c, d = self.state
        result = (rotate((a + d) & MASK, 23) + a) & MASK
        t = (b << 17) & MASK
        c, d = c ^ a, d ^ b
        self.state = [a ^ d, b ^ c, c ^ t, rotate(d, 45)]
        return result

    def uniform(self) -> float:
        """In [0, 1): the upper 53 bits."""
        return (self.next() >> 11) * 2.0**-53

    def below(self, bound: int) -> int:
        """An integer below `bound`, by rejection."""
        uneven = (1 << 64) % bound
        value = self.next()
        while value < uneven:
            value = self.next()
        return value % bound

    def normals(self, count: int) -> np.ndarray:
        """Normal numbers by Marsaglia's polar method; the second of a last pair waits for the next call."""
        drawn = [] if self.spare is None else [self.spare]
        pairs, squares = [], []
        while len(drawn) + 2 * len(pairs) < count:
            u, v = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            s = u * u + v * v
            if 0 < s < 1:
                pairs.append((u, v))
                squares.append(s)
        s = np.array(squares)
        factors = np.sqrt(-2 * logarithm(s) / s)
        values = np.concatenate([drawn, (np.array(pairs).reshape(-1, 2) * factors[:, None]).ravel()])
        self.spare = float(values[count]) if len(values) > count else None
        return values[:count]


def random_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The numbers below `count` in the random order of (seed, epoch), by Fisher and Yates."""
    order = list(range(count))
    random = RandomStream(seed, Purpose.ORDER, epoch)
    for k in range(count, 1, -1):
        other = random.below(k)
        order[k - 1], order[other] = order[other], order[k - 1]
    return np.array(order)
