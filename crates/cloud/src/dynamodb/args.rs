//! The command line of `gureum dynamodb`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::Target;

/// Tables and files.
#[derive(Debug, Subcommand)]
pub enum DynamoDb {
    /// Put the items of a file into a table.
    Import(Import),
    /// Write all items of a table into a file.
    Export(Export),
}

/// What a file to import holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object on each line, its values as they are: {"id": 1, "tags": ["a"]}.
    Json,
    /// A JSON object on each line, its values with their types, as exports to S3 have them:
    /// {"Item": {"id": {"N": "1"}}}, or the same without "Item".
    DynamodbJson,
    /// A line of column names, then an item on each line.
    Csv,
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// With types: nothing is lost.
    DynamodbJson,
    /// Values as they are: sets become lists, binary values base64.
    Json,
}

/// An import.
#[derive(Debug, Args)]
pub struct Import {
    /// JSON lines or CSV, maybe compressed by gzip; `-` is the standard input.
    pub file: PathBuf,
    /// The table.
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// What the file holds [default: what it looks like].
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Make the table first, billed per request.
    #[arg(long, requires = "key")]
    pub create: bool,
    /// With --create: the partition key and its type, S, N or B [default type: S].
    #[arg(long, value_name = "NAME[:TYPE]", requires = "create", value_parser = key)]
    pub key: Option<Column>,
    /// With --create: the sort key and its type.
    #[arg(long, value_name = "NAME[:TYPE]", requires = "create", value_parser = key)]
    pub sort_key: Option<Column>,
    /// CSV: types of columns that are neither strings nor keys, like `age:N,member:BOOL`.
    #[arg(long, value_name = "NAME:TYPE", value_delimiter = ',', value_parser = column)]
    pub types: Vec<Column>,
    /// CSV: names of the columns, if the first line of the file is an item.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub header: Vec<String>,
    /// CSV: what is between columns.
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub delimiter: char,
    /// Put lines that could not be imported into this file, to be mended and imported again.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Begin with this line: goes on with an import that broke off.
    #[arg(long, value_name = "LINE", default_value_t = 1)]
    pub from_line: u64,
    /// Requests at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
    #[command(flatten)]
    pub target: Target,
}

/// An export.
#[derive(Debug, Args)]
pub struct Export {
    /// Must not exist yet; compressed if its name ends with `.gz`; `-` is the standard output.
    pub file: PathBuf,
    /// The table.
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// How to write items.
    #[arg(long, value_enum, default_value = "dynamodb-json")]
    pub format: ExportFormat,
    /// Requests at once, each for a part of the table.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
    #[command(flatten)]
    pub target: Target,
}

/// A column or key and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The attribute.
    pub name: String,
    /// `S`, `N` and so on.
    pub attribute_type: String,
}

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"];

fn column(text: &str) -> Result<Column, String> {
    let (name, attribute_type) = text.rsplit_once(':').unwrap_or((text, "S"));
    if name.is_empty() {
        return Err("a column has a name".into());
    }
    if !TYPES.contains(&attribute_type) {
        return Err(format!("{attribute_type:?} is none of the types {}", TYPES.join(", ")));
    }
    Ok(Column { name: name.to_owned(), attribute_type: attribute_type.to_owned() })
}

fn key(text: &str) -> Result<Column, String> {
    let key = column(text)?;
    match key.attribute_type.as_str() {
        "S" | "N" | "B" => Ok(key),
        _ => Err("a key has one of the types S, N and B".into()),
    }
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), Some('t')) => Ok('\t'),
        (Some(one), None) if one != '"' && !one.is_control() || one == '\t' => Ok(one),
        _ => Err("one character, not a quote; \\t is a tab".into()),
    }
}
