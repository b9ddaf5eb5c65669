from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0006_dataset_versions_filled'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='dataset',
            name='blob',
        ),
        migrations.RemoveField(
            model_name='dataset',
            name='class_names',
        ),
        migrations.RemoveField(
            model_name='dataset',
            name='file_name',
        ),
        migrations.RemoveField(
            model_name='dataset',
            name='image_count',
        ),
        migrations.RemoveField(
            model_name='dataset',
            name='label_count',
        ),
    ]
