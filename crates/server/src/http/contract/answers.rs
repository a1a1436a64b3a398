//! Which problem codes each operation gives, by status: the one table of them.
//!
//! What follows from an operation's shape is not repeated here but added by [`all`]: a failed authentication where
//! there is one, a cursor that does not hold where there are cursors, a body that is no JSON where there is a body.

use super::Shape;
use plex_api::codes::*;
use std::collections::{BTreeMap, BTreeSet};

/// The codes of an operation, by status.
pub(super) type Answers = BTreeMap<u16, BTreeSet<&'static str>>;

/// A row of the table: the operation's id, and its codes by status.
type Row = (&'static str, &'static [(u16, &'static [&'static str])]);

macro_rules! table {
    ($($operation:ident { $($status:literal: $($code:ident)+;)* })*) => {
        /// What is an operation's own.
        const TABLE: &[Row] = &[$((stringify!($operation), &[$(($status, &[$($code),+])),*])),*];
    };
}

table! {
    // Anybody.
    GetHealth {}
    GetVersion {}
    GetOpenAPI {}
    GetDocs {}
    GetDocsAsset { 404: NOT_FOUND; }
    PostAuthSignIn {
        404: IDP_BINDING_NOT_FOUND;
        429: RATE_LIMITED;
        503: DATASTORE_UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE;
    }
    GetAuthCallback {
        400: ACCESS_DENIED SIGN_IN_INVALID;
        429: RATE_LIMITED;
        502: IDENTITY_PROVIDER_UNAVAILABLE;
        503: DATASTORE_UNAVAILABLE;
    }
    PostAuthDeviceCode { 404: IDP_BINDING_NOT_FOUND; 429: RATE_LIMITED; 503: DATASTORE_UNAVAILABLE; }
    PostAuthDeviceToken {
        400: ACCESS_DENIED AUTHORIZATION_PENDING EXPIRED_TOKEN INVALID_GRANT SLOW_DOWN;
        429: RATE_LIMITED;
        503: DATASTORE_UNAVAILABLE;
    }
    GetAuthDevicePage {}
    PostRegister {
        400: PUBLIC_KEY_INVALID;
        403: KIND_MISMATCH NONCE_COLLISION PROJECT_MISMATCH TOKEN_CONSUMED TOKEN_EXPIRED TOKEN_REVOKED;
        422: BOOTSTRAP_TOKEN_INVALID INVARIANT_VIOLATION;
        429: RATE_LIMITED;
        503: ALLOCATOR_CONTENTION DATASTORE_UNAVAILABLE POOL_EXHAUSTED SUBRANGE_EXHAUSTED;
    }

    // Operators: who they are, and who may do what.
    GetAuthWhoami {}
    GetAuthTokens {}
    PostAuthTokens { 403: REBAC_DENIED; }
    DeleteAuthTokenByID { 400: INVALID_ID; 404: API_TOKEN_NOT_FOUND; }
    PostAuthTokenRotate { 400: INVALID_ID; 404: API_TOKEN_NOT_FOUND; }
    PostAuthLogout {}
    GetAuthDevicePending {
        400: INVALID_BODY;
        404: DEVICE_CODE_NOT_FOUND;
        409: DEVICE_CODE_ALREADY_APPROVED DEVICE_CODE_EXPIRED;
    }
    PostAuthDeviceApprove {
        404: DEVICE_CODE_NOT_FOUND;
        409: DEVICE_CODE_ALREADY_APPROVED DEVICE_CODE_EXPIRED;
    }
    ListRelationTuples { 400: INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH REBAC_DENIED; }
    CreateRelationTuple {
        400: INVALID_PROJECT_ID INVALID_TRIPLE;
        403: REBAC_DENIED;
        404: PROJECT_NOT_FOUND;
    }
    DeleteRelationTuple {
        400: INVALID_RELATION_TUPLE_ID;
        403: REBAC_DENIED;
        404: RELATION_TUPLE_NOT_FOUND;
    }

    PatchRelationTuple {
        400: INVALID_RELATION_TUPLE_ID INVALID_TRIPLE;
        403: REBAC_DENIED;
        404: RELATION_TUPLE_NOT_FOUND;
    }
    PostAuthzCheck { 400: INVALID_CHECK_REQUEST; }
    PostAuthzLookupResources { 400: INVALID_LOOKUP_REQUEST; }
    PostAuthzLookupSubjects { 400: INVALID_LOOKUP_REQUEST; }
    ListGroups { 400: INVALID_DOMAIN_FILTER; 403: CURSOR_BINDING_MISMATCH; }
    CreateGroup { 403: REBAC_DENIED; 409: GROUP_SLUG_CONFLICT; }
    GetGroup { 400: INVALID_ID; 403: REBAC_DENIED; 404: GROUP_NOT_FOUND; }
    DeleteGroup { 400: INVALID_ID; 403: REBAC_DENIED; 404: GROUP_NOT_FOUND; }
    ListGroupMembers { 400: INVALID_ID; 403: CURSOR_BINDING_MISMATCH REBAC_DENIED; 404: GROUP_NOT_FOUND; }
    AddGroupMember { 400: INVALID_ID INVALID_TRIPLE; 403: REBAC_DENIED; 404: GROUP_NOT_FOUND; }
    RemoveGroupMember {
        400: INVALID_ID INVALID_RELATION_TUPLE_ID;
        403: REBAC_DENIED;
        404: GROUP_NOT_FOUND;
    }

    // Operators: tenancy.
    ListDomains { 403: CURSOR_BINDING_MISMATCH; }
    CreateDomain {
        400: INVALID_DOMAIN INVALID_REACHABILITY_POLICY;
        403: REBAC_DENIED;
        409: DOMAIN_SLUG_CONFLICT MESH_CIDR_OVERLAP;
    }
    GetDomain { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 404: DOMAIN_NOT_FOUND; }
    ListProjects { 400: INVALID_DOMAIN_FILTER; 403: CURSOR_BINDING_MISMATCH; }
    CreateProject {
        400: INVALID_PROJECT;
        403: REBAC_DENIED;
        409: PARENT_DOMAIN_MISSING PROJECT_SLUG_CONFLICT SUB_RANGE_OVERLAP;
    }
    GetProject { 400: INVALID_PROJECT_ID; 403: REBAC_DENIED; 404: PROJECT_NOT_FOUND; }

    PatchDomain {
        400: EMPTY_PATCH INVALID_DOMAIN INVALID_DOMAIN_ID INVALID_REACHABILITY_POLICY SLUG_IMMUTABLE;
        403: REBAC_DENIED;
        404: DOMAIN_NOT_FOUND;
        409: MESH_CIDR_OVERLAP;
        422: MESH_CIDR_INVALIDATES_SUBRANGE;
    }
    DeleteDomain { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 404: DOMAIN_NOT_FOUND; 409: DOMAIN_NOT_EMPTY; }
    PatchProject {
        400: EMPTY_PATCH INVALID_PROJECT INVALID_PROJECT_ID SLUG_IMMUTABLE;
        403: REBAC_DENIED;
        404: PROJECT_NOT_FOUND;
        409: SUB_RANGE_OVERLAP;
        422: SUB_RANGE_INVALIDATES_ALLOCATION;
    }
    GetProjectRetention { 400: INVALID_PROJECT_ID; 403: REBAC_DENIED; 404: PROJECT_NOT_FOUND; }
    PutProjectRetention {
        400: INVALID_PROJECT INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: PROJECT_NOT_FOUND;
    }
    DeleteProject { 400: INVALID_PROJECT_ID; 403: REBAC_DENIED; 404: PROJECT_NOT_FOUND; 409: PROJECT_NOT_EMPTY; }

    // Operators: labels.
    ListLabelDefinitions { 403: REBAC_DENIED; }
    CreateLabelDefinition {
        403: REBAC_DENIED;
        409: LABEL_DEFINITION_CONFLICT LABEL_LIMIT_REACHED;
        422: INVALID_VALUE_SCHEMA LABEL_KEY_RESERVED;
    }
    GetLabelDefinition { 400: INVALID_ID; 404: LABEL_DEFINITION_NOT_FOUND; }
    UpdateLabelDefinition {
        400: EMPTY_PATCH INVALID_ID;
        403: REBAC_DENIED;
        404: LABEL_DEFINITION_NOT_FOUND;
        409: IMMUTABLE_VIOLATION;
        422: INVALID_VALUE_SCHEMA SCOPE_MISMATCH;
    }
    DeleteLabelDefinition {
        400: INVALID_ID;
        403: REBAC_DENIED;
        404: LABEL_DEFINITION_NOT_FOUND;
        409: ASSIGNMENTS_EXIST;
        422: LABEL_KEY_RESERVED;
    }
    PreviewLabelSelector {}
    SearchObjectsByLabel { 400: INVALID_CURSOR SCOPE_MISMATCH SELECTOR_SYNTAX; }

    // Operators: the audit chains.
    ListAuditEntries { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 404: DOMAIN_NOT_FOUND; }
    GetAuditEntry { 400: INVALID_DOMAIN_ID INVALID_ID; 404: AUDIT_ENTRY_NOT_FOUND; }
    VerifyAuditChain { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 404: DOMAIN_NOT_FOUND; }
    ExportAuditChain { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 404: DOMAIN_NOT_FOUND; }
    ListPlatformAuditEntries { 403: REBAC_DENIED; }
    GetPlatformAuditEntry { 400: INVALID_ID; 404: AUDIT_ENTRY_NOT_FOUND; }
    VerifyPlatformAuditChain { 403: REBAC_DENIED; }
    ExportPlatformAuditChain { 403: REBAC_DENIED; }
    EraseIdentity { 400: INVALID_ID; 403: REBAC_DENIED; 404: IDENTITY_NOT_FOUND; 409: IDENTITY_IS_CALLER; }

    // Operators: the fleet.
    ListBootstrapTokens { 400: INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH REBAC_DENIED; 404: PROJECT_NOT_FOUND; }
    IssueBootstrapToken { 400: INVALID_PROJECT_ID; 403: REBAC_DENIED; 404: PROJECT_NOT_FOUND; }
    GetBootstrapTokenMetadata {
        400: INVALID_ID INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: BOOTSTRAP_TOKEN_NOT_FOUND PROJECT_NOT_FOUND;
    }
    RevokeBootstrapToken {
        400: INVALID_ID INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: BOOTSTRAP_TOKEN_NOT_FOUND PROJECT_NOT_FOUND;
        409: BOOTSTRAP_TOKEN_SETTLED;
    }
    ListNodes {
        400: INVALID_DOMAIN_FILTER INVALID_PROJECT_ID MALFORMED_SELECTOR;
        403: CURSOR_BINDING_MISMATCH;
    }
    GetNode { 400: INVALID_ID; 403: REBAC_DENIED; 404: NODE_NOT_FOUND; }
    RevokeNode { 400: INVALID_ID; 403: REBAC_DENIED; 404: NODE_NOT_FOUND; }
    RotateNodeKey { 400: INVALID_ID; 403: REBAC_DENIED; 404: NODE_NOT_FOUND; 409: ILLEGAL_TRANSITION; }
    GetDomainCapacity { 400: INVALID_DOMAIN_ID; 403: REBAC_DENIED; 503: CAPACITY_SNAPSHOT_UNAVAILABLE; }
    ListHooks { 400: INVALID_DOMAIN_FILTER INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH; }
    ListIntegrityViolations { 400: INVALID_DOMAIN_FILTER INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH; }
    AcknowledgeIntegrityViolation {
        400: INVALID_ACKNOWLEDGE_REASON INVALID_INTEGRITY_VIOLATION_ID;
        403: REBAC_DENIED;
        404: INTEGRITY_VIOLATION_NOT_FOUND;
        409: ILLEGAL_TRANSITION;
    }
    ListCapabilities { 400: INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH REBAC_DENIED; }
    ListNodeHooks { 400: INVALID_PROJECT_ID; 403: CURSOR_BINDING_MISMATCH REBAC_DENIED; 404: PROJECT_NOT_FOUND; }
    AcceptNodeHook {
        400: INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: NODE_NOT_FOUND PROJECT_NOT_FOUND;
        409: HOOK_INTEGRITY_VIOLATION;
    }
    ListObjectLabels { 400: INVALID_ID; 403: REBAC_DENIED; }
    PutObjectLabel {
        400: INVALID_ID;
        403: REBAC_DENIED;
        404: LABEL_DEFINITION_NOT_FOUND NODE_NOT_FOUND PROJECT_NOT_FOUND;
        409: IMMUTABLE_VIOLATION LABEL_LIMIT_REACHED;
        422: SCOPE_MISMATCH;
    }
    DeleteObjectLabel { 400: INVALID_ID; 403: REBAC_DENIED; 404: LABEL_DEFINITION_NOT_FOUND NODE_NOT_FOUND PROJECT_NOT_FOUND; }

    // Operators: the execution log.
    DispatchExecution {
        400: ACTION_NOT_DECLARED INVALID_PROJECT_ID MALFORMED_SELECTOR;
        403: REBAC_DENIED;
        404: PROJECT_NOT_FOUND;
        409: HOOK_INTEGRITY_VIOLATION IDEMPOTENCY_KEY_REUSED;
        422: SELECTOR_EMPTY_COHORT;
        429: CAPACITY_EXCEEDED;
    }
    ListExecutions { 400: INVALID_PROJECT_ID; 403: REBAC_DENIED; 404: PROJECT_NOT_FOUND; }
    GetExecution {
        400: INVALID_EXECUTION_ID INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: EXECUTION_NOT_FOUND;
    }
    GetTargetOutput {
        400: INVALID_EXECUTION_ID INVALID_ID INVALID_PROJECT_ID;
        403: REBAC_DENIED;
        404: EXECUTION_NOT_FOUND OUTPUT_NOT_FOUND;
    }

    // Nodes.
    GetNodeEvents {
        400: INVALID_CURSOR;
        401: NSK_INVALID NSK_REVOKED;
        403: NODE_ID_MISMATCH REBAC_DENIED;
        404: NODE_NOT_FOUND;
    }
    GetNodeState {
        401: NSK_INVALID NSK_REVOKED;
        403: NODE_ID_MISMATCH REBAC_DENIED;
        404: NODE_NOT_FOUND;
    }
    PostNodeKey {
        400: INVALID_BODY;
        401: NSK_INVALID NSK_REVOKED UNAUTHORIZED;
        403: NODE_ID_MISMATCH;
        409: ILLEGAL_TRANSITION;
        413: REQUEST_BODY_TOO_LARGE;
    }
    PostNodeIntegrityViolations {
        400: INTEGRITY_VIOLATION_ARTIFACT_ID_EMPTY INTEGRITY_VIOLATION_CHECKSUM_INVALID
            INTEGRITY_VIOLATION_DETECTED_BY_INVALID INTEGRITY_VIOLATION_HOST_KEY_FINGERPRINT_INVALID
            INTEGRITY_VIOLATION_KIND_INVALID INTEGRITY_VIOLATION_KIND_MISMATCH INTEGRITY_VIOLATIONS_EMPTY
            MALFORMED_INTEGRITY_VIOLATIONS_REQUEST;
        401: NSK_INVALID NSK_REVOKED UNAUTHORIZED;
        403: NODE_ID_MISMATCH;
        404: INTEGRITY_VIOLATIONS_NODE_NOT_FOUND;
        413: INTEGRITY_VIOLATIONS_BODY_TOO_LARGE INTEGRITY_VIOLATIONS_TOO_MANY;
    }
    PostNodeHeartbeat {
        400: BINARY_CHECKSUM_EMPTY BINARY_VERSION_EMPTY CLOCK_SKEW MALFORMED_HEARTBEAT_REQUEST;
        401: NSK_INVALID NSK_REVOKED UNAUTHORIZED;
        403: NODE_ID_MISMATCH;
        413: REQUEST_BODY_TOO_LARGE;
    }
    PutNodeCapabilities {
        400: BINARY_CHECKSUM_INVALID BINARY_VERSION_EMPTY DECLARED_HOOK_DUPLICATE DECLARED_HOOK_INVALID
            DECLARED_HOOKS_TOO_MANY MALFORMED_CAPABILITIES_REQUEST SSH_HOST_KEY_FINGERPRINT_INVALID;
        401: NSK_INVALID NSK_REVOKED UNAUTHORIZED;
        403: NODE_ID_MISMATCH;
        404: CAPABILITIES_NODE_NOT_FOUND;
        413: CAPABILITIES_BODY_TOO_LARGE;
        422: BUILTIN_ACTION_DUPLICATE BUILTIN_ACTION_INVALID BUILTIN_ACTIONS_TOO_MANY PLEXD_HOOK_DUPLICATE
            PLEXD_HOOK_INVALID PLEXD_HOOKS_TOO_MANY;
    }
    PostNodeExecutionCallback {
        400: INVALID_EXECUTION_ID MALFORMED_EXECUTION_CALLBACK;
        401: NSK_INVALID NSK_REVOKED UNAUTHORIZED;
        403: NSK_NODE_MISMATCH;
        404: EXECUTION_NOT_FOUND;
        409: EXECUTION_ALREADY_TERMINAL INVALID_STATE_TRANSITION;
        413: INLINE_OUTPUT_TOO_LARGE OUTPUT_TOO_LARGE REQUEST_BODY_TOO_LARGE;
        422: OUTPUT_MISMATCH;
        503: OBJECT_STORE_UNAVAILABLE;
    }
}

/// All that an operation gives: its own and what follows from its shape; `None` where the table does not know it.
pub(super) fn all(id: &str, shape: &Shape) -> Option<Answers> {
    let (_, own) = TABLE.iter().find(|(known, _)| *known == id)?;
    let mut answers = Answers::new();
    let mut add = |status: u16, codes: &[&'static str]| {
        answers.entry(status).or_default().extend(codes.iter().copied());
    };
    for (status, codes) in *own {
        add(*status, codes);
    }
    // Before any route: what is no acceptable HTTP, and what takes too long to arrive.
    add(400, &[MALFORMED_REQUEST]);
    add(408, &[REQUEST_TIMEOUT]);
    add(431, &[REQUEST_HEAD_TOO_LARGE]);
    add(500, &[INTERNAL]);
    if shape.operator || shape.node {
        add(429, &[RATE_LIMITED]);
        add(503, &[DATASTORE_UNAVAILABLE]);
    }
    if shape.operator {
        add(503, &[AUTHZ_UNAVAILABLE]);
    }
    if shape.operator && shape.changes {
        add(
            403,
            &[
                CSRF_ORIGIN_MISMATCH,
                CSRF_ORIGIN_NOT_CONFIGURED,
                CSRF_TOKEN_MISMATCH,
            ],
        );
    }
    if shape.operator {
        add(401, &[UNAUTHENTICATED]);
    }
    if shape.node {
        add(400, &[INVALID_ID]);
    }
    if shape.queries {
        add(400, &[INVALID_QUERY]);
    }
    if shape.pages {
        add(400, &[INVALID_CURSOR, INVALID_LIMIT]);
    }
    if shape.body {
        add(415, &[UNSUPPORTED_MEDIA_TYPE]);
    }
    if shape.body && !shape.node {
        add(400, &[INVALID_BODY]);
        add(413, &[REQUEST_BODY_TOO_LARGE]);
    }
    Some(answers)
}

#[cfg(test)]
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(id, _)| *id)
}
