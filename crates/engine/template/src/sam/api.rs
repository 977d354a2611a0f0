//! APIs and their routes: from functions' events, and from definitions in the template.

use std::collections::BTreeMap;

use super::{Model, globals};
use crate::evaluate::{Resource, Stack};
use crate::node::{Error, Node, Value};

/// Ids of the APIs that SAM makes for events that name none.
const IMPLICIT: [(&str, Flavour, &str); 2] = [
    ("ServerlessRestApi", Flavour::Rest, "AWS::Serverless::Api"),
    ("ServerlessHttpApi", Flavour::Http, "AWS::Serverless::HttpApi"),
];

/// Which kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// A REST API (version 1).
    Rest,
    /// An HTTP API (version 2).
    Http,
}

/// An API.
#[derive(Clone, Debug)]
pub struct Api {
    /// Logical id.
    pub id: String,
    /// Its kind.
    pub flavour: Flavour,
    /// The stage's name.
    pub stage: String,
    /// Stage variables.
    pub variables: BTreeMap<String, String>,
    /// What browsers are told.
    pub cors: Option<Cors>,
    /// Media types whose bodies are binary.
    pub binary: Vec<String>,
    /// Authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// The authorizer of routes that name none.
    pub default_authorizer: Option<String>,
    /// Routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `GET`, …; `ANY` is all.
    pub method: String,
    /// `/path/{parameter}/{rest+}`; `$default` is all that no other route takes.
    pub path: String,
    /// The function's logical id.
    pub function: String,
    /// `1.0` or `2.0`.
    pub payload: String,
    /// The authorizer, as the route names it: `NONE` is none.
    pub authorizer: Option<String>,
    /// One of these a token must have; the authorizer's, where there are none.
    pub scopes: Vec<String>,
}

/// What browsers are told. Values are as headers show them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cors {
    /// `Access-Control-Allow-Origin`.
    pub origins: Vec<String>,
    /// `Access-Control-Allow-Methods`; empty for those of the path's routes.
    pub methods: String,
    /// `Access-Control-Allow-Headers`.
    pub headers: String,
    /// `Access-Control-Allow-Credentials`.
    pub credentials: bool,
    /// `Access-Control-Max-Age`.
    pub max_age: Option<String>,
}

/// Who decides.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// How.
    pub kind: AuthorizerKind,
    /// Where the caller's identity is: `method.request.header.X` or `$request.header.X`.
    pub sources: Vec<String>,
    /// What a token must look like.
    pub validation: Option<String>,
    /// The payload's form for requests: `1.0` or `2.0`.
    pub payload: String,
    /// Whether the answer is `isAuthorized` and no policy.
    pub simple: bool,
    /// One of these a token must have, where there are any; a route may say others.
    pub scopes: Vec<String>,
}

/// How an authorizer decides.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthorizerKind {
    /// A function (its name or ARN) that gets one token.
    Token(String),
    /// A function (its name or ARN) that gets the request.
    Request(String),
    /// User pools of Cognito, by ARN.
    Cognito(Vec<String>),
    /// A JSON web token.
    Jwt {
        /// Who has made it.
        issuer: String,
        /// For whom.
        audience: Vec<String>,
    },
}

/// An API that the template declares.
pub(crate) fn declared(
    resource: &Resource,
    properties: &Node,
    flavour: Flavour,
) -> Result<Api, Error> {
    let mut api = settings(&resource.id, properties, flavour)?;
    if let Some(definition) = properties.get("DefinitionBody") {
        api.routes = definition_routes(definition);
        if api.binary.is_empty() {
            let types = definition.get("x-amazon-apigateway-binary-media-types");
            api.binary = texts(types);
        }
    }
    Ok(api)
}

fn settings(id: &str, properties: &Node, flavour: Flavour) -> Result<Api, Error> {
    let usual = if flavour == Flavour::Rest { "Prod" } else { "$default" };
    let stage = properties.get("StageName").and_then(Node::as_text);
    let variables = ["Variables", "StageVariables"].iter().find_map(|key| properties.get(key));
    let cors = ["Cors", "CorsConfiguration"].iter().find_map(|key| properties.get(key));
    let auth = properties.get("Auth");
    let mut authorizers = BTreeMap::new();
    let listed = auth.and_then(|auth| auth.get("Authorizers")).map_or(&[][..], Node::entries);
    for (key, node) in listed {
        authorizers.insert(key.text.clone(), authorizer(&key.text, node)?);
    }
    let default = auth.and_then(|auth| auth.get("DefaultAuthorizer")).and_then(Node::as_text);
    Ok(Api {
        id: id.to_owned(),
        flavour,
        stage: stage.unwrap_or_else(|| usual.to_owned()),
        variables: variables
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|(key, value)| Some((key.text.clone(), value.as_text()?)))
            .collect(),
        cors: cors.and_then(|node| cors_of(node, flavour)),
        // SAM writes `~1` for a slash.
        binary: texts(properties.get("BinaryMediaTypes"))
            .into_iter()
            .map(|kind| kind.replace("~1", "/"))
            .collect(),
        authorizers,
        default_authorizer: default,
        routes: Vec::new(),
    })
}

fn texts(node: Option<&Node>) -> Vec<String> {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().filter_map(Node::as_text).collect(),
        Some(Value::Text(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn cors_of(node: &Node, flavour: Flavour) -> Option<Cors> {
    // In SAM's Api the values carry quotes of their own: "'*'".
    let bare = |text: String| text.trim_matches('\'').to_owned();
    let text = |key: &str| node.get(key).and_then(Node::as_text).map(bare);
    let list = |key: &str| texts(node.get(key)).into_iter().map(bare).collect::<Vec<_>>();
    match (&node.value, flavour) {
        (Value::Text(origin), _) => {
            Some(Cors { origins: vec![bare(origin.clone())], ..Cors::default() })
        }
        (Value::Bool(true), Flavour::Http) => {
            Some(Cors { origins: vec!["*".into()], ..Cors::default() })
        }
        (Value::Map(_), _) => Some(Cors {
            origins: list("AllowOrigin").into_iter().chain(list("AllowOrigins")).collect(),
            methods: list("AllowMethods").join(","),
            headers: list("AllowHeaders").join(","),
            credentials: node.get("AllowCredentials").and_then(Node::as_bool).unwrap_or(false),
            max_age: text("MaxAge"),
        }),
        _ => None,
    }
}

fn authorizer(name: &str, node: &Node) -> Result<Authorizer, Error> {
    let text = |path: &[&str]| node.find(path).and_then(Node::as_text);
    let identity = node.get("Identity");
    let list = |key: &str| texts(identity.and_then(|identity| identity.get(key)));
    let function = text(&["FunctionArn"]);
    let request = text(&["FunctionPayloadType"]).is_some_and(|kind| kind == "REQUEST");
    let http = text(&["AuthorizerPayloadFormatVersion"]);
    let prefix = if http.is_some() { "$request" } else { "method.request" };
    let mut sources: Vec<String> = Vec::new();
    for (key, place) in [
        ("Headers", "header"),
        ("QueryStrings", "querystring"),
        ("StageVariables", "stageVariables"),
        ("Context", "context"),
    ] {
        sources.extend(list(key).iter().map(|source| match place {
            "stageVariables" | "context" => {
                format!("{}{place}.{source}", if http.is_some() { "$" } else { "" })
            }
            _ => format!("{prefix}.{place}.{source}"),
        }));
    }
    let kind = match function {
        _ if node.get("UserPoolArn").is_some() => {
            let header = identity.and_then(|identity| identity.get("Header")?.as_text());
            let header = header.unwrap_or_else(|| "Authorization".into());
            sources = vec![format!("method.request.header.{header}")];
            AuthorizerKind::Cognito(texts(node.get("UserPoolArn")))
        }
        _ if node.get("JwtConfiguration").is_some() => {
            let source = text(&["IdentitySource"]);
            sources = vec![source.unwrap_or_else(|| "$request.header.Authorization".into())];
            let one = |keys: [&str; 2]| {
                keys.iter().find_map(|key| node.get("JwtConfiguration")?.get(key))
            };
            let issuer = one(["issuer", "Issuer"]).and_then(Node::as_text);
            let issuer = issuer.ok_or_else(|| {
                Error::new(node.at, format!("JwtConfiguration of {name} needs issuer"))
            })?;
            AuthorizerKind::Jwt { issuer, audience: texts(one(["audience", "Audience"])) }
        }
        Some(arn) if request || http.is_some() => AuthorizerKind::Request(arn),
        Some(arn) => {
            let header = identity.and_then(|identity| identity.get("Header")?.as_text());
            let header = header.unwrap_or_else(|| "Authorization".into());
            sources = vec![format!("method.request.header.{header}")];
            AuthorizerKind::Token(arn)
        }
        None => {
            let message =
                format!("the authorizer {name} needs FunctionArn, UserPoolArn or JwtConfiguration");
            return Err(Error::new(node.at, message));
        }
    };
    Ok(Authorizer {
        kind,
        sources,
        validation: text(&["Identity", "ValidationExpression"]),
        payload: http.unwrap_or_else(|| "1.0".into()),
        simple: node.get("EnableSimpleResponses").and_then(Node::as_bool).unwrap_or(false),
        scopes: texts(node.get("AuthorizationScopes")),
    })
}

/// The routes of an OpenAPI definition that lead to functions.
fn definition_routes(definition: &Node) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in definition.get("paths").map_or(&[][..], Node::entries) {
        for (method, operation) in methods.entries() {
            let integration = operation.get("x-amazon-apigateway-integration");
            let text = |key: &str| integration.and_then(|found| found.get(key)?.as_text());
            let Some(function) = text("uri").as_deref().and_then(function_name) else { continue };
            let method = match method.text.as_str() {
                "x-amazon-apigateway-any-method" => "ANY".to_owned(),
                method => method.to_ascii_uppercase(),
            };
            let security = operation.get("security").and_then(|list| list.items().first());
            let security = security.and_then(|one| one.entries().first());
            let authorizer = security.map(|(key, _)| key.text.clone());
            let scopes = security.map_or_else(Vec::new, |(_, scopes)| texts(Some(scopes)));
            let payload = text("payloadFormatVersion").unwrap_or_else(|| "1.0".into());
            let path = path.text.clone();
            routes.push(Route { method, path, function, payload, authorizer, scopes });
        }
    }
    routes
}

/// The function in `…:function:NAME/invocations`, or in an ARN alone.
fn function_name(uri: &str) -> Option<String> {
    let (_, rest) = uri.rsplit_once(":function:")?;
    Some(rest.split(['/', ':']).next()?.to_owned())
}

/// Adds the routes of all functions' events.
pub(crate) fn routes(stack: &Stack<'_>, model: &mut Model) -> Result<(), Error> {
    let names: BTreeMap<String, String> =
        model.functions.iter().map(|f| (f.name.clone(), f.id.clone())).collect();
    for route in model.apis.iter_mut().flat_map(|api| &mut api.routes) {
        if let Some(id) = names.get(&route.function) {
            route.function = id.clone();
        }
    }
    for function in &model.functions {
        for (name, kind, properties) in &function.events {
            let (implicit, flavour, global) = match kind.as_str() {
                "Api" => IMPLICIT[0],
                "HttpApi" => IMPLICIT[1],
                _ => continue,
            };
            let named =
                ["RestApiId", "ApiId"].iter().find_map(|key| properties.get(key)?.as_text());
            let id = named.unwrap_or_else(|| implicit.to_owned());
            let route = event_route(name, &function.id, properties, flavour)?;
            let place = match model.apis.iter().position(|api| api.id == id) {
                Some(place) => place,
                None if id == implicit => {
                    let global = globals::of(stack, global)?.unwrap_or(Node::null(function.at));
                    model.apis.push(settings(&id, &global, flavour)?);
                    model.apis.len() - 1
                }
                None => {
                    let message =
                        format!("the event {name} names the API {id}, which is not there");
                    return Err(Error::new(properties.at, message));
                }
            };
            // The definition may have it already.
            let routes = &mut model.apis[place].routes;
            if !routes.iter().any(|other| other.method == route.method && other.path == route.path)
            {
                routes.push(route);
            }
        }
    }
    Ok(())
}

fn event_route(
    event: &str,
    function: &str,
    properties: &Node,
    flavour: Flavour,
) -> Result<Route, Error> {
    let text = |key: &str| properties.get(key).and_then(Node::as_text);
    let needed = |key: &str| {
        let message =
            || Error::new(properties.at, format!("the event {event} of {function} needs {key}"));
        text(key).ok_or_else(message)
    };
    let (path, method) = match flavour {
        Flavour::Rest => (needed("Path")?, needed("Method")?),
        Flavour::Http => (
            text("Path").unwrap_or_else(|| "$default".into()),
            text("Method").unwrap_or_else(|| "ANY".into()),
        ),
    };
    let method = match method.to_ascii_uppercase() {
        all if all == "*" || all == "X-AMAZON-APIGATEWAY-ANY-METHOD" => "ANY".into(),
        method => method,
    };
    let usual = if flavour == Flavour::Rest { "1.0" } else { "2.0" };
    Ok(Route {
        method,
        path,
        function: function.to_owned(),
        payload: text("PayloadFormatVersion").unwrap_or_else(|| usual.into()),
        authorizer: properties.find(&["Auth", "Authorizer"]).and_then(Node::as_text),
        scopes: texts(properties.find(&["Auth", "AuthorizationScopes"])),
    })
}
