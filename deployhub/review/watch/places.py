"""Where a network is, roughly, from a file that the operator supplies. Nothing is asked of anybody outside."""

from __future__ import annotations

import csv
import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path

EARTH_RADIUS_KM = 6371.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PlacesUnreadable(ValueError):
    """The file of places cannot be used; the sentence says which line, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    latitude: float
    longitude: float
    label: str


def distance_km(here: Place, there: Place) -> float:
    """Along the surface of the earth (haversine)."""
    lat1, lon1, lat2, lon2 = map(
        math.radians, (here.latitude, here.longitude, there.latitude, there.longitude)
    )
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


class Places:
    """Networks with coordinates; the narrowest network that holds an address tells its place."""

    def __init__(self, rows: dict[Network, Place] | None = None) -> None:
        self._by_prefix: dict[tuple[int, int], dict[Network, Place]] = {}
        for network, place in (rows or {}).items():
            self._by_prefix.setdefault((network.version, network.prefixlen), {})[network] = place
        self._prefixes = sorted(self._by_prefix, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._by_prefix)

    def place_of(self, address: str) -> Place | None:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return None
        for version, prefix in self._prefixes:
            if version == known.version:
                found = self._by_prefix[version, prefix].get(
                    ipaddress.ip_network(f"{address}/{prefix}", strict=False)  # type: ignore[arg-type]
                )
                if found is not None:
                    return found
        return None


def places_read(path: Path) -> Places:
    """Read `network,latitude,longitude[,label]`, one network a line; a first line of words is a heading."""
    rows: dict[Network, Place] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, line in enumerate(csv.reader(file), start=1):
                if not line or line[0].startswith("#") or (number == 1 and line[0].strip() == "network"):
                    continue
                try:
                    network = ipaddress.ip_network(line[0].strip(), strict=False)
                    place = Place(float(line[1]), float(line[2]), line[3].strip() if len(line) > 3 else "")
                except (ValueError, IndexError) as error:
                    raise PlacesUnreadable(
                        f"{path}, line {number}: expected network,latitude,longitude[,label]."
                    ) from error
                rows[network] = place
    except (OSError, UnicodeDecodeError) as error:
        raise PlacesUnreadable(f"{path} cannot be read: {error}") from error
    return Places(rows)
