//! A row for each target, with its execution's fields in every one.

use super::Writer;
use crate::document::{Members, own};
use crate::error::Error;
use crate::execution_stream::Visit;
use crate::view::{Head, Target};
use jiff::Timestamp;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// Rows of a row group, at most: readers want many, and all of them are kept until it is written.
const GROUP_ROWS: usize = 10_000;
/// Bytes of the texts of a row group from which it is written although it has fewer rows.
const GROUP_BYTES: usize = 64 * 1024 * 1024;

/// The columns, in the order of the schema; those of the execution come first.
const SCHEMA: &str = "message target {
    required binary execution_id (UTF8);
    required binary project_id (UTF8);
    required binary domain_id (UTF8);
    required binary action (UTF8);
    required binary type (UTF8);
    required binary execution_status (UTF8);
    required int64 created_at (TIMESTAMP(MICROS,true));
    required int64 updated_at (TIMESTAMP(MICROS,true));
    optional int64 expires_at (TIMESTAMP(MICROS,true));
    optional int64 timeout_seconds;
    optional binary dispatched_by (UTF8);
    optional binary selector (UTF8);
    optional binary parameters (UTF8);
    required binary node_id (UTF8);
    optional binary node_name (UTF8);
    required binary status (UTF8);
    required int64 status_at (TIMESTAMP(MICROS,true));
    optional int64 started_at (TIMESTAMP(MICROS,true));
    optional int64 finished_at (TIMESTAMP(MICROS,true));
    optional int64 exit_code;
    optional binary error (UTF8);
}";

#[derive(Deserialize)]
struct ExecutionFields {
    id: String,
    project_id: String,
    domain_id: String,
    action: String,
    r#type: String,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Option<Timestamp>,
    timeout_seconds: Option<i64>,
    dispatched_by: Option<String>,
    selector: Option<String>,
    parameters: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct TargetFields {
    node_id: String,
    node_name: Option<String>,
    status: String,
    updated_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    exit_code: Option<i64>,
    error: Option<String>,
}

/// A value of a row. Clones of a text share it.
#[derive(Clone)]
enum Cell {
    Text(Option<ByteArray>),
    Number(Option<i64>),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into_bytes().into()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<Option<Timestamp>> for Cell {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Number(time.map(Timestamp::as_microsecond))
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Some(time).into()
    }
}

impl ExecutionFields {
    fn cells(self) -> Vec<Cell> {
        vec![
            self.id.into(),
            self.project_id.into(),
            self.domain_id.into(),
            self.action.into(),
            self.r#type.into(),
            self.status.into(),
            self.created_at.into(),
            self.updated_at.into(),
            self.expires_at.into(),
            self.timeout_seconds.into(),
            self.dispatched_by.into(),
            self.selector.into(),
            self.parameters.map(|raw| raw.get().to_owned()).into(),
        ]
    }
}

impl TargetFields {
    fn cells(self) -> Vec<Cell> {
        vec![
            self.node_id.into(),
            self.node_name.into(),
            self.status.into(),
            self.updated_at.into(),
            self.started_at.into(),
            self.finished_at.into(),
            self.exit_code.into(),
            self.error.into(),
        ]
    }
}

fn bytes(cells: &[Cell]) -> usize {
    let length = |cell: &Cell| match cell {
        Cell::Text(text) => text.as_ref().map_or(0, ByteArray::len),
        Cell::Number(_) => 8,
    };
    cells.iter().map(length).sum()
}

/// Where the file's bytes are until they are taken.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Shelf {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().expect("no holder of this lock panics"))
    }
}

impl Write for Shelf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no holder of this lock panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes rows.
pub(super) struct Rows {
    file: SerializedFileWriter<Shelf>,
    shelf: Shelf,
    /// The targets of the execution that is being read.
    targets: Vec<Vec<Cell>>,
    group: Vec<(Rc<Vec<Cell>>, Vec<Cell>)>,
    group_bytes: usize,
}

impl Rows {
    pub(super) fn new() -> Result<Self, Error> {
        let shelf = Shelf::default();
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(unwritable)?);
        let properties = Arc::new(WriterProperties::builder().build());
        let file = SerializedFileWriter::new(shelf.clone(), schema, properties).map_err(unwritable)?;
        Ok(Self {
            file,
            shelf,
            targets: Vec::new(),
            group: Vec::new(),
            group_bytes: 0,
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        self.group_bytes = 0;
        let mut writer = self.file.next_row_group()?;
        let mut index = 0;
        while let Some(mut column) = writer.next_column()? {
            let (mut texts, mut numbers, mut levels) = (Vec::new(), Vec::new(), Vec::new());
            for (execution, target) in &group {
                let cell = execution
                    .get(index)
                    .unwrap_or_else(|| &target[index - execution.len()]);
                match cell {
                    Cell::Text(text) => texts.extend(text.clone()),
                    Cell::Number(number) => numbers.extend(*number),
                }
                let is_there = !matches!(cell, Cell::Text(None) | Cell::Number(None));
                levels.push(i16::from(is_there));
            }
            // Of a required column the levels are not read.
            match &group[0]
                .0
                .get(index)
                .unwrap_or_else(|| &group[0].1[index - group[0].0.len()])
            {
                Cell::Text(_) => column
                    .typed::<ByteArrayType>()
                    .write_batch(&texts, Some(&levels), None)?,
                Cell::Number(_) => column
                    .typed::<Int64Type>()
                    .write_batch(&numbers, Some(&levels), None)?,
            };
            column.close()?;
            index += 1;
        }
        writer.close().map(drop)
    }
}

impl Visit for Rows {
    fn begin(&mut self, _: &Members) -> Result<(), Error> {
        self.targets.clear();
        Ok(())
    }

    fn target(&mut self, raw: &RawValue, _: &Target) -> Result<(), Error> {
        self.targets.push(read::<TargetFields>(raw)?.cells());
        Ok(())
    }

    fn end(&mut self, _: &Head, members: &Members) -> Result<(), Error> {
        let execution = Rc::new(read::<ExecutionFields>(&own(members))?.cells());
        let execution_bytes = bytes(&execution);
        for target in std::mem::take(&mut self.targets) {
            self.group_bytes += execution_bytes + bytes(&target);
            self.group.push((Rc::clone(&execution), target));
            if self.group.len() >= GROUP_ROWS || self.group_bytes >= GROUP_BYTES {
                self.write_group().map_err(unwritable)?;
            }
        }
        Ok(())
    }
}

impl Writer for Rows {
    fn take(&mut self) -> Vec<u8> {
        self.shelf.take()
    }

    fn finish(&mut self) -> Result<(), Error> {
        if !self.group.is_empty() {
            self.write_group().map_err(unwritable)?;
        }
        self.file.finish().map(drop).map_err(unwritable)
    }
}

fn read<'r, T: Deserialize<'r>>(raw: &'r RawValue) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|cause| Error::Contract(cause.to_string()))
}

fn unwritable(cause: ParquetError) -> Error {
    Error::local("cannot write the export", io::Error::other(cause))
}
