"""Every path of the site, and what is shown when there is none."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "agentsite"
admin.site.index_title = "Administration"

urlpatterns = [
    path("", include("agentsite.access.urls")),  # before the admin: its sign-in is the site's
    path("admin/", admin.site.urls),
    path("", include("sessions_app.urls")),
    path("", include("monitoring_app.urls")),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.svg")),  # the admin's pages name no icon
]

handler400 = "agentsite.core.http.bad_request"
handler403 = "agentsite.core.http.permission_denied"
handler404 = "agentsite.core.http.not_found"
handler500 = "agentsite.core.http.server_error"
