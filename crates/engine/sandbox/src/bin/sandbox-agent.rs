//! Only the agent: what a sandbox's first process is, for tests and measurements.

fn main() {
    sandbox::agent_main();
    eprintln!("sandbox-agent is started by the sandbox engine, never by hand");
    std::process::exit(2);
}
