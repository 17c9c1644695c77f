"""Write a view of a release to a file: whole or not at all."""

import gzip
import secrets
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from annotation.exceptions import EmptyRelease, UnwritableFile
from annotation.formats.release import read_manifest, read_rows
from annotation.formats.views.kto import KTO
from annotation.formats.views.native import NATIVE, RANKINGS
from annotation.formats.views.preferences import TRL
from annotation.formats.views.sft import SFT
from annotation.formats.views.table import CSV
from annotation.formats.views.view import View

VIEWS = {view.name: view for view in (RANKINGS, NATIVE, TRL, KTO, SFT, CSV)}


@dataclass(frozen=True, kw_only=True)
class Written:
    """`left_out`: sentence to how often."""

    path: Path
    lines: int
    left_out: dict[str, int]


def write_view(release: Path, *, view: View, output: Path) -> Written:
    """Derive the view from the release's Parquet file; an `output` that ends in .gz is compressed.

    Raises:
        EmptyRelease: no row of the release fits the view.
        DamagedRelease: the release cannot be read.
        UnwritableFile: the output cannot be written; what stood there is untouched.
    """
    if output.is_dir():
        raise UnwritableFile(f"{output} is a folder; name a file in it.")
    if output.exists() and not output.is_file():
        raise UnwritableFile(f"{output} is no file that can be replaced; name another.")
    left_out: Counter[str] = Counter()
    beside = output.with_name(f".{secrets.token_hex(4)}.{output.name}")
    try:
        try:
            written = write_lines(
                beside, view.header, view.lines(read_rows(release), read_manifest(release), left_out)
            )
            if not written:
                raise EmptyRelease(f"The {view.name} view of {release.name} is empty: it needs {view.needs}.")
            beside.replace(output)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableFile(f"{output} cannot be written: {error.strerror or error}.") from error
    return Written(path=output, lines=written, left_out={why: n for why, n in left_out.items() if n})


def write_lines(path: Path, header: str, lines: Iterable[str]) -> int:
    """The same lines give the same bytes: gzip's time and name are left empty."""
    count = 0
    with ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        sink: IO[bytes] | gzip.GzipFile = file
        if path.suffix == ".gz":
            sink = stack.enter_context(gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0))
        sink.write(header.encode())
        for line in lines:
            sink.write(line.encode())
            count += 1
    return count
