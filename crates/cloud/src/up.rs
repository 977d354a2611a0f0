//! `gureum up`: opens the data, starts the kernel and its services, serves until told to stop.

use std::env;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kernel::{
    Blobs, Config, Credentials, Kernel, Level, Log, OsRandom, Random, Sealer, Store, SystemClock,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{LogLevel, Up};
use crate::elsewhere;
use crate::wiring::Functions;
use crate::{Failure, args, data, keys, wiring};

/// How long background work may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts the cloud.
pub fn up(up: Up, json: bool) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(up, json))
}

async fn serve(up: Up, json: bool) -> Result<ExitCode, Failure> {
    // Taken before anything is started, so that a stop at any moment is orderly.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let folder = if up.memory { None } else { Some(data::folder(up.data.clone())?) };
    let listener = TcpListener::bind(up.listen)
        .await
        .map_err(|e| Failure(format!("{}: {e}; choose another with --listen", up.listen)))?;
    let address = listener.local_addr()?;
    let cache = data::Cache::new(folder.as_deref())?;
    let kernel = Kernel::new(config(&up, address, folder.clone())?);
    let store = kernel.store().clone();
    let gateway = gateway_config(&up, address, folder.as_ref());
    let slow = Duration::from_millis(up.slow_ms);
    let lambda = Functions {
        cache: cache.folder().to_owned(),
        authority: folder.as_deref().map(data::functions_ca_folder),
        lazy: up.lazy_lambda,
        full_processor: up.full_cpu_lambda,
        hold: up.held_snapstart,
        retry: up.lambda_retry,
        local: None,
        relay: None,
    };
    let open = wiring::start(&kernel, gateway, lambda, slow, &up.throttle)?;
    announce(&up, address, folder.as_ref(), json)?;
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    open.serve(listener, stop).await;
    if !kernel.stop(STOP_TIMEOUT).await {
        kernel.log(Level::Warn, format_args!("background work did not end in time"));
    }
    store.close()?;
    Ok(ExitCode::SUCCESS)
}

fn config(up: &Up, address: SocketAddr, folder: Option<PathBuf>) -> Result<Config, Failure> {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let opened = match &folder {
        Some(folder) => data::open(
            folder,
            keys::passphrase(up)?.as_ref(),
            random.clone(),
            up.blobs.clone().map(|url| {
                elsewhere::Place::new(url, up.blobs_endpoint.clone(), up.blobs_region.clone())
            }),
        )?,
        None => data::Opened {
            store: Store::memory(),
            blobs: Blobs::memory(),
            sealer: Sealer::ephemeral(random.clone()),
        },
    };
    let test_account = address.ip().is_loopback().then(|| up.account.clone());
    let root_key = root_key(&up.account)?;
    if test_account.is_none() && root_key.is_none() {
        return Err(Failure(format!(
            "{address} can be reached by others, and the key test/test is for loopback only: \
             set GUREUM_ACCESS_KEY_ID and GUREUM_SECRET_ACCESS_KEY to a key of your own"
        )));
    }
    Ok(Config {
        account: up.account.clone(),
        region: up.region.clone(),
        data_dir: folder,
        store: opened.store,
        blobs: opened.blobs,
        clock: Arc::new(SystemClock::default()),
        credentials: Credentials::new(opened.sealer.clone(), test_account, root_key),
        random,
        sealer: opened.sealer,
        log: Log::stderr(match up.log {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
        }),
        authorization: match up.authorization {
            args::Authorization::Enforce => kernel::Authorization::Enforce,
            args::Authorization::Audit => kernel::Authorization::Audit,
        },
    })
}

/// The operator's own key. Not a flag: other users of a machine can read command lines.
fn root_key(account: &str) -> Result<Option<(String, String, String)>, Failure> {
    let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    match (given("GUREUM_ACCESS_KEY_ID"), given("GUREUM_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) if id.len() >= 16 && secret.len() >= 20 => {
            Ok(Some((id, secret, account.to_owned())))
        }
        (Some(_), Some(_)) => Err(Failure(
            "GUREUM_ACCESS_KEY_ID has at least 16 characters, GUREUM_SECRET_ACCESS_KEY 20".into(),
        )),
        _ => Err(Failure("GUREUM_ACCESS_KEY_ID and GUREUM_SECRET_ACCESS_KEY go together".into())),
    }
}

fn gateway_config(up: &Up, address: SocketAddr, folder: Option<&PathBuf>) -> gateway::Config {
    let mut config = gateway::Config::new(address);
    config.hosts.extra = up.host.iter().map(|host| host.to_ascii_lowercase()).collect();
    config.ca_directory = folder.map(|folder| data::ca_folder(folder));
    config.access_log = matches!(up.log, LogLevel::Info | LogLevel::Debug);
    config
}

/// Says where the cloud is; the first line is printed when it can be called.
fn announce(
    up: &Up,
    address: SocketAddr,
    folder: Option<&PathBuf>,
    json: bool,
) -> Result<(), Failure> {
    let endpoint = format!("http://{address}");
    let test_key = address.ip().is_loopback();
    let mut out = std::io::stdout().lock();
    if json {
        let line = json!({
            "endpoint": endpoint,
            "account": up.account,
            "accessKeyId": test_key.then_some("test"),
            "dataDirectory": folder,
        });
        writeln!(out, "{line}")?;
    } else {
        let key = if test_key { "test / test (on loopback only)" } else { "GUREUM_ACCESS_KEY_ID" };
        let data = folder.map_or("in memory".to_owned(), |folder| folder.display().to_string());
        let tls = if folder.is_some() { ", also https (gureum ca)" } else { "" };
        writeln!(out, "Gureum {} is up. Ctrl-C stops it.", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "  endpoint    {endpoint}{tls}")?;
        writeln!(out, "  access key  {key}")?;
        writeln!(out, "  account     {}", up.account)?;
        writeln!(out, "  data        {data}")?;
    }
    out.flush()?;
    Ok(())
}
