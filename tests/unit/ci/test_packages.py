"""What a failed installation says."""

from ci.cluster import packages


def test_an_unreachable_package_registry_is_told_from_a_broken_package() -> None:
    offline = "E: Failed to fetch http://example.org/runc.deb  Could not connect to example.org:80"
    assert packages.explain(["runc"], offline).startswith("no Debian package registry can be reached")
    assert "could not install runc" in packages.explain(["runc"], "E: Unable to locate package runc")
