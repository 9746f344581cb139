"""The operators' pages for engines, agents and templates."""

from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from agents_app.engines import try_engine
from agents_app.models import Agent, Engine, TemplateVersion
from agents_app.services import make_default, set_engine_key
from agents_app.templates import get_template, list_templates
from agentsite import env
from tools_app import registry


def key_state(engine: Engine) -> str:
    """Whether there is a key, never which."""
    if engine.key_ciphertext:
        return "set"
    if engine.key_variable:
        return f"{engine.key_variable} is {'set' if env.key_variable(engine.key_variable) else 'not set'}"
    return "not set"


class EngineForm(forms.ModelForm[Engine]):
    """An engine with its key: written, never read back."""

    key = forms.CharField(
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown again. Empty: as it is.",
    )
    forget_key = forms.BooleanField(required=False, help_text="Forget the key that is kept.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].label = f"Key ({key_state(self.instance)})"

    def clean_base_url(self) -> str:
        """An address with a scheme and a host; names without a dot are fine, as containers have them."""
        url: str = self.cleaned_data["base_url"].strip()
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValidationError("Type an address such as https://api.example.com/v1.")
        return url

    def clean(self) -> dict[str, Any] | None:
        """Azure needs more than the others."""
        given = super().clean() or {}
        if given.get("provider") == Engine.Provider.AZURE:
            for name in ("base_url", "model", "api_version"):
                if name in given and not given[name]:
                    self.add_error(name, "Azure needs this.")
        return given


@admin.register(Engine)
class EngineAdmin(admin.ModelAdmin[Engine]):
    """Models behind APIs: set up, try, choose the default."""

    form = EngineForm
    list_display = ("name", "provider", "model", "base_url", "key_state", "enabled", "is_default")
    list_filter = ("provider", "enabled")
    search_fields = ("name", "model", "base_url")
    actions = ("test_engines", "choose_default")
    readonly_fields = ("is_default", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "provider", "base_url", "model", "api_version", "enabled", "is_default")}),
        ("Key", {"fields": ("key", "forget_key", "key_variable")}),
        ("Size and price", {"fields": ("context_tokens", "output_tokens", "input_price", "output_price")}),
        (
            "Timeouts, in seconds",
            {"fields": ("connect_timeout_seconds", "first_token_timeout_seconds", "stall_timeout_seconds")},
        ),
        ("History", {"fields": ("created_at", "updated_at")}),
    )

    @admin.display(description="Key")
    def key_state(self, engine: Engine) -> str:
        """Set or not set."""
        return key_state(engine)

    def save_model(self, request: HttpRequest, obj: Engine, form: Any, change: bool) -> None:
        """Save the row, then the key when one was typed or is to be forgotten."""
        super().save_model(request, obj, form, change)
        if form.cleaned_data["key"] or form.cleaned_data["forget_key"]:
            set_engine_key(engine=obj, value=form.cleaned_data["key"])

    @admin.action(description="Test the chosen engines (one short answer each)", permissions=["change"])
    def test_engines(self, request: HttpRequest, queryset: QuerySet[Engine]) -> None:
        """Ask each for one short answer and say how it went."""
        for engine in queryset:
            health = async_to_sync(try_engine)(engine)
            self.message_user(request, health.sentence, messages.SUCCESS if health.ok else messages.ERROR)

    @admin.action(description="Make the chosen engine the default", permissions=["change"])
    def choose_default(self, request: HttpRequest, queryset: QuerySet[Engine]) -> None:
        """Agents that name no engine use it."""
        engines = list(queryset[:2])
        if len(engines) != 1:
            self.message_user(request, "Choose exactly one engine.", messages.ERROR)
            return
        make_default(engine=engines[0])
        self.message_user(request, f"“{engines[0].name}” is the default engine now.", messages.SUCCESS)


class AgentForm(forms.ModelForm[Agent]):
    """An agent: its template, its tools and its configuration, each checked."""

    template_key = forms.ChoiceField(label="Template")
    tools = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    config = forms.JSONField(required=False, widget=forms.Textarea(attrs={"rows": 12, "cols": 80}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = self.fields["template_key"]
        tools = self.fields["tools"]
        assert isinstance(kinds, forms.ChoiceField)
        assert isinstance(tools, forms.MultipleChoiceField)
        kinds.choices = [(template.key, template.title) for template in list_templates()]
        tools.choices = [(tool.name, tool.name) for tool in registry.list_tools()]

    def clean_config(self) -> dict[str, Any]:
        """An object; nothing means the template's own values."""
        config = self.cleaned_data["config"] or {}
        if not isinstance(config, dict):
            raise ValidationError("Type a JSON object, such as {}.")
        return config

    def clean(self) -> dict[str, Any] | None:
        """The configuration fits the template."""
        given = super().clean() or {}
        template = get_template(given.get("template_key", ""))
        if template is not None and "config" in given:
            try:
                template.Config.model_validate(given["config"])
            except ValueError as error:
                self.add_error("config", str(error))
        return given


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin[Agent]):
    """What people talk to."""

    form = AgentForm
    list_display = ("name", "slug", "template_key", "engine", "enabled", "is_default")
    list_select_related = ("engine",)
    list_filter = ("template_key", "enabled")
    search_fields = ("name", "slug", "description")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("is_default", "created_at", "updated_at")


@admin.register(TemplateVersion)
class TemplateVersionAdmin(admin.ModelAdmin[TemplateVersion]):
    """The versions that this site has had; written by the site alone."""

    list_display = ("key", "version", "title", "created_at")
    list_filter = ("key",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        """Never."""
        return False
