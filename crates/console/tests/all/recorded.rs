//! A recording of a whole takeover, looked at again.

use crate::rig::{Rig, Site, faulty};
use std::time::Duration;
use watchkeeper_console::replay::Replay;
use watchkeeper_model::{AlertId, ControlState, MonoTime, OperatorRole};
use watchkeeper_panels::ReplayRequest;

/// From tick to tick, on the clock of whoever looks.
const TICK: Duration = Duration::from_millis(50);
/// Ticks that a jump may take; each folds thousands of inputs.
const PATIENCE: usize = 4_000;

/// How long ada drives.
const WHILE: Duration = Duration::from_secs(2);

struct Looking {
    replay: Replay,
    clock: MonoTime,
}

impl Looking {
    fn tick(&mut self) {
        self.clock = self.clock.after(TICK);
        self.replay.tick(self.clock);
        assert_eq!(self.replay.row().failure, None);
    }

    fn until(&mut self, what: &str, wished: impl Fn(&Replay) -> bool) {
        for _ in 0..PATIENCE {
            if wished(&self.replay) {
                return;
            }
            self.tick();
            // The record is read by threads of its own.
            std::thread::park_timeout(Duration::from_millis(2));
        }
        panic!("{what} never came: {:?}", self.replay.row());
    }

    fn jump(&mut self, request: &ReplayRequest) {
        self.replay.request(request);
        self.until("the end of a jump", |replay| !replay.row().seeking);
    }

    fn state(&self) -> Option<ControlState> {
        self.replay.picture().agent(&faulty()).map(|entry| entry.status().control_state)
    }

    fn alerts(&self) -> Vec<AlertId> {
        self.replay.picture().alerts().map(|(alert, _)| *alert).collect()
    }
}

/// Plays the scenario live until ada has driven for a while; she is still there.
fn record(site: &Site) -> Rig {
    let mut rig = Rig::attended(site.session("ada", OperatorRole::Operator));
    rig.until_state(&faulty(), ControlState::Requested);
    rig.letter('n');
    rig.letter('t');
    rig.until_state(&faulty(), ControlState::Claimed);
    rig.until("a ready holder", |rig| {
        let lease = rig.picture().agent(&faulty()).and_then(|entry| entry.status().lease.as_ref());
        lease.is_some_and(|lease| lease.ready)
    });
    rig.read_first();
    rig.letter('e');
    rig.until_state(&faulty(), ControlState::Human);
    rig.watch(WHILE);
    rig
}

#[test]
fn a_recording_shows_what_the_operator_saw_at_each_moment_forwards_and_backwards() {
    let mut site = Site::start();
    let ada = record(&site);
    let data = site.stop();
    drop(ada);

    let mut looking = Looking {
        replay: Replay::open(data.path().to_owned()).unwrap(),
        clock: MonoTime::from_nanos(5_000_000_000),
    };
    looking.replay.request(&ReplayRequest::Pause);
    looking.until("the whole index", |replay| !replay.row().indexing);
    let row = looking.replay.row();
    assert!(row.length > Duration::from_secs(8), "the fault begins at 8 s: {row:?}");
    assert!(!row.alerts.is_empty() && !row.playing);

    // Near the end ada drives, and the recording shows it as she saw it: it is hers.
    let near_the_end = row.length.saturating_sub(WHILE / 2);
    looking.jump(&ReplayRequest::Seek(near_the_end));
    let at_the_end = looking.replay.picture();
    assert_eq!(at_the_end.me().map(|me| me.person.as_str().to_owned()).as_deref(), Some("ada"));
    assert_eq!(looking.state(), Some(ControlState::Human));
    assert!(at_the_end.my_epoch(&faulty()).is_some());
    let alerts = looking.alerts();
    assert!(!alerts.is_empty());
    let now = looking.replay.now();
    let raised = at_the_end.alert(alerts[0]).unwrap().alarm().raised_at;
    let age = at_the_end.monitor_now(now).unwrap().since(raised);
    assert!(age < row.length, "an alert of this recording is younger than it: {age:?}");

    // Before the first alert there is none; a jump to it stops just before, and then it comes.
    looking.jump(&ReplayRequest::Seek(Duration::from_secs(2)));
    assert_eq!(looking.alerts(), []);
    assert_eq!(looking.state(), Some(ControlState::Autonomous));
    looking.jump(&ReplayRequest::NextAlert);
    let before = looking.replay.row().at;
    assert!(looking.alerts().is_empty());
    looking.replay.request(&ReplayRequest::Speed(4.0));
    looking.replay.request(&ReplayRequest::Play);
    looking.until("the first alert", |replay| replay.picture().alerts().next().is_some());
    assert!(looking.replay.row().at > before);

    // Jumping back and forth comes to the same picture.
    looking.replay.request(&ReplayRequest::Pause);
    looking.jump(&ReplayRequest::Seek(near_the_end));
    assert_eq!(looking.state(), Some(ControlState::Human));
    assert_eq!(looking.alerts(), alerts);
}

#[test]
fn a_directory_without_a_record_says_what_to_name_instead() {
    let empty = watchkeeper_canary::tempdir().unwrap();
    let error = Replay::open(empty.path().to_owned()).unwrap_err();
    assert!(format!("{error:#}").contains("no segment of a record"), "{error:#}");
    let error = Replay::open(empty.path().join("nothing")).unwrap_err();
    assert!(format!("{error:#}").contains("name a monitor's data directory"), "{error:#}");
}
