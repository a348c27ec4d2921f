"""The calls ``clusters/*``: the all-purpose cluster, job clusters and those of clients."""

import secrets
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, select

from services.databricks.api.bodies import ClusterId, Count, Named, read
from services.databricks.api.errors import invalid
from services.databricks.api.jobs import Json
from services.databricks.api.tasks import check_variables
from services.databricks.api.views import USER
from services.databricks.engine import clusters, runtimes
from services.databricks.engine.clusters import Cluster, Spec, State
from services.databricks.store.database import Database, StoredCluster, now

NODE = "local"
"""The only node type: this machine."""


class NewCluster(Struct, kw_only=True):
    """``clusters/create``: the fields that have an effect."""

    spark_version: str
    cluster_name: str = ""
    spark_conf: Named = {}
    spark_env_vars: Named = {}
    autotermination_minutes: Count | None = None


class Clusters:
    """The handlers."""

    def __init__(self, database: Database, running: clusters.Clusters) -> None:
        self._database, self._clusters = database, running
        with database.work() as session:
            for row in session.scalars(select(StoredCluster)):
                self._add(row.cluster_id, row.body)

    async def list_clusters(self, request: Json) -> Json:
        return {"clusters": [_view(cluster) for cluster in self._clusters.all]}

    async def get(self, request: Json) -> Json:
        return _view(self._find(request))

    async def create(self, request: Json) -> Json:
        """Create a cluster, and start it."""
        form = read(request, NewCluster)
        runtimes.check(form.spark_version)
        check_variables(form.spark_env_vars, form.spark_conf, f"Cluster '{form.cluster_name}'")
        cluster_id = f"{now() // 1000}-{secrets.token_hex(4)}"
        with self._database.work() as session:
            session.add(StoredCluster(cluster_id=cluster_id, body=request))
        self._clusters.start(self._add(cluster_id, request))
        return {"cluster_id": cluster_id}

    async def start(self, request: Json) -> Json:
        self._clusters.start(self._find(request))
        return {}

    async def restart(self, request: Json) -> Json:
        cluster = self._find(request)
        if cluster.state is not State.RUNNING:
            raise invalid(f"Cluster {cluster.cluster_id} is in unexpected state {cluster.state}.")
        await cluster.end("restarted by a user")
        self._clusters.start(cluster)
        return {}

    async def terminate(self, request: Json) -> Json:
        """``clusters/delete``, which ends a cluster and keeps its definition."""
        await self._find(request).end("terminated by a user")
        return {}

    async def permanent_delete(self, request: Json) -> Json:
        cluster = self._find(request)
        if not self._clusters.remove(cluster.cluster_id):
            raise invalid(f"Cluster {cluster.cluster_id} can't be deleted, only terminated")
        await cluster.end("deleted by a user")
        with self._database.work() as session:
            row = StoredCluster.cluster_id == cluster.cluster_id
            session.execute(delete(StoredCluster).where(row))
        return {}

    async def spark_versions(self, request: Json) -> Json:
        versions = (self._clusters.all_purpose.spec.version, runtimes.SERVERLESS_VERSION)
        names = dict.fromkeys(versions)
        return {"versions": [{"key": key, "name": f"{key}, here PySpark"} for key in names]}

    async def node_types(self, request: Json) -> Json:
        names = {"node_type_id": NODE, "instance_type_id": NODE, "category": NODE}
        node = names | {"description": "This machine", "memory_mb": 0, "num_cores": 0}
        return {"node_types": [node]}

    async def me(self, request: Json) -> Json:
        return {"id": "1", "userName": USER, "displayName": USER, "active": True}

    def _add(self, cluster_id: str, body: dict[str, Any]) -> Cluster:
        form = read(body, NewCluster)
        named = {"spark_conf": form.spark_conf, "spark_env_vars": form.spark_env_vars}
        spec = Spec.of({"spark_version": form.spark_version, **named}, form.spark_version)
        minutes = form.autotermination_minutes
        idle = None if minutes is None else 60 * minutes
        return self._clusters.add(cluster_id, form.cluster_name or cluster_id, spec, idle)

    def _find(self, request: Json) -> Cluster:
        cluster_id = read(request, ClusterId).cluster_id
        if (cluster := self._clusters.find(cluster_id)) is None:
            raise invalid(f"Cluster {cluster_id} does not exist")
        return cluster


def _view(cluster: Cluster) -> Json:
    return {
        "cluster_id": cluster.cluster_id,
        "cluster_name": cluster.name,
        "spark_version": cluster.spec.version,
        "spark_conf": dict(cluster.spec.conf),
        "spark_env_vars": dict(cluster.spec.environment),
        "creator_user_name": USER,
        "node_type_id": NODE,
        "driver_node_type_id": NODE,
        "num_workers": 0,
        "autotermination_minutes": (cluster.idle_seconds + 59) // 60,
        "cluster_source": "JOB" if cluster.cluster_id.startswith(clusters.JOB_CLUSTER) else "API",
        "start_time": cluster.started_time,
        "terminated_time": cluster.ended_time,
        "state": cluster.state.value,
        "state_message": cluster.message,
    }
