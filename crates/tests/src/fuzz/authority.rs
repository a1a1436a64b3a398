//! The texts on which authority rests: relation tuples, the values of caveats, and the three kinds of secrets.

use jiff::Timestamp;
use plex_api::tokens::TokenEnvironment;
use plex_domain::cidr::Cidr;
use plex_domain::credential::{self, ApiToken};
use plex_domain::relation::caveat::{Caveats, Request};
use plex_domain::relation::check::{Conditions, Truth};
use plex_domain::relation::schema::Member;
use plex_domain::relation::{ObjectRef, Rules, SubjectRef};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::LazyLock;
use uuid::Uuid;

static RULES: LazyLock<Rules> = LazyLock::new(Rules::new);
static CAVEATS: LazyLock<Caveats> =
    LazyLock::new(|| Caveats::compile(RULES.schema()).expect("the schema's caveats are expressions"));

/// A tuple, its three words separated by blanks: what is printed is read as the same, and what the schema takes is a
/// relation that may be granted to such a subject.
pub fn tuple(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let mut words = text.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (subject, relation, object) = (next(), next(), next());
    let subject = SubjectRef::parse(subject).inspect(|parsed| {
        let printed = parsed.to_string();
        assert_eq!(SubjectRef::parse(&printed).as_ref(), Some(parsed));
        assert!(
            printed.eq_ignore_ascii_case(subject),
            "{subject:?} became {printed:?}"
        );
    });
    let object = ObjectRef::parse(object).inspect(|parsed| {
        let printed = parsed.to_string();
        assert_eq!(ObjectRef::parse(&printed).as_ref(), Some(parsed));
        assert!(
            printed.eq_ignore_ascii_case(object),
            "{object:?} became {printed:?}"
        );
    });
    let (Some(subject), Some(object)) = (subject, object) else {
        return false;
    };
    let Ok((name, set)) = RULES.admits(&subject, relation, &object) else {
        return true;
    };
    let schema = RULES.schema();
    assert_eq!(schema.word(name), relation);
    assert_eq!(set.map(|set| schema.word(set)), subject.set.as_deref());
    let member = schema.member(object.kind.into(), name);
    let Some(Member::Relation(taken)) = member else {
        panic!("{relation} of {object} is no relation");
    };
    assert!(taken.subjects.contains(&(subject.object.kind.into(), set)));
    assert!(
        !["platform", "domain", "project"].contains(&relation),
        "the database keeps {relation}"
    );
    true
}

/// What a grant says of its caveat, `{"name", "context"}`: it holds when a plain reading says so, nobody overrides
/// what it fixes, and nothing is left open once the request tells all.
pub fn caveat(data: &[u8]) -> bool {
    let Some((name, context)) = named_context(data) else {
        return false;
    };
    let Ok(attached) = CAVEATS.attach(&name, context.clone()) else {
        return true;
    };
    let request = Request {
        now: Timestamp::from_second(1_793_700_000).expect("a time of this century"),
        ip: Some(IpAddr::from([192, 0, 2, 9])),
        acr: Some("gold".to_owned()),
        amr: Some(vec!["pwd".to_owned(), "otp".to_owned()]),
        given: Map::new(),
    };
    let truth = CAVEATS.of(&request).holds(&attached);
    assert_ne!(truth, Truth::Conditional, "all is told: {name} {context:?}");
    assert_eq!(
        truth == Truth::True,
        plainly_holds(&name, &context, &request),
        "{name} {context:?}"
    );
    let overriding = Request {
        given: attached
            .context
            .keys()
            .map(|key| (key.clone(), json!("another")))
            .collect(),
        ..request.clone()
    };
    assert_eq!(
        CAVEATS.of(&overriding).holds(&attached),
        truth,
        "what is fixed was overridden"
    );
    let silent = Request {
        now: request.now,
        ..Request::default()
    };
    let open = CAVEATS.of(&silent).holds(&attached);
    assert!(
        open != Truth::True || name == "within_time_window",
        "{name} {context:?} asks nothing of the caller"
    );
    true
}

fn named_context(data: &[u8]) -> Option<(String, Map<String, Value>)> {
    let sent: Map<String, Value> = serde_json::from_slice(data).ok()?;
    let name = sent.get("name")?.as_str()?.to_owned();
    Some((name, sent.get("context")?.as_object()?.clone()))
}

/// What the three conditions of the schema mean.
fn plainly_holds(name: &str, context: &Map<String, Value>, request: &Request) -> bool {
    let text = |key: &str| context.get(key).and_then(Value::as_str);
    let texts = |key: &str| -> Vec<&str> {
        let values = context.get(key).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).collect()
    };
    // Conditions know times to the microsecond.
    let time = |key: &str| {
        text(key)
            .and_then(|text| text.parse().ok())
            .map(Timestamp::as_microsecond)
    };
    match name {
        "within_time_window" => {
            let now = request.now.as_microsecond();
            time("not_before").is_some_and(|from| now >= from)
                && time("not_after").is_some_and(|end| now < end)
        }
        "from_cidr" => {
            let range = text("cidr").and_then(Cidr::parse);
            range.is_some_and(|range| request.ip.is_some_and(|ip| range.contains(ip)))
        }
        "requires_assurance" => {
            let (classes, methods) = (texts("any_acr"), texts("all_amr"));
            let used = request
                .amr
                .iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>();
            (classes.is_empty() || request.acr.as_deref().is_some_and(|acr| classes.contains(&acr)))
                && methods.iter().all(|method| used.contains(method))
        }
        other => panic!("the schema has no caveat {other}"),
    }
}

/// A secret: of which kind it is, is never in doubt, and taking it apart and putting it together gives the same text.
///
/// The first byte says what the others are: a text that came as a bearer, or the parts of a genuine node key.
pub fn token(data: &[u8]) -> bool {
    let Some((kind, data)) = data.split_first() else {
        return false;
    };
    if kind % 2 == 1 {
        return genuine_node_key(data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let is_api_token = ApiToken::looks_like_api_token(text);
    let (bootstrap, node) = (credential::parse_bootstrap(text), credential::parse_node(text));
    let kinds = [is_api_token, bootstrap.is_some(), node.is_some()];
    let count = kinds.iter().filter(|is_one| **is_one).count();
    assert!(count <= 1, "{text:?} is of two kinds");
    if is_api_token {
        let segments: Vec<&str> = text.split('_').collect();
        assert!(
            segments.len() == 3 && TokenEnvironment::parse(segments[1]).is_some(),
            "{text:?}"
        );
        assert_eq!(segments[2].len(), 52, "{text:?}");
    }
    if let Some(bootstrap) = &bootstrap {
        let random = text.rsplit('_').next().expect("a text has a last segment");
        assert!(
            !format!("{bootstrap:?}").contains(random),
            "its parts give the secret away"
        );
        let project = data_encoding::BASE32_NOPAD.encode(bootstrap.project_id.as_bytes());
        let (env, project) = (&bootstrap.env, project.to_ascii_lowercase());
        assert_eq!(
            format!("psb_{env}_{project}_{}_{random}", bootstrap.kind.as_str()),
            text
        );
    }
    if let Some(node) = &node {
        let env = text.split('_').nth(1).expect("a node key has an environment");
        assert_eq!(credential::format_node(env, node.node_id, &node.key), text);
    }
    count == 1
}

/// A key of these bytes is read as it was made, and no longer when one character is another.
fn genuine_node_key(data: &[u8]) -> bool {
    let Some((id, rest)) = data.split_first_chunk::<16>() else {
        return false;
    };
    let Some((key, edit)) = rest.split_first_chunk::<32>() else {
        return false;
    };
    let id = Uuid::from_bytes(*id);
    let text = credential::format_node("fuzz", id, key);
    let parsed = credential::parse_node(&text);
    assert_eq!(parsed.is_some(), !id.is_nil());
    assert!(parsed.is_none_or(|parsed| parsed.node_id == id && parsed.key == *key));
    let edited = super::edited(&text, edit);
    let read = credential::parse_node(&edited).is_some_and(|read| read.node_id == id && read.key == *key);
    // Only the environment may be another.
    let (secret, edited_secret) = (text.splitn(3, '_').nth(2), edited.splitn(3, '_').nth(2));
    assert!(
        !read || secret == edited_secret,
        "{text:?} and {edited:?} are one key"
    );
    edited == text
}
