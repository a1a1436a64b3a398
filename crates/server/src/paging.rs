//! Lists in pages: how long a page is, where it begins, and the cursor to the next one (decision 1).
//!
//! A list reads one item more than the page takes: [`Paging::cut`] then knows whether another page follows.

use crate::app::App;
use crate::problem::Failure;
use crate::request::Query;
use jiff::Timestamp;
use plex_api::{codes, limits};
use plex_domain::cursor::{self, OpenError};
use plex_store::Error;
use uuid::Uuid;

/// Rows read at a time where a filter looks at each of them.
const CHUNK: u32 = 200;
/// Most such readings for one page.
const CHUNKS: u32 = 10;

/// The caller of a list whose cursors are bound to nobody.
pub const ANYBODY: &str = "";

/// The page that a request asks for.
pub struct Paging<'a> {
    /// Most items.
    pub limit: u32,
    key: &'a [u8; 32],
    list: Vec<String>,
    caller: String,
    after: Option<Vec<u8>>,
}

impl<'a> Paging<'a> {
    /// Reads `limit` and `cursor`. The cursor must have been given for the same list, which is its name and all its
    /// filters, and to the same caller.
    pub fn of(
        app: &'a App,
        query: &Query,
        list: impl IntoIterator<Item: Into<String>>,
        caller: &str,
    ) -> Result<Self, Failure> {
        let limit = limit(query)?;
        let key = &app.keys.cursors;
        let list: Vec<String> = list.into_iter().map(Into::into).collect();
        let given = query.get("cursor").filter(|text| !text.is_empty());
        let opened = given.map(|text| cursor::open(key, &parts(&list), caller, text));
        let after = opened.transpose().map_err(|error| match error {
            OpenError::Invalid => {
                let detail = "the cursor is not one this list gave for these filters; start again without it";
                Failure::bad_request(codes::INVALID_CURSOR, detail)
            }
            OpenError::ForeignCaller => {
                let detail = "the cursor was given to another caller; start again without it";
                Failure::forbidden(codes::CURSOR_BINDING_MISMATCH, detail)
            }
        })?;
        Ok(Self {
            limit,
            key,
            list,
            caller: caller.to_owned(),
            after,
        })
    }

    /// The place after which the page begins, as `read` finds it in the bytes of the cursor; none on the first page.
    pub fn after<P>(&self, read: impl FnOnce(&[u8]) -> Option<P>) -> Result<Option<P>, Failure> {
        let invalid = || Failure::bad_request(codes::INVALID_CURSOR, "the cursor is not one this list gave");
        let after = self.after.as_deref();
        after.map(|bytes| read(bytes).ok_or_else(invalid)).transpose()
    }

    /// Takes what was read beyond the page off `items`, and gives the cursor after the last one that is left, whose
    /// place `place` tells; none when nothing was beyond.
    pub fn cut<T, B: AsRef<[u8]>>(&self, items: &mut Vec<T>, place: impl FnOnce(&T) -> B) -> Option<String> {
        let limit = self.limit as usize;
        if items.len() <= limit {
            return None;
        }
        items.truncate(limit);
        items.last().map(|last| self.cursor(place(last)))
    }

    /// The cursor to the page that begins after a place.
    pub fn cursor(&self, place: impl AsRef<[u8]>) -> String {
        cursor::seal(self.key, &parts(&self.list), &self.caller, place.as_ref())
    }
}

/// `limit`: 1 to 200, 50 when absent; never clamped.
fn limit(query: &Query) -> Result<u32, Failure> {
    let parse = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = digits.then(|| text.parse().ok()).flatten()?;
        (1..=limits::MAX_PAGE).contains(&limit).then_some(limit)
    };
    let limit = query.parsed("limit", codes::INVALID_LIMIT, parse)?;
    Ok(limit.unwrap_or(limits::DEFAULT_PAGE))
}

fn parts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

/// A filter as a part of the list's name; nothing where it is not given.
pub fn filter(given: Option<impl ToString>) -> String {
    given.map(|given| given.to_string()).unwrap_or_default()
}

/// A place that is an id.
pub fn id(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(bytes).ok()
}

/// A place that is a text.
pub fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// A place that is an id and a text.
pub fn id_and_text(bytes: &[u8]) -> Option<(Uuid, String)> {
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    Some((Uuid::from_bytes(*id), text(rest)?))
}

/// The bytes of a place that is an id and a text.
pub fn id_and_text_bytes(id: Uuid, text: &str) -> Vec<u8> {
    [id.as_bytes(), text.as_bytes()].concat()
}

/// A place that is a time, in microseconds, and an id.
pub fn time_and_id(bytes: &[u8]) -> Option<(Timestamp, Uuid)> {
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    let time = Timestamp::from_microsecond(i64::from_be_bytes(*time)).ok()?;
    Some((time, id(rest)?))
}

/// The bytes of a place that is a time and an id.
pub fn time_and_id_bytes(time: Timestamp, id: Uuid) -> Vec<u8> {
    [&time.as_microsecond().to_be_bytes()[..], id.as_bytes()].concat()
}

/// What of a list a filter looks for that the database cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sieve {
    /// All of it.
    Open,
    /// Some of it: a page looks at a bounded number of rows and may be short, or empty, while there are more.
    Closed,
}

/// Reads a page row by row. `read` gives rows after a place, so many at most; `look` tells a row's place and the item
/// that it becomes, or that it is not wanted. Returns the items, and after which place the next page begins.
pub async fn sift<R, T, P>(
    sieve: Sieve,
    (mut after, limit): (P, u32),
    mut read: impl AsyncFnMut(&P, u32) -> Result<Vec<R>, Error>,
    look: impl Fn(R) -> (P, Option<T>),
) -> Result<(Vec<T>, Option<P>), Error> {
    let chunk = match sieve {
        Sieve::Open => limit,
        Sieve::Closed => CHUNK,
    };
    let mut items = Vec::new();
    for _ in 0..CHUNKS {
        let mut rows = read(&after, chunk + 1).await?;
        let is_more = rows.len() > chunk as usize;
        rows.truncate(chunk as usize);
        let count = rows.len();
        for (n, row) in rows.into_iter().enumerate() {
            let (place, item) = look(row);
            after = place;
            items.extend(item);
            if items.len() == limit as usize {
                return Ok((items, (is_more || n + 1 < count).then_some(after)));
            }
        }
        if !is_more {
            return Ok((items, None));
        }
    }
    Ok((items, Some(after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_read_as_they_were_written(
            id_bytes in any::<[u8; 16]>(),
            text in ".{0,80}",
            microseconds in -1_000_000_000_000_000i64..4_000_000_000_000_000,
        ) {
            let id = Uuid::from_bytes(id_bytes);
            let time = Timestamp::from_microsecond(microseconds).unwrap();
            prop_assert_eq!(super::id(id.as_bytes()), Some(id));
            prop_assert_eq!(id_and_text(&id_and_text_bytes(id, &text)), Some((id, text)));
            prop_assert_eq!(time_and_id(&time_and_id_bytes(time, id)), Some((time, id)));
        }

        #[test]
        fn other_bytes_are_no_place(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            prop_assert_eq!(id(&bytes), None);
            prop_assert_eq!(id_and_text(&bytes), None);
            prop_assert_eq!(time_and_id(&bytes), None);
        }
    }

    /// What a page of the numbers from 1 to `end` shows after a place, and the next place, where some are wanted.
    async fn numbers(end: u32, page: (u32, u32), is_wanted: fn(u32) -> bool) -> (Vec<u32>, Option<u32>) {
        let read = async |after: &u32, most: u32| Ok((after + 1..=end).take(most as usize).collect());
        let look = |number: u32| (number, is_wanted(number).then_some(number));
        sift(Sieve::Closed, page, read, look).await.unwrap()
    }

    #[tokio::test]
    async fn a_sifted_page_is_full_or_looked_at_enough_or_is_the_last() {
        let every_third = |number: u32| number.is_multiple_of(3);
        assert_eq!(numbers(9, (0, 2), every_third).await, (vec![3, 6], Some(6)));
        assert_eq!(numbers(9, (6, 2), every_third).await, (vec![9], None));
        assert_eq!(
            numbers(9, (3, 2), every_third).await,
            (vec![6, 9], None),
            "the last is on it"
        );
        let most = CHUNK * CHUNKS;
        assert_eq!(numbers(most + 1, (0, 2), |_| false).await, (vec![], Some(most)));
        assert_eq!(numbers(most, (0, 2), |_| false).await, (vec![], None));
    }
}
