"""A missing right is told as the very RBAC rule that would grant it."""

import asyncio

import pytest

from assent.api.v1alpha1.tikvcluster import TidbClusterRef
from assent.errors import Retryable
from assent.kube.errors import Forbidden, NotFound
from assent.kube.resources import KINDS
from assent.kube.secrets import read_tls
from assent.kube.tidb import read_tidb_cluster
from sandbox import Sandbox
from tests.integration.kube.conftest import NewReplica, cluster_manifest


async def test_a_missing_right_in_a_namespace_names_rule_and_namespace(
    new_replica: NewReplica, namespace: str
) -> None:
    """Reading Secrets is granted per namespace: the message must be enough to grant it."""
    replica = await new_replica()
    with pytest.raises(Forbidden) as caught:
        await read_tls(replica.kube, namespace, "pd-tls")
    assert f"Role rule in namespace {namespace}" in caught.value.message
    assert 'apiGroups [""], resources ["secrets"], verbs ["get"]' in caught.value.message
    assert replica.settings.username in caught.value.message


async def test_a_missing_right_on_a_subresource_of_our_own_group_is_named(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """The operator may not touch a spec: the refusal names group, resource and verb."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    with pytest.raises(Forbidden) as caught:
        await replica.kube.patch(KINDS.cluster, namespace, "demo", {"spec": {"suspend": True}})
    assert (
        'apiGroups ["assent.tikv.org"], resources ["tikvclusters"], verbs ["patch"]'
        in caught.value.message
    )


async def test_a_cluster_wide_list_asks_for_a_cluster_role(new_replica: NewReplica) -> None:
    """No namespace in the request means that only a ClusterRole helps."""
    replica = await new_replica()
    with pytest.raises(Forbidden, match="ClusterRole rule"):
        await replica.kube.list(KINDS.secret)


async def test_tls_material_is_read_once_the_right_is_there(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """The right is looked for again at each call, and the bytes come out decoded."""
    replica = await new_replica()
    grant = ("create", "rolebinding", "tls", "-n", namespace, "--clusterrole=view-secrets")
    box.kubectl("create", "clusterrole", "view-secrets", "--verb=get", "--resource=secrets")
    try:
        box.kubectl(*grant, "--serviceaccount=assent-system:assent")
        told = ""
        async with asyncio.timeout(20):  # RBAC learns of a binding a moment after it is stored
            while "does not exist" not in told:
                with pytest.raises(Retryable) as refused:
                    await read_tls(replica.kube, namespace, "pd-tls")
                told = str(refused.value)
                await asyncio.sleep(0.05)
        literals = [f"--from-literal={key}={key}!" for key in ("ca.crt", "tls.crt", "tls.key")]
        box.kubectl("create", "secret", "generic", "pd-tls", "-n", namespace, *literals)
        material = await read_tls(replica.kube, namespace, "pd-tls")
    finally:
        box.kubectl("delete", "clusterrole", "view-secrets")
    assert (material.ca, material.certificate, material.key) == (
        b"ca.crt!",
        b"tls.crt!",
        b"tls.key!",
    )
    assert "tls.key!" not in repr(material)


async def test_an_unknown_tidb_cluster_is_a_reason_not_an_error(
    new_replica: NewReplica, namespace: str
) -> None:
    """A cluster without TiDB Operator is the normal case."""
    replica = await new_replica()
    found = await read_tidb_cluster(
        replica.kube, TidbClusterRef(name="basic"), default_namespace=namespace
    )
    assert found.raw is None
    assert found.problem is not None
    assert "basic does not exist" in found.problem


async def test_an_object_that_is_not_there_is_not_found(
    new_replica: NewReplica, namespace: str
) -> None:
    """404 is a fact about the object, not about the connection."""
    with pytest.raises(NotFound):
        await (await new_replica()).kube.get(KINDS.cluster, namespace, "nobody")
