//! The processor time of this process, thread by thread, as the kernel counts it.

use std::{collections::BTreeMap, fs, time::Duration};

/// Processor time by who used it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// The main thread: update, panels, rendering.
    pub(crate) main: Duration,
    /// Bevy's task pools.
    pub(crate) tasks: Duration,
    /// The software rasteriser and its driver's thread, in whose place a graphics card would work.
    pub(crate) rasteriser: Duration,
}

impl Used {
    /// Returns what was used since the process began.
    pub(crate) fn until_now() -> Self {
        let mut used = Self::default();
        for (name, time) in by_thread() {
            if name == MAIN {
                used.main += time;
            } else if name.contains("Task Pool") || name.contains("Task Po") {
                used.tasks += time;
            } else {
                // llvmpipe's threads, and the driver's, which carry this program's name.
                used.rasteriser += time;
            }
        }
        used
    }

    /// Returns what was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            main: self.main.saturating_sub(before.main),
            tasks: self.tasks.saturating_sub(before.tasks),
            rasteriser: self.rasteriser.saturating_sub(before.rasteriser),
        }
    }
}

/// What stands for the main thread, whatever the program is called.
const MAIN: &str = "main";

/// Returns the time of each thread in nanoseconds (`schedstat` counts them; `stat` counts hundredths of a second).
fn by_thread() -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    let process = std::process::id().to_string();
    for entry in fs::read_dir("/proc/self/task").unwrap() {
        let path = entry.unwrap().path();
        // A thread may end while we look.
        let (Ok(name), Ok(times_of)) =
            (fs::read_to_string(path.join("comm")), fs::read_to_string(path.join("schedstat")))
        else {
            continue;
        };
        let is_main = path.ends_with(&process);
        let name = if is_main { MAIN.to_owned() } else { name.trim().to_owned() };
        let nanos = times_of.split_whitespace().next().unwrap().parse().unwrap();
        *times.entry(name).or_default() += Duration::from_nanos(nanos);
    }
    times
}
