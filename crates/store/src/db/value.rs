use super::Error;
use jiff::Timestamp;
use plex_api::executions::{ActionKind, ExecutionStatus};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use uuid::Uuid;

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

impl ToSql for Value<'_> {
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
pub struct Row<'r>(pub(super) &'r rusqlite::Row<'r>);

impl Row<'_> {
    /// The column at a position, from 0.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        let value = self.0.get_ref(index).map_err(Error::from)?;
        T::read(value).ok_or_else(|| Error::Corrupt(format!("column {index}: {}", value.data_type())))
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
