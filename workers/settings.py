"""The settings of an installation: the only reader of the environment and of `allo.env`.

A value comes from, in this order: the environment variable `ALLO_…`; the file that `ALLO_…_FILE` names (secrets only, so
that they need not stand in a process list or a unit file); `allo.env` in the current directory; the default. The
secret key, when nobody gives one, is made once and kept in the data directory.

Everything is judged here, at the start, and a wrong value is answered by a sentence (`WrongSetting`), never later by a
traceback.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, cast, get_args
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from workers import secret_key

PREFIX: Final = "ALLO_"
ENV_FILE: Final = "allo.env"

Role = Literal["connectors", "router", "workers", "inbox"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Origin = Literal["environment", "file", "allo.env", "data directory", "default"]


class WrongSetting(Exception):
    """A setting that cannot be used; the text says which, why, and what would do."""


class Address(NamedTuple):
    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def from_here(self) -> "Address":
        """A wildcard is where one listens, not where one can be reached."""
        return Address(_LOOPBACK.get(self.host, self.host), self.port)


_LOOPBACK: Final = MappingProxyType({"0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104  # to avoid it


def parse_address(written: str) -> Address:
    """host:port, [v6]:port or :port (all interfaces)."""
    host, colon, port = written.strip().rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError(f"write it as HOST:PORT, for example 127.0.0.1:8080, not {written!r}")
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104  # ":8080" asks for it


def _address(written: str) -> str:
    return str(parse_address(written))


def _address_or_off(written: str) -> str:
    return "" if written.strip().lower() in {"", "off", "none"} else _address(written)


def _url(*schemes: str) -> AfterValidator:
    def check(written: str) -> str:
        written = written.strip()
        if not written.startswith("amqp"):  # there the last slash names a virtual host
            written = written.rstrip("/")
        if not written:
            return ""
        if urlsplit(written).scheme not in schemes:
            raise ValueError(f"begin it with {' or '.join(f'{each}://' for each in schemes)}")
        if urlsplit(written).scheme != "file" and not urlsplit(written).netloc:
            raise ValueError(f"there is no host in {without_password(written)!r}")
        return written

    return AfterValidator(check)


def _time_zone(written: str) -> str:
    try:
        ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {written!r}; Europe/Moscow is one") from error
    return written


def _currency(written: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", written.strip().upper()):
        raise ValueError("write the three letters of ISO 4217, for example RUB")
    return written.strip().upper()


def _secret_key(written: str) -> str:
    written = written.strip()
    if written and len(written) < secret_key.LENGTH:
        raise ValueError(
            f"it has {len(written)} characters, and at least {secret_key.LENGTH} are needed; "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))" makes one'
        )
    return written


def _split_list(written: Any) -> Any:
    if isinstance(written, str):
        return tuple(part for part in re.split(r"[\s,]+", written) if part)
    return written


def _roles(given: tuple[Role, ...]) -> tuple[Role, ...]:
    if not given:
        raise ValueError(f"name at least one of {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in given)


SECRET: Final[dict[str, JsonValue]] = {"secret": True}
"""`json_schema_extra` of what is masked and may come from a file."""


class Settings(BaseSettings):
    """What `allo config` prints. Field order is reading order; the descriptions are its third column."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default=Path("var"),
        description="Where Allo keeps what is not in another service: the embedded database, files, the secret key.",
    )
    http: Annotated[str, AfterValidator(_address)] = Field(
        default="127.0.0.1:8080", description="Where the inbox, the API and the webhooks listen."
    )
    public_url: Annotated[str, _url("http", "https")] = Field(
        default="",
        description="The address platforms and visitors reach Allo at; empty: the one it listens on.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks of the proxies whose X-Forwarded-For is believed.",
    )
    smtp_listen: Annotated[str, AfterValidator(_address_or_off)] = Field(
        default="127.0.0.1:8025", description="Where mail is taken by SMTP; off: nowhere."
    )
    webhooks_private: bool = Field(
        default=False,
        description="Outgoing webhooks may go to addresses of private networks, too.",
    )
    database_url: Annotated[str, _url("postgresql", "postgres")] = Field(
        default="",
        description="PostgreSQL 15 or newer; empty: the embedded one in the data directory.",
        json_schema_extra=SECRET,
        repr=False,
    )
    broker_url: Annotated[str, _url("amqp", "amqps")] = Field(
        default="",
        description="RabbitMQ 3.10 or newer; empty: a queue in the same PostgreSQL.",
        json_schema_extra=SECRET,
        repr=False,
    )
    broker_prefix: str = Field(
        default="",
        description="Put before the names of RabbitMQ's queues, when installations share a virtual host.",
    )
    secret_key: Annotated[str, AfterValidator(_secret_key)] = Field(
        default="",
        description="Seals the channels' credentials and signs links; empty: made and kept in the data directory.",
        json_schema_extra=SECRET,
        repr=False,
    )
    media_url: Annotated[str, _url("file", "s3")] = Field(
        default="",
        description="Where files are kept: file:///folder or s3://bucket/prefix; empty: media in the data directory.",
        repr=False,
    )
    roles: Annotated[
        tuple[Role, ...], NoDecode, BeforeValidator(_split_list), AfterValidator(_roles)
    ] = Field(default=ROLES, description="What this process does; `allo serve --role` overrides.")
    language: Literal["ru", "en"] = Field(
        default="ru", description="Language of the interface until a person chooses another."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="Europe/Moscow", description="Time zone of pages, reports and days."
    )
    currency: Annotated[str, AfterValidator(_currency)] = Field(
        default="RUB", description="Currency of leads and reports (ISO 4217)."
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="Form of the log on standard error: for people or for a collector.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important lines that are still written."
    )

    @classmethod
    @override
    def settings_customise_sources(  # pydantic-settings' name
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _SecretFiles(settings_cls), dotenv_settings)

    @property
    def http_address(self) -> Address:
        return parse_address(self.http)

    @property
    def base_url(self) -> str:
        """`public_url`, or else the address it listens on; without a slash at the end."""
        if self.public_url:
            return self.public_url
        return f"http://{self.http_address.from_here()}"

    @property
    def media_location(self) -> str:
        """`media_url`, or else the folder `media` of the data directory as a file:// URL."""
        return self.media_url or (self.data_dir.absolute() / "media").as_uri()

    @property
    def postgres_dir(self) -> Path:
        """Where the embedded database lives."""
        return self.data_dir / "postgres"

    @property
    def spool_dir(self) -> Path:
        """What nobody would bring again, while the broker is away."""
        return self.data_dir / "spool"

    @property
    def embedded(self) -> bool:
        """Allo starts its own PostgreSQL."""
        return not self.database_url

    def origin_of(self, name: str) -> Origin:
        return _origin(self, name, _env_file_values())

    @cached_property
    def secret(self) -> bytes:
        """32 bytes of the installation, from `secret_key`; what signs or seals derives a key of its own from it."""
        return blake2b(self.require_secret_key().encode(), digest_size=32, person=b"allo").digest()

    def require_secret_key(self) -> str:
        """The given key, or the one in the data directory, made when there is none. Raises WrongSetting."""
        try:
            return self.secret_key or secret_key.kept_secret_key(self.data_dir)
        except secret_key.SecretKeyLost as lost:
            raise WrongSetting(str(lost)) from lost


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` beat every source. Raises WrongSetting."""
    unknown = _unknown_in_env_file()
    if unknown:
        raise WrongSetting(
            f"{ENV_FILE} names {', '.join(unknown)}, and there is no such setting; `allo config` lists them all"
        )
    try:
        return Settings(**overrides)
    except ValidationError as refused:
        raise WrongSetting(
            "; ".join(_sentence(cast("dict[str, Any]", each)) for each in refused.errors())
        ) from refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A line of `allo config`. `value` is masked when it is secret."""

    name: str
    variable: str
    value: str
    default: str
    origin: Origin
    meaning: str
    secret: bool


def describe(settings: Settings) -> tuple[Described, ...]:
    """Every setting with its value, origin and meaning."""
    env_file = _env_file_values()
    return tuple(
        Described(
            name=name,
            variable=f"{PREFIX}{name.upper()}",
            value=_shown(getattr(settings, name), field),
            default=_shown(field.default, field),
            origin=_origin(settings, name, env_file),
            meaning=field.description or "",
            secret=is_secret(field),
        )
        for name, field in Settings.model_fields.items()
    )


def is_secret(field: FieldInfo) -> bool:
    return field.json_schema_extra == SECRET


def unknown_variables() -> list[str]:
    """`ALLO_…` variables of the environment that no setting reads: probably misspelt."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{each}_FILE" for each in known}
    # The test suite's own.
    others = (f"{PREFIX}TEST_", f"{PREFIX}REQUIRE_SERVICES")
    return sorted(
        each
        for each in os.environ  # noqa: TID251  # the one reader
        if each.upper().startswith(PREFIX)
        and each.upper() not in known
        and not each.upper().startswith(others)
    )


def without_password(url: str) -> str:
    """The URL with `***` for its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    userinfo, _, host = parts.netloc.rpartition("@")
    user = userinfo.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:***@{host}"))


class _SecretFiles(PydanticBaseSettingsSource):
    """`ALLO_DATABASE_URL_FILE=/run/secrets/database`: a secret's value from the file it names."""

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value = None
        if is_secret(field) and (file := _file_of(field_name)):
            try:
                value = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise WrongSetting(
                    f"{PREFIX}{field_name.upper()}_FILE names {file}, which cannot be read: {error}"
                ) from error
        return value, field_name, False

    @override
    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value}


def _file_of(name: str) -> str:
    variable = f"{PREFIX}{name.upper()}_FILE"
    return os.environ.get(variable) or _env_file_values().get(variable) or ""  # noqa: TID251  # the one reader


def _env_file_values() -> dict[str, str]:
    return {name.upper(): value or "" for name, value in dotenv_values(ENV_FILE).items()}


def _unknown_in_env_file() -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {
        f"{PREFIX}{name.upper()}_FILE"
        for name, field in Settings.model_fields.items()
        if is_secret(field)
    }
    return sorted(
        name for name in _env_file_values() if name.startswith(PREFIX) and name not in known
    )


def _origin(settings: Settings, name: str, env_file: Mapping[str, str]) -> Origin:
    variable = f"{PREFIX}{name.upper()}"
    if os.environ.get(variable):  # noqa: TID251  # the one reader
        return "environment"
    if is_secret(Settings.model_fields[name]) and _file_of(name):
        return "file"
    if env_file.get(variable):
        return "allo.env"
    if name == "secret_key" and (settings.data_dir / secret_key.FILE).exists():
        return "data directory"
    return "default"


def _shown(value: Any, field: FieldInfo) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    shown = str(value)
    if is_secret(field) and shown:
        return without_password(shown) if "://" in shown else "***"
    return without_password(shown) if "://" in shown else shown


def _sentence(error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()}: {said[:1].lower()}{said[1:]}"
