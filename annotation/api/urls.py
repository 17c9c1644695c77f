from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from annotation.api import rows, slots, views

app_name = "api"

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("projects/", views.Projects.as_view(), name="projects"),
    path("projects/<slug:slug>/rows/", rows.Rows.as_view(), name="rows"),
    path("projects/<slug:slug>/tasks/next/", views.NextTask.as_view(), name="next-task"),
    path("projects/<slug:slug>/releases/", views.Releases.as_view(), name="releases"),
    path("projects/<slug:slug>/guidelines/", views.Guidelines.as_view(), name="guidelines"),
    path("slots/<uuid:token>/judgement/", slots.SlotJudgement.as_view(), name="judgement"),
    path("slots/<uuid:token>/revision/", slots.SlotRevision.as_view(), name="revision"),
    path("slots/<uuid:token>/skip/", slots.SlotSkip.as_view(), name="skip"),
    path("slots/<uuid:token>/draft/", slots.SlotDraft.as_view(), name="draft"),
]
