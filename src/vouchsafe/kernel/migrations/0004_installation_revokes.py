"""A role may be taken back by the installation itself, as it may be given: the command line has no person."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0003_logs")]

    operations = [
        migrations.AlterField(
            model_name="revocation",
            name="by",
            field=models.ForeignKey(
                db_comment="null: the installation itself",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        )
    ]
