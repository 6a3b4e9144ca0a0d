"""The image of the docker sandbox. `python -m ot_resources.sandboxes.image` builds it (`make sandbox-image`)."""

from __future__ import annotations

import sys

# The last number changes with what is in the image; what runs inside comes with each task, not with the image.
NAME = f"ot-sandbox:py{sys.version_info.major}.{sys.version_info.minor}-1"
LABEL = "ot-assets.sandbox"
