"""The only cluster, this machine: for clients that look up a cluster before they submit."""

from services.databricks.api.bodies import ClusterId, read
from services.databricks.api.errors import invalid
from services.databricks.api.jobs import Json
from services.databricks.api.views import USER

CLUSTER = {
    "cluster_id": "local",
    "cluster_name": "local",
    "creator_user_name": USER,
    "node_type_id": "local",
    "driver_node_type_id": "local",
    "num_workers": 0,
    "autotermination_minutes": 0,
    "cluster_source": "API",
    "state": "RUNNING",
    "state_message": "",
}


VERSIONS = {"18.x-scala2.13": "18 LTS, here PySpark"}
"""Runtime of the project's jobs, with its name."""


class Clusters:
    """The handlers."""

    def __init__(self, spark_version: str) -> None:
        self._cluster = CLUSTER | {"spark_version": spark_version}
        self._versions = {spark_version: f"{spark_version}, here PySpark"} | VERSIONS

    async def list_clusters(self, request: Json) -> Json:
        return {"clusters": [self._cluster]}

    async def get(self, request: Json) -> Json:
        cluster_id = read(request, ClusterId).cluster_id
        if cluster_id != CLUSTER["cluster_id"]:
            raise invalid(f"Cluster {cluster_id} does not exist")
        return self._cluster

    async def change_state(self, request: Json) -> Json:
        """Accept start, restart and terminate without effect: the cluster always runs."""
        await self.get(request)
        return {}

    async def spark_versions(self, request: Json) -> Json:
        return {"versions": [{"key": k, "name": name} for k, name in self._versions.items()]}

    async def node_types(self, request: Json) -> Json:
        names = {"node_type_id": "local", "instance_type_id": "local", "category": "local"}
        node = names | {"description": "This machine", "memory_mb": 0, "num_cores": 0}
        return {"node_types": [node]}

    async def me(self, request: Json) -> Json:
        return {"id": "1", "userName": USER, "displayName": USER, "active": True}
