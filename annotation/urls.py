from csp.decorators import csp_update
from django.urls import path

from annotation.views import (
    desk,
    joining,
    members,
    project_settings,
    projects,
    queueing,
    releases,
    submissions,
)
from annotation.views.quality import acting, items, judgements, measuring, people
from annotation.views.quality import pages as quality_pages
from annotation.views.review import pages

app_name = "annotation"

quality = "projects/<slug:slug>/quality/"
review = "projects/<slug:slug>/review/"
settings = "projects/<slug:slug>/settings/"
slot = "projects/<slug:slug>/slots/<uuid:token>/"
# A plot that is saved as PNG passes through an image that the page itself made.
plotted = csp_update({"img-src": ["blob:"]})

urlpatterns = [
    path("", projects.index, name="projects"),
    path("projects/new/", projects.new, name="new_project"),
    path("projects/join/", joining.joining, name="joining"),
    path("projects/join/<str:token>/", joining.join, name="join"),
    path("projects/<slug:slug>/data/", projects.data, name="data"),
    path("projects/<slug:slug>/queue/", queueing.queue, name="queue"),
    path(settings, project_settings.settings, name="settings"),
    path(f"{settings}state/<slug:state>/", project_settings.state, name="state"),
    path(f"{settings}guidelines/", project_settings.guidelines, name="project_guidelines"),
    path(f"{settings}guidelines/preview/", project_settings.preview, name="preview"),
    path("projects/<slug:slug>/members/", members.index, name="members"),
    path("projects/<slug:slug>/members/<int:pk>/", members.member, name="member"),
    path("projects/<slug:slug>/members/<int:pk>/remove/", members.remove, name="remove_member"),
    path("projects/<slug:slug>/invitations/", members.invitations, name="invitations"),
    path("projects/<slug:slug>/invitations/<int:pk>/revoke/", members.revoke, name="revoke"),
    path("projects/<slug:slug>/desk/", desk.next_task, name="desk"),
    path(slot, desk.task, name="task"),
    path(f"{slot}submit/", desk.submit, name="submit"),
    path(f"{slot}skip/", desk.skip, name="skip"),
    path(f"{slot}draft/", desk.save_draft, name="draft"),
    path("projects/<slug:slug>/mine/", submissions.index, name="mine"),
    path("projects/<slug:slug>/mine/last/", submissions.last, name="last"),
    path("projects/<slug:slug>/guidelines/<int:number>/", submissions.guidelines, name="guideline"),
    path("projects/<slug:slug>/guidelines/confirm/", submissions.acknowledge, name="acknowledge"),
    path("projects/<slug:slug>/releases/", releases.index, name="releases"),
    path("projects/<slug:slug>/releases/<str:name>/", releases.detail, name="release"),
    path(review, pages.index, name="review"),
    path(f"{review}people/", pages.people, name="review_people"),
    path(f"{review}tasks/<int:task_id>/", pages.task, name="review_task"),
    path(f"{review}tasks/<int:task_id>/read/", pages.read, name="review_read"),
    path(f"{review}tasks/<int:task_id>/reveal/", pages.reveal, name="reveal"),
    path(f"{review}tasks/<int:task_id>/decide/", pages.adjudicate, name="adjudicate"),
    path(quality, plotted(quality_pages.overview), name="quality"),
    path(f"{quality}measure/", measuring.measure, name="quality_measure"),
    path(f"{quality}people/", people.people, name="quality_people"),
    path(f"{quality}people/<str:name>/", people.person, name="quality_person"),
    path(f"{quality}people/<str:name>/waive/", people.waive, name="waive"),
    path(f"{quality}agreement/", quality_pages.matrix, name="quality_matrix"),
    path(f"{quality}items/", items.items, name="quality_items"),
    path(f"{quality}guidelines/", plotted(quality_pages.guidelines), name="quality_guidelines"),
    path(f"{quality}policies/", plotted(quality_pages.policies), name="quality_policies"),
    path(f"{quality}tags/", plotted(quality_pages.slices), name="quality_slices"),
    path(f"{quality}judgements/", judgements.judgements, name="quality_judgements"),
    path(f"{quality}people/<str:name>/pause/", acting.pause, name="quality_pause"),
    path(f"{quality}people/<str:name>/resume/", acting.resume, name="quality_resume"),
    path(f"{quality}people/<str:name>/remove/", acting.remove, name="quality_remove"),
    path(f"{quality}exclude/", acting.exclude, name="quality_exclude"),
    path(f"{quality}lift/", acting.lift, name="quality_lift"),
]
