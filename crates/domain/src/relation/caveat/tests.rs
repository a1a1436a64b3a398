//! Each condition of the product's schema, with what is given, fixed, missing and unfit.

use super::*;
use crate::relation::Rules;
use serde_json::json;

fn caveats() -> Caveats {
    Caveats::compile(Rules::new().schema()).unwrap()
}

fn object(value: Json) -> Map<String, Json> {
    value.as_object().unwrap().clone()
}

fn holds(name: &str, context: Json, request: &Request) -> Truth {
    let caveats = caveats();
    let caveat = caveats.attach(name, object(context)).unwrap();
    caveats.of(request).holds(&caveat)
}

#[test]
fn a_time_window_holds_from_its_start_until_before_its_end() {
    let window = json!({"not_before": "2026-11-01T08:00:00Z", "not_after": "2026-11-01T18:00:00+01:00"});
    for (now, expected) in [
        ("2026-11-01T07:59:59.999999Z", Truth::False),
        ("2026-11-01T08:00:00Z", Truth::True),
        ("2026-11-01T16:59:59.999999Z", Truth::True),
        ("2026-11-01T17:00:00Z", Truth::False),
    ] {
        let request = Request {
            now: now.parse().unwrap(),
            ..Request::default()
        };
        assert_eq!(
            holds("within_time_window", window.clone(), &request),
            expected,
            "{now}"
        );
    }
}

#[test]
fn an_address_lies_in_its_range_in_whatever_clothes() {
    let of = |ip: Option<&str>| Request {
        ip: ip.map(|ip| ip.parse().unwrap()),
        ..Request::default()
    };
    let range = || json!({"cidr": "192.0.2.0/24"});
    assert_eq!(holds("from_cidr", range(), &of(Some("192.0.2.9"))), Truth::True);
    assert_eq!(
        holds("from_cidr", range(), &of(Some("::ffff:192.0.2.9"))),
        Truth::True
    );
    assert_eq!(holds("from_cidr", range(), &of(Some("192.0.3.9"))), Truth::False);
    assert_eq!(
        holds("from_cidr", range(), &of(Some("2001:db8::1"))),
        Truth::False
    );
    assert_eq!(holds("from_cidr", range(), &of(None)), Truth::Conditional);
}

#[test]
fn assurance_asks_for_one_class_and_for_every_method() {
    let of = |acr: Option<&str>, amr: &[&str]| Request {
        acr: acr.map(str::to_owned),
        amr: Some(amr.iter().map(|one| (*one).to_owned()).collect()),
        ..Request::default()
    };
    let ask = |context: Json, request: &Request| holds("requires_assurance", context, request);
    let classes = || json!({"any_acr": ["gold", "silver"]});
    assert_eq!(ask(classes(), &of(Some("silver"), &[])), Truth::True);
    assert_eq!(ask(classes(), &of(Some("bronze"), &[])), Truth::False);
    assert_eq!(ask(classes(), &of(None, &[])), Truth::Conditional);
    let methods = || json!({"all_amr": ["pwd", "mfa"]});
    assert_eq!(ask(methods(), &of(None, &["mfa", "pwd", "otp"])), Truth::True);
    assert_eq!(ask(methods(), &of(None, &["pwd"])), Truth::False);
}

#[test]
fn what_a_tuple_fixes_no_question_overrides() {
    let request = |given: Json| Request {
        given: object(given),
        ..Request::default()
    };
    let range = || json!({"cidr": "192.0.2.0/24"});
    let asked = request(json!({"ip": "10.0.0.1", "cidr": "10.0.0.0/8"}));
    assert_eq!(holds("from_cidr", range(), &asked), Truth::False);
    let asked = request(json!({"ip": "192.0.2.1"}));
    assert_eq!(holds("from_cidr", range(), &asked), Truth::True);
    let asked = request(json!({"ip": 7}));
    assert_eq!(holds("from_cidr", range(), &asked), Truth::Conditional);
}

#[test]
fn what_does_not_fit_is_not_attached() {
    let caveats = caveats();
    let refused = |name: &str, context: Json| caveats.attach(name, object(context)).unwrap_err();
    assert_eq!(refused("at_full_moon", json!({})), ContextError::Unknown);
    for (name, context) in [
        ("from_cidr", json!({"cidr": "everywhere"})),
        ("from_cidr", json!({"cidr": 7})),
        ("from_cidr", json!({"cidr": "10.0.0.0/8", "ip": "10.0.0.1"})),
        (
            "within_time_window",
            json!({"not_before": "soon", "not_after": "later"}),
        ),
        ("requires_assurance", json!({"any_acr": "gold"})),
        ("requires_assurance", json!({"any_acr": [1]})),
        (
            "requires_assurance",
            json!({"any_acr": vec!["gold"; MAX_LIST + 1]}),
        ),
    ] {
        assert!(matches!(refused(name, context), ContextError::Unfit(_)), "{name}");
    }
    let half = json!({"not_before": "2026-11-01T08:00:00Z"});
    assert_eq!(
        refused("within_time_window", half),
        ContextError::Missing("not_after".to_owned())
    );
    assert_eq!(refused("from_cidr", json!({})), ContextError::Empty);
    assert_eq!(
        refused("requires_assurance", json!({"any_acr": [], "all_amr": []})),
        ContextError::Empty
    );
}
