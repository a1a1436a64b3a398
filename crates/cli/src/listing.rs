//! Lists: one page, or all of them.
//!
//! `json` and `yaml` show a page as the API gave it. With `--all` they show one document `{items: […]}` made of
//! the items as they came, once every page was valid; text prints each page as soon as it is.

use crate::context::Context;
use crate::document::{Document, Members, own};
use crate::error::Error;
use crate::table::Table;
use crate::ui::Format;
use clap::Args;
use plex_client::operator::{Call, Client};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Which part of a list to show.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PageArgs {
    /// Start where the page before ended: its next_cursor
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Show at most this many items on a page; 0 leaves it to the server
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// Follow next_cursor to the end
    #[arg(long, conflicts_with = "cursor")]
    pub(crate) all: bool,
}

impl PageArgs {
    /// The limit to ask for.
    pub(crate) fn limit(&self) -> Option<u32> {
        self.limit.filter(|limit| *limit > 0)
    }
}

/// An item of a list as a row of a table.
pub(crate) trait Row: DeserializeOwned {
    /// The columns' names.
    const HEADERS: &'static [&'static str];

    /// The columns' texts; an empty one is shown as `-`.
    fn cells(&self) -> Vec<String>;
}

/// A page, as far as it must be known.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(crate) struct Page<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// Where the next page starts; absent or empty on the last.
    #[serde(default)]
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    fn next(&self) -> Option<&str> {
        self.next_cursor.as_deref().filter(|cursor| !cursor.is_empty())
    }
}

/// Prints the page, or all pages, that `call` gives.
///
/// # Errors
/// Whatever the call gives; [`Error::Contract`] when a page is not one, or the walk goes in a circle.
pub(crate) fn print<R: Row>(ctx: &mut Context, call: &Call, page: &PageArgs) -> Result<(), Error> {
    let call = call.clone().query("limit", page.limit());
    print_made::<R>(ctx, page, &|cursor| call.clone().query("cursor", cursor))
}

/// The same for a list whose cursor does not travel in the query: `make` gives the call for a cursor.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_made<R: Row>(
    ctx: &mut Context,
    page: &PageArgs,
    make: &dyn Fn(Option<&str>) -> Call,
) -> Result<(), Error> {
    let client = ctx.client()?;
    match (page.all, ctx.ui.format()) {
        (false, _) => print_page::<R>(ctx, &client, make(page.cursor.as_deref())),
        (true, Format::Text) => print_all_as_text::<R>(ctx, &client, make),
        (true, Format::Json | Format::Yaml) => print_all_as_document::<R>(ctx, &client, make),
    }
}

/// Reads page after page until `seen` has what it wants (it answers `false`) or there are no more.
///
/// # Errors
/// As [`print()`], and whatever `seen` gives.
pub(crate) fn walk<T: DeserializeOwned>(
    client: &Client,
    call: &Call,
    seen: impl FnMut(Document<Page<T>>) -> Result<bool, Error>,
) -> Result<(), Error> {
    walk_made(client, &|cursor| call.clone().query("cursor", cursor), seen)
}

fn walk_made<T: DeserializeOwned>(
    client: &Client,
    make: &dyn Fn(Option<&str>) -> Call,
    mut seen: impl FnMut(Document<Page<T>>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut cursor: Option<String> = None;
    loop {
        let body = client.fetch(&make(cursor.as_deref()))?;
        let page = read_page(body)?;
        let next = page.view.next().map(str::to_owned);
        if next.is_some() && next == cursor {
            return Err(Error::Contract("the next page is this page again".to_owned()));
        }
        if !seen(page)? || next.is_none() {
            return Ok(());
        }
        cursor = next;
    }
}

/// Reads a page. Serde would take an array of its members for one as well.
fn read_page<T: DeserializeOwned>(body: Vec<u8>) -> Result<Document<Page<T>>, Error> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::Contract("an array instead of a page".to_owned()));
    }
    Document::read(body)
}

fn print_page<R: Row>(ctx: &mut Context, client: &Client, call: Call) -> Result<(), Error> {
    let page = read_page::<R>(client.fetch(&call)?)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&page.raw);
    }
    let rows: Vec<_> = page.view.items.iter().map(Row::cells).collect();
    let table = Table::fitting(R::HEADERS, &rows);
    ctx.ui.text(&table.header())?;
    print_rows(ctx, &table, &rows)?;
    match page.view.next() {
        Some(cursor) => ctx.ui.line(&format!("next_cursor: {cursor}")),
        None => Ok(()),
    }
}

fn print_all_as_text<R: Row>(
    ctx: &mut Context,
    client: &Client,
    make: &dyn Fn(Option<&str>) -> Call,
) -> Result<(), Error> {
    let mut table: Option<Table> = None;
    walk_made::<R>(client, make, |page| {
        let rows: Vec<_> = page.view.items.iter().map(Row::cells).collect();
        if table.is_none() {
            let fitting = Table::fitting(R::HEADERS, &rows);
            ctx.ui.text(&fitting.header())?;
            table = Some(fitting);
        }
        let table = table.as_ref().expect("made above");
        print_rows(ctx, table, &rows).map(|()| true)
    })
}

fn print_all_as_document<R: Row>(
    ctx: &mut Context,
    client: &Client,
    make: &dyn Fn(Option<&str>) -> Call,
) -> Result<(), Error> {
    let mut items: Vec<Box<RawValue>> = Vec::new();
    walk_made::<R>(client, make, |page| {
        let page: Page<Box<RawValue>> =
            serde_json::from_str(page.raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
        items.extend(page.items);
        Ok(true)
    })?;
    ctx.ui
        .document(&own(&Members(vec![("items".to_owned(), own(&items))])))
}

fn print_rows(ctx: &mut Context, table: &Table, rows: &[Vec<String>]) -> Result<(), Error> {
    rows.iter().try_for_each(|row| ctx.ui.text(&table.row(row)))
}
