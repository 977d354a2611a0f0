//! nginx, serving files as it does best.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::bench::http;
use crate::bench::server::{self, Server};

/// Starts it with the files of a folder; `None` if it is not installed.
pub fn start(dir: &Path, files: &Path, port: u16) -> Result<Option<Server>> {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
        return Ok(None);
    };
    fs::create_dir_all(dir)?;
    let (dir, files) = (dir.display(), files.display());
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {dir}/{name}; "))
        .concat();
    let text = format!(
        "user root root; daemon off; worker_processes auto; pid {dir}/pid; error_log {dir}/error;
         events {{ worker_connections 1024; }}
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
         {paths}
         server {{ listen 127.0.0.1:{port}; root {files}; }} }}"
    );
    let config = format!("{dir}/nginx.conf");
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.args(["-p", &dir.to_string(), "-c", &config]);
    let ask = || http::send(port, ("GET", "/ready"), "s3", &[], b"");
    let started = server::start_until(&mut command, ask, |answer| answer.status == 200)?;
    Ok(Some(started.server))
}
