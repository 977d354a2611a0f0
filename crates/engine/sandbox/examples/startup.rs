//! Measures what a sandbox costs: from `launch` to its program's end.
//!
//! `cargo run -p sandbox --example startup [ROUNDS]`

use std::time::{Duration, Instant};

use sandbox::{Choice, Engine, Limits, Plan, Program};

fn main() {
    sandbox::agent_main();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100)));
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
async fn measure(rounds: usize) {
    let limits =
        Limits { memory_bytes: 1 << 27, tmp_size_bytes: 1 << 29, files: 1024, processes: 1024 };
    for choice in [Choice::Namespaces, Choice::Process] {
        let engine = match Engine::detect(choice, None, &std::env::temp_dir()).await {
            Ok(engine) => engine,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        let (mut started, mut ended) = (Vec::new(), Vec::new());
        let mut steps: Vec<(String, Vec<u64>)> = Vec::new();
        for _ in 0..rounds {
            let begin = Instant::now();
            let plan = Plan { ports: vec![9001, 4566], ..Plan::default() };
            let place = engine.place(plan).expect("a place");
            let program = Program {
                program: "/bin/true".into(),
                args: Vec::new(),
                env: Vec::new(),
                cwd: place.path("/tmp".as_ref()),
                merge_output: false,
                message_output: None,
                held: false,
                limits,
            };
            let mut sandbox = engine.launch(place, program).await.expect("a sandbox");
            started.push(begin.elapsed());
            for (at, (name, us)) in sandbox.steps.drain(..).enumerate() {
                match steps.get_mut(at) {
                    Some((_, all)) => all.push(us),
                    None => steps.push((name, vec![us])),
                }
            }
            sandbox.control.wait().await;
            ended.push(begin.elapsed());
        }
        println!(
            "{}: running after {}, ended after {}",
            engine.mode(),
            median(started),
            median(ended)
        );
        let quick = |mut all: Vec<u64>| {
            all.sort_unstable();
            format!("{} ({})", all[all.len() / 2], all[0])
        };
        let steps = steps.into_iter().map(|(name, all)| format!("{name} {}", quick(all)));
        println!("  steps, µs, median (least): {}", steps.collect::<Vec<_>>().join(", "));
    }
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    format!(
        "{:.2} ms ({:.2} at least, {} rounds)",
        ms(times[times.len() / 2]),
        ms(times[0]),
        times.len()
    )
}
