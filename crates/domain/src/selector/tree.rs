//! A selector as the tree that the contract describes.

use super::{Selector, SelectorError, Term};
use plex_api::selectors::{
    LabelSelectorAstNode, LabelSelectorError, LabelSelectorPreviewResponse, SelectorOp,
};

/// What a text means as a selector, or where it is wrong.
pub fn preview(text: &str) -> LabelSelectorPreviewResponse {
    match Selector::parse(text) {
        Ok(selector) => LabelSelectorPreviewResponse {
            ast: Some(tree(&selector)),
            errors: None,
        },
        Err(error) => LabelSelectorPreviewResponse {
            ast: None,
            errors: Some(vec![fault(error)]),
        },
    }
}

fn fault(error: SelectorError) -> LabelSelectorError {
    LabelSelectorError {
        position: u32::try_from(error.position).unwrap_or(u32::MAX),
        message: error.message,
    }
}

/// One term is its own tree; several are the children of an `and`.
fn tree(selector: &Selector) -> LabelSelectorAstNode {
    let mut terms: Vec<_> = selector.terms().iter().map(leaf).collect();
    match (terms.pop(), terms.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            terms.extend(last);
            LabelSelectorAstNode {
                children: Some(terms),
                ..node(SelectorOp::And, None)
            }
        }
    }
}

fn leaf(term: &Term) -> LabelSelectorAstNode {
    let with_value = |op, key, value: &String| LabelSelectorAstNode {
        value: Some(value.clone()),
        ..node(op, Some(key))
    };
    match term {
        Term::Eq { key, value } => with_value(SelectorOp::Eq, key, value),
        Term::Neq { key, value } => with_value(SelectorOp::Neq, key, value),
        Term::In { key, values } => LabelSelectorAstNode {
            values: Some(values.clone()),
            ..node(SelectorOp::In, Some(key))
        },
        Term::Exists { key } => node(SelectorOp::Exists, Some(key)),
        Term::Absent { key } => node(SelectorOp::Absent, Some(key)),
    }
}

fn node(op: SelectorOp, key: Option<&String>) -> LabelSelectorAstNode {
    LabelSelectorAstNode {
        op,
        key: key.cloned(),
        value: None,
        values: None,
        children: None,
    }
}

#[cfg(test)]
mod tests {
    use super::preview;
    use serde_json::{Value, json};

    fn shown(text: &str) -> Value {
        serde_json::to_value(preview(text)).unwrap()
    }

    #[test]
    fn one_term_is_a_leaf_and_several_are_an_and() {
        assert_eq!(
            shown("env=prod"),
            json!({"ast": {"op": "eq", "key": "env", "value": "prod"}})
        );
        let all = json!({"ast": {"op": "and", "children": [
            {"op": "neq", "key": "a", "value": ""},
            {"op": "in", "key": "acme:web/b", "values": ["x", "y z"]},
            {"op": "exists", "key": "c"},
            {"op": "absent", "key": "d"},
        ]}});
        assert_eq!(shown("a!=\"\", acme:web/b in (x, \"y z\"), c, !d"), all);
    }

    #[test]
    fn a_fault_has_its_place() {
        assert_eq!(shown("env=")["errors"][0]["position"], 4);
        assert_eq!(shown("")["errors"][0]["position"], 0);
        assert_eq!(shown("ä=b")["errors"][0]["position"], 0);
        assert!(shown("env=").get("ast").is_none() && shown("env").get("errors").is_none());
        let long = format!("a={}", "b".repeat(4095));
        assert_eq!(shown(&long)["errors"][0]["position"], 4096);
    }
}
