//! What a simulated node says it can run.

use crate::sha256_base64;
use serde_json::{Value, json};

/// What a node says it can run.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    actions: Vec<Value>,
    hooks: Vec<Value>,
}

impl Manifest {
    /// Built-ins of these names, without parameters.
    pub fn of(actions: &[&str]) -> Self {
        Self {
            actions: actions.iter().map(|name| json!({"name": name})).collect(),
            hooks: Vec::new(),
        }
    }

    /// And a built-in with declared parameters.
    pub fn action(mut self, name: &str, parameters: Value) -> Self {
        self.actions.push(json!({"name": name, "parameters": parameters}));
        self
    }

    /// And a hook whose file has this content.
    pub fn hook(mut self, name: &str, content: &str) -> Self {
        self.hooks
            .push(json!({"name": name, "checksum": sha256_base64(content.as_bytes())}));
        self
    }

    /// And a hook with declared parameters.
    pub fn hook_taking(mut self, name: &str, content: &str, parameters: Value) -> Self {
        let checksum = sha256_base64(content.as_bytes());
        self.hooks
            .push(json!({"name": name, "checksum": checksum, "parameters": parameters}));
        self
    }

    /// The body of `PUT …/capabilities`.
    pub fn body(&self) -> Value {
        json!({
            "binary_version": "simulated",
            "binary_checksum": sha256_base64(b"simulated"),
            "builtin_actions": self.actions,
            "declared_hooks": self.hooks,
        })
    }
}
