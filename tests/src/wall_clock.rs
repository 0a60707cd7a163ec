//! Steps the wall clock of one running process, as NTP or a person would step the machine's, and nobody else's.
//!
//! A process asks the kernel's vDSO for the time, a page of code that the kernel maps into it. Here that code is
//! replaced, in that process alone (through `/proc/PID/mem`, where the kernel makes a private copy of the page): what
//! it now runs asks the kernel itself, and adds a span to the answer if the wall clock (CLOCK_REALTIME) was asked
//! for. CLOCK_MONOTONIC and CLOCK_BOOTTIME stay as they are, as they do when a real clock is stepped. A time
//! namespace cannot do this (it moves those two and not the wall clock), and a preloaded library would not be
//! asked by programs that find the vDSO by themselves.
//!
//! For Linux on x86-64, for a child of this process or as root.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    process::Command,
    thread,
    time::Duration,
};

/// The function that every libc and `rustix` ask for the time.
const CLOCK_GETTIME: &str = "__vdso_clock_gettime";
/// What stands before the span: `mov eax, 228; syscall; test eax, eax; jnz end; test edi, edi; jnz end;
/// add qword [rsi], span`. 228 is `clock_gettime`, 0 in `edi` is CLOCK_REALTIME, `rsi` points at its seconds.
const BEFORE_SPAN: [u8; 18] =
    [0xb8, 0xe4, 0, 0, 0, 0x0f, 0x05, 0x85, 0xc0, 0x75, 0x0b, 0x85, 0xff, 0x75, 0x07, 0x48, 0x81, 0x06];
/// What stands after it: `end: ret`.
const AFTER_SPAN: [u8; 1] = [0xc3];
/// How often a process is stopped again because one of its threads stood in the code that is to be replaced.
const ATTEMPTS: u32 = 50;
const LOOK: Duration = Duration::from_millis(2);

/// Sets the wall clock of process `pid` to the machine's plus `seconds`. The machine's own is not touched.
///
/// # Errors
/// Where this machine, or this process' rights, do not allow it; the process then goes on as before.
pub fn set_ahead(pid: u32, seconds: i32) -> Result<()> {
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "only on Linux on x86-64");
    let code = [&BEFORE_SPAN[..], &seconds.to_le_bytes(), &AFTER_SPAN].concat();
    let function = find(pid)?;
    ensure!(function.end - function.start >= code.len() as u64, "the vDSO's function is too short");
    for _ in 0..ATTEMPTS {
        let stopped = Stopped::stop(pid)?;
        if stopped.is_clear_of(&function)? {
            let mut memory = OpenOptions::new().write(true).open(format!("/proc/{pid}/mem"))?;
            memory.seek(SeekFrom::Start(function.start))?;
            memory.write_all(&code).context("writing to the memory of a process")?;
            return Ok(());
        }
        drop(stopped);
        thread::sleep(LOOK);
    }
    bail!("a thread of process {pid} is always asking for the time")
}

/// A process that does not run; it goes on when this is dropped.
struct Stopped(u32);

impl Stopped {
    fn stop(pid: u32) -> Result<Self> {
        signal(pid, "-STOP")?;
        let stopped = Self(pid);
        for _ in 0..500 {
            if stopped.tasks("stat")?.iter().all(|stat| stat.rsplit(") ").next().is_some_and(is_stopped)) {
                return Ok(stopped);
            }
            thread::sleep(LOOK);
        }
        bail!("process {pid} does not stop")
    }

    /// Reads a file of each of its threads.
    fn tasks(&self, file: &str) -> Result<Vec<String>> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).context("reading the threads")?;
        tasks.map(|task| Ok(fs::read_to_string(task?.path().join(file))?)).collect()
    }

    /// Returns whether no thread stands in this code.
    fn is_clear_of(&self, code: &Range<u64>) -> Result<bool> {
        for syscall in self.tasks("syscall")? {
            // The last number is the thread's instruction pointer; a thread that runs has none.
            let pointer = syscall.trim().rsplit("0x").next().unwrap_or_default();
            match u64::from_str_radix(pointer, 16) {
                Ok(pointer) if !code.contains(&pointer) => {}
                Ok(_) | Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It fails only when the process is gone.
        signal(self.0, "-CONT").unwrap_or_default();
    }
}

fn is_stopped(after_name: &str) -> bool {
    after_name.starts_with(['T', 't'])
}

fn signal(pid: u32, signal: &str) -> Result<()> {
    let sent = Command::new("kill").arg(signal).arg(pid.to_string()).status().context("running kill")?;
    ensure!(sent.success(), "kill {signal} {pid} ended with {sent}");
    Ok(())
}

/// Finds where the function lies in the process.
fn find(pid: u32) -> Result<Range<u64>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).context("reading the maps of a process")?;
    let line = maps.lines().find(|line| line.ends_with("[vdso]")).context("the process has no vDSO")?;
    let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
    let (start, end) = range.context("a map has a range")?;
    let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
    let mut memory = File::open(format!("/proc/{pid}/mem")).context("opening the memory of a process")?;
    memory.seek(SeekFrom::Start(start))?;
    let mut image = vec![0; usize::try_from(end - start)?];
    memory.read_exact(&mut image).context("reading the vDSO")?;
    let (offset, size) =
        symbol(&image, CLOCK_GETTIME).with_context(|| format!("the vDSO has no {CLOCK_GETTIME}"))?;
    Ok(start + offset..start + offset + size)
}

/// Finds a function in an ELF image (64 bits, little endian): its offset and size.
fn symbol(image: &[u8], wanted: &str) -> Option<(u64, u64)> {
    const DYNSYM: u64 = 11;
    let sections = number(image, 40, 8)?;
    let (entry, count) = (number(image, 58, 2)?, number(image, 60, 2)?);
    let field = |section: u64, at: u64, width: usize| number(image, sections + section * entry + at, width);
    let symbols = (0..count).find(|section| field(*section, 4, 4) == Some(DYNSYM))?;
    let names = field(field(symbols, 40, 4)?, 24, 8)?;
    let (first, length) = (field(symbols, 24, 8)?, field(symbols, 32, 8)?);
    (0..length / 24).map(|index| first + index * 24).find_map(|at| {
        let name = image.get(usize::try_from(names + number(image, at, 4)?).ok()?..)?;
        let is_it = name.strip_prefix(wanted.as_bytes()).is_some_and(|rest| rest.first() == Some(&0));
        is_it.then_some(())?;
        Some((number(image, at + 8, 8)?, number(image, at + 16, 8)?))
    })
}

fn number(image: &[u8], at: u64, width: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = image.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
