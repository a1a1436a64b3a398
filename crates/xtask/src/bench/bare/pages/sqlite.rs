//! The page from SQLite, by a connection of each thread.

use super::json::{Execution, Items, Target};
use super::{NAMES, TARGET, page_sql};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plex_api::limits::DEFAULT_PAGE;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Row};
use uuid::Uuid;

const EXECUTIONS: &str = "executions indexed by executions_by_time";
/// Where `store::invocations::attach_targets` looks.
const TARGETS: &str = "json_each($1) ids cross join invocations i on i.execution_id = unhex(ids.value)";

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// Pages of one project.
pub(super) struct Pages {
    path: PathBuf,
    project: Uuid,
    page: String,
    targets: String,
    names: HashMap<Uuid, String>,
}

impl Pages {
    pub(super) fn open(path: &Path, project: Uuid) -> anyhow::Result<Self> {
        let connection = connect(path)?;
        let mut statement = connection.prepare(NAMES)?;
        let mut rows = statement.query([])?;
        let mut names = HashMap::new();
        while let Some(row) = rows.next()? {
            names.insert(id(row, 0)?, row.get(1)?);
        }
        Ok(Self {
            path: path.to_owned(),
            project,
            names,
            page: page_sql("", EXECUTIONS, ""),
            targets: format!("select i.execution_id, {TARGET} from {TARGETS}"),
        })
    }

    /// The first page.
    pub(super) fn page(&self) -> anyhow::Result<Vec<u8>> {
        CONNECTION.with_borrow_mut(|slot| {
            if slot.is_none() {
                *slot = Some(connect(&self.path)?);
            }
            self.read(slot.as_ref().context("it was just connected")?)
        })
    }

    fn read(&self, connection: &Connection) -> anyhow::Result<Vec<u8>> {
        let mut items = Items::default();
        let mut statement = connection.prepare_cached(&self.page)?;
        let mut rows = statement.query(rusqlite::params![
            self.project.as_bytes(),
            0,
            Uuid::nil().as_bytes(),
            i64::MAX,
            Uuid::nil().as_bytes(),
            DEFAULT_PAGE + 1
        ])?;
        while let Some(row) = rows.next()? {
            items.push(&execution(row)?)?;
        }
        let mut statement = connection.prepare_cached(&self.targets)?;
        let mut rows = statement.query([items.ids()])?;
        while let Some(row) = rows.next()? {
            items.push_target(id(row, 0)?, &self.target(row)?)?;
        }
        Ok(items.finish(DEFAULT_PAGE as usize))
    }

    fn target<'r>(&'r self, row: &'r Row<'_>) -> anyhow::Result<Target<'r>> {
        let node_id = id(row, 1)?;
        Ok(Target {
            node_id,
            name: self.names.get(&node_id).context("a node of before")?,
            status: row.get_ref(2)?.as_str()?,
            updated_at: row.get(3)?,
            started_at: row.get(4)?,
            finished_at: row.get(5)?,
            exit_code: row.get(6)?,
            error: row.get_ref(7)?.as_str_or_null()?,
            output_bytes: row.get(9)?,
            output_truncated: row.get(10)?,
        })
    }
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("pragma cache_size = -8000")?;
    Ok(connection)
}

fn execution<'r>(row: &'r Row<'_>) -> anyhow::Result<Execution<'r>> {
    let mut counts = [0; 7];
    for (column, count) in (15..).zip(&mut counts) {
        *count = row.get(column)?;
    }
    Ok(Execution {
        id: id(row, 0)?,
        project_id: id(row, 1)?,
        domain_id: id(row, 2)?,
        action: row.get_ref(3)?.as_str()?,
        kind: row.get_ref(4)?.as_str()?,
        status: row.get_ref(5)?.as_str()?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        expires_at: row.get(8)?,
        timeout_seconds: row.get(9)?,
        parameters: row.get_ref(10)?.as_str_or_null()?,
        selector: row.get_ref(11)?.as_str_or_null()?,
        node_id: row
            .get_ref(12)?
            .as_blob_or_null()?
            .map(Uuid::from_slice)
            .transpose()?,
        dispatched_by: row.get_ref(13)?.as_str()?,
        counts,
    })
}

fn id(row: &Row<'_>, column: usize) -> anyhow::Result<Uuid> {
    Ok(Uuid::from_slice(row.get_ref(column)?.as_blob()?)?)
}
