"""The channels: do their credentials open, does each platform answer, is any broken or paused."""

from storage.accounts import AccountRow
from workers.channel_desk import Channels
from workers.doctor.finding import Finding, Level, broken, doubtful, fine


async def examine_channels(channels: Channels) -> list[Finding]:
    """One finding a channel: the worst thing said of it."""
    rows = await channels.all()
    if not rows:
        return [doubtful("channels", "There are none.", "`allo channel add` connects one.")]
    # One after the other: doctor is run by a person, and a platform need not be asked thirty things at once.
    return [await _examine(channels, row) for row in rows]


async def _examine(channels: Channels, row: AccountRow) -> Finding:
    about = f"channel {row.slug}"
    if row.unreadable:
        return broken(
            about, row.unreadable, f"`allo channel set {row.slug} --set …` enters them again."
        )
    if row.state == "paused":
        return doubtful(about, "It is paused.", f"`allo channel resume {row.slug}` goes on.")
    findings = await channels.try_out(row)
    levels: tuple[Level, ...] = ("error", "warning")
    for level in levels:
        said = [each.text for each in findings if each.level == level]
        if said:
            make = broken if level == "error" else doubtful
            return make(about, "; ".join(said), f"`allo channel check {row.slug}` shows all of it.")
    if row.state == "broken":
        return broken(
            about,
            f"It was stopped: {row.last_error or 'its credentials were refused'}.",
            f"`allo channel check {row.slug}` tries again and goes on when it works.",
        )
    if row.silent_since is not None:
        return doubtful(
            about,
            f"Nothing has come since {row.silent_since:%Y-%m-%d %H:%M} UTC: longer than its {row.silent_hours} working hours.",
            "Write to it yourself. Does the platform still send here, and is the address the same?",
        )
    return fine(about, "; ".join(each.text for each in findings))
