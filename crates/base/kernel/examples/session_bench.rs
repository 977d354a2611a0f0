//! How long it takes to find the key of a session: the first time, and when the token is known.
//! `cargo run --release -p kernel --example session_bench`.

use std::sync::Arc;
use std::time::Duration;

use kernel::{AssumedRole, Clock as _, Config, Kernel, Principal, SessionFacts, SystemClock};

const SESSIONS: usize = 400;
const ROUNDS: usize = 25;

fn main() {
    let kernel = Kernel::new(Config::memory());
    let clock = SystemClock::default();
    let now = clock.now();
    for (name, policy) in
        [("plain", None), ("with a session policy of 2 KB", Some("x".repeat(2000)))]
    {
        let sessions: Vec<_> = (0..SESSIONS)
            .map(|n| {
                let facts = SessionFacts {
                    policy: policy.clone(),
                    tags: (0..5).map(|i| (format!("k{i}"), format!("v{n}"))).collect(),
                    ..SessionFacts::new(now.epoch_ms, now.epoch_ms + 3_600_000)
                };
                let principal = Principal::AssumedRole(Arc::new(AssumedRole {
                    account: "111122223333".into(),
                    path: "/".into(),
                    role: "role".into(),
                    role_id: "AROAX".into(),
                    session_name: format!("s{n}"),
                    session: facts,
                }));
                kernel.credentials().issue(kernel.random(), &principal, 0).expect("it is small")
            })
            .collect();
        let pass = || {
            let began = clock.elapsed();
            for session in &sessions {
                let token = Some(session.session_token.as_str());
                let found = kernel.credentials().find(&kernel, &session.access_key_id, token, now);
                assert!(found.is_ok_and(|key| key.secret == session.secret_access_key));
            }
            clock.elapsed() - began
        };
        let first = pass();
        let again: Duration = (0..ROUNDS).map(|_| pass()).sum();
        let each = |time: Duration, times: usize| time.as_secs_f64() * 1e6 / times as f64;
        println!(
            "{name}: first {:.1} µs, then {:.2} µs",
            each(first, SESSIONS),
            each(again, SESSIONS * ROUNDS)
        );
    }
}
