//! A program's memory is kept, and goes on in other sandboxes.

use std::os::fd::AsFd;
use std::time::Duration;

use sandbox::snapshot::{Ends, Folder};
use sandbox::{Choice, Plan, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{LIMITS, engine};

const PORT: u16 = 9001;
/// Waits for a word in the middle of a connection, then tells what it still knows.
const SCRIPT: &str = "
import os, socket
born = os.urandom(8).hex()
os.makedirs('/tmp/folder')
open('/tmp/folder/kept', 'w').write(born)
open_file = open('/tmp/folder/kept')
host = socket.create_connection(('127.0.0.1', 9001))
other = socket.create_connection(('127.0.0.1', 9001))
host.sendall(b'ready')
word = host.recv(100).decode()
try:
    other.sendall(b'lost')
    word += ' is connected'
except OSError: pass
again = socket.create_connection(('127.0.0.1', 9001))
print(born, word, open_file.read() == born, os.getpid(), flush=True)
host.sendall(b'thanks')
again.recv(1)
";

fn program() -> Program {
    Program {
        program: "/usr/bin/python3".into(),
        args: vec!["-c".into(), SCRIPT.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        merge_output: false,
        message_output: None,
        held: false,
        limits: LIMITS,
    }
}

fn plan() -> Plan {
    Plan { ports: vec![PORT], ..Plan::default() }
}

/// One copy: what it prints when it is told `word`.
async fn copy(engine: &sandbox::Engine, folder: &Folder, word: &str) -> String {
    let place = engine.place(plan()).expect("a place");
    let (mut sandbox, mut connections) =
        engine.restore(place, program(), folder).await.expect("it comes back");
    connections[0].write_all(word.as_bytes()).await.expect("it is connected");
    let (mut again, _) = sandbox.listeners[0].1.accept().await.expect("it connects anew");
    let mut thanks = [0; 6];
    connections[0].read_exact(&mut thanks).await.expect("it answers");
    let mut printed = [0; 200];
    let length = sandbox.stdout.read(&mut printed).await.expect("it prints");
    again.write_all(b"!").await.expect("it still reads");
    assert_eq!(sandbox.control.wait().await, sandbox::Exit::Code(0));
    String::from_utf8_lossy(&printed[..length]).into_owned()
}

#[tokio::test]
async fn memory_files_and_a_connection_go_on_in_several_sandboxes() {
    let engine = engine(Choice::Namespaces).await;
    if let Err(why) = engine.snapshots() {
        eprintln!("skipped: {why}");
        return;
    }
    let folder = Folder::new(256 << 20).expect("a folder");
    let place = engine.place(plan()).expect("a place").kept();
    let mut sandbox = engine.launch(place, program()).await.expect("it starts");
    let (mut connection, _) = sandbox.listeners[0].1.accept().await.expect("it connects");
    let mut ready = [0; 5];
    connection.read_exact(&mut ready).await.expect("it is ready");
    let (other, _) = sandbox.listeners[0].1.accept().await.expect("it connects twice");
    let ends = Ends { kept: &[connection.as_fd()], broken: &[other.as_fd()] };
    let taken = engine.snapshot(&sandbox.control, &folder, ends).await;
    taken.expect("its memory is kept");
    sandbox.control.kill().await.expect("it ends");
    drop(connection);
    let both = async { tokio::join!(copy(&engine, &folder, "one"), copy(&engine, &folder, "two")) };
    let (one, two) =
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("they end in time");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (one, two) = (words(&one), words(&two));
    assert_eq!(one[1..], ["one", "True", "1000"]);
    assert_eq!(two[1..], ["two", "True", "1000"]);
    assert_eq!(one[0], two[0], "both remember the same beginning");
}
