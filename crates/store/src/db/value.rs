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
}

impl Row<'_> {
    /// The column at a position, from 0.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        let value = match self {
            Self::Sqlite(row) => row.get_ref(index)?,
            Self::Postgres(row) => row.try_get::<_, Cell<'_>>(index)?.0,
        };
        T::read(value).ok_or_else(|| Error::Corrupt(format!("column {index}: {}", value.data_type())))
    }
}

/// A value as PostgreSQL sends it.
struct Cell<'c>(ValueRef<'c>);

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
