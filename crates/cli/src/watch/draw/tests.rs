//! What the terminal shows, at the smallest and at a generous size.

use super::draw;
use crate::watch::{
    crowds, scenes,
    ui::{Shown, UiState, View},
};
use ratatui::{Terminal, backend::TestBackend};
use watchkeeper_model::*;
use watchkeeper_picture::{Action, Picture, Press};
use watchkeeper_protocol::operator::NextHolder;

fn screen(width: u16, height: u16, picture: &Picture, ui: &UiState, now: MonoTime) -> (String, Shown) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut shown = Shown::default();
    terminal.draw(|frame| shown = draw(frame, picture, ui, now)).unwrap();
    (terminal.backend().to_string(), shown)
}

fn both(name: &str, scene: (Picture, MonoTime), ui: &UiState) {
    let (picture, now) = scene;
    let mut ui = ui.clone();
    ui.refresh(&picture, now);
    for (width, height) in [(80, 24), (160, 48)] {
        let (text, _) = screen(width, height, &picture, &ui, now);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), text);
    }
}

fn on_truck(view: View) -> UiState {
    let mut ui = UiState::new();
    ui.select_agent(scenes::agent("truck-17"));
    ui.view = view;
    ui
}

#[test]
fn a_calm_fleet_is_quiet() {
    both("calm", scenes::calm(), &on_truck(View::Overview));
}

#[test]
fn a_demand_stands_on_top_with_its_countdown() {
    both("alert", scenes::alert(), &on_truck(View::Overview));
}

#[test]
fn a_person_in_control_reads_it_on_every_screen() {
    both("takeover", scenes::takeover(), &on_truck(View::Overview));
    for view in [View::Overview, View::Agent, View::Commands, View::Latency] {
        let (picture, now) = scenes::takeover();
        let (text, shown) = screen(80, 24, &picture, &on_truck(view), now);
        assert!(text.contains("YOU HOLD truck-17 (human): YOU CONTROL"), "{text}");
        assert!(shown.agents.contains(&(scenes::agent("truck-17"), StateVersion(2))), "{shown:?}");
    }
}

#[test]
fn who_only_comes_next_is_not_named_on_top_and_has_not_seen_the_agent_there() {
    let mut status = scenes::status("truck-17", AgentKind::Vehicle);
    status.control_state = ControlState::Human;
    let mut lease = scenes::lease("bob", SessionId(8));
    lease.next = Some(NextHolder {
        holder: scenes::person("anna"),
        session_id: scenes::SESSION,
        epoch: Epoch(42),
        left_nanos: 5_000_000_000,
        ready: true,
        preempts: false,
    });
    status.lease = Some(lease);
    let picture = scenes::picture(OperatorRole::Operator, vec![status], vec![]);
    assert_eq!(picture.my_epoch(&scenes::agent("truck-17")), Some(Epoch(42)));
    let (text, shown) = screen(80, 24, &picture, &on_truck(View::Latency), scenes::START);
    assert!(!text.contains("truck-17") && !text.contains("YOU HOLD"), "{text}");
    assert_eq!(shown, Shown::default());
}

#[test]
fn a_lost_connection_is_loud() {
    both("disconnected", scenes::disconnected(), &on_truck(View::Overview));
}

#[test]
fn a_way_on_which_nothing_arrives_is_told_on_every_screen() {
    let (mut picture, now) = scenes::takeover();
    picture.handle_probe(&scenes::agent("truck-17"), 1, now);
    let later = now.after(scenes::millis(1_500));
    for view in [View::Overview, View::Agent, View::Commands, View::Latency] {
        let (before, _) = screen(80, 24, &picture, &on_truck(view), later.before(scenes::millis(1)));
        assert!(!before.contains("NO ANSWER"), "{before}");
        let (text, _) = screen(80, 24, &picture, &on_truck(view), later);
        assert!(text.contains("NO ANSWER from truck-17 for 1.5 s: commands may not arrive"), "{text}");
    }
}

#[test]
fn old_data_is_said_to_be_old() {
    both("stale", crowds::stale(), &on_truck(View::Overview));
}

#[test]
fn the_second_input_says_what_it_will_do() {
    let (picture, now) = scenes::claimed();
    let mut ui = on_truck(View::Overview);
    let claim = Press::Action(Action::Claim);
    ui.hands.press(&claim, Some(&scenes::agent("truck-17")), &picture, now);
    both("second_input", (picture, now), &ui);
}

#[test]
fn the_agent_screen_shows_signals_against_their_band() {
    both("agent", scenes::alert(), &on_truck(View::Agent));
}

#[test]
fn every_command_is_a_row_until_it_is_finished() {
    both("commands", scenes::takeover(), &on_truck(View::Commands));
}

#[test]
fn latency_stands_against_its_budget() {
    both("latency", scenes::calm(), &on_truck(View::Latency));
}

#[test]
fn the_help_covers_no_countdown() {
    let mut ui = on_truck(View::Overview);
    ui.help = true;
    both("help", scenes::alert(), &ui);
    let (picture, now) = scenes::alert();
    let (text, shown) = screen(80, 24, &picture, &ui, now);
    assert!(text.contains("7.2 s left"), "{text}");
    assert!(text.contains("refused or failed"), "its last line is cut off: {text}");
    assert_eq!(shown, Shown::default(), "what the help covers counts as not presented");
}

#[test]
fn a_shelved_alert_stays_in_the_list_behind_the_others() {
    let mut aside = scenes::alarm(501, "truck-17", Severity::Critical);
    aside.shelved = Some(Shelved {
        by: scenes::person("bob"),
        until: scenes::MONITOR_START.after(scenes::millis(245_000)),
        reason: scenes::note("sensor being replaced"),
    });
    let open = scenes::alarm(502, "truck-21", Severity::Advisory);
    let agents = ["truck-17", "truck-21"].map(|name| scenes::status(name, AgentKind::Vehicle));
    let picture = scenes::picture(OperatorRole::Operator, agents.into(), vec![aside, open]);
    let (text, shown) = screen(160, 48, &picture, &on_truck(View::Overview), scenes::START);
    assert!(text.contains("2 alerts, 1 hidden"), "{text}");
    assert!(text.contains("shelved 4:05 by bob: sensor being replaced"), "{text}");
    assert_eq!(shown.alerts, [AlertId(502), AlertId(501)]);
}

#[test]
fn only_alerts_with_a_row_on_the_screen_count_as_presented() {
    let (picture, now) = crowds::flood();
    let (_, small) = screen(80, 24, &picture, &on_truck(View::Overview), now);
    assert!(small.alerts.contains(&AlertId(501)) && small.alerts.len() < 10, "{small:?}");
    let (_, elsewhere) = screen(80, 24, &picture, &on_truck(View::Latency), now);
    assert!(elsewhere.alerts.is_empty());
    let (_, tall) = screen(160, 48, &picture, &on_truck(View::Overview), now);
    assert!(tall.alerts.len() > small.alerts.len());
}

#[test]
fn a_selected_alert_far_down_is_on_the_screen() {
    let (picture, now) = crowds::flood();
    let mut ui = on_truck(View::Overview);
    ui.alert = Some(AlertId(600));
    let (_, shown) = screen(80, 24, &picture, &ui, now);
    assert!(shown.alerts.contains(&AlertId(600)), "{shown:?}");
}

#[test]
fn no_size_of_the_terminal_breaks_it() {
    let (picture, now) = crowds::flood();
    for (width, height) in [(1, 1), (10, 3), (40, 8), (300, 100)] {
        for view in [View::Overview, View::Agent, View::Commands, View::Latency] {
            let mut ui = on_truck(view);
            ui.help = width == 40;
            screen(width, height, &picture, &ui, now);
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_still_stops() {
    let (picture, now) = scenes::alert();
    let (text, shown) = screen(40, 10, &picture, &on_truck(View::Overview), now);
    insta::assert_snapshot!("too_small_40x10", text);
    assert_eq!(shown, Shown::default());
    let (enough, _) = screen(60, 16, &picture, &on_truck(View::Overview), now);
    insta::assert_snapshot!("smallest_60x16", enough);
}

#[test]
fn without_a_connection_the_reason_stands_on_the_screen() {
    let mut picture = Picture::new();
    picture.handle_disconnected(scenes::START);
    let mut ui = UiState::new();
    ui.link_reason = Some("the monitor cannot be reached: connection refused".to_owned());
    let (text, _) = screen(80, 24, &picture, &ui, scenes::START.after(scenes::millis(44_000)));
    assert!(text.contains("connection refused; trying again") && text.contains("no data yet"), "{text}");
}

#[test]
fn minutes_stand_in_every_list_whole() {
    let mut late = scenes::status("truck-17", AgentKind::Vehicle);
    late.offline_nanos = Some(91_000_000_000);
    let mut asks = scenes::status("truck-21", AgentKind::Vehicle);
    asks.control_state = ControlState::Requested;
    asks.demand = Some(scenes::demand(scenes::millis(299_900)));
    let mut over = scenes::alarm(501, "truck-17", Severity::Warning);
    over.state = AlarmState::RtnUnack;
    let picture = scenes::picture(OperatorRole::Operator, vec![late, asks], vec![over]);
    for (width, height) in [(60, 16), (80, 24), (100, 30), (160, 48)] {
        let (text, _) = screen(width, height, &picture, &on_truck(View::Overview), scenes::START);
        for whole in ["4:59 ", "offline 1:31", "over, n"] {
            let short = whole == "over, n" && text.contains("over,new");
            assert!(text.contains(whole) || short, "{whole} at {width}: {text}");
        }
    }
}

#[test]
fn a_flood_says_how_long_it_has_lasted_and_which_key_shows_all_of_it() {
    let watchkeeper_picture::examples::Situation { picture, now, .. } =
        watchkeeper_picture::examples::summarised();
    let mut ui = UiState::new();
    ui.refresh(&picture, now);
    let (screen, _) = screen(120, 40, &picture, &ui, now);
    assert!(screen.contains("FLOOD for 3:10 (f: all or by kind), 5 alerts"), "{screen}");
}
