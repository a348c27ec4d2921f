"""Checks of the target's Databricks workspace and Airflow: tokens and versions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import yaml

from pinpipe.deploy import bundle
from pinpipe.doctor.account import CONNECT, READ, Account
from pinpipe.doctor.finding import Finding


def databricks(account: Account, root: Path) -> Iterator[Finding]:
    """List one job, which is the cheapest read, and find the bundle's runtime."""
    area, url = "Databricks", account.settings.databricks_host
    headers = {"Authorization": f"Bearer {account.settings.databricks_token}"}
    listed = _get(f"{url}/api/2.2/jobs/list?limit=1", headers)
    if isinstance(listed, str):
        yield Finding(area, f"jobs/list: {listed}", "correct DATABRICKS_HOST")
        return
    code = listed.status_code
    if code in (401, 403):
        what = f"it refuses the token: {code} (jobs/list of one job)"
        yield Finding(
            area, what, "create a new one in the workspace and put it into DATABRICKS_TOKEN"
        )
        return
    if code != 200:
        remedy = "set DATABRICKS_HOST to the workspace's URL, without a path"
        yield Finding(area, f"jobs/list returns {code}", remedy)
        return
    yield Finding(area, "the token is valid (jobs/list of one job)")
    wanted = runtime(root)
    found = _get(f"{url}/api/2.1/clusters/spark-versions", headers)
    complete = not isinstance(found, str) and found.status_code == 200
    if complete and wanted in {item.get("key") for item in found.json().get("versions", [])}:
        yield Finding(area, f"it has runtime {wanted}")
    else:
        remedy = f"put one of clusters/spark-versions into {bundle.DEFINITION}, `make bundle`"
        yield Finding(area, f"it has no runtime {wanted}", remedy)


def airflow(account: Account, root: Path) -> Iterator[Finding]:
    """Compare Airflow's version with that of the DAGs; MWAA shows it only after a login."""
    area, url = "Airflow", account.settings.airflow_url
    answer = _get(f"{url}/api/v2/version", {})
    if isinstance(answer, str):
        yield Finding(area, f"api/v2/version: {answer}", "correct AIRFLOW_URL")
    elif answer.status_code == 200 and "json" in answer.headers.get("Content-Type", ""):
        version, wanted = str(answer.json().get("version")), pinned_airflow(root)
        if version == wanted:
            yield Finding(area, f"it is version {version}")
        else:
            what = f"it is version {version}, but the DAGs are locked for {wanted}"
            yield Finding(area, what, "create the environment with that version, or `make lock`")
    elif answer.status_code >= 500:
        what = f"api/v2/version returns {answer.status_code}"
        yield Finding(area, what, "read the environment's web server log")
    else:
        yield Finding(area, "it requires a login, so its version is unknown")


def runtime(root: Path) -> str:
    """Version of Databricks Runtime of the bundle's clusters."""
    included = yaml.safe_load((root / bundle.FILE).read_text(encoding="utf-8"))
    return str(included["variables"]["cluster"]["default"]["spark_version"])


def pinned_airflow(root: Path) -> str:
    """Version of Airflow in the lock of the DAGs."""
    text = (root / "airflow/dags/constraints.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^apache-airflow==(\S+)", text, re.MULTILINE)
    return str(version)


def _get(url: str, headers: dict[str, str]) -> requests.Response | Any:
    """The response, without following a redirect to a login, or the error as text."""
    try:
        return requests.get(url, headers=headers, timeout=(CONNECT, READ), allow_redirects=False)
    except requests.RequestException as error:
        return str(error)
