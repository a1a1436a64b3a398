//! What only writes: sent without waiting for its answer, several statements as one where they were gathered.

use super::Session;
use super::owed::Encoded;
use super::statements::{Key, Prepared, arrays, transposed, united};
use crate::db::tx::Sql;
use crate::db::{Error, Value};
use std::sync::Arc;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

/// What is to be written, and has not been sent.
pub(in crate::db) struct Write {
    prepared: Arc<Prepared>,
    values: Vec<Encoded>,
}

impl Session {
    /// Sends a statement for many sets of values; its answer is owed.
    pub(in crate::db) async fn execute_each<'v, const N: usize>(
        &mut self,
        sql: Sql,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<(), Error> {
        let sets: Vec<[Value<'v>; N]> = sets.into_iter().collect();
        let Some(first) = sets.first() else {
            return Ok(());
        };
        match sql {
            Sql::Each { .. } => {
                let prepared = self.prepared(sql, &[]).await?;
                self.write(prepared, &arrays(&transposed(&sets)))
            }
            Sql::Both(_) => {
                let prepared = self.prepared(sql, first).await?;
                for values in &sets {
                    self.write(Arc::clone(&prepared), &prepared.given(values))?;
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, prepared: Arc<Prepared>, given: &[&(dyn ToSql + Sync)]) -> Result<(), Error> {
        let values = Encoded::all(&prepared.statement, given)?;
        match &mut self.gathered {
            Some(gathered) => gathered.push(Write { prepared, values }),
            None => self.owe(prepared.statement.clone(), values),
        }
        Ok(())
    }

    fn owe(&mut self, statement: Statement, values: Vec<Encoded>) {
        let client = Arc::clone(&self.client);
        self.owed
            .begin(async move { client.execute_raw(&statement, values).await.map(|_| ()) });
    }

    /// Gathers what is written from now on.
    pub(in crate::db) fn gather(&mut self) {
        self.gathered = Some(Vec::new());
    }

    /// What was gathered; from now on, what is written is sent again.
    pub(in crate::db) fn gathered(&mut self) -> Vec<Write> {
        self.gathered.take().unwrap_or_default()
    }

    /// Sends several writes as one statement. To begin and to end a statement costs about as much as a small one does,
    /// and each answer wakes both sides.
    pub(in crate::db) async fn write_united(&mut self, writes: Vec<Write>) -> Result<(), Error> {
        let statement = match &writes[..] {
            [] => return Ok(()),
            [alone] => alone.prepared.statement.clone(),
            several => self.united(several).await?,
        };
        let values = writes.into_iter().flat_map(|write| write.values);
        self.owe(statement, values.collect());
        Ok(())
    }

    /// Several statements as one, with the values of all.
    async fn united(&mut self, several: &[Write]) -> Result<Statement, Error> {
        let keys: Vec<Key> = several.iter().map(|write| write.prepared.key).collect();
        if let Some(known) = self.unions.get(&keys) {
            return Ok(known.clone());
        }
        let (text, types) = united(several.iter().map(|write| &*write.prepared));
        let answer = self.client.prepare_typed(&text, &types).await;
        let statement = self.answered(answer).await?;
        self.unions.insert(keys, statement.clone());
        Ok(statement)
    }
}
