//! Conditions on relations, as flags.

use crate::error::Error;
use serde_json::{Map, Value};

/// The condition on which a relation holds.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CaveatArgs {
    /// Condition: within_time_window, from_cidr or requires_assurance
    #[arg(long = "caveat", value_name = "NAME", requires = "caveat_context")]
    pub(crate) name: Option<String>,
    /// Its values, a JSON object such as {"cidr": "192.0.2.0/24"}
    #[arg(long = "caveat-context", value_name = "JSON", requires = "name")]
    caveat_context: Option<String>,
}

impl CaveatArgs {
    /// The condition's values.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are no JSON object.
    pub(crate) fn context(&self) -> Result<Option<Map<String, Value>>, Error> {
        self.caveat_context.as_deref().map(object).transpose()
    }
}

/// Values for the conditions that a question may meet.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ValuesArgs {
    /// Values for conditions, a JSON object
    #[arg(long, value_name = "JSON")]
    caveat_context: Option<String>,
}

impl ValuesArgs {
    /// The values.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are no JSON object.
    pub(super) fn object(&self) -> Result<Option<Map<String, Value>>, Error> {
        self.caveat_context.as_deref().map(object).transpose()
    }
}

/// Reads a JSON object.
///
/// # Errors
/// [`Error::Usage`] for everything else.
fn object(text: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(text).map_err(|cause| {
        Error::usage(format!("--caveat-context is no JSON object: {cause}"))
            .hint("for example --caveat-context '{\"cidr\": \"192.0.2.0/24\"}'")
    })
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn only_an_object_leaves_the_machine() {
        assert!(object("{\"cidr\": \"10.0.0.0/8\"}").is_ok());
        for text in ["", "[]", "1", "{", "null"] {
            assert_eq!(object(text).expect_err("refused").exit_code(), 2, "{text}");
        }
    }
}
