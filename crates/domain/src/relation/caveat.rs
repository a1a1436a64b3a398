//! Caveats: conditions on tuples, in the Common Expression Language.
//!
//! A tuple fixes some of a condition's values, and what it fixes nobody overrides. The request gives the rest:
//! the time, the caller's address, how it signed in. A value that nobody gives leaves the condition open, and
//! what is open grants nothing.

use super::check::{Conditions, Truth};
use super::graph::Caveat;
use super::schema::{CaveatId, ParameterType, Schema};
use cel::extractors::This;
use cel::{Context, ExecutionError, Program, Value};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use std::net::IpAddr;
use std::sync::Arc;

/// Most values of a list.
const MAX_LIST: usize = 64;
/// Longest text, in bytes.
const MAX_TEXT: usize = 256;

/// A schema's conditions, compiled.
pub struct Caveats {
    root: Context<'static, 'static>,
    programs: Vec<(Signature, Program)>,
}

/// A condition's name and parameters.
struct Signature {
    name: String,
    parameters: Vec<(String, ParameterType)>,
}

/// What a request tells about itself.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `now`.
    pub now: Timestamp,
    /// `ip`: the client's address.
    pub ip: Option<IpAddr>,
    /// `acr`: the assurance class that the identity provider stated; empty for none.
    pub acr: Option<String>,
    /// `amr`: the methods used to sign in.
    pub amr: Option<Vec<String>>,
    /// Values that a question brings along; they stand before those above.
    pub given: Map<String, Json>,
}

/// Why values do not fit a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// No condition of that name.
    #[error("the schema has no caveat of that name")]
    Unknown,
    /// A value that the condition does not take.
    #[error("the caveat takes no value of that name and type: `{0}`")]
    Unfit(String),
    /// A value that only the tuple can give is missing.
    #[error("the caveat needs a value for `{0}`")]
    Missing(String),
    /// It would always hold.
    #[error("the caveat has no value to hold anybody to")]
    Empty,
}

impl Caveats {
    /// Compiles a schema's conditions.
    ///
    /// # Errors
    /// When one is no expression.
    pub fn compile(schema: &Schema) -> Result<Self, String> {
        let mut root = Context::default();
        root.add_function("in_cidr", in_cidr)
            .map_err(|error| error.to_string())?;
        let compiled = schema.caveats().iter().map(|definition| {
            let program = Program::compile(&definition.expression)
                .map_err(|error| format!("caveat {}: {error}", definition.name))?;
            let kept = Signature {
                name: definition.name.clone(),
                parameters: definition.parameters.clone(),
            };
            Ok((kept, program))
        });
        Ok(Self {
            programs: compiled.collect::<Result<_, String>>()?,
            root,
        })
    }

    /// A tuple's condition from what a grant names, with an empty list for each list that it leaves out.
    ///
    /// # Errors
    /// When the values do not fit.
    pub fn attach(&self, name: &str, mut context: Map<String, Json>) -> Result<Caveat, ContextError> {
        let place = self
            .programs
            .iter()
            .position(|(definition, _)| definition.name == name);
        let place = place.ok_or(ContextError::Unknown)?;
        let parameters = &self.programs[place].0.parameters;
        if context.iter().any(|(_, value)| !is_nothing(value)) {
            self.check_values(place, &context)?;
        } else {
            return Err(ContextError::Empty);
        }
        for (parameter, kind) in parameters.iter().filter(|(name, _)| !comes_with_request(name)) {
            if context.contains_key(parameter) {
                continue;
            }
            if *kind != ParameterType::StringList {
                return Err(ContextError::Missing(parameter.clone()));
            }
            context.insert(parameter.clone(), Json::Array(Vec::new()));
        }
        Ok(Caveat {
            id: CaveatId(u8::try_from(place).expect("the parser counts caveats")),
            context: Arc::new(context),
        })
    }

    fn check_values(&self, place: usize, context: &Map<String, Json>) -> Result<(), ContextError> {
        for (name, value) in context {
            let known = self.programs[place]
                .0
                .parameters
                .iter()
                .find(|(known, _)| known == name);
            let fits = known.is_some_and(|(_, kind)| convert(*kind, value).is_some())
                && (name != "cidr" || is_range(value));
            // A tuple that fixed what a request tells would say nothing about requests.
            if !fits || comes_with_request(name) {
                return Err(ContextError::Unfit(name.chars().take(64).collect()));
            }
        }
        Ok(())
    }

    /// The conditions as they stand for a request.
    pub fn of<'r>(&'r self, request: &'r Request) -> impl Conditions + 'r {
        OfRequest {
            caveats: self,
            request,
        }
    }
}

fn comes_with_request(parameter: &str) -> bool {
    matches!(parameter, "now" | "ip" | "acr" | "amr")
}

fn is_nothing(value: &Json) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

struct OfRequest<'r> {
    caveats: &'r Caveats,
    request: &'r Request,
}

impl Conditions for OfRequest<'_> {
    fn holds(&self, caveat: &Caveat) -> Truth {
        let Some((definition, program)) = self.caveats.programs.get(usize::from(caveat.id.0)) else {
            return Truth::False;
        };
        let mut context = self.caveats.root.new_inner_scope();
        for (name, kind) in &definition.parameters {
            let fixed = caveat.context.get(name).or_else(|| self.request.given.get(name));
            let value = match fixed {
                Some(value) => convert(*kind, value),
                None => self.request.value(name),
            };
            if let Some(value) = value {
                context.add_variable_from_value(name.as_str(), value);
            }
        }
        match program.execute(&context) {
            Ok(Value::Bool(true)) => Truth::True,
            Err(ExecutionError::UndeclaredReference(_)) => Truth::Conditional,
            Ok(_) | Err(_) => Truth::False,
        }
    }
}

impl Request {
    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "now" => Some(Value::Int(self.now.as_microsecond())),
            "ip" => self.ip.map(|ip| text(ip.to_canonical().to_string())),
            "acr" => self.acr.clone().map(text),
            "amr" => {
                let methods = self.amr.as_ref()?.iter().cloned().map(text);
                Some(Value::List(Arc::new(methods.collect())))
            }
            _ => None,
        }
    }
}

fn text(text: String) -> Value {
    Value::String(Arc::new(text))
}

/// A JSON value as the expression's; `None` when it is of another type or over a bound.
fn convert(kind: ParameterType, value: &Json) -> Option<Value> {
    let short = |value: &Json| {
        value
            .as_str()
            .filter(|text| text.len() <= MAX_TEXT)
            .map(str::to_owned)
    };
    match kind {
        ParameterType::Timestamp => {
            let time: Timestamp = value.as_str()?.parse().ok()?;
            Some(Value::Int(time.as_microsecond()))
        }
        ParameterType::IpAddress => {
            let ip: IpAddr = value.as_str()?.parse().ok()?;
            Some(text(ip.to_canonical().to_string()))
        }
        ParameterType::String => short(value).map(text),
        ParameterType::StringList => {
            let values = value.as_array().filter(|values| values.len() <= MAX_LIST)?;
            let texts: Option<Vec<_>> = values.iter().map(|one| short(one).map(text)).collect();
            texts.map(|texts| Value::List(Arc::new(texts)))
        }
        ParameterType::Bool => value.as_bool().map(Value::Bool),
        ParameterType::Int => value.as_i64().map(Value::Int),
    }
}

/// Whether a value is the text of an address range.
fn is_range(value: &Json) -> bool {
    value
        .as_str()
        .is_some_and(|text| crate::cidr::Cidr::parse(text).is_some())
}

/// `ip.in_cidr(cidr)`; an address range that is none holds no address.
fn in_cidr(This(ip): This<Arc<String>>, cidr: Arc<String>) -> bool {
    let (ip, cidr) = (ip.parse::<IpAddr>(), crate::cidr::Cidr::parse(&cidr));
    matches!((ip, cidr), (Ok(ip), Some(cidr)) if cidr.contains(ip))
}

#[cfg(test)]
mod tests;
