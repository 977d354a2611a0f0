//! Runs real programs in real sandboxes, most of them with bad intentions.

#[path = "main/snapshots.rs"]
mod snapshots;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use sandbox::{Activity, Choice, Engine, Event, Exit, Limits, Mount, Plan, Program};
use tokio::io::AsyncReadExt;

const AGENT: &str = env!("CARGO_BIN_EXE_sandbox-agent");
const LIMITS: Limits =
    Limits { memory_bytes: 100 << 20, tmp_size_bytes: 8 << 20, files: 64, processes: 32 };

struct Outcome {
    exit: Exit,
    output: String,
}

async fn engine(choice: Choice) -> Engine {
    let engine = Engine::detect(choice, Some(AGENT.into()), &std::env::temp_dir()).await;
    engine.expect("this machine allows sandboxes")
}

/// Runs a shell script and returns all it printed.
async fn run(engine: &Engine, plan: Plan, script: &str) -> Outcome {
    let program = Program {
        program: "/bin/bash".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
        cwd: "/".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    };
    let place = engine.place(plan).expect("a place");
    let mut sandbox = engine.launch(place, program).await.expect("the program starts");
    let (mut out, mut err) = (String::new(), String::new());
    let both = async {
        tokio::join!(
            sandbox.stdout.read_to_string(&mut out),
            sandbox.stderr.read_to_string(&mut err),
            sandbox.control.wait()
        )
    };
    let (_, _, exit) =
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("it ends in time");
    Outcome { exit, output: out + &err }
}

async fn check(script: &str, exit: Exit, contains: &str) {
    let outcome = run(&engine(Choice::Namespaces).await, Plan::default(), script).await;
    assert_eq!(outcome.exit, exit, "{script}: {}", outcome.output);
    assert!(outcome.output.contains(contains), "{script}: {}", outcome.output);
}

#[tokio::test]
async fn runs_a_program_with_its_environment_only() {
    check("echo $GREETING; env | wc -l; exit 3", Exit::Code(3), "hello\n").await;
    check("kill -9 $$", Exit::Signal(9), "").await;
}

#[tokio::test]
async fn the_system_cannot_be_written() {
    let script = "touch /usr/x; touch /etc/x; touch /x; touch /bin/x; \
                  mkdir /opt/x; echo a > /etc/passwd; \
                  for d in / /usr /etc /dev /opt /var; do test -w $d && echo WRITABLE $d; done; exit 0";
    let outcome = run(&engine(Choice::Namespaces).await, Plan::default(), script).await;
    assert!(!outcome.output.contains("WRITABLE"), "{}", outcome.output);
    assert_eq!(outcome.output.matches("Read-only file system").count(), 6, "{}", outcome.output);
}

#[tokio::test]
async fn nothing_of_the_host_is_seen() {
    check("ls /home /root /srv /media /run /sys 2>&1 | grep -c 'No such'", Exit::Code(0), "6")
        .await;
    check("ls -d /dev/shm 2>&1; ls /dev | wc -l", Exit::Code(0), "No such").await;
    check("hostname 2>/dev/null || cat /proc/sys/kernel/hostname", Exit::Code(0), "sandbox").await;
    check(
        "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t\\n'",
        Exit::Code(0),
        "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1Seccomp:2",
    )
    .await;
}

#[tokio::test]
async fn what_the_host_left_open_stays_outside() {
    let path = std::env::temp_dir().join(format!("sandbox-left-open-{}", std::process::id()));
    let file = std::fs::File::create(&path).expect("a file");
    let inherited = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty());
    nix::fcntl::fcntl(&file, inherited).expect("programs inherit it");
    check("ls -l /proc/$$/fd; ls -l /proc/$$/fd | grep -c left-open", Exit::Code(1), "\n0\n").await;
    std::fs::remove_file(&path).expect("the file is there");
}

#[tokio::test]
async fn processes_outside_are_out_of_reach() {
    let outside = std::process::id();
    check(&format!("kill -9 {outside}"), Exit::Code(1), "No such process").await;
    check("kill -9 1; sleep 0.1; echo still here", Exit::Code(0), "still here").await;
    check("cat /proc/1/environ /proc/1/mem; ls /proc/1/fd", Exit::Code(2), "Permission denied")
        .await;
    // The agent and the shell; the shell alone expands the pattern, so nothing else runs.
    check("echo /proc/[0-9]*", Exit::Code(0), "/proc/1 /proc/2\n").await;
}

#[tokio::test]
async fn no_packet_leaves() {
    check("echo x > /dev/tcp/1.1.1.1/80", Exit::Code(1), "unreachable").await;
    // The test's own listener on the host is not the sandbox's loopback.
    let host = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = host.local_addr().expect("an address").port();
    check(&format!("echo x > /dev/tcp/127.0.0.1/{port}"), Exit::Code(1), "refused").await;
}

#[tokio::test]
async fn namespaces_and_mounts_are_refused() {
    check("unshare -U true", Exit::Code(1), "not permitted").await;
    check("mount -t tmpfs none /tmp", Exit::Code(32), "").await;
}

#[tokio::test]
async fn a_fork_bomb_stays_inside() {
    let script = "bomb() { bomb | bomb & }; (bomb) 2>/dev/null; sleep 1; echo survived";
    let outcome = run(&engine(Choice::Namespaces).await, Plan::default(), script).await;
    assert!(matches!(outcome.exit, Exit::Code(_)), "{:?}", outcome.exit);
    assert_eq!(
        Exit::Code(0),
        run(&engine(Choice::Namespaces).await, Plan::default(), "exit 0").await.exit
    );
}

#[tokio::test]
async fn a_memory_hog_is_killed() {
    // Whoever is faster: our watch, or the kernel's limit, which kills the hog alone.
    let hog = "exec tail /dev/zero";
    let outcome = run(&engine(Choice::Namespaces).await, Plan::default(), hog).await;
    assert_eq!(outcome.exit, Exit::OutOfMemory, "{}", outcome.output);
}

#[tokio::test]
async fn a_memory_hog_beside_the_program_is_killed() {
    let hog = "(exec tail /dev/zero); echo $?";
    let outcome = run(&engine(Choice::Namespaces).await, Plan::default(), hog).await;
    let all = outcome.exit == Exit::OutOfMemory;
    let alone = outcome.exit == Exit::Code(0) && outcome.output.contains("137\n");
    assert!(all || alone, "{:?}: {}", outcome.exit, outcome.output);
}

#[tokio::test]
async fn tmp_and_descriptors_are_bounded() {
    check("head -c 9000000 /dev/zero > /tmp/x; exit 0", Exit::Code(0), "No space left").await;
    check("echo text > /tmp/x && cat /tmp/x", Exit::Code(0), "text").await;
    let script = "for i in $(seq 100); do exec {fd}</dev/null || exit 9; done";
    check(script, Exit::Code(9), "Too many open files").await;
}

#[tokio::test]
async fn mounts_are_read_only_and_the_host_accepts() {
    let directory = std::env::temp_dir().join(format!("sandbox-mount-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("data"), "from the host").expect("a file");
    for choice in [Choice::Namespaces, Choice::Process] {
        let engine = engine(choice).await;
        let mount = Mount { source: directory.clone(), target: "/var/task".into() };
        let plan = Plan { mounts: vec![mount], ports: vec![9001, 4566], ..Plan::default() };
        let place = engine.place(plan).expect("a place");
        let (data, port) = (place.path(Path::new("/var/task/data")), place.port(9001));
        let script = format!(
            "cat {0}; echo x > {0} 2>/dev/null && echo WRITTEN; \
             exec 3<>/dev/tcp/127.0.0.1/{port}; echo ping >&3; cat <&3",
            data.display()
        );
        let program = Program {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cwd: place.path(Path::new("/tmp")),
            merge_output: false,
            message_output: None,
            held: false,
            limits: LIMITS,
        };
        let mut sandbox = engine.launch(place, program).await.expect("the program starts");
        assert_eq!(
            sandbox.listeners.iter().map(|(port, _)| *port).collect::<Vec<_>>(),
            [9001, 4566]
        );
        let (stream, _) = sandbox.listeners[0].1.accept().await.expect("a connection");
        let mut stream = stream.into_std().expect("a stream");
        stream.set_nonblocking(false).expect("blocking");
        let mut ping = [0; 5];
        stream.read_exact(&mut ping).expect("a ping");
        assert_eq!(&ping, b"ping\n");
        stream.write_all(b"pong").expect("it listens");
        drop(stream);
        let mut out = String::new();
        sandbox.stdout.read_to_string(&mut out).await.expect("output");
        // Without namespaces, and as the files' owner, a program may write what its user may.
        let expected = if choice == Choice::Namespaces { "from the hostpong" } else { &out };
        assert_eq!(out, expected, "{choice:?}");
        assert!(out.ends_with("pong"), "{out}");
        assert_eq!(sandbox.control.wait().await, Exit::Code(0));
    }
    std::fs::remove_dir_all(&directory).expect("ours");
}

/// The host hears what programs ask for, and its answer is what they find.
#[tokio::test]
async fn the_host_answers_for_names() {
    let engine = engine(Choice::Namespaces).await;
    let place = engine.place(Plan { names: true, ..Plan::default() }).expect("a place");
    let program = Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "getent hosts desk.example; getent hosts localhost".into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/tmp".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    };
    let mut sandbox = engine.launch(place, program).await.expect("the program starts");
    let names = sandbox.names.take().expect("a socket");
    let mut query = [0; 512];
    // First it asks for IPv6.
    for (kind, count) in [(28, 0), (1, 1)] {
        let (length, from) = names.recv_from(&mut query).await.expect("a query");
        let asked = [&b"\x04desk\x07example\x00\x00"[..], &[kind, 0, 1]].concat();
        assert!(query[..length].ends_with(&asked), "{:?}", &query[..length]);
        let mut answer = query[..length].to_vec();
        answer[2..12].copy_from_slice(&[0x85, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
        if count == 1 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 7, 7, 7]);
        }
        names.send_to(&answer, from).await.expect("it waits");
    }
    let mut out = String::new();
    sandbox.stdout.read_to_string(&mut out).await.expect("output");
    let found: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(found[0], ["127.7.7.7", "desk.example"]);
    assert_eq!(found[1][1], "localhost");
    assert_eq!(sandbox.control.wait().await, Exit::Code(0));
}

#[tokio::test]
async fn memory_is_measured_on_demand_and_killing_ends_all() {
    let engine = engine(Choice::Namespaces).await;
    let program = Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "echo up; sleep 100 & sleep 100".into()],
        env: Vec::new(),
        cwd: "/tmp".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    };
    let place = engine.place(Plan::default()).expect("a place");
    let mut sandbox = engine.launch(place, program).await.expect("the program starts");
    let mut up = [0; 3];
    sandbox.stdout.read_exact(&mut up).await.expect("it prints");
    sandbox.control.set(Activity::Idle).expect("it lives");
    let Event::Memory(memory) = sandbox.control.next().await else { panic!("it was killed") };
    assert!(
        memory.current_bytes > 30_000 && memory.peak_bytes >= memory.current_bytes,
        "{memory:?}"
    );
    sandbox.control.kill().await.expect("it dies");
    let mut rest = String::new();
    // The pipe ends only when every process that holds it is gone.
    sandbox.stdout.read_to_string(&mut rest).await.expect("the end of the pipe");
    assert_eq!(sandbox.control.wait().await, Exit::Signal(9));
}

#[tokio::test]
async fn a_missing_program_and_a_missing_mount_are_named() {
    let engine = engine(Choice::Namespaces).await;
    let program = |path: &str| Program {
        program: path.into(),
        args: Vec::new(),
        env: vec![("SECRET".into(), "hidden".into())],
        cwd: "/".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    };
    assert!(!format!("{:?}", program("/x")).contains("hidden"));
    let place = engine.place(Plan::default()).expect("a place");
    let error = engine.launch(place, program("/nowhere/x")).await.expect_err("no such program");
    assert_eq!(
        error.to_string(),
        "cannot start /nowhere/x: No such file or directory (os error 2)"
    );
    let mount = Mount { source: "/nowhere/y".into(), target: "/y".into() };
    let place = engine.place(Plan { mounts: vec![mount], ..Plan::default() }).expect("a place");
    let error = engine.launch(place, program("/bin/true")).await.expect_err("no such mount");
    assert!(error.to_string().contains("open /nowhere/y"), "{error}");
}

#[tokio::test]
async fn outputs_can_be_merged_and_a_third_one_given() {
    let engine = engine(Choice::Namespaces).await;
    let program = Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), "echo a; echo b >&2; echo c; echo message >&7".into()],
        env: Vec::new(),
        cwd: "/tmp".into(),
        merge_output: true,
        message_output: Some(7),
        held: false,
        limits: LIMITS,
    };
    let place = engine.place(Plan::default()).expect("a place");
    let mut sandbox = engine.launch(place, program).await.expect("the program starts");
    let (mut lines, mut messages) = (String::new(), String::new());
    sandbox.stdout.read_to_string(&mut lines).await.expect("lines");
    sandbox.stderr.read_to_string(&mut messages).await.expect("messages");
    assert_eq!((lines.as_str(), messages.as_str()), ("a\nb\nc\n", "message\n"));
}

fn shell(script: &str, held: bool) -> Program {
    Program {
        program: "/bin/bash".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        merge_output: false,
        message_output: None,
        held,
        limits: LIMITS,
    }
}

#[tokio::test]
async fn companions_run_before_and_beside_the_program() {
    for choice in [Choice::Namespaces, Choice::Process] {
        let engine = engine(choice).await;
        let place = engine.place(Plan::default()).expect("a place");
        let program = shell("echo program; sleep 5; exit 3", true);
        let mut sandbox = engine.launch(place, program).await.expect("a sandbox");
        let script =
            "echo first; trap 'echo asked to end; exit 4' TERM; while :; do sleep 0.01; done";
        let (number, mut output) =
            sandbox.control.start(shell(script, false)).await.expect("it starts");
        let mut buffer = [0; 64];
        let count = output.read(&mut buffer).await.expect("it prints");
        assert_eq!(&buffer[..count], b"first\n");
        let missing = Program { program: "/no/such".into(), ..shell("", false) };
        let error = sandbox.control.start(missing).await.expect_err("there is none");
        assert!(error.to_string().contains("No such file"), "{error}");
        sandbox.control.begin().await.expect("the program starts");
        let count = sandbox.stdout.read(&mut buffer).await.expect("it prints");
        assert_eq!(&buffer[..count], b"program\n");
        sandbox.control.signal(None, 15).expect("it lives");
        assert_eq!(sandbox.control.next().await, Event::ProgramExited(Exit::Signal(15)));
        sandbox.control.signal(Some(number), 15).expect("it lives");
        let ended = tokio::time::timeout(Duration::from_secs(5), sandbox.control.next()).await;
        assert_eq!(ended.expect("in time"), Event::CompanionExited(number, Exit::Code(4)));
        let count = output.read(&mut buffer).await.expect("it prints");
        assert_eq!(&buffer[..count], b"asked to end\n");
        assert_eq!(sandbox.control.next().await, Event::Exited(Exit::Signal(15)));
    }
}

#[tokio::test]
async fn the_host_connects_into_the_sandbox() {
    let engine = engine(Choice::Namespaces).await;
    let place = engine.place(Plan::default()).expect("a place");
    let script = "import socket
s = socket.create_server(('sandbox.localdomain', 8080))
print('ready', flush=True)
c = s.accept()[0]
c.sendall(c.recv(9) * 2)";
    let program = Program {
        args: vec!["-c".into(), script.into()],
        program: "/usr/bin/python3".into(),
        ..shell("", false)
    };
    let mut sandbox = engine.launch(place, program).await.expect("a sandbox");
    let mut buffer = [0; 64];
    let count = sandbox.stdout.read(&mut buffer).await.expect("it prints");
    assert_eq!(&buffer[..count], b"ready\n");
    if let Ok(stream) = sandbox.control.connect(8081).await {
        stream.writable().await.expect("an end");
        assert!(stream.take_error().expect("a socket").is_some(), "nobody listens");
    }
    let mut stream = sandbox.control.connect(8080).await.expect("it listens");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"ping").await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert_eq!(answer, "pingping");
}

#[tokio::test]
async fn set_up_tells_its_steps_and_processes_are_bounded_by_the_kernel() {
    let engine = engine(Choice::Namespaces).await;
    let Ok(bounds) = engine.bounds() else {
        println!("skipped: no control groups here: {:?}", engine.bounds());
        return;
    };
    println!("{bounds}; {}", engine.mode());
    let program = Program {
        program: "/bin/bash".into(),
        args: vec![
            "-c".into(),
            "i=0; while read -t 0.5 x; do :; done; \
            end=$((SECONDS+1)); while [ $SECONDS -lt $end ]; do i=$((i+1)); done; times"
                .into(),
        ],
        env: Vec::new(),
        cwd: "/tmp".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    };
    let place = engine.place(Plan::default()).expect("a place");
    let mut sandbox = engine.launch(place, program).await.expect("the program starts");
    let names: Vec<&str> = sandbox.steps.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.ends_with(&["pivot", "groups", "rights", "program"]), "{names:?}");
    assert!(sandbox.control.limit_cpu(Some(100)).expect("a bound"), "{bounds}");
    let mut out = String::new();
    sandbox.stdout.read_to_string(&mut out).await.expect("output");
    let used =
        out.lines().next().and_then(|line| line.split(['m', 's']).nth(1)?.parse::<f64>().ok());
    // A second or two of running with a tenth of a processor.
    assert!(used.is_some_and(|used| used < 0.5), "{out}");
    assert_eq!(sandbox.control.wait().await, Exit::Code(0));
}

/// Descendants of this test's nursery whose command line holds `mark`.
fn marked(mark: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
}

#[tokio::test]
async fn nothing_outlives_a_dropped_sandbox() {
    for choice in [Choice::Namespaces, Choice::Process] {
        let engine = engine(choice).await;
        let mark = format!("86{:?}{}", choice, std::process::id());
        let script = format!(
            "(exec -a {mark} sleep 1000) & (setsid -f bash -c 'exec -a {mark} sleep 1000') & echo up; wait"
        );
        let place = engine.place(Plan::default()).expect("a place");
        let cwd = place.path(Path::new("/tmp"));
        let program = Program {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cwd,
            merge_output: false,
            message_output: None,
            held: false,
            limits: LIMITS,
        };
        let mut sandbox = engine.launch(place, program).await.expect("the program starts");
        let mut up = [0; 3];
        sandbox.stdout.read_exact(&mut up).await.expect("it prints");
        assert!(marked(&mark) > 0, "it runs");
        drop(sandbox);
        for _ in 0..200 {
            if marked(&mark) == 0 {
                break;
            }
            tokio::task::yield_now().await;
            std::process::Command::new("sleep").arg("0.02").status().expect("time passes");
        }
        assert_eq!(marked(&mark), 0, "{choice:?}");
    }
}
