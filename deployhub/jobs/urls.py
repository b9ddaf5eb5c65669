"""Pages of this floor."""

from django.urls import path

from deployhub.jobs import views

app_name = "jobs"
urlpatterns = [
    path("jobs/", views.JobList.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/", views.JobPage.as_view(), name="job"),
    path("jobs/<uuid:job_id>/live/", views.JobLive.as_view(), name="job-live"),
    path("jobs/<uuid:job_id>/log/", views.JobLogLive.as_view(), name="job-log"),
    path("jobs/<uuid:job_id>/log.txt", views.JobLogText.as_view(), name="job-log-text"),
    path("jobs/<uuid:job_id>/cancel/", views.JobCancel.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", views.JobRetry.as_view(), name="job-retry"),
]
