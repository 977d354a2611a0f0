//! URLs of functions: what is stored about them, and how the API shows it.

use api_lambda::{Cors, Error, FunctionUrlAuthType, FunctionUrlConfig, InvokeMode};
use kernel::{Ctx, Timestamp};
use serde::{Deserialize, Serialize};
use store::{ReadTx, StoreError, Table, WriteTx};

use crate::Lambda;
use crate::name::Name;
use crate::record::FunctionKey;

/// URLs: account, region, function, alias or nothing.
pub(crate) const URLS: Table<Url> = Table::new("lambda/url");
/// Whose an id is.
pub(crate) const IDS: Table<Owner> = Table::new("lambda/url-id");

/// A function's, or an alias', URL.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Url {
    /// The first label of its host.
    pub id: String,
    /// Whether callers must sign.
    pub signed: bool,
    pub cors: Option<Rules>,
    /// Whether answers are passed on as they come.
    pub streams: bool,
    pub created_ms: i64,
    pub modified_ms: i64,
}

/// What pages of other origins may do.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub credentials: Option<bool>,
    pub headers: Option<Vec<String>>,
    pub methods: Option<Vec<String>>,
    pub origins: Option<Vec<String>>,
    pub exposed: Option<Vec<String>>,
    pub max_age_seconds: Option<i32>,
}

/// The function and alias of an id.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub account: String,
    pub region: String,
    pub function: String,
    pub alias: Option<String>,
}

impl Owner {
    /// The name that is invoked.
    pub fn name(&self) -> Name {
        let Owner { account, region, function, alias } = self.clone();
        Name { account, region, function, qualifier: alias }
    }
}

/// Where the URL of a name lies.
pub(crate) fn key(name: &Name) -> (FunctionKey, String) {
    (name.key(), name.qualifier.clone().unwrap_or_default())
}

/// Reads the URL of a name.
pub(crate) fn load(tx: &ReadTx, name: &Name) -> Result<Option<Url>, Error> {
    Ok(tx.get(&URLS, key(name))?)
}

/// Stores it.
pub(crate) fn put(tx: &mut WriteTx, name: &Name, url: &Url) -> Result<(), StoreError> {
    tx.put(&URLS, key(name), url)?;
    let owner = Owner {
        account: name.account.clone(),
        region: name.region.clone(),
        function: name.function.clone(),
        alias: name.qualifier.clone(),
    };
    tx.put(&IDS, url.id.as_str(), &owner)
}

/// Forgets it, if there is one.
pub(crate) fn delete(tx: &mut WriteTx, name: &Name) -> Result<bool, Error> {
    let Some(url) = load(tx, name)? else { return Ok(false) };
    tx.delete(&URLS, key(name))?;
    tx.delete(&IDS, url.id.as_str())?;
    Ok(true)
}

impl From<Cors> for Rules {
    fn from(cors: Cors) -> Self {
        Rules {
            credentials: cors.allow_credentials,
            headers: cors.allow_headers,
            methods: cors.allow_methods,
            origins: cors.allow_origins,
            exposed: cors.expose_headers,
            max_age_seconds: cors.max_age,
        }
    }
}

impl From<Rules> for Cors {
    fn from(rules: Rules) -> Self {
        Cors {
            allow_credentials: rules.credentials,
            allow_headers: rules.headers,
            allow_methods: rules.methods,
            allow_origins: rules.origins,
            expose_headers: rules.exposed,
            max_age: rules.max_age_seconds,
        }
    }
}

impl Url {
    /// `AuthType`.
    pub fn auth(&self) -> FunctionUrlAuthType {
        if self.signed { FunctionUrlAuthType::AwsIam } else { FunctionUrlAuthType::None }
    }

    /// The address: the cloud's own, with a host of the function before it.
    pub fn address(&self, api: &Lambda, ctx: &Ctx) -> String {
        let base = (api.host.options.public_url)();
        let (scheme, authority) = base.split_once("://").unwrap_or(("http", &base));
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        let port = if port.is_empty() { String::new() } else { format!(":{port}") };
        format!("{scheme}://{}.lambda-url.{}.localhost{port}/", self.id, ctx.region())
    }

    /// `CreationTime`.
    pub fn created(&self) -> String {
        time(self.created_ms)
    }

    /// The API's view.
    pub fn shown(&self, api: &Lambda, ctx: &Ctx, name: &Name) -> FunctionUrlConfig {
        FunctionUrlConfig {
            function_url: self.address(api, ctx),
            function_arn: name.arn(),
            creation_time: self.created(),
            last_modified_time: time(self.modified_ms),
            cors: self.cors.clone().map(Cors::from),
            auth_type: self.auth(),
            invoke_mode: Some(self.mode()),
        }
    }

    /// `InvokeMode`.
    pub fn mode(&self) -> InvokeMode {
        if self.streams { InvokeMode::ResponseStream } else { InvokeMode::Buffered }
    }
}

fn time(ms: i64) -> String {
    Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%S%.9fZ")
}
