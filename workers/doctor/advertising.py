"""The advertising accounts that are asked what they took: does each let us in, and has it told anything lately."""

from sqlalchemy.ext.asyncio import AsyncEngine

from storage.ad_accounts import AdAccount, all_ad_accounts
from workers.doctor.finding import Finding, broken, doubtful, fine

WHERE = "Settings → Advertising spend"


async def examine_advertising(engine: AsyncEngine) -> list[Finding]:
    """One finding for each; of those whose figures come as files there is nothing to say."""
    async with engine.connect() as connection:
        accounts = await all_ad_accounts(connection)
    return [_examine(each) for each in accounts if each.pulls]


def _examine(account: AdAccount) -> Finding:
    about = f"advertising {account.name}"
    match account.condition:
        case "broken":
            return broken(
                about,
                f"It was stopped: {account.error}",
                f"{WHERE}: enter what lets us in anew; it is asked at once.",
            )
        case "failing":
            return doubtful(
                about,
                f"Nothing was told since {account.failing_since:%Y-%m-%d %H:%M} UTC: {account.error}",
                f"It is asked again by itself; “Check now” in {WHERE} asks at once.",
            )
        case "paused":
            return doubtful(about, "It is paused.", f"“Check now” in {WHERE} goes on.")
        case "waiting":
            return fine(about, "It is being asked for the first time.")
        case _:
            return fine(about, f"It was last asked at {account.pulled_at:%Y-%m-%d %H:%M} UTC.")
