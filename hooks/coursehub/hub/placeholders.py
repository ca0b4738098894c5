"""Where the values have placeholders for the hub's own secrets, the real ones are in the Secret of the site's own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursehub import tokens
from coursehub.tokens import stands_for_another

GIVEN = Path("/usr/local/etc/jupyterhub/existing-secret")
PROXY, COOKIE, KEYS = "ConfigurableHTTPProxy.auth_token", "JupyterHub.cookie_secret", "CryptKeeper.keys"


def replace(c: Any, given: Path = GIVEN) -> None:
    """Gives the hub the proxy's token from the folder `given`, if upstream's is a placeholder.

    It is without blanks around it, as the proxy takes it. Of the other secrets upstream does that itself. Ends the hub
    where a placeholder is left.
    """
    token = os.environ.get("CONFIGPROXY_AUTH_TOKEN")
    if token is not None and stands_for_another(token):
        file = given / f"hub.config.{PROXY}"
        c.ConfigurableHTTPProxy.auth_token = tokens.read([file]) if file.exists() else token
    if left := [name for name, value in _secrets(c) if stands_for_another(value)]:
        raise SystemExit(
            f"coursehub: {', '.join(left)}: a placeholder stands for it, and everybody knows that one. Run `coursehub "
            "secrets apply` with --site for each values file, and name the Secret that it makes in "
            "jupyterhub.hub.existingSecret (docs/gitops.md)."
        )


def _secrets(c: Any) -> Iterator[tuple[str, str]]:
    """Those that the hub would use, by the key of the values."""
    for name in (PROXY, COOKIE, KEYS):
        section, trait = name.split(".")
        found = c[section].get(trait)
        for value in found if isinstance(found, list) else (found,):
            if isinstance(value, str):
                yield f"hub.config.{name}", value
    services = c.JupyterHub.get("services", ())
    for service in services if isinstance(services, list) else ():
        if isinstance(token := service.get("api_token"), str):
            yield f"hub.services.{service['name']}.apiToken", token
