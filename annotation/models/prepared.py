"""Questions that every request asks, written once per process: Django takes ten times as long to build and compile a
query as the database does to answer it (docs/decisions/0008).

    by_token = Prepared(lambda token: Slot.objects.filter(token=token), token=models.UUIDField())
    by_token(token=token)  # the slots

The text is the same for each call, so a parameter is never None, except as what an update sets, and never a list.
Related rows come by `select_related`, not by prefetching.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators
from django.db.models.sql import DeleteQuery, UpdateQuery
from psycopg.sql import quote

M = TypeVar("M", bound=models.Model)
ID = models.BigIntegerField()


class Parameter(models.Value):
    """Stands in a queryset for what comes with each call."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "%s", [self]

    def bound(self, values: dict[str, Any], connection: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.value], connection=connection)


@dataclass(frozen=True)
class Statement:
    """SQL for one kind of database."""

    sql: str
    parameters: Sequence[Any]
    compiler: Any

    def bound(self, values: dict[str, Any], connection: Any) -> list[Any]:
        return [one.bound(values, connection) if isinstance(one, Parameter) else one for one in self.parameters]

    def run(self, values: dict[str, Any], connection: Any, cursor: Any) -> None:
        cursor.execute(self.sql, self.bound(values, connection))


def written_out(sql: str, parameters: Sequence[Any], *, connection: Any) -> tuple[str, list[Any]]:
    """With what is the same for each call in the text: PostgreSQL then finds one plan that is good for all calls,
    partial indexes included, and plans once instead of each time."""
    if connection.vendor != "postgresql":
        return sql, list(parameters)
    ahead = iter(parameters)
    kept = []

    def text(found: re.Match[str]) -> str:
        if found.group() == "%%":
            return "%%"
        value = next(ahead)
        if not isinstance(value, Parameter):
            return str(quote(value)).replace("%", "%%")
        kept.append(value)
        return "%s"

    return re.sub("%[s%]", text, sql), kept


class Shape(Generic[M]):
    """How a row becomes an instance with what `select_related` and annotations add; as Django's ModelIterable."""

    def __init__(self, compiler: Any) -> None:
        info, columns = compiler.klass_info, [column[0] for column in compiler.select]
        self.model: type[M] = info["model"]
        self.start, self.end = info["select_fields"][0], info["select_fields"][-1] + 1
        self.names = [column.target.attname for column in columns[self.start : self.end]]
        # The stubs are of a later Django, which asks for one argument more.
        self.related = get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        self.annotations = list(compiler.annotation_col_map.items())
        self.converters = list(compiler.get_converters(columns).items())

    def instance(self, row: Sequence[Any], connection: Any) -> M:
        values = list(row)
        for place, (convert, expression) in self.converters:
            for one in convert:
                values[place] = one(values[place], expression, connection)
        made = self.model.from_db(DEFAULT_DB_ALIAS, self.names, values[self.start : self.end])
        for populator in self.related:
            populator.populate(values, made)
        for name, place in self.annotations:
            setattr(made, name, values[place])
        return made


class _Compiled:
    def __init__(self, build: Callable[..., Any], **fields: "models.Field[Any, Any]") -> None:
        self.build = build
        self.parameters = {name: Parameter(name, output_field=field) for name, field in fields.items()}
        self.statements: dict[str, Statement] = {}

    def statement(self, connection: Any) -> Statement:
        """Two threads that come first compile the same."""
        if connection.vendor not in self.statements:
            compiler = self.query().get_compiler(connection=connection)
            sql, parameters = written_out(*compiler.as_sql(), connection=connection)
            self.statements[connection.vendor] = Statement(sql=sql, parameters=parameters, compiler=compiler)
        return self.statements[connection.vendor]

    def query(self) -> Any:
        return self.build(**self.parameters).query


class Prepared(_Compiled, Generic[M]):
    """A queryset; called, it gives its instances."""

    def __init__(self, build: "Callable[..., models.QuerySet[M]]", **fields: "models.Field[Any, Any]") -> None:
        super().__init__(build, **fields)
        self.shapes: dict[str, Shape[M]] = {}

    def __call__(self, **values: Any) -> list[M]:
        connection = connections[DEFAULT_DB_ALIAS]
        statement = self.statement(connection)
        if (shape := self.shapes.get(connection.vendor)) is None:
            shape = self.shapes[connection.vendor] = Shape(statement.compiler)
        with connection.cursor() as cursor:
            statement.run(values, connection, cursor)
            return [shape.instance(row, connection) for row in cursor.fetchall()]

    def first(self, **values: Any) -> M | None:
        """The first one; let the queryset ask for no more."""
        return next(iter(self(**values)), None)


class PreparedUpdate(_Compiled):
    """`PreparedUpdate(lambda pk, at: (Slot.objects.filter(pk=pk), {"filled_at": at}), pk=…, at=…)`; called, it gives
    the number of rows changed."""

    def __call__(self, **values: Any) -> int:
        connection = connections[DEFAULT_DB_ALIAS]
        with connection.cursor() as cursor:
            self.statement(connection).run(values, connection, cursor)
            return int(cursor.rowcount)

    def query(self) -> Any:
        rows, changes = self.build(**self.parameters)
        query = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)
        query.annotations = {}
        return query


class PreparedInsert(Generic[M]):
    """New rows of one model, which get their ids; no signal is sent. `PreparedInsert(Comparison)(rows)`."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self.columns = [field for field in model._meta.concrete_fields if not field.primary_key]
        self.texts: dict[int, str] = {}

    def __call__(self, rows: Sequence[M]) -> None:
        if not rows:
            return
        connection = connections[DEFAULT_DB_ALIAS]
        with connection.cursor() as cursor:
            cursor.execute(self.text(len(rows), connection), self.bound(rows, connection))
            self.there(rows, [pk for (pk,) in cursor.fetchall()])

    def text(self, rows: int, connection: Any) -> str:
        """For so many rows; every name in it is the model's."""
        if rows not in self.texts:
            quoted = connection.ops.quote_name
            names = ", ".join(quoted(str(field.column)) for field in self.columns)
            places = ", ".join([f"({', '.join(['%s'] * len(self.columns))})"] * rows)
            table = quoted(self.model._meta.db_table)
            self.texts[rows] = f"INSERT INTO {table} ({names}) VALUES {places} RETURNING id"  # noqa: S608  # our names
        return self.texts[rows]

    def bound(self, rows: Sequence[M], connection: Any) -> list[Any]:
        return [
            column.get_db_prep_save(column.pre_save(row, add=True), connection=connection)
            for row in rows
            for column in self.columns
        ]

    @staticmethod
    def there(rows: Sequence[M], ids: Sequence[int]) -> None:
        """The rows as they are once they were inserted."""
        for row, pk in zip(rows, ids, strict=True):
            row.pk, row._state.adding, row._state.db = pk, False, DEFAULT_DB_ALIAS


class PreparedDelete(PreparedUpdate):
    """Of rows that nothing refers to; called, it gives the number of rows deleted."""

    def query(self) -> Any:
        return self.build(**self.parameters).order_by().query.chain(DeleteQuery)


class Together(Generic[M]):
    """Updates and new rows, each in a table of its own: one statement on PostgreSQL, which sees what stood when it
    began; else one after the other. `Together(insert, fill, count)(rows, pk=…)` gives how many rows each update
    changed; where that is not what it should be, undo the transaction."""

    def __init__(self, insert: PreparedInsert[M], *updates: PreparedUpdate) -> None:
        self.insert, self.updates = insert, updates
        self.texts: dict[int, str] = {}

    def __call__(self, rows: Sequence[M], **values: Any) -> list[int]:
        connection: Any = connections[DEFAULT_DB_ALIAS]
        changed: list[int]
        if connection.vendor != "postgresql" or not rows:
            changed = [update(**values) for update in self.updates]
            self.insert(rows)
            return changed
        with connection.cursor() as cursor:
            bound = [one for update in self.updates for one in update.statement(connection).bound(values, connection)]
            cursor.execute(self.text(len(rows), connection), bound + self.insert.bound(rows, connection))
            ids: list[int]
            *changed, ids = cursor.fetchone()
        self.insert.there(rows, ids)
        return changed

    def text(self, rows: int, connection: Any) -> str:
        """No step may hang on another: their order is the database's own."""
        if rows not in self.texts:
            steps = [f"s{n} AS ({one.statement(connection).sql} RETURNING 1)" for n, one in enumerate(self.updates)]
            counts = [f"(SELECT count(*) FROM s{n})" for n in range(len(steps))]  # noqa: S608  # nothing from outside
            steps.append(f"new AS ({self.insert.text(rows, connection)})")
            ids = "ARRAY(SELECT id FROM new ORDER BY id)"
            self.texts[rows] = f"WITH {', '.join(steps)} SELECT {', '.join([*counts, ids])}"
        return self.texts[rows]
