"""Pairs of texts that two lower bounds of the Indel distance leave over. Why nothing is lost: see `indel.py`."""

from __future__ import annotations

import numpy as np

from ot_assets.similarity.compiled import compiled

_TILE = 1024
_WORD = 64
# Letters; of a longer projection the counts must do: rapidfuzz strips what two long texts begin and end with.
_LONGEST = 64 * _WORD
# Letters times words that projections may take in one call: some tenths of a second.
_ENOUGH = 1 << 28


@compiled
def candidates(left, right, row, last, low, high, share, kinds, out_left, out_right):  # type: ignore[no-untyped-def]
    """Pairs (i, j) of `left` and `right` whose distance may be at most share * (length i + length j).

    For i from `row` on and j in [low[i], high[i]). Written to `out_left`, `out_right`; stops at `last`, before a row
    that they might not hold, or where long projections took enough time. `kinds` is how many kinds the first look
    counts. Returns the next row, how many pairs were written, and how many reached the second bound.
    """
    sums, near = np.empty(_TILE, dtype=np.uint16), np.empty(_TILE, dtype=np.int64)
    found, counted, spent = 0, 0, 0
    first, second = len(left.lengths) - len(left.full), len(right.lengths) - len(right.full)
    while row < last:
        if found + high[row] - low[row] > len(out_left) or spent > _ENOUGH:
            break
        masks, column = np.empty((0, 0), dtype=np.uint64), np.empty(0, dtype=np.uint64)
        for start in range(low[row], high[row], _TILE):
            width = min(_TILE, high[row] - start)
            sums[:] = 0
            for kind in range(kinds):
                _add_differences(left.rows[row, kind], right.counts[kind, start : start + width], sums)
            loosest = _limit(share, left.lengths[row] + right.lengths[start + width - 1])
            for place in range(_at_most(sums[:width], loosest, near)):
                j = start + near[place]
                limit = _limit(share, left.lengths[row] + right.lengths[j])
                bound = np.int64(sums[near[place]]) + _difference(
                    left.rows[row], right.rows[j], kinds, left.rows.shape[1]
                )
                if bound > limit:
                    continue
                if row >= first and j >= second and _apart(left.full[row - first], right.full[j - second]) > limit:
                    continue
                counted += 1
                if len(masks) == 0:
                    masks = _masks(left, row)
                    column = np.empty(masks.shape[1], dtype=np.uint64)
                spent += masks.shape[1] * right.lengths[j]
                if _projected(left, right, row, j, masks, column, bound, limit) <= limit:
                    out_left[found] = row
                    out_right[found] = j
                    found += 1
        row += 1
    return row, found, counted


@compiled
def _add_differences(mine, others, sums):  # type: ignore[no-untyped-def]
    """Add to each sum how far `mine` is from the other's count. Nearly all the time of a join goes here."""
    count = np.int16(mine)
    for t in range(len(others)):
        sums[t] += np.uint16(abs(np.int16(count - np.int16(others[t]))))


@compiled
def _at_most(sums, most, places):  # type: ignore[no-untyped-def]
    """Write the places of the sums that are at most `most`; returns how many there are."""
    size = 0
    for t in range(len(sums)):
        places[size] = t
        size += sums[t] <= most
    return size


@compiled
def _difference(one, other, first, last):  # type: ignore[no-untyped-def]
    """How far two texts' counts of the kinds from `first` to `last` are apart."""
    total = np.int32(0)
    for kind in range(first, last):
        total += np.int32(abs(np.int16(np.int16(one[kind]) - np.int16(other[kind]))))
    return np.int64(total)


@compiled
def _apart(one, other):  # type: ignore[no-untyped-def]
    """How far the whole counts of two long texts are apart."""
    total = np.int64(0)
    for kind in range(len(one)):
        total += abs(one[kind] - other[kind])
    return total


@compiled
def _limit(share, length):  # type: ignore[no-untyped-def]
    """The most edits that a pair may have; never too few, whatever floating point does."""
    return np.int64(share * length + 1e-6)


@compiled
def _masks(corpus, i):  # type: ignore[no-untyped-def]
    """Bit p of masks[kind] is set where letter p of the projection, that of the kind's own class, is of that kind."""
    longest = 0
    for c in range(4):
        size = corpus.starts[4 * i + c + 1] - corpus.starts[4 * i + c]
        longest = max(longest, size) if size <= _LONGEST else longest
    masks = np.zeros((corpus.rows.shape[1], (longest + _WORD - 1) // _WORD + 1), dtype=np.uint64)
    for c in range(4):
        first, end = corpus.starts[4 * i + c], corpus.starts[4 * i + c + 1]
        for place in range(first, end if end - first <= _LONGEST else first):
            p = place - first
            masks[corpus.letters[place], p // _WORD] |= np.uint64(1) << np.uint64(p % _WORD)
    return masks


@compiled
def _projected(left, right, i, j, masks, column, bound, limit):  # type: ignore[no-untyped-def]
    """The bound, with the counts of each class replaced by the distance of its projections until it is too high."""
    for c in range(4):
        size = left.starts[4 * i + c + 1] - left.starts[4 * i + c]
        if size > _LONGEST:
            continue
        first, end = right.starts[4 * j + c], right.starts[4 * j + c + 1]
        bound -= _difference(left.rows[i], right.rows[j], left.classes[c, 0], left.classes[c, 1])
        bound += size + end - first - 2 * _common(masks, size, right.letters, first, end, column)
        if bound > limit:
            break
    return bound


@compiled
def _common(masks, size, letters, first, end, column):  # type: ignore[no-untyped-def]
    """The longest common subsequence of a text of `size` letters, given by its masks, and letters[first:end].

    Bit-parallel (Hyyrö 2004): a word holds 64 columns of the matrix of differences, a letter takes one addition a word.
    """
    one = np.uint64(1)
    words = (size + _WORD - 1) // _WORD
    if words == 1:
        rest = ~np.uint64(0)
        for place in range(first, end):
            mask = masks[letters[place], 0]
            rest = (rest + (rest & mask)) | (rest & ~mask)
        return _zeros(rest, size)
    if words == 2:
        low, high = ~np.uint64(0), ~np.uint64(0)
        for place in range(first, end):
            mask, other = masks[letters[place], 0], masks[letters[place], 1]
            total = low + (low & mask)
            high = (high + (high & other) + (one if total < low else np.uint64(0))) | (high & ~other)
            low = total | (low & ~mask)
        return _zeros(low, _WORD) + _zeros(high, size - _WORD)
    for w in range(words):
        column[w] = ~np.uint64(0)
    for place in range(first, end):
        carry = np.uint64(0)
        letter = letters[place]
        for w in range(words):
            mask, rest = masks[letter, w], column[w]
            total = rest + (rest & mask)
            over = total < rest
            summed = total + carry
            carry = one if over or summed < total else np.uint64(0)
            column[w] = summed | (rest & ~mask)
    common = 0
    for w in range(words):
        common += _zeros(column[w], min(_WORD, size - w * _WORD))
    return common


@compiled
def _zeros(word, bits):  # type: ignore[no-untyped-def]
    """How many of the lowest `bits` bits are zero."""
    x = ~word
    if bits < 64:
        x &= (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
