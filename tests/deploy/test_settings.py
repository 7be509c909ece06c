"""Settings: where they come from, which one wins, and what is said when one is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pydantic
import pytest

from profilestream.deploy.settings import Settings, describe
from profilestream.schemas.errors import ConfigurationError
from profilestream.schemas.validation import Limits


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    """No settings from outside: an empty working directory and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for description in describe():
        monkeypatch.delenv(description.env, raising=False)
    monkeypatch.delenv("PROFILESTREAM_CONFIG", raising=False)


def write(text, name="profilestream.toml"):
    """A TOML file in the working directory."""
    Path(name).write_text(text)
    return Path(name)


def problem(**overrides):
    """What is said about wrong settings."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(**overrides)
    message = str(caught.value)
    assert message.count("\n") <= 1
    return message


def test_defaults_suit_a_laptop():
    """Without any configuration everything is on loopback."""
    settings = Settings.load()
    assert settings.kafka_bootstrap == "127.0.0.1:9092"
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.triton_url is None
    assert settings == Settings()


def test_the_nearest_source_wins(monkeypatch):
    """The command line beats the environment, which beats the file, which beats the default."""
    write('group = "file"\npartitions = 2\nmodel = "encoder-v2"')
    monkeypatch.setenv("PROFILESTREAM_GROUP", "environment")
    monkeypatch.setenv("PROFILESTREAM_PARTITIONS", "3")
    settings = Settings.load(partitions=4, batch_events=None)
    assert (settings.partitions, settings.group, settings.model) == (4, "environment", "encoder-v2")
    assert settings.batch_events == 8192


def test_config_file_by_variable_and_by_option(monkeypatch):
    """A file can be named; an option beats the variable, and both beat the working directory."""
    write("partitions = 1")
    write("partitions = 2", "two.toml")
    monkeypatch.setenv("PROFILESTREAM_CONFIG", "two.toml")
    assert Settings.load().partitions == 2
    assert Settings.load(write("partitions = 3", "three.toml")).partitions == 3


def test_empty_variable_is_no_variable(monkeypatch):
    """An empty variable, as containers often have, leaves the default."""
    monkeypatch.setenv("PROFILESTREAM_TRITON_URL", "")
    assert Settings.load().triton_url is None


def test_settings_are_frozen():
    """Nobody changes a setting behind another's back."""
    with pytest.raises(pydantic.ValidationError):
        Settings().partitions = 7


@pytest.mark.parametrize(
    ("name", "hint"),
    [("PROFILESTREAM_PARTITION", "did you mean PROFILESTREAM_PARTITIONS?"), ("PROFILESTREAM_XYZ", "README")],
)
def test_unknown_variable_is_refused(monkeypatch, name, hint):
    """A misspelt variable is not silently ignored."""
    monkeypatch.setenv(name, "3")
    message = problem()
    assert name in message
    assert hint in message


def test_unknown_key_is_refused():
    """A misspelt key in the file is not silently ignored."""
    write("batch_event = 3")
    assert problem() == "profilestream.toml: no setting batch_event; did you mean batch_events?"


def test_unknown_override_is_refused():
    """A program that passes a name that does not exist fails at once."""
    assert "no_such_name" in problem(no_such_name=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", "0"),
        ("partitions", "many"),
        ("batch_seconds", "-1"),
        ("half_life_short", "nan"),
        ("half_life_long", "inf"),
        ("log_level", "loud"),
        ("kafka_bootstrap", "localhost"),
        ("triton_url", "http://127.0.0.1:8001"),
        ("redis_url", "127.0.0.1:6379"),
        ("schema_registry_url", "registry:8081"),
        ("schema_registry_url", "http://"),
        ("schema_registry_url", "http://registry:http"),
        ("schema_registry_url", "http://registry:8081?x=1"),
        ("earliest_time", "yesterday"),
    ],
)
def test_wrong_value_is_named(monkeypatch, name, value):
    """A wrong value is refused with its name and where it came from."""
    monkeypatch.setenv(f"PROFILESTREAM_{name.upper()}", value)
    message = problem()
    assert message.startswith(name)
    assert "from the environment" in message


def test_wrong_value_in_a_file_names_the_file():
    """Whoever has several files learns which one is wrong."""
    write("partitions = -1")
    assert "from profilestream.toml" in problem()


@pytest.mark.parametrize("text", ["partitions = ", b"\xff"])
def test_file_that_is_not_toml(text):
    """A damaged file is named."""
    Path("profilestream.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "profilestream.toml is not a TOML file" in problem()


def test_named_file_must_exist():
    """A file that was asked for and is not there is an error, not the defaults."""
    assert problem(config=Path("missing.toml")) == "missing.toml cannot be read: No such file or directory"


def test_short_half_life_must_be_shorter():
    """Two half-lives the wrong way round would make recent interests the lasting ones."""
    assert "half_life_short must be shorter" in problem(half_life_short=10.0, half_life_long=5.0)


def test_sasl_needs_a_login():
    """A login that is not complete is told before the first connection fails."""
    assert "kafka_sasl_password" in problem(kafka_security_protocol="SASL_SSL", kafka_sasl_username="me")
    assert Settings.load(kafka_security_protocol="SASL_SSL", kafka_sasl_username="me", kafka_sasl_password="p")


def test_registry_needs_all_of_a_login():
    """A login to the schema registry that is not complete is told before the first request fails."""
    assert "schema_registry_password" in problem(schema_registry_user="me")
    settings = Settings.load(schema_registry_user="me", schema_registry_password="pa/ss")
    assert "pa/ss" not in repr(settings)


def test_password_in_the_registrys_url_is_refused():
    """A password in a URL would get into logs: it has a setting of its own, and is not repeated in the error."""
    message = problem(schema_registry_url="https://ann:pa55@registry:8081")
    assert "settings of their own" in message
    assert "pa55" not in message


def test_secrets_are_never_shown(monkeypatch):
    """Neither a log line nor an error message shows a password."""
    monkeypatch.setenv("PROFILESTREAM_REDIS_URL", "rediss://user:pa/ss@host:6379/0")
    monkeypatch.setenv("PROFILESTREAM_KAFKA_SASL_PASSWORD", "pa/ss")
    settings = Settings.load()
    assert "pa/ss" not in f"{settings} {settings!r}"
    assert "rediss://user:***@host:6379/0" in repr(settings)
    assert settings.redis_url == "rediss://user:pa/ss@host:6379/0"
    assert "pa/ss" not in repr(Settings(redis_url="redis://host?db=1&password=pa/ss"))
    monkeypatch.setenv("PROFILESTREAM_REDIS_URL", "http://user:pa/ss@host")
    assert "pa/ss" not in problem()


def test_times_without_a_zone_are_utc():
    """A date in a file means the same on every machine."""
    write('earliest_time = "2010-01-01"')
    assert Settings.load().earliest_time == datetime(2010, 1, 1, tzinfo=UTC)


def test_home_of_the_user_is_understood(monkeypatch, tmp_path):
    """A path with ~ leads to the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write('home = "~/profiles"')
    assert Settings.load().home == tmp_path / "profiles"


def test_limits_follow_the_settings():
    """What is refused as implausible is what the settings say; the defaults agree with those of the library."""
    assert Settings().limits == Limits()
    assert Settings(future_tolerance=1.5, max_text=9).limits == Limits(future_tolerance=1500, max_text=9)


def test_every_setting_is_described():
    """The documentation lists each setting with its variable, type, default and meaning, and no one's home."""
    descriptions = {description.name: description for description in describe()}
    assert list(descriptions) == list(Settings.model_fields)
    assert all(description.description.endswith(".") for description in descriptions.values())
    assert descriptions["log_format"].type == "console or json"
    assert descriptions["triton_url"].type == "text"
    assert descriptions["partitions"].env == "PROFILESTREAM_PARTITIONS"
    assert descriptions["partitions"].default == "6"
    assert str(Path.home()) not in descriptions["home"].default
