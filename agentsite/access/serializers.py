"""API tokens and tickets as JSON."""

from rest_framework import serializers

from agentsite.access.models import ApiToken


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its value."""

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "created_at", "expires_at", "last_used_at"]


class TokenListSerializer(serializers.Serializer[None]):
    """One's tokens."""

    results = TokenSerializer(many=True)


class TokenCreateSerializer(serializers.Serializer[None]):
    """What a new token is for and how many days it lasts; without `days` it has no end."""

    name = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False, default=None, allow_null=True)


class NewTokenSerializer(TokenSerializer):
    """A token that was just made, with its value, which is shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class TicketSerializer(serializers.Serializer[None]):
    """A one-use ticket for `?ticket=` of a socket."""

    ticket = serializers.CharField(read_only=True)
    expires_in_seconds = serializers.IntegerField(read_only=True)
