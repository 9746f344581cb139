"""What a provider's client must know of its Engine row: plain data, so that clients need no database."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """An Engine row with its key in clear. Prices are per million tokens.

    An empty `base_url` is the provider's own; an empty `model` is the first one that the server offers.
    """

    name: str
    model: str
    base_url: str = ""
    api_version: str = ""
    key: str = field(default="", repr=False)
    output_tokens: int = 4_096
    input_price: float = 0.0
    output_price: float = 0.0
    connect_timeout_seconds: float = 5.0
    first_token_timeout_seconds: float = 60.0
    stall_timeout_seconds: float = 30.0
