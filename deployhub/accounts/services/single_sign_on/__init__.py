"""Single sign-on with OpenID Connect: the authorization code flow, and what comes of it."""
