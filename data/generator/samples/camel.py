"""CAMEL's physics, chemistry and biology: problems by sub-topic, one JSON file each in a zip.

    {"role_1": "Physicist_RoleType.ASSISTANT", "topic;": "Dynamics", "sub_topic": "Net force",
     "message_1": "A motor pulls a 7 kg sledge with 51 N against 9 N of friction. ...", "message_2": "a = F / m\\n51 - 9 = 42\\n..."}

OpenThoughts-114k takes two problems of each sub-topic. One sub-topic here has a single problem.
"""

from functools import partial
from typing import Any

from data.generator import dirt
from data.generator.dirt import Row
from data.generator.samples.drawing import Draw, StandIn, shuffled, told, worked

PROBLEMS = 4
ALONE = "Odds and ends"
# subject -> family -> topic and its sub-topics
TOPICS = {
    "physics": {
        "law": ("Classical laws", ("Force and work", "Charge and power", "Density and waves")),
        "motion": ("Dynamics", ("Steady acceleration", "Net force", "Friction")),
        "circuit": ("Electricity", ("Resistors", "Series circuits", "Voltage")),
        "kelvin": ("Thermodynamics", ("Temperature scales", "Warming", "Absolute temperature")),
    },
    "chemistry": {
        "moles": (
            "Stoichiometry",
            ("Molar mass", "Amount of substance", "Weighing", "Gases", "Moles to grams", "Grams to moles"),
        ),
        "atoms": (
            "Atomic structure",
            ("Counting atoms", "Neutrons", "Isotopes", "Molecules", "Mass number", "Formulas"),
        ),
    },
    "biology": {
        "cells": (
            "Cell biology",
            ("Cell division", "Bacterial growth", "Gametes", "Chromosomes", "Yeast", "Populations"),
        ),
        "bonds": (
            "Molecular biology",
            ("DNA", "Base pairs", "Hydrogen bonds", "Double helix", "Nucleotides", "Strands"),
        ),
    },
}


def _rows(subject: str, draw: Draw) -> list[Row]:
    families = TOPICS[subject]
    base = draw.clean(sum(len(subs) for _, subs in families.values()) * PROBLEMS)
    rows = [
        *base,
        *draw.repeats(base, 3, 3),
        *draw.leaks(1, 2, 1),
        *dirt.unicode_oddities(draw.rng, draw.clean(1)),
        *dirt.empty(draw.rng, draw.clean(1)),
    ]
    placed, seen = [], dict.fromkeys(families, 0)
    for row in rows:
        family = row.family if row.family in families else draw.rng.choice(list(families))
        topic, subs = families[family]
        placed.append(told(row, topic=topic, sub_topic=subs[seen[family] % len(subs)]))
        seen[family] += 1
    alone = told(draw.clean(1)[0], topic="Miscellany", sub_topic=ALONE)
    return shuffled(draw.rng, [*placed, alone])


def _record(role: str, row: Row) -> dict[str, Any]:
    return {
        "role_1": f"{role}_RoleType.ASSISTANT",
        "topic;": row.more["topic"],
        "sub_topic": row.more["sub_topic"],
        "message_1": row.question,
        "message_2": worked(row),
    }


ROLES = {"physics": "Physicist", "chemistry": "Chemist", "biology": "Biologist"}
STAND_INS = {
    f"camel-ai/{subject}": StandIn("science", tuple(TOPICS[subject]), partial(_rows, subject), partial(_record, role))
    for subject, role in ROLES.items()
}
