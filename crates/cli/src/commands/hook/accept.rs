//! `plexctl hook accept`

use crate::context::Context;
use crate::error::Error;
use crate::listing::walk;
use crate::parsing;
use crate::view::{DiscoveredHookRow, HookRow, print_object};
use plex_api::hooks::HookAcceptRequest;
use plex_api::paths;
use plex_client::operator::{Call, Client};
use uuid::Uuid;

/// Which digest to accept.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// The node that declares the hook
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Uuid,
    /// The hook's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The digest to pin: in base64, or sha256:HEX for a Kubernetes hook's image; without it the declared one is
    /// shown and asked about
    #[arg(long, value_name = "SHA256")]
    checksum: Option<String>,
}

/// Pins a digest. Whoever names it has seen it; otherwise it is shown first, and pinned only after a yes.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let client = ctx.client()?;
    let checksum = match &args.checksum {
        Some(checksum) => checksum.clone(),
        None => {
            let (declared, pinned) = find(args, &client)?;
            ctx.confirm(&format!(
                "Node {} declares {} as {declared}; {pinned} is pinned. Accept it?",
                args.node, args.name
            ))?;
            declared
        }
    };
    let request = HookAcceptRequest {
        node_id: args.node,
        name: args.name.clone(),
        checksum,
    };
    let body = client.fetch(&Call::post(paths::accept_node_hook(args.project), &request))?;
    print_object::<HookRow>(ctx, body)
}

/// The declared digest and the pinned one: of the script hook of that name, else of the Kubernetes hook.
fn find(args: &Args, client: &Client) -> Result<(String, String), Error> {
    if let Some(hook) = script_hook(args, client)? {
        let declared = hook.declared_checksum.ok_or_else(|| Error::Unmet {
            detail: format!("the node does not declare {} any more", args.name),
            hint: None,
        })?;
        return Ok((declared, hook.pinned_checksum));
    }
    let found = kubernetes_hook(args, client)?.ok_or_else(|| Error::Unmet {
        detail: format!("node {} has no hook {} in this project", args.node, args.name),
        hint: Some("`plexctl hook list` and `plexctl hook catalogue` show them all".to_owned()),
    })?;
    let pinned = found.pinned_image_digest.unwrap_or_default();
    Ok((found.image_digest, pinned))
}

fn script_hook(args: &Args, client: &Client) -> Result<Option<HookRow>, Error> {
    let mut found = None;
    let call = Call::get(paths::node_hooks(args.project)).query("node_id", Some(args.node));
    walk::<HookRow>(client, &call, |page| {
        let mut hooks = page.view.items.into_iter();
        // A server that does not know the filter gives other nodes' hooks too.
        found = hooks.find(|hook| hook.node_id == args.node && hook.name == args.name);
        Ok(found.is_none())
    })?;
    Ok(found)
}

fn kubernetes_hook(args: &Args, client: &Client) -> Result<Option<DiscoveredHookRow>, Error> {
    let mut found = None;
    let call = Call::get(paths::HOOKS).query("project_id", Some(args.project));
    walk::<DiscoveredHookRow>(client, &call, |page| {
        let mut hooks = page.view.items.into_iter();
        found = hooks.find(|hook| hook.node_id == args.node && hook.name == args.name);
        Ok(found.is_none())
    })?;
    Ok(found)
}
