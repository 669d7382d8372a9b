"""What the manifests have containers run is what the program takes: commands, options, variables, the injection's file.

Every word is read by outgate's own parsers, so that an option that is renamed cannot stay behind in the chart.
"""

import shlex
from itertools import pairwise

import click
import pytest
import yaml

from helm.charts import NAMES, containers, example, one, told
from outgate.admission.server import PROBES
from outgate.cli.main import outgate
from outgate.injection import config, manifests
from outgate.settings import read_settings

TWO_HOPS = [name for name in NAMES if told(name).get("gateway", {}).get("enabled")]
DEPLOYMENT = yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsUser: 1000}
      containers: [{name: web, image: web, securityContext: {capabilities: {drop: [ALL]}}}]
""")


def parsed(words):
    """The context of a command. Raises click's errors for what it does not take."""
    command, context, rest = outgate, None, list(words)
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context, info_name=command.name)
        command = command.get_command(context, rest.pop(0)) or pytest.fail(f"there is no command in {words}")
    with command.make_context(command.name, rest, parent=context) as found:
        return found


def settings(words, environment):
    """As `outgate run` comes to them. Raises `SettingsError`."""
    flags = [
        f"{first.removeprefix('--').replace('-', '_')}={second}"
        for first, second in pairwise(words)
        if first.startswith("--") and first not in ("--set", "--policy") and not second.startswith("--")
    ]
    pairs = [second for first, second in pairwise(words) if first == "--set"]
    return read_settings({}, [*flags, *pairs], environment)


def variables(container):
    return {each["name"]: each.get("value", "") for each in container.get("env", ())}


def injected(name, **more):
    """The pod of a Deployment that the injection was given."""
    file = yaml.safe_load(one(example(name), "ConfigMap", "injection")["data"]["injection.yaml"])
    found = manifests.inject(DEPLOYMENT, config.from_text(yaml.safe_dump(file | more), "injection.yaml"))
    assert isinstance(found, manifests.Done), found
    return found.manifest["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", NAMES)
def test_every_container_of_the_chart_runs_a_command_that_there_is(name):
    for where, container in containers(example(name)):
        assert parsed(container["args"]).command.name, where


@pytest.mark.parametrize("name", TWO_HOPS)
def test_the_gateway_has_the_settings_that_it_is_given(name):
    (gateway,) = one(example(name), "Deployment", "gateway")["spec"]["template"]["spec"]["containers"]
    found = settings(gateway["args"], variables(gateway))
    assert (found.mode, found.listen[1], found.metrics) == ("gateway", 15443, ":15090")
    assert len(found.hops.certificates) == 3


@pytest.mark.parametrize("name", NAMES)
def test_every_container_that_is_injected_runs_a_command_that_there_is(name):
    pod = injected(name)
    redirect, trust, gate = pod["initContainers"]
    lines = [shlex.split(line) for line in redirect["args"][0].splitlines()]
    commands = [*lines, trust["command"], gate["command"]]
    assert {words[0] for words in commands} == {"outgate"}
    assert [parsed(words[1:]).command.name for words in commands] == ["install", "verify", "bundle", "run"]
    assert settings(gate["command"][2:], variables(gate)).workload is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name != "defaults"])
def test_a_sidecar_mounts_what_the_chart_has_put_there(name):
    """Or what its values say is there already."""
    values, held = told(name), told(name)["workloads"]["namespaces"]
    made = {
        (each["kind"], each["metadata"]["name"])
        for each in example(name)
        if each["metadata"].get("namespace") == held[0] and each["kind"] in ("ConfigMap", "Secret")
    }
    known = {("ConfigMap", each) for each in values.get("policy", {}).get("configMaps", ())}
    known |= {("Secret", each["secret"]) for each in values.get("clientCertificates", ()) if "secret" in each}
    known |= {("Secret", name) for name in ("outgate-ca", "outgate-identity", values.get("ca", {}).get("secret"))}
    pod = injected(name)
    mounted = {("ConfigMap", each["configMap"]["name"]) for each in pod["volumes"] if "configMap" in each}
    mounted |= {("Secret", each["secret"]["secretName"]) for each in pod["volumes"] if "secret" in each}
    assert mounted <= made | known


@pytest.mark.parametrize("name", NAMES)
def test_mitmdump_is_given_settings_that_there_are(name):
    (gate,) = (each for each in injected(name, engine="mitmdump")["initContainers"] if each["name"] == "outgate")
    assert gate["command"][0] == "mitmdump"
    pairs = [word.removeprefix("outgate_") for word in gate["command"] if word.startswith("outgate_")]
    assert {"policy", "metrics", "drain_timeout"} <= {pair.partition("=")[0] for pair in pairs}
    assert read_settings({}, pairs, variables(gate)).metrics == ":15090"


def test_an_option_that_is_not_there_is_noticed():
    with pytest.raises(click.NoSuchOption):
        parsed(["run", "--policies", "/etc/outgate/policy"])
    with pytest.raises(click.UsageError):
        parsed(["webhook", "--listen", ":8443"])


def test_the_webhook_is_asked_where_it_answers():
    (container,) = one(example("sidecar"), "Deployment", "webhook")["spec"]["template"]["spec"]["containers"]
    told = parsed(container["args"]).command.help
    for webhook in one(example("sidecar"), "MutatingWebhookConfiguration")["webhooks"]:
        assert f"at {webhook['clientConfig']['service']['path']}," in told
    assert {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("readiness", "liveness")} == set(PROBES)
