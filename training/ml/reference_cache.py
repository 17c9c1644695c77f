"""Where log-probabilities under references are kept from run to run: one file of SQLite beside the runs. Torch-free.

A write is one transaction: a kill costs what was not yet written, and of two processes that computed the same value
both go on with the one that was stored first. The file may be deleted at any time.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from training.exceptions import RunFailed
from training.ml.run.rundir import RunDirectory

NAME = "reference.sqlite3"
TABLE = """
CREATE TABLE IF NOT EXISTS log_probs (
    reference BLOB NOT NULL, conversation BLOB NOT NULL, value REAL NOT NULL, PRIMARY KEY (reference, conversation)
) WITHOUT ROWID
"""
MOST_VARIABLES = 500  # of one query; SQLite has been built with limits from 999
PATIENCE = 60.0  # seconds for which another process may write


class Cache:
    """Log-probabilities under one reference, in a file that other references and other processes use as well."""

    def __init__(self, path: Path, *, reference: bytes) -> None:
        self.path = path
        self.reference = reference

    def read(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """The known ones."""
        return self.attempt(lambda database: self.select(database, keys))

    def write(self, values: Mapping[bytes, float]) -> dict[bytes, float]:
        """What is stored now: a value that another process stored meanwhile stays."""

        def insert(database: sqlite3.Connection) -> dict[bytes, float]:
            database.executemany(
                "INSERT OR IGNORE INTO log_probs VALUES (?, ?, ?)",
                [(self.reference, key, value) for key, value in values.items()],
            )
            return self.select(database, list(values))

        return self.attempt(insert)

    def select(self, database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, float]:
        found: dict[bytes, float] = {}
        for start in range(0, len(keys), MOST_VARIABLES):
            some = keys[start : start + MOST_VARIABLES]
            marks = ", ".join("?" * len(some))
            query = f"SELECT conversation, value FROM log_probs WHERE reference = ? AND conversation IN ({marks})"  # noqa: S608
            found.update(database.execute(query, [self.reference, *some]))
        return found

    def attempt(self, action: Callable[[sqlite3.Connection], dict[bytes, float]]) -> dict[bytes, float]:
        """One transaction."""
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
                database.execute(TABLE)
                return action(database)
        except sqlite3.Error as error:
            raise RunFailed(
                f"{self.path}, which keeps what references say of answers, cannot be used ({error}): make room if "
                "the disk is full, else delete it; only time is lost with it"
            ) from None


def path_of(directory: RunDirectory) -> Path:
    """Beside the runs; in the run where nothing can be written beside it."""
    beside = directory.path.resolve().parent
    return (beside if os.access(beside, os.W_OK) else directory.path) / NAME
