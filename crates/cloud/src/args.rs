//! The command line, as clap reads it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{build, doctor, dynamodb, lambda, local, logs, phone, runtime, sync};

/// An AWS-compatible cloud on your own machine.
#[derive(Debug, Parser)]
#[command(name = "gureum", version, propagate_version = true)]
pub struct Arguments {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the cloud and stay in the foreground until Ctrl-C.
    Up(Up),
    /// Say whether a cloud runs, and what it serves.
    Status(Target),
    /// Say what this machine gives to a cloud and its functions, and what would improve it. Exits
    /// with 1 if something must be mended first.
    Doctor(doctor::Doctor),
    /// Start a cloud, deploy the flight-desk example through the AWS API, and place its calls.
    Demo(Demo),
    /// Call a telephone number of the cloud, or an exported contact flow.
    Call(Call),
    /// Say where the certificate of the local CA is, which https clients have to trust.
    Ca(Ca),
    /// Write everything a running cloud keeps into one checksummed file.
    Backup(Backup),
    /// Make a data directory from a backup.
    Restore(Restore),
    /// Check everything that is kept: that it can be read, and that it fits together.
    Fsck(Fsck),
    /// Read the e-mail and text messages that services have sent; none of it leaves the machine.
    #[command(subcommand)]
    Mailbox(Mailbox),
    /// Tables of DynamoDB and files.
    #[command(subcommand, name = "dynamodb")]
    DynamoDb(dynamodb::DynamoDb),
    /// Who may do what.
    #[command(subcommand)]
    Iam(Iam),
    /// Container images that functions of Lambda can be made of.
    #[command(subcommand)]
    Image(Image),
    /// Installation keys, with which everything secret is sealed at rest.
    #[command(subcommand)]
    Keys(Keys),
    /// Functions of Lambda.
    #[command(subcommand)]
    Lambda(lambda::Lambda),
    /// Build the functions of a SAM template into .aws-sam/build, with this machine's tools.
    Build(build::Build),
    /// Build a template's functions and bring them, with their roles, layers, tables and queues, into
    /// a running cloud; with --watch, again whenever a file changes.
    Sync(sync::Sync),
    /// Print the logs of functions.
    Logs(logs::Logs),
    /// Run the functions and APIs of a SAM or CloudFormation template from their folders.
    #[command(subcommand)]
    Local(local::args::Local),
    /// Lambda runtimes.
    #[command(subcommand)]
    Runtime(runtime::Runtime),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How to start.
#[derive(Debug, Args)]
pub struct Up {
    /// Address and port to listen on; port 0 takes any free one. An address that others can reach
    /// needs GUREUM_ACCESS_KEY_ID and GUREUM_SECRET_ACCESS_KEY: the key test/test is for loopback.
    #[arg(long, env = "GUREUM_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
    /// Where to keep everything [default: ~/.local/share/gureum].
    #[arg(long, env = "GUREUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A file with the passphrase that protects the installation key in the data directory; a key
    /// that is not protected yet becomes so. GUREUM_PASSPHRASE gives the passphrase itself.
    #[arg(long, env = "GUREUM_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Keep nothing, whatever --data says: all is gone when it stops.
    #[arg(long, env = "GUREUM_MEMORY", value_parser = clap::builder::FalseyValueParser::new())]
    pub memory: bool,
    /// The account, twelve digits.
    #[arg(long, env = "GUREUM_ACCOUNT", value_name = "ID", default_value = "000000000000", value_parser = account)]
    pub account: String,
    /// The region of requests that name none.
    #[arg(long, env = "GUREUM_REGION", value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
    /// A further host name to answer to; `*` is any.
    #[arg(long, env = "GUREUM_HOST", value_name = "NAME", value_delimiter = ',')]
    pub host: Vec<String>,
    /// Keep objects' bytes in a bucket of another store that speaks S3: `s3://BUCKET/PREFIX`, empty
    /// at first. They are sealed before they go there. GUREUM_BLOBS_ACCESS_KEY_ID and
    /// GUREUM_BLOBS_SECRET_ACCESS_KEY are its keys. The data directory remembers it.
    #[arg(long, env = "GUREUM_BLOBS", value_name = "URL", conflicts_with = "memory")]
    pub blobs: Option<String>,
    /// The address of that store, such as https://minio.example; AWS's own without
    #[arg(long, env = "GUREUM_BLOBS_ENDPOINT", value_name = "URL", requires = "blobs")]
    pub blobs_endpoint: Option<String>,
    /// The region that requests to that store are signed for
    #[arg(long, env = "GUREUM_BLOBS_REGION", value_name = "REGION", default_value = "us-east-1")]
    pub blobs_region: String,
    /// Requests to DynamoDB that take longer are logged, as are those that read far more than
    /// they return.
    #[arg(long, env = "GUREUM_SLOW_MS", value_name = "MS", default_value_t = 100)]
    pub slow_ms: u64,
    /// Services that refuse what goes beyond the throughput that was provisioned or set.
    #[arg(long, env = "GUREUM_THROTTLE", value_name = "SERVICE", value_delimiter = ',')]
    pub throttle: Vec<Throttled>,
    /// Initialise Lambda functions only when they are invoked. Otherwise a new or changed function
    /// is initialised at once, in the background.
    #[arg(long, env = "GUREUM_LAZY_LAMBDA", value_parser = clap::builder::FalseyValueParser::new())]
    pub lazy_lambda: bool,
    /// Let Lambda functions use the processors as they like. Otherwise they get after
    /// initialisation, as on AWS, one processor for every 1,769 MB of their memory.
    #[arg(long, env = "GUREUM_FULL_CPU_LAMBDA", value_parser = clap::builder::FalseyValueParser::new())]
    pub full_cpu_lambda: bool,
    /// Keep no function's memory: initialised sandboxes that wait stand for SnapStart's snapshots, even
    /// where criu is installed. `gureum doctor` tells which it would be.
    #[arg(long, env = "GUREUM_HELD_SNAPSTART", value_parser = clap::builder::FalseyValueParser::new())]
    pub held_snapstart: bool,
    /// Pause before Lambda repeats an asynchronous event that failed, twice as long before it does
    /// so again. AWS waits 60 seconds.
    #[arg(long, env = "GUREUM_LAMBDA_RETRY_S", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub lambda_retry: Duration,
    /// What happens to a caller whose policies do not allow: `audit` lets him pass and writes it
    /// down.
    #[arg(long, env = "GUREUM_AUTHORIZATION", value_name = "MODE", default_value = "enforce")]
    pub authorization: Authorization,
    /// What to write to standard error; `info` has a line for each request.
    #[arg(long, env = "GUREUM_LOG", value_name = "LEVEL", default_value = "warn")]
    pub log: LogLevel,
}

/// Services that can throttle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Throttled {
    Dynamodb,
}

/// What happens to a caller whose policies do not allow.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Authorization {
    Enforce,
    Audit,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Which cloud is meant. The key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else
/// it is test/test.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Where the cloud listens.
    #[arg(
        long,
        env = "GUREUM_ENDPOINT",
        value_name = "URL",
        default_value = "http://127.0.0.1:4566"
    )]
    pub endpoint: String,
}

/// Container images.
#[derive(Debug, Subcommand)]
pub enum Image {
    /// Import an image from this machine's disk under a name, which functions name as ImageUri.
    Import(Import),
    /// List what was imported.
    Ls(Target),
}

/// An image to be imported.
#[derive(Debug, Args)]
pub struct Import {
    /// Where it is: a folder in the OCI layout, or a tar archive of one or of `docker save`;
    /// `oci:DIR:NAME`, `oci-archive:FILE:NAME` and `docker-archive:FILE:NAME` choose one of several.
    pub source: String,
    /// Its name, with a tag: desk:latest, or as it will be called in Amazon ECR.
    #[arg(value_name = "NAME:TAG")]
    pub name: String,
    #[command(flatten)]
    pub target: Target,
}

/// Who may do what.
#[derive(Debug, Subcommand)]
pub enum Iam {
    /// Say why a request was denied, and the smallest policy that would have allowed it.
    Explain(Explain),
}

/// A request that was denied, or only let through by `--authorization audit`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its id: `RequestId` of the error, `x-amzn-requestid` of the answer.
    pub request_id: String,
    #[command(flatten)]
    pub target: Target,
}

/// Installation keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the versions of the installation key.
    Ls(Target),
    /// Make a new version and seal everything at rest again with it, while the cloud goes on.
    Rotate(Rotate),
}

/// A rotation.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Do not wait until everything is sealed again.
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub target: Target,
}

/// The demonstration.
#[derive(Debug, Args)]
pub struct Demo {
    /// Leave the cloud running afterwards, until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// The folder of the example.
    #[arg(
        long,
        env = "GUREUM_EXAMPLE",
        value_name = "DIR",
        default_value = "examples/flight-desk"
    )]
    pub example: PathBuf,
    /// Write a JUnit report of all calls.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print every action of the flow, not only what is said.
    #[arg(long)]
    pub steps: bool,
}

/// A call.
#[derive(Debug, Args)]
pub struct Call {
    /// The number to call, E.164; optional with --flow.
    #[arg(value_parser = phone::number, required_unless_present = "flow")]
    pub number: Option<String>,
    /// The number of the caller, E.164.
    #[arg(long, value_name = "NUMBER", value_parser = phone::number)]
    pub from: Option<String>,
    /// Run this script instead of asking at the terminal.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE", requires = "script")]
    pub junit: Option<PathBuf>,
    /// Run this exported flow here, without any cloud.
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,
    /// With --flow: what the function NAME answers.
    #[arg(long, value_name = "NAME=FILE", requires = "flow", value_parser = name_and_file)]
    pub lambda: Vec<(String, PathBuf)>,
    /// With --flow: what hours of operation say.
    #[arg(long, value_name = "open|closed", requires = "flow")]
    pub hours: Option<Hours>,
    /// With --flow: decides where DistributeByPercentage goes.
    #[arg(long, requires = "flow", default_value_t = 1)]
    pub seed: u64,
    /// Print every action of the flow, not only what is said.
    #[arg(long)]
    pub steps: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Hours of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hours {
    Open,
    Closed,
}

/// The local CA.
#[derive(Debug, Args)]
pub struct Ca {
    /// The data directory [default: ~/.local/share/gureum].
    #[arg(long, env = "GUREUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A backup.
#[derive(Debug, Args)]
pub struct Backup {
    /// Must not exist yet. It contains the installation's key: keep it as safe as the data.
    pub file: PathBuf,
    #[command(flatten)]
    pub target: Target,
}

/// A restoration.
#[derive(Debug, Args)]
pub struct Restore {
    /// What `gureum backup` wrote.
    pub file: PathBuf,
    /// Must not exist yet.
    #[arg(long, env = "GUREUM_DATA", value_name = "DIR")]
    pub data: PathBuf,
}

/// About mail.
#[derive(Debug, Subcommand)]
pub enum Mailbox {
    /// List what was sent, the newest first.
    Ls(Target),
    /// Print one message.
    Show {
        /// Its id, as listed.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// A check.
#[derive(Debug, Args)]
pub struct Fsck {
    /// The data directory, which no cloud uses [default: ~/.local/share/gureum].
    #[arg(long, env = "GUREUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Let a running cloud check itself instead.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub endpoint: Option<String>,
    /// Make wrong and missing entries of indexes again, from the items of the tables.
    #[arg(long)]
    pub repair: bool,
}

fn account(text: &str) -> Result<String, String> {
    let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("an account is twelve digits".into()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "it is a number of seconds".into())
}

fn name_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("it is NAME=FILE")?;
    Ok((name.to_owned(), file.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
