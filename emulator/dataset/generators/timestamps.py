"""A timestamp for each post: no two share a second, in any number of posts.

A set of used seconds would take memory that grows with the scale, so a permutation maps the key to
a second: a Feistel network over 28 bits, applied again while the result is outside the range
(cycle walking, as in format-preserving encryption).
"""

from datetime import datetime, timedelta
from random import Random

from emulator.dataset.profile import BLOCK, FIXED_POSITION, FIXED_TIMESTAMP, TIMESTAMPS

_START = TIMESTAMPS[0]
_SECONDS = int((TIMESTAMPS[1] - _START).total_seconds()) + 1
_HALF = 14
_MASK = (1 << _HALF) - 1

# Keys with a fixed timestamp: the example row, and the ends of the range.
_FIXED = {
    FIXED_POSITION: int((FIXED_TIMESTAMP - _START).total_seconds()),
    0: 0,
    BLOCK - 1: _SECONDS - 1,
}


class Timestamps:
    """The timestamps of one seed."""

    def __init__(self, seed: int) -> None:
        random = Random(f"timestamps:{seed}")
        self._rounds = tuple(random.getrandbits(32) for _ in range(4))
        # The key that is permuted to a fixed second gets the second that the fixed key gives up. If
        # that one is fixed, too, the chain goes on; in a permutation it ends.
        self._overrides = dict(_FIXED)
        owners = {second: key for key, second in _FIXED.items()}
        for second in owners:
            key = self._preimage(second)
            if key in _FIXED:
                continue
            free = self._permute(owners[second])
            while free in owners:
                free = self._permute(owners[free])
            self._overrides[key] = free

    def __call__(self, key: int) -> datetime:
        """The timestamp of post ``key``, which is below the number of seconds in the range."""
        second = self._overrides.get(key)
        if second is None:
            second = self._permute(key)
        return _START + timedelta(seconds=second)

    def _permute(self, value: int) -> int:
        while True:
            left, right = value >> _HALF, value & _MASK
            for salt in self._rounds:
                left, right = right, left ^ _mix(right, salt)
            value = left << _HALF | right
            if value < _SECONDS:
                return value

    def _preimage(self, value: int) -> int:
        while True:
            left, right = value >> _HALF, value & _MASK
            for salt in reversed(self._rounds):
                left, right = right ^ _mix(left, salt), left
            value = left << _HALF | right
            if value < _SECONDS:
                return value


def _mix(half: int, salt: int) -> int:
    value = (half + salt) * 0x9E3779B1 & 0xFFFFFFFF
    value = (value ^ value >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    return (value ^ value >> 13) & _MASK
