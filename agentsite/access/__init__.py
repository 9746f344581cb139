"""The ground: users, API tokens, sign-in links, rate limits; imports no app."""
