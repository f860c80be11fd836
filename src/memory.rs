//! How much memory this process can still allocate: what the machine has free, limited by a container or batch job
//! (cgroups) or a shell (`ulimit`).
//!
//! Our own reading, since no crate covers both versions of cgroups, nested groups, and what is in use already.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::kernels::fallibly;

pub use crate::kernels::zeroed_bytes as zeros;
pub use crate::kernels::{before_the_end, nothing_before_the_end};

/// Memory that can still be allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// How much.
    pub bytes: u64,
    /// What limits it.
    pub bound: Bound,
}

/// What limits memory; shown as the end of a sentence that begins with an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// What the machine has.
    Machine,
    /// The limit of a container or batch job.
    Cgroup,
    /// `ulimit -v`
    AddressSpace,
    /// `ulimit -d`
    DataSegment,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "available",
            Self::Cgroup => "left of the memory limit of this container or batch job (its cgroup)",
            Self::AddressSpace => "left of the limit on address space (ulimit -v)",
            Self::DataSegment => "left of the limit on data (ulimit -d)",
        })
    }
}

/// What this process can still allocate, in bytes; `None` where the system does not say (Linux does).
pub fn available() -> Option<Available> {
    available_in(Path::new("/"))
}

/// Like [`available`], with `root` in place of `/`.
pub fn available_in(root: &Path) -> Option<Available> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (limits, status) = (read("proc/self/limits"), read("proc/self/status"));
    let left = |limit: &str, used: &str| {
        let limit = bytes_of_limit(&limits, limit)?;
        Some(limit.saturating_sub(kilobytes(&status, used)? << 10))
    };
    let machine = kilobytes(&read("proc/meminfo"), "MemAvailable:").map(|free| free << 10);
    let bounds = [
        (Bound::Machine, machine),
        (
            Bound::Cgroup,
            left_of_cgroups(
                root,
                &read("proc/self/cgroup"),
                &read("proc/self/mountinfo"),
            ),
        ),
        (Bound::AddressSpace, left("Max address space", "VmSize:")),
        (Bound::DataSegment, left("Max data size", "VmData:")),
    ];
    let bounds = bounds.into_iter();
    bounds
        .filter_map(|(bound, bytes)| {
            Some(Available {
                bytes: bytes?,
                bound,
            })
        })
        .min_by_key(|available| available.bytes)
}

/// An empty vector with room for `length` bytes; `None` if that memory is refused.
pub fn with_capacity(length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fallibly(|| bytes.try_reserve_exact(length)).ok()?;
    Some(bytes)
}

/// The number in a line of /proc/meminfo or /proc/self/status.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A soft limit in /proc/self/limits; `None` if it is unlimited.
fn bytes_of_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The files of a version of cgroups.
struct Version {
    /// The type of its file system.
    mounted_as: &'static str,
    limits: &'static [&'static str],
    used: &'static str,
    /// The line of memory.stat for memory that counts as used but is reclaimed on demand.
    reclaimable: &'static str,
}

const FIRST: Version = Version {
    mounted_as: "cgroup",
    limits: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

const SECOND: Version = Version {
    mounted_as: "cgroup2",
    limits: &["memory.max", "memory.high"],
    used: "memory.current",
    reclaimable: "inactive_file",
};

/// What is left of the tightest limit among the process's groups and their ancestors. `own` is /proc/self/cgroup,
/// `mounts` is /proc/self/mountinfo.
fn left_of_cgroups(root: &Path, own: &str, mounts: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => SECOND,
            _ if controllers.split(',').any(|it| it == "memory") => FIRST,
            _ => return None,
        };
        let (shown, mount) = mounts.lines().find_map(|line| version.mount(line))?;
        let mount = root.join(mount.strip_prefix("/").unwrap_or(&mount));
        // In a container, the group may have the host's name while only the container's own group is mounted.
        let inside = Path::new(group).strip_prefix(shown);
        let folder = inside.map_or_else(|_| mount.clone(), |inside| mount.join(inside));
        let groups = folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&mount));
        groups.filter_map(|group| version.left_in(group)).min()
    };
    own.lines().filter_map(of_line).min()
}

impl Version {
    /// The group that a line of mountinfo mounts, and the mount point; `None` for other mounts.
    fn mount(&self, line: &str) -> Option<(PathBuf, PathBuf)> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (mounted_as, options) = (kind.next()?, kind.nth(1)?);
        let has_memory = self.mounted_as == SECOND.mounted_as
            || options.split(',').any(|option| option == "memory");
        let mut place = place.split(' ').skip(3).map(PathBuf::from);
        (mounted_as == self.mounted_as && has_memory)
            .then(|| Some((place.next()?, place.next()?)))?
    }

    /// What is left of the limit of one group; `None` if it has none.
    fn left_in(&self, group: &Path) -> Option<u64> {
        let read = |name: &str| fs::read_to_string(group.join(name)).ok();
        let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
        let limit = self.limits.iter().filter_map(|name| number(name)).min()?;
        let statistics = read("memory.stat").unwrap_or_default();
        let reclaimable = statistics.lines().find_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            (name == self.reclaimable).then(|| bytes.parse().ok())?
        });
        let used = number(self.used)?.saturating_sub(reclaimable.unwrap_or(0));
        Some(limit.saturating_sub(used))
    }
}
