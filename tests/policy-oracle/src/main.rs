//! The policy engine against two other implementations of the language, on random policies.
//!
//! `cargo run --release [CASES]` in this folder. Every disagreement is reduced to the smallest
//! case that still shows it and then must be one of those in `known.rs`, each of which is
//! explained there and in docs/unknowns.md. Anything else fails the run.

mod known;
mod oracles;
#[path = "../../../crates/engine/policy/tests/main/random.rs"]
mod random;
mod reduce;

use std::collections::BTreeMap;

use random::{Draw, World, case};

/// What is compared, of identity policies alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Allowed,
    Denied,
    NotAllowed,
    /// The oracle cannot say.
    Refused,
}

/// Another implementation.
pub struct Oracle {
    pub name: &'static str,
    pub decide: fn(&random::Case) -> Answer,
    /// Whether it knows keys with several values.
    has_sets: bool,
}

const ORACLES: [Oracle; 2] = [
    Oracle { name: "iam-rs", decide: oracles::iam_rs, has_sets: true },
    Oracle { name: "scratchstack-aspen", decide: oracles::aspen, has_sets: false },
];

fn main() -> std::process::ExitCode {
    let cases: u64 = std::env::args().nth(1).map_or(100_000, |n| n.parse().expect("a number"));
    let mut unexplained = 0;
    for oracle in &ORACLES {
        let mut agreed: BTreeMap<Answer, u64> = BTreeMap::new();
        let mut explained: BTreeMap<&str, u64> = BTreeMap::new();
        let mut shown: BTreeMap<String, u64> = BTreeMap::new();
        for seed in 0..cases {
            let world = World { has_layers: false, has_sets: oracle.has_sets, operands_max: 3 };
            let mut case = case(&mut Draw(seed), world);
            case.context.retain(|_, values| !values.is_empty());
            case.identity.iter_mut().for_each(oracles::spell_out);
            let (ours, theirs) = (oracles::ours(&case), (oracle.decide)(&case));
            if ours == theirs {
                *agreed.entry(ours).or_default() += 1;
                continue;
            }
            let small = reduce::reduce(case, oracle);
            match known::explain(oracle.name, &small) {
                Some(why) => *explained.entry(why).or_default() += 1,
                None => {
                    unexplained += 1;
                    let (ours, theirs) = (oracles::ours(&small), (oracle.decide)(&small));
                    let first = &small.identity[0]["Statement"][0];
                    let text = if first.get("Condition").is_some() {
                        format!("{} {:?}", first["Condition"], small.context)
                    } else {
                        format!("{first} {} {}", small.action, small.resource_arn)
                    };
                    let text = format!("{text} | ours {ours:?}, theirs {theirs:?}");
                    *shown.entry(text).or_default() += 1;
                }
            }
        }
        println!("{}: {cases} cases, agreed on {agreed:?}", oracle.name);
        for (why, count) in explained {
            println!("  {count:6} × {why}");
        }
        for (text, count) in shown.iter().take(40) {
            println!("  {count:6} × UNEXPLAINED {text}");
        }
    }
    println!("{unexplained} disagreements without explanation");
    if unexplained == 0 { 0.into() } else { 1.into() }
}
