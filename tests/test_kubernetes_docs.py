"""What docs/kubernetes.md shows as YAML is what the code and Kubernetes take."""

from __future__ import annotations

import pytest
import yaml

from docpages.markdown import Page
from outgate.injection import config

SETTINGS, WEBHOOK = (block.text for block in Page("docs/kubernetes.md").blocks() if block.language == "yaml")


def test_the_settings_are_read():
    read = config.from_text(SETTINGS, "injection.yaml")
    assert read.annotations == ("inject", "policy", "cpu-request", "memory-limit")
    assert read.secrets[0].path == "/etc/istio/external-certs"


def test_kubernetes_takes_the_configuration_and_asks_where_reviews_are_taken():
    schemas = pytest.importorskip("kubernetes_validate", reason="Kubernetes' schemas are not here")
    made = yaml.safe_load(WEBHOOK)
    schemas.validate(made, schemas.latest_version(), strict=True)
    assert made["webhooks"][0]["clientConfig"]["service"]["path"] == "/inject"
