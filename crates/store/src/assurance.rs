//! How somebody proved who they are, as the identity provider said it.

use crate::db::{Error, Row};

/// Assurance class and methods; empty where nobody said anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assurance {
    /// The class (`acr`).
    pub acr: Option<String>,
    /// The methods (`amr`), for example `pwd`, `mfa`.
    pub amr: Vec<String>,
}

impl Assurance {
    /// Reads two neighbouring columns, the class and a JSON array of methods.
    pub(crate) fn read(row: &Row<'_>, column: usize) -> Result<Self, Error> {
        let amr = row.get::<Option<String>>(column + 1)?;
        let amr = amr.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
        Ok(Self {
            acr: row.get(column)?,
            amr: amr.map_err(|_| Error::Corrupt("methods that are no list".to_owned()))?,
        })
    }

    /// The methods as they are stored.
    pub(crate) fn methods(&self) -> Option<String> {
        (!self.amr.is_empty()).then(|| serde_json::to_string(&self.amr).expect("texts are JSON"))
    }
}
