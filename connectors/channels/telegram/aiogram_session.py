"""aiogram's methods over our HTTP client and with our errors.

aiogram's own session brings a connection pool per bot, and calls both a refused connection and a lost answer a
network error; whoever must not send twice needs to know which it was.
"""

from collections.abc import AsyncGenerator
from io import BytesIO
from typing import Any, Final

import aiohttp
from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import BufferedInputFile, InputFile
from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from connectors.channels.telegram.bot_api import api_base, post, result_of
from connectors.connector import Account
from connectors.errors import OutcomeUnknown

SECONDS: Final = 30.0
"""For a call without files."""


class OurSession(BaseSession):
    def __init__(self, account: Account, http: aiohttp.ClientSession) -> None:
        super().__init__(api=TelegramAPIServer.from_base(api_base(account)), timeout=SECONDS)
        self._account = account
        self._http = http

    @override
    async def make_request(
        self, bot: Bot, method: TelegramMethod[TelegramType], timeout: int | None = None
    ) -> TelegramType:
        """Raises a SendError."""
        reply = await post(
            self._account,
            self._http,
            method.__api_method__,
            self._form(bot, method),
            timeout=timeout or self.timeout,
        )
        result = result_of(reply, to_chat=True)
        try:
            returned: TelegramType = TypeAdapter(method.__returning__).validate_json(bytes(result))
        except ValidationError as error:
            raise OutcomeUnknown("Telegram took it, but its answer could not be read") from error
        return returned

    def _form(self, bot: Bot, method: TelegramMethod[Any]) -> aiohttp.FormData:
        form = aiohttp.FormData(quote_fields=False)
        files: dict[str, InputFile] = {}
        for name, value in method.model_dump(warnings=False).items():
            prepared = self.prepare_value(value, bot=bot, files=files)
            if prepared:
                form.add_field(name, prepared)
        for name, file in files.items():
            if not isinstance(file, BufferedInputFile):
                raise TypeError(
                    f"{type(file).__name__} cannot be sent again when the first try fails"
                )
            form.add_field(name, BytesIO(file.data), filename=file.filename or name)
        return form

    @override
    async def close(self) -> None:
        """The HTTP client is not ours to close."""

    @override
    def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = 30,
        chunk_size: int = 65536,
        raise_for_status: bool = True,  # aiogram's signature
    ) -> AsyncGenerator[bytes]:
        # aiogram demands that it be there, and asks for it only to download; what Allo fetches goes another way.
        raise NotImplementedError("files are fetched by connectors.channels.telegram.files")
