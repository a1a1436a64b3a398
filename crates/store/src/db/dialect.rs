//! What SQLite's planner is told and PostgreSQL's does not understand.
//!
//! Statements are written once, for SQLite. Some of them carry hints to its planner that change no result: a unary
//! plus keeps an index from being used, `indexed by` demands one, `cross join … on` fixes the order of a join.
//! PostgreSQL plans from statistics; it gets the statement without them.

use std::borrow::Cow;

/// The statement for PostgreSQL.
pub(super) fn postgres(sql: &str) -> Cow<'_, str> {
    if !["+", "indexed by", "cross join", " is not $"]
        .iter()
        .any(|hint| sql.contains(hint))
    {
        return Cow::Borrowed(sql);
    }
    let sql = without_indexed_by(sql)
        .replace("cross join", "join")
        .replace(" is not $", " is distinct from $");
    Cow::Owned(without_unary_plus(&sql))
}

fn without_indexed_by(sql: &str) -> String {
    let mut parts = sql.split("indexed by ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part
            .find(|letter: char| letter.is_whitespace())
            .unwrap_or(part.len());
        plain.push_str(&part[name..]);
    }
    plain
}

/// A plus right before a name, with nothing that it could add up before it.
fn without_unary_plus(sql: &str) -> String {
    let mut plain = String::with_capacity(sql.len());
    for (at, letter) in sql.char_indices() {
        let begins_a_name = sql[at + letter.len_utf8()..].starts_with(|next: char| next.is_ascii_lowercase());
        if !(letter == '+' && begins_a_name) {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::postgres;

    #[test]
    fn hints_go_and_nothing_else() {
        let same = "select a + b, c+ 1, $2 + $4 from t join u on u.id = t.id where a is not null";
        assert_eq!(postgres(same), same);
        for (sqlite, expected) in [
            (
                "where (+n.domain_id = $6 or $6 is null)",
                "where (n.domain_id = $6 or $6 is null)",
            ),
            ("order by +slug, id", "order by slug, id"),
            (
                "from audit_entries indexed by audit_entries_late where seq > $2",
                "from audit_entries  where seq > $2",
            ),
            ("email is not $2", "email is distinct from $2"),
            (
                "from a cross join b on b.id = a.id left join c on c.id = b.id",
                "from a join b on b.id = a.id left join c on c.id = b.id",
            ),
        ] {
            assert_eq!(postgres(sqlite), expected);
        }
    }
}
