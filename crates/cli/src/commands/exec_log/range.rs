//! `--from` and `--to`: the executions of a time range.

use crate::error::Error;
use crate::parsing;
use jiff::Timestamp;
use plex_client::operator::Call;

/// When the executions were dispatched.
#[derive(clap::Args)]
pub(crate) struct RangeArgs {
    /// Only executions dispatched at this time or later
    #[arg(long, value_name = "TIME", value_parser = parsing::time)]
    from: Option<Timestamp>,
    /// Only executions dispatched before this time
    #[arg(long, value_name = "TIME", value_parser = parsing::time)]
    to: Option<Timestamp>,
}

impl RangeArgs {
    /// Bounds a list of executions.
    pub(super) fn bound(&self, call: Call) -> Result<Call, Error> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to <= from
        {
            return Err(
                Error::usage("nothing is between --from and --to").hint("--to must be later than --from")
            );
        }
        Ok(call
            .query("created_from", self.from)
            .query("created_before", self.to))
    }

    /// Whether something dispatched then is in it. A server that does not know the bounds passes them over.
    pub(super) fn holds(&self, created_at: Timestamp) -> bool {
        self.from.is_none_or(|from| created_at >= from) && self.to.is_none_or(|to| created_at < to)
    }
}
