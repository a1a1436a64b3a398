//! Cursors: whom and what they hold for, and walks over pages while the log grows.

use crate::ids;
use plex_api::paths;
use plex_tests::{ControlPlane, Dice, Manifest, Operator, SimulatedNode};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

fn cursor(operator: &Operator, query: &str) -> String {
    let path = format!("{}?limit=2&{query}", paths::executions(operator.project_id));
    let page = operator.get(&path).expect(200).json();
    page["next_cursor"]
        .as_str()
        .expect("there is a next page")
        .to_owned()
}

fn with_cursor(operator: &Operator, query: &str, cursor: &str) -> (u16, String) {
    let path = format!(
        "{}?limit=2&{query}&cursor={cursor}",
        paths::executions(operator.project_id)
    );
    let answer = operator.get(&path);
    if answer.status == 200 {
        (200, String::new())
    } else {
        answer.refusal()
    }
}

fn filled(control_plane: &ControlPlane) -> Operator {
    let node = SimulatedNode::register(control_plane, "n");
    let admin = control_plane.admin();
    for _ in 0..5 {
        admin.dispatch(node.id, "probe");
    }
    admin
}

#[test]
fn a_cursor_holds_for_its_filters_order_principal_and_project_only() {
    let control_plane = ControlPlane::start();
    let admin = filled(&control_plane);
    let project = admin.plexctl_json(&[
        "project",
        "create",
        "--domain",
        &control_plane.domain_id().to_string(),
        "--slug",
        "other",
    ]);
    let elsewhere = admin.in_project(project["id"].as_str().unwrap().parse().unwrap());
    let invalid = (400, "invalid_cursor".to_owned());
    let plain = cursor(&admin, "");
    assert_eq!(with_cursor(&admin, "", &plain), (200, String::new()));
    assert_eq!(
        with_cursor(&admin, "order=desc", &plain),
        (200, String::new()),
        "desc is the order by default"
    );
    for other in [
        "status=pending",
        "action_name=probe",
        "order=asc",
        "status=pending&action_name=probe",
    ] {
        assert_eq!(with_cursor(&admin, other, &plain), invalid, "{other}");
        let own = cursor(&admin, other);
        assert_eq!(with_cursor(&admin, other, &own), (200, String::new()), "{other}");
        assert_eq!(with_cursor(&admin, "", &own), invalid, "{other}");
    }
    assert_eq!(
        with_cursor(&admin, "action_name=prob", &cursor(&admin, "action_name=probe")),
        invalid
    );
    assert_eq!(
        with_cursor(&admin.with_role("viewer"), "", &plain),
        invalid,
        "another principal"
    );
    assert_eq!(with_cursor(&elsewhere, "", &plain), invalid, "another project");
    // Another token of the same principal is the same principal.
    let me = admin.plexctl_json(&["whoami"])["subject"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(with_cursor(&admin.token_of(me), "", &plain), (200, String::new()));
}

#[test]
fn no_altered_cursor_opens() {
    let control_plane = ControlPlane::start();
    let admin = filled(&control_plane);
    let good = cursor(&admin, "");
    assert!(
        good.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte)),
        "{good}"
    );
    let invalid = (400, "invalid_cursor".to_owned());
    for at in 0..good.len() {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        let altered = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        assert_eq!(with_cursor(&admin, "", &altered), invalid, "character {at}");
        if at > 0 {
            assert_eq!(with_cursor(&admin, "", &good[..at]), invalid, "cut at {at}");
        }
    }
    for forged in [
        format!("{good}A"),
        format!("{good}{good}"),
        "x".to_owned(),
        "%00".to_owned(),
        "A".repeat(5000),
    ] {
        assert_eq!(with_cursor(&admin, "", &forged), invalid, "{forged}");
    }
}

/// Walks the whole list in pages of random size and tells the ids in order.
fn walk(operator: &Operator, query: &str, dice: &mut Dice, mut between: impl FnMut()) -> Vec<Uuid> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let limit = 1 + dice.below(7);
        let path = format!(
            "{}?limit={limit}&{query}{cursor}",
            paths::executions(operator.project_id)
        );
        let page = operator.get(&path).expect(200).json();
        seen.extend(ids(&page).iter().map(|id| Uuid::parse_str(id).expect("a UUID")));
        assert!(ids(&page).len() as u64 <= limit);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
        between();
    }
}

#[test]
fn a_walk_while_executions_are_added_skips_and_repeats_nothing() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    node.capabilities(&Manifest::of(&["probe", "rotate-keys"]))
        .expect(200);
    let admin = control_plane.admin();
    let mut before: Vec<_> = (0..60)
        .map(|n| {
            (
                admin.dispatch(node.id, if n % 3 == 0 { "rotate-keys" } else { "probe" }),
                n % 3 == 0,
            )
        })
        .collect();
    before.reverse();
    let all: Vec<_> = before.iter().map(|(id, _)| *id).collect();
    let rotations: Vec<_> = before
        .iter()
        .filter(|(_, rotates)| *rotates)
        .map(|(id, _)| *id)
        .collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for action in ["probe", "rotate-keys"] {
            let (admin, stop, node) = (admin.clone(), &stop, node.id);
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    admin.dispatch(node, action);
                }
            });
        }
        let _guard = Stop(&stop);
        for seed in 0..6 {
            let mut dice = Dice::new(seed);
            assert_whole(&walk(&admin, "", &mut dice, || {}), &all, Order::NewestFirst);
            let found = walk(&admin, "action_name=rotate-keys", &mut dice, || {});
            assert_whole(&found, &rotations, Order::NewestFirst);
        }
    });
    // The log is still now; the other way round finds the same.
    let mut dice = Dice::new(9);
    let mut backwards = walk(&admin, "order=asc", &mut dice, || {});
    backwards.reverse();
    assert_eq!(walk(&admin, "", &mut dice, || {}), backwards);
    assert!(backwards.len() > 60, "nothing was added while walking");
}

/// Ends the dispatching threads, also when an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

enum Order {
    NewestFirst,
    OldestFirst,
}

/// Everything that existed at the start is there once, in order.
fn assert_whole(found: &[Uuid], existed: &[Uuid], order: Order) {
    let distinct: BTreeSet<_> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "something is repeated");
    let known: BTreeSet<_> = existed.iter().collect();
    let mut kept: Vec<_> = found.iter().filter(|id| known.contains(id)).copied().collect();
    if let Order::OldestFirst = order {
        kept.reverse();
    }
    assert_eq!(kept, existed);
}

#[test]
fn a_walk_the_other_way_round_meets_what_is_added_at_its_end() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let mut existed: Vec<_> = (0..20).map(|_| admin.dispatch(node.id, "probe")).collect();
    existed.reverse();
    let mut added = 0;
    let found = walk(&admin, "order=asc", &mut Dice::new(3), || {
        if added < 10 {
            admin.dispatch(node.id, "probe");
            added += 1;
        }
    });
    assert_whole(&found, &existed, Order::OldestFirst);
    assert_eq!(found.len(), 20 + added);
}

#[test]
fn a_filtered_walk_survives_that_its_items_change_status() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let mut existed: Vec<_> = (0..20).map(|_| admin.dispatch(node.id, "probe")).collect();
    existed.reverse();
    let mut oldest = existed.clone();
    // Those that the walk has yet to reach leave the filter; none of the others may be skipped for it.
    let found = walk(&admin, "status=pending", &mut Dice::new(5), || {
        if oldest.len() > 15 {
            let execution = oldest.pop().unwrap();
            node.callback(execution, &json!({"status": "ack"})).expect(200);
        }
    });
    assert_eq!(found, existed[..found.len()]);
    assert!((15..20).contains(&found.len()), "{}", found.len());
}

#[test]
fn plexctl_threads_the_cursor_or_follows_it_to_the_end() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let mut made: Vec<_> = (0..7)
        .map(|_| admin.dispatch(node.id, "probe").to_string())
        .collect();
    made.reverse();
    let mut found: Vec<String> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut words = vec!["exec-log", "list", "--project", &project, "--limit", "3"];
        words.extend(cursor.iter().flat_map(|cursor| ["--cursor", cursor.as_str()]));
        let text = admin.plexctl(&words).expect(0).text();
        let (last, rows): (Vec<_>, Vec<_>) = text
            .lines()
            .skip(1)
            .partition(|line| line.starts_with("next_cursor: "));
        found.extend(rows.iter().map(|row| row[..36].to_owned()));
        assert!(
            last.len() <= 1 && (last.is_empty() || text.ends_with(&format!("{}\n", last[0]))),
            "{text}"
        );
        match last.first() {
            Some(line) => cursor = Some(line["next_cursor: ".len()..].to_owned()),
            None => break,
        }
    }
    assert_eq!(found, made);
    let all = ["exec-log", "list", "--project", &project, "--limit", "2", "--all"];
    assert_eq!(ids(&admin.plexctl_json(&all)), made);
    let text = admin.plexctl(&all).expect(0).text();
    assert_eq!(
        text.lines().skip(1).map(|line| &line[..36]).collect::<Vec<_>>(),
        made
    );
}
