"""The files for a real cluster say the same as the local server's settings."""

from __future__ import annotations

from pathlib import Path

import temporal_dev
import yaml
from temporal_dev import tuning

FOLDER = Path(temporal_dev.__file__).parent.parent
ONE_MACHINE_ONLY = {
    "history.timerProcessorMaxTimeShift",
    "matching.numTaskqueueReadPartitions",
    "matching.numTaskqueueWritePartitions",
}


def test_the_clusters_dynamic_config_is_the_local_one_but_for_what_fits_one_machine_only() -> None:
    document = yaml.safe_load((FOLDER / "dynamicconfig.yaml").read_text())
    values = {key: entries[0]["value"] for key, entries in document.items()}
    assert values == {key: value for key, value in tuning.DYNAMIC_CONFIG.items() if key not in ONE_MACHINE_ONLY}


def test_the_cluster_mounts_that_file_and_listens_only_locally() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    source, target, _ = services["temporal"]["volumes"][0].split(":")
    assert (FOLDER / source).is_file()
    assert services["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"] == target
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
