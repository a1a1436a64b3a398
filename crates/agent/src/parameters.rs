//! A dispatch's parameters as a hook sees them: environment variables, and files for secrets.

use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "PLEXD_PARAM_";

/// Why parameters cannot be handed to a hook.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Not an object.
    #[error("parameters are not an object")]
    NotAnObject,
    /// A parameter without a name.
    #[error("a parameter has no name")]
    Unnamed,
    /// Two parameters would be the same variable.
    #[error("two parameters are both {0}")]
    Collision(String),
}

/// Parameters as variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Name and value.
    pub plain: Vec<(String, String)>,
    /// Name of the variable that names the file, and the file's content.
    pub secret: Vec<(String, String)>,
}

/// The members of a parameters value, each as its JSON text; none when there are no parameters.
///
/// # Errors
/// When the value is neither absent, null nor an object.
pub fn members(parameters: Option<&RawValue>) -> Result<BTreeMap<String, Box<RawValue>>, ParameterError> {
    match parameters.map(RawValue::get) {
        None | Some("null") => Ok(BTreeMap::new()),
        Some(text) => serde_json::from_str(text).map_err(|_| ParameterError::NotAnObject),
    }
}

/// Flattens parameters: strings without their quotes, every other value as its JSON text, token by token. Names become
/// upper case and every character but letters, digits and `_` of ASCII becomes `_`.
///
/// # Errors
/// When two names fall together, or the value is no object.
pub fn variables(
    parameters: Option<&RawValue>,
    is_secret: impl Fn(&str) -> bool,
) -> Result<Variables, ParameterError> {
    let mut variables = Variables::default();
    let mut taken = BTreeSet::new();
    for (name, value) in members(parameters)? {
        let secret = is_secret(&name);
        let variable = variable(&name, if secret { "_FILE" } else { "" })?;
        if !taken.insert(variable.clone()) {
            return Err(ParameterError::Collision(variable));
        }
        let value = serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned());
        if secret {
            &mut variables.secret
        } else {
            &mut variables.plain
        }
        .push((variable, value));
    }
    Ok(variables)
}

fn variable(name: &str, suffix: &str) -> Result<String, ParameterError> {
    if name.is_empty() {
        return Err(ParameterError::Unnamed);
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    Ok(PREFIX
        .chars()
        .chain(name.chars().map(plain))
        .chain(suffix.chars())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flatten(json: &str) -> Result<Variables, ParameterError> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        variables(Some(&raw), |name| name.starts_with("secret"))
    }

    #[test]
    fn values_keep_their_spelling() {
        let variables =
            flatten(r#"{"s":"a\"b\nc","n":1.0,"big":18446744073709551617,"o":{"b":1,"a":[null]},"t":true}"#);
        let plain: BTreeMap<String, String> = variables.unwrap().plain.into_iter().collect();
        let expected = [
            ("PLEXD_PARAM_S", "a\"b\nc"),
            ("PLEXD_PARAM_N", "1.0"),
            ("PLEXD_PARAM_BIG", "18446744073709551617"),
            ("PLEXD_PARAM_O", r#"{"b":1,"a":[null]}"#),
            ("PLEXD_PARAM_T", "true"),
        ];
        assert_eq!(
            plain,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn secrets_are_kept_apart() {
        let variables = flatten(r#"{"secret-key":"hunter2","open":"x"}"#).unwrap();
        assert_eq!(
            variables.secret,
            [("PLEXD_PARAM_SECRET_KEY_FILE".to_owned(), "hunter2".to_owned())]
        );
        assert_eq!(variables.plain, [("PLEXD_PARAM_OPEN".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn names_that_fall_together_are_refused() {
        for json in [
            r#"{"a-b":1,"a_b":2}"#,
            r#"{"a.b":1,"A_B":2}"#,
            r#"{"secret":1,"SECRET_FILE":2}"#,
            r#"{"ä":1,"ö":2}"#,
        ] {
            assert!(
                matches!(flatten(json), Err(ParameterError::Collision(_))),
                "{json}"
            );
        }
        assert_eq!(flatten(r#"{"":1}"#), Err(ParameterError::Unnamed));
        assert_eq!(flatten("[1]"), Err(ParameterError::NotAnObject));
        assert_eq!(flatten("null"), Ok(Variables::default()));
    }

    proptest! {
        #[test]
        fn no_name_reaches_beyond_its_prefix(name in ".{1,20}", value in ".{0,20}") {
            let raw = serde_json::value::to_raw_value(&BTreeMap::from([(&name, &value)])).unwrap();
            let variables = variables(Some(&raw), |_| false).unwrap();
            let (variable, got) = &variables.plain[0];
            prop_assert!(variable.starts_with(PREFIX));
            prop_assert!(variable.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'));
            prop_assert_eq!(got, &value);
        }
    }
}
