//! Only the sandbox's agent, for this crate's tests.

fn main() {
    sandbox::agent_main();
    eprintln!("lambda-test-agent is started by the sandbox engine, never by hand");
    std::process::exit(2);
}
