"""The manager: attributes, sections, secrets, problems, status."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, model_validator

from builders.configuration_parts import OWNER, AcmeSettings, TokenSettings, Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.core_settings import CoreSettings
from busway.configuration.manager import ConfigManager
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import ConfigurationError, RefusedError, UnreachableError, UsageError


def problems(config: ConfigManager) -> dict[str, str]:
    """Code by the first name the problem mentions; all its text is in the value."""
    return {problem.what: problem.render() for problem in config.problems()}


# Attributes


def test_values_are_typed_by_the_model(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": " 7000 ", "ACME_TAGS": "a, b,,c", "ACME_PASSWORD": "pw"})
    assert (config.ACME_PORT, config.ACME_TAGS, config.ACME_HOST) == (7000, ("a", "b", "c"), "localhost")
    assert config.ACME_PASSWORD == "pw"
    assert (config.ENV, config.LOG_LEVEL, config.LOG_FORMAT) == ("production", "INFO", "json")


@pytest.mark.parametrize("text", ['["a", "b"]', "a,b", " a , b "])
def test_lists_are_json_or_comma_separated(tmp_path: Path, text: str) -> None:
    assert open_config(tmp_path, {"ACME_TAGS": text}).ACME_TAGS == ("a", "b")


def test_typed_values_of_the_file(tmp_path: Path) -> None:
    config = open_config(tmp_path, toml='[settings]\nACME_PORT = 7000\nACME_TAGS = ["a", "b"]\n')
    assert (config.ACME_PORT, config.ACME_TAGS) == (7000, ("a", "b"))


def test_a_value_is_a_plain_attribute_after_the_first_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_HOST": "one", "ACME_PASSWORD": "pw"})
    assert "ACME_HOST" not in vars(config)
    assert config.ACME_HOST == "one"
    assert vars(config)["ACME_HOST"] == "one"
    assert config.ACME_PASSWORD == "pw"
    assert "ACME_PASSWORD" not in vars(config)


def test_an_optional_secret_that_is_not_set_is_its_default(tmp_path: Path) -> None:
    config = open_config(tmp_path)
    assert config.ACME_PASSWORD is None
    assert config.section(AcmeSettings).password is None


def test_an_unknown_attribute_is_an_error_and_python_names_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = open_config(tmp_path)
    with pytest.raises(AttributeError, match="'ConfigManager' object has no attribute 'ACME_HOTS'") as caught:
        _ = config.ACME_HOTS
    sys.__excepthook__(AttributeError, caught.value, None)
    assert "Did you mean: 'ACME_HOST'?" in capsys.readouterr().err
    with pytest.raises(AttributeError):
        _ = config.zzz
    with pytest.raises(AttributeError):
        _ = ConfigManager(lambda: open_config(tmp_path)).ACME_HOTS


def test_every_manager_has_attributes_of_its_own(tmp_path: Path) -> None:
    one = open_config(tmp_path, {"ACME_HOST": "one"})
    other, third = ConfigManager(), open_config(tmp_path, {"ACME_HOST": "third"})
    other.adopt(one)
    assert (one.ACME_HOST, other.ACME_HOST, third.ACME_HOST) == ("one", "one", "third")
    one.add_models([(OWNER, TokenSettings)])
    with pytest.raises(ConfigurationError, match="BW1109"):
        _ = other.ACME_REGION
    assert not hasattr(third, "ACME_REGION")
    assert isinstance(other, ConfigManager)
    assert type(other).__name__ == "ConfigManager"


def test_it_is_read_only(tmp_path: Path) -> None:
    config = open_config(tmp_path)
    with pytest.raises(AttributeError, match="read-only"):
        config.ACME_HOST = "x"
    with pytest.raises(AttributeError, match="read-only"):
        del config.ACME_HOST
    with pytest.raises(TypeError):
        pickle.dumps(config)
    with pytest.raises(TypeError):
        copy.copy(config)


def test_one_broken_value_does_not_hide_its_neighbours(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": "none", "ACME_HOST": "one", "LOG_LEVEL": "debug", "LOG_FORMAT": "x"})
    assert config.ACME_HOST == "one"
    assert config.ACME_TAGS == ()
    assert config.LOG_LEVEL == "DEBUG"
    with pytest.raises(ConfigurationError, match="BW1108"):
        _ = config.ACME_PORT
    with pytest.raises(ConfigurationError, match="BW1108"):
        _ = config.LOG_FORMAT


def test_a_neighbour_of_something_missing_can_be_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,))
    assert config.ACME_REGION == "eu"
    with pytest.raises(ConfigurationError, match="BW1201"):
        _ = config.ACME_TOKEN


# Binding


def test_it_binds_at_first_use_only_and_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def binder() -> ConfigManager:
        calls.append(1)
        return open_config(tmp_path, {"ACME_HOST": "bound"})

    config = ConfigManager(binder)
    assert repr(config) == "<ConfigManager unbound>"
    assert not hasattr(config, "__wrapped__")
    assert calls == []
    assert config.ACME_HOST == "bound"
    assert config.names()
    assert calls == [1]


def test_threads_bind_once(tmp_path: Path) -> None:
    calls: list[int] = []
    gate = threading.Barrier(8)

    def binder() -> ConfigManager:
        calls.append(1)
        return open_config(tmp_path)

    config = ConfigManager(binder)

    def use() -> None:
        gate.wait()
        config.names()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_adopting_forgets_what_was_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_HOST": "one"})
    assert config.ACME_HOST == "one"
    other = open_config(tmp_path, {"ACME_HOST": "two"})
    config.adopt(other)
    assert config.ACME_HOST == "two"
    assert config.section(AcmeSettings) is other.section(AcmeSettings)


def test_releasing_binds_again(tmp_path: Path) -> None:
    hosts = iter(["one", "two"])
    config = ConfigManager(lambda: open_config(tmp_path, {"ACME_HOST": next(hosts)}))
    assert config.ACME_HOST == "one"
    config.release()
    assert config.ACME_HOST == "two"


def test_without_binder_it_says_how_to_open() -> None:
    with pytest.raises(ConfigurationError, match="BW1110"):
        ConfigManager().names()


# Sections


def test_a_section_is_the_same_object_every_time(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": "7000"})
    section = config.section(AcmeSettings)
    assert section.port == 7000
    assert config.section(AcmeSettings) is section
    assert config.section(CoreSettings).environment == "production"


def test_a_section_has_all_its_problems_in_one_error(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": "0", "ACME_TAGS": '{"a": 1'}, toml="[settings]\nACME_HOST = 3\n")
    with pytest.raises(ConfigurationError) as caught:
        config.section(AcmeSettings)
    assert [problem.code for problem in caught.value.problems] == ["BW1108", "BW1108"]
    text = caught.value.render()
    assert "environment variable ACME_PORT" in text
    assert "greater than or equal to 1" in text
    assert "busway.toml:2" in text


def test_a_required_secret_is_not_asked_for_until_it_is_read(tmp_path: Path) -> None:
    vault = Vault({"ACME_TOKEN": "t1"})
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=vault)
    section = config.section(TokenSettings)
    assert vault.asked == []
    assert section.token.get_secret_value() == "t1"
    assert vault.asked == ["ACME_TOKEN"]


def test_a_section_nobody_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="BW1106"):
        open_config(tmp_path, models=()).section(AcmeSettings)


def test_models_can_be_added_later(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_PORT": "7000"}, models=())
    with pytest.raises(AttributeError):
        _ = config.ACME_PORT
    config.add_models([(OWNER, AcmeSettings)])
    assert config.ACME_PORT == 7000


def test_an_owner_may_check_settings_together(tmp_path: Path) -> None:
    class Pair(Settings):
        """Two that exclude each other."""

        one: str = setting("", env="PAIR_ONE", doc="One.")
        two: str = setting("", env="PAIR_TWO", doc="Two.")

        @model_validator(mode="after")
        def only_one(self) -> Pair:
            if self.one and self.two:
                raise ValueError("set only one of PAIR_ONE and PAIR_TWO")
            return self

    config = open_config(tmp_path, {"PAIR_ONE": "a", "PAIR_TWO": "b"}, models=(Pair,))
    with pytest.raises(ConfigurationError) as caught:
        config.section(Pair)
    assert caught.value.problem.why == "set only one of PAIR_ONE and PAIR_TWO"
    assert "PAIR_ONE" in caught.value.problem.where
    assert config.PAIR_ONE == "a"


# Secrets


def test_a_secret_is_remembered_for_its_time_and_refreshed_on_request(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": "t1"}), ManualClock()
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=vault, clock=clock)
    handle = config.section(TokenSettings).token
    assert config.get_secret("ACME_TOKEN") == "t1"
    vault.values["ACME_TOKEN"] = "t2"
    clock.sleep(599)
    assert config.ACME_TOKEN == "t1"
    clock.sleep(2)
    assert (config.ACME_TOKEN, handle.get_secret_value()) == ("t2", "t2")
    vault.values["ACME_TOKEN"] = "t3"
    assert config.get_secret("ACME_TOKEN", refresh=True) == "t3"
    assert handle.get_secret_value() == "t3"
    assert len(vault.asked) == 3


def test_a_secret_that_expires_sooner_is_read_sooner(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": "t1"}), ManualClock()
    vault.expires_at_ns = clock.now_ns() + 60 * 10**9
    config = open_config(tmp_path, models=(TokenSettings,), vault=vault, clock=clock)
    assert config.ACME_TOKEN == "t1"
    vault.values["ACME_TOKEN"], vault.expires_at_ns = "t2", None
    clock.sleep(61)
    assert config.ACME_TOKEN == "t2"


def test_a_missing_secret_lists_every_place_and_way(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_TOKNE": "x"}, models=(TokenSettings,), vault=Vault())
    with pytest.raises(ConfigurationError) as caught:
        config.get_secret("ACME_TOKEN")
    problem = caught.value.problem
    assert problem.code == "BW1201"
    assert problem.where == f"setting of {OWNER}"
    places = ["env (environment variable ACME_TOKEN)", "keyvault (https://acme.vault.example ACME-TOKEN)", "dotenv"]
    positions = [problem.why.index(place) for place in [*places, "busway.toml [settings]"]]
    assert positions == sorted(positions)
    assert "env has ACME_TOKNE" in problem.why
    assert "export ACME_TOKEN=..." in problem.fix
    assert "store it in keyvault: https://acme.vault.example ACME-TOKEN" in problem.fix
    assert "a line ACME_TOKEN=... in .env" in problem.fix


def test_secrets_nobody_declared_and_names_of_the_vault(tmp_path: Path) -> None:
    vault = Vault({"OTHER_THING": "o", "ACME_TOKEN": "t"})
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=vault)
    assert config.get_secret("OTHER-THING") == "o"
    assert config.get_secret("ACME-TOKEN") == "t"
    assert config.get_secret("ACME_REGION") == "eu"
    with pytest.raises(ConfigurationError, match="BW1201"):
        config.get_secret("NOWHERE")


def test_threads_that_ask_at_once_ask_the_vault_once(tmp_path: Path) -> None:
    class SlowVault(Vault):
        def fetch(self, name: str) -> Any:
            inside.set()
            assert go_on.wait(10)
            return super().fetch(name)

    inside, go_on, gate = threading.Event(), threading.Event(), threading.Barrier(17)
    vault = SlowVault({"ACME_TOKEN": "t"})
    config = open_config(tmp_path, models=(TokenSettings,), vault=vault)
    values: list[str] = []

    def ask() -> None:
        gate.wait()
        values.append(config.get_secret("ACME_TOKEN"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    gate.wait()
    assert inside.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert values == ["t"] * 16
    assert vault.asked == ["ACME_TOKEN"]


def test_an_answer_that_comes_while_a_question_is_being_made_saves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault({"ACME_TOKEN": "t"})
    config = open_config(tmp_path, models=(TokenSettings,), vault=vault)
    resolver, others = config._state.resolver, [threading.Thread(target=config.get_secret, args=("ACME_TOKEN",))]
    limits = resolver.limits

    def limits_after_the_others() -> Any:
        while others:
            other = others.pop()
            other.start()
            other.join()
        return limits()

    monkeypatch.setattr(resolver, "limits", limits_after_the_others)
    assert config.get_secret("ACME_TOKEN") == "t"
    assert vault.asked == ["ACME_TOKEN"]


def test_an_outage_is_not_a_missing_secret(tmp_path: Path) -> None:
    vault = Vault(error=UnreachableError("BW9999", "vault is away"))
    config = open_config(tmp_path, models=(TokenSettings, AcmeSettings), vault=vault, dotenv="ACME_TOKEN=old\n")
    with pytest.raises(UnreachableError):
        config.get_secret("ACME_TOKEN")
    with pytest.raises(UnreachableError):
        config.section(AcmeSettings)
    assert config.ACME_PORT == 6379
    assert [problem.code for problem in config.problems()] == ["BW9999", "BW1109"]


def test_one_refused_name_does_not_spoil_the_others(tmp_path: Path) -> None:
    class Picky(Vault):
        def fetch(self, name: str) -> Any:
            if name == "ACME_PASSWORD":
                raise RefusedError("BW9998", "disabled")
            return super().fetch(name)

    config = open_config(tmp_path, vault=Picky({"ACME_MAIL_TO": "ops@example.test"}))
    assert [problem.code for problem in config.problems()] == ["BW9998"]
    assert config.ACME_MAIL_TO == "ops@example.test"


def test_the_redactor_hears_of_every_secret(tmp_path: Path) -> None:
    vault, clock = Vault({"ACME_TOKEN": "t1"}), ManualClock()
    config = open_config(tmp_path, models=(), vault=vault, clock=clock, dotenv="ACME_PASSWORD=hidden\n")
    heard: list[str] = []
    config.watch_secrets(heard.append)
    assert heard == []
    config.add_models([(OWNER, AcmeSettings), (OWNER, TokenSettings)])
    assert heard == ["hidden"]
    assert config.ACME_TOKEN == "t1"
    vault.values["ACME_TOKEN"] = "t2"
    assert config.get_secret("ACME_TOKEN", refresh=True) == "t2"
    assert heard == ["hidden", "t1", "t2"]
    assert config.secret_values() == {"hidden", "t1", "t2"}


# Problems and status


def test_a_complete_configuration_has_no_problems(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_TOKEN": "t", "ACME_REGION": "eu"}, models=(AcmeSettings, TokenSettings))
    assert config.validate_required_secrets()
    assert config.problems() == []


def test_all_problems_come_in_one_pass(tmp_path: Path) -> None:
    vault = Vault()
    config = open_config(
        tmp_path,
        {"ACME_PORT": "x"},
        models=(AcmeSettings, TokenSettings),
        vault=vault,
        toml='[settings]\nACME_HOTS = "a"\nQQQQQQ = 1\n',
        dotenv="BUSWAY_STATE_DIR=/x\n",
    )
    assert not config.validate_required_secrets()
    found = problems(config)
    assert set(found) == {
        "the value of ACME_PORT is not valid",
        "secret ACME_TOKEN is not set",
        "setting ACME_REGION is not set",
        "unknown key 'ACME_HOTS' under [settings]",
        "unknown key 'QQQQQQ' under [settings]",
        "BUSWAY_STATE_DIR has no effect in dotenv",
    }
    assert "did you mean ACME_HOST?" in found["unknown key 'ACME_HOTS' under [settings]"]
    assert "busway.toml:2" in found["unknown key 'ACME_HOTS' under [settings]"]


def test_a_broken_dotenv_is_told_once(tmp_path: Path) -> None:
    config = open_config(tmp_path, dotenv="ACME_HOST='canary\n")
    assert [problem.code for problem in config.problems()] == ["BW1104"]
    assert config.get_configuration_status()["validation"]["is_valid"] is False


def test_what_an_optional_owner_lacks_is_no_problem_of_the_deployment(tmp_path: Path) -> None:
    plain = open_config(tmp_path, models=())
    config = ConfigManager.open(plain.boot, [], [(OWNER, TokenSettings)], clock=ManualClock(), optional=[TokenSettings])
    assert config.validate_required_secrets()
    with pytest.raises(ConfigurationError, match="BW1109"):
        config.section(TokenSettings)


def test_plugin_lists_do_not_belong_under_settings(tmp_path: Path) -> None:
    config = open_config(tmp_path, toml='[settings]\nBUSWAY_SINKS = "log"\n')
    assert "under [plugins]" in config.problems()[0].fix


def test_a_declared_name_is_not_taken_for_a_misspelt_one(tmp_path: Path) -> None:
    class Regions(Settings):
        """Two names that are much alike."""

        regions: str = setting("", env="ACME_REGIONS", doc="Regions.")

    config = open_config(tmp_path, {"ACME_REGIONS": "x", "ACME_TOKEN": "t"}, models=(TokenSettings, Regions))
    assert "ACME_REGIONS" not in config.problems()[0].why


def test_a_source_is_asked_for_everything_in_one_round(tmp_path: Path) -> None:
    rounds: list[list[str]] = []

    class Batched(Vault):
        def fetch_many(self, names: Any) -> Any:
            rounds.append(sorted(names))
            return super().fetch_many(rounds[-1])

    config = open_config(tmp_path, {"SQL_SERVER": "s"}, models=(AcmeSettings, TokenSettings), vault=Batched())
    config.problems()
    assert len(rounds) == 1
    assert {"ACME_TOKEN", "ACME_PASSWORD", "ACME_MAIL_TO"} <= set(rounds[0])
    assert not {"SQL_SERVER", "ACME_HOST", "ACME_REGION", "BUSWAY_STATE_DIR"} & set(rounds[0])


@pytest.mark.parametrize("way", ["safe", "incomplete"])
def test_unknown_keys_are_no_mistake_while_owners_are_missing(tmp_path: Path, way: str) -> None:
    config = open_config(tmp_path, toml='[settings]\nSLACK_URL = "x"\n', safe=way == "safe")
    if way == "incomplete":
        assert not config.validate_required_secrets()
        config.add_models([], complete=False)
    assert config.validate_required_secrets()


def test_names_of_the_core_are_read_from_environment_and_file_only(tmp_path: Path) -> None:
    vault = Vault({"BUSWAY_STATE_DIR": "vaulted"})
    config = open_config(tmp_path, vault=vault, dotenv="BUSWAY_STATE_DIR=dotted\n")
    assert config.BUSWAY_STATE_DIR == ".busway"
    assert open_config(tmp_path, {"BUSWAY_STATE_DIR": "set", "BUSWAY_SECRETS": "dotenv"}).BUSWAY_STATE_DIR == "set"


def test_the_status_is_json_and_says_where_everything_is(tmp_path: Path) -> None:
    config = open_config(
        tmp_path,
        {"ACME_PORT": "x", "ACME_TOKEN": "t"},
        models=(AcmeSettings, TokenSettings),
        vault=Vault({"ACME_MAIL_TO": "ops@example.test"}),
        toml='app = "acme"\n[settings]\nACME_HOST = "https://user:canary@host/"\n',
    )
    status = json.loads(json.dumps(config.get_configuration_status()))
    rows = {row["name"]: row for row in status["settings"]}
    assert status["app"] == "acme"
    assert status["validation"]["is_valid"] is False
    assert {problem["code"] for problem in status["validation"]["problems"]} == {"BW1108", "BW1109"}
    assert [source["name"] for source in status["sources"]] == ["env", "keyvault", "dotenv", "toml", "default"]
    assert rows["ACME_HOST"] == {
        "name": "ACME_HOST",
        "set": True,
        "source": "toml",
        "place": "busway.toml:3",
        "class": "plain",
        "owner": OWNER,
        "required": False,
        "valid": True,
        "value": "https://user:**********@host/",
    }
    assert (rows["ACME_MAIL_TO"]["source"], rows["ACME_MAIL_TO"]["value"]) == ("keyvault", "ops@example.test")
    assert (rows["ACME_PORT"]["valid"], rows["ACME_PORT"]["value"]) == (False, None)
    assert "value" not in rows["ACME_TOKEN"]
    assert rows["ACME_TOKEN"]["set"] is True
    assert (rows["ACME_REGION"]["set"], rows["ACME_REGION"]["source"]) == (False, None)
    assert rows["ACME_TAGS"]["value"] == []


def test_warnings_for_production_and_for_secrets_in_the_file(tmp_path: Path) -> None:
    toml = '[settings]\nACME_PASSWORD = "canary"\n'
    config = open_config(tmp_path, toml=toml, dotenv="ACME_HOST=x\n")
    assert [problem.code for problem in config.warnings()] == ["BW1107", "BW1203"]
    assert config.validate_required_secrets()
    assert "canary" not in str(config.get_configuration_status())
    config = open_config(tmp_path, {"ENV": "dev"})
    assert [problem.code for problem in config.warnings()] == ["BW1203"]


def test_a_secret_in_the_file_must_be_text(tmp_path: Path) -> None:
    config = open_config(tmp_path, toml="[settings]\nACME_PASSWORD = 424242\n")
    with pytest.raises(ConfigurationError, match="BW1108") as caught:
        _ = config.ACME_PASSWORD
    with pytest.raises(ConfigurationError, match="BW1108"):
        config.section(AcmeSettings)
    assert "424242" not in caught.value.render()


def test_own_checks_keep_their_words_unless_they_repeat_the_value(tmp_path: Path) -> None:
    def refuse(value: str) -> str:
        raise ValueError("must be a weekday" if value != "canary" else f"bad: {value}")

    class Days(Settings):
        """A setting with a check of its owner."""

        day: Annotated[str, AfterValidator(refuse)] = setting("mon", env="DAY", doc="Which day.")

    told = open_config(tmp_path, {"DAY": "flurday"}, models=(Days,)).problems()[0]
    assert told.why.startswith("must be a weekday")
    hidden = open_config(tmp_path, {"DAY": "canary"}, models=(Days,)).problems()[0]
    assert "canary" not in hidden.render()


def test_the_example_file_has_every_setting_and_can_be_read(tmp_path: Path) -> None:
    config = open_config(tmp_path, models=(AcmeSettings, TokenSettings))
    text = config.env_example()
    (tmp_path / ".env").write_text(text.replace("# SQL_DRIVER", "SQL_DRIVER").replace("# ACME_PORT", "ACME_PORT"))
    example = open_config(tmp_path)
    assert example.SQL_DRIVER == "ODBC Driver 18 for SQL Server"
    assert example.ACME_PORT == 6379
    assert "\nACME_TOKEN=\n" in text
    assert "# The API token. (secret, Secret, required)" in text
    missing = [name for name in config.names() if f"{name}=" not in text]
    assert missing == ["BUSWAY_STATE_DIR"]


def test_explaining_an_unknown_name_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BW1106") as caught:
        open_config(tmp_path).explain("ACME_HOTS")
    assert caught.value.problem.fix == "did you mean ACME_HOST?"


def test_completion_and_repr(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_HOST": "canary", "ACME_PASSWORD": "canary"})
    assert "ACME_HOST" in dir(config)
    assert "section" in dir(config)
    assert config.ACME_HOST == "canary"
    assert "canary" not in repr(config)
    assert isinstance(config.section(AcmeSettings).password, Secret)
