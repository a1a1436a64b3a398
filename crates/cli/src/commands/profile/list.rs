//! `plexctl profile list`

use crate::config::{Profile, Store};
use crate::context::Context;
use crate::error::Error;
use crate::listing::PageArgs;
use crate::table::Table;
use plex_client::operator::Token;
use serde::Serialize;
use std::path::PathBuf;

const HEADERS: &[&str] = &["NAME", "DEFAULT", "SERVER", "TOKEN", "CA FILE"];

/// How much of the list to show; it has one page, like every local list.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
}

/// How a token is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    Masked,
    Revealed,
}

/// A profile as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    default: bool,
    server: Option<String>,
    token: Option<String>,
    ca_file: Option<PathBuf>,
}

/// Prints the stored profiles; their tokens masked, unless `--reveal-secrets`.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if args.page.cursor.is_some() {
        return Err(Error::usage("this list has one page and no cursor").hint("leave --cursor away"));
    }
    let secret = if ctx.globals.reveal_secrets {
        Secret::Revealed
    } else {
        Secret::Masked
    };
    let config = Store::load(&ctx.environment)?.config;
    let asked = args.page.limit.filter(|limit| *limit > 0 && !args.page.all);
    let shown: Vec<_> = config
        .profiles
        .into_iter()
        .take(asked.map_or(usize::MAX, |limit| limit as usize))
        .map(|(name, profile)| Shown::of(name, profile, config.default.as_deref(), secret))
        .collect();
    if secret == Secret::Revealed && shown.iter().any(|profile| profile.token.is_some()) {
        ctx.ui.warn("tokens are shown unmasked");
    }
    ctx.report(&serde_json::json!({"items": shown}), |ui| {
        let rows: Vec<_> = shown.iter().map(Shown::cells).collect();
        let table = Table::fitting(HEADERS, &rows);
        ui.text(&table.header())?;
        rows.iter().try_for_each(|row| ui.text(&table.row(row)))
    })
}

impl Shown {
    fn of(name: String, profile: Profile, default: Option<&str>, secret: Secret) -> Self {
        let token = profile.token.as_ref().map(|token| show(token, secret));
        Self {
            default: default == Some(&name),
            name,
            server: profile.server,
            token,
            ca_file: profile.ca_file,
        }
    }

    fn cells(&self) -> Vec<String> {
        let ca_file = self.ca_file.as_ref().map(|path| path.display().to_string());
        vec![
            self.name.clone(),
            if self.default { "yes" } else { "" }.to_owned(),
            self.server.clone().unwrap_or_default(),
            self.token.clone().unwrap_or_default(),
            ca_file.unwrap_or_default(),
        ]
    }
}

/// A masked token tells its kind, `psk_prod_`, and nothing of the secret.
fn show(token: &Token, secret: Secret) -> String {
    let text = token.reveal();
    if secret == Secret::Revealed {
        return text.to_owned();
    }
    let kind: String = text
        .split_inclusive('_')
        .take(2)
        .filter(|part| part.ends_with('_'))
        .collect();
    format!("{kind}********")
}

#[cfg(test)]
mod tests {
    use super::{Secret, show};
    use plex_client::operator::Token;

    #[test]
    fn a_mask_shows_the_kind_alone() {
        let mask = |text: &str| show(&Token::new(text.to_owned()).expect("a token"), Secret::Masked);
        assert_eq!(mask("psk_prod_abc_def"), "psk_prod_********");
        assert_eq!(mask("abcdef"), "********");
        assert_eq!(mask("psk_abcdef"), "psk_********");
    }
}
