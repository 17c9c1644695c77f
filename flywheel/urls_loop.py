from django.urls import path

from flywheel import views

app_name = "flywheel"

urlpatterns = [
    path("", views.index, name="index"),
    path("<slug:slug>/", views.project, name="project"),
    path("<slug:slug>/<int:number>/", views.generation, name="generation"),
    path("<slug:slug>/annotators/<path:name>/", views.annotator, name="annotator"),
    path("<slug:slug>/members/<int:pk>/forget/", views.forget, name="forget"),
    path("<slug:slug>/judgements/<str:uid>/", views.judgement, name="judgement"),
]
