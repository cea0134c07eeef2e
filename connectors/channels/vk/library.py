"""vk_api, used from threads: one method call, one upload. Imported when the first call is made (see `method_calls`).

https://github.com/python273/vk_api. Of the library come the calls' form, the uploads and the errors. What it leaves
open is closed here: it has no time-outs, speaks to one address only, waits and repeats without end when calls are too
frequent, and knows API 5.92 unless told. Sessions belong to a thread each, because `requests` promises nothing for
shared ones.
"""

import io
import threading
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from vk_api import ApiError, ApiHttpError, VkApiGroup, VkUpload

from connectors.channels.vk.refusals import API_VERSION, VENDOR, Refusal, refused
from connectors.errors import OutcomeUnknown, Rejected, SendError, Unreachable

CONNECT_S: Final = 5.0
ANSWER_S: Final = 20.0
"""Seconds of silence, not of the whole: vk_api's calls are small, and an upload is silent only while VK works on it."""

SESSIONS: Final = 4
"""Kept per thread, one for each API address; installations have one, or a proxy's beside it."""

_kept: Final = threading.local()


class _Directed(HTTPAdapter):
    """Bounds every request in time, and sends the library's calls to the account's own API address."""

    def __init__(self, base: str) -> None:
        super().__init__(pool_connections=4, pool_maxsize=4)
        self._base = base

    @override
    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        url = request.url or ""
        if self._base != VENDOR and url.startswith(f"{VENDOR}/"):
            request.url = self._base + url.removeprefix(VENDOR)
        kwargs["timeout"] = (CONNECT_S, ANSWER_S)
        return super().send(request, *args, **kwargs)


class _Community(VkApiGroup):  # type: ignore[misc]  # the library has no types
    """A community's token. Its own handlers wait, repeat and ask for captchas; ours raises what VK said."""

    def __init__(self, token: str, session: requests.Session) -> None:
        super().__init__(token=token, api_version=API_VERSION, session=session, config=_no_file)
        self.error_handlers: dict[int, Any] = {}


def _no_file(login: str | None, *, filename: str) -> dict[str, Any]:
    """Instead of the library's file of passwords and cookies in the working directory."""
    return {}


def _session(base: str) -> requests.Session:
    sessions: dict[str, requests.Session] = _kept.__dict__.setdefault("sessions", {})
    if base not in sessions:
        while len(sessions) >= SESSIONS:
            sessions.pop(next(iter(sessions))).close()
        session = requests.Session()
        # No proxy, password or cookie but what the account says; and a token never follows a redirect.
        session.trust_env = False
        session.max_redirects = 0
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = "Allo"
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Directed(base))
        sessions[base] = session
    return sessions[base]


def call(base: str, token: str, method: str, values: Mapping[str, Any]) -> Any:
    """The method's `response`. Raises a SendError, without the token or the address in it."""
    return _guarded(lambda: _Community(token, _session(base)).method(method, dict(values)))


class _Named(io.BytesIO):
    """VkUpload takes a file's ending from its name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def upload(  # noqa: PLR0917  # called through an executor, by position
    base: str, token: str, how: str, peer: int, content: bytes, name: str
) -> Any:
    """What VK keeps the file as: a saved photo, or {"type": "doc", "doc": {…}}. `how`: photo, doc, audio_message.

    Raises a SendError.
    """

    def do() -> Any:
        session = _session(base)
        uploading = VkUpload(_Community(token, session))
        uploading.http = session
        file = _Named(content, name)
        if how == "photo":
            return uploading.photo_messages(file, peer_id=peer)
        if how == "audio_message":
            return uploading.audio_message(file, peer_id=peer)
        return uploading.document_message(file, title=name, peer_id=peer)

    return _guarded(do, uploading=True)


def _guarded(do: Callable[[], Any], *, uploading: bool = False) -> Any:
    try:
        return do()
    except ApiError as error:
        raise refused(Refusal.of(error.error)) from None
    except ApiHttpError as error:
        raise _http_refusal(error.response.status_code) from None
    except requests.RequestException as error:
        # Without the cause: it names the address, and perhaps what was sent.
        raise _broken_off(error, uploading=uploading) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        if uploading:
            raise Rejected("VK did not take the file") from None
        raise OutcomeUnknown("VK's answer could not be read") from None


def _http_refusal(status: int) -> SendError:
    if status == 413:
        return Rejected("The file is larger than VK takes")
    return Unreachable(
        f"VK is out of order, or something else answers at its address (HTTP {status})"
    )


def _broken_off(error: requests.RequestException, *, uploading: bool) -> SendError:
    """Uploading shows nothing to anybody, so that it may always be done again."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, NewConnectionError | ConnectTimeoutError
    ):
        return Unreachable("VK: the server could not be reached")
    if isinstance(error, requests.TooManyRedirects):
        return Unreachable("VK: the server points elsewhere, where nothing is sent")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema):  # fmt: skip
        return Unreachable("VK: the address is not a valid one")
    if isinstance(error, requests.exceptions.JSONDecodeError):
        words = "VK's answer could not be read"
    elif isinstance(error, requests.Timeout):
        words = "VK: the server did not answer in time"
    else:
        words = "VK: the connection broke off"
    return Unreachable(words) if uploading else OutcomeUnknown(words)
