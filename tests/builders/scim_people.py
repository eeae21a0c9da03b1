"""The example integration between an export in a folder and a SCIM service."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from acme_busway_scim_people.folder import PeopleFolder
from acme_busway_scim_people.people import People
from acme_busway_scim_people.scim import ScimUsers
from builders.scim_service import TOKEN
from builders.sync_engine import StandingClock
from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiter, unlimited
from busway.contracts.settings import Secret

HEADER = "number,login,first_name,last_name,title"
ADA, BEN = "101,ada@example.test,Ada,Lindqvist,Welder", "102,ben@example.test,Ben,Okafor,Painter"
CYD, DEE = "103,cyd@example.test,Cyd,Moreau,Welder", "104,dee@example.test,Dee,Tanaka,Rigger"
EVERYBODY = (ADA, BEN, CYD, DEE)


def export(folder: Path, *files: Sequence[str]) -> PeopleFolder:
    """Writes ``files`` (rows of each) and their sums, as an export does; what was there before goes."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    sums = []
    for number, rows in enumerate(files, start=1):
        content = "\n".join((HEADER, *rows, "")).encode()
        (folder / f"region{number}.csv").write_bytes(content)
        sums.append(f"{hashlib.sha256(content).hexdigest()}  region{number}.csv\n")
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return PeopleFolder(folder)


def people_job(folder: PeopleFolder, url: str, *, limiter: Limiter | None = None, token: str = TOKEN) -> People:
    """The job, with two users on a page."""
    quota = limiter or unlimited(Quota("acme-scim", 600, 60.0))
    return People(folder, ScimUsers(url, Secret(token), quota, StandingClock(), page_size=2))
