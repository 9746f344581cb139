"""Forms of the account page."""

from django import forms

from agentsite.access.models import User


class ProfileForm(forms.ModelForm[User]):
    """What a user may change of themselves."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=100, required=False, help_text="What it is for, such as “nightly report”.")
    days = forms.IntegerField(min_value=1, max_value=3650, required=False, help_text="Days it lasts; empty: no end.")
