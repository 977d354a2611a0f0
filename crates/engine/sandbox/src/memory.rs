//! How much memory a sandbox uses, read from `/proc`.

use std::fs;

/// Which processes belong to the sandbox.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// All of this `/proc`, but not PID 1, which is the agent.
    Namespace,
    /// The descendants of the calling process.
    Descendants,
}

/// Anonymous and shared memory of all processes, in bytes; pages shared by two count twice.
pub(crate) fn resident_bytes(scope: Scope) -> u64 {
    let fields = ["RssAnon:", "RssShmem:"];
    processes(scope).iter().map(|pid| sum_fields(&format!("/proc/{pid}/status"), &fields)).sum()
}

/// The same with shared pages counted once. Slower: it walks page tables.
pub(crate) fn proportional_bytes(scope: Scope) -> u64 {
    let fields = ["Pss_Anon:", "Pss_Shmem:"];
    let path = |pid: &u32| format!("/proc/{pid}/smaps_rollup");
    processes(scope).iter().map(|pid| sum_fields(&path(pid), &fields)).sum()
}

/// The processes of the sandbox. Those that end meanwhile are simply not counted.
pub(crate) fn processes(scope: Scope) -> Vec<u32> {
    match scope {
        Scope::Namespace => {
            let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.filter_map(|name| name.parse().ok()).filter(|pid| *pid != 1).collect()
        }
        Scope::Descendants => {
            let mut found = children_of(std::process::id());
            let mut next = 0;
            while next < found.len() {
                let children = children_of(found[next]);
                found.extend(children);
                next += 1;
            }
            found
        }
    }
}

fn children_of(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn sum_fields(path: &str, fields: &[&str]) -> u64 {
    let Ok(text) = fs::read_to_string(path) else { return 0 };
    let kib = text.lines().filter_map(|line| {
        let rest = fields.iter().find_map(|field| line.strip_prefix(field))?;
        rest.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    kib.sum::<u64>() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_only_the_named_fields() {
        let path = std::env::temp_dir().join(format!("sandbox-memory-{}", std::process::id()));
        fs::write(&path, "VmRSS:\t 9 kB\nRssAnon:\t    10 kB\nRssShmem:\t 2 kB\n").unwrap();
        let bytes = sum_fields(path.to_str().unwrap(), &["RssAnon:", "RssShmem:"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(bytes, 12 * 1024);
    }
}
