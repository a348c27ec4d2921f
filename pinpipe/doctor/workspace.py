"""The Databricks workspace and the Airflow of the target: tokens and versions."""

from __future__ import annotations

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
    """List one job, the cheapest read there is, and look for the runtime of the bundle."""
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
            area, what, "make a new one in the workspace and put it into DATABRICKS_TOKEN"
        )
        return
    if code != 200:
        remedy = "let DATABRICKS_HOST be the workspace's URL, without a path"
        yield Finding(area, f"jobs/list is {code}", remedy)
        return
    yield Finding(area, "the token is good (jobs/list of one job)")
    wanted = runtime(root)
    found = _get(f"{url}/api/2.1/clusters/spark-versions", headers)
    told = not isinstance(found, str) and found.status_code == 200
    if told and wanted in {item.get("key") for item in found.json().get("versions", [])}:
        yield Finding(area, f"it has runtime {wanted}")
    else:
        remedy = f"put one of clusters/spark-versions into {bundle.DEFINITION}, `make bundle`"
        yield Finding(area, f"it has no runtime {wanted}", remedy)


def airflow(account: Account, root: Path) -> Iterator[Finding]:
    """Airflow's version, where it's told without a login; MWAA's is behind one."""
    area, url = "Airflow", account.settings.airflow_url
    answer = _get(f"{url}/api/v2/version", {})
    if isinstance(answer, str):
        yield Finding(area, f"api/v2/version: {answer}", "correct AIRFLOW_URL")
    elif answer.status_code == 200 and "json" in answer.headers.get("Content-Type", ""):
        version, wanted = str(answer.json().get("version")), pinned_airflow(root)
        if version == wanted:
            yield Finding(area, f"it is version {version}")
        else:
            what = f"it is version {version}, the DAGs are locked for {wanted}"
            yield Finding(area, what, "make the environment with that version, or `make lock`")
    elif answer.status_code >= 500:
        what = f"api/v2/version is {answer.status_code}"
        yield Finding(area, what, "see the environment's web server log")
    else:
        yield Finding(area, "it asks for a login, so its version isn't known")


def runtime(root: Path) -> str:
    """Databricks Runtime that the bundle's clusters have."""
    included = yaml.safe_load((root / bundle.FILE).read_text(encoding="utf-8"))
    return str(included["variables"]["cluster"]["default"]["spark_version"])


def pinned_airflow(root: Path) -> str:
    """Version of Airflow that the DAGs are locked for."""
    text = (root / "airflow/dags/constraints.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^apache-airflow==(\S+)", text, re.MULTILINE)
    return str(version)


def _get(url: str, headers: dict[str, str]) -> requests.Response | Any:
    """An answer that follows no redirect to a login, or why there is none."""
    try:
        return requests.get(url, headers=headers, timeout=(CONNECT, READ), allow_redirects=False)
    except requests.RequestException as error:
        return str(error)
