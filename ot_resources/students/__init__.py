"""Students: models that are fine-tuned here on a study's rows, kept, and asked.

    rows, Training, seed -> key -> a process of its own that trains -> <students>/<key>/ -> a model that answers

`models` hands out what is there and has the rest made, `working` runs the processes, `train` is what they run,
`exporting` writes the same for those who train elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path

# The student of the project's own, as far trained as a base model is: data/student/README.md.
STUDENT_FOLDER = Path(__file__).parents[2] / "data" / "student"
EMBEDDED = "embedded"


def named_base(environment: str) -> str:
    """What an empty `Training.base` stands for: `embedded`, a folder or a name on the Hub (OT_STUDENT).

    Without OT_STUDENT the embedded one on `local`, elsewhere empty: each training then says its own.
    """
    return os.environ.get("OT_STUDENT") or (EMBEDDED if environment == "local" else "")


def is_folder(base: str) -> bool:
    """Whether the base is a folder, by its absolute path or the project's own, and no name on the Hub."""
    return base == EMBEDDED or Path(base).is_absolute()
