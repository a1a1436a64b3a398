"""Every operation of the API, called in an order in which each finds what it needs.

A call is a function that is told which operations it exercises. `world` holds the callers and what earlier calls made:
`world.admin`, `world.node`, `world.project`, … An operation that no call names fails the suite, by its name.
"""

import base64
import datetime
import hashlib
import time
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
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def node_bearer(node_id, key):
    payload = node_id.bytes + base64.b64decode(key)
    return "nsk_client_" + base64.urlsafe_b64encode(payload).decode().rstrip("=")


def token_request(world):
    return m.APITokenIssueRequest(
        identity_ref=f"user:{world.user}", env_prefix=m.TokenEnvironment.DEV, ttl_seconds=600
    )


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
    wanted = token_request(world)
    issued = world.admin.ask("PostAuthTokens", 201, body=wanted)
    assert issued.plaintext.startswith("psk_dev_") and issued.expires_at > now()
    world.viewer = world.site.caller(issued.plaintext)
    assert [token.id for token in world.viewer.ask("GetAuthTokens")] == [issued.id]
    extra = world.admin.ask("PostAuthTokens", 201, body=wanted)
    world.site.caller(extra.plaintext).ask("DeleteAuthTokenByID", 204, id=extra.id)


@call("PostAuthTokenRotate", "PostAuthLogout")
def a_token_is_rotated_and_ended(world):
    issued = world.admin.ask("PostAuthTokens", 201, body=token_request(world))
    rotated = world.site.caller(issued.plaintext).ask("PostAuthTokenRotate", id=issued.id)
    assert rotated.rotation_deadline <= rotated.expires_at
    successor = world.site.caller(rotated.plaintext)
    successor.denied("PostAuthTokenRotate", 404, "api_token_not_found", id=uuid.uuid4())
    successor.ask("PostAuthLogout", 204)
    successor.denied("GetAuthWhoami", 401, "unauthenticated")


@call("GetAuthDevicePage", "PostAuthDeviceCode", "GetAuthDevicePending", "PostAuthDeviceApprove", "PostAuthDeviceToken")
def a_device_logs_in(world):
    assert "Log in a device" in world.anybody.ask("GetAuthDevicePage")
    begun = world.anybody.ask("PostAuthDeviceCode", body=m.DeviceCodeRequest())
    question = m.DeviceTokenRequest(device_code=begun.device_code)
    world.anybody.denied("PostAuthDeviceToken", 400, "authorization_pending", body=question)
    pending = world.viewer.ask("GetAuthDevicePending", user_code=begun.user_code)
    assert pending.user_code == begun.user_code
    decision = m.DeviceApproveRequest(user_code=begun.user_code, decision=m.DeviceDecision.APPROVE)
    assert world.viewer.ask("PostAuthDeviceApprove", body=decision).status == m.DeviceOutcome.APPROVED
    # A device that asks faster than it was told is told to slow down.
    time.sleep(begun.interval)
    token = world.anybody.ask("PostAuthDeviceToken", body=question)
    assert world.site.caller(token.access_token).ask("GetAuthWhoami").subject == str(world.user)
    # There is no provider here.
    world.anybody.denied("PostAuthSignIn", 404, "idp_binding_not_found", body=m.SignInRequest())


# Who may do what.


@call("PostAuthzCheck", "PostAuthzLookupResources", "PostAuthzLookupSubjects")
def authority_is_asked(world):
    user, project = f"user:{world.user}", f"project:{world.project}"
    question = m.RebacCheckRequest(subject=user, relation="viewer", resource=project)
    assert world.viewer.ask("PostAuthzCheck", body=question).decision == m.RebacDecision.ALLOWED
    question = m.RebacCheckRequest(subject=user, relation="admin", resource=project)
    assert world.viewer.ask("PostAuthzCheck", body=question).decision == m.RebacDecision.DENIED
    question = m.LookupResourcesRequest(subject=user, relation="viewer", resource_type="project")
    assert any(str(world.project) in item for item in world.viewer.ask("PostAuthzLookupResources", body=question).items)
    question = m.LookupSubjectsRequest(subject_type="user", relation="viewer", resource=project)
    assert any(str(world.user) in item for item in world.admin.ask("PostAuthzLookupSubjects", body=question).items)


@call("PatchRelationTuple")
def a_grant_is_changed(world):
    triple = {"subject": f"user:{uuid.uuid4()}", "relation": "viewer", "resource": f"project:{world.project}"}
    body = m.RelationTupleCreateRequest.from_dict(triple)
    made = world.admin.ask("CreateRelationTuple", 201, project_id=world.project, body=body)
    wider = m.RelationTuplePatchRequest.from_dict({**triple, "relation": "operator"})
    assert world.admin.ask("PatchRelationTuple", id=made.id, body=wider).relation == "operator"
    world.admin.denied("PatchRelationTuple", 404, "relation_tuple_not_found", id=uuid.uuid4(), body=wider)


@call(
    "CreateGroup",
    "ListGroups",
    "GetGroup",
    "AddGroupMember",
    "ListGroupMembers",
    "RemoveGroupMember",
    "DeleteGroup",
)
def groups(world):
    body = m.GroupCreateRequest(domain_id=world.domain, slug="crew", name="Crew")
    made = world.admin.ask("CreateGroup", 201, body=body)
    assert made.id in [group.id for group in world.admin.ask("ListGroups", domain_id=world.domain).items]
    assert world.admin.ask("GetGroup", id=made.id).created_at == made.created_at
    member = m.GroupMemberRequest(subject=f"user:{world.user}")
    membership = world.admin.ask("AddGroupMember", 201, id=made.id, body=member)
    assert [one.subject for one in world.admin.ask("ListGroupMembers", id=made.id).items] == [member.subject]
    world.admin.ask("RemoveGroupMember", 204, id=made.id, membership_id=membership.id)
    world.admin.ask("DeleteGroup", 204, id=made.id)


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


@call("PatchDomain", "DeleteDomain")
def domains_change(world):
    patched = world.admin.ask("PatchDomain", id=world.other_domain, body=m.DomainPatchRequest(description="patched"))
    assert patched.description == "patched" and patched.updated_at >= patched.created_at
    problem = world.admin.denied("DeleteDomain", 409, "domain_not_empty", id=world.domain)
    assert problem.child_counts.projects > 0
    world.admin.ask("DeleteDomain", 204, id=world.other_domain)


@call("PatchProject", "GetProjectRetention", "PutProjectRetention", "DeleteProject")
def projects_change(world):
    patched = world.admin.ask("PatchProject", id=world.other_project, body=m.ProjectPatchRequest(name="Patched"))
    assert patched.name == "Patched"
    kept = world.admin.ask("PutProjectRetention", id=world.other_project, body=m.ProjectRetention(max_age_days=90))
    assert kept == world.admin.ask("GetProjectRetention", id=world.other_project) and kept.max_age_days == 90
    world.admin.ask("DeleteProject", 204, id=world.other_project)


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


@call(
    "CreateLabelDefinition",
    "ListLabelDefinitions",
    "GetLabelDefinition",
    "UpdateLabelDefinition",
    "DeleteLabelDefinition",
)
def label_definitions(world):
    body = m.LabelDefinitionRequest.from_dict(
        {
            "scope": "project",
            "scope_id": str(world.project),
            "local_key": "tier",
            "value_schema": {"kind": "enum", "values": ["gold", "silver"]},
            "applicable_kinds": ["node"],
        }
    )
    made = world.admin.ask("CreateLabelDefinition", 201, body=body)
    listed = world.admin.ask("ListLabelDefinitions", scope=f"project:{world.project}").items
    assert made.id in [definition.id for definition in listed]
    assert world.admin.ask("GetLabelDefinition", id=made.id).value_schema.kind == m.ValueSchemaKind.ENUM
    world.admin.ask("UpdateLabelDefinition", id=made.id, body=m.LabelDefinitionUpdateRequest(description="of service"))
    world.admin.ask("DeleteLabelDefinition", 204, id=made.id)


@call("PreviewLabelSelector", "SearchObjectsByLabel")
def selectors(world):
    preview = world.viewer.ask("PreviewLabelSelector", body=m.LabelSelectorPreviewRequest(expression="env=prod,!rack"))
    assert [child.op for child in preview.ast.children] == [m.SelectorOp.EQ, m.SelectorOp.ABSENT]
    preview = world.viewer.ask("PreviewLabelSelector", body=m.LabelSelectorPreviewRequest(expression="env=="))
    assert preview.errors[0].position >= 4
    body = m.ObjectSearchRequest.from_dict(
        {"selector": "env=prod", "relation": "read", "scope": "project", "scope_id": str(world.project)}
    )
    assert world.node_id in [item.id for item in world.viewer.ask("SearchObjectsByLabel", body=body).items]


@call("ListNodeHooks", "AcceptNodeHook")
def hooks(world):
    before = world.viewer.ask("ListNodeHooks", project_id=world.project, node_id=world.node_id).items
    world.node.ask("PutNodeCapabilities", id=world.node_id, body=manifest("second"))
    after = world.viewer.ask("ListNodeHooks", project_id=world.project, node_id=world.node_id).items
    assert (before[0].status, after[0].status) == (m.HookStatus.PINNED, m.HookStatus.DRIFTED)
    body = m.HookAcceptRequest.from_dict({"node_id": str(world.node_id), "name": "deploy", "checksum": digest("second")})
    accepted = world.admin.ask("AcceptNodeHook", project_id=world.project, body=body)
    assert accepted.status == m.HookStatus.PINNED


@call("ListHooks")
def hooks_are_discovered(world):
    world.admin.ask("ListHooks", project_id=world.project, limit=10)


@call("PostNodeIntegrityViolations", "ListIntegrityViolations", "AcknowledgeIntegrityViolation")
def violations(world):
    found = {
        "kind": "hook_checksum",
        "detected_by": "inotify",
        "artifact_id": "deploy",
        "observed_checksum": digest("third"),
        "expected_checksum": digest("second"),
        "detected_at": now().isoformat(),
    }
    body = m.IntegrityViolationsRequest.from_dict({"violations": [found]})
    world.node.ask("PostNodeIntegrityViolations", id=world.node_id, body=body)
    listed = world.admin.ask(
        "ListIntegrityViolations", node_id=world.node_id, kind=m.IntegrityViolationKind.HOOK
    ).items
    assert listed[0].status == m.IntegrityViolationStatus.OPEN
    known = world.admin.ask(
        "AcknowledgeIntegrityViolation",
        id=listed[0].id,
        body=m.IntegrityViolationAcknowledgeRequest(reason="seen"),
    )
    assert known.status == m.IntegrityViolationStatus.ACKNOWLEDGED


@call("GetDomainCapacity")
def capacity(world):
    assert world.admin.ask("GetDomainCapacity", domain_id=world.domain).dimensions


@call("RotateNodeKey", "PostNodeKey")
def a_node_changes_its_key(world):
    assert world.admin.ask("RotateNodeKey", 202, id=world.node_id).node_id == world.node_id
    key = base64.b64encode(uuid.uuid4().bytes * 2).decode()
    world.node.ask("PostNodeKey", id=world.node_id, body=m.NodeKeyRequest(nsk=key))
    world.node = world.site.caller(node_bearer(world.node_id, key))
    world.node.ask("GetNodeState", id=world.node_id)


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


# What was done is written down.


@call("ListAuditEntries", "GetAuditEntry", "VerifyAuditChain", "ExportAuditChain")
def the_audit_of_a_domain(world):
    about = {"domain_id": world.domain}
    entries = world.admin.ask("ListAuditEntries", reason=m.AuditReason.GRANTED, limit=5, **about).items
    assert world.admin.ask("GetAuditEntry", seq=entries[0].seq, **about).entry.entry_hash == entries[0].entry_hash
    assert world.admin.ask("VerifyAuditChain", body=m.AuditChainVerifyRequest(from_seq=1), **about).ok
    world.admin.ask("ExportAuditChain", **about)
    world.admin.denied("ListAuditEntries", 400, "invalid_cursor", cursor="tampered", **about)


@call(
    "ListPlatformAuditEntries",
    "GetPlatformAuditEntry",
    "VerifyPlatformAuditChain",
    "ExportPlatformAuditChain",
)
def the_audit_of_the_platform(world):
    entries = world.admin.ask("ListPlatformAuditEntries", limit=5).items
    assert world.admin.ask("GetPlatformAuditEntry", seq=entries[0].seq).entry.seq == entries[0].seq
    assert world.admin.ask("VerifyPlatformAuditChain", body=m.AuditChainVerifyRequest()).ok
    world.admin.ask("ExportPlatformAuditChain")


@call("EraseIdentity")
def an_identity_is_erased(world):
    assert world.admin.ask("EraseIdentity", identity_id=world.user).id == world.user
