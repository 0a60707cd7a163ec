//! The scene with the ready-made situations: nobody who needs a person is missed, and the view stays put.

use super::*;
use crate::map::drawing::Hit;
use std::collections::BTreeSet;
use watchkeeper_panels::Settings;
use watchkeeper_picture::{
    examples::{self, Situation},
    view::{Mark, Tone},
};

const SIZE: Vec2 = Vec2::new(900.0, 640.0);

struct Shown {
    scene: Scene,
    situation: Situation,
    selected: Option<AgentId>,
    follow: bool,
}

impl Shown {
    fn new(situation: Situation) -> Self {
        let selected = situation.agent.clone();
        let mut shown = Self { scene: Scene::default(), situation, selected, follow: false };
        shown.draw();
        shown
    }

    fn draw(&mut self) {
        let look = Look::new(&Settings::default(), 1.0);
        let wanted = Wanted { selected: self.selected.as_ref(), follow: self.follow, size: SIZE, look };
        self.scene.compose(&self.situation.picture, self.situation.now, &wanted);
    }

    fn marks(&self) -> Vec<MapMark> {
        map::marks(&self.situation.picture, self.situation.now, Trails::Only(None))
    }

    fn named(&self) -> BTreeSet<String> {
        let names = self.scene.drawing.texts.iter().filter(|text| text.key.role == Role::Name);
        names.map(|text| text.text.clone()).collect()
    }

    fn view(&self) -> View {
        self.scene.view.unwrap()
    }

    fn place_of(&self, agent: &AgentId) -> Vec2 {
        let mark = self.marks().into_iter().find(|mark| mark.agent == *agent).unwrap();
        let area = self.scene.split.unwrap().map.unwrap();
        self.view().to_points(area, DVec2::new(mark.x_meters, mark.y_meters))
    }
}

#[test]
fn each_of_a_thousand_that_is_not_as_it_should_be_is_drawn_by_himself_and_named() {
    let shown = Shown::new(examples::thousand());
    let named = shown.named();
    let odd: Vec<_> = shown.marks().into_iter().filter(|mark| mark.mark != Mark::Ring).collect();
    assert!(odd.len() > 3, "the example has some");
    for mark in odd {
        assert!(named.contains(mark.agent.as_str()), "{} has no label", mark.agent);
        let hit = |hit: &Hit| matches!(hit, Hit::Mark(_, agent) if *agent == mark.agent);
        assert!(shown.scene.drawing.hits.iter().any(hit), "{} cannot be pressed", mark.agent);
    }
}

#[test]
fn a_thousand_are_counts_and_few_marks_and_no_two_texts_overlap() {
    let shown = Shown::new(examples::thousand());
    let drawing = &shown.scene.drawing;
    let crowds = drawing.hits.iter().filter(|hit| matches!(hit, Hit::Crowd(_))).count();
    let alone = drawing.hits.iter().filter(|hit| matches!(hit, Hit::Mark(..))).count();
    assert!(crowds > 10 && alone < 200, "{crowds} counts, {alone} marks");
    let labels: Vec<Rect> = drawing
        .texts
        .iter()
        .filter(|text| text.over)
        .map(|text| Rect {
            min: text.at,
            max: text.at + Vec2::new(text_width::width(&text.text, text.size), 1.1 * text.size),
        })
        .collect();
    for (index, one) in labels.iter().enumerate() {
        for other in &labels[index + 1..] {
            assert!(one.intersect(*other).is_empty(), "{one:?} and {other:?}");
        }
    }
}

#[test]
fn eight_agents_are_all_named_with_their_speeds() {
    let shown = Shown::new(examples::calm());
    assert_eq!(shown.named().len(), 8);
    let speeds = shown.scene.drawing.texts.iter().filter(|text| text.text.ends_with(" m/s")).count();
    assert_eq!(speeds, 8);
}

#[test]
fn a_view_that_the_operator_moved_stays_whatever_happens_and_is_fitted_again_when_he_asks() {
    let mut shown = Shown::new(examples::calm());
    let fitted = shown.view();
    shown.scene.wheel(Vec2::new(300.0, 200.0), 3.0);
    shown.scene.obey(Gesture::Drag { from: Vec2::new(300.0, 200.0), by: Vec2::new(50.0, 9.0) });
    let mine = shown.view();
    assert!(mine.scale > 1.7 * fitted.scale);
    shown.situation = examples::alert();
    shown.draw();
    assert_eq!(shown.view(), mine, "an alert does not take the operator's place away");
    shown.scene.obey(Gesture::Double);
    shown.draw();
    assert!((shown.view().scale - fitted.scale).abs() < 1e-9);
}

#[test]
fn following_keeps_the_agent_in_the_middle_and_leads_back_afterwards() {
    let mut shown = Shown::new(examples::alert());
    let before = shown.view();
    let agent = shown.selected.clone().unwrap();
    shown.follow = true;
    shown.draw();
    let area = shown.scene.split.unwrap().map.unwrap();
    assert!(shown.place_of(&agent).distance(area.center()) < 1.0);
    assert!(shown.view().scale >= FOLLOWING_SCALE);
    shown.follow = false;
    shown.draw();
    assert_eq!(shown.view(), before);
}

#[test]
fn who_needs_a_person_out_of_sight_is_pointed_at_from_the_edge() {
    let mut shown = Shown::new(examples::alert());
    let urgent = shown.marks().into_iter().find(|mark| mark.tone == Tone::Danger).unwrap().agent;
    shown.scene.obey(Gesture::Drag { from: Vec2::ONE, by: Vec2::new(4000.0, 0.0) });
    shown.draw();
    assert!(shown.named().contains(urgent.as_str()));
    let area = Rect { min: Vec2::ZERO, max: SIZE };
    let pointed = shown
        .scene
        .drawing
        .hits
        .iter()
        .any(|hit| matches!(hit, Hit::Mark(at, agent) if *agent == urgent && area.contains(*at)));
    assert!(pointed);
}

#[test]
fn a_press_on_a_count_looks_closer_at_it() {
    let mut shown = Shown::new(examples::thousand());
    let before = shown.view().scale;
    let crowd = shown.scene.drawing.hits.iter().find_map(|hit| match hit {
        Hit::Crowd(rect) => Some(rect.center()),
        Hit::Mark(..) | Hit::Card(..) => None,
    });
    assert_eq!(shown.scene.obey(Gesture::Choose(Picked::Closer(crowd.unwrap()))), None);
    assert!(shown.view().scale > 2.0 * before);
}

#[test]
fn agents_without_a_place_are_tiles_that_can_be_chosen() {
    let shown = Shown::new(examples::tiles());
    assert!(shown.scene.split.unwrap().map.is_none());
    let Some(Hit::Card(rect, agent)) = shown.scene.drawing.hits.first().cloned() else { panic!("no tile") };
    assert_eq!(shown.scene.pick(rect.center()), Some(Picked::Agent(agent)));
}

#[test]
fn both_kinds_are_shown_side_by_side_and_the_wheel_scrolls_the_wall_only() {
    let mut shown = Shown::new(examples::mixed());
    let split = shown.scene.split.unwrap();
    let (view, wall) = (shown.view(), split.wall.unwrap());
    shown.scene.wheel(wall.center(), -50.0);
    shown.draw();
    assert_eq!(shown.view(), view);
    let farthest = shown.scene.layout.unwrap().farthest;
    assert!((shown.scene.scrolled - farthest).abs() < 1e-3);
}

#[test]
fn what_has_old_data_says_so() {
    let shown = Shown::new(examples::stale());
    let said = shown.scene.drawing.texts.iter().filter(|text| text.text.starts_with("no data for ")).count();
    assert_eq!(said, shown.marks().iter().filter(|mark| mark.stale && !mark.offline).count());
    assert!(said > 0);
}
