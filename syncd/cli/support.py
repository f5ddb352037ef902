"""support-bundle: what somebody needs to help, without secrets, people and texts."""

from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.common import open_app
from syncd.jobs.bundle import write_bundle
from syncd.jobs.support import support_documents


def register(app: typer.Typer) -> None:
    app.command("support-bundle")(support_bundle)


def support_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The ZIP file to write.")],
) -> None:
    """Settings, status, and the recent journal with its requestIds, for a support case.

    Secrets are masked; people and texts are replaced by words from which they cannot be read.

    Example: syncd support-bundle bundle.zip
    """
    with open_app() as app:
        documents = support_documents(app)
    write_bundle(file, documents)
    typer.echo(f"{file}: {', '.join(documents)}")
    typer.echo("secrets, people and texts are hidden; look at it before you send it")
