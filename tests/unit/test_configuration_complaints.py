"""Problems with settings as a person reads them: every place that was looked at, and the exact fix."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.configuration_parts import AcmeSettings, TokenSettings, Vault, open_config
from busway.configuration.nearest import Misspellings
from busway.configuration.refusals import found_type, mismatch, wanted_type
from busway.contracts.settings import Secret, Settings, setting
from busway.errors import Problem


def words(text: str) -> list[str]:
    return text.split()


ORDINARY = words(
    """
    _ BASH BASH_VERSION COLORTERM COLUMNS COMSPEC DBUS_SESSION_BUS_ADDRESS DEBIAN_FRONTEND DISPLAY EDITOR EUID GPG_TTY
    HISTFILE HISTSIZE HOME HOMEDRIVE HOMEPATH HOST HOSTNAME HOSTTYPE HUSHLOGIN IFS INVOCATION_ID JOURNAL_STREAM LANG
    LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES LESS LESSOPEN LINES LISTEN_FDS LOGNAME LS_COLORS MAIL MAILTO MANPATH MEMORY
    NOTIFY_SOCKET OLDPWD OSTYPE PAGER PATH PATHEXT PPID PROMPT_COMMAND PS1 PWD SHELL SHELLOPTS SHLVL SSH_AUTH_SOCK
    SSH_CLIENT SSH_CONNECTION SSH_TTY SUDO_USER SYSTEMROOT TEMP TERM TERM_PROGRAM TMP TMPDIR TZ UID USER USERNAME
    USERPROFILE VISUAL WINDIR XAUTHORITY XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR XDG_SESSION_TYPE
    ALL_PROXY HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_DIR SSL_CERT_FILE CURL_CA_BUNDLE
    REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS PYTHONPATH PYTHONUNBUFFERED PYTHONHASHSEED VIRTUAL_ENV PIP_CACHE_DIR
    PIP_INDEX_URL UV_CACHE_DIR UV_INDEX_URL POETRY_HOME CONDA_PREFIX PYTEST_CURRENT_TEST COVERAGE_FILE NO_COLOR
    FORCE_COLOR CLICOLOR CI BUILD_ID BUILD_NUMBER JOB_NAME GITHUB_TOKEN GITHUB_ACTIONS GITHUB_SHA GITLAB_CI
    CI_PROJECT_DIR CI_JOB_TOKEN RUNNER_OS RUNNER_TEMP TF_BUILD AGENT_NAME KUBERNETES_SERVICE_HOST
    KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_PORT_6379_TCP
    REDIS_PORT_6379_TCP_ADDR REDIS_MASTER_NAME REDIS_SENTINELS POD_NAME POD_NAMESPACE NODE_NAME CONTAINER_NAME
    DOCKER_HOST DOCKER_CONFIG COMPOSE_PROJECT_NAME AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_TENANT_ID
    AZURE_SUBSCRIPTION_ID AZURE_CONFIG_DIR AZURE_LOG_LEVEL IDENTITY_ENDPOINT IDENTITY_HEADER MSI_ENDPOINT MSI_SECRET
    WEBSITE_SITE_NAME WEBSITE_HOSTNAME APPSETTING_WEBSITE_AUTH_ENABLED AWS_REGION AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GOOGLE_APPLICATION_CREDENTIALS DATABASE_URL DB_HOST DB_PASSWORD DB_USER
    POSTGRES_PASSWORD POSTGRES_USER PGHOST PGPASSWORD MYSQL_HOST MONGO_URL RABBITMQ_URL CELERY_BROKER_URL SENTRY_DSN
    OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME LOG_DIR LOG_PATH LOGS_DIR LOGFIRE_TOKEN SMTP_HOST SMTP_FROM
    EMAIL_HOST EMAIL_PORT SECRET_KEY FLASK_ENV DJANGO_SETTINGS_MODULE NODE_ENV RAILS_ENV APP_ENV ENVIRONMENT PORT
    WEB_CONCURRENCY WORKERS TIMEOUT MAX_BYTES CACHE_DIR CACHE_URL FILE_DIR SQLITE_TMPDIR SQLCMDPASSWORD SQLCMDUSER
    ODBCINI ODBCSYSINI MS_GRAPH_TOKEN JAVA_HOME GOPATH CARGO_HOME RUSTUP_HOME NVM_DIR npm_config_cache
    """
)

DECLARED = words(
    """
    REDIS_HOST REDIS_URL REDIS_TLS REDIS_PORT REDIS_DB REDIS_PASSWORD REDIS_USERNAME REDIS_TIMEOUT_MS WEBHOOK_URL
    WEBHOOK_SECRET WEBHOOK_TIMEOUT_SECONDS WEBHOOK_MIN_SEVERITY WEBHOOK_CA_FILE WEBHOOK_ALLOW_NETWORKS VISTA_URL
    VISTA_COMPANIES VISTA_SQL_PASSWORD VISTA_TABLE_PREFIX VISTA_JOB_WINDOW_DAYS VISTA_HIRE_LEAD_DAYS
    VISTA_WORK_PHONE_COLUMN VISTA_MOBILE_PHONE_COLUMN SQL_SERVER SQL_DATABASE SQL_USERNAME SQL_DRIVER SQL_AUTH_MODE
    SQL_TRUST_SERVER_CERTIFICATE SMTP_SERVER SMTP_PORT SMTP_USERNAME SMTP_PASSWORD SMTP_TLS SMTP_CA_FILE
    SAFETYAMP_TOKEN SAFETYAMP_FQDN SAFETYAMP_DOMAIN SAFETYAMP_ROLE SAFETYAMP_COUNTRY SAFETYAMP_TIMEZONE
    SAFETYAMP_PAGE_SIZE SAFETYAMP_USER_AGENT SAFETYAMP_OFFICE_SUFFIX SAFETYAMP_RATE_LIMIT_CALLS
    SAFETYAMP_RATE_LIMIT_PERIOD SAFETYAMP_TEXT_OPT_OUT SAFETYAMP_ADOPT_BY_EMAIL MEMORY_CACHE_ENTRIES LOG_LEVEL
    LOG_FORMAT LOG_FILE FILE_CACHE_KEY FILE_CACHE_DIR FILE_CACHE_MAX_BYTES ENV EMAIL_MIN_SEVERITY BUSWAY_STATE_DIR
    AZURE_KEY_VAULT_URL AZURE_KEY_VAULT_NAME KEY_VAULT_SUFFIX KEY_VAULT_TIMEOUT_SECONDS ALERT_EMAIL_TO
    ALERT_EMAIL_FROM
    """
)


def only(problems: list[Problem], code: str) -> Problem:
    (found,) = [problem for problem in problems if problem.code == code]
    return found


# -- what is missing


def test_a_missing_secret_names_every_place_in_order_and_every_way(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=Vault())
    assert only(config.problems(), "BW1201").render() == (
        "error[BW1201]: secret ACME_TOKEN is not set\n"
        "  where setting of busway-acme\n"
        "  why   The API token.\n"
        "        looked in this order: env (environment variable ACME_TOKEN), keyvault (https://acme.vault.example "
        "ACME-TOKEN), dotenv (.env), busway.toml [settings]\n"
        "  fix   export ACME_TOKEN=...\n"
        "        or store it in keyvault: https://acme.vault.example ACME-TOKEN\n"
        "        or a line ACME_TOKEN=... in .env"
    )


@pytest.mark.parametrize(
    ("place", "way"),
    [
        (
            "https://acme.vault.azure.net ACME-TOKEN",
            "or az keyvault secret set --vault-name acme --name ACME-TOKEN --value ...\n",
        ),
        (
            "https://acme.vault.usgovcloudapi.net ACME-TOKEN (missing or soft-deleted)",
            "or az keyvault secret set --vault-name acme --name ACME-TOKEN --value ...\n",
        ),
        ("https://localhost:8443 ACME-TOKEN (missing)", "or store it in keyvault: https://localhost:8443 ACME-TOKEN\n"),
        ("vault.azure.net ACME-TOKEN; rm -rf", "or store it in keyvault: vault.azure.net ACME-TOKEN; rm -rf\n"),
    ],
)
def test_a_place_in_azure_gives_the_command(tmp_path: Path, place: str, way: str) -> None:
    class Located(Vault):
        def locate(self, name: str) -> str:
            return place

    config = open_config(tmp_path, {"ACME_REGION": "eu"}, models=(TokenSettings,), vault=Located())
    assert way in only(config.problems(), "BW1201").fix + "\n"


def test_a_missing_setting_may_be_written_into_the_file_with_its_type(tmp_path: Path) -> None:
    class Needy(Settings):
        """Settings without defaults."""

        region: str = setting(env="N_REGION", doc="The region.")
        size: int = setting(env="N_SIZE", doc="How many.")
        ratio: float = setting(env="N_RATIO", doc="How much.")
        on: bool = setting(env="N_ON", doc="Whether.")
        names: list[str] = setting(env="N_NAMES", doc="Which.")

    fixes = {one.what: one.fix.splitlines() for one in open_config(tmp_path, models=(Needy,)).problems()}
    assert {what: lines[-1] for what, lines in fixes.items()} == {
        "setting N_REGION is not set": 'or N_REGION = "..." under [settings] in busway.toml',
        "setting N_SIZE is not set": "or N_SIZE = 1 under [settings] in busway.toml",
        "setting N_RATIO is not set": "or N_RATIO = 1.0 under [settings] in busway.toml",
        "setting N_ON is not set": "or N_ON = true under [settings] in busway.toml",
        "setting N_NAMES is not set": "or N_NAMES = [...] under [settings] in busway.toml",
    }
    assert all(lines[0].startswith("export N_") for lines in fixes.values())


def test_a_missing_secret_says_which_name_was_probably_meant(tmp_path: Path) -> None:
    config = open_config(tmp_path, {"ACME_TOKN": "canary"}, models=(TokenSettings,), dotenv="ACME_REGIO=eu\n")
    found = {problem.what: problem.why for problem in config.problems()}
    assert (
        "env has ACME_TOKN (environment variable ACME_TOKN), which nobody reads: was ACME_TOKEN meant?"
        in found["secret ACME_TOKEN is not set"]
    )
    assert "dotenv has ACME_REGIO (.env:1)" in found["setting ACME_REGION is not set"]
    assert [one["code"] for one in config.get_configuration_status()["warnings"]] == ["BW1107"], "told once"


# -- what is wrong


@pytest.mark.parametrize(
    ("toml", "told", "fix"),
    [
        ('ACME_PORT = "many"', "input should be a valid integer", "write ACME_PORT = 6379 at busway.toml:2"),
        ("ACME_PORT = 1.5", "found a number, wanted a whole number", "write ACME_PORT = 6379 at busway.toml:2"),
        ("ACME_PORT = 70000", "input should be less than or equal to 65535", "or remove it to have the default"),
        ("ACME_HOST = 7", "found a whole number, wanted text", 'write ACME_HOST = "localhost" at busway.toml:2'),
        ("ACME_HOST = true", "found true or false, wanted text", 'write ACME_HOST = "localhost" at busway.toml:2'),
        ("ACME_HOST = [1]", "found a list, wanted text", 'write ACME_HOST = "localhost" at busway.toml:2'),
        ("ACME_HOST = 2024-01-01", "found a date, wanted text", 'write ACME_HOST = "localhost" at busway.toml:2'),
        ("ACME_TAGS = 7", "found a whole number, wanted a list", "write ACME_TAGS = [...] at busway.toml:2"),
        ("ACME_PASSWORD = 424242", "found a whole number, wanted text", 'write ACME_PASSWORD = "..." at busway.toml:2'),
    ],
)
def test_a_wrong_type_in_the_file_says_both_types_and_the_line(tmp_path: Path, toml: str, told: str, fix: str) -> None:
    config = open_config(tmp_path, {"ENV": "dev"}, toml=f"[settings]\n{toml}\n")
    problem = only(config.problems(), "BW1108")
    assert problem.where.startswith("busway.toml:2, for setting of busway-acme")
    assert problem.why.startswith(told)
    assert fix in problem.fix
    assert "424242" not in problem.render()


@pytest.mark.parametrize(
    ("layer", "fix"),
    [
        ("env", "export ACME_PORT=... (a whole number), or unset ACME_PORT to have the default"),
        ("dotenv", "write ACME_PORT=... (a whole number) at .env:1, or remove it to have the default"),
    ],
)
def test_a_wrong_value_is_corrected_where_it_is(tmp_path: Path, layer: str, fix: str) -> None:
    held = {"ACME_PORT": "canary"}
    config = open_config(
        tmp_path, held if layer == "env" else {}, dotenv="" if layer == "env" else "ACME_PORT=canary\n"
    )
    problem = only(config.problems(), "BW1108")
    assert problem.fix == f"{fix}\nsee where it comes from: busway config explain ACME_PORT"
    assert "canary" not in problem.render()


def test_a_wrong_value_in_a_vault_is_corrected_there(tmp_path: Path) -> None:
    class Mail(Settings):
        """A vaulted setting with a limit."""

        to: str = setting(env="M_TO", doc="Who.", vaulted=True, max_length=3)

    config = open_config(tmp_path, models=(Mail,), vault=Vault({"M_TO": "canary"}))
    fix = only(config.problems(), "BW1108").fix
    assert fix.startswith("store it in keyvault: https://acme.vault.example M-TO (text)")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (int, "a whole number"),
        (float | None, "a number"),
        (bool, "true or false"),
        (tuple[str, ...], "a list"),
        (dict[str, int], "JSON"),
        (Secret | None, "text"),
        (Literal["a", "b"], "one of a, b"),
        (int | str, "a whole number or text"),
        (Path, "text"),
    ],
)
def test_types_in_words(annotation: Any, words: str) -> None:
    assert wanted_type(annotation) == words


def test_only_what_cannot_be_meant_is_a_mismatch() -> None:
    assert mismatch(1, float) == ""
    assert mismatch("1", int) == ""
    assert mismatch("a,b", list[str]) == ""
    assert mismatch("a", Literal["a", "b"]) == ""
    assert mismatch(1, Literal["a", "b"]) == "found a whole number, wanted one of a, b"
    assert mismatch({}, str) == "found a table, wanted text"
    assert found_type(True) == "true or false"


# -- names nobody reads


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SAFETYAMP_TOKN", "SAFETYAMP_TOKEN"),
        ("SAFETYAMP_TOKENS", "SAFETYAMP_TOKEN"),
        ("SAFTEYAMP_TOKEN", "SAFETYAMP_TOKEN"),
        ("SafetyAmp_Token", "SAFETYAMP_TOKEN"),
        ("SAFETYAMP-TOKEN", "SAFETYAMP_TOKEN"),
        ("REDIS_PASWORD", "REDIS_PASSWORD"),
        ("REDIS_PASS", "REDIS_PASSWORD"),
        ("REDIS_HOSTNAME", "REDIS_HOST"),
        ("REDIS_URI", "REDIS_URL"),
        ("redis_host", "REDIS_HOST"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("SMTP_USER", "SMTP_USERNAME"),
        ("AZURE_KEYVAULT_NAME", "AZURE_KEY_VAULT_NAME"),
        ("VISTA_SQL_PASSWROD", "VISTA_SQL_PASSWORD"),
        ("SAFETYAMP_TOKEN_2", ""),
        ("REDIS_DB1", ""),
        ("SQL_PASSWORD", ""),
        ("SMTP_HOST", ""),
        ("ENVS", ""),
        ("SAFETYAMP_TOKEN", ""),
    ],
)
def test_the_name_that_was_meant(written: str, meant: str) -> None:
    assert Misspellings(DECLARED).meant(written) == meant


def test_ordinary_variables_are_never_taken_for_misspelt_ones() -> None:
    assert Misspellings(DECLARED).among(ORDINARY) == {}


@given(name=st.sampled_from([one for one in DECLARED if len(one) >= 10]), data=st.data())
def test_one_slip_of_the_pen_in_a_long_name_is_found(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(name) - 2))
    slip = data.draw(st.sampled_from(["drop", "double", "swap", "other"]))
    written = {
        "drop": name[:at] + name[at + 1 :],
        "double": name[:at] + name[at] + name[at:],
        "swap": name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        "other": name[:at] + "Q" + name[at + 1 :],
    }[slip]
    if written not in DECLARED:
        assert Misspellings([name]).meant(written) == name


def test_names_are_compared_within_a_millisecond() -> None:
    present = [*ORDINARY[:100]]
    Misspellings(DECLARED).among(["SAFETYAMP_TOKN"])
    took = []
    for _ in range(20):
        began = time.perf_counter()
        Misspellings(DECLARED[:60]).among(present)
        took.append(time.perf_counter() - began)
    # The goal is 1 ms; other work on the machine may take its share, and a comparison of all pairs takes 100 ms.
    assert min(took) < 0.002


def test_a_misspelt_name_is_a_warning_with_the_command(tmp_path: Path) -> None:
    environ = {"ENV": "dev", "ACME_PASSWORDS": "canary", "PATH": "/bin", "HOME": "/root"}
    config = open_config(tmp_path, environ, dotenv="acme_host=canary\n", models=(AcmeSettings,))
    assert config.validate_required_secrets()
    assert [problem.render("warning") for problem in config.warnings()] == [
        "warning[BW1111]: ACME_PASSWORDS is set, and nobody reads it\n"
        "  where environment variable ACME_PASSWORDS\n"
        "  why   it is like ACME_PASSWORD, which busway-acme reads\n"
        '  fix   export ACME_PASSWORD="$ACME_PASSWORDS"; unset ACME_PASSWORDS',
        "warning[BW1111]: acme_host is set, and nobody reads it\n"
        "  where .env:1\n"
        "  why   it is like ACME_HOST, which busway-acme reads\n"
        "  fix   write ACME_HOST=... there",
    ]


def test_who_has_both_names_is_not_warned(tmp_path: Path) -> None:
    environ = {"ENV": "dev", "ACME_PASSWORDS": "canary", "ACME_PASSWORD": "canary-canary"}
    assert open_config(tmp_path, environ).warnings() == []


def test_a_misspelt_vault_is_found_though_nobody_declares_it(tmp_path: Path) -> None:
    (problem,) = open_config(tmp_path, {"ENV": "dev", "AZURE_KEYVAULT_NAME": "acme"}).warnings()
    assert problem.why == "it is like AZURE_KEY_VAULT_NAME, which selects the source keyvault"
