//! `gureum dynamodb export`: writes all items of a table into a file.
//!
//! Parts of the table are read at once, each page consistently. The file has its name only when
//! it is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::args::{Export, ExportFormat};
use super::progress::Progress;
use super::table::Described;
use super::{call, plain, table};
use crate::client::{Cloud, CloudError};
use crate::{Failure, status};

/// Pages that wait to be written; each up to 1 MB.
const QUEUE_PAGES: usize = 8;

/// A page of items as text, and how many there are.
type Page = Result<(String, u64), CloudError>;

/// Exports a table.
pub fn export(export: &Export, json: bool) -> Result<ExitCode, Failure> {
    let cloud = status::cloud(&export.target)?;
    let table = table::describe(&cloud, &export.table)?;
    let is_stdout = export.file == Path::new("-");
    let items = if is_stdout {
        run(&cloud, export, &table, &mut BufWriter::new(io::stdout()))?
    } else {
        into_file(&cloud, export, &table)?
    };
    match (is_stdout, json) {
        (true, _) => {}
        (false, true) => println!("{}", json!({ "table": export.table, "exported": items })),
        (false, false) => {
            println!("{items} items of {} are in {}.", export.table, export.file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn into_file(cloud: &Cloud, export: &Export, table: &Described) -> Result<u64, Failure> {
    let file = &export.file;
    let failed = |e: io::Error| Failure::of(file.display(), e);
    if file.try_exists().map_err(failed)? {
        return Err(Failure::of(file.display(), "exists; choose another name"));
    }
    let mut name = OsString::from(file);
    name.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(name);
    let out = File::options().write(true).create_new(true).open(&partial).map_err(failed)?;
    let written = write_file(cloud, export, table, out).and_then(|items| {
        fs::rename(&partial, file).map_err(failed)?;
        Ok(items)
    });
    if written.is_err() {
        // What is left is named as what it is.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_file(
    cloud: &Cloud,
    export: &Export,
    table: &Described,
    file: File,
) -> Result<u64, Failure> {
    let failed = |e: io::Error| Failure::of(export.file.display(), e);
    let out = BufWriter::new(file);
    let (items, out) = if export.file.extension().is_some_and(|extension| extension == "gz") {
        let mut out = GzEncoder::new(out, Compression::default());
        (run(cloud, export, table, &mut out)?, out.finish().map_err(failed)?)
    } else {
        let mut out = out;
        (run(cloud, export, table, &mut out)?, out)
    };
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    Ok(items)
}

/// Writes all items; answers how many.
fn run(
    cloud: &Cloud,
    export: &Export,
    table: &Described,
    out: &mut dyn Write,
) -> Result<u64, Failure> {
    let is_stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        let (sender, pages) = sync_channel(QUEUE_PAGES);
        for segment in 0..export.parallel {
            let (sender, is_stopped) = (sender.clone(), &is_stopped);
            scope.spawn(move || read(cloud, export, segment, is_stopped, &sender));
        }
        drop(sender);
        let written = write(&pages, table, out, &mut Progress::new());
        is_stopped.store(true, Ordering::Relaxed);
        // Whoever waits to send a page learns that nobody takes it.
        drop(pages);
        written
    })
}

fn write(
    pages: &Receiver<Page>,
    table: &Described,
    out: &mut dyn Write,
    progress: &mut Progress,
) -> Result<u64, Failure> {
    let mut items = 0;
    for page in pages {
        let (text, count) = page?;
        out.write_all(text.as_bytes())?;
        items += count;
        progress.show(items, Some(table.items), || format!("{items} items"));
    }
    out.flush()?;
    progress.clear();
    Ok(items)
}

/// Reads one part of the table to its end.
fn read(
    cloud: &Cloud,
    export: &Export,
    segment: u8,
    is_stopped: &AtomicBool,
    pages: &SyncSender<Page>,
) {
    let mut scan = json!({
        "TableName": export.table, "Segment": segment, "TotalSegments": export.parallel,
        "ConsistentRead": true,
    });
    while !is_stopped.load(Ordering::Relaxed) {
        let answer = match call(cloud, "Scan", &scan) {
            Ok(answer) => answer,
            Err(error) => {
                // If nobody takes it, the export has failed already.
                let _ = pages.send(Err(error));
                return;
            }
        };
        let items = answer["Items"].as_array().map_or(&[][..], Vec::as_slice);
        if pages.send(Ok((text(items, export.format), items.len() as u64))).is_err() {
            return;
        }
        match answer.get("LastEvaluatedKey") {
            Some(key) if !key.is_null() => scan["ExclusiveStartKey"] = key.clone(),
            _ => return,
        }
    }
}

/// A line for each item.
fn text(items: &[Value], format: ExportFormat) -> String {
    let mut text = String::new();
    for item in items {
        match (format, item.as_object()) {
            (ExportFormat::Json, Some(item)) => plain::write_item(item, &mut text),
            _ => text.push_str(&json!({ "Item": item }).to_string()),
        }
        text.push('\n');
    }
    text
}
