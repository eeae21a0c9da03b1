"""Settings of the directory: Microsoft Entra ID, read through Microsoft Graph."""

from __future__ import annotations

from pydantic import field_validator

from busway.contracts.settings import Secret, Settings, setting
from busway_safetyamp.settings.checks import address

__all__ = ["MICROSOFT_LOGIN", "GraphSettings"]

MICROSOFT_LOGIN = "https://login.microsoftonline.com"


class GraphSettings(Settings):
    """Which application signs in to which tenant, and what is taken from its users."""

    graph_tenant_id: str = setting(
        "",
        env="MS_GRAPH_TENANT_ID",
        vaulted=True,
        pattern=r"^[A-Za-z0-9.-]*$",
        doc="The tenant: its id or one of its domains.",
    )
    graph_client_id: str = setting(
        "",
        env="MS_GRAPH_CLIENT_ID",
        vaulted=True,
        pattern=r"^[A-Za-z0-9-]*$",
        doc="Id of the application that reads the users; it needs the application permission User.Read.All.",
    )
    graph_client_secret: Secret | None = setting(
        None, env="MS_GRAPH_CLIENT_SECRET", doc="A client secret of that application."
    )
    graph_authority: str = setting(
        MICROSOFT_LOGIN, env="MS_GRAPH_AUTHORITY", doc="Where applications sign in; another one for national clouds."
    )
    graph_domain: str = setting("https://graph.microsoft.com", env="MS_GRAPH_DOMAIN", doc="Address of Microsoft Graph.")
    graph_upn_fallback: bool = setting(
        False,
        env="MS_GRAPH_UPN_FALLBACK",
        doc="Whether the user principal name is the address of a user who has no mailbox.",
    )
    graph_phones: bool = setting(
        False, env="MS_GRAPH_PHONES", doc="Whether mobile and business phones of the directory are read, too."
    )
    graph_ignore_leading_zeros: bool = setting(
        False,
        env="MS_GRAPH_IGNORE_LEADING_ZEROS",
        doc="Whether the employee id 00123 of the directory means employee 123.",
    )

    @field_validator("graph_authority", "graph_domain")
    @classmethod
    def _https(cls, value: str) -> str:
        # Microsoft's library signs in over https only, on this machine, too.
        return address(value, MICROSOFT_LOGIN, loopback_http=False)
