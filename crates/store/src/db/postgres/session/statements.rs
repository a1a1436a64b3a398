//! Statements that a server knows, and what is sent with them.

use crate::db::Value;
use std::borrow::Cow;
use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};

/// What tells a statement's text from all others: where it lies in the program.
pub(super) type Key = (usize, usize);

/// A statement, and which of the values it names: some texts leave out what their likes name.
pub(super) struct Prepared {
    pub(super) key: Key,
    pub(super) text: Cow<'static, str>,
    pub(super) statement: Statement,
    pub(super) names: Vec<bool>,
}

impl Prepared {
    /// The values to send.
    pub(super) fn given<'p>(&self, values: &'p [Value<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
        let sent = |(value, is_named): (&'p Value<'_>, &bool)| -> &'p (dyn ToSql + Sync) {
            if *is_named { value } else { &Value::Null }
        };
        values.iter().zip(&self.names).map(sent).collect()
    }
}

/// Several statements as the text of one, and the types of the values of all.
pub(super) fn united<'p>(several: impl IntoIterator<Item = &'p Prepared>) -> (String, Vec<Type>) {
    let mut types: Vec<Type> = Vec::new();
    let mut parts = Vec::new();
    for (number, Prepared { text, statement, .. }) in several.into_iter().enumerate() {
        parts.push(format!("w{number} as ({})", renumbered(text, types.len())));
        types.extend_from_slice(statement.params());
    }
    (format!("with {} select", parts.join(", ")), types)
}

/// The first values of all sets, the second, and so on.
pub(super) fn transposed<'v, const N: usize>(sets: &[[Value<'v>; N]]) -> [Vec<Value<'v>>; N] {
    std::array::from_fn(|column| sets.iter().map(|set| set[column]).collect())
}

pub(super) fn arrays<'c>(columns: &'c [Vec<Value<'_>>]) -> Vec<&'c (dyn ToSql + Sync)> {
    columns
        .iter()
        .map(|column| column as &(dyn ToSql + Sync))
        .collect()
}

/// A statement whose `$1` is another's `$1 + by`.
fn renumbered(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut renumbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_at(digits(part));
        renumbered.push('$');
        match number.parse::<usize>() {
            Ok(number) => renumbered.push_str(&(number + by).to_string()),
            Err(_) => renumbered.push_str(number),
        }
        renumbered.push_str(rest);
    }
    renumbered
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len())
}

/// For each `$n` up to the highest, whether the statement names it.
pub(super) fn named(sql: &str) -> Vec<bool> {
    let mut names = Vec::new();
    for after in sql.split('$').skip(1) {
        if let Ok(number @ 1..) = after[..digits(after)].parse::<usize>() {
            names.resize(names.len().max(number), false);
            names[number - 1] = true;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{named, renumbered};

    #[test]
    fn a_statement_behind_another_has_its_numbers_after_those() {
        let sql = "update t set a = $1, b = $12 where id = $2 and c = '$'";
        assert_eq!(
            renumbered(sql, 9),
            "update t set a = $10, b = $21 where id = $11 and c = '$'"
        );
        assert_eq!(named(sql).iter().filter(|is_named| **is_named).count(), 3);
        assert_eq!(named(sql).len(), 12);
    }
}
