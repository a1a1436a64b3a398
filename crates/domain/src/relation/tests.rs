//! The schema told a second time, as a matrix, and its mechanics.

use super::*;
use proptest::prelude::*;

const DOMAIN: Uuid = Uuid::from_u128(1);
const PROJECT: Uuid = Uuid::from_u128(2);
const OTHER: Uuid = Uuid::from_u128(3);

const IN_PROJECT: Scope = Scope {
    domain_id: Some(DOMAIN),
    project_id: Some(PROJECT),
};
const IN_DOMAIN: Scope = Scope {
    domain_id: Some(DOMAIN),
    project_id: None,
};

fn on(kind: ObjectKind, id: Uuid, relation: Relation) -> Binding {
    Binding {
        relation,
        object: ObjectRef::of(kind, id),
    }
}

fn granted(binding: Binding, permission: Permission, scope: &Scope) -> bool {
    matches!(decide(&[binding], permission, scope), Decision::Granted { .. })
}

fn denial(bindings: &[Binding], permission: Permission, scope: &Scope) -> DenialReason {
    match decide(bindings, permission, scope) {
        Decision::Denied { reason, .. } => reason,
        Decision::Granted { path } => panic!("granted by {path:?}"),
    }
}

/// Who may what inside a project: admin, operator, viewer, auditor.
const MATRIX: [(Permission, [bool; 4]); 14] = [
    (Permission::ReadProject, [true, true, true, true]),
    (Permission::Grant, [true, false, false, false]),
    (Permission::ReadGrants, [true, true, true, false]),
    (Permission::IssueBootstrapToken, [true, false, false, false]),
    (Permission::RevokeNode, [true, false, false, false]),
    (Permission::ReadNode, [true, true, true, false]),
    (Permission::LabelNode, [true, true, false, false]),
    (Permission::ReadCapabilities, [true, true, true, false]),
    (Permission::AcceptHook, [true, true, false, false]),
    (Permission::Dispatch, [true, true, false, false]),
    (Permission::ReadExecution, [true, true, true, true]),
    (Permission::ReadOutput, [true, true, true, false]),
    (Permission::ManageProject, [true, false, false, false]),
    (Permission::LabelProject, [true, true, false, false]),
];

#[test]
fn the_matrix_holds_on_the_project_its_domain_and_the_platform() {
    for (permission, allowed) in MATRIX {
        for (relation, allowed) in ANY.iter().zip(allowed) {
            let platform = Binding {
                relation: *relation,
                object: ObjectRef::PLATFORM,
            };
            let domain = on(ObjectKind::Domain, DOMAIN, *relation);
            let project = on(ObjectKind::Project, PROJECT, *relation);
            for binding in [platform, domain, project] {
                assert_eq!(
                    granted(binding, permission, &IN_PROJECT),
                    allowed,
                    "{permission:?} by {binding}"
                );
            }
            let foreign = [
                on(ObjectKind::Domain, OTHER, *relation),
                on(ObjectKind::Project, OTHER, *relation),
            ];
            assert_eq!(
                denial(&foreign, permission, &IN_PROJECT),
                DenialReason::OutOfScope
            );
        }
    }
}

#[test]
fn domains_are_made_by_platform_admins_and_projects_by_domain_admins() {
    let platform = |relation| Binding {
        relation,
        object: ObjectRef::PLATFORM,
    };
    let domain = on(ObjectKind::Domain, DOMAIN, Relation::Admin);
    for permission in [Permission::CreateDomain, Permission::ManagePlatform] {
        assert!(granted(platform(Relation::Admin), permission, &Scope::default()));
        assert_eq!(
            denial(&[domain], permission, &IN_DOMAIN),
            DenialReason::OutOfScope
        );
        let operator = [platform(Relation::Operator)];
        assert_eq!(
            denial(&operator, permission, &Scope::default()),
            DenialReason::InsufficientRelation
        );
    }
    assert!(granted(domain, Permission::CreateProject, &IN_DOMAIN));
    let operator = [on(ObjectKind::Domain, DOMAIN, Relation::Operator)];
    assert_eq!(
        denial(&operator, Permission::CreateProject, &IN_DOMAIN),
        DenialReason::InsufficientRelation
    );
    let project = [on(ObjectKind::Project, PROJECT, Relation::Admin)];
    assert_eq!(
        denial(&project, Permission::CreateProject, &IN_DOMAIN),
        DenialReason::OutOfScope
    );
}

#[test]
fn a_projects_member_does_not_see_the_domain() {
    let project = [on(ObjectKind::Project, PROJECT, Relation::Admin)];
    for scope in [IN_DOMAIN, IN_PROJECT] {
        assert_eq!(
            denial(&project, Permission::ReadDomain, &scope),
            DenialReason::OutOfScope
        );
        assert_eq!(
            denial(&project, Permission::ReadAudit, &scope),
            DenialReason::OutOfScope
        );
    }
    for relation in ANY {
        assert!(granted(
            on(ObjectKind::Domain, DOMAIN, *relation),
            Permission::ReadDomain,
            &IN_DOMAIN
        ));
    }
}

#[test]
fn the_audit_chain_is_for_auditors_and_admins() {
    let may = |relation| {
        granted(
            on(ObjectKind::Domain, DOMAIN, relation),
            Permission::ReadAudit,
            &IN_DOMAIN,
        )
    };
    assert_eq!(
        ANY.iter().map(|relation| may(*relation)).collect::<Vec<_>>(),
        [true, false, false, true]
    );
}

#[test]
fn paths_name_the_bindings() {
    let viewer = on(ObjectKind::Project, PROJECT, Relation::Viewer);
    let admin = on(ObjectKind::Domain, DOMAIN, Relation::Admin);
    let elsewhere = on(ObjectKind::Project, OTHER, Relation::Admin);
    let path = vec![format!("domain:{DOMAIN}#admin")];
    assert_eq!(
        decide(&[elsewhere, viewer, admin], Permission::Grant, &IN_PROJECT),
        Decision::Granted { path }
    );
    let path = vec![format!("project:{PROJECT}#viewer")];
    let reason = DenialReason::InsufficientRelation;
    assert_eq!(
        decide(&[elsewhere, viewer], Permission::Grant, &IN_PROJECT),
        Decision::Denied { reason, path }
    );
}

#[test]
fn an_identity_as_object_and_an_absent_id_reach_nothing() {
    for kind in [
        ObjectKind::Node,
        ObjectKind::User,
        ObjectKind::ServiceIdentity,
        ObjectKind::Group,
    ] {
        let binding = [on(kind, PROJECT, Relation::Admin)];
        assert_eq!(
            denial(&binding, Permission::ReadProject, &IN_PROJECT),
            DenialReason::OutOfScope
        );
    }
    for kind in [ObjectKind::Domain, ObjectKind::Project] {
        let unbound = [Binding {
            relation: Relation::Admin,
            object: ObjectRef { kind, id: None },
        }];
        let out_of_scope = DenialReason::OutOfScope;
        assert_eq!(
            denial(&unbound, Permission::ReadProject, &Scope::default()),
            out_of_scope
        );
    }
}

#[test]
fn references_that_are_none() {
    let nil = format!("user:{}", Uuid::nil());
    let simple = format!("user:{}", PROJECT.simple());
    let braced = format!("user:{{{PROJECT}}}");
    let service = format!("service:{PROJECT}");
    let platform = format!("platform:{PROJECT}");
    for bad in [
        "",
        "user",
        "user:",
        "platform",
        "platform:",
        "User:x",
        &nil,
        &simple,
        &braced,
        &service,
        &platform,
    ] {
        assert_eq!(ObjectRef::parse(bad), None, "{bad}");
    }
    assert_eq!(ObjectRef::parse("platform:platform"), Some(ObjectRef::PLATFORM));
}

proptest! {
    #[test]
    fn references_print_and_parse(kind in 1..7_usize, id in 1_u128..) {
        let object = ObjectRef::of(ObjectKind::ALL[kind], Uuid::from_u128(id));
        prop_assert_eq!(ObjectRef::parse(&object.to_string()), Some(object));
        let (word, id) = object.to_string().split_once(':').map(|(w, i)| (w.to_owned(), i.to_uppercase())).unwrap();
        prop_assert_eq!(ObjectRef::parse(&format!("{word}:{id}")), Some(object));
    }
}
