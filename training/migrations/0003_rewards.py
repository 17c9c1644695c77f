import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_best_of_n"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reward",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("weight", models.FloatField()),
                (
                    "held_out",
                    models.BooleanField(
                        default=False,
                        help_text="Nothing is trained on it; it says which of a run's weights are kept.",
                    ),
                ),
                (
                    "artifact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rewarded",
                        to="training.artifact",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rewards",
                        to="training.run",
                    ),
                ),
            ],
            options={
                "ordering": ["run", "id"],
                "constraints": [models.UniqueConstraint(fields=("run", "artifact"), name="reward_once_per_run")],
            },
        ),
    ]
