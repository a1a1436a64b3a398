//! `plexctl label preview`

use crate::context::Context;
use crate::document::Document;
use crate::error::Error;
use crate::ui::Format;
use crate::view::Preview;
use plex_api::paths;
use plex_api::selectors::LabelSelectorPreviewRequest;
use plex_client::operator::Call;
use plex_domain::text::printable;
use unicode_width::UnicodeWidthStr;

/// Which selector.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The selector, for example `env=prod, tier in (gold, silver)`
    #[arg(value_name = "EXPR")]
    expression: String,
}

/// Prints what a selector asks of an object, or a mark under the place where it cannot be read (exit 1).
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = LabelSelectorPreviewRequest {
        expression: args.expression.clone(),
    };
    let body = ctx
        .client()?
        .fetch(&Call::post(paths::SELECTOR_PREVIEW, &request))?;
    let preview = Document::<Preview>::read(body)?;
    if ctx.ui.format() == Format::Text {
        for line in lines(&args.expression, &preview.view) {
            ctx.ui.line(&line)?;
        }
    } else {
        ctx.ui.document(&preview.raw)?;
    }
    match preview.view.errors.first() {
        None => Ok(()),
        Some(fault) => Err(Error::Unmet {
            detail: format!(
                "the selector cannot be read: {} at byte {}",
                fault.message, fault.position
            ),
            hint: Some(
                "terms are key=value, key!=value, key in (a, b), key and !key, with commas between"
                    .to_owned(),
            ),
        }),
    }
}

/// The conditions; or the expression, and below it a mark for each fault.
fn lines(expression: &str, preview: &Preview) -> Vec<String> {
    if preview.errors.is_empty() {
        return preview.conditions();
    }
    let mut lines = vec![expression.to_owned()];
    for fault in &preview.errors {
        let before = &expression[..expression.floor_char_boundary(fault.position)];
        let column = printable(before).width();
        lines.push(format!("{}^ {}", " ".repeat(column), fault.message));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::view::Preview;

    #[test]
    fn the_mark_stands_under_the_fault() {
        for (expression, position, expected) in [
            ("env=", 4, "    ^ oops"),
            ("", 0, "^ oops"),
            ("日本=", 3, "  ^ oops"),
            ("a\u{1b}=", 2, "     ^ oops"),
            ("ab", 9, "  ^ oops"),
            ("é", 1, "^ oops"),
        ] {
            let body = format!(r#"{{"errors":[{{"position":{position},"message":"oops"}}]}}"#);
            let preview: Preview = serde_json::from_str(&body).unwrap();
            assert_eq!(
                lines(expression, &preview),
                [expression, expected],
                "{expression:?}"
            );
        }
    }
}
