//! What nobody has acknowledged flashes slowly, and only where it may.

use crate::stage::{LARGE_SCREEN, Stage, stage};
use egui_kittest::Harness;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use watchkeeper_panels::Level;

const STEP_SECS: f32 = 0.125;
const STEPS: usize = 80;

/// Counts how often the picture changes within ten seconds in which nothing happens.
fn changes(reduce_flash: bool) -> usize {
    let mut stage = stage("alert", Level::Task);
    stage.settings.reduce_flash = reduce_flash;
    let mut harness = Harness::builder()
        .with_size(LARGE_SCREEN)
        .with_step_dt(STEP_SECS)
        .build_ui_state(|ui, stage: &mut Stage| stage.draw(ui.ctx()), stage);
    harness.run_steps(4);
    let mut drawn = vec![];
    for _ in 0..STEPS {
        harness.step();
        let mut hasher = DefaultHasher::new();
        format!("{:?}", harness.output().shapes).hash(&mut hasher);
        drawn.push(hasher.finish());
    }
    drawn.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[test]
fn marks_flash_at_most_once_a_second() {
    let changes = changes(false);
    let secs = STEPS as f32 * STEP_SECS;
    assert!(changes > 4, "{changes} changes: it does not flash at all");
    assert!(changes as f32 <= secs * 2.0, "{changes} changes in {secs} s: on and off is one flash");
}

#[test]
fn nothing_flashes_where_a_person_wants_it_still() {
    assert_eq!(changes(true), 0);
}
