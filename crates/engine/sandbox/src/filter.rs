//! The system calls a program may not make.
//!
//! Everything that is not named is allowed: the namespaces and the missing capabilities are the
//! wall, and this list takes away the parts of the kernel that have been the way through it.
//! `ENOSYS` makes callers use their older way; `EPERM` says no.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Outcome<T> = Result<T, seccompiler::BackendError>;

/// Calls that answer `EPERM`.
const FORBIDDEN: &[i64] = &[
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel itself.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that answer `ENOSYS`.
const ABSENT: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Its flags are in memory, out of a filter's sight; the C library falls back to `clone`.
    libc::SYS_clone3,
    // Memory that the memory watch cannot see.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
];

const NAMESPACE_FLAGS: &[i32] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

const SOCKET_FAMILIES: &[i32] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Both filters, ready to be applied in this order. The nursery asks first, so that no sandbox has
/// to wait for it.
pub(crate) fn programs() -> Outcome<&'static [BpfProgram]> {
    static PROGRAMS: OnceLock<Vec<BpfProgram>> = OnceLock::new();
    match PROGRAMS.get() {
        Some(programs) => Ok(programs),
        None => {
            let programs = compiled()?;
            Ok(PROGRAMS.get_or_init(|| programs))
        }
    }
}

fn compiled() -> Outcome<Vec<BpfProgram>> {
    let absent = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    let mut forbidden: Rules = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    forbidden.insert(libc::SYS_clone, namespace_rules()?);
    forbidden.insert(libc::SYS_socket, vec![family_rule()?]);
    forbidden.insert(libc::SYS_ioctl, vec![terminal_input_rule()?]);
    Ok(vec![compile(absent, libc::ENOSYS)?, compile(forbidden, libc::EPERM)?])
}

/// Puts the filters on the calling process; they cannot be taken off again.
pub(crate) fn apply(programs: &[BpfProgram]) -> Result<(), seccompiler::Error> {
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program))
}

fn compile(rules: Rules, errno: i32) -> Outcome<BpfProgram> {
    let refuse = SeccompAction::Errno(errno as u32);
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
}

/// `clone` with any flag that makes a namespace.
fn namespace_rules() -> Outcome<Vec<SeccompRule>> {
    let rule = |flag: &i32| {
        let flag = *flag as u32 as u64;
        let set = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, set, flag)?;
        SeccompRule::new(vec![condition])
    };
    NAMESPACE_FLAGS.iter().map(rule).collect()
}

/// `socket` of a family that a network namespace does not confine (such as vsock).
fn family_rule() -> Outcome<SeccompRule> {
    let other = |family: &i32| {
        let family = *family as u64;
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    SeccompRule::new(SOCKET_FAMILIES.iter().map(other).collect::<Outcome<_>>()?)
}

/// `ioctl(TIOCSTI)`, which types into a terminal.
fn terminal_input_rule() -> Outcome<SeccompRule> {
    let request = libc::TIOCSTI;
    let condition = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)?;
    SeccompRule::new(vec![condition])
}

#[cfg(test)]
mod tests {
    #[test]
    fn filters_compile() {
        let programs = super::programs().expect("the rules are well-formed");
        assert_eq!(programs.len(), 2);
        assert!(programs.iter().all(|program| program.len() > 10));
    }
}
