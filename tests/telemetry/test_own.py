"""What a gate is becomes metrics, each fact under its own name."""

from outgate.telemetry import names
from outgate.telemetry.own import Standing, own

STANDING = Standing(
    "1.2",
    1060.5,
    ready=True,
    generation=3,
    loaded=1000.0,
    failures=2,
    refused=True,
    destinations=7,
    warnings=1,
    trips=4,
    connections=9,
    counts={"denied_unregistered": 5, "log_dropped": 6, "crashes": 1, "head_timeout": 8, "captures_failed": 10},
    restarts={"1": 0, "2": 3},
    certificates={("authority", "ca.crt"): 2000.0},
)


def test_each_fact_has_its_metric():
    found = {name: {labels[1]: value for labels, value in series.items()} for name, series in own(STANDING).items()}
    assert found == {
        "istio_build": {("proxy", "1.2"): 1},
        "outgate_build_info": {("1.2",): 1},
        "outgate_ready": {(): 1},
        "outgate_workers": {(): 2},
        "outgate_connections": {(): 9},
        "outgate_guard_trips_total": {(): 4},
        "outgate_policy_generation": {(): 3},
        "outgate_policy_loaded_timestamp_seconds": {(): 1000.0},
        "outgate_policy_age_seconds": {(): 60.5},
        "outgate_policy_destinations": {(): 7},
        "outgate_policy_warnings": {(): 1},
        "outgate_policy_reloads_total": {("loaded",): 2, ("refused",): 2},
        "outgate_policy_last_reload_successful": {(): 0},
        "outgate_worker_restarts_total": {("1",): 0, ("2",): 3},
        "outgate_certificate_expiry_timestamp_seconds": {("authority", "ca.crt"): 2000.0},
        "outgate_export_dropped_total": {("access_log",): 6},
        "outgate_captures_total": {("failed",): 10},
        "outgate_incidents_total": {("crashes",): 1},
        "outgate_bounds_total": {("head_timeout",): 8},
    }


def test_labels_are_those_of_the_metric():
    assert all(labels[0] == names.SPECS[name].labels for name, series in own(STANDING).items() for labels in series)
