use super::Error;
use jiff::Timestamp;
use plex_api::executions::{ActionKind, ExecutionStatus};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

type Refused = Box<dyn std::error::Error + Sync + Send>;

/// A value that a statement binds. Times are whole microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'v> {
    /// No value.
    Null,
    /// A whole number, a truth value or a time.
    Integer(i64),
    /// Text.
    Text(&'v str),
    /// Bytes.
    Blob(&'v [u8]),
    /// An id, stored as its 16 bytes.
    Id(Uuid),
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) if *column == Type::BOOL => out.extend_from_slice(&[(*number != 0).into()]),
            Self::Integer(number) if *column == Type::INT4 => {
                out.extend_from_slice(&i32::try_from(*number)?.to_be_bytes());
            }
            Self::Integer(number) if *column == Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
            Self::Text(text) if matches!(*column, Type::TEXT | Type::VARCHAR) => {
                // PostgreSQL's text cannot hold the character NUL, and a node may report anything.
                out.extend_from_slice(text.replace('\0', "\u{fffd}").as_bytes());
            }
            Self::Blob(bytes) if *column == Type::BYTEA => out.extend_from_slice(bytes),
            Self::Id(id) if matches!(*column, Type::UUID | Type::BYTEA) => {
                out.extend_from_slice(id.as_bytes())
            }
            other => return Err(format!("{} for a {column}", other.kind()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
            Self::Id(_) => "an id",
        }
    }
}

/// Binds `$n` to the n-th value. SQLite takes `$n` for a name and numbers names by their first occurrence.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> Result<(), Error> {
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number - 1));
        let value = value.expect("a statement names its values $1, $2, … and is given as many");
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

macro_rules! bind {
    ($($type:ty => |$value:ident| $expr:expr;)*) => {$(
        impl<'v> From<$type> for Value<'v> {
            fn from($value: $type) -> Self {
                $expr
            }
        }
    )*};
}

bind! {
    i64 => |number| Value::Integer(number);
    i32 => |number| Value::Integer(number.into());
    u32 => |number| Value::Integer(number.into());
    u64 => |number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    bool => |truth| Value::Integer(truth.into());
    Uuid => |id| Value::Id(id);
    Timestamp => |time| Value::Integer(time.as_microsecond());
    ExecutionStatus => |status| Value::Text(status.as_str());
    ActionKind => |kind| Value::Text(kind.as_str());
    &'v str => |text| Value::Text(text);
    &'v String => |text| Value::Text(text);
    &'v [u8] => |bytes| Value::Blob(bytes);
    &'v Vec<u8> => |bytes| Value::Blob(bytes);
    &'v [u8; 32] => |bytes| Value::Blob(bytes);
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A row of a result.
pub enum Row<'r> {
    /// SQLite's.
    Sqlite(&'r rusqlite::Row<'r>),
    /// PostgreSQL's.
    Postgres(&'r tokio_postgres::Row),
    /// One in a column of PostgreSQL's.
    Inner(&'r [Cell<'r>]),
}

impl Row<'_> {
    /// The column at a position, from 0.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        let value = match self {
            Self::Sqlite(row) => row.get_ref(index)?,
            Self::Postgres(row) => row.try_get::<_, Cell<'_>>(index)?.0,
            Self::Inner(cells) => {
                let cell = cells.get(index);
                cell.ok_or_else(|| Error::Corrupt(format!("there is no column {index}")))?
                    .0
            }
        };
        T::read(value).ok_or_else(|| Error::Corrupt(format!("column {index}: {}", value.data_type())))
    }

    /// The rows in a column, which `array(select row(…) …)` makes on PostgreSQL; other rows hold none.
    pub(crate) fn rows<T>(
        &self,
        index: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let Self::Postgres(row) = self else {
            return Ok(Vec::new());
        };
        let Inner(rows) = row.try_get(index)?;
        rows.iter().map(|cells| read(&Row::Inner(cells))).collect()
    }
}

/// Rows in a column of another, as PostgreSQL sends an array of records (`array_send` and `record_send` in its source).
struct Inner<'r>(Vec<Vec<Cell<'r>>>);

impl<'r> FromSql<'r> for Inner<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Refused> {
        let mut bytes = Bytes(raw);
        let (dimensions, _has_nulls, _type) = (bytes.number()?, bytes.number()?, bytes.number()?);
        let count = match dimensions {
            0 => 0,
            1 => bytes.number()?,
            _ => return Err("rows of rows".into()),
        };
        let mut rows = Vec::new();
        if count > 0 {
            let _lower_bound = bytes.number()?;
        }
        for _ in 0..count {
            let row = bytes.sized()?.ok_or("no row where one is counted")?;
            rows.push(cells(Bytes(row))?);
        }
        Ok(Self(rows))
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::RECORD_ARRAY
    }
}

/// The values of a row, each with its type.
fn cells(mut row: Bytes<'_>) -> Result<Vec<Cell<'_>>, Refused> {
    let count = row.number()?;
    let mut cells = Vec::with_capacity(row.0.len() / 8);
    for _ in 0..count {
        let column = Type::from_oid(row.number()?).filter(Cell::accepts);
        let column = column.ok_or("a value of a type that nothing is read from")?;
        cells.push(match row.sized()? {
            Some(raw) => Cell::from_sql(&column, raw)?,
            None => Cell(ValueRef::Null),
        });
    }
    Ok(cells)
}

/// What is left of a message.
struct Bytes<'r>(&'r [u8]);

impl<'r> Bytes<'r> {
    fn take(&mut self, length: usize) -> Result<&'r [u8], Refused> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("it ends too soon")?;
        self.0 = rest;
        Ok(taken)
    }

    /// What follows its length; a negative one says that there is none.
    fn sized(&mut self) -> Result<Option<&'r [u8]>, Refused> {
        let length = usize::try_from(self.number()?.cast_signed());
        length.ok().map(|length| self.take(length)).transpose()
    }

    fn number(&mut self) -> Result<u32, Refused> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into()?))
    }
}

/// A value as PostgreSQL sends it.
pub struct Cell<'c>(ValueRef<'c>);

impl<'c> FromSql<'c> for Cell<'c> {
    fn from_sql(column: &Type, raw: &'c [u8]) -> Result<Self, Refused> {
        Ok(Self(match *column {
            Type::BOOL => ValueRef::Integer(raw.first().copied().unwrap_or_default().into()),
            Type::INT4 => ValueRef::Integer(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT8 => ValueRef::Integer(i64::from_be_bytes(raw.try_into()?)),
            Type::BYTEA | Type::UUID => ValueRef::Blob(raw),
            _ => ValueRef::Text(raw),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refused> {
        Ok(Self(ValueRef::Null))
    }

    fn accepts(column: &Type) -> bool {
        matches!(
            *column,
            Type::BOOL | Type::INT4 | Type::INT8 | Type::BYTEA | Type::UUID | Type::TEXT | Type::VARCHAR
        )
    }
}

/// What a column can be read as.
pub trait Column: Sized {
    /// Reads it; `None` for a value of another kind.
    fn read(value: ValueRef<'_>) -> Option<Self>;
}

macro_rules! column {
    ($($type:ty => |$value:ident| $expr:expr;)*) => {$(
        impl Column for $type {
            fn read($value: ValueRef<'_>) -> Option<Self> {
                $expr
            }
        }
    )*};
}

column! {
    i64 => |value| value.as_i64().ok();
    u64 => |value| value.as_i64().ok()?.try_into().ok();
    u32 => |value| value.as_i64().ok()?.try_into().ok();
    bool => |value| Some(value.as_i64().ok()? != 0);
    String => |value| value.as_str().ok().map(str::to_owned);
    Vec<u8> => |value| value.as_blob().ok().map(<[u8]>::to_vec);
    [u8; 32] => |value| value.as_blob().ok()?.try_into().ok();
    Uuid => |value| Uuid::from_slice(value.as_blob().ok()?).ok();
    Timestamp => |value| Timestamp::from_microsecond(value.as_i64().ok()?).ok();
    ExecutionStatus => |value| ExecutionStatus::parse(value.as_str().ok()?);
    ActionKind => |value| ActionKind::parse(value.as_str().ok()?);
}

impl<T: Column> Column for Option<T> {
    fn read(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            other => T::read(other).map(Some),
        }
    }
}

/// Ids as JSON, for `in (select unhex(value) from json_each($n))`.
pub(crate) fn id_list(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    serde_json::to_string(&ids).expect("hex strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An array of records as PostgreSQL writes it.
    fn sent(rows: &[Vec<Option<i64>>]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let mut text = [u32::from(!rows.is_empty()), 0, Type::RECORD.oid()]
            .map(u32::to_be_bytes)
            .concat();
        if !rows.is_empty() {
            text.extend(number(rows.len()));
            text.extend(number(1));
        }
        for row in rows {
            let mut record = number(row.len()).to_vec();
            for value in row {
                record.extend(Type::INT8.oid().to_be_bytes());
                match value {
                    Some(value) => {
                        record.extend(number(8));
                        record.extend(value.to_be_bytes());
                    }
                    None => record.extend((-1_i32).to_be_bytes()),
                }
            }
            text.extend(number(record.len()));
            text.extend(record);
        }
        text
    }

    fn read(raw: &[u8]) -> Result<Vec<Vec<Option<i64>>>, Refused> {
        let Inner(rows) = Inner::from_sql(&Type::RECORD_ARRAY, raw)?;
        let value = |cell: &Cell<'_>| Option::<i64>::read(cell.0).ok_or("not a number");
        let rows = rows
            .iter()
            .map(|cells| cells.iter().map(value).collect::<Result<_, _>>());
        Ok(rows.collect::<Result<_, _>>()?)
    }

    proptest! {
        #[test]
        fn rows_in_a_column_are_what_was_sent_and_a_part_of_them_is_refused(
            rows in prop::collection::vec(prop::collection::vec(any::<Option<i64>>(), 0..5), 0..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let raw = sent(&rows);
            prop_assert_eq!(read(&raw).unwrap(), rows);
            prop_assert!(read(&raw[..cut.index(raw.len())]).is_err());
        }

        #[test]
        fn whatever_is_sent_is_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&raw);
        }
    }
}
