"""A support bundle's file: a ZIP that only its owner can read."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from syncd.errors import InputError

_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)  # the real times are in the documents


def write_bundle(path: Path, documents: Mapping[str, object]) -> None:
    """Write each document as JSON; of a list called ….jsonl each item is a line.

    Raises InputError: the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as bundle:
            for name, document in documents.items():
                entry = zipfile.ZipInfo(name, _ENTRY_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                bundle.writestr(entry, _text(name, document))
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def _text(name: str, document: object) -> str:
    if isinstance(document, list) and name.endswith(".jsonl"):
        return "".join(json.dumps(item, default=str) + "\n" for item in document)
    return json.dumps(document, indent=2, default=str) + "\n"
