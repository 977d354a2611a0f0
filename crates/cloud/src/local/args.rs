//! The command line of `gureum local`, named as users of `sam local` know it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::{Configuration, Idle};

/// Runs the functions of a template here, from their folders.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Invoke a function once: its log on standard error, its answer on standard output.
    Invoke(Invoke),
    /// Serve the template's REST and HTTP APIs.
    StartApi(StartApi),
    /// Print an event as a service sends it; without words, list services and events.
    GenerateEvent {
        /// SERVICE EVENT, then `--OPTION VALUE` for what is in the event.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SERVICE EVENT")]
        words: Vec<String>,
    },
    /// Serve the Invoke operation of Lambda for SDKs and the AWS CLI.
    StartLambda(Serve),
}

/// What all of them take.
#[derive(Debug, Args)]
pub struct Common {
    /// The template [default: .aws-sam/build/template.yaml if `gureum build` or `sam build` made
    /// one, else template.yaml, template.yml or template.json].
    #[arg(
        short,
        long,
        visible_alias = "template-file",
        env = "SAM_TEMPLATE_FILE",
        value_name = "FILE"
    )]
    pub template: Option<PathBuf>,
    /// JSON with values for environment variables: {"Function": {"NAME": "value"}}, or
    /// {"Parameters": {…}} for all functions. The template must declare the variables.
    #[arg(short = 'n', long, value_name = "FILE")]
    pub env_vars: Option<PathBuf>,
    /// NAME=VALUE, or ParameterKey=NAME,ParameterValue=VALUE; several at once.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub parameter_overrides: Vec<String>,
    #[command(flatten)]
    pub debug: Debug,
    /// The region [default: AWS_REGION, else us-east-1].
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The cloud that functions call [default: AWS_ENDPOINT_URL or http://127.0.0.1:4566 if a cloud
    /// runs there, else one of their own, in memory].
    #[arg(long, env = "GUREUM_ENDPOINT", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Append the functions' log to a file instead of standard error.
    #[arg(short, long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Let functions reach nothing but the cloud. Otherwise a proxy leads to the rest of the network.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub configuration: Configuration,
    #[command(flatten)]
    pub idle: Idle,
}

/// Debuggers.
#[derive(Debug, Args)]
pub struct Debug {
    /// The port on this machine on which a debugger finds the function: Node's inspector, JDWP, or
    /// debugpy. Initialisation and invocations then have no time limit. Further functions get those
    /// of further options, then the numbers after the last.
    #[arg(short, long, value_name = "PORT")]
    pub debug_port: Vec<u16>,
    /// Further arguments of the interpreter; for Python, all that start its debugger.
    #[arg(long, value_name = "ARGS", requires = "debug_port", allow_hyphen_values = true)]
    pub debug_args: Option<String>,
    /// A folder that functions see as /var/debugger, where Python also looks for modules.
    #[arg(long, value_name = "DIR", requires = "debug_port")]
    pub debugger_path: Option<PathBuf>,
    /// Which function is debugged, where the template has several.
    #[arg(long, value_name = "FUNCTION", requires = "debug_port")]
    pub debug_function: Option<String>,
}

/// One invocation.
#[derive(Debug, Args)]
pub struct Invoke {
    /// The function's logical id or name; may be left out where there is only one.
    pub function: Option<String>,
    /// The file with the event; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub event: Option<PathBuf>,
    /// Invoke with an empty event.
    #[arg(long, conflicts_with = "event")]
    pub no_event: bool,
    /// Run with another runtime than the template says.
    #[arg(short, long, value_name = "RUNTIME")]
    pub runtime: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

/// Serving something.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,
    /// Port; 0 takes any free one [default: 3000 for start-api, 3001 for start-lambda].
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Functions stay warm until their files change in either case; EAGER also starts them now.
    #[arg(long, value_name = "WHEN", default_value = "LAZY", ignore_case = true)]
    pub warm_containers: Warm,
    /// Do not build again what changes in the sources, and do not read a changed template again.
    #[arg(long)]
    pub no_watch: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Serving APIs.
#[derive(Debug, Args)]
pub struct StartApi {
    /// Let everybody pass, whatever authorizers the template has.
    #[arg(long)]
    pub disable_authorizer: bool,
    /// Serve files of this folder where no route takes the path [default: public, if it is there].
    #[arg(short, long, value_name = "DIR")]
    pub static_dir: Option<PathBuf>,
    #[command(flatten)]
    pub serve: Serve,
}

/// When functions start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Warm {
    /// At once.
    #[value(name = "EAGER")]
    Eager,
    /// When they are first called.
    #[value(name = "LAZY")]
    Lazy,
}
