//! `plexsphere admin stats`: what takes the room in the database.

use crate::bootstrap::with_database;
use crate::cli::{self, Failure, Output};
use crate::data_dir::DataDir;
use crate::database::DatabaseArgs;
use clap::Args;
use plex_store::usage::{self, ProjectUsage, TableUsage};
use plex_store::{Error, Tx};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// How many projects are told of.
const PROJECTS: u32 = 20;

/// The flags of `plexsphere admin stats`
#[derive(Debug, Clone, Args)]
pub struct StatsArgs {
    /// Data directory, made by `plexsphere init`
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

struct Stats {
    tables: Vec<TableUsage>,
    projects: Vec<ProjectUsage>,
    free: Option<u64>,
}

/// Prints how large each table is and whose the history is, whether or not a server runs on the database.
pub fn run(args: &StatsArgs) -> Result<(), Failure> {
    let dir = DataDir::open(&args.data_dir)?;
    let engine = dir.engine(&args.database)?;
    let stats = with_database(&engine, async |db| {
        let read = async |tx: &mut Tx| {
            Ok::<_, Error>(Stats {
                tables: usage::tables(tx).await?,
                projects: usage::projects(tx, PROJECTS).await?,
                free: usage::free(tx).await?,
            })
        };
        Ok(db.read(read).await?)
    })?;
    match args.output {
        Output::Text => cli::print(&stats.text()),
        Output::Json => cli::print(&format!("{:#}", stats.json())),
    }
}

impl Stats {
    fn text(&self) -> String {
        let mut text = format!("{:<24}{:>14}{:>14}\n", "TABLE", "ROWS", "BYTES");
        for TableUsage { name, rows, bytes } in &self.tables {
            let _ = writeln!(text, "{name:<24}{rows:>14}{bytes:>14}");
        }
        if let Some(free) = self.free {
            let _ = writeln!(text, "{:<24}{:>14}{free:>14}", "(free)", "");
        }
        let _ = write!(
            text,
            "\n{:<38}{:>14}  {:<28}NEWEST",
            "PROJECT", "EXECUTIONS", "OLDEST"
        );
        for project in &self.projects {
            let (id, oldest) = (project.project_id, project.oldest.to_string());
            let (executions, newest) = (project.executions, project.newest);
            let _ = write!(text, "\n{id:<38}{executions:>14}  {oldest:<28}{newest}");
        }
        text
    }

    fn json(&self) -> Value {
        let table = |TableUsage { name, rows, bytes }: &TableUsage| json!({"name": name, "rows": rows, "bytes": bytes});
        let project = |project: &ProjectUsage| {
            json!({
                "id": project.project_id,
                "slug": project.slug,
                "executions": project.executions,
                "oldest": project.oldest,
                "newest": project.newest,
            })
        };
        json!({
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
            "free_bytes": self.free,
            "projects": self.projects.iter().map(project).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn both_forms_tell_the_same() {
        let stats = Stats {
            tables: vec![TableUsage {
                name: "executions".to_owned(),
                rows: 3,
                bytes: 8192,
            }],
            projects: vec![ProjectUsage {
                project_id: Uuid::max(),
                slug: "web".to_owned(),
                executions: 3,
                oldest: "2026-01-01T00:00:00Z".parse().unwrap(),
                newest: "2026-02-01T00:00:00Z".parse().unwrap(),
            }],
            free: Some(4096),
        };
        let text = stats.text();
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[1], ["executions", "3", "8192"]);
        assert_eq!(words[2], ["(free)", "4096"]);
        let project = [
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "3",
            "2026-01-01T00:00:00Z",
            "2026-02-01T00:00:00Z",
        ];
        assert_eq!(words[5], project);
        let json = stats.json();
        assert_eq!(json["tables"][0]["bytes"], 8192);
        assert_eq!(
            (&json["projects"][0]["slug"], &json["free_bytes"]),
            (&json!("web"), &json!(4096))
        );
    }
}
