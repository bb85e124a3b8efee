//! What a process uses, as the kernel tells it.

use std::fs;

use anyhow::{Context, Result};

use crate::harness::process::Process;

/// Kernel clock ticks per second in `/proc`; a constant of the Linux interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory in bytes.
pub(super) fn resident_bytes(process: &Process) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0)
}

/// Processor seconds spent so far, in user mode and in the kernel.
pub(super) fn processor_seconds(process: &Process) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    // The name in parentheses may hold blanks; user and system time are the 12th and 13th fields after it.
    let (_, fields) = stat.rsplit_once(')').context("no process name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}
