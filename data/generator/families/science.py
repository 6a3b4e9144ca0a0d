"""One- and two-formula questions from physics, chemistry and biology; questions carry units, answers are bare numbers.

`physics` and `life` (chemistry and biology) are kept apart because the sources that they stand in for are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from data.generator.problem import Problem, boxed
from data.generator.wording import NAMES, PLACES, dress

OPTION_LETTERS = "ABCDE"


@dataclass(frozen=True)
class Law:
    """A product law `result = left * right` with units and two ways to tell it.

    `told` ask for the product from {x} and {y}; `inverse` ask for {x} from the product {z} and {y}.
    """

    formula: str
    inverse_formula: str
    told: tuple[str, ...]
    inverse: tuple[str, ...]


LAWS = (
    Law(
        "F = m a",
        "m = F / a",
        (
            "A cart of mass {x} kg speeds up at {y} m/s^2. What force in newtons acts on it?",
            "Which net force, in newtons, gives {x} kg an acceleration of {y} m/s^2?",
        ),
        ("A force of {z} N gives a cart an acceleration of {y} m/s^2. Find its mass in kg.",),
    ),
    Law(
        "U = R I",
        "R = U / I",
        (
            "A current of {y} A flows through a resistor of {x} ohm. Find the voltage in volts.",
            "What voltage drives {y} A through {x} ohm?",
        ),
        ("At {z} V a current of {y} A flows through a wire. What is its resistance in ohm?",),
    ),
    Law(
        "W = F s",
        "F = W / s",
        (
            "{name} pushes a crate with {x} N over {y} m. How much work in joules is done?",
            "How many joules does a force of {x} N deliver along {y} m?",
        ),
        ("Moving a crate over {y} m took {z} J of work. Which constant force in newtons was used?",),
    ),
    Law(
        "s = v t",
        "v = s / t",
        (
            "A train moves at {x} m/s for {y} s. How many metres does it cover?",
            "{name} cycles at {x} m/s. What distance in metres is behind after {y} s?",
        ),
        ("A bird flies {z} m in {y} s. What is its speed in m/s?",),
    ),
    Law(
        "P = U I",
        "U = P / I",
        ("A lamp at {x} V draws {y} A. What is its power in watts?",),
        ("A heater of {z} W draws {y} A. At which voltage does it run?",),
    ),
    Law(
        "p = m v",
        "m = p / v",
        ("A ball of {x} kg rolls at {y} m/s. Calculate its momentum in kg m/s.",),
        ("A rolling ball has momentum {z} kg m/s at {y} m/s. Determine its mass in kg.",),
    ),
    Law(
        "Q = I t",
        "I = Q / t",
        ("How many coulombs pass when {x} A flow for {y} s?",),
        ("In {y} s a charge of {z} C passes through a cable. What is the current in amperes?",),
    ),
    Law(
        "m = rho V",
        "rho = m / V",
        ("A liquid of density {x} kg/l fills a tank of {y} l. What is its mass in kg?",),
        ("A stone of {y} l has a mass of {z} kg. What is its density in kg/l?",),
    ),
    Law(
        "v = f L",
        "f = v / L",
        ("A wave of {x} Hz has a wavelength of {y} m. How fast does it travel, in m/s?",),
        ("Waves of length {y} m travel at {z} m/s. Find the frequency in Hz.",),
    ),
    Law(
        "F = k x",
        "k = F / x",
        ("A spring of stiffness {x} N/cm is stretched by {y} cm. Which force in newtons holds it?",),
        ("A pull of {z} N stretches a spring by {y} cm. What is the stiffness in N/cm?",),
    ),
)

# Whole-number molar masses in g/mol and atoms per molecule.
GASES = (
    ("helium", 4),
    ("methane", 16),
    ("ammonia", 17),
    ("water", 18),
    ("neon", 20),
    ("nitrogen", 28),
    ("oxygen", 32),
    ("argon", 40),
)
ATOMS = (
    ("hydrogen", "methane CH4", 4),
    ("hydrogen", "ammonia NH3", 3),
    ("hydrogen", "ethane C2H6", 6),
    ("hydrogen", "propane C3H8", 8),
    ("oxygen", "sulfuric acid H2SO4", 4),
    ("carbon", "glucose C6H12O6", 6),
    ("hydrogen", "glucose C6H12O6", 12),
    ("carbon", "butane C4H10", 4),
    ("hydrogen", "butane C4H10", 10),
)
ELEMENTS = (
    ("carbon", 6),
    ("nitrogen", 7),
    ("oxygen", 8),
    ("sodium", 11),
    ("aluminium", 13),
    ("chlorine", 17),
    ("calcium", 20),
    ("iron", 26),
)


def _problem(family: str, rng: Random, question: str, steps: list[str], answer: object) -> Problem:
    return Problem("science", family, dress(rng, question), str(answer), None, boxed(steps, answer))


def _product(rng: Random) -> tuple[int, int]:
    return rng.randint(3, 19), rng.randint(3, 14)


def law(rng: Random) -> Problem:
    """One physical law, asked for the product or for a factor."""
    rule, (x, y) = rng.choice(LAWS), _product(rng)
    words = {"x": x, "y": y, "z": x * y, "name": rng.choice(NAMES)}
    if rng.random() < 0.6:
        return _problem(
            "law", rng, rng.choice(rule.told).format(**words), [rule.formula, f"{x} * {y} = {x * y}"], x * y
        )
    return _problem(
        "law", rng, rng.choice(rule.inverse).format(**words), [rule.inverse_formula, f"{x * y} / {y} = {x}"], x
    )


def motion(rng: Random) -> Problem:
    """Speed after a steady acceleration, or a net force and what it does."""
    if rng.random() < 0.5:
        start, rate, time = rng.randint(2, 40), rng.randint(2, 12), rng.randint(2, 14)
        gain = rate * time
        question = rng.choice(
            (
                f"A car at {start} m/s gains {rate} m/s every second. What is its speed in m/s after {time} s?",
                f"{rng.choice(NAMES)} rides at {start} m/s and then speeds up by {rate} m/s^2 for {time} s. Find the final speed in m/s.",
                f"With an acceleration of {rate} m/s^2 over {time} s, which speed does a sledge reach from {start} m/s?",
            )
        )
        steps = ["v = v0 + a t", f"{rate} * {time} = {gain}", f"{start} + {gain} = {start + gain}"]
        return _problem("motion", rng, question, steps, start + gain)
    mass, rate, drag = rng.randint(2, 12), rng.randint(2, 14), rng.randint(2, 29)
    net = mass * rate
    question = rng.choice(
        (
            f"A motor pulls a {mass} kg sledge with {net + drag} N against {drag} N of friction. Find the acceleration in m/s^2.",
            f"{rng.choice(NAMES)} pushes a sledge of {mass} kg with {net + drag} N; friction takes {drag} N. "
            "How fast does it gain speed, in m/s^2?",
            f"Friction of {drag} N slows a box of {mass} kg that is pushed with {net + drag} N. What is its acceleration in m/s^2?",
        )
    )
    return _problem(
        "motion", rng, question, ["a = F / m", f"{net + drag} - {drag} = {net}", f"{net} / {mass} = {rate}"], rate
    )


def circuit(rng: Random) -> Problem:
    """Two resistors in series, then voltage or power."""
    one, two, current = rng.randint(2, 12), rng.randint(2, 9), rng.randint(2, 12)
    total = one + two
    question = rng.choice(
        (
            f"Resistors of {one} ohm and {two} ohm are in series and carry {current} A. What is the total voltage?",
            f"{rng.choice(NAMES)} joins {one} ohm and {two} ohm in a row; {current} A flow. Which voltage lies across both?",
            f"A source drives {current} A through two resistors one after the other, {one} ohm and {two} ohm. Find its voltage.",
            f"In the {rng.choice(PLACES)} a current of {current} A runs through {one} ohm and then {two} ohm. "
            "How many volts does the source give?",
        )
    )
    steps = ["R = R1 + R2", f"{one} + {two} = {total}", "U = R I", f"{total} * {current} = {total * current}"]
    return _problem("circuit", rng, question, steps, total * current)


def kelvin(rng: Random) -> Problem:
    """Celsius to kelvin with an offset of 273, after a warming."""
    start, rise = rng.randint(3, 60), rng.randint(2, 30)
    what = rng.choice(("water", "a metal rod", "the air", "a gas"))
    total = start + rise
    question = rng.choice(
        (
            f"The temperature of {what} rises by {rise} degrees from {start} C. What is it then in kelvin, with 0 C = 273 K?",
            f"At first {what} is at {start} C, later {rise} C warmer. Give the later temperature in K (add 273).",
        )
    )
    return _problem(
        "kelvin", rng, question, [f"{start} + {rise} = {total}", f"{total} + 273 = {total + 273}"], total + 273
    )


def moles(rng: Random) -> Problem:
    """Mass from amount of substance, or amount from mass."""
    (name, mass), amount = rng.choice(GASES), rng.randint(2, 12)
    if rng.random() < 0.6:
        question = rng.choice(
            (
                f"What is the mass in grams of {amount} mol of {name} at {mass} g/mol?",
                f"The molar mass of {name} is {mass} g/mol. How many grams are {amount} mol?",
                f"{rng.choice(NAMES)} needs {amount} mol of {name} at {mass} g/mol. How many grams must be weighed?",
                f"A bottle at the {rng.choice(PLACES)} holds {amount} mol of {name}, {mass} g each mol. Find the mass in grams.",
            )
        )
        return _problem("moles", rng, question, ["m = n M", f"{mass} * {amount} = {mass * amount}"], mass * amount)
    question = rng.choice(
        (
            f"How many moles are {mass * amount} g of {name}, whose molar mass is {mass} g/mol?",
            f"{rng.choice(NAMES)} weighs {mass * amount} g of {name} ({mass} g/mol). What amount in mol is that?",
            f"From {mass * amount} g of {name} at {mass} g/mol, find the amount of substance in mol.",
        )
    )
    return _problem("moles", rng, question, ["n = m / M", f"{mass * amount} / {mass} = {amount}"], amount)


def atoms(rng: Random) -> Problem:
    """Atoms of one element in some molecules, or neutrons in some atoms."""
    if rng.random() < 0.5:
        (element, molecule, per), count = rng.choice(ATOMS), rng.randint(2, 19)
        question = rng.choice(
            (
                f"How many {element} atoms are in {count} molecules of {molecule}?",
                f"{count} molecules of {molecule} are split up. Count the {element} atoms.",
                f"{rng.choice(NAMES)} builds {count} models of {molecule}. How many balls for {element} are needed?",
                f"Find the number of {element} atoms that {count} molecules of {molecule} hold at the {rng.choice(PLACES)}.",
            )
        )
        return _problem(
            "atoms", rng, question, [f"One molecule has {per}.", f"{count} * {per} = {count * per}"], count * per
        )
    (element, protons), neutrons, count = rng.choice(ELEMENTS), rng.randint(6, 19), rng.randint(2, 9)
    weight = protons + neutrons
    question = rng.choice(
        (
            f"An atom of {element} has {protons} protons and mass number {weight}. How many neutrons do {count} such atoms hold?",
            f"Count the neutrons in {count} atoms of {element} with mass number {weight} and {protons} protons each.",
            f"{rng.choice(NAMES)} has {count} atoms of {element}-{weight}. With {protons} protons in each, how many neutrons are there?",
        )
    )
    steps = [f"{weight} - {protons} = {neutrons}", f"{neutrons} * {count} = {neutrons * count}"]
    return _problem("atoms", rng, question, steps, neutrons * count)


def cells(rng: Random) -> Problem:
    """Doubling cells, or chromosomes in gametes."""
    name, place = rng.choice(NAMES), rng.choice(PLACES)
    if rng.random() < 0.5:
        count, rounds = rng.randint(2, 29), rng.randint(2, 5)
        question = rng.choice(
            (
                f"{count} cells divide in two {rounds} times in a row. How many cells are there at the end?",
                f"A culture of {count} bacteria doubles every hour. How many bacteria after {rounds} hours?",
                f"In the {place} lab {name} counts {count} yeast cells. Each splits into two per hour. Count the cells {rounds} hours on.",
                f"How large is a population of {count} amoebae when it has doubled {rounds} times?",
            )
        )
        steps = [f"{rounds} rounds"]
        for left in reversed(range(rounds)):
            steps.append(f"{count} * 2 = {2 * count}, {left} left")
            count *= 2
        return _problem("cells", rng, question, steps, count)
    half, gametes = rng.randint(4, 19), rng.randint(2, 9)
    question = rng.choice(
        (
            f"A body cell has {2 * half} chromosomes, a gamete half of that. How many chromosomes are in {gametes} gametes?",
            f"{name} studies a fern whose body cells hold {2 * half} chromosomes. Find the number in {gametes} of its gametes together.",
            f"Gametes carry half of the {2 * half} chromosomes of a body cell. Count the chromosomes of {gametes} gametes.",
        )
    )
    return _problem(
        "cells", rng, question, [f"{2 * half} / 2 = {half}", f"{half} * {gametes} = {half * gametes}"], half * gametes
    )


def bonds(rng: Random) -> Problem:
    """Hydrogen bonds in DNA: two per A-T pair, three per G-C pair."""
    pairs, more = rng.randint(2, 19), rng.randint(2, 19)
    two, three = 2 * pairs, 3 * more
    question = rng.choice(
        (
            f"A piece of DNA has {pairs} A-T pairs and {more} G-C pairs. How many hydrogen bonds hold it together?",
            f"Count the hydrogen bonds in DNA with {more} G-C pairs and {pairs} A-T pairs.",
            f"{rng.choice(NAMES)} cuts out DNA with {pairs} A-T and {more} G-C pairs. How many hydrogen bonds does it have?",
        )
    )
    steps = [f"A-T: {pairs} * 2 = {two}", f"G-C: {more} * 3 = {three}", f"{two} + {three} = {two + three}"]
    return _problem("bonds", rng, question, steps, two + three)


def choice(rng: Random) -> Problem:
    """A law with five options; the answer is a letter."""
    rule, x, y = rng.choice(LAWS), rng.randint(2, 9), rng.randint(2, 12)
    value = x * y
    wrong = {value + d for d in (-x, -2, -1, 1, 2, 10, x, y)} - {value}
    options = rng.sample(sorted(v for v in wrong if v > 0), 4)
    place = rng.randrange(5)
    options.insert(place, value)
    listed = " ".join(f"{letter}) {v}" for letter, v in zip(OPTION_LETTERS, options, strict=True))
    question = rng.choice(rule.told).format(x=x, y=y, name=rng.choice(NAMES)) + " " + listed
    letter = OPTION_LETTERS[place]
    # Option by option up to the right one: looking the value up in one step is beyond a small model.
    scan = [
        f"{other}) {v} {'yes' if v == value else 'no'}"
        for other, v in zip(OPTION_LETTERS, options[: place + 1], strict=False)
    ]
    steps = [rule.formula, f"{x} * {y} = {value}", *scan]
    return _problem("choice", rng, question, steps, letter)


PHYSICS = ("law", "motion", "circuit", "kelvin")
LIFE = ("moles", "atoms", "cells", "bonds", "choice")
FAMILIES: dict[str, Callable[[Random], Problem]] = {
    "law": law,
    "motion": motion,
    "circuit": circuit,
    "kelvin": kelvin,
    "moles": moles,
    "atoms": atoms,
    "cells": cells,
    "bonds": bonds,
    "choice": choice,
}
