"""Queries that every request asks. Django writes their SQL once per process; after that only the values are put in,
for writing it anew costs several times what the database needs to answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection, models

# They stand in the SQL's parameters where a value belongs, and are no value that a query could mean.
PROJECT, ANNOTATOR, AUDIENCE = -987_650_001, -987_650_002, -987_650_003
NOW, TODAY = datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 2, tzinfo=UTC)

Build = Callable[..., "models.QuerySet[Any, Any]"]


@dataclass(frozen=True)
class Prepared:
    sql: str
    blanks: tuple[Any, ...]

    def params(self, values: dict[Any, Any]) -> list[Any]:
        """The parameters, with `values` by the name that stands for each."""
        filled = {_stored(name): _stored(value) for name, value in values.items()}
        return [filled.get(blank, blank) for blank in self.blanks]


def prepared(build: Build, *about: Any) -> Prepared:
    """The SQL of the query that `build(*about)` makes, which is the same whenever these are."""
    return _written(build, about, connection.vendor)


@cache
def _written(build: Build, about: tuple[Any, ...], _vendor: str) -> Prepared:
    sql, blanks = build(*about).query.sql_with_params()
    return Prepared(sql, tuple(blanks))


def _stored(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
