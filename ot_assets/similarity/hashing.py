"""Hashes of words, and of n tokens in a row. They only name candidates: whoever uses them compares what was hashed."""

from __future__ import annotations

import numpy as np

from ot_assets.similarity.compiled import compiled

# FNV-1a for the bytes of a word; then the finaliser of splitmix64, so that every bit of a word moves every bit
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX, _MORE = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# any odd number will do
_STEP = np.uint64(0x9E3779B97F4A7C15)


@compiled
def mixed(number):  # type: ignore[no-untyped-def]
    """A bijection of the 64-bit numbers that looks like chance."""
    number = (number ^ (number >> np.uint64(30))) * _MIX
    number = (number ^ (number >> np.uint64(27))) * _MORE
    return number ^ (number >> np.uint64(31))


@compiled
def word_hashes(data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hash of each word in lower case, and where each row's words end; `ends` is where each row's bytes end."""
    hashes, counts = np.empty((len(data) + len(ends)) // 2 + 1, np.uint64), np.empty(len(ends), np.int64)
    count, place = 0, 0
    for row in range(len(ends)):
        letters, state = 0, _BASIS
        while place < ends[row]:
            byte = data[place]
            place += 1
            if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31:
                if letters:
                    hashes[count] = mixed(state)
                    count += 1
                letters, state = 0, _BASIS
            else:
                if 65 <= byte <= 90:
                    byte += np.uint8(32)
                state = (state ^ np.uint64(byte)) * _PRIME
                letters += 1
        if letters:
            hashes[count] = mixed(state)
            count += 1
        counts[row] = count
    return hashes[:count], counts


@compiled
def run_hashes(numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The hash of each run of n tokens, and the place of its first token, row by row: none crosses from row to row."""
    total = 0
    for row in range(len(starts)):
        total += max(ends[row] - starts[row] - n + 1, 0)
    hashes, places = np.empty(total, np.uint64), np.empty(total, np.int64)
    leaving = _power(n)
    count = 0
    for row in range(len(starts)):
        state = np.uint64(0)
        for place in range(starts[row], ends[row]):
            state = _rolled(state, numbers, place, n, starts[row], leaving)
            first = place - n + 1
            if first >= starts[row]:
                hashes[count], places[count] = mixed(state), first
                count += 1
    return hashes, places


@compiled
def first_known(
    numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int, known: np.ndarray, sieve: np.ndarray
) -> np.ndarray:
    """For each row the place of its first run of n tokens whose hash is in `known` (sorted), or -1.

    `sieve` is that of `sieve_of(known)`: most hashes that are unknown fall through it, without a search.
    """
    found = np.full(len(starts), -1, np.int64)
    leaving = _power(n)
    shift = _shift(sieve)
    for row in range(len(starts)):
        state = np.uint64(0)
        for place in range(starts[row], ends[row]):
            state = _rolled(state, numbers, place, n, starts[row], leaving)
            first = place - n + 1
            if first >= starts[row]:
                value = mixed(state)
                if _passes(sieve, shift, value) and _holds(known, value):
                    found[row] = first
                    break
    return found


@compiled
def sieve_of(known: np.ndarray) -> np.ndarray:
    """One bit for each beginning of a hash, set for those of `known`: 16 to 32 bits a hash, so that few others pass."""
    size = 2
    while 8 * size < 16 * len(known):
        size *= 2
    sieve = np.zeros(size, np.uint8)
    shift = _shift(sieve)
    for value in known:
        bit = value >> shift
        sieve[bit >> np.uint64(3)] |= np.uint8(1) << np.uint8(bit & np.uint64(7))
    return sieve


@compiled
def _shift(sieve):  # type: ignore[no-untyped-def]
    """How far a hash is moved so that its first bits number the bits of the sieve."""
    bits, size = 3, len(sieve)
    while size > 1:
        size //= 2
        bits += 1
    return np.uint64(64 - bits)


@compiled
def _passes(sieve, shift, value):  # type: ignore[no-untyped-def]
    bit = value >> shift
    return (sieve[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & np.uint8(1)


@compiled
def _power(n):  # type: ignore[no-untyped-def]
    """What a token's number is multiplied with when it leaves a run of n."""
    power = np.uint64(1)
    for _ in range(n):
        power *= _STEP
    return power


@compiled
def _rolled(state, numbers, place, n, start, leaving):  # type: ignore[no-untyped-def]
    """The state of a run of n with the token at `place` in it, and without the one that is n before."""
    state = state * _STEP + numbers[place]
    if place - n >= start:
        state -= numbers[place - n] * leaving
    return state


@compiled
def _holds(known, value):  # type: ignore[no-untyped-def]
    low, high = 0, len(known)
    while low < high:
        middle = (low + high) // 2
        if known[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < len(known) and known[low] == value
