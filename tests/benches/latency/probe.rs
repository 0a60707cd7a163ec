//! What the disk takes by itself: the base of everything that waits for it.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    sync::Arc,
    time::Instant,
};

/// As long as the record of a claim, about.
const LENGTH: usize = 400;

/// A file beside the record.
#[derive(Debug)]
pub(crate) struct DiskProbe(Arc<File>);

impl DiskProbe {
    pub(crate) fn new(directory: &Path) -> Self {
        let mut file = File::create(directory.join("probe")).unwrap();
        // Like the record: its place on the disk is taken before.
        file.write_all(&vec![0; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
        Self(Arc::new(file))
    }

    /// Returns how long a write that survives a loss of power took, in nanoseconds.
    pub(crate) async fn write(&self) -> u64 {
        let file = Arc::clone(&self.0);
        let write = move || -> u64 {
            let began = Instant::now();
            (&*file).write_all(&[7; LENGTH]).unwrap();
            file.sync_data().unwrap();
            u64::try_from(began.elapsed().as_nanos()).unwrap()
        };
        tokio::task::spawn_blocking(write).await.unwrap()
    }
}
