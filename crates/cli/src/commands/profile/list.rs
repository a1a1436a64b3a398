//! `plexctl profile list`

use crate::config::{Profile, Store};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;
use plex_client::operator::Token;
use serde_json::json;

const HEADERS: &[&str] = &["NAME", "DEFAULT", "SERVER", "TOKEN", "CA FILE"];

/// Nothing to choose: profiles are local and few. The three list flags are taken for uniformity's sake.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    page: crate::listing::PageArgs,
}

/// Prints the stored profiles; their tokens masked, unless `--reveal-secrets`.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if args.page.cursor.is_some() {
        return Err(Error::usage("this list has one page and no cursor").hint("leave --cursor away"));
    }
    let store = Store::load(&ctx.environment)?;
    let asked = args.page.limit.filter(|limit| *limit > 0 && !args.page.all);
    let limit = asked.map_or(usize::MAX, |limit| limit as usize);
    let reveal = ctx.globals.reveal_secrets;
    let token = |profile: &Profile| profile.token.as_ref().map(|token| shown(token, &reveal));
    let is_default = |name: &String| store.config.default.as_ref() == Some(name);
    let profiles: Vec<_> = store.config.profiles.iter().take(limit).collect();
    if reveal && profiles.iter().any(|(_, profile)| profile.token.is_some()) {
        ctx.ui.warn("tokens are shown unmasked");
    }
    let items: Vec<_> = profiles
        .iter()
        .map(|(name, profile)| {
            json!({"name": name, "default": is_default(name), "server": profile.server,
                "token": token(profile), "ca_file": profile.ca_file})
        })
        .collect();
    let rows: Vec<_> = profiles
        .iter()
        .map(|(name, profile)| {
            let default = if is_default(name) { "yes" } else { "" };
            let ca_file = profile.ca_file.as_ref().map(|path| path.display().to_string());
            vec![
                (*name).clone(),
                default.to_owned(),
                profile.server.clone().unwrap_or_default(),
                token(profile).unwrap_or_default(),
                ca_file.unwrap_or_default(),
            ]
        })
        .collect();
    ctx.report(&json!({"items": items}), |ui| {
        let table = Table::fitting(HEADERS, &rows);
        ui.text(&table.header())?;
        rows.iter().try_for_each(|row| ui.text(&table.row(row)))
    })
}

/// A masked token tells its kind, `psk_prod_`, and nothing of the secret.
fn shown(token: &Token, reveal: &bool) -> String {
    let text = token.reveal();
    if *reveal {
        return text.to_owned();
    }
    let kind: String = text.split_inclusive('_').take(2).filter(|part| part.ends_with('_')).collect();
    format!("{kind}********")
}

#[cfg(test)]
mod tests {
    use super::shown;
    use plex_client::operator::Token;

    #[test]
    fn a_mask_shows_the_kind_alone() {
        let mask = |text: &str| shown(&Token::new(text.to_owned()).expect("a token"), &false);
        assert_eq!(mask("psk_prod_abc_def"), "psk_prod_********");
        assert_eq!(mask("abcdef"), "********");
        assert_eq!(mask("psk_abcdef"), "psk_********");
    }
}
