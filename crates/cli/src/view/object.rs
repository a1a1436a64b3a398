//! One object of the API, whatever it is.

use crate::context::Context;
use crate::document::{Document, Members};
use crate::error::Error;
use crate::table::block;
use crate::ui::Format;
use plex_client::operator::Call;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Makes a call that is answered with an object, and prints that.
///
/// # Errors
/// As the call; [`Error::Contract`] when the answer is no `T`.
pub(crate) fn show<T: DeserializeOwned>(ctx: &mut Context, call: &Call) -> Result<(), Error> {
    let body = ctx.client()?.fetch(call)?;
    print_object::<T>(ctx, body)
}

/// Prints an object that must be at least a `T`: every member on its line, in the server's order, or the
/// document as it came.
///
/// # Errors
/// [`Error::Contract`] when it is no `T`.
pub(crate) fn print_object<T: DeserializeOwned>(ctx: &mut Context, body: Vec<u8>) -> Result<(), Error> {
    let document = Document::<T>::read(body)?;
    if ctx.ui.format() != Format::Text {
        return ctx.ui.document(&document.raw);
    }
    let members: Members =
        serde_json::from_str(document.raw.get()).map_err(|cause| Error::Contract(cause.to_string()))?;
    let pairs: Vec<_> = members.0.iter().map(|(name, raw)| (name, shown(raw))).collect();
    ctx.ui.text(&block(&pairs))
}

/// A string without its quotes, everything else as JSON.
fn shown(raw: &RawValue) -> String {
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}
