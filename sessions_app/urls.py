"""Paths of the pages of sessions."""

from django.urls import include, path

from sessions_app.views import commands, pages, theme

urlpatterns = [
    path("api/", include("sessions_app.api.urls")),
    path("", pages.home, name="home"),
    path("chat/", pages.new, name="chat-new"),
    path("chat/<uuid:session_id>/", pages.session, name="chat"),
    path("chat/<uuid:session_id>/messages/", commands.send, name="message-send"),
    path("chat/<uuid:session_id>/stop/", commands.stop, name="session-stop"),
    path("chat/<uuid:session_id>/rename/", commands.rename, name="session-rename"),
    path("chat/<uuid:session_id>/delete/", commands.delete, name="session-delete"),
    path("chat/<uuid:session_id>/export.<str:form>", pages.export, name="session-export"),
    path("sessions/", pages.session_list, name="session-list"),
    path("messages/<uuid:message_id>/", commands.edit_queued, name="queued-edit"),
    path("runs/<uuid:run_id>/", commands.take_up, name="run-take-up"),
    path("questions/<uuid:interaction_id>/", commands.answer, name="question-answer"),
    path("theme/", theme.choose, name="theme"),
]
