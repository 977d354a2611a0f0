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
            sandbox.control.wait().await;
            ended.push(begin.elapsed());
        }
        println!(
            "{}: running after {}, ended after {}",
            engine.mode(),
            median(started),
            median(ended)
        );
    }
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("{:.2} ms (median of {})", times[times.len() / 2].as_secs_f64() * 1e3, times.len())
}
