"""List the adapters and presets, and how each of them was verified."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from syncd.cmms.load import find_adapter, known_adapters
from syncd.cmms.mapping.tree import presets_path
from syncd.cmms.port import VERIFIED
from syncd.errors import ConfigurationError

# How an adapter was verified stands in its class's `verified`; of a preset, in its file. An adapter
# that needs a mapping says "mapping": then the mapping's own word counts.
WORDS: Mapping[str, str] = MappingProxyType({"mapping": "as its mapping says", **VERIFIED})
_LINE = re.compile(r"^verified:\s*[\"']?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One adapter or preset.

    Attributes:
        setting: how it is chosen.
        verified: a key of `WORDS`.
        where: the adapter's class, or the preset's file.
        trouble: why it cannot be used; None: it can.
    """

    setting: str
    verified: str
    where: str
    trouble: str | None = None


def entries(presets: Path | None = None) -> list[CatalogueEntry]:
    """All adapters, then all presets.

    Args:
        presets: the folder of the presets; None: the one that ships.
    """
    adapters = [_adapter(name, where) for name, where in sorted(known_adapters().items())]
    folder = presets or presets_path()
    return adapters + [_preset(path) for path in sorted(folder.glob("*.yaml"))]


def _adapter(name: str, where: str) -> CatalogueEntry:
    setting = f"SYNCD_CMMS_ADAPTER={name}"
    try:
        verified = getattr(find_adapter(name), "verified", "none")
    except ConfigurationError as error:
        return CatalogueEntry(setting, "none", where, str(error))
    return CatalogueEntry(setting, verified if verified in WORDS else "none", where)


def _preset(path: Path) -> CatalogueEntry:
    setting = f"SYNCD_CMMS_MAPPING=preset:{path.stem}"
    try:
        line = _LINE.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return CatalogueEntry(setting, "none", path.name, f"{path} cannot be read: {error}")
    verified = line[1] if line else "none"
    return CatalogueEntry(setting, verified if verified in VERIFIED else "none", path.name)
