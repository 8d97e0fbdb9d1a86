//! What a server uses, read from `/proc`: of the process and all that it has started.

use std::{fs, io, ops::Sub};

/// A page of memory, as `/proc/net/sockstat` counts.
const PAGE: u64 = 4096;

/// A reading; two make a difference.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time in nanoseconds, by the scheduler's own clock.
    pub cpu: u64,
    /// Of which the user's side and the kernel's, in clock ticks of 10 ms.
    pub user_ticks: u64,
    pub system_ticks: u64,
    /// Memory, shared pages shared out (PSS), in bytes.
    pub pss: i64,
    /// What all TCP sockets of this machine hold, in bytes, the load's own included.
    pub sockets: i64,
}

impl Usage {
    /// The use of the process `root` and of its descendants.
    pub(crate) fn of(root: u32) -> io::Result<Self> {
        let mut usage = Self { sockets: sockets()?, ..Self::default() };
        for process in family(root)? {
            let stat = stat(process)?;
            usage.user_ticks += stat.user;
            usage.system_ticks += stat.system;
            for task in fs::read_dir(format!("/proc/{process}/task"))? {
                // A thread may end between the listing and the look.
                if let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) {
                    usage.cpu += number(line.split(' ').next())?;
                }
            }
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            usage.pss += number(pss.and_then(|rest| rest.split_whitespace().next()))? as i64 * 1024;
        }
        Ok(usage)
    }
}

/// What a process holds of this machine's memory (RSS), in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub now: u64,
    /// The most since it began, or since [`forget_peak`].
    pub peak: u64,
}

/// Memory of `process` alone.
pub(crate) fn resident(process: u32) -> io::Result<Resident> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        Ok::<_, io::Error>(number(line.and_then(|rest| rest.split_whitespace().next()))? * 1024)
    };
    Ok(Resident { now: kilobytes("VmRSS:")?, peak: kilobytes("VmHWM:")? })
}

/// The peak of `process` is from here on what it holds now, and what it will.
pub(crate) fn forget_peak(process: u32) -> io::Result<()> {
    fs::write(format!("/proc/{process}/clear_refs"), "5")
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
            pss: self.pss - before.pss,
            sockets: self.sockets - before.sockets,
        }
    }
}

struct Stat {
    parent: u32,
    user: u64,
    system: u64,
}

fn stat(process: u32) -> io::Result<Stat> {
    let line = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything, also parentheses.
    let fields: Vec<&str> = line.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |number_in_manual: usize| number(fields.get(number_in_manual - 3).copied());
    Ok(Stat { parent: field(4)? as u32, user: field(14)?, system: field(15)? })
}

fn number(text: Option<&str>) -> io::Result<u64> {
    text.and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc is not as expected"))
}

fn family(root: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse() else { continue };
        // It may have ended since.
        if let Ok(stat) = stat(process) {
            parents.push((process, stat.parent));
        }
    }
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| process));
        next += 1;
    }
    Ok(family)
}

/// What all TCP sockets of this machine hold, in bytes.
pub(crate) fn sockets() -> io::Result<i64> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    let tcp = text.lines().find_map(|line| line.strip_prefix("TCP:")).unwrap_or_default();
    let pages = number(tcp.split_whitespace().skip_while(|word| *word != "mem").nth(1))?;
    Ok((pages * PAGE) as i64)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn work_and_memory_of_this_process_show() {
        let process = std::process::id();
        let before = Usage::of(process).unwrap();
        let block = black_box(vec![1_u8; 64 << 20]);
        let sum: u64 = (0..50_000_000_u64).map(black_box).sum();
        let used = Usage::of(process).unwrap() - before;
        assert!(used.cpu > 10_000_000, "{used:?} for {sum}");
        assert!(used.pss > 60 << 20, "{used:?} for {} bytes", block.len());

        // In the same test: two that take memory would see each other's.
        let with = resident(process).unwrap();
        drop(block);
        let after = resident(process).unwrap();
        // The kernel counts peaks from sums that each processor adds to now and then: a megabyte may be missing.
        assert!(
            after.peak + (1 << 20) >= with.now && after.now + (60 << 20) <= with.now,
            "{with:?} {after:?}"
        );
        forget_peak(process).unwrap();
        let forgotten = resident(process).unwrap();
        assert!(forgotten.peak + (30 << 20) <= after.peak, "{after:?} {forgotten:?}");
    }
}
