"""Which file of the folder goes where, of the site's values alone."""

from typing import Any

import pytest
from coursehub.cli import secrets_plan
from coursehub.cli.secrets_plan import PLACES, NoPlace

HTTPS = {"jupyterhub": {"proxy": {"https": {"enabled": True, "type": "secret", "secret": {"name": "jupyter-tls"}}}}}
INGRESS = {"jupyterhub": {"ingress": {"hosts": ["a.example.edu"], "tls": [{"hosts": ["b"], "secretName": "ours"}]}}}


def planned(values: dict[str, Any], *files: str) -> list[tuple[str, str, set[str]]]:
    """Namespace, name and keys of each Secret."""
    secrets = secrets_plan.plan(dict.fromkeys(files, b"x"), values, "teaching")
    return [(secret.namespace, secret.name, set(secret.data)) for secret in secrets]


def test_files_of_one_secret_are_its_keys() -> None:
    assert planned(HTTPS, "tls.key", "tls.crt", "ldap-password", "ldap-ca.crt") == [
        ("teaching", "jupyter-tls", {"tls.crt", "tls.key"}),
        ("teaching", "coursehub-ldap", {"password", "ca.crt"}),
    ]


def test_the_provisioners_token_is_where_the_hub_is_and_where_the_service_is() -> None:
    own = {"storage": {"provisioner": {"enabled": True, "existingSecret": True}}}
    elsewhere = {"storage": {"provisioner": {"url": "https://storage.example.edu:8443"}}}
    name, keys = "coursehub-provisioner", {"token"}
    assert planned(own, "provisioner-token") == [("teaching", name, keys), ("teaching-storage", name, keys)]
    assert planned(elsewhere, "provisioner-token") == [("teaching", name, keys)]
    looked_at = {"storage": {"provisioner": {"existingSecret": True}}}
    assert planned(looked_at, "provisioner-token") == [("teaching", name, keys)]


@pytest.mark.parametrize(
    ("storage", "second"),
    [
        ({}, []),
        ({"provisioner": {"url": "https://storage.example.edu:8443"}}, []),
        ({"provisioner": {"enabled": True}}, ["teaching-storage"]),
        ({"check": {"schedule": "@daily"}}, ["teaching-storage"]),
    ],
)
def test_who_pulls_beside_the_storage_knows_the_registry_too(storage: dict[str, Any], second: list[str]) -> None:
    values = {"storage": storage, "jupyterhub": {"imagePullSecrets": ["registry"]}}
    assert [namespace for namespace, _, _ in planned(values, "registry.json")] == ["teaching", *second]


@pytest.mark.parametrize(
    ("values", "name"),
    [({}, "coursehub-tls"), (HTTPS, "jupyter-tls"), (INGRESS, "ours"), ({"jupyterhub": None}, "coursehub-tls")],
)
def test_the_certificates_secret_is_the_one_that_the_values_name(values: dict[str, Any], name: str) -> None:
    assert secrets_plan.tls_name(values) == name


def test_two_names_for_one_certificate_are_refused() -> None:
    values = {"jupyterhub": HTTPS["jupyterhub"] | INGRESS["jupyterhub"]}
    with pytest.raises(NoPlace, match=r"tls\.crt: goes into one Secret, and .* name jupyter-tls, ours; name the same"):
        secrets_plan.tls_name(values)


def test_people_reach_the_hub_by_each_name_once() -> None:
    https = {"hosts": ["b", "c"]}
    values = {"jupyterhub": INGRESS["jupyterhub"] | {"proxy": {"https": https}}}
    assert secrets_plan.hosts(values) == ("b", "c", "a.example.edu")


def test_what_is_left_to_do_names_the_releases_namespace() -> None:
    values = {"jupyterhub": {"hub": {"existingSecret": "hub-secret"}}}
    (secret,) = secrets_plan.plan({"hub.yaml": b"hub: {}"}, values, "teaching")
    (task,) = secret.then
    assert "coursehub restart hub --namespace teaching" in task
    assert secret.manifest()["data"] == {"values.yaml": "aHViOiB7fQ=="}
    assert secret.manifest("kept")["type"] == "kept"


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("ldap-password", b" \n", "is empty"),
        ("hub.yaml", b"a: [", "is not valid YAML"),
        ("hub.yaml", b"\xff", "is not valid YAML"),
        ("hub.yaml", b"[]", "has other keys than hub; "),
        ("registry.json", b"{", "is not valid JSON"),
        ("registry.json", b"{}", 'has no "auths"; '),
        ("ldap-ca.crt", b"x", "holds no certificate that can be read; it has to be PEM"),
    ],
)
def test_a_content_of_another_form_is_a_sentence(file: str, content: bytes, sentence: str) -> None:
    (place,) = (place for place in PLACES if place.file == file)
    assert str(place.form(content)).startswith(sentence)
