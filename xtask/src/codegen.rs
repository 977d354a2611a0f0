//! `xtask codegen`: the crates under `crates/api` from the facts in `models/`.
//!
//! A service becomes four files: `table.json` (its schema, embedded and parsed on first use),
//! `types.rs` (structs and enums that point into the table), `lib.rs` (operations and errors,
//! handed to `kernel::api!`) and `Cargo.toml`. All are committed; CI regenerates and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use shape::{Kind, Member, Model, Shape};

use crate::names::{pascal, snake, type_name};
use crate::{Result, access, root};

/// One service's entry in `models/operations.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Directory in botocore, when it is not our name for the service.
    pub model: Option<String>,
    #[serde(default)]
    error_namespace: String,
    validation_code: String,
    /// Shapes whose pattern needs what `regex` lacks (look-around): handlers check those.
    #[serde(default)]
    handler_checked_patterns: Vec<String>,
    /// Maps that handlers may answer as finished JSON (`shape::Prepared`).
    #[serde(default)]
    prepared: Vec<String>,
    operations: Vec<String>,
}

/// The list of services.
pub fn services() -> Result<BTreeMap<String, Service>> {
    Ok(toml::from_str(&fs::read_to_string(root().join("models/operations.toml"))?)?)
}

/// Writes the generated files, or (with `check`) only compares them.
pub fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (name, service) in services()? {
        for (path, content) in generate(&name, &service).map_err(|e| format!("{name}: {e}"))? {
            let full = root().join(&path);
            if fs::read_to_string(&full).ok().as_deref() == Some(&content) {
                continue;
            }
            if check {
                stale.push(path);
                continue;
            }
            fs::create_dir_all(full.parent().ok_or("a file has a folder")?)?;
            fs::write(&full, content)?;
            println!("wrote {path}");
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("run `cargo xtask codegen`; out of date: {}", stale.join(", ")).into())
}

fn generate(name: &str, service: &Service) -> Result<Vec<(String, String)>> {
    let model = load(name, service)?;
    let dir = format!("crates/api/{name}");
    Ok(vec![
        (format!("{dir}/src/table.json"), table(&model)?),
        (format!("{dir}/src/types.rs"), rustfmt(&types(&model, &service.prepared)?)?),
        (format!("{dir}/src/lib.rs"), rustfmt(&library(name, &model)?)?),
    ])
}

fn load(name: &str, service: &Service) -> Result<Model> {
    let path = root().join(format!("models/botocore/{name}.json"));
    let mut json: Json = serde_json::from_str(&fs::read_to_string(path)?)?;
    let patch = root().join(format!("models/patches/{name}.json"));
    if patch.exists() {
        merge(&mut json, &serde_json::from_str(&fs::read_to_string(patch)?)?);
    }
    let wanted: BTreeSet<&str> = service.operations.iter().map(String::as_str).collect();
    let mut model = shape::botocore::load(&json, &|op| wanted.contains(op))?;
    let known: BTreeSet<&str> = model.operations.iter().map(|op| op.name.as_str()).collect();
    if let Some(unknown) = wanted.difference(&known).next() {
        return Err(format!("operations.toml lists {unknown}, which the model lacks").into());
    }
    model.service.error_namespace = service.error_namespace.clone();
    model.service.validation_code = service.validation_code.clone();
    model.service.name = name.to_owned();
    access::add(name, &mut model)?;
    for shape in &model.shapes {
        let excused = service.handler_checked_patterns.contains(&shape.name);
        let broken = shape.pattern.as_ref().filter(|p| p.regex().is_none());
        match broken {
            Some(pattern) if !excused => {
                return Err(format!(
                    "{}: the pattern {:?} does not compile: let a handler check it, and list the \
                     shape in handler_checked_patterns",
                    shape.name, pattern.text
                )
                .into());
            }
            None if excused => return Err(format!("{}: no excuse needed", shape.name).into()),
            _ => {}
        }
    }
    Ok(model)
}

/// RFC 7396 merge patch.
fn merge(target: &mut Json, patch: &Json) {
    let (Json::Object(target), Json::Object(patch)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Json::Null), value);
        }
    }
}

/// The embedded table: JSON, one operation or shape a line.
fn table(model: &Model) -> Result<String> {
    let rows = |items: Vec<serde_json::Result<String>>| -> Result<String> {
        Ok(items.into_iter().collect::<std::result::Result<Vec<_>, _>>()?.join(",\n"))
    };
    let uris = match model.unserved_uris.is_empty() {
        true => String::new(),
        false => format!("\"unserved_uris\":{},\n", serde_json::to_string(&model.unserved_uris)?),
    };
    Ok(format!(
        "{{\"service\":{},\n\"unserved\":{},\n{uris}\"operations\":[\n{}\n],\"shapes\":[\n{}\n]}}\n",
        serde_json::to_string(&model.service)?,
        serde_json::to_string(&model.unserved)?,
        rows(model.operations.iter().map(serde_json::to_string).collect())?,
        rows(model.shapes.iter().map(serde_json::to_string).collect())?,
    ))
}

const HEADER: &str = "// Generated by `cargo xtask codegen` from models/. Do not edit.\n\n";

fn types(model: &Model, prepared: &[String]) -> Result<String> {
    let types = Types { model, prepared };
    let mut out = format!(
        "//! The service's types, each pointing into the table.\n{HEADER}\
         #![allow(missing_docs, unused_imports, clippy::type_complexity)]\n\
         use std::collections::BTreeMap;\nuse shape::{{Blob, Document, Timestamp}};\n\
         use crate::MODEL;\n\n"
    );
    for (index, shape) in model.shapes.iter().enumerate() {
        match shape.kind {
            Kind::Structure if shape.union => types.union(&mut out, index, shape)?,
            Kind::Structure => types.structure(&mut out, index, shape)?,
            Kind::String if !shape.values.is_empty() => string_enum(&mut out, shape)?,
            _ => {}
        }
    }
    Ok(out)
}

/// What decides about the types.
struct Types<'a> {
    model: &'a Model,
    prepared: &'a [String],
}

impl Types<'_> {
    fn structure(&self, out: &mut String, index: usize, shape: &Shape) -> Result<()> {
        let name = type_name(&shape.name);
        writeln!(out, "#[derive(Clone, Default)]\npub struct {name} {{")?;
        let mut fields = String::new();
        for member in &shape.members {
            let field = snake(&member.name);
            let mut ty = self.member_type(member);
            if reaches(self.model, member.target, index as u32) {
                ty = format!("Box<{ty}>");
            }
            if !member.required {
                ty = format!("Option<{ty}>");
            }
            writeln!(out, "    pub {field}: {ty},")?;
            write!(fields, ", {field}")?;
        }
        writeln!(out, "}}\nshape::structure!({name}, MODEL, {index}{fields});\n")?;
        Ok(())
    }

    fn union(&self, out: &mut String, index: usize, shape: &Shape) -> Result<()> {
        let name = type_name(&shape.name);
        writeln!(out, "#[derive(Clone, Default)]\npub enum {name} {{\n    #[default]\n    Unset,")?;
        let mut variants = String::new();
        for member in &shape.members {
            let variant = pascal(&member.name);
            let mut ty = self.member_type(member);
            if reaches(self.model, member.target, index as u32) {
                ty = format!("Box<{ty}>");
            }
            writeln!(out, "    {variant}({ty}),")?;
            write!(variants, ", {variant}")?;
        }
        writeln!(out, "}}\nshape::union!({name}, MODEL, {index}{variants});\n")?;
        Ok(())
    }

    fn member_type(&self, member: &Member) -> String {
        let shape = &self.model.shapes[member.target as usize];
        let element = |i: usize| self.member_type(&shape.members[i]);
        match shape.kind {
            Kind::Structure => type_name(&shape.name),
            Kind::List => format!("Vec<{}>", element(0)),
            Kind::Map if self.prepared.contains(&shape.name) => {
                format!("shape::Prepared<BTreeMap<String, {}>>", element(1))
            }
            Kind::Map => format!("BTreeMap<String, {}>", element(1)),
            Kind::String if shape.values.is_empty() => "String".to_owned(),
            Kind::String => type_name(&shape.name),
            Kind::Blob if member.streaming || shape.streaming => "shape::ByteStream".to_owned(),
            Kind::Blob => "Blob".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Integer => "i32".to_owned(),
            Kind::Long => "i64".to_owned(),
            Kind::Float => "f32".to_owned(),
            Kind::Double => "f64".to_owned(),
            Kind::Timestamp => "Timestamp".to_owned(),
            Kind::Document => "Document".to_owned(),
        }
    }
}

fn string_enum(out: &mut String, shape: &Shape) -> Result<()> {
    let mut taken = BTreeSet::new();
    let mut rows = String::new();
    for value in &shape.values {
        let mut variant = pascal(value);
        while !taken.insert(variant.clone()) {
            variant.push('_');
        }
        write!(rows, "{variant} = {value:?}, ")?;
    }
    writeln!(out, "shape::string_enum!({} {{ {rows} }});\n", type_name(&shape.name))?;
    Ok(())
}

/// Whether `from` contains `to` by structures alone: such a member needs a box.
fn reaches(model: &Model, from: u32, to: u32) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(index) = open.pop() {
        let shape = &model.shapes[index as usize];
        if shape.kind != Kind::Structure || !seen.insert(index) {
            continue;
        }
        if index == to {
            return true;
        }
        open.extend(shape.members.iter().map(|m| m.target));
    }
    false
}

fn library(name: &str, model: &Model) -> Result<String> {
    let shape_name = |index: u32| type_name(&model.shapes[index as usize].name);
    let mut out = format!(
        "//! {} ({}): types, trait, errors, client.\n{HEADER}mod types;\n\npub use types::*;\n\n\
         use std::sync::LazyLock;\n\n\
         /// The service's model, parsed on first use.\n\
         pub static MODEL: LazyLock<&'static shape::Model> =\n    \
         LazyLock::new(|| shape::Model::from_table(include_str!(\"table.json\")));\n\n",
        model.service.id, model.service.api_version
    );
    writeln!(out, "kernel::api! {{\n    service {name:?};\n    operations {{")?;
    for (index, op) in model.operations.iter().enumerate() {
        writeln!(
            out,
            "        {index} {}({}) -> {};",
            snake(&op.name),
            shape_name(op.input.target),
            shape_name(op.output.target)
        )?;
    }
    let errors: BTreeSet<String> =
        model.operations.iter().flat_map(|op| &op.errors).map(|&index| shape_name(index)).collect();
    let errors: Vec<String> = errors.into_iter().collect();
    writeln!(out, "    }}\n    errors {{ {} }}\n}}\n", errors.join(", "))?;
    serve_macro(&mut out, model)?;
    Ok(out)
}

/// `serve!(Type, ops)`: implements the trait with the functions of the module `ops`.
fn serve_macro(out: &mut String, model: &Model) -> Result<()> {
    writeln!(
        out,
        "/// Implements [`Api`] for a type: every operation is the function of its name in the\n\
         /// module `$ops`, `async fn(&Type, &Ctx, Input) -> Result<Output, Error>`.\n\
         #[macro_export]\nmacro_rules! serve {{\n    ($type:ty, $ops:ident) => {{\n        \
         impl $crate::Api for $type {{"
    )?;
    for op in &model.operations {
        let function = snake(&op.name);
        let input = type_name(&model.shapes[op.input.target as usize].name);
        let output = type_name(&model.shapes[op.output.target as usize].name);
        writeln!(
            out,
            "            fn {function}<'a>(&'a self, ctx: &'a kernel::Ctx, input: $crate::{input})\n\
                             -> kernel::BoxFuture<'a, Result<$crate::{output}, $crate::Error>> {{\n\
                                 kernel::boxed(move || $ops::{function}(self, ctx, input))\n            }}"
        )?;
    }
    writeln!(out, "        }}\n    }};\n}}")?;
    Ok(())
}

fn rustfmt(code: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root().join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("rustfmt's input")?.write_all(code.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("rustfmt refused the generated code".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
