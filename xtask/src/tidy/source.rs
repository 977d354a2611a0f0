//! Rules for single files: length, unfinished work, `unsafe`, dead files.

use super::Source;

/// A file has at most this many lines, so that a newcomer finds the place in it.
const FILE_LINES_MAX: usize = 700;
/// A function fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may contain `unsafe`: small, named, every block with its SAFETY comment.
const UNSAFE: [&str; 5] = [
    "crates/base/md5-lanes/src/lanes.rs",
    "crates/engine/sandbox/src/sys.rs",
    "crates/engine/sandbox/src/sys/",
    "crates/service/kms/src/crypto/ffi.rs",
    "crates/service/sns/src/sha1.rs",
];

/// Marks of unfinished or forbidden things. Split, so that this file does not contain them.
const BANNED: [(&str, &str); 6] = [
    (concat!("todo", "!("), "unfinished work does not land"),
    (concat!("unimplemented", "!("), "unfinished work does not land"),
    (concat!("dbg", "!("), "a leftover of debugging"),
    (concat!("#[ig", "nore"), "no test is switched off"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
];

/// Complaints about one file.
pub fn check(source: &Source, all: &[Source]) -> Vec<String> {
    let generated = source.path.starts_with("crates/api/");
    let mut complaints = Vec::new();
    let mut complain = |what: String| complaints.push(format!("{}: {what}", source.path));
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX && !generated {
        complain(format!("{lines} lines, at most {FILE_LINES_MAX}"));
    }
    for (word, why) in BANNED {
        if source.text.contains(word) {
            complain(format!("{word:?}: {why}"));
        }
    }
    if !source.text.starts_with("//!") && !source.text.starts_with("#!") {
        complain("the first line does not say what the file is for (//! …)".to_owned());
    }
    if has_unsafe(&source.text) && !UNSAFE.iter().any(|path| source.path.starts_with(path)) {
        complain("unsafe code outside the modules that xtask/src/tidy/source.rs names".to_owned());
    }
    // Tests are tables of data, as long as there are cases.
    let tests = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
    if !generated && !tests {
        for (name, lines) in long_functions(&source.text) {
            complain(format!("fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"));
        }
    }
    if is_dead(source, all) {
        complain("no `mod` leads to this file".to_owned());
    }
    complaints
}

fn has_unsafe(text: &str) -> bool {
    let word = concat!("uns", "afe ");
    text.lines().map(str::trim_start).any(|line| {
        !line.starts_with("//") && (line.contains(&format!("{word}{{")) || line.starts_with(word))
    })
}

/// Names and lengths of functions that are too long. Relies on rustfmt: a function ends at the
/// first closing brace of its own indentation.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = lines[start..]
            .iter()
            .position(|l| l.len() == indent + 1 && l.ends_with('}') && l.trim_start().len() == 1);
        if let Some(length) = end.filter(|length| *length > FUNCTION_LINES_MAX) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let rest = ["pub(crate) ", "pub(super) ", "pub "].iter().find_map(|p| code.strip_prefix(p));
    let mut rest = rest.unwrap_or(code);
    for qualifier in ["const ", "async ", concat!("uns", "afe "), "extern \"C\" "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    if rest.ends_with(';') || rest.ends_with("{}") {
        return None;
    }
    rest.split(['(', '<']).next()
}

/// A file below `src` that is no crate root and that no file declares as a module.
fn is_dead(source: &Source, all: &[Source]) -> bool {
    let Some((folder, file)) = source.path.rsplit_once('/') else { return false };
    let stem = file.trim_end_matches(".rs");
    let is_root = ["lib", "main", "build"].contains(&stem)
        || !source.path.contains("/src/")
        || source.path.contains("/src/bin/");
    if is_root {
        return false;
    }
    let (home, name) = if stem == "mod" {
        let Some((home, name)) = folder.rsplit_once('/') else { return false };
        (home, name)
    } else {
        (folder, stem)
    };
    // The parent module lies in the same folder (lib.rs, main.rs, mod.rs) or is FOLDER.rs.
    let parents = [
        format!("{home}/lib.rs"),
        format!("{home}/main.rs"),
        format!("{home}/mod.rs"),
        format!("{home}.rs"),
    ];
    let declaration = format!("mod {name};");
    !all.iter().any(|s| parents.contains(&s.path) && s.text.contains(&declaration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_long_functions_by_their_braces() {
        let body = "    let x = 1;\n".repeat(FUNCTION_LINES_MAX);
        let text =
            format!("pub async fn long<T>(\n    a: u8,\n) {{\n{body}}}\n\nfn short() {{\n}}\n");
        assert_eq!(long_functions(&text), [("long".to_owned(), FUNCTION_LINES_MAX + 4)]);
    }

    #[test]
    fn finds_dead_files() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let all = [
            source("crates/x/src/lib.rs", "mod a;\nmod ops;\n"),
            source("crates/x/src/a.rs", "//! a"),
            source("crates/x/src/b.rs", "//! b"),
            source("crates/x/src/ops/mod.rs", "mod get;\n"),
            source("crates/x/src/ops/get.rs", "//! get"),
        ];
        let dead: Vec<&str> =
            all.iter().filter(|s| is_dead(s, &all)).map(|s| s.path.as_str()).collect();
        assert_eq!(dead, ["crates/x/src/b.rs"]);
    }
}
