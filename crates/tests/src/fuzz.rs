//! What must hold for any bytes at all, of the texts that strangers write: callback, dispatch, selector, cursor, and
//! those on which authority rests.
//!
//! Each function takes bytes, panics when a promise is broken, and tells whether the bytes were well-formed, so that
//! who calls it can see that it is not fed with mere noise. They are called with mutations of a corpus
//! under `cargo test` (`tests/fuzz`), and by the coverage-guided fuzzer in the directory `fuzz` of the repository.

mod authority;

pub use authority::{caveat, token, tuple};

use plex_api::executions::{DispatchExecutionRequest, ExecutionCallbackRequest, ExecutionStatus};
use plex_domain::action;
use plex_domain::cursor::{self, OpenError};
use plex_domain::execution::{Invocation, Report, Verdict, judge};
use plex_domain::parameters::Parameters;
use plex_domain::selector::{MAX_BYTES, Selector, Term};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A target: its name, which is also that of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 7] = [
    ("callback", callback),
    ("dispatch", dispatch),
    ("selector", selector),
    ("cursor", sealed_cursor),
    ("tuple", tuple),
    ("caveat", caveat),
    ("token", token),
];

/// A node's report: it is read in one way only, and its verdict follows the rules from every state.
pub fn callback(data: &[u8]) -> bool {
    let Some(request) = read::<ExecutionCallbackRequest>(data) else {
        return false;
    };
    let printed: Value = serde_json::from_str(&settles(&request)).expect("a report has no huge numbers");
    // A field that nobody knows may hold what this other reader does not take.
    if let Ok(sent) = serde_json::from_slice::<Value>(data) {
        let fields = [
            "status",
            "exit_code",
            "error",
            "declared_output_bytes",
            "output_sha256",
        ];
        let inner = sent["output"].is_object().then(|| "/output/inline".to_owned());
        for pointer in fields.map(|field| format!("/{field}")).into_iter().chain(inner) {
            let of = |value: &Value| value.pointer(&pointer).cloned().unwrap_or_default();
            assert_eq!(of(&printed), of(&sent), "{pointer} is read in two ways");
        }
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, data);
    let digest = digest.as_ref().try_into().expect("SHA-256 has 32 bytes");
    let report = Report {
        status: request.status,
        declared_bytes: request.declared_output_bytes,
        digest,
    };
    for status in ExecutionStatus::ALL {
        assert_judged(
            &Invocation {
                status,
                last_report: Some([0; 32]),
            },
            &report,
        );
        let again = judge(
            &Invocation {
                status,
                last_report: Some(digest),
            },
            &report,
        );
        assert_eq!(
            again == Verdict::Replay,
            status != ExecutionStatus::Timeout,
            "the same bytes again"
        );
    }
    true
}

fn assert_judged(invocation: &Invocation, report: &Report) {
    use ExecutionStatus::{Pending, Started, Timeout};
    let (from, to) = (invocation.status, report.status);
    match judge(invocation, report) {
        Verdict::Advance => {
            assert!(
                !from.is_terminal() && from < to && to != Pending && to != Timeout,
                "{from:?} to {to:?}"
            );
        }
        Verdict::Declare => {
            let large = report.declared_bytes.is_some_and(|bytes| bytes > 16_384);
            assert!((from, to) == (Started, Started) && large, "{from:?} to {to:?}");
        }
        Verdict::Replay => panic!("another report is no replay"),
        Verdict::Refuse(_) => {}
    }
}

/// An operator's order: parameters keep their tokens, secrets can be hidden, names and selectors are what they seem.
pub fn dispatch(data: &[u8]) -> bool {
    let Some(request) = read::<DispatchExecutionRequest>(data) else {
        return false;
    };
    settles(&request);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (1..=128).contains(&request.action.len())
        && plain(request.action.as_bytes()[0])
        && request
            .action
            .bytes()
            .all(|byte| plain(byte) || b"._-".contains(&byte));
    assert_eq!(action::valid_name(&request.action), is_name);
    if let Some(text) = &request.selector {
        selector(text.as_bytes());
    }
    if let Some(raw) = &request.parameters {
        parameters(raw.get());
    }
    true
}

fn parameters(sent: &str) {
    let Ok(parameters) = Parameters::parse(sent) else {
        return;
    };
    let text = parameters.as_str();
    assert_eq!(
        Parameters::parse(text).as_ref(),
        Ok(&parameters),
        "compacting settles"
    );
    assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
    let keys = parameters.keys();
    let secret: BTreeSet<String> = keys.iter().cloned().collect();
    assert_eq!(secret.len(), keys.len(), "keys are unique");
    let masked: Map<String, Value> =
        serde_json::from_str(&parameters.mask(&secret)).expect("masking keeps it JSON");
    assert!(masked.values().all(|value| value == "***"), "a secret shows");
    assert_eq!(masked.keys().cloned().collect::<Vec<_>>(), keys);
    assert_eq!(
        parameters.mask(&BTreeSet::new()),
        text,
        "nothing to hide, nothing changed"
    );
    // Numbers beyond what the other reader holds are an error there, and are carried here.
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(sent) else {
        return;
    };
    assert_eq!(
        serde_json::from_str::<Map<String, Value>>(text).expect("it was readable before"),
        object
    );
    assert_eq!(object.keys().cloned().collect::<Vec<_>>(), keys);
}

/// A selector: what is printed is read as the same, and it selects what its terms say.
pub fn selector(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let selector = match Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => {
            assert!(
                error.position <= text.len().min(MAX_BYTES),
                "the fault is outside the text"
            );
            return false;
        }
    };
    let printed = selector.to_string();
    assert!(
        printed.len() <= text.len(),
        "printing makes it no longer: {text:?} became {printed:?}"
    );
    assert_eq!(
        Selector::parse(&printed).as_ref(),
        Ok(&selector),
        "{text:?} became {printed:?}"
    );
    let labels = [
        Value::from("web"),
        Value::from(""),
        Value::from(true),
        Value::from(7),
        Value::Null,
    ];
    for label in labels.iter().map(Some).chain([None]) {
        let selected = selector.terms().iter().all(|term| holds(term, label));
        assert_eq!(selector.matches(|_| label), selected, "{printed:?} for {label:?}");
    }
    true
}

/// What a term means for an object whose every label has this value.
fn holds(term: &Term, label: Option<&Value>) -> bool {
    let text = label.and_then(|label| match label {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(label.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    match term {
        Term::Eq { value, .. } => text.as_ref() == Some(value),
        Term::Neq { value, .. } => text.as_ref() != Some(value),
        Term::In { values, .. } => text.is_some_and(|text| values.contains(&text)),
        Term::Exists { .. } => label.is_some(),
        Term::Absent { .. } => label.is_none(),
    }
}

/// A cursor: it opens if and only if nothing about it was touched.
///
/// The first byte is how many of the next ones are the position; what remains edits the cursor's text, and is also
/// tried as a cursor itself. Returns whether the edits left it as it was.
pub fn sealed_cursor(data: &[u8]) -> bool {
    const KEY: [u8; 32] = [7; 32];
    const CONTEXT: [&str; 2] = ["executions", "asc"];
    const CALLER: &str = "user:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0";
    let (length, rest) = data
        .split_first()
        .map_or((0, data), |(length, rest)| (usize::from(*length), rest));
    let (position, edits) = rest.split_at(length.min(rest.len()));
    let sealed = cursor::seal(&KEY, &CONTEXT, CALLER, position);
    assert_eq!(
        cursor::open(&KEY, &CONTEXT, CALLER, &sealed).as_deref(),
        Ok(position)
    );
    assert!(
        sealed
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte)),
        "{sealed}"
    );
    assert_eq!(
        cursor::open(&KEY, &CONTEXT, "user:another", &sealed),
        Err(OpenError::ForeignCaller)
    );
    for context in [
        &["executions", "desc"][..],
        &["executions"],
        &["executionsasc"],
        &["executions", "as", "c"],
    ] {
        assert_eq!(
            cursor::open(&KEY, context, CALLER, &sealed),
            Err(OpenError::Invalid)
        );
    }
    assert_eq!(
        cursor::open(&[8; 32], &CONTEXT, CALLER, &sealed),
        Err(OpenError::Invalid)
    );
    let edited = edited(&sealed, edits);
    let as_sent = String::from_utf8_lossy(edits).into_owned();
    let is_untouched = edited == sealed;
    for text in [edited, as_sent] {
        match cursor::open(&KEY, &CONTEXT, CALLER, &text) {
            // Another genuine cursor may have been learnt, but only whoever has the key can make one.
            Ok(position) => assert_eq!(cursor::seal(&KEY, &CONTEXT, CALLER, &position), text, "forged"),
            Err(_) => assert_ne!(text, sealed),
        }
    }
    is_untouched
}

/// The text with characters replaced, put in or taken out: three bytes are one edit.
fn edited(text: &str, edits: &[u8]) -> String {
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. %";
    let mut characters: Vec<char> = text.chars().collect();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[1]) % (characters.len() + 1);
        let character = char::from(CHARACTERS[usize::from(edit[2]) % CHARACTERS.len()]);
        match edit[0] % 3 {
            0 if at < characters.len() => characters[at] = character,
            1 if at < characters.len() => drop(characters.remove(at)),
            _ => characters.insert(at, character),
        }
    }
    characters.into_iter().collect()
}

/// A body as a request, as handlers read it.
fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(data).ok()?;
    serde_json::from_str(text)
        .ok()
        .filter(|_| !text.trim_ascii_start().starts_with('['))
}

/// Printing what was read and reading that again changes nothing any more.
fn settles<T: Serialize + DeserializeOwned>(value: &T) -> String {
    let printed = serde_json::to_string(value).expect("a request can be printed");
    let again: T = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    assert_eq!(
        serde_json::to_string(&again).expect("a request can be printed"),
        printed
    );
    printed
}
