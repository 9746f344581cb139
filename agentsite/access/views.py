"""Pages of signing in, of passwords and of the account."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agentsite.access.forms import ProfileForm, TokenForm
from agentsite.access.models import User
from agentsite.access.ratelimit import check_rate, forget_rate
from agentsite.access.selectors import tokens_of
from agentsite.access.services import create_token, revoke_token, use_sign_in_link
from agentsite.core.errors import InvalidError, RateLimitedError
from agentsite.core.http import error_headers, error_response

SIGN_IN_ATTEMPTS = 5
SIGN_IN_SECONDS = 15 * 60
RESET_ATTEMPTS = 5
RESET_SECONDS = 60 * 60
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignInView(views.LoginView):
    """Sign in by name and password; five failures of one name from one address close the door for a while."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Count the attempt before looking at it, so that many at once are counted too."""
        try:
            check_rate(self._key(), SIGN_IN_ATTEMPTS, SIGN_IN_SECONDS)
        except RateLimitedError as error:
            context = {**self.get_context_data(form=AuthenticationForm(request)), "refusal": error.message}
            page = render(request, "registration/login.html", context, status=error.status_code)
            page["Retry-After"] = error_headers(error)["Retry-After"]
            return page
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """A success forgets the failures."""
        forget_rate(self._key())
        return super().form_valid(form)

    def _key(self) -> str:
        name = self.request.POST.get("username", "").casefold()[:150]
        return f"sign-in {self.request.META.get('REMOTE_ADDR', '')} {name}"


class PasswordChangeView(views.PasswordChangeView):
    """Change the password, or set the first one of a user who came by a link."""

    success_url = reverse_lazy("account")

    def get_form_class(self) -> type[Any]:
        """The old password is asked for when there is one."""
        return super().get_form_class() if _user(self.request).has_usable_password() else SetPasswordForm

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say that it worked, on the account page."""
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)


class PasswordResetView(views.PasswordResetView):
    """Ask for a mail with a link; without a mail server the page says whom to ask."""

    email_template_name = "registration/password_reset_email.txt"
    extra_context = {"has_mail": "dummy" not in settings.EMAIL_BACKEND}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A few mails an hour for each address that asks."""
        try:
            check_rate(f"reset {request.META.get('REMOTE_ADDR', '')}", RESET_ATTEMPTS, RESET_SECONDS)
        except RateLimitedError as error:
            return error_response(error, request)
        return super().post(request, *args, **kwargs)


def admin_sign_in(request: HttpRequest) -> HttpResponseBase:
    """The admin sends here whoever may not enter: to sign in, unless they are signed in and no operator."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


@require_GET
@never_cache
def use_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Sign in by the link that the site printed when it started; only in development."""
    if settings.AGENTSITE.production:
        raise Http404
    user = use_sign_in_link(token=token)
    if user is None:
        message = "This link was used already or is older than 15 minutes. Start the site again to get a new one."
        return error_response(InvalidError(message), request)
    login(request, user, backend=MODEL_BACKEND)
    return redirect(settings.LOGIN_REDIRECT_URL)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Name and mail address, and the API tokens."""
    user = _user(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        user.save(update_fields=form.Meta.fields)
        messages.success(request, "Your details are saved.")
        return redirect("account")
    return _account_page(request, profile_form=form)


@login_required
@never_cache
@require_POST
@sensitive_variables("value")
def token_create(request: HttpRequest) -> HttpResponse:
    """Make a token and show its value, this once: it is neither stored nor sent again."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, token_form=form)
    fields = form.cleaned_data
    _, value = create_token(user=_user(request), name=fields["name"], days=fields["days"])
    return _account_page(request, new_token=value)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End one's own token."""
    revoke_token(token=get_object_or_404(tokens_of(_user(request)), pk=token_id))
    messages.success(request, "The token is revoked.")
    return redirect("account")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _account_page(request: HttpRequest, **context: Any) -> HttpResponse:
    user = _user(request)
    forms = {"profile_form": ProfileForm(instance=user), "token_form": TokenForm()}
    has_errors = any(form.errors for form in context.values() if hasattr(form, "errors"))
    page = {"tokens": tokens_of(user), **forms, **context}
    return render(request, "account/account.html", page, status=400 if has_errors else 200)
