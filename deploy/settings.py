"""All settings, in one frozen object, built once at the start of a program.

Each has a default that suits a laptop. It is changed, from the weakest to the strongest, by a TOML file
(`profilestream.toml` in the working directory, or the one that `PROFILESTREAM_CONFIG` names), by an environment
variable `PROFILESTREAM_<NAME>`, and by an option on the command line. A name that does not exist is refused, never
ignored.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ..schemas.errors import ConfigurationError
from ..schemas.validation import Limits

PREFIX = "PROFILESTREAM_"
CONFIG_VARIABLE = "PROFILESTREAM_CONFIG"
CONFIG_FILE = Path("profilestream.toml")

_TYPE_NAMES = {
    str: "text",
    SecretStr: "text",
    Path: "path",
    datetime: "time",
    int: "whole number",
    float: "number",
    bool: "true or false",
}

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}")


def _host_ports(value: str) -> str:
    if not all(_HOST_PORT.fullmatch(part.strip()) for part in value.split(",")):
        raise ValueError("give host:port, or several with commas between")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("give redis://host:port/database, rediss://… for TLS or unix://path")
    return value


def _http_url(value: str) -> str:
    try:
        url = urlsplit(value)
        wrong = url.scheme not in {"http", "https"} or not url.hostname or url.port == 0 or url.query or url.fragment
    except ValueError as error:  # not a number for a port, half an IPv6 address
        raise ValueError("give http://host:port or https://…") from error
    if wrong or url.username is not None:
        raise ValueError("give http://host:port or https://…, with user and password as settings of their own")
    return value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


HostPorts = Annotated[str, AfterValidator(_host_ports)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
UserPath = Annotated[Path, AfterValidator(Path.expanduser)]
UtcTime = Annotated[datetime, AfterValidator(_utc)]


class Settings(BaseSettings):
    """What a program needs to know; read it with `Settings.load()`.

    `Settings()` reads nothing from outside and gives the defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    home: UserPath = Field(
        default_factory=lambda: user_data_path("profilestream"),
        description="Folder for prepared servers, models and logs.",
    )
    kafka_home: UserPath | None = Field(
        None, description="An unpacked Apache Kafka for the local stack to run; without it, the broker from the wheel."
    )
    kafka_bootstrap: HostPorts = Field("127.0.0.1:9092", description="Kafka brokers, host:port with commas between.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to Kafka."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in, where the protocol is a SASL one."
    )
    kafka_sasl_username: str | None = Field(None, description="Kafka user, where the protocol is a SASL one.")
    kafka_sasl_password: SecretStr | None = Field(None, description="Its password; never printed.")
    kafka_ssl_cafile: UserPath | None = Field(
        None, description="Certificate authorities (PEM) to check brokers against; without it, the system's."
    )
    kafka_idempotent: bool | None = Field(
        None, description="Idempotent producers; without it, wherever the broker can."
    )
    schema_registry_url: HttpUrl | None = Field(
        None, description="A schema registry: with it, messages are written in Confluent's format; both are read."
    )
    schema_registry_user: str | None = Field(None, description="The registry's user, where it asks for one.")
    schema_registry_password: SecretStr | None = Field(None, description="Its password; never printed.")
    kafka_transactional: bool | None = Field(
        None, description="Updates in transactions, so that no hung worker writes late; without it, where possible."
    )
    group: str = Field("profilestream", min_length=1, description="Kafka consumer group of the workers.")
    kafka_instance: str | None = Field(
        None, min_length=1, description="A name that this worker keeps over restarts: its partitions wait for it."
    )
    kafka_session_timeout: float = Field(
        10.0, ge=1, description="Seconds without a sign of life, after which a worker's partitions go to others."
    )
    kafka_fetch_wait: float = Field(
        0.5, gt=0, description="Seconds that a broker may keep a worker's fetch waiting when there is nothing to read."
    )
    partitions: int = Field(6, ge=1, description="Partitions of topics that are created.")
    replication: int = Field(1, ge=1, description="Replicas of topics that are created; 3 in production.")
    redis_url: RedisUrl = Field(
        "redis://127.0.0.1:6379/0", description="Where profiles are stored; a password in it is never printed."
    )
    redis_cluster: bool = Field(
        False, description="Redis is a cluster: its URL may then be several with commas between, of some of its nodes."
    )
    triton_url: HostPorts | None = Field(
        None, description="Triton's gRPC address, host:port; without it, the encoder runs in the worker's process."
    )
    model: str = Field("encoder-v1", min_length=1, description="The encoder to use until another is published.")
    canary_share: float = Field(0.1, gt=0, lt=1, description="Share of the users that a new encoder is tried on first.")
    canary_seconds: float = Field(
        60.0, gt=0, description="Longest time that it is tried; 50 calls without a failure are enough."
    )
    models_kept: int = Field(
        0, ge=0, description="Encoders that stay loaded beside the one that answers and the one before it."
    )
    encoder_path: UserPath | None = Field(
        None, description="Folder of a BERT-like encoder to prepare; without it, all-MiniLM-L6-v2 from its wheel."
    )
    batch_events: int = Field(8192, ge=1, description="Most events in a micro-batch.")
    batch_target: float = Field(
        1.0, gt=0, le=60, description="Seconds that a micro-batch may take under load; its size follows."
    )
    batch_seconds: float = Field(
        0.02, ge=0, le=60, description="Longest time to wait for a micro-batch to fill, while others are on their way."
    )
    batches_in_flight: int = Field(
        4, ge=1, le=64, description="Micro-batches that are worked on at the same time; of full ones two."
    )
    embed_deadline: float = Field(
        10.0, gt=0, description="Seconds for a request to the encoder, after which it is made again."
    )
    half_life_short: float = Field(86_400.0, gt=0, description="Half-life of recent interests, in seconds (a day).")
    half_life_long: float = Field(2_592_000.0, gt=0, description="Half-life of interests, in seconds (30 days).")
    codes_per_profile: int = Field(
        6, ge=1, le=256, description="Most interest vectors in a profile; more take more room, 390 bytes each."
    )
    cache_texts: int = Field(
        20_000, ge=0, description="Embeddings that a worker keeps, about 1.6 KB each (20,000: 32 MB)."
    )
    earliest_time: UtcTime = Field(
        datetime(2000, 1, 1, tzinfo=UTC), description="Events before this are refused; UTC where no zone is given."
    )
    future_tolerance: float = Field(
        86_400.0, ge=0, description="Seconds that an event may be later than its Kafka message."
    )
    max_text: int = Field(100_000, ge=1, description="Longest text of an event, in characters.")
    drift: bool = Field(True, description="Watch the stream for drift and keep trends.")
    drift_reference: int = Field(
        5000, ge=2000, description="Texts after a model came into use that say what is usual, until it changes."
    )
    drift_examples: bool = Field(True, description="Show beginnings of texts, redacted, in drift reports.")
    trend_segment: str | None = Field(
        None, min_length=1, description="A property of events (country, plan) by whose values trends are split."
    )
    shutdown_seconds: float = Field(10.0, gt=0, description="Longest time for a clean stop.")
    health_host: str = Field(
        "127.0.0.1", min_length=1, description="Where worker and learner have /live, /ready, /metrics; no log-in."
    )
    health_port: int = Field(
        0, ge=0, le=65535, description="Port of these; 0: any free one, which `status` and the log tell."
    )
    watchdog_seconds: float = Field(
        120.0, ge=1, description="A worker with work and without progress for so long ends with status 75."
    )
    api_host: str = Field("127.0.0.1", min_length=1, description="Address that `serve` listens on.")
    api_port: int = Field(8080, ge=0, le=65535, description="Port that `serve` listens on; 0: any free one.")
    api_tokens: SecretStr | None = Field(
        None, description="Who may use the API: name:scope:sha256, with commas between; `token` makes them."
    )
    api_open_on_loopback: bool = Field(
        False, description="Programs on this machine may read over the API without a token."
    )
    api_rate_limit: float = Field(2000.0, gt=0, description="Requests a second for each token.")
    api_index_users: int = Field(
        50_000, ge=0, description="Users that the API knows for similar and top users, 1.3 KB each; 0: none."
    )
    api_live_clients: int = Field(100, ge=0, description="Most clients that follow live updates.")
    learner_home: UserPath | None = Field(
        None,
        description="Folder where the learner keeps labels and heads; without it one in the home for these servers.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious event to log.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")

    @classmethod
    def load(cls, config: Path | None = None, **overrides: Any) -> Self:
        """The settings of this process.

        Args:
            config: A TOML file to read instead of the one that would be found.
            overrides: Settings from the command line; None means not given.

        Raises:
            ConfigurationError: A file cannot be read, a name does not exist or a value is wrong.
        """
        path = _config_path(config)
        written = {} if path is None else _read_toml(path)
        _refuse_unknown(written, cls.model_fields, f"{path}: no setting")
        _refuse_unknown(_variables(), [*cls.model_fields, "config"], "no environment variable", PREFIX)
        environment = EnvSettingsSource(cls)()
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**{**written, **environment, **given})
        except ValidationError as error:
            sources = {**dict.fromkeys(written, str(path)), **dict.fromkeys(environment, "the environment")}
            raise _translated(error, {**sources, **dict.fromkeys(given, "the command line")}) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the base class calls it by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: `load` gathers the rest, and knows where each value came from."""
        return (init_settings,)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.half_life_short >= self.half_life_long:
            raise ValueError("half_life_short must be shorter than half_life_long")
        sasl = self.kafka_security_protocol.startswith("SASL")
        if sasl and (self.kafka_sasl_username is None or self.kafka_sasl_password is None):
            raise ValueError(f"{self.kafka_security_protocol} needs kafka_sasl_username and kafka_sasl_password")
        if (self.schema_registry_user is None) != (self.schema_registry_password is None):
            raise ValueError("schema_registry_user and schema_registry_password: give both or none")
        return self

    @property
    def limits(self) -> Limits:
        """What a plausible event is, for `validate`."""
        return Limits(
            earliest=round(self.earliest_time.timestamp() * 1000),
            future_tolerance=round(self.future_tolerance * 1000),
            max_text=self.max_text,
        )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """As pydantic has it, without the password in the URL of Redis."""
        for name, value in super().__repr_args__():
            yield name, without_password(value) if name == "redis_url" else value


def without_password(url: str) -> str:
    """A URL that may be shown: `redis://user:***@host`."""
    return re.sub(r"(?<=://)([^@:]*):.*@|(?<=[?&])(password=)[^&]*", _hidden, url)


def _hidden(found: re.Match[str]) -> str:
    return f"{found[2]}***" if found[2] else f"{found[1]}:***@"


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting as the documentation shows it."""

    name: str
    env: str
    type: str
    default: str
    description: str


def describe() -> list[SettingDescription]:
    """All settings, in the order in which they are defined."""
    return [
        SettingDescription(
            name=name,
            env=PREFIX + name.upper(),
            type=_type_name(field.annotation),
            default=_default_text(field.get_default(call_default_factory=True, validated_data={})),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _type_name(annotation: Any) -> str:
    """For people: `whole number`, `path`, `console or json`."""
    if get_origin(annotation) is Literal:
        return " or ".join(get_args(annotation))
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if parts:  # Annotated and Optional: what they are made of comes first
        return _type_name(parts[0])
    return _TYPE_NAMES[annotation]


def _default_text(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, datetime):
        return default.date().isoformat()
    return str(default).replace(str(Path.home()), "~")


def _config_path(given: Path | None) -> Path | None:
    if given is None and os.environ.get(CONFIG_VARIABLE):
        given = Path(os.environ[CONFIG_VARIABLE])
    if given is None:
        return CONFIG_FILE if CONFIG_FILE.exists() else None
    return given


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigurationError(f"{path} is not a TOML file: {error}") from error


def _variables() -> list[str]:
    """Names of the variables that are for us, as settings."""
    return [name[len(PREFIX) :].lower() for name in os.environ if name.upper().startswith(PREFIX)]


def _refuse_unknown(names: Iterable[str], known: Iterable[str], what: str, prefix: str = "") -> None:
    def shown(name: str) -> str:
        return prefix + name.upper() if prefix else name

    known = list(known)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {shown(close[0])}?" if close else "the README lists those that exist"
            raise ConfigurationError(f"{what} {shown(name)}; {hint}")


def _translated(error: ValidationError, sources: Mapping[str, str]) -> ConfigurationError:
    """The first problem, in one line; the value is not repeated where it may be secret."""
    problem = error.errors(include_url=False)[0]
    text = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return ConfigurationError(text)
    name = str(problem["loc"][0])
    secret = name in {
        "kafka_sasl_password",
        "redis_url",
        "schema_registry_url",
        "schema_registry_password",
        "api_tokens",
    }
    value = "" if secret or problem["type"] == "extra_forbidden" else f" {problem['input']!r}"
    more = f" ({error.error_count() - 1} more wrong)" if error.error_count() > 1 else ""
    return ConfigurationError(f"{name}{value} from {sources.get(name, 'the program')}: {text}{more}")
