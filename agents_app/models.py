"""Engines (models behind an API), agent templates (a row per version) and agents (a stored configuration of one)."""

from django.db import models
from django.db.models import Q

from agentsite.core.models import BaseModel


class Engine(BaseModel):
    """A model behind an API. Its key is named by an environment variable or held encrypted, never shown again.

    Prices are per million tokens in the site's currency; timeouts are in seconds.
    """

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI or compatible"
        AZURE = "azure", "Azure OpenAI"
        REHEARSAL = "rehearsal", "Rehearsal (built in, offline)"

    name = models.CharField(max_length=60, unique=True)
    provider = models.CharField(max_length=20, choices=Provider.choices, default=Provider.OPENAI)
    base_url = models.CharField(
        max_length=300, blank=True, help_text="Empty: the provider's own. Ollama: http://127.0.0.1:11434/v1"
    )
    model = models.CharField(
        max_length=100,
        blank=True,
        help_text="With Azure the deployment's name. Empty, with a server of your own: the first model that it offers.",
    )
    api_version = models.CharField(max_length=30, blank=True, help_text="Azure only.")
    key_variable = models.CharField(max_length=100, blank=True, help_text="The environment variable with the key.")
    key_ciphertext = models.TextField(blank=True, editable=False)
    context_tokens = models.PositiveIntegerField(default=128_000)
    output_tokens = models.PositiveIntegerField(default=4_096)
    input_price = models.FloatField(default=0.0, help_text="Per million tokens.")
    output_price = models.FloatField(default=0.0, help_text="Per million tokens.")
    connect_timeout_seconds = models.FloatField(default=5.0)
    first_token_timeout_seconds = models.FloatField(default=60.0)
    stall_timeout_seconds = models.FloatField(default=30.0)
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="engine_one_default"),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(BaseModel):
    """One version of a kind of agent: the row beside its code, written by `sync_templates`."""

    key = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    title = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    config_schema = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key", "-created_at"]
        constraints = [models.UniqueConstraint(fields=["key", "version"], name="templateversion_unique")]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class Agent(BaseModel):
    """A stored configuration of a template: what a session talks to."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    template_key = models.CharField(max_length=60, default="assistant")
    config = models.JSONField(default=dict, blank=True)
    engine = models.ForeignKey(
        Engine, null=True, blank=True, on_delete=models.SET_NULL, help_text="Empty: the default engine."
    )
    tools = models.JSONField(default=list, blank=True, help_text="Names of its tools.")
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="agent_one_default"),
        ]

    def __str__(self) -> str:
        return self.name
