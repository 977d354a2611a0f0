//! Measures a decision: `cargo run --release -p policy --example evaluate_bench [ROUNDS]`.
//!
//! One policy of 50 statements as people write them: lists of actions with wildcards, resources
//! with variables, two conditions in every other statement. The request passes all of them and is
//! allowed by the last. The promise is p99 < 20 µs.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::fmt::Write as _;
use std::time::Instant;

use policy::{Context, Kind, Policies, Policy, Principal, Request, Source, Values, evaluate};

struct Facts;

impl Context for Facts {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:username" => Some("ann".into()),
            "aws:sourceip" => Some("203.0.113.9".into()),
            "aws:securetransport" => Some(true.into()),
            "aws:currenttime" => Some("2026-11-23T00:00:00Z".into()),
            "aws:principaltag/team" => Some("blue".into()),
            _ => None,
        }
    }
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000_usize);
    let policy = Policy::parse(&document(), Kind::Identity).expect("the benchmark's policy");
    let source = [Source::new("bench", &policy)];
    let policies = Policies { identity: &source, ..Policies::default() };
    let request = Request {
        action: "s3:GetObject",
        resource: "arn:aws:s3:::reports-2026/home/ann/q3/summary.csv",
        resource_account: None,
        principal: Principal::user("arn:aws:iam::111111111111:user/ann"),
        context: &Facts,
    };
    let mut times_ns = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let decision = evaluate(&policies, &request);
        times_ns.push(start.elapsed().as_nanos() as u64);
        assert!(decision.is_allowed());
    }
    times_ns.sort_unstable();
    let at = |part: f64| times_ns[((rounds - 1) as f64 * part) as usize] as f64 / 1_000.0;
    println!("policy of {} statements, {rounds} decisions", policy.statements().len());
    println!("p50 {:.1} us, p99 {:.1} us, max {:.1} us", at(0.50), at(0.99), at(1.0));
}

fn document() -> String {
    let mut statements = String::new();
    for at in 0..49 {
        let condition = if at % 2 == 0 {
            format!(
                r#", "Condition": {{"IpAddress": {{"aws:SourceIp": ["10.{at}.0.0/16", "192.0.2.0/24"]}},
                    "StringLike": {{"aws:PrincipalTag/team": ["red-*", "*-{at}"]}}}}"#
            )
        } else {
            String::new()
        };
        let effect = if at % 5 == 0 { "Deny" } else { "Allow" };
        // Every third statement fits but for its resource, every third but for its action.
        let (action, resource) = match at % 3 {
            0 => ("s3:Get*", format!("arn:aws:s3:::*-{at}/home/${{aws:username}}/*")),
            1 => ("s3:*", format!("arn:aws:s3:::reports-{at}/*")),
            _ => ("dynamodb:*Item", "*".to_owned()),
        };
        let _ = write!(
            statements,
            r#"{{"Effect": "{effect}", "Action": ["sqs:SendMessage", "{action}", "kms:De*"],
                "Resource": ["arn:aws:sqs:*:*:jobs-{at}", "{resource}"]{condition}}},"#
        );
    }
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{statements} {{"Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": "arn:aws:s3:::reports-*/home/${{aws:username}}/*",
            "Condition": {{"Bool": {{"aws:SecureTransport": "true"}},
                "DateGreaterThan": {{"aws:CurrentTime": "2026-01-01T00:00:00Z"}}}}}}]}}"#
    )
}
