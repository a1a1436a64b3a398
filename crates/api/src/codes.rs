//! Problem codes (`api.md` §14 and `decisions.md`). Match on these, never on titles.

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$meta])* pub const $name: &str = $code;)*
        /// Every code there is.
        pub const ALL: &[&str] = &[$($code),*];
    };
}

codes! {
    // 400
    /// Somebody refused the device's login.
    ACCESS_DENIED = "access_denied";
    ACTION_NOT_DECLARED = "action_not_declared";
    AUTHORIZATION_PENDING = "authorization_pending";
    BINARY_CHECKSUM_EMPTY = "binary_checksum_empty";
    BINARY_CHECKSUM_INVALID = "binary_checksum_invalid";
    BINARY_VERSION_EMPTY = "binary_version_empty";
    CLOCK_SKEW = "clock_skew";
    DECLARED_HOOK_DUPLICATE = "declared_hook_duplicate";
    DECLARED_HOOK_INVALID = "declared_hook_invalid";
    DECLARED_HOOKS_TOO_MANY = "declared_hooks_too_many";
    INTEGRITY_VIOLATION_ARTIFACT_ID_EMPTY = "integrity_violation_artifact_id_empty";
    INTEGRITY_VIOLATION_CHECKSUM_INVALID = "integrity_violation_checksum_invalid";
    INTEGRITY_VIOLATION_DETECTED_BY_INVALID = "integrity_violation_detected_by_invalid";
    INTEGRITY_VIOLATION_HOST_KEY_FINGERPRINT_INVALID = "integrity_violation_host_key_fingerprint_invalid";
    INTEGRITY_VIOLATION_KIND_INVALID = "integrity_violation_kind_invalid";
    INTEGRITY_VIOLATION_KIND_MISMATCH = "integrity_violation_kind_mismatch";
    INTEGRITY_VIOLATIONS_EMPTY = "integrity_violations_empty";
    INVALID_ACKNOWLEDGE_REASON = "invalid_acknowledge_reason";
    EXPIRED_TOKEN = "expired_token";
    /// A patch without a member.
    EMPTY_PATCH = "empty_patch";
    INVALID_BODY = "invalid_body";
    INVALID_CHECK_REQUEST = "invalid_check_request";
    INVALID_CURSOR = "invalid_cursor";
    INVALID_DOMAIN = "invalid_domain";
    INVALID_DOMAIN_FILTER = "invalid_domain_filter";
    INVALID_DOMAIN_ID = "invalid_domain_id";
    INVALID_EXECUTION_ID = "invalid_execution_id";
    INVALID_GRANT = "invalid_grant";
    /// A path id that has no code of its own in the contract.
    INVALID_ID = "invalid_id";
    INVALID_INTEGRITY_VIOLATION_ID = "invalid_integrity_violation_id";
    INVALID_LIMIT = "invalid_limit";
    INVALID_LOOKUP_REQUEST = "invalid_lookup_request";
    INVALID_PROJECT = "invalid_project";
    INVALID_PROJECT_ID = "invalid_project_id";
    /// A repeated, unknown-valued or unparsable query parameter (decision 1).
    INVALID_QUERY = "invalid_query";
    INVALID_REACHABILITY_POLICY = "invalid_reachability_policy";
    INVALID_RELATION_TUPLE_ID = "invalid_relation_tuple_id";
    INVALID_TRIPLE = "invalid_triple";
    MALFORMED_CAPABILITIES_REQUEST = "malformed_capabilities_request";
    MALFORMED_EXECUTION_CALLBACK = "malformed_execution_callback";
    MALFORMED_HEARTBEAT_REQUEST = "malformed_heartbeat_request";
    MALFORMED_INTEGRITY_VIOLATIONS_REQUEST = "malformed_integrity_violations_request";
    /// The HTTP message itself is not acceptable (framing, `Host`).
    MALFORMED_REQUEST = "malformed_request";
    MALFORMED_SELECTOR = "malformed_selector";
    PUBLIC_KEY_INVALID = "public_key_invalid";
    /// A browser comes back from the identity provider that never set out, or too late, or for a second time.
    SIGN_IN_INVALID = "sign_in_invalid";
    SLOW_DOWN = "slow_down";
    SELECTOR_SYNTAX = "selector_syntax";
    /// A patch that names the slug, even unchanged.
    SLUG_IMMUTABLE = "slug_immutable";
    SSH_HOST_KEY_FINGERPRINT_INVALID = "ssh_host_key_fingerprint_invalid";
    // 401
    NSK_INVALID = "nsk_invalid";
    NSK_REVOKED = "nsk_revoked";
    UNAUTHENTICATED = "unauthenticated";
    UNAUTHORIZED = "unauthorized";
    // 403
    CSRF_ORIGIN_MISMATCH = "csrf_origin_mismatch";
    CSRF_ORIGIN_NOT_CONFIGURED = "csrf_origin_not_configured";
    CSRF_TOKEN_MISMATCH = "csrf_token_mismatch";
    CURSOR_BINDING_MISMATCH = "cursor_binding_mismatch";
    KIND_MISMATCH = "kind_mismatch";
    NODE_ID_MISMATCH = "node_id_mismatch";
    NONCE_COLLISION = "nonce_collision";
    NSK_NODE_MISMATCH = "nsk_node_mismatch";
    PROJECT_MISMATCH = "project_mismatch";
    /// A relation denial (decision 3).
    REBAC_DENIED = "rebac_denied";
    TOKEN_CONSUMED = "token_consumed";
    TOKEN_EXPIRED = "token_expired";
    TOKEN_REVOKED = "token_revoked";
    /// A presigned URL whose signature does not hold or whose time is over.
    UPLOAD_URL_INVALID = "upload_url_invalid";
    // 404
    API_TOKEN_NOT_FOUND = "api_token_not_found";
    /// No such entry in the chain, or no right to know.
    AUDIT_ENTRY_NOT_FOUND = "audit_entry_not_found";
    BOOTSTRAP_TOKEN_NOT_FOUND = "bootstrap_token_not_found";
    /// The node left while its manifest arrived.
    CAPABILITIES_NODE_NOT_FOUND = "capabilities_node_not_found";
    DEVICE_CODE_NOT_FOUND = "device_code_not_found";
    DOMAIN_NOT_FOUND = "domain_not_found";
    EXECUTION_NOT_FOUND = "execution_not_found";
    INTEGRITY_VIOLATION_NOT_FOUND = "integrity_violation_not_found";
    INTEGRITY_VIOLATIONS_NODE_NOT_FOUND = "integrity_violations_node_not_found";
    GROUP_NOT_FOUND = "group_not_found";
    /// No such identity provider, or none at all.
    IDP_BINDING_NOT_FOUND = "idp_binding_not_found";
    /// No such identity to erase.
    IDENTITY_NOT_FOUND = "identity_not_found";
    LABEL_DEFINITION_NOT_FOUND = "label_definition_not_found";
    NODE_NOT_FOUND = "node_not_found";
    /// No such route.
    NOT_FOUND = "not_found";
    /// The target's output was never stored, or is no longer there.
    OUTPUT_NOT_FOUND = "output_not_found";
    PROJECT_NOT_FOUND = "project_not_found";
    RELATION_TUPLE_NOT_FOUND = "relation_tuple_not_found";
    // 405, 408, 409, 411, 413, 415
    METHOD_NOT_ALLOWED = "method_not_allowed";
    REQUEST_TIMEOUT = "request_timeout";
    ASSIGNMENTS_EXIST = "assignments_exist";
    BOOTSTRAP_TOKEN_SETTLED = "bootstrap_token_settled";
    DEVICE_CODE_ALREADY_APPROVED = "device_code_already_approved";
    DEVICE_CODE_EXPIRED = "device_code_expired";
    DOMAIN_NOT_EMPTY = "domain_not_empty";
    DOMAIN_SLUG_CONFLICT = "domain_slug_conflict";
    EXECUTION_ALREADY_TERMINAL = "execution_already_terminal";
    /// Another group of the domain, or of the platform, has this handle.
    GROUP_SLUG_CONFLICT = "group_slug_conflict";
    HOOK_INTEGRITY_VIOLATION = "hook_integrity_violation";
    /// The idempotency key was used with another body (decision 9).
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused";
    /// Nobody erases themselves: somebody must be left who may.
    IDENTITY_IS_CALLER = "identity_is_caller";
    IMMUTABLE_VIOLATION = "immutable_violation";
    ILLEGAL_TRANSITION = "illegal_transition";
    INVALID_STATE_TRANSITION = "invalid_state_transition";
    /// The scope has a definition of that key already.
    LABEL_DEFINITION_CONFLICT = "label_definition_conflict";
    LABEL_LIMIT_REACHED = "label_limit_reached";
    MESH_CIDR_OVERLAP = "mesh_cidr_overlap";
    PARENT_DOMAIN_MISSING = "parent_domain_missing";
    PROJECT_NOT_EMPTY = "project_not_empty";
    PROJECT_SLUG_CONFLICT = "project_slug_conflict";
    SUB_RANGE_OVERLAP = "sub_range_overlap";
    UPLOAD_ALREADY_USED = "upload_already_used";
    LENGTH_REQUIRED = "length_required";
    CAPABILITIES_BODY_TOO_LARGE = "capabilities_body_too_large";
    INLINE_OUTPUT_TOO_LARGE = "inline_output_too_large";
    INTEGRITY_VIOLATIONS_BODY_TOO_LARGE = "integrity_violations_body_too_large";
    INTEGRITY_VIOLATIONS_TOO_MANY = "integrity_violations_too_many";
    /// The declared size is over the server's `--max-output-bytes` (decision 19).
    OUTPUT_TOO_LARGE = "output_too_large";
    REQUEST_BODY_TOO_LARGE = "request_body_too_large";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type";
    // 422
    BOOTSTRAP_TOKEN_INVALID = "bootstrap_token_invalid";
    BUILTIN_ACTION_DUPLICATE = "builtin_action_duplicate";
    BUILTIN_ACTION_INVALID = "builtin_action_invalid";
    BUILTIN_ACTIONS_TOO_MANY = "builtin_actions_too_many";
    /// A value schema that contradicts itself, or that what exists does not satisfy.
    INVALID_VALUE_SCHEMA = "invalid_value_schema";
    INVARIANT_VIOLATION = "invariant_violation";
    /// A label key that belongs to the platform itself.
    LABEL_KEY_RESERVED = "label_key_reserved";
    MESH_CIDR_INVALIDATES_SUBRANGE = "mesh_cidr_invalidates_subrange";
    /// The stored object is not what the node says it uploaded (decision 20).
    OUTPUT_MISMATCH = "output_mismatch";
    PLEXD_HOOK_DUPLICATE = "plexd_hook_duplicate";
    PLEXD_HOOK_INVALID = "plexd_hook_invalid";
    PLEXD_HOOKS_TOO_MANY = "plexd_hooks_too_many";
    SCOPE_MISMATCH = "scope_mismatch";
    SELECTOR_EMPTY_COHORT = "selector_empty_cohort";
    SUB_RANGE_INVALIDATES_ALLOCATION = "sub_range_invalidates_allocation";
    // 429, 431
    CAPACITY_EXCEEDED = "capacity_exceeded";
    /// Request line and headers are larger than the server accepts (431).
    REQUEST_HEAD_TOO_LARGE = "request_head_too_large";
    /// Too many failed authentications from one source, or too many requests of one principal.
    RATE_LIMITED = "rate_limited";
    // 500, 502, 503
    INTERNAL = "internal";
    ALLOCATOR_CONTENTION = "allocator_contention";
    CAPACITY_SNAPSHOT_UNAVAILABLE = "capacity_snapshot_unavailable";
    /// Whether the caller may cannot be decided now; nothing is allowed then.
    AUTHZ_UNAVAILABLE = "authz_unavailable";
    DATASTORE_UNAVAILABLE = "datastore_unavailable";
    /// The identity provider cannot be reached (503), or what it answered does not hold (502).
    IDENTITY_PROVIDER_UNAVAILABLE = "identity_provider_unavailable";
    OBJECT_STORE_UNAVAILABLE = "object_store_unavailable";
    POOL_EXHAUSTED = "pool_exhausted";
    SUBRANGE_EXHAUSTED = "subrange_exhausted";
}
