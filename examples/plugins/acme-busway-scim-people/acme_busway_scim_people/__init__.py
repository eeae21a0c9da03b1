"""People from a folder of CSV files to a SCIM 2.0 service."""

from __future__ import annotations

from pathlib import Path

from busway import Job, PluginContext, Quota, Secret, Settings, hookimpl, setting


class ScimPeopleSettings(Settings):
    """Both sides, and how often the service may be called."""

    folder: Path = setting(env="ACME_PEOPLE_DIR", doc="Folder of the export, relative to busway.toml.")
    url: str = setting(env="ACME_SCIM_URL", doc="Base address of the service, such as https://scim.example.test/v2.")
    token: Secret = setting(env="ACME_SCIM_TOKEN", doc="Bearer token of the service.")
    calls: int = setting(600, env="ACME_SCIM_CALLS_PER_MINUTE", doc="Calls a minute, shared by all processes.", ge=1)


@hookimpl
def busway_settings() -> type[ScimPeopleSettings]:
    return ScimPeopleSettings


@hookimpl
def busway_jobs(context: PluginContext[ScimPeopleSettings]) -> list[Job]:
    # Here and not above: the list of plugins is read without loading an HTTP library.
    from acme_busway_scim_people.folder import PeopleFolder
    from acme_busway_scim_people.people import People
    from acme_busway_scim_people.scim import ScimUsers

    settings = context.settings
    limiter = context.limiter(Quota("acme-scim", settings.calls, 60.0))
    users = ScimUsers(settings.url.rstrip("/"), settings.token, limiter, context.clock)
    return [People(PeopleFolder(context.root / settings.folder), users)]
