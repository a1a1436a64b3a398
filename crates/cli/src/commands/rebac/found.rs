//! What a look-up found.

use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::ui::Format;
use serde::Deserialize;

/// The answer, as far as it must be known.
#[derive(Deserialize)]
struct Found {
    items: Vec<String>,
}

/// Prints the items, one on a line, or the document as it came.
///
/// # Errors
/// [`Error::Contract`] when the body is no answer to a look-up.
pub(crate) fn print_found(ctx: &mut Context, body: Vec<u8>) -> Result<(), Error> {
    let document = Document::<Found>::read(body)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&document.raw);
    }
    document.view.items.iter().try_for_each(|item| ctx.ui.line(item))
}
