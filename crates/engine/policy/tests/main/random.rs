//! Random policies and requests from a small world, so that they meet often.
//!
//! Also used by `tests/policy-oracle`, which is why it knows nothing of the engine.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A source of numbers that gives the same for the same seed.
pub struct Draw(pub u64);

impl Draw {
    /// From 0 up to but not including `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as usize % limit
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

/// Who may ask: the ARN, and the ARN behind it.
pub const WHO: [(&str, &str, &str); 8] = [
    ("user", "arn:aws:iam::111111111111:user/ann", ""),
    ("user", "arn:aws:iam::111111111111:user/team/bob", ""),
    ("user", "arn:aws:iam::222222222222:user/ann", ""),
    (
        "session",
        "arn:aws:sts::111111111111:assumed-role/job/one",
        "arn:aws:iam::111111111111:role/job",
    ),
    ("root", "arn:aws:iam::111111111111:root", ""),
    (
        "federated-user",
        "arn:aws:sts::111111111111:federated-user/eve",
        "arn:aws:iam::111111111111:user/ann",
    ),
    ("service", "lambda.amazonaws.com", ""),
    ("anonymous", "", ""),
];

/// A request and the documents that bear on it.
#[derive(Debug)]
pub struct Case {
    pub identity: Vec<Value>,
    pub boundary: Option<Value>,
    pub session: Vec<Value>,
    pub resource: Option<Value>,
    pub is_required: bool,
    /// An index into [`WHO`].
    pub who: usize,
    pub action: &'static str,
    pub resource_arn: &'static str,
    pub resource_account: &'static str,
    /// Keys in lower case.
    pub context: BTreeMap<&'static str, Vec<&'static str>>,
}

/// What a case may hold.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Boundaries, session policies, resource policies and principals of every kind.
    pub has_layers: bool,
    /// Keys with several values, and set operators.
    pub has_sets: bool,
    /// Most operands of a condition.
    pub operands_max: usize,
}

const ACTIONS: [&str; 5] =
    ["s3:GetObject", "s3:PutObject", "s3:GetObjectAcl", "sqs:SendMessage", "dynamodb:GetItem"];
const ACTION_PATTERNS: [&str; 10] = [
    "*",
    "s3:*",
    "s3:Get*",
    "S3:GETOBJECT",
    "s3:?etObject",
    "sqs:SendMessage",
    "sqs:*Message",
    "dynamodb:*Item",
    "s3:GetObject*",
    "s3:*t*",
];
const RESOURCES: [&str; 6] = [
    "arn:aws:s3:::data/ann/a.txt",
    "arn:aws:s3:::data/b",
    "arn:aws:sqs:eu-west-1:111111111111:jobs",
    "arn:aws:dynamodb:us-east-1:111111111111:table/users/index/by:name",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::other/ann",
];
const RESOURCE_PATTERNS: [&str; 14] = [
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::*/?",
    "arn:aws:s3:::data/b",
    "arn:aws:sqs:*:*:jobs",
    "arn:aws:sqs:*:111111111111:*",
    "arn:aws:dynamodb:us-*-1:*:table/users*",
    "arn:aws:dynamodb:*:*:table/*:name",
    "arn:aws:s3:::*/${aws:username}*",
    "arn:aws:s3:::data/${*}",
    "arn:*:s3:::data*",
    "arn:aws:s3:::*a*t*",
    "arn:aws:sqs:eu-west-1:222222222222:jobs",
];

/// Operators, the keys they suit, and operands that meet the values below.
const CONDITIONS: [(&str, &str, &[&str]); 19] = [
    ("StringEquals", "aws:username", &["ann", "bob", "${aws:PrincipalTag/team}", "a*", "ANN"]),
    ("StringNotEquals", "aws:username", &["ann", "bob", "carol"]),
    ("StringEqualsIgnoreCase", "aws:PrincipalTag/team", &["RED", "blue", "Green"]),
    ("StringNotEqualsIgnoreCase", "aws:PrincipalTag/team", &["RED", "blue"]),
    ("StringLike", "s3:prefix", &["home/*", "home/${aws:username}*", "*", "h?me/", "x"]),
    ("StringNotLike", "s3:prefix", &["home/*", "*ann*", "?"]),
    ("NumericEquals", "s3:max-keys", &["10", "10.0", "7"]),
    ("NumericNotEquals", "s3:max-keys", &["10", "7"]),
    ("NumericLessThan", "s3:max-keys", &["10", "11"]),
    ("NumericGreaterThanEquals", "s3:max-keys", &["10", "11"]),
    ("DateLessThan", "aws:CurrentTime", &["2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z"]),
    ("DateGreaterThan", "aws:CurrentTime", &["2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z"]),
    ("Bool", "aws:SecureTransport", &["true", "false"]),
    ("IpAddress", "aws:SourceIp", &["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0"]),
    ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8", "192.0.2.0/24"]),
    (
        "ArnLike",
        "aws:SourceArn",
        &["arn:aws:sns:*:*:news", "arn:aws:s3:::data", "arn:aws:sns:*:*:n*"],
    ),
    (
        "ArnNotEquals",
        "aws:SourceArn",
        &["arn:aws:sns:eu-west-1:111111111111:news", "arn:aws:s3:::*"],
    ),
    ("Null", "aws:PrincipalTag/team", &["true", "false"]),
    ("Null", "aws:SourceArn", &["true", "false"]),
];

const CONTEXT: [(&str, &[&str]); 8] = [
    ("aws:principaltag/team", &["red", "blue", "ann"]),
    ("s3:prefix", &["home/ann", "home/", "x", ""]),
    ("s3:max-keys", &["10", "7", "1000"]),
    ("aws:currenttime", &["2026-06-01T12:00:00Z", "2025-06-01T12:00:00Z", "2026-11-23T00:00:00Z"]),
    ("aws:securetransport", &["true", "false"]),
    ("aws:sourceip", &["10.1.2.3", "192.0.2.7", "2001:db8::1", "203.0.113.9"]),
    (
        "aws:sourcearn",
        &["arn:aws:sns:eu-west-1:111111111111:news", "arn:aws:s3:::data", "arn:aws:s3:::other"],
    ),
    ("aws:tagkeys", &["a", "b", "c"]),
];

const PRINCIPALS: [(&str, &str); 11] = [
    ("AWS", "*"),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::111111111111:root"),
    ("AWS", "arn:aws:iam::222222222222:root"),
    ("AWS", "arn:aws:iam::111111111111:user/ann"),
    ("AWS", "arn:aws:iam::222222222222:user/ann"),
    ("AWS", "arn:aws:iam::111111111111:role/job"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/job/one"),
    ("AWS", "arn:aws:sts::111111111111:federated-user/eve"),
    ("Service", "lambda.amazonaws.com"),
    ("Service", "s3.amazonaws.com"),
];

/// A case of this world.
pub fn case(draw: &mut Draw, world: World) -> Case {
    let who = if world.has_layers { draw.below(WHO.len()) } else { draw.below(2) };
    let some = |draw: &mut Draw, most: usize| -> Vec<Value> {
        (0..draw.below(most + 1)).map(|_| policy(draw, world, false)).collect()
    };
    let identity = some(draw, 3);
    let session = if world.has_layers { some(draw, 2) } else { Vec::new() };
    let has_boundary = world.has_layers && draw.chance(40);
    let has_resource = world.has_layers && draw.chance(60);
    Case {
        identity,
        session,
        boundary: has_boundary.then(|| policy(draw, world, false)),
        resource: has_resource.then(|| policy(draw, world, true)),
        is_required: world.has_layers && draw.chance(20),
        who,
        action: draw.pick(&ACTIONS),
        resource_arn: draw.pick(&RESOURCES),
        resource_account: draw.pick(&["111111111111", "111111111111", "222222222222"]),
        context: context(draw, world, who),
    }
}

fn context(draw: &mut Draw, world: World, who: usize) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut context = BTreeMap::new();
    if WHO[who].0 == "user" {
        context.insert("aws:username", vec![WHO[who].1.rsplit('/').next().unwrap_or_default()]);
    }
    for (key, values) in CONTEXT {
        let is_set = key == "aws:tagkeys";
        if draw.chance(30) || is_set && !world.has_sets {
            continue;
        }
        let count = if world.has_sets && (is_set || draw.chance(10)) { draw.below(4) } else { 1 };
        context.insert(key, (0..count).map(|_| draw.pick(values)).collect());
    }
    context
}

fn policy(draw: &mut Draw, world: World, names_principals: bool) -> Value {
    let statements: Vec<Value> =
        (0..1 + draw.below(3)).map(|_| statement(draw, world, names_principals)).collect();
    let version = if names_principals && draw.chance(10) { "2008-10-17" } else { "2012-10-17" };
    json!({"Version": version, "Statement": statements})
}

fn statement(draw: &mut Draw, world: World, names_principals: bool) -> Value {
    let effect = if draw.chance(25) { "Deny" } else { "Allow" };
    let mut statement = json!({"Effect": effect});
    let action = if draw.chance(12) { "NotAction" } else { "Action" };
    statement[action] = few(draw, 2, |draw| draw.pick(&ACTION_PATTERNS).into());
    let resource = if draw.chance(12) { "NotResource" } else { "Resource" };
    statement[resource] = few(draw, 2, |draw| draw.pick(&RESOURCE_PATTERNS).into());
    if names_principals {
        let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for _ in 0..1 + draw.below(3) {
            let (kind, value) = PRINCIPALS[draw.below(PRINCIPALS.len())];
            by_type.entry(kind).or_default().push(value);
        }
        let element =
            if effect == "Deny" && draw.chance(20) { "NotPrincipal" } else { "Principal" };
        statement[element] = json!(by_type);
    }
    if draw.chance(45) {
        for _ in 0..1 + draw.below(2) {
            condition(draw, world, &mut statement);
        }
    }
    statement
}

fn condition(draw: &mut Draw, world: World, statement: &mut Value) {
    let (mut operator, mut key, mut operands) = CONDITIONS[draw.below(CONDITIONS.len())];
    let mut name = operator.to_owned();
    if world.has_sets && draw.chance(25) {
        (operator, key, operands) = [
            ("StringEquals", "aws:TagKeys", &["a", "b", "B"] as &[&str]),
            ("StringNotEquals", "aws:TagKeys", &["a", "b"]),
            ("StringLike", "aws:TagKeys", &["?", "b*", "d"]),
        ][draw.below(3)];
        name = format!("{}:{operator}", draw.pick(&["ForAllValues", "ForAnyValue"]));
    }
    if operator != "Null" && draw.chance(15) {
        name += "IfExists";
    }
    let values = few(draw, world.operands_max, |draw| match draw.pick(operands) {
        "true" if draw.chance(30) => true.into(),
        text => text.into(),
    });
    statement["Condition"][name][key] = values;
}

/// One value, or a list of a few.
fn few(draw: &mut Draw, most: usize, mut make: impl FnMut(&mut Draw) -> Value) -> Value {
    if most < 2 || draw.chance(60) {
        return make(draw);
    }
    (0..1 + draw.below(most)).map(|_| make(draw)).collect()
}
