//! How much memory a table takes. Alone in its process, since the peak is the whole process's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use peak_alloc::PeakAlloc;
use std::io::{self, Read};
use watchkeeper_eval::table::{MAX_RECORD_BYTES, Table, Wishes};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// As many bytes as wanted, made as they are read.
struct Endless<F> {
    make: F,
    line: u64,
    rest: Vec<u8>,
    left: u64,
}

impl<F: FnMut(u64) -> Vec<u8>> Endless<F> {
    fn new(bytes: u64, make: F) -> Self {
        Self { make, line: 0, rest: Vec::new(), left: bytes }
    }
}

impl<F: FnMut(u64) -> Vec<u8>> Read for Endless<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.left > 0 {
            self.rest = (self.make)(self.line);
            self.line += 1;
        }
        let count = buffer.len().min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn refused(input: impl Read) -> String {
    let mut table = match Table::open(input, &Wishes::default()) {
        Ok(table) => table,
        Err(error) => return error.to_string(),
    };
    loop {
        if let Err(error) = table.next_row().map(|row| assert!(row.is_some(), "taken")) {
            return error.to_string();
        }
    }
}

#[test]
fn memory_is_bounded_however_long_a_file_or_a_line_is() {
    // The beginning that is looked at, its copies, and one record.
    let bound = 12 * MAX_RECORD_BYTES;
    let held = |work: &dyn Fn()| {
        HEAP.reset_peak_usage();
        work();
        HEAP.peak_usage()
    };
    let long = 256 << 20;
    let peak = held(&|| {
        let rows = Endless::new(long / 4, |line| format!("{line},{},{}\n", line % 7, line % 5).into_bytes());
        let mut table = Table::open(rows, &Wishes::default()).unwrap();
        while table.next_row().unwrap().is_some() {}
        assert!(table.bytes_read() >= long / 4 && table.tally().rows > 1_000_000);
    });
    assert!(peak < bound, "{peak} bytes held for a long file");
    // One line without an end; a quote that opens in the fifth line and never closes; nothing but line ends.
    for (what, says, make) in [
        (
            "a long line",
            "line 1: a record of more than",
            (|_| b"1234567,".repeat(1_000)) as fn(u64) -> Vec<u8>,
        ),
        ("a quote", "line 5: a record of more than", |line| match line {
            4 => b"4,\"5\n".to_vec(),
            line => format!("{line},5\n").into_bytes(),
        }),
        ("line ends", "the file is empty", |_| vec![b'\n'; 8_192]),
    ] {
        let peak = held(&|| {
            let told = refused(Endless::new(long, make));
            assert!(
                told.starts_with(says) || what == "a long line" && told.contains("4096 columns"),
                "{told}"
            );
        });
        assert!(peak < bound, "{peak} bytes held for {what}");
    }
}
