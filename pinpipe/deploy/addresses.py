"""The addresses from which API Gateway calls the REST proxy: the prefix list of platform.yaml.

AWS publishes them by region, and changes them, so each deployment compares the list with them.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from pinpipe.deploy.calls import LiveCalls
from pinpipe.deploy.errors import DeployError

PUBLISHED = "https://ip-ranges.amazonaws.com/ip-ranges.json"
MOST = 50
"""Entries of the list (``MaxEntries``); each counts as a rule of the security group."""


def of_gateway(document: Any, region: str) -> list[str]:
    """The ranges of API Gateway in a region, in CIDR form.

    Args:
        document: as AWS publishes it.
        region: name of the region.

    Raises:
        DeployError: there are none, or more than the list may have.
    """
    ranges = collapse_addresses(
        IPv4Network(item["ip_prefix"])
        for item in document["prefixes"]
        if item["service"] == "API_GATEWAY" and item["region"] == region
    )
    found = [str(each) for each in ranges]
    if not 0 < len(found) <= MOST:
        raise DeployError(
            f"{PUBLISHED} has {len(found)} ranges of API Gateway in {region}, not 1 to {MOST}"
        )
    return found


def update(calls: LiveCalls, list_id: str, wanted: Iterable[str]) -> None:
    """Give a prefix list the ``wanted`` ranges and no others.

    Raises:
        DeployError: AWS refused a call.
    """
    identity = {"PrefixListId": list_id}
    unknown: dict[str, Any] = {"PrefixLists": [{"Version": 1}]}
    (found,) = calls.call(
        "ec2", "DescribeManagedPrefixLists", {"PrefixListIds": [list_id]}, unknown
    )["PrefixLists"]
    entries = calls.call("ec2", "GetManagedPrefixListEntries", identity, {"Entries": []})["Entries"]
    present = {entry["Cidr"] for entry in entries}
    changes = {
        "AddEntries": [{"Cidr": cidr} for cidr in sorted({*wanted} - present)],
        "RemoveEntries": [{"Cidr": cidr} for cidr in sorted(present - {*wanted})],
    }
    changes = {name: items for name, items in changes.items() if items}
    if changes:
        version = {"CurrentVersion": found["Version"]}
        calls.call("ec2", "ModifyManagedPrefixList", identity | version | changes, {})
