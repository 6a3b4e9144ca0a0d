"""Stand-ins for benchmark questions: longer, differently worded, and of other kinds than the families that the sources
and the teacher use, so that nothing but a planted leak comes near them. All of it is our own text.
"""

import math
from dataclasses import dataclass
from random import Random

from data.generator.wording import NAMES, PLACES


@dataclass(frozen=True)
class Item:
    """One benchmark question; `options` is empty for free answers."""

    question: str
    answer: str
    options: tuple[str, ...] = ()


def _contest_math(rng: Random) -> Item:
    a, b, c = rng.randint(4, 30), rng.randint(31, 90), rng.randint(2, 9)
    name, place = rng.choice(NAMES), rng.choice(PLACES)
    kind = rng.randrange(6)
    if kind == 0:
        return Item(
            f"Let $N$ be the number of positive integers not exceeding ${a * b}$ that are divisible by ${c}$ but leave a nonzero remainder "
            f"upon division by ${c + 1}$. Determine $N$, assuming that ordinary integer division is meant throughout the problem.",
            str(sum(1 for i in range(1, a * b + 1) if i % c == 0 and i % (c + 1))),
        )
    if kind == 1:
        return Item(
            f"In triangle $ABC$ the sides $AB$ and $AC$ have lengths ${a}$ and ${b}$, and the angle at $A$ is a right angle. The square "
            f"erected outwardly on the hypotenuse is painted {rng.choice(('red', 'blue', 'green', 'white'))} by {name}. Find the painted area.",
            str(a * a + b * b),
        )
    if kind == 2:
        return Item(
            f"A committee of ${c}$ members is to be elected from a club of ${a + c}$ people at the {place}, where every pair of people is on "
            f"speaking terms. In how many different ways can this committee be chosen if the order of election does not matter?",
            str(math.comb(a + c, c)),
        )
    if kind == 3:
        return Item(
            f"Suppose that $f$ is a polynomial with integer coefficients of the form $f(t) = t^2 - {a}t + {b}$. Evaluate the quantity "
            f"$f({c}) + f({c + 2})$ and express your result as a single integer without any further simplification.",
            str(sum(t * t - a * t + b for t in (c, c + 2))),
        )
    if kind == 4:
        return Item(
            f"Given that $\\gcd(m, n) = {c}$ while $m n = {c * c * a * (a + 1)}$ for positive integers $m$ and $n$, what is the value of "
            f"their least common multiple? {name} claims that the data determine it uniquely, and indeed they do.",
            str(c * a * (a + 1)),
        )
    digits = rng.randint(100, 9999)
    return Item(
        f"Write the decimal number ${digits}$ in base ${c + 1}$ notation. When all digits of that representation are added together, "
        f"a positive integer $S$ is obtained. Compute the remainder that $S$ leaves upon being divided by ${a}$.",
        str(_digit_sum(digits, c + 1) % a),
    )


def _digit_sum(number: int, base: int) -> int:
    total = 0
    while number:
        number, digit = divmod(number, base)
        total += digit
    return total


def _contest_code(rng: Random) -> Item:
    n, k, name, place = rng.randint(3, 9) * 10**4, rng.randint(2, 90), rng.choice(NAMES), rng.choice(PLACES)
    thing = rng.choice(("towers", "lanterns", "barrels", "mirrors", "wagons", "statues", "bridges", "wells"))
    return Item(
        rng.choice(
            (
                f"{name} the architect arranges $n$ {thing} in a circle ($1 \\le n \\le {n}$). In one move two neighbouring {thing} may be "
                f"swapped whenever their heights differ by at most {k}. Report the minimum number of moves after which the arrangement is "
                f"lexicographically smallest, or -1 when no finite sequence of moves achieves it.",
                f"You are given an undirected weighted graph whose vertices are the {thing} of the {place}. Up to {k} edges may be made free "
                f"of charge. Output the cheapest cost of travelling from vertex 1 to vertex n, where n does not exceed {n}, within the usual "
                f"limits of two seconds and 256 megabytes.",
                f"There is a rectangular grid with n rows and m columns, n times m being at most {n}, in which some cells hold {thing}. "
                f"{name} may remove one cell per turn, never leaving two adjacent gaps. For every test case decide how many turns the "
                f"longest possible game lasts modulo {10**9 + k}.",
                f"Each of q queries (q up to {n}) either appends a value to the sequence of {thing} or asks for the sum of the {k} largest "
                f"values appended so far. Process the queries online and answer each question of the second type on a line of its own.",
                f"A binary string describes which {thing} near the {place} are lit. An operation flips a contiguous block of exactly {k} "
                f"characters. Decide, for each of at most {n} strings, whether all characters can be made equal, and if so construct any "
                f"shortest sequence of operations.",
                f"Consider all permutations p of length n with the property that no two of the {thing} numbered p_i and p_(i+1) differ by "
                f"more than {k}. {name} wants to know the number of such permutations for every n up to {n}, taken modulo 998244353.",
            )
        ),
        "",
    )


def _exam_science(rng: Random) -> Item:
    a, b, c = rng.randint(12, 95), rng.randint(2, 9), rng.randint(120, 900)
    kind = rng.randrange(6)
    if kind == 0:
        stem, right = (
            f"An ideal monatomic gas confined by a frictionless piston expands isothermally until its volume has grown by the factor {b}. "
            f"Which statement about the initial pressure of {c} kPa is consistent with this process?",
            f"it falls to {c / b:.1f} kPa",
        )
        wrong = (f"it rises to {c * b} kPa", "it stays unchanged", f"it falls to {c / b / b:.1f} kPa")
    elif kind == 1:
        stem, right = (
            f"A radioactive nuclide with a half-life of {a} minutes is prepared in pure form in a shielded laboratory. After what time has its "
            f"activity decreased to one part in {2**b} of the value observed at the start of the experiment?",
            f"{a * b} minutes",
        )
        wrong = (f"{a * (b + 1)} minutes", f"{a * 2**b} minutes", f"{a} minutes")
    elif kind == 2:
        stem, right = (
            f"A thin converging lens of focal length {a} mm forms a real image of a distant star on a detector. By how much does the image "
            f"distance change when the lens is replaced by another one whose refractive power is {b} times as large?",
            f"it shrinks to {a / b:.2f} mm",
        )
        wrong = (f"it grows to {a * b} mm", "it does not change", f"it shrinks to {a / b / b:.2f} mm")
    elif kind == 3:
        stem, right = (
            f"Titration of {a} mL of a monoprotic acid of unknown strength against sodium hydroxide of the same volume requires a base "
            f"concentration of 0.{c} mol/L at the equivalence point. What was the analytical concentration of the acid?",
            f"0.{c} mol/L",
        )
        wrong = (f"0.0{c} mol/L", f"1.{c} mol/L", "it cannot be determined")
    elif kind == 4:
        stem, right = (
            f"Two true-breeding plant lines differ at {b} unlinked loci with complete dominance at every one of them. Among {c} plants of the "
            f"second filial generation, what fraction is expected to be homozygous recessive at all of these loci?",
            f"1 in {4**b}",
        )
        wrong = (f"1 in {2**b}", f"3 in {4**b}", f"1 in {4 ** (b - 1)}")
    else:
        stem, right = (
            f"A satellite circles a planet of unknown mass with an orbital period of {c} minutes. Its orbit is then enlarged so that the "
            f"semi-major axis becomes {b * b} times as long as before. According to the third law of Kepler, what is the new period?",
            f"{c * b**3} minutes",
        )
        wrong = (f"{c * b * b} minutes", f"{c * b} minutes", f"{c} minutes")
    options = [right, *wrong]
    rng.shuffle(options)
    return Item(stem, right, tuple(options))


STYLES = {"math": _contest_math, "code": _contest_code, "science": _exam_science}


def items(rng: Random, style: str, n: int) -> list[Item]:
    """`n` items with distinct questions."""
    found: dict[str, Item] = {}
    while len(found) < n:
        item = STYLES[style](rng)
        found.setdefault(item.question, item)
    return list(found.values())
