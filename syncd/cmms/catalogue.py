"""Which adapters and presets there are, and how each of them was verified."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from syncd.cmms.load import find_adapter, known_adapters
from syncd.cmms.mapping.tree import presets_path
from syncd.cmms.port import VERIFIED
from syncd.errors import ConfigurationError

# An adapter says how it was verified as its class's `verified`, a preset in its file. Of an adapter
# that does nothing without a mapping, the mapping tells.
WORDS: Mapping[str, str] = MappingProxyType({"mapping": "as its mapping says", **VERIFIED})
_LINE = re.compile(r"^verified:\s*[\"']?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One adapter or preset.

    Attributes:
        setting: how it is chosen.
        verified: a key of `WORDS`.
        where: the class, or the file.
        trouble: why it cannot be used, if it cannot.
    """

    setting: str
    verified: str
    where: str
    trouble: str | None = None


def entries(presets: Path | None = None) -> list[Entry]:
    """All of them: the adapters, then the presets."""
    found = [_adapter(name, where) for name, where in sorted(known_adapters().items())]
    folder = presets or presets_path()
    return found + [_preset(path) for path in sorted(folder.glob("*.yaml"))]


def _adapter(name: str, where: str) -> Entry:
    setting = f"SYNCD_CMMS_ADAPTER={name}"
    try:
        verified = getattr(find_adapter(name), "verified", "none")
    except ConfigurationError as error:
        return Entry(setting, "none", where, str(error))
    return Entry(setting, verified if verified in WORDS else "none", where)


def _preset(path: Path) -> Entry:
    setting = f"SYNCD_CMMS_MAPPING=preset:{path.stem}"
    try:
        told = _LINE.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Entry(setting, "none", path.name, f"{path} cannot be read: {error}")
    verified = told[1] if told else "none"
    return Entry(setting, verified if verified in VERIFIED else "none", path.name)
