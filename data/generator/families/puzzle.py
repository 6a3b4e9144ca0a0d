"""Small puzzles whose answers range widely, so that a constant guess earns little."""

from collections.abc import Callable
from random import Random

from data.generator.problem import Problem, boxed
from data.generator.wording import NAMES, PLACES, dress

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _problem(family: str, rng: Random, question: str, steps: list[str], answer: object) -> Problem:
    return Problem("puzzle", family, dress(rng, question), str(answer), None, boxed(steps, answer))


def coins(rng: Random) -> Problem:
    """Heads left on the table after some coins are turned over."""
    heads, tails = rng.randint(3, 60), rng.randint(3, 40)
    lost, won = rng.randint(1, heads - 1), rng.randint(1, tails)
    left, answer = heads - lost, heads - lost + won
    name, place = rng.choice(NAMES), rng.choice(PLACES)
    question = rng.choice(
        (
            f"On a table lie {heads} coins showing heads and {tails} showing tails. {name} flips {lost} of the heads and {won} of "
            "the tails. How many heads are there now?",
            f"{name} has {tails} tails and {heads} heads in a row. Then {lost} heads and {won} tails are turned over. Count the heads.",
            f"At the {place}, {heads} coins show heads. {name} turns {lost} of them over, and also turns {won} tails. How many coins show heads?",
        )
    )
    return _problem(
        "coins", rng, question, [f"Heads: {heads} - {lost} = {left}", f"Heads: {left} + {won} = {answer}"], answer
    )


def race(rng: Random) -> Problem:
    """Places in a race, given one place and differences along a chain of three names."""
    place, a, b, c = rng.randint(4, 50), *rng.sample(NAMES, 3)
    up, down = rng.randint(1, min(19, place - 1)), rng.randint(1, 29)
    second, third = place - up, place - up + down
    question = rng.choice(
        (
            f"{a} finished in place {place}. {b} was {up} places ahead of {a}, and {c} was {down} places behind {b}. "
            f"In which place did {c} finish?",
            f"In a race {b} came {up} places ahead of {a}, who was number {place}. {c} came {down} places behind {b}. "
            f"What was the place of {c}?",
            f"Find the place of {c}: {a} is at place {place}, {b} is {up} ahead of {a}, {c} is {down} behind {b}.",
        )
    )
    return _problem(
        "race", rng, question, [f"{b}: {place} - {up} = {second}", f"{c}: {second} + {down} = {third}"], third
    )


def queue(rng: Random) -> Problem:
    """The length of a queue from one person's place at both ends."""
    front, back = rng.randint(2, 70), rng.randint(2, 49)
    total, name, place = front + back, rng.choice(NAMES), rng.choice(PLACES)
    question = rng.choice(
        (
            f"{name} stands at place {front} from the front of a queue and at place {back} from its end. How many people are in the queue?",
            f"In the line at the {place}, {name} is number {front} counted from the left and number {back} counted from the right. How long is the line?",
            f"Counting from the top, {name} is number {front} on a list; from the bottom, number {back}. How many names are on the list?",
        )
    )
    return _problem("queue", rng, question, [f"{front} + {back} = {total}", f"{total} - 1 = {total - 1}"], total - 1)


def islanders(rng: Random) -> Problem:
    """Liars among islanders, from how many of them answered yes to a question whose truth is known."""
    total = rng.randint(9, 80)
    yes = rng.randint(2, total - 2)
    fact = rng.random() < 0.65
    thing = rng.choice(("rain", "snow"))
    truth = f"it does {thing}" if fact else f"it does not {thing}"
    place = rng.choice(("island", "village", "ship", "hill"))
    where = f"On {'an' if place == 'island' else 'a'} {place} live {total} people, each a knight who tells the truth or a liar."
    question = rng.choice(
        (
            f"{where} Asked about {thing}, {yes} say yes. In fact {truth}. How many are liars?",
            f"Knights tell the truth and liars lie. Of {total} people, {yes} say yes when asked about {thing}, and {truth}. "
            "Find the number of liars.",
        )
    )
    if fact:
        return _problem(
            "islanders", rng, question, ["Knights say yes.", f"Liars: {total} - {yes} = {total - yes}"], total - yes
        )
    return _problem("islanders", rng, question, ["Liars say yes.", f"Liars: {yes}"], yes)


def sequence(rng: Random) -> Problem:
    """The next number of an arithmetic sequence, or the one after it."""
    start, step = rng.randint(1, 30), rng.randint(2, 12)
    rising = start < 2 or rng.random() < 0.7
    shown = [start + i * step for i in range(4)]
    if not rising:
        shown.reverse()
    sign, delta = ("+", step) if rising else ("-", -step)
    if shown[-1] + 2 * delta < 0:
        return sequence(rng)
    listed, far = ", ".join(map(str, shown)), rng.random() < 0.4
    steps = [f"{max(shown[:2])} - {min(shown[:2])} = {step}", f"{shown[3]} {sign} {step} = {shown[3] + delta}"]
    answer = shown[3] + delta
    if far:
        steps.append(f"{answer} {sign} {step} = {answer + delta}")
        answer += delta
        question = rng.choice(
            (f"A list goes {listed} and so on. What is its sixth number?", f"Find the sixth term: {listed}, ...")
        )
    else:
        question = rng.choice(
            (f"Which number comes next: {listed}, ...?", f"A list goes {listed} and so on. What is its fifth number?")
        )
    return _problem("sequence", rng, question, steps, answer)


def clock(rng: Random) -> Problem:
    """Hours on a 24-hour clock or minutes past the hour."""
    if rng.random() < 0.5:
        limit, start, later = 24, rng.randint(1, 23), rng.randint(3, 23)
        question = rng.choice(
            (
                f"A 24-hour clock shows {start}. Which hour does it show {later} hours later?",
                f"The ship left at hour {start} and sailed for {later} hours. At which hour, from 0 to 23, did it arrive?",
            )
        )
    else:
        limit, start, later = 60, rng.randint(5, 55), rng.randint(5, 55)
        question = rng.choice(
            (
                f"A film starts {start} minutes past the hour and takes {later} minutes. How many minutes past an hour does it end?",
                f"The minute hand is at {start}. Where is it after {later} minutes, from 0 to 59?",
            )
        )
    total = start + later
    steps = [f"{start} + {later} = {total}"]
    if total < limit:
        return _problem("clock", rng, question, [*steps, f"{total} is below {limit}"], total)
    return _problem("clock", rng, question, [*steps, f"{total} - {limit} = {total - limit}"], total - limit)


def calendar(rng: Random) -> Problem:
    """The weekday some days from now, counted day by day after whole weeks are taken off."""
    start, ahead = rng.randrange(7), rng.randint(2, 27)
    weeks, rest = divmod(ahead, 7)
    question = rng.choice(
        (
            f"Today is {DAYS[start]}. Which day of the week is it in {ahead} days?",
            f"{rng.choice(NAMES)} arrives on a {DAYS[start]} and leaves {ahead} days later. On which weekday?",
            f"If a month starts on {DAYS[start]}, what weekday comes {ahead} days after its start?",
        )
    )
    steps = [f"{ahead} - {7 * weeks} = {rest}"] if weeks else []
    # Counting down to 0 makes the last step visible; counting up a small model overshoots.
    steps.append(", ".join(f"{DAYS[(start + i) % 7]} {rest - i}" for i in range(rest + 1)))
    return _problem("calendar", rng, question, steps, DAYS[(start + rest) % 7])


def legs(rng: Random) -> Problem:
    """Legs in a mixed herd of two kinds of animals."""
    kinds = (
        ("spiders", 8),
        ("goats", 4),
        ("hens", 2),
        ("beetles", 6),
        ("horses", 4),
        ("ducks", 2),
        ("ants", 6),
        ("crabs", 10),
    )
    (one, n), (two, m) = rng.sample(kinds, 2)
    a, b = rng.randint(2, 14), rng.randint(2, 14)
    question = rng.choice(
        (
            f"How many legs do {a} {one} and {b} {two} have together?",
            f"{rng.choice(NAMES)} keeps {a} {one} and {b} {two} at the {rng.choice(PLACES)}. Count all their legs.",
            f"In a barn there are {b} {two} and {a} {one}. Find the total number of legs.",
        )
    )
    answer = a * n + b * m
    return _problem(
        "legs",
        rng,
        question,
        [f"{one}: {a} * {n} = {a * n}", f"{two}: {b} * {m} = {b * m}", f"{a * n} + {b * m} = {answer}"],
        answer,
    )


def letters(rng: Random) -> Problem:
    """A letter some places before or after another one."""
    start, count = rng.randrange(26), rng.randint(2, 9)
    forward = start + count < 26 and (start - count < 0 or rng.random() < 0.6)
    where, delta = ("after", 1) if forward else ("before", -1)
    letter = LETTERS[start]
    question = rng.choice(
        (
            f"Which letter stands {count} places {where} {letter} in the alphabet?",
            f"A code moves each letter to the one {count} places {where} it. What does {letter} become?",
            f"Name the letter {count} steps {where} {letter}.",
        )
    )
    walk = ", ".join(f"{LETTERS[start + i * delta]} {count - i}" for i in range(count + 1))
    return _problem("letters", rng, question, [walk], LETTERS[start + count * delta])


FAMILIES: dict[str, Callable[[Random], Problem]] = {
    "coins": coins,
    "race": race,
    "queue": queue,
    "islanders": islanders,
    "sequence": sequence,
    "clock": clock,
    "calendar": calendar,
    "legs": legs,
    "letters": letters,
}
