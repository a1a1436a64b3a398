//! Outputs that travelled inline. They belong to terminal invocations, so they never change.

use crate::db::{Error, Sql, Tx};
use crate::values;
use uuid::Uuid;

/// The inline outputs of an execution's nodes from `first` to `last`, by node id.
pub async fn range(
    tx: &mut Tx,
    execution_id: Uuid,
    first: Uuid,
    last: Uuid,
) -> Result<Vec<(Uuid, Vec<u8>)>, Error> {
    tx.all(
        Sql::Each {
            sqlite: "select i.node_id, o.bytes
                from invocations i join outputs o on o.id = i.output_id
                where i.execution_id = $1 and i.node_id between $2 and $3
                order by i.node_id",
            postgres: "select node_id, bytes
                from outputs
                where execution_id = $1 and node_id between $2 and $3
                order by node_id",
        },
        &values![execution_id, first, last],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .await
}

/// Whether an object may still be needed: its invocation refers to it or has not ended.
pub async fn is_needed(tx: &mut Tx, execution_id: Uuid, node_id: Uuid, key: &str) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select 1
            from invocations
            where execution_id = $1 and node_id = $2
                and (output_key = $3 or live = 1)",
            &values![execution_id, node_id, key],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// One inline output.
pub async fn find(tx: &mut Tx, execution_id: Uuid, node_id: Uuid) -> Result<Option<Vec<u8>>, Error> {
    Ok(range(tx, execution_id, node_id, node_id)
        .await?
        .pop()
        .map(|(_, bytes)| bytes))
}
