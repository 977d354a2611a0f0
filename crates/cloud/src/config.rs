//! `samconfig.toml`: options of a project, written down as `sam` reads them.
//!
//! `[ENVIRONMENT.COMMAND.parameters]`, with `global` for all commands. What the command line says
//! counts more. Options that a command does not have here are left out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use toml::{Table, Value};

use crate::Failure;
use crate::args::Arguments;

/// The commands that look at it.
const COMMANDS: [&str; 4] = ["build", "local", "logs", "sync"];
const NAMES: [&str; 1] = ["samconfig.toml"];
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where options are written down.
#[derive(Debug, Clone, Args)]
pub struct Configuration {
    /// A file with options [default: samconfig.toml beside the template].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// The environment in that file [default: default].
    #[arg(long, value_name = "NAME")]
    pub config_env: Option<String>,
}

/// Options of `sam` that are about containers and accounts: taken, and without effect.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of sam without effect here")]
pub struct Idle {
    #[arg(long, hide = true)]
    skip_pull_image: bool,
    #[arg(long, hide = true)]
    force_image_build: bool,
    #[arg(long, hide = true, value_name = "X")]
    docker_network: Option<String>,
    #[arg(long, hide = true, value_name = "X")]
    container_host: Option<String>,
    #[arg(long, hide = true, value_name = "X")]
    container_host_interface: Option<String>,
    #[arg(short = 'v', long, hide = true, value_name = "X")]
    docker_volume_basedir: Option<String>,
    #[arg(long, hide = true, value_name = "X")]
    layer_cache_basedir: Option<String>,
    #[arg(long, hide = true)]
    mount_symlinks: bool,
    #[arg(long, hide = true)]
    beta_features: bool,
    #[arg(long, hide = true)]
    no_beta_features: bool,
    #[arg(long, hide = true)]
    debug: bool,
}

/// The same for `build` and `sync`.
#[derive(Debug, Default, Args)]
pub struct IdleBuild {
    #[arg(short = 'u', long, hide = true)]
    use_container: bool,
    #[arg(long, hide = true)]
    no_use_container: bool,
    #[arg(short = 'p', long, hide = true)]
    parallel: bool,
    #[arg(short = 'c', long, hide = true)]
    cached: bool,
    #[arg(long, hide = true)]
    no_cached: bool,
    #[arg(long, hide = true)]
    skip_pull_image: bool,
    #[arg(long, hide = true, value_name = "X")]
    docker_network: Option<String>,
    #[arg(long, hide = true, value_name = "X")]
    cache_dir: Option<String>,
    #[arg(long, hide = true)]
    beta_features: bool,
    #[arg(long, hide = true)]
    no_beta_features: bool,
    #[arg(long, hide = true)]
    debug: bool,
}

impl IdleBuild {
    /// Says so where somebody may wonder.
    pub fn explain(&self) {
        if self.use_container {
            eprintln!("--use-container has no effect: this machine's tools build.");
        }
    }
}

/// The command line with what the file adds, at its end.
pub fn complete(given: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let root = Arguments::command();
    let words: Vec<String> =
        given.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let Some((path, command)) = found(&root, &words) else { return Ok(given) };
    let Some(file) = file(&words)? else { return Ok(given) };
    let text = read(&file)?;
    let table: Table = text.parse().map_err(|e| Failure::of(file.display(), e))?;
    let environment = option(&words, "--config-env", None);
    let parameters = parameters(&table, environment.as_deref(), &path)
        .map_err(|why| Failure::of(file.display(), why))?;
    let mut all = given;
    for (name, value) in parameters {
        all.extend(as_words(command, &words, &name, &value).into_iter().map(OsString::from));
    }
    Ok(all)
}

/// The command that is meant, and its name in the file: `local_start_api`.
fn found<'a>(root: &'a Command, words: &[String]) -> Option<(String, &'a Command)> {
    let mut names = words.iter().filter(|word| !word.starts_with('-'));
    let first = names.next().filter(|name| COMMANDS.contains(&name.as_str()))?;
    let mut command = root.find_subcommand(first)?;
    let mut path = first.clone();
    if command.has_subcommands() {
        let second = names.next()?;
        command = command.find_subcommand(second)?;
        path = format!("{path}_{}", second.replace('-', "_"));
    }
    (path != "local_generate_event").then_some((path, command))
}

/// The value of an option.
fn option(words: &[String], long: &str, short: Option<&str>) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == long || short.is_some_and(|short| word == short) {
            return words.next().cloned();
        }
        if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

fn file(words: &[String]) -> Result<Option<PathBuf>, Failure> {
    let template = option(words, "--template", Some("-t"));
    let template = template.or_else(|| option(words, "--template-file", None));
    let folder = template.as_deref().and_then(|file| Path::new(file).parent());
    let folder = folder.unwrap_or(Path::new(""));
    if let Some(named) = option(words, "--config-file", None) {
        return match [folder.join(&named), named.into()].into_iter().find(|file| file.is_file()) {
            Some(file) => Ok(Some(file)),
            None => Err(Failure("--config-file: there is no such file".into())),
        };
    }
    Ok(NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file()))
}

fn read(file: &Path) -> Result<String, Failure> {
    let length = fs::metadata(file).map_err(|e| Failure::of(file.display(), e))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Failure::of(file.display(), "it is too long"));
    }
    fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))
}

/// What the file says about a command; its own section counts more than `global`.
fn parameters(
    table: &Table,
    environment: Option<&str>,
    command: &str,
) -> Result<BTreeMap<String, Value>, String> {
    let name = environment.unwrap_or("default");
    let Some(all) = table.get(name).and_then(Value::as_table) else {
        return match environment {
            Some(name) => Err(format!("it has no environment {name}")),
            None => Ok(BTreeMap::new()),
        };
    };
    let mut found = BTreeMap::new();
    for section in ["global", command] {
        let section = all.get(section).and_then(|section| section.get("parameters"));
        for (name, value) in section.and_then(Value::as_table).into_iter().flatten() {
            found.insert(name.replace('_', "-"), value.clone());
        }
    }
    Ok(found)
}

/// An option as words; none where the command line has it, or the command does not.
fn as_words(command: &Command, given: &[String], name: &str, value: &Value) -> Vec<String> {
    let is_named = |arg: &&clap::Arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
    };
    let Some(arg) = command.get_arguments().find(is_named) else { return Vec::new() };
    let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().into_iter().flatten());
    let longs: Vec<String> = longs.map(|long| format!("--{long}")).collect();
    let short = arg.get_short().map(|short| format!("-{short}"));
    let negated = format!("--no-{name}");
    let already = given.iter().any(|word| {
        longs.iter().any(|long| word == long || word.starts_with(&format!("{long}=")))
            || short
                .as_ref()
                .is_some_and(|short| word.starts_with(short.as_str()) && !word.starts_with("--"))
            || *word == negated
    });
    if already {
        return Vec::new();
    }
    let flag = !arg.get_action().takes_values();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Boolean(true) if flag => vec![format!("--{name}")],
        _ if flag => Vec::new(),
        Value::Array(all) => all.iter().map(|one| format!("--{name}={}", text(one))).collect(),
        Value::Table(all) => {
            all.iter().map(|(key, one)| format!("--{name}={key}='{}'", text(one))).collect()
        }
        one => vec![format!("--{name}={}", text(one))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, line: &str) -> Vec<String> {
        let table: Table = text.parse().expect("sound");
        let given: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let root = Arguments::command();
        let (path, command) = found(&root, &given).expect("a command");
        let environment = option(&given, "--config-env", None);
        let all = parameters(&table, environment.as_deref(), &path).expect("sound");
        all.iter().flat_map(|(name, value)| as_words(command, &given, name, value)).collect()
    }

    #[test]
    fn options_of_a_file() {
        let check = |text: &str, line: &str, expected: &[&str]| {
            assert_eq!(words(text, line), expected, "{text} {line}");
        };
        let text = "[default.global.parameters]\nregion = \"eu-west-1\"\nstack_name = \"x\"\n\
                    [default.local_start_api.parameters]\nport = 8080\nwarm_containers = \"EAGER\"\n\
                    disable_authorizer = true\nno_watch = false\n\
                    [prod.local_start_api.parameters]\nparameter_overrides = \"A=1 B=2\"\n";
        let all = [
            "--disable-authorizer",
            "--port=8080",
            "--region=eu-west-1",
            "--warm-containers=EAGER",
        ];
        check(text, "local start-api", &all);
        check(text, "local start-api -p 1 --region=x", &[all[0], all[3]]);
        check(text, "local invoke F", &["--region=eu-west-1"]);
        check(text, "local start-api --config-env prod", &["--parameter-overrides=A=1 B=2"]);
        let list = "[default.local_invoke.parameters]\nparameter_overrides = [\"A=1\", \"B=2\"]\n";
        check(list, "local invoke", &["--parameter-overrides=A=1", "--parameter-overrides=B=2"]);
        check("", "build", &[]);
        assert!(parameters(&Table::new(), Some("prod"), "build").is_err());
    }
}
