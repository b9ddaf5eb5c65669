"""Each dataset that there was becomes version 1 of itself, and is checked by the next worker."""

from django.db import migrations


def fill(apps, schema_editor):
    Dataset = apps.get_model('registry', 'Dataset')
    DatasetVersion = apps.get_model('registry', 'DatasetVersion')
    Job = apps.get_model('jobs', 'Job')
    for dataset in Dataset.objects.order_by('id').iterator():
        version = DatasetVersion.objects.create(
            project_id=dataset.project_id,
            dataset_id=dataset.pk,
            number=1,
            blob_id=dataset.blob_id,
            file_name=dataset.file_name,
            image_count=dataset.image_count,
            label_count=dataset.label_count,
            class_names=dataset.class_names,
            created_by_id=dataset.created_by_id,
            created_at=dataset.created_at,
        )
        # Nobody has looked at its images yet. The job waits without a message; the reconciler announces it.
        Job.objects.create(
            kind='dataset_check',
            title=f'Check {dataset.name} v1'[:200],
            project_id=dataset.project_id,
            spec={'dataset_version_id': str(version.pk)},
            subject_type='dataset_version',
            subject_id=version.pk,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0005_dataset_versions'),
        ('jobs', '0003_instance_jobs'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
