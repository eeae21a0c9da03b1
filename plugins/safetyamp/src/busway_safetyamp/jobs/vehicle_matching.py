"""Which asset is which vehicle: by what is known of old, by the VIN, by the gateway's serial, by the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks, vin

__all__ = ["Matched", "code_of_vehicle", "matched"]

Keys = Callable[[Record], Iterable[str]]

_VIN = re.compile(r"\b[A-HJ-NPR-Z0-9]{17}\b")


@dataclass(slots=True)
class Matched:
    """What belongs together."""

    vehicles: dict[Any, str]
    """Vehicle ids by asset id. A vehicle of several assets is ambiguous, and for the engine to refuse."""
    unclear: set[str] = field(default_factory=set)
    """Ids of vehicles that show the same as another one and an asset: which of them it is cannot be told."""


def matched(vehicles: Iterable[Record], assets: Iterable[Record], links: Mapping[str, Any]) -> Matched:
    """Matches vehicles of Samsara and assets of SafetyAmp.

    What ``links`` knows goes before everything: two vehicles that swap their gateways swap their serials, too. Then the
    VIN, where an asset has it in its description or serial, the serial, and the code, which is the plate or made of
    the vehicle's id.
    """
    fleet, present = list(vehicles), list(assets)
    ids = {asset["id"] for asset in present}
    found = Matched({asset: vehicle for vehicle, asset in links.items() if asset in ids})
    for of_vehicle, of_asset in ((_vin, _vins), (_serial, _serial), (_code, _asset_code)):
        _match(fleet, present, found, of_vehicle, of_asset)
    found.unclear -= set(found.vehicles.values())
    return found


def _match(fleet: list[Record], assets: list[Record], found: Matched, of_vehicle: Keys, of_asset: Keys) -> None:
    taken = set(found.vehicles.values())
    seekers = _by_key((one for one in fleet if one["id"] not in taken), of_vehicle)
    for key, candidates in _by_key((one for one in assets if one["id"] not in found.vehicles), of_asset).items():
        wanted = seekers.get(key, [])
        if len(wanted) == 1:
            found.vehicles.update((asset["id"], wanted[0]["id"]) for asset in candidates)
        else:
            found.unclear.update(vehicle["id"] for vehicle in wanted)


def _by_key(records: Iterable[Record], keys: Keys) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        for key in dict.fromkeys(keys(record)):
            groups.setdefault(key, []).append(record)
    return groups


def code_of_vehicle(vehicle: Record) -> str:
    """The plate, or what is made of the whole id: the last digits of two ids may be the same."""
    return collapse_blanks(vehicle.get("licensePlate")) or f"Unit_{vehicle['id']}"


def _vin(vehicle: Record) -> list[str]:
    number = vin(vehicle.get("vin"))
    return [number] if number else []


def _vins(asset: Record) -> list[str]:
    texts = (collapse_blanks(asset.get(name)).upper() for name in ("serial", "description"))
    return [number for text in texts for number in _VIN.findall(text)]


def _serial(record: Record) -> list[str]:
    serial = collapse_blanks(record.get("serial"))
    return [serial.casefold()] if serial else []


def _code(vehicle: Record) -> list[str]:
    return [code_of_vehicle(vehicle).casefold()]


def _asset_code(asset: Record) -> list[str]:
    code = collapse_blanks(asset.get("code"))
    return [code.casefold()] if code else []
