from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="kind",
            field=models.CharField(
                choices=[
                    ("sft", "Sft"),
                    ("rm", "Rm"),
                    ("dpo", "Dpo"),
                    ("ppo", "Ppo"),
                    ("rloo", "Rloo"),
                    ("best_of_n", "Best Of N"),
                    ("sample", "Sample"),
                ],
                max_length=9,
            ),
        ),
    ]
