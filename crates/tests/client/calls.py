"""Every operation of the API, called in an order in which each finds what it needs.

A call is a function that is told which operations it exercises. `world` holds the callers and what earlier calls made:
`world.admin`, `world.node`, `world.project`, … An operation that no call names fails the suite, by its name.
"""

import base64
import datetime
import uuid

from plexsphere_client import models as m

CALLS = []


def call(*operations):
    """Adds a call that exercises these operations."""

    def add(function):
        CALLS.append((operations, function))
        return function

    return add


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def digest(text):
    import hashlib

    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def node_bearer(node_id, key):
    payload = node_id.bytes + base64.b64decode(key)
    return "nsk_client_" + base64.urlsafe_b64encode(payload).decode().rstrip("=")


# The service about itself.


@call("GetHealth", "GetVersion", "GetDocs", "GetDocsAsset")
def meta(world):
    assert world.anybody.ask("GetHealth").status == m.Health.OK
    assert world.anybody.ask("GetVersion").version.startswith("v")
    assert "<redoc" in world.anybody.ask("GetDocs")
    world.anybody.ask("GetDocsAsset", asset="redoc.standalone.js")
    world.anybody.denied("GetDocsAsset", 404, "not_found", asset="other.js")


# Who the caller is.


@call("GetAuthWhoami", "PostAuthTokens", "GetAuthTokens", "DeleteAuthTokenByID")
def tokens(world):
    assert world.admin.ask("GetAuthWhoami").principal_type == m.PrincipalType.USER
    world.user = uuid.uuid4()
    grant = {"subject": f"user:{world.user}", "relation": "viewer", "resource": f"project:{world.project}"}
    world.tuple = world.admin.ask(
        "CreateRelationTuple", 201, project_id=world.project, body=m.RelationTupleCreateRequest.from_dict(grant)
    )
    wanted = m.APITokenIssueRequest(
        identity_ref=f"user:{world.user}", env_prefix=m.TokenEnvironment.DEV, ttl_seconds=600
    )
    issued = world.admin.ask("PostAuthTokens", 201, body=wanted)
    assert issued.plaintext.startswith("psk_dev_") and issued.expires_at > now()
    world.viewer = world.site.caller(issued.plaintext)
    assert [token.id for token in world.viewer.ask("GetAuthTokens")] == [issued.id]
    extra = world.admin.ask("PostAuthTokens", 201, body=wanted)
    world.site.caller(extra.plaintext).ask("DeleteAuthTokenByID", 204, id=extra.id)


# Tenancy.


@call("CreateDomain", "ListDomains", "GetDomain")
def domains(world):
    body = m.DomainCreateRequest(slug="client", name="Client", region="eu-central-1")
    made = world.admin.ask("CreateDomain", 201, body=body)
    world.admin.denied("CreateDomain", 409, "domain_slug_conflict", body=body)
    assert made.id in [domain.id for domain in world.admin.ask("ListDomains", limit=50).items]
    assert world.admin.ask("GetDomain", id=made.id).created_at == made.created_at
    world.admin.denied("GetDomain", 404, "domain_not_found", id=uuid.uuid4())
    world.other_domain = made.id


@call("CreateProject", "ListProjects", "GetProject")
def projects(world):
    body = m.ProjectCreateRequest(domain_id=world.domain, slug="client", name="Client")
    made = world.admin.ask("CreateProject", 201, body=body)
    assert made.id in [project.id for project in world.admin.ask("ListProjects", domain_id=world.domain).items]
    assert world.viewer.ask("GetProject", id=world.project).id == world.project
    denied = world.viewer.denied("CreateProject", 403, "rebac_denied", body=body)
    assert denied.reason in (m.DenialReason.OUT_OF_SCOPE, m.DenialReason.INSUFFICIENT_RELATION)
    world.other_project = made.id


# Nodes.


@call("IssueBootstrapToken", "ListBootstrapTokens", "GetBootstrapTokenMetadata", "RevokeBootstrapToken")
def bootstrap_tokens(world):
    body = m.BootstrapTokenIssueRequest.from_dict(
        {"kind": "node", "env_prefix": "prod", "ttl_seconds": 600, "max_uses": 2, "labels": {"env": "prod"}}
    )
    world.bootstrap = world.admin.ask("IssueBootstrapToken", 201, project_id=world.project, body=body)
    extra = world.admin.ask("IssueBootstrapToken", 201, project_id=world.project, body=body)
    listed = world.admin.ask("ListBootstrapTokens", project_id=world.project, limit=200).items
    assert {extra.token_id, world.bootstrap.token_id} <= {token.id for token in listed}
    world.admin.ask("RevokeBootstrapToken", 204, project_id=world.project, id=extra.token_id)
    read = world.admin.ask("GetBootstrapTokenMetadata", project_id=world.project, id=extra.token_id)
    assert read.kind == m.NodeKind.NODE and read.revoked_at > read.issued_at


def register(world, name):
    body = m.RegisterRequest(
        project_id=world.project,
        resource_handle=name,
        bootstrap_token=world.bootstrap.token,
        nonce=str(uuid.uuid4()),
        public_key=base64.b64encode(uuid.uuid4().bytes * 2).decode(),
    )
    made = world.anybody.ask("PostRegister", 201, body=body)
    return made.node_id, world.site.caller(node_bearer(made.node_id, made.nsk))


def manifest(hook):
    return m.CapabilityManifestRequest.from_dict(
        {
            "binary_version": "1.2.3",
            "binary_checksum": digest("binary"),
            "builtin_actions": [{"name": "probe", "parameters": [{"name": "level", "type": "string"}]}],
            "declared_hooks": [{"name": "deploy", "checksum": digest(hook)}],
        }
    )


@call("PostRegister", "PutNodeCapabilities", "PostNodeHeartbeat")
def nodes_join(world):
    world.node_id, world.node = register(world, "client-1")
    changed = world.node.ask("PutNodeCapabilities", id=world.node_id, body=manifest("first"))
    assert "binary_version" in changed.fields_changed
    beat = m.HeartbeatRequest.from_dict(
        {
            "client_now": now().isoformat(),
            "binary_version": "1.2.3",
            "binary_checksum": digest("binary"),
            "nat_summary": {},
        }
    )
    world.node.ask("PostNodeHeartbeat", id=world.node_id, body=beat)
    stranger = world.node.denied("PostNodeHeartbeat", 403, "node_id_mismatch", id=uuid.uuid4(), body=beat)
    assert isinstance(stranger, m.PermissionDenied)


@call("ListNodes", "GetNode", "ListCapabilities")
def nodes_are_seen(world):
    listed = world.viewer.ask("ListNodes", project_id=world.project, selector="env=prod")
    assert [node.id for node in listed.items] == [world.node_id]
    assert world.viewer.ask("GetNode", id=world.node_id).kind == m.NodeKind.NODE
    world.viewer.denied("GetNode", 404, "node_not_found", id=uuid.uuid4())
    rows = world.viewer.ask("ListCapabilities", project_id=world.project, node_id=world.node_id)
    assert rows.items


@call("PutObjectLabel", "ListObjectLabels", "DeleteObjectLabel")
def labels(world):
    about = {"kind": "node", "id": world.node_id}
    world.admin.ask("PutObjectLabel", body=m.LabelAssignmentRequest.from_dict({"key": "rack", "value": "r7"}), **about)
    assigned = world.admin.ask("ListObjectLabels", **about).items
    rack = next(label for label in assigned if label.qualified_key.endswith("rack"))
    assert rack.value == "r7"
    world.admin.ask("DeleteObjectLabel", 204, qualified_key=rack.qualified_key, **about)


@call("ListNodeHooks", "AcceptNodeHook")
def hooks(world):
    before = world.viewer.ask("ListNodeHooks", project_id=world.project, node_id=world.node_id).items
    world.node.ask("PutNodeCapabilities", id=world.node_id, body=manifest("second"))
    after = world.viewer.ask("ListNodeHooks", project_id=world.project, node_id=world.node_id).items
    assert (before[0].status, after[0].status) == (m.HookStatus.PINNED, m.HookStatus.DRIFTED)
    body = m.HookAcceptRequest.from_dict({"node_id": str(world.node_id), "name": "deploy", "checksum": digest("second")})
    accepted = world.admin.ask("AcceptNodeHook", project_id=world.project, body=body)
    assert accepted.status == m.HookStatus.PINNED


# Executions.


@call("DispatchExecution", "GetNodeState", "PostNodeExecutionCallback")
def executions_run(world):
    about = {"project_id": world.project}
    body = m.DispatchExecutionRequest.from_dict(
        {"action": "probe", "type": "builtin", "node_id": str(world.node_id), "parameters": {"level": "info"}}
    )
    made = world.admin.ask("DispatchExecution", 201, body=body, idempotency_key="client-1", **about)
    again = world.admin.ask("DispatchExecution", 201, body=body, idempotency_key="client-1", **about)
    assert made.id == again.id and made.status == m.ExecutionStatus.PENDING
    world.viewer.denied("DispatchExecution", 403, "rebac_denied", body=body, **about)
    nobody = m.DispatchExecutionRequest.from_dict({"action": "probe", "selector": "env=none"})
    world.admin.denied("DispatchExecution", 422, "selector_empty_cohort", body=nobody, **about)
    queue = world.node.ask("GetNodeState", id=world.node_id).executions
    assert [entry.execution_id for entry in queue] == [made.id]
    inline = base64.b64encode(b"fine\n").decode()
    steps = [
        {"status": "ack"},
        {"status": "started"},
        {"status": "succeeded", "exit_code": 0, "output": {"inline": inline}},
    ]
    for step in steps:
        body = m.ExecutionCallbackRequest.from_dict(step)
        world.node.ask("PostNodeExecutionCallback", id=world.node_id, execution_id=made.id, body=body)
    late = m.ExecutionCallbackRequest.from_dict({"status": "failed", "error": "late"})
    problem = world.node.denied(
        "PostNodeExecutionCallback", 409, "execution_already_terminal", id=world.node_id, execution_id=made.id, body=late
    )
    assert problem.current_status == m.ExecutionStatus.SUCCEEDED
    world.execution = made.id


@call("GetExecution", "ListExecutions", "GetTargetOutput")
def executions_are_read(world):
    about = {"project_id": world.project}
    read = world.viewer.ask("GetExecution", execution_id=world.execution, **about)
    target = read.targets[0]
    assert target.status == m.ExecutionStatus.SUCCEEDED and target.finished_at > target.started_at
    listed = world.viewer.ask("ListExecutions", status=m.ExecutionStatus.SUCCEEDED, limit=10, **about)
    assert [execution.id for execution in listed.items] == [world.execution]
    world.viewer.denied("ListExecutions", 400, "invalid_cursor", cursor="tampered", **about)
    output = world.viewer.ask("GetTargetOutput", execution_id=world.execution, node_id=world.node_id, **about)
    assert output.payload.read() == b"fine\n"
    world.viewer.denied("GetExecution", 404, "execution_not_found", execution_id=uuid.uuid4(), **about)


# What takes something away comes last.


@call("CreateRelationTuple", "ListRelationTuples", "DeleteRelationTuple")
def grants(world):
    listed = world.admin.ask("ListRelationTuples", project_id=world.project, limit=200).items
    assert world.tuple.id in [one.id for one in listed]
    nonsense = m.RelationTupleCreateRequest(subject="nobody", relation="admin", resource=f"project:{world.project}")
    world.admin.denied("CreateRelationTuple", 400, "invalid_triple", project_id=world.project, body=nonsense)
    world.admin.ask("DeleteRelationTuple", 204, id=world.tuple.id)
    world.viewer.denied("GetProject", 404, "project_not_found", id=world.project)


@call("RevokeNode")
def nodes_leave(world):
    world.admin.ask("RevokeNode", 204, id=world.node_id)
    problem = world.node.ask("GetNodeState", 401, id=world.node_id)
    assert problem.code in ("nsk_revoked", "nsk_invalid")
