from django.apps.registry import Apps
from django.core.management import call_command
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    call_command("createcachetable", "cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    """The table behind CACHES, so that `migrate` is all that a fresh database needs."""

    dependencies = [("flywheel", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
