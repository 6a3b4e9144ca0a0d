"""Words that vary the surface of a question without changing what is asked."""

from random import Random

NAMES = (
    "Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jon Kira Leo Mia Noah Olga Paul Rita Sam Tara Uma Vera Will Yara Zoe"
    " Amir Bela Chen Dina Emil Fay Goran Hana Ivan Jade Kofi Lina"
).split()
PLACES = (
    "market harbour library school farm garden museum station bakery village valley castle office workshop camp island"
    " theatre stadium kitchen forest"
).split()
ITEMS = (
    "apples pears books coins stamps shells marbles pencils cards tickets candles stones buttons eggs plums keys"
    " flowers cups bottles ribbons"
).split()
WEATHER = "rainy windy sunny cold quiet busy foggy warm".split()

OPENERS = (
    "It is a {weather} day at the {place}.",
    "{name} works at the {place}.",
    "{name} and {other} meet at the {place}.",
    "The {place} is {weather} this morning.",
    "Here is a small task from the {place}.",
    "{name} asks for your help.",
    "On a {weather} evening {name} writes this down.",
    "Everyone at the {place} knows {name}.",
    "This one was found in an old book at the {place}.",
    "After lunch {name} walks to the {place}.",
    "{other} heard this from {name}.",
    "A letter from the {place} says the following.",
    "Nobody at the {place} could tell.",
    "{name} wonders about something.",
)
CLOSERS = (
    "Give only the final value.",
    "Show your work.",
    "Explain each step.",
    "{name} would like to know.",
    "The people at the {place} are waiting.",
    "Think it through.",
    "Please answer {name}.",
    "Keep it short.",
)


def dress(rng: Random, core: str) -> str:
    """`core` with, more often than not, a sentence of context before or after it.

    The sentences hold no numbers, so the answer never changes; they keep questions of one family apart.
    """
    draw = rng.random()
    if draw < 0.30:
        return core
    name, other = rng.sample(NAMES, 2)
    words = {"name": name, "other": other, "place": rng.choice(PLACES), "weather": rng.choice(WEATHER)}
    if draw < 0.80:
        return rng.choice(OPENERS).format(**words) + " " + core
    return core + " " + rng.choice(CLOSERS).format(**words)
