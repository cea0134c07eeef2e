"""The models that reports know, and their places in the arrays of `fact_credit` and in `model` of the sums."""

from typing import Final

from router.attribution_models import MODELS

SNAPSHOTS: Final = ("snapshot_last", "snapshot_first")
"""As it was known when the lead was created, whatever has been learnt of the contact since."""
ALL: Final = (*MODELS, *SNAPSHOTS)
PLACES: Final = {model: place for place, model in enumerate(ALL)}
