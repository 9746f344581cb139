"""Paths of signing in, of passwords and of the account."""

from django.contrib.auth import views as auth
from django.urls import path

from agentsite.access import api, views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="login"),
    path("sign-in/<str:token>/", views.use_link, name="sign-in-link"),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
    path("admin/login/", views.admin_sign_in, name="admin-login"),  # the admin's own has no limit of attempts
    path("password-reset/", views.PasswordResetView.as_view(), name="password_reset"),
    path("password-reset/sent/", auth.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path("password-reset/<uidb64>/<token>/", auth.PasswordResetConfirmView.as_view(), name="password_reset_confirm"),
    path("password-reset/done/", auth.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
    path("account/", views.account, name="account"),
    path("account/password/", views.PasswordChangeView.as_view(), name="password_change"),
    path("account/tokens/", views.token_create, name="token-create"),
    path("account/tokens/<uuid:token_id>/revoke/", views.token_revoke, name="token-revoke"),
    path("api/tokens", api.TokenList.as_view(), name="api-tokens"),
    path("api/tokens/<uuid:token_id>", api.TokenDetail.as_view(), name="api-token"),
    path("api/tickets", api.TicketList.as_view(), name="api-tickets"),
]
