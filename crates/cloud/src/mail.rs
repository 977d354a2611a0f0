//! `/_gureum/mailbox` and `gureum mailbox`: what would have been sent to people.
//!
//! ```text
//! GET /_gureum/mailbox?to=ADDRESS&limit=N   → {"mail": [{"id", "sentMs", "to", "subject", …}, …]}
//! GET /_gureum/mailbox/ID                   → {"id", …, "body"}
//! ```

use std::process::ExitCode;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::{Fault, Kernel};
use serde_json::{Value, json};

use crate::args::Mailbox;
use crate::reply::reply;
use crate::{Failure, status};

/// Mail in a listing that names no number.
const LISTED: usize = 100;

/// Answers one request.
pub async fn route(kernel: Kernel, request: RouteRequest) -> Reply {
    reply(answer(&kernel, &request))
}

fn answer(kernel: &Kernel, request: &RouteRequest) -> Result<Value, Fault> {
    if request.method != Method::GET {
        return Err(Fault::new("MethodNotAllowed", 405, "The mailbox is only read."));
    }
    let id = request.rest.trim_matches('/');
    if !id.is_empty() {
        let mail = kernel.store().read(|tx| mailbox::find(tx, id)).map_err(kernel::store_fault)?;
        let mail = mail.ok_or_else(|| Fault::new("NotFound", 404, "There is no such mail."))?;
        return serde_json::to_value(mail).map_err(Fault::internal);
    }
    let pairs = wire::query_pairs(&request.query)
        .map_err(|_| Fault::sender("InvalidRequest", "The query cannot be read."))?;
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let limit = match value("limit") {
        None => LISTED,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=mailbox::PAGE_MAX).contains(limit)).ok_or_else(
                || Fault::sender("InvalidRequest", "limit is a number from 1 to 1000."),
            )?
        }
    };
    let to = value("to").map(|to| to.to_string());
    let mail = kernel.store().read(|tx| mailbox::list(tx, to.as_deref(), limit));
    Ok(json!({ "mail": mail.map_err(kernel::store_fault)? }))
}

/// Lists or shows mail.
pub fn mailbox(command: Mailbox, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Mailbox::Ls(target) => {
            let found = status::cloud(&target)?.own("GET", "/_gureum/mailbox", &Value::Null)?;
            if json {
                println!("{found}");
                return Ok(ExitCode::SUCCESS);
            }
            for mail in found["mail"].as_array().into_iter().flatten() {
                let text = |name: &str| shown(mail[name].as_str().unwrap_or_default());
                let to = mail["to"].as_array().into_iter().flatten();
                let to: Vec<String> = to.filter_map(Value::as_str).map(shown).collect();
                let what = if mail["subject"].is_null() { text("body") } else { text("subject") };
                println!("{}  {:5}  {}  {what}", text("id"), text("channel"), to.join(", "));
            }
        }
        Mailbox::Show { id, target } => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !id.chars().all(plain) {
                return Err(Failure("there is no such mail".into()));
            }
            let path = format!("/_gureum/mailbox/{id}");
            let mail = status::cloud(&target)?.own("GET", &path, &Value::Null)?;
            match json {
                true => println!("{mail}"),
                false => println!("{}", mail["body"].as_str().unwrap_or_default()),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One line of someone else's text, without what a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect()
}
