"""The people of the sandbox use the chat as browsers do."""

import asyncio
from random import Random

from sqlalchemy.ext.asyncio import AsyncEngine

from router.message import DeliveryReported
from sandbox.visitors import visit_the_shop
from tests.doubles.site_chat import Chat, TableIntake, add_account, answer


async def test_a_visitor_asks_reads_the_answers_and_asks_on(database: AsyncEngine) -> None:
    account = await add_account(database, ip_rate="0")
    chat = Chat(engine=database, account=account, intake=TableIntake(database))
    async with chat.serving() as threads, asyncio.timeout(30), asyncio.TaskGroup() as group:
        watch = group.create_task(threads.keep_watch(every=0.05))
        visit = group.create_task(
            visit_the_shop(f"http://127.0.0.1:{chat.port}", random=Random(7), typing_s=0.01)
        )
        answered = 0
        while not visit.done():
            if len(chat.intake.messages) > answered:
                answered += 1
                await answer(database, chat.intake.messages[0].chat.id, f"ответ {answered}")
            await asyncio.sleep(0.02)
        watch.cancel()
    assert visit.result() == answered == len(chat.intake.messages) >= 1
    assert [each for each in chat.intake.events if isinstance(each, DeliveryReported)]
    assert chat.intake.messages[0].source is not None
