//! From text to schema: a lexer, a parser of one token ahead, and the checks of what was parsed.

use super::{
    CaveatDefinition, Definition, Expr, Kind, Member, Name, ParameterType, Relation, Schema, SchemaError,
};
use std::collections::{BTreeSet, HashMap};

/// Most kinds of objects: a kind is one byte.
const KINDS: usize = 255;

/// A definition before its names mean anything.
struct Raw<'t> {
    name: &'t str,
    line: usize,
    members: Vec<(&'t str, usize, RawMember<'t>)>,
}

enum RawMember<'t> {
    Relation {
        subjects: Vec<(&'t str, Option<&'t str>)>,
        takes_caveats: bool,
    },
    Permission(RawExpr<'t>),
}

enum RawExpr<'t> {
    Member(&'t str),
    Arrow(&'t str, &'t str),
    Union(Vec<RawExpr<'t>>),
    Intersection(Vec<RawExpr<'t>>),
    Exclusion(Box<RawExpr<'t>>, Box<RawExpr<'t>>),
}

/// Parses and checks.
pub(super) fn schema(text: &str) -> Result<Schema, SchemaError> {
    let mut reader = Reader { text, at: 0 };
    let (mut caveats, mut raw) = (Vec::new(), Vec::new());
    while let Some(word) = reader.word_or_end()? {
        match word {
            "caveat" => caveats.push(caveat(&mut reader)?),
            "definition" => raw.push(definition(&mut reader)?),
            other => return Err(reader.fault(&format!("expected `definition` or `caveat`, not `{other}`"))),
        }
    }
    resolve(raw, caveats)
}

/// The text and how far it was read.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        1 + self.text[..self.at].matches('\n').count()
    }

    fn fault(&self, message: &str) -> SchemaError {
        SchemaError {
            line: self.line(),
            message: message.to_owned(),
        }
    }

    fn skip(&mut self) {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with("//") {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// Takes a sign if it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), SchemaError> {
        if self.takes(sign) {
            Ok(())
        } else {
            Err(self.fault(&format!("expected `{sign}`")))
        }
    }

    fn word_or_end(&mut self) -> Result<Option<&'t str>, SchemaError> {
        self.skip();
        if self.rest().is_empty() {
            return Ok(None);
        }
        self.word().map(Some)
    }

    /// A name. A `-` belongs to it only where another letter follows, so that `a->b` and `a - b` can be read.
    fn word(&mut self) -> Result<&'t str, SchemaError> {
        self.skip();
        let rest = self.rest().as_bytes();
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let mut length = 0;
        while let Some(&byte) = rest.get(length) {
            let dash = byte == b'-' && length > 0 && rest.get(length + 1).is_some_and(|next| inner(*next));
            if !inner(byte) && !dash {
                break;
            }
            length += 1;
        }
        if length == 0 || !rest[0].is_ascii_lowercase() {
            return Err(self.fault("expected a name"));
        }
        let word = &self.rest()[..length];
        self.at += length;
        Ok(word)
    }
}

fn caveat(reader: &mut Reader<'_>) -> Result<CaveatDefinition, SchemaError> {
    let name = reader.word()?.to_owned();
    reader.expect("(")?;
    let mut parameters = Vec::new();
    while !reader.takes(")") {
        if !parameters.is_empty() {
            reader.expect(",")?;
        }
        let parameter = reader.word()?.to_owned();
        parameters.push((parameter, parameter_type(reader)?));
    }
    reader.expect("{")?;
    let Some(end) = reader.rest().find('}') else {
        return Err(reader.fault("expected `}`"));
    };
    let expression = reader.rest()[..end].trim().to_owned();
    reader.at += end + 1;
    Ok(CaveatDefinition {
        name,
        parameters,
        expression,
    })
}

fn parameter_type(reader: &mut Reader<'_>) -> Result<ParameterType, SchemaError> {
    Ok(match reader.word()? {
        "timestamp" => ParameterType::Timestamp,
        "ipaddress" => ParameterType::IpAddress,
        "string" => ParameterType::String,
        "bool" => ParameterType::Bool,
        "int" => ParameterType::Int,
        "list" => {
            reader.expect("<")?;
            if reader.word()? != "string" {
                return Err(reader.fault("expected `list<string>`"));
            }
            reader.expect(">")?;
            ParameterType::StringList
        }
        other => return Err(reader.fault(&format!("no parameter type `{other}`"))),
    })
}

fn definition<'t>(reader: &mut Reader<'t>) -> Result<Raw<'t>, SchemaError> {
    let (name, line) = (reader.word()?, reader.line());
    let mut members = Vec::new();
    reader.expect("{")?;
    while !reader.takes("}") {
        let (word, line) = (reader.word()?, reader.line());
        let name = reader.word()?;
        let member = match word {
            "relation" => relation(reader)?,
            "permission" => {
                reader.expect("=")?;
                RawMember::Permission(expression(reader)?)
            }
            other => return Err(reader.fault(&format!("expected `relation` or `permission`, not `{other}`"))),
        };
        members.push((name, line, member));
    }
    Ok(Raw { name, line, members })
}

fn relation<'t>(reader: &mut Reader<'t>) -> Result<RawMember<'t>, SchemaError> {
    reader.expect(":")?;
    let mut subjects = Vec::new();
    loop {
        let kind = reader.word()?;
        let set = if reader.takes("#") {
            Some(reader.word()?)
        } else {
            None
        };
        subjects.push((kind, set));
        if !reader.takes("|") {
            break;
        }
    }
    Ok(RawMember::Relation {
        subjects,
        takes_caveats: reader.takes("with caveats"),
    })
}

/// One operator at a time, as in SpiceDB: mixing them takes parentheses.
fn expression<'t>(reader: &mut Reader<'t>) -> Result<RawExpr<'t>, SchemaError> {
    let first = operand(reader)?;
    if reader.takes("+") {
        return chain(reader, first, "+").map(RawExpr::Union);
    }
    if reader.takes("&") {
        return chain(reader, first, "&").map(RawExpr::Intersection);
    }
    if reader.takes("-") {
        let second = operand(reader)?;
        return Ok(RawExpr::Exclusion(Box::new(first), Box::new(second)));
    }
    Ok(first)
}

fn chain<'t>(
    reader: &mut Reader<'t>,
    first: RawExpr<'t>,
    sign: &str,
) -> Result<Vec<RawExpr<'t>>, SchemaError> {
    let mut operands = vec![first, operand(reader)?];
    while reader.takes(sign) {
        operands.push(operand(reader)?);
    }
    Ok(operands)
}

fn operand<'t>(reader: &mut Reader<'t>) -> Result<RawExpr<'t>, SchemaError> {
    if reader.takes("(") {
        let inner = expression(reader)?;
        reader.expect(")")?;
        return Ok(inner);
    }
    let name = reader.word()?;
    if reader.takes("->") {
        return Ok(RawExpr::Arrow(name, reader.word()?));
    }
    Ok(RawExpr::Member(name))
}

/// Names in the order of their first mention, and what they mean.
fn resolve(raw: Vec<Raw<'_>>, caveats: Vec<CaveatDefinition>) -> Result<Schema, SchemaError> {
    let fault = |line: usize, message: String| SchemaError { line, message };
    if raw.len() > KINDS {
        return Err(fault(1, format!("more than {KINDS} definitions")));
    }
    let mut schema = Schema {
        names: Vec::new(),
        by_name: HashMap::new(),
        definitions: Vec::new(),
        caveats,
    };
    for (name, line) in raw
        .iter()
        .flat_map(|one| one.members.iter().map(|(name, line, _)| (*name, *line)))
    {
        if !schema.by_name.contains_key(name) {
            let next =
                u16::try_from(schema.names.len()).map_err(|_| fault(line, "too many names".to_owned()))?;
            schema.names.push(name.to_owned());
            schema.by_name.insert(name.to_owned(), Name(next));
        }
    }
    for one in &raw {
        if schema.kind(one.name).is_some() {
            return Err(fault(one.line, format!("`{}` is defined twice", one.name)));
        }
        let mut members = Vec::new();
        members.resize_with(schema.names.len(), || None);
        schema.definitions.push(Definition {
            name: one.name.to_owned(),
            members,
        });
    }
    for (place, one) in raw.iter().enumerate() {
        for (name, line, member) in &one.members {
            let member = meaning(&schema, member).map_err(|message| fault(*line, message))?;
            let name_here = schema.by_name[*name];
            let known = schema.definitions[place].members[usize::from(name_here.0)].replace(member);
            if known.is_some() {
                return Err(fault(*line, format!("`{name}` is defined twice")));
            }
        }
    }
    check_references(&schema, &raw)?;
    check_exclusions(&schema).map_err(|message| fault(1, message))?;
    Ok(schema)
}

fn meaning(schema: &Schema, member: &RawMember<'_>) -> Result<Member, String> {
    Ok(match member {
        RawMember::Permission(expr) => Member::Permission(expr_of(schema, expr)?),
        RawMember::Relation {
            subjects,
            takes_caveats,
        } => {
            let subject = |(kind, set): &(&str, Option<&str>)| {
                let kind = schema
                    .kind(kind)
                    .ok_or_else(|| format!("no definition `{kind}`"))?;
                Ok::<_, String>((kind, set.map(|set| named(schema, set)).transpose()?))
            };
            Member::Relation(Relation {
                subjects: subjects.iter().map(subject).collect::<Result<_, _>>()?,
                takes_caveats: *takes_caveats,
            })
        }
    })
}

fn named(schema: &Schema, word: &str) -> Result<Name, String> {
    schema
        .name(word)
        .ok_or_else(|| format!("no relation or permission `{word}`"))
}

fn expr_of(schema: &Schema, raw: &RawExpr<'_>) -> Result<Expr, String> {
    let all = |operands: &[RawExpr<'_>]| {
        let parsed: Result<Vec<_>, String> = operands.iter().map(|one| expr_of(schema, one)).collect();
        parsed
    };
    Ok(match raw {
        RawExpr::Member(name) => Expr::Member(named(schema, name)?),
        RawExpr::Arrow(relation, target) => Expr::Arrow(named(schema, relation)?, named(schema, target)?),
        RawExpr::Union(operands) => Expr::Union(all(operands)?),
        RawExpr::Intersection(operands) => Expr::Intersection(all(operands)?),
        RawExpr::Exclusion(first, second) => Expr::Exclusion(
            Box::new(expr_of(schema, first)?),
            Box::new(expr_of(schema, second)?),
        ),
    })
}

/// Every name that a definition uses must mean something where it is used.
fn check_references(schema: &Schema, raw: &[Raw<'_>]) -> Result<(), SchemaError> {
    for (kind, one) in schema.kinds().zip(raw) {
        for (word, line, _) in &one.members {
            let name = schema.by_name[*word];
            let member = schema.member(kind, name).expect("it was just entered");
            let checked = match member {
                Member::Relation(relation) => relation
                    .subjects
                    .iter()
                    .all(|(subject, set)| set.is_none_or(|set| schema.member(*subject, set).is_some())),
                Member::Permission(expr) => refers_well(schema, kind, expr),
            };
            if !checked {
                let message = format!("`{word}` uses a name that means nothing there");
                return Err(SchemaError { line: *line, message });
            }
        }
    }
    Ok(())
}

fn refers_well(schema: &Schema, kind: Kind, expr: &Expr) -> bool {
    match expr {
        Expr::Member(name) => schema.member(kind, *name).is_some(),
        Expr::Arrow(relation, target) => schema.relation(kind, *relation).is_some_and(|relation| {
            // As in SpiceDB, an arrow leads over objects, not over sets, and one of their kinds must know the name.
            relation.subjects.iter().all(|(_, set)| set.is_none())
                && relation
                    .subjects
                    .iter()
                    .any(|(subject, _)| schema.member(*subject, *target).is_some())
        }),
        Expr::Union(operands) | Expr::Intersection(operands) => {
            operands.iter().all(|one| refers_well(schema, kind, one))
        }
        Expr::Exclusion(first, second) => {
            refers_well(schema, kind, first) && refers_well(schema, kind, second)
        }
    }
}

/// What a name depends on: another name, and whether it is taken away.
type Dependencies = Vec<((Kind, Name), bool)>;

/// A permission that takes away from what it is computed from has no meaning on a cycle of tuples.
fn check_exclusions(schema: &Schema) -> Result<(), String> {
    for kind in schema.kinds() {
        for (name, _) in schema.members(kind) {
            for (dependency, is_taken_away) in depends_on(schema, kind, name) {
                if is_taken_away && reaches(schema, dependency, (kind, name)) {
                    return Err(format!("`{}` takes away from itself", schema.word(name)));
                }
            }
        }
    }
    Ok(())
}

fn reaches(schema: &Schema, from: (Kind, Name), to: (Kind, Name)) -> bool {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(next) = waiting.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            waiting.extend(depends_on(schema, next.0, next.1).into_iter().map(|(one, _)| one));
        }
    }
    false
}

fn depends_on(schema: &Schema, kind: Kind, name: Name) -> Dependencies {
    let mut found = Vec::new();
    match schema.member(kind, name) {
        Some(Member::Relation(relation)) => {
            let sets = relation.subjects.iter();
            found.extend(sets.filter_map(|(subject, set)| Some(((*subject, (*set)?), false))));
        }
        Some(Member::Permission(expr)) => collect(schema, kind, (expr, false), &mut found),
        None => {}
    }
    found
}

fn collect(schema: &Schema, kind: Kind, (expr, is_taken_away): (&Expr, bool), found: &mut Dependencies) {
    match expr {
        Expr::Member(name) => found.push(((kind, *name), is_taken_away)),
        Expr::Arrow(relation, target) => {
            found.push(((kind, *relation), is_taken_away));
            let relation = schema.relation(kind, *relation);
            let subjects = relation.into_iter().flat_map(|relation| &relation.subjects);
            found.extend(subjects.map(|(subject, _)| ((*subject, *target), is_taken_away)));
        }
        Expr::Union(operands) | Expr::Intersection(operands) => {
            for one in operands {
                collect(schema, kind, (one, is_taken_away), found);
            }
        }
        Expr::Exclusion(first, second) => {
            collect(schema, kind, (first, is_taken_away), found);
            collect(schema, kind, (second, true), found);
        }
    }
}
