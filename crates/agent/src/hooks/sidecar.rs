//! What a hook says about itself: `<hook>.json` beside it.

use plex_api::limits::{MANIFEST_PARAMETERS, MAX_TIMEOUT_SECONDS, TEXT_BYTES};
use plex_api::nodes::BuiltinActionParameter;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;

/// A sidecar's name is its hook's and this.
pub(super) const SUFFIX: &str = ".json";
/// The largest sidecar, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The content of a sidecar; every member is optional, an unknown one is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// What the hook does.
    #[serde(default)]
    pub description: Option<String>,
    /// A shorter limit than the dispatch's, in seconds.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// What it takes.
    #[serde(default)]
    pub parameters: Vec<BuiltinActionParameter>,
}

impl Sidecar {
    /// Reads and checks a sidecar.
    pub(super) fn read(file: File) -> Result<Self, String> {
        let mut text = Vec::new();
        let read = file
            .take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| error.to_string())?;
        if read as u64 > MAX_BYTES {
            return Err(format!("larger than {MAX_BYTES} bytes"));
        }
        let sidecar: Self = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        sidecar.check()?;
        Ok(sidecar)
    }

    /// Whether that parameter's value may be shown nowhere.
    pub fn is_secret(&self, parameter: &str) -> bool {
        self.parameters
            .iter()
            .any(|declared| declared.name == parameter && declared.secret)
    }

    /// The contract's bounds: one hook beyond them would spoil the whole manifest.
    fn check(&self) -> Result<(), String> {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES);
        let mut names = BTreeSet::new();
        if long(&self.description) {
            return Err(format!("description is longer than {TEXT_BYTES} bytes"));
        }
        if self
            .timeout_seconds
            .is_some_and(|seconds| seconds == 0 || seconds > MAX_TIMEOUT_SECONDS)
        {
            return Err(format!(
                "timeout_seconds is not within 1 to {MAX_TIMEOUT_SECONDS}"
            ));
        }
        if self.parameters.len() > MANIFEST_PARAMETERS {
            return Err(format!("more than {MANIFEST_PARAMETERS} parameters"));
        }
        for parameter in &self.parameters {
            if parameter.name.is_empty()
                || parameter.name.len() > TEXT_BYTES
                || !names.insert(&parameter.name)
            {
                return Err("a parameter's name is empty, too long or there twice".to_owned());
            }
            if long(&parameter.r#type) || long(&parameter.default) || long(&parameter.description) {
                return Err(format!("a parameter's text is longer than {TEXT_BYTES} bytes"));
            }
        }
        Ok(())
    }
}
