"""Asks two attribution packages what they make of random journeys, and writes down what they say.

    python -m venv /tmp/oracles && /tmp/oracles/bin/pip install channelattribution==2.2.5 matplotlib marketing-attribution-models==2.1.1
    /tmp/oracles/bin/python tests/router/oracles/ask.py | tail -n 1 > tests/router/oracles/answers.json

They bring half a gigabyte of their own, so their answers are kept here, and not they. Asked again, they say the same.
ChannelAttribution knows first, last and linear; marketing-attribution-models also time decay and 40-20-40.
"""

import json
import random
import sys
from typing import Any

import ChannelAttribution
import pandas as pd
import polars as pl
from mam.models.heuristics import (
    FirstClickModel,
    LastClickModel,
    LinearModel,
    PositionBasedModel,
    TimeDecayModel,
)

CHANNELS = ("yandex", "google", "vk", "direct", "avito", "telegram")


def journeys() -> list[dict[str, Any]]:
    """Channels of one to nine touches, oldest first, and the hours from each to the conversion."""
    chance = random.Random(20261130)  # the same every time
    made = []
    for _ in range(200):
        hours = sorted(
            (chance.randrange(0, 24 * 90) for _ in range(chance.randint(1, 9))), reverse=True
        )
        made.append({"channels": [chance.choice(CHANNELS) for _ in hours], "hours": hours})
    return made


def by_channel(frame: pl.DataFrame, channel: str, value: str) -> dict[str, float]:
    totals = frame.group_by(channel).agg(pl.col(value).sum()).sort(channel)
    return dict(zip(totals[channel].to_list(), totals[value].to_list(), strict=True))


def asked_of_mam(made: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    frame = pl.DataFrame(
        {
            "journey_id": [str(number) for number in range(len(made))],
            "channels": [each["channels"] for each in made],
            "time_till_conv": [[float(hour) for hour in each["hours"]] for each in made],
            "conversion_value": [1.0] * len(made),
            "weight": [1.0] * len(made),
        }
    )
    linear = LinearModel().calculate(frame).explode("channels")
    return {
        "last": by_channel(
            LastClickModel().calculate(frame), "attribution_channel", "attribution_value"
        ),
        "first": by_channel(
            FirstClickModel().calculate(frame), "attribution_channel", "attribution_value"
        ),
        "linear": by_channel(linear, "channels", "split_value"),
        "position_40_20_40": by_channel(
            PositionBasedModel().calculate(frame), "channels", "attribution_value"
        ),
        "time_decay": by_channel(
            TimeDecayModel(7 * 24).calculate(frame), "channels", "attribution_value"
        ),
    }


def asked_of_channel_attribution(made: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    paths = pd.DataFrame(
        {"path": [" > ".join(each["channels"]) for each in made], "conversions": [1] * len(made)}
    )
    found = ChannelAttribution.heuristic_models(
        paths, "path", "conversions", sep=">", flg_pro=False
    )
    named = {"first": "first_touch", "last": "last_touch", "linear": "linear_touch"}
    return {
        model: {
            str(channel).strip(): float(value)
            for channel, value in zip(found["channel_name"], found[column], strict=True)
        }
        for model, column in named.items()
    }


made = journeys()
json.dump(
    {
        "journeys": made,
        "marketing-attribution-models 2.1.1": asked_of_mam(made),
        "channelattribution 2.2.5": asked_of_channel_attribution(made),
    },
    sys.stdout,
    separators=(",", ":"),
)
