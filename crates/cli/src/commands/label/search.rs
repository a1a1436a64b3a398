//! `plexctl label search`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::HitRow;
use plex_api::paths;
use plex_api::selectors::ObjectSearchRequest;
use plex_client::operator::Call;
use plex_domain::label::ScopeRef;

/// What to find, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Objects whose labels match
    #[arg(long, value_name = "EXPR")]
    selector: String,
    /// What you must hold on each: read, manage, or any relation or permission by its name
    #[arg(long, value_name = "WORD", default_value = "read")]
    relation: String,
    /// Where to look: platform, or objects that have a label defined in domain:UUID or project:UUID
    #[arg(long, value_name = "SCOPE", value_parser = parsing::scope, default_value = "platform")]
    scope: ScopeRef,
    /// Only objects of this kind
    #[arg(long, value_name = "KIND", value_parser = parsing::words(["node", "project"]))]
    kind: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of what was found.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let scope_id = args.scope.id();
    let request = ObjectSearchRequest {
        selector: args.selector.clone(),
        relation: args.relation.clone(),
        scope: args.scope.scope(),
        scope_id: Some(scope_id).filter(|id| !id.is_nil()),
        kind: args.kind.clone(),
        cursor: None,
        limit: args
            .page
            .limit()
            .map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
    };
    listing::print_made::<HitRow>(ctx, &args.page, &|cursor| {
        let request = ObjectSearchRequest {
            cursor: cursor.map(str::to_owned),
            ..request.clone()
        };
        Call::post(paths::OBJECT_SEARCH, &request)
    })
}
