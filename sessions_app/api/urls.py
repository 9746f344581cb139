"""Every path under /api/ that is plain HTTP."""

from django.urls import path

from sessions_app.api import catalog, chat, docs, interactions, permissions, runs, schema, sessions
from sessions_app.sse import session_events

urlpatterns = [
    path("chat/completion", chat.ChatCompletionView.as_view(), name="api-chat-completion"),
    path("chat/cancel/<uuid:session_id>", chat.ChatCancelView.as_view(), name="api-chat-cancel"),
    path("session/<uuid:session_id>", chat.SessionStateView.as_view(), name="api-session-state"),
    path("session/<uuid:session_id>/events", session_events, name="api-session-stream"),
    path("sessions", sessions.SessionsView.as_view(), name="api-sessions"),
    path("sessions/<uuid:session_id>", sessions.SessionView.as_view(), name="api-session"),
    path("sessions/<uuid:session_id>/messages", sessions.SessionMessagesView.as_view(), name="api-session-messages"),
    path("sessions/<uuid:session_id>/events", sessions.SessionEventsView.as_view(), name="api-session-events"),
    path("messages/<uuid:message_id>", sessions.MessageView.as_view(), name="api-message"),
    path("runs", runs.RunsView.as_view(), name="api-runs"),
    path("runs/<uuid:run_id>", runs.RunView.as_view(), name="api-run"),
    path("runs/<uuid:run_id>/steps", runs.RunStepsView.as_view(), name="api-run-steps"),
    path("runs/<uuid:run_id>/cancel", runs.RunCancelView.as_view(), name="api-run-cancel"),
    path("runs/<uuid:run_id>/retry", runs.RunRetryView.as_view(), name="api-run-retry"),
    path("runs/<uuid:run_id>/continue", runs.RunContinueView.as_view(), name="api-run-continue"),
    path("interactions", interactions.InteractionsView.as_view(), name="api-interactions"),
    path("interactions/<uuid:interaction_id>", interactions.InteractionView.as_view(), name="api-interaction"),
    path(
        "interactions/<uuid:interaction_id>/answer",
        interactions.InteractionAnswerView.as_view(),
        name="api-interaction-answer",
    ),
    path("agents", catalog.AgentsView.as_view(), name="api-agents"),
    path("agents/<str:name>", catalog.AgentView.as_view(), name="api-agent"),
    path("templates", catalog.TemplatesView.as_view(), name="api-templates"),
    path("engines", catalog.EnginesView.as_view(), name="api-engines"),
    path("engines/<uuid:engine_id>", catalog.EngineView.as_view(), name="api-engine"),
    path("tools", catalog.ToolsView.as_view(), name="api-tools"),
    path("permissions", permissions.PermissionsView.as_view(), name="api-permissions"),
    path("permissions/<uuid:permission_id>", permissions.PermissionView.as_view(), name="api-permission"),
    path("schema", schema.SchemaView.as_view(), name="api-schema"),
    path("docs", docs.docs, name="api-docs"),
]
