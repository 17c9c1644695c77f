from django.urls import path

from annotation.views import desk, projects, releases

app_name = "annotation"

slot = "projects/<slug:slug>/slots/<int:slot_id>/"

urlpatterns = [
    path("", projects.index, name="projects"),
    path("projects/<slug:slug>/desk/", desk.next_task, name="desk"),
    path(slot, desk.task, name="task"),
    path(f"{slot}submit/", desk.submit, name="submit"),
    path(f"{slot}skip/", desk.skip, name="skip"),
    path(f"{slot}draft/", desk.save_draft, name="draft"),
    path("projects/<slug:slug>/releases/", releases.index, name="releases"),
    path("projects/<slug:slug>/releases/<str:name>/", releases.detail, name="release"),
]
