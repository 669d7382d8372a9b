"""An API server for each test."""

import pytest

from kube.apiserver import ApiServer


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path) as standing:
        yield standing
