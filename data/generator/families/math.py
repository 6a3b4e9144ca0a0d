"""Arithmetic and small word problems: two to four steps, whole numbers up to a few hundred."""

from collections.abc import Callable
from random import Random

from data.generator.problem import Problem, boxed
from data.generator.wording import ITEMS, NAMES, PLACES, dress


def _problem(family: str, rng: Random, question: str, steps: list[str], answer: int) -> Problem:
    return Problem("math", family, dress(rng, question), str(answer), None, boxed(steps, answer))


def chain(rng: Random) -> Problem:
    """A running total over two to four additions and subtractions."""
    total = start = rng.randint(5, 60)
    moves, totals = [], []
    for _ in range(rng.choice((2, 3, 3, 4, 4))):
        change = rng.randint(2, 19)
        sign = "-" if total > change + 1 and (total > 90 or rng.random() < 0.5) else "+"
        after = total + change if sign == "+" else total - change
        moves.append((sign, change))
        totals.append(after)
        total = after
    # Each line is the one above with its first operation done: a small model cannot keep its place in the question.
    written = [" ".join([str(first), *(f"{s} {c}" for s, c in moves[i:])]) for i, first in enumerate([start, *totals])]
    steps = [written[0], *(f"= {line}" for line in written[1:])]
    style = rng.randrange(4)
    if style == 0:
        text = written[0]
        question = rng.choice(
            (f"What is {text}?", f"Compute {text}.", f"Find the value of {text}.", f"Evaluate {text}.")
        )
    elif style == 1:
        words = {"+": "add", "-": "subtract"}
        question = f"Start with {start}, " + ", ".join(f"{words[s]} {c}" for s, c in moves) + ". What do you get?"
    elif style == 2:
        item, name = rng.choice(ITEMS), rng.choice(NAMES)
        words = {"+": ("finds", "buys", "gets"), "-": ("loses", "sells", "gives away")}
        story = ", then ".join(f"{rng.choice(words[s])} {c}" for s, c in moves)
        question = f"{name} has {start} {item}, {story}. How many {item} are left?"
    else:
        words = {"+": ("get on", "board"), "-": ("get off", "leave")}
        story = " ".join(f"{c} people {rng.choice(words[s])}." for s, c in moves)
        question = f"A bus carries {start} people. {story} How many people does it carry now?"
    return _problem("chain", rng, question, steps, total)


def boxes(rng: Random) -> Problem:
    """Equal groups plus or minus some."""
    groups, size, extra = rng.randint(2, 14), rng.randint(3, 15), rng.randint(2, 39)
    product, item, name, place = groups * size, rng.choice(ITEMS), rng.choice(NAMES), rng.choice(PLACES)
    if product > extra + 2 and rng.random() < 0.4:
        answer, sign = product - extra, "-"
        question = rng.choice(
            (
                f"{name} packs {groups} boxes with {size} {item} each, and {extra} of them break. How many {item} are good?",
                f"There are {groups} shelves at the {place}, each with {size} {item}. {name} takes {extra}. How many {item} remain?",
                f"From {groups} bags of {size} {item}, {extra} are sold. Count the {item} still there.",
            )
        )
    else:
        answer, sign = product + extra, "+"
        question = rng.choice(
            (
                f"{name} has {groups} boxes of {size} {item} and {extra} loose {item}. How many {item} in total?",
                f"How many {item} are at the {place} if there are {groups} rows of {size} and {extra} more on the floor?",
                f"Every one of {groups} visitors brings {size} {item}; {name} brings {extra}. Find the number of {item}.",
            )
        )
    return _problem(
        "boxes", rng, question, [f"{groups} * {size} = {product}", f"{product} {sign} {extra} = {answer}"], answer
    )


def equation(rng: Random) -> Problem:
    """a x + b = c or a x - b = c, in symbols or as a number someone thought of."""
    factor, x, shift = rng.randint(2, 12), rng.randint(2, 19), rng.randint(2, 39)
    product = factor * x
    plus = product <= shift or rng.random() < 0.6
    result = product + shift if plus else product - shift
    sign, undo = ("+", "-") if plus else ("-", "+")
    letter, name = rng.choice("xyzn"), rng.choice(NAMES)
    verb = "adds" if plus else "subtracts"
    question = rng.choice(
        (
            f"Solve {factor}{letter} {sign} {shift} = {result} for {letter}.",
            f"If {factor}{letter} {sign} {shift} = {result}, find {letter}.",
            f"{name} thinks of a number, multiplies it by {factor}, {verb} {shift} and gets {result}. What was the number?",
            f"Which number {letter} satisfies {result} = {factor}{letter} {sign} {shift}?",
        )
    )
    steps = [f"{result} {undo} {shift} = {product}", f"{product} / {factor} = {x}"]
    return _problem("equation", rng, question, steps, x)


def share(rng: Random) -> Problem:
    """Share equally, then add or remove."""
    people, each, more = rng.randint(2, 12), rng.randint(4, 19), rng.randint(2, 39)
    total, item, name = people * each, rng.choice(ITEMS), rng.choice(NAMES)
    question = rng.choice(
        (
            f"{name} shares {total} {item} equally among {people} friends. One friend then finds {more} more. How many {item} does that friend have?",
            f"{people} children split {total} {item} evenly. {name}, one of them, already had {more}. How many {item} has {name} now?",
            f"Divide {total} {item} into {people} equal piles and put {more} {item} on the first pile. How large is the first pile?",
        )
    )
    answer = each + more
    return _problem("share", rng, question, [f"{total} / {people} = {each}", f"{each} + {more} = {answer}"], answer)


def change(rng: Random) -> Problem:
    """Change from a note after buying several things of one price."""
    count, price = rng.randint(2, 14), rng.randint(2, 15)
    cost, item, name, place = count * price, rng.choice(ITEMS), rng.choice(NAMES), rng.choice(PLACES)
    paid = cost + rng.randint(2, 39)
    question = rng.choice(
        (
            f"{name} buys {count} {item} at {price} euros each and pays {paid} euros. How much change comes back?",
            f"At the {place} one of the {item} costs {price} dollars. {name} had {paid} dollars and bought {count}. How many dollars remain?",
            f"With {paid} coins in hand, {name} pays {price} coins for each of {count} {item}. How many coins are left?",
        )
    )
    return _problem(
        "change", rng, question, [f"{count} * {price} = {cost}", f"{paid} - {cost} = {paid - cost}"], paid - cost
    )


def ages(rng: Random) -> Problem:
    """An age given by a difference, then the sum of the two or three ages."""
    first, gap = rng.randint(5, 50), rng.randint(2, 29)
    second = first + gap
    a, b, c = rng.sample(NAMES, 3)
    steps = [f"{first} + {gap} = {second}", f"{first} + {second} = {first + second}"]
    if rng.random() < 0.6:
        question = rng.choice(
            (
                f"{a} is {first} years old and {b} is {gap} years older. What is the sum of their ages?",
                f"{b} is {gap} years older than {a}, who is {first}. How old are they together?",
            )
        )
        return _problem("ages", rng, question, steps, first + second)
    third = rng.randint(3, 40)
    answer = first + second + third
    question = f"{a} is {first}. {b} is {gap} years older than {a}. {c} is {third}. Add up the three ages."
    return _problem("ages", rng, question, [*steps, f"{first + second} + {third} = {answer}"], answer)


def rectangle(rng: Random) -> Problem:
    """Perimeter, or area with a piece cut out."""
    length, width, place = rng.randint(3, 49), rng.randint(3, 15), rng.choice(PLACES)
    shape = rng.choice(("rectangle", "garden", "room", "field", "carpet"))
    if rng.random() < 0.5:
        half = length + width
        question = rng.choice(
            (
                f"A {shape} is {length} metres long and {width} metres wide. Find its perimeter in metres.",
                f"How many metres of fence go around a {shape} of {length} by {width} metres near the {place}?",
            )
        )
        return _problem(
            "rectangle", rng, question, [f"{length} + {width} = {half}", f"{half} * 2 = {2 * half}"], 2 * half
        )
    length = rng.randint(3, 14)
    area, hole = length * width, rng.randint(2, 8)
    question = rng.choice(
        (
            f"A {shape} measures {length} by {width} metres. A pond covers {hole} square metres of it. What area is left?",
            f"From a {shape} of {length} by {width} metres, {hole} square metres are cut off. Find the remaining area.",
        )
    )
    return _problem(
        "rectangle", rng, question, [f"{length} * {width} = {area}", f"{area} - {hole} = {area - hole}"], area - hole
    )


def mean(rng: Random) -> Problem:
    """The mean of three whole numbers that divide evenly."""
    a, b, answer = rng.randint(2, 40), rng.randint(2, 40), rng.randint(5, 29)
    third = 3 * answer - a - b
    if not 1 <= third <= 60:
        return mean(rng)
    what = rng.choice(("scores", "numbers", "prices", "weights", "times"))
    question = rng.choice(
        (
            f"What is the average of the {what} {a}, {b} and {third}?",
            f"Find the mean of {a}, {b}, {third}.",
            f"{rng.choice(NAMES)} noted three {what}: {a}, {b} and {third}. Compute their average.",
        )
    )
    steps = [f"{a} + {b} = {a + b}", f"{a + b} + {third} = {3 * answer}", f"{3 * answer} / 3 = {answer}"]
    return _problem("mean", rng, question, steps, answer)


FAMILIES: dict[str, Callable[[Random], Problem]] = {
    "chain": chain,
    "boxes": boxes,
    "equation": equation,
    "share": share,
    "change": change,
    "ages": ages,
    "rectangle": rectangle,
    "mean": mean,
}
