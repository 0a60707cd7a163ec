//! What a person must find without looking for it is at the same place at every level.

use crate::stage::{LARGE_SCREEN, SMALL_SCREEN, Stage, nodes, place, spoken, stage};
use egui::Rect;
use egui_kittest::Harness;
use watchkeeper_panels::{Level, Request};

fn rect_of(harness: &Harness<'_, Stage>, name: &str) -> Rect {
    let all = nodes(harness);
    let found = all.iter().find(|node| spoken(node) == name);
    place(found.unwrap_or_else(|| panic!("{name:?} is nowhere"))).unwrap()
}

#[test]
fn a_demand_is_visible_and_actionable_at_every_level_at_the_same_place() {
    for screen in [SMALL_SCREEN, LARGE_SCREEN] {
        let mut places = vec![];
        for level in Level::ALL {
            let mut harness = stage("alert", level).on(screen);
            let agent = harness.state().situation.agent.clone().unwrap();
            let name = format!("Take over {agent}");
            places.push(rect_of(&harness, &name));
            assert!(nodes(&harness).iter().any(|node| spoken(node).starts_with("Time left for")));
            let button = *nodes(&harness).iter().find(|node| spoken(node) == name).unwrap();
            button.click();
            harness.step();
            let requests = &harness.state().requests;
            assert_eq!(requests.first(), Some(&Request::Select(agent)), "at {level:?}");
            assert_eq!(requests.len(), 2, "at {level:?}: {requests:?}");
        }
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
}

#[test]
fn the_lane_is_as_high_when_it_is_empty() {
    let calm = stage("calm", Level::Overview).on(SMALL_SCREEN);
    let alert = stage("alert", Level::Overview).on(SMALL_SCREEN);
    for panel in ["takeover lane", "fleet", "bottom bar", "operators"] {
        assert_eq!(rect_of(&calm, panel), rect_of(&alert, panel), "{panel}");
    }
    assert_eq!(calm.state().output.world, alert.state().output.world);
    let quiet = nodes(&calm);
    assert!(
        quiet.iter().any(|node| spoken(node).contains("checked, newest data")),
        "calm says what was checked"
    );
}

#[test]
fn losing_the_connection_moves_neither_top_bar_nor_lane_and_says_how_old_everything_is() {
    let calm = stage("calm", Level::Task).on(SMALL_SCREEN);
    let lost = stage("disconnected", Level::Task).on(SMALL_SCREEN);
    for panel in ["top bar", "takeover lane", "bottom bar"] {
        assert_eq!(rect_of(&calm, panel), rect_of(&lost, panel), "{panel}");
    }
    let strip = rect_of(&lost, "what is wrong with this console");
    assert!(strip.width() > 1200.0, "over the whole width");
    let all = nodes(&lost);
    assert!(all.iter().any(|node| spoken(node).contains("old, nothing can be sent")
        || spoken(node).contains("everything shown is old")));
}

#[test]
fn a_sheet_covers_neither_the_lane_nor_anything_else() {
    for level in Level::ALL {
        let plain = stage("alert", level).on(SMALL_SCREEN);
        let mut open = stage("alert", level);
        open.state.settings_open = true;
        let open = open.on(SMALL_SCREEN);
        assert_eq!(rect_of(&plain, "takeover lane"), rect_of(&open, "takeover lane"));
        let sheet = rect_of(&open, "sheet");
        for panel in ["takeover lane", "top bar", "bottom bar"] {
            let shared = sheet.intersect(rect_of(&open, panel));
            assert!(!shared.is_positive(), "{level:?}: the sheet covers {panel}");
        }
        if let Some(world) = open.state().output.world {
            assert!(!sheet.intersect(world).is_positive(), "{level:?}: the sheet covers the world");
        }
    }
}

#[test]
fn the_world_has_room_where_a_level_shows_it() {
    for (level, shows) in
        [(Level::Overview, true), (Level::Task, true), (Level::Detail, true), (Level::Diagnosis, false)]
    {
        for screen in [SMALL_SCREEN, LARGE_SCREEN] {
            for name in ["calm", "claimed", "manual"] {
                let harness = stage(name, level).on(screen);
                let world = harness.state().output.world;
                // In a low window the panel that acts has the height, and the world is one key away.
                let shows = shows && (level != Level::Detail || screen == LARGE_SCREEN);
                assert_eq!(world.is_some(), shows, "{level:?}");
                if let Some(world) = world {
                    assert!(world.width() >= 160.0 && world.height() >= 96.0, "{name}, {level:?}: {world:?}");
                }
            }
        }
    }
}

#[test]
fn who_controls_is_in_words_at_the_same_place_at_every_level() {
    let mut seen = vec![];
    for level in Level::ALL {
        let harness = stage("manual", level).on(SMALL_SCREEN);
        let state = harness.state();
        let control = watchkeeper_picture::view::control_line::control_line(
            &state.situation.picture,
            state.situation.now,
        );
        assert!(control.driving);
        seen.push(rect_of(&harness, &control.text));
    }
    assert!(seen.iter().all(|place| *place == seen[0]), "{seen:?}");
}

#[test]
fn a_window_too_small_for_everything_still_shows_who_controls_and_what_is_demanded() {
    for screen in [egui::vec2(640.0, 400.0), egui::vec2(320.0, 200.0), egui::vec2(40.0, 30.0)] {
        for level in Level::ALL {
            let mut crowded = stage("alert", level);
            crowded.settings.text_scale = 2.0;
            crowded.replay = Some(crate::stage::replay());
            let harness = crowded.on(screen);
            let all = nodes(&harness);
            assert!(
                all.iter().any(|node| spoken(node).starts_with("Take over vehicle-4")),
                "{screen:?}, {level:?}"
            );
        }
    }
}

#[test]
fn a_card_of_the_lane_is_whole_in_windows_of_every_height() {
    for height in [720.0, 799.0, 800.0] {
        for scale in [1.0, 2.0] {
            let mut stage = stage("alert", Level::Task);
            stage.settings.text_scale = scale;
            let harness = stage.on(egui::vec2(1920.0, height));
            let lane = rect_of(&harness, "takeover lane");
            let nodes = nodes(&harness);
            let stop = nodes.iter().find(|node| spoken(node).starts_with("Stop vehicle-4")).unwrap();
            // Below the buttons the card has its margin and its border, and the lane its own margin.
            let under = lane.bottom() - place(stop).unwrap().bottom();
            assert!(under >= 15.5, "{under} at {height} x {scale}");
        }
    }
}

#[test]
fn only_alerts_whose_head_can_be_seen_are_called_shown() {
    let harness = stage("flood", Level::Task).on(SMALL_SCREEN);
    let queue = rect_of(&harness, "alert queue");
    let spoken_so = |begin: &str| {
        nodes(&harness).into_iter().filter(|node| spoken(node).starts_with(begin)).collect::<Vec<_>>()
    };
    let heads: Vec<_> =
        spoken_so("Look at ").iter().filter_map(place).filter(|head| head.top() > queue.top()).collect();
    let whole = heads.iter().filter(|head| queue.contains_rect(**head)).count();
    assert!(whole > 0 && whole < heads.len(), "one card is cut: {heads:?} in {queue:?}");
    let in_lane = spoken_so("Stop ").len();
    assert_eq!(harness.state().output.shown.len(), whole + in_lane, "{heads:?} in {queue:?}");
    // Where the window ends above the lane, nobody saw anything.
    let harness = stage("alert", Level::Task).on(egui::vec2(1280.0, 60.0));
    assert!(harness.state().output.shown.is_empty(), "{:?}", harness.state().output.shown);
}
