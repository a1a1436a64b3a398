//! What a built-in takes, and the check that it got nothing else.

use plex_api::nodes::BuiltinActionParameter;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A parameter of a built-in.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    pub(super) description: &'static str,
}

/// What a value may be.
pub(super) enum Kind {
    /// A string that passes the check; the text says which do.
    Text(fn(&str) -> bool, &'static str),
    /// A whole number within these bounds, both included.
    Integer(i64, i64),
}

/// Whether a parameter must be there.
pub(super) enum Need {
    Required,
    Optional,
    /// Holds when it is absent.
    Default(i64),
}

impl Parameter {
    pub(super) fn declared(&self) -> BuiltinActionParameter {
        let default = match self.need {
            Need::Default(value) => Some(value.to_string()),
            Need::Required | Need::Optional => None,
        };
        let kind = match self.kind {
            Kind::Text(..) => "string",
            Kind::Integer(..) => "int",
        };
        BuiltinActionParameter {
            name: self.name.to_owned(),
            r#type: Some(kind.to_owned()),
            required: matches!(self.need, Need::Required),
            default,
            description: Some(self.description.to_owned()),
            secret: false,
        }
    }

    fn check(&self, value: &RawValue) -> Result<Value, String> {
        match self.kind {
            Kind::Text(accepts, which) => serde_json::from_str::<String>(value.get())
                .ok()
                .filter(|text| accepts(text))
                .map(Value::Text)
                .ok_or_else(|| format!("{} must be {which}", self.name)),
            Kind::Integer(least, most) => serde_json::from_str::<i64>(value.get())
                .ok()
                .filter(|number| (least..=most).contains(number))
                .map(Value::Integer)
                .ok_or_else(|| format!("{} must be a whole number from {least} to {most}", self.name)),
        }
    }
}

enum Value {
    Text(String),
    Integer(i64),
}

/// Checked parameters.
#[derive(Default)]
pub(super) struct Arguments {
    values: BTreeMap<&'static str, Value>,
}

impl Arguments {
    /// Checks `members` against the schema; the error says which parameter is wrong and what it must be.
    pub(super) fn check(
        schema: &'static [Parameter],
        members: &BTreeMap<String, Box<RawValue>>,
    ) -> Result<Self, String> {
        if let Some(unknown) = members
            .keys()
            .find(|name| schema.iter().all(|known| known.name != name.as_str()))
        {
            return Err(format!("there is no parameter {unknown:?}"));
        }
        let mut values = BTreeMap::new();
        for parameter in schema {
            match (members.get(parameter.name), &parameter.need) {
                (Some(value), _) => {
                    values.insert(parameter.name, parameter.check(value)?);
                }
                (None, Need::Required) => return Err(format!("{} is required", parameter.name)),
                (None, Need::Default(value)) => {
                    values.insert(parameter.name, Value::Integer(*value));
                }
                (None, Need::Optional) => {}
            }
        }
        Ok(Self { values })
    }

    /// The string parameter of that name, where it was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text),
            Value::Integer(_) => None,
        }
    }

    /// The whole number of that name, given or by default.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            Value::Integer(number) => Some(*number),
            Value::Text(_) => None,
        }
    }
}
