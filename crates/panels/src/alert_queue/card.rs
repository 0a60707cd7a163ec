//! One alert: mark with priority, whose, what, where it is, and what can be done to it.

use crate::{
    Request, State, in_sight,
    theme::{GRID, Look, Size},
    widgets::{KeyButton, key_words, line, priority_mark, row_card, said},
};
use egui::{Align, Layout, Sense, Ui, WidgetInfo, WidgetType, vec2};
use watchkeeper_picture::{
    Action, Press,
    view::{
        self, Tone,
        alerts::{self, AlertRow, HiddenBy},
    },
};

/// Returns the height of a card, in points: three lines and its keys.
pub(super) fn height(look: &Look) -> f32 {
    look.line_height(Size::Body) + look.line_height(Size::Small) * 2.0 + look.target() + GRID * 3.0
}

/// One alert while it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Card<'a> {
    pub(super) row: &'a AlertRow,
    /// Why nothing can be done about it now; `None` while live.
    pub(super) why_not: Option<String>,
    /// Why its agent cannot be taken over now; `None` where it can.
    pub(super) why_not_claim: Option<String>,
    pub(super) look: &'a Look,
}

impl Card<'_> {
    pub(super) fn show(&self, ui: &mut Ui, state: &mut State, requests: &mut Vec<Request>) {
        let row = self.row;
        let selected = state.alert == Some(row.alert);
        let tone = if row.unacknowledged { row.tone } else { calmer(row.tone) };
        ui.set_height(height(self.look));
        row_card(ui, tone, selected, |ui| {
            ui.set_width(ui.available_width());
            ui.set_height(height(self.look) - GRID * 2.0);
            ui.spacing_mut().item_spacing.y = GRID / 4.0;
            self.head(ui, state, requests);
            line(ui, Size::Small, Tone::Normal, &row.text);
            line(ui, Size::Small, Tone::Quiet, self.standing());
            ui.horizontal(|ui| self.buttons(ui, state, selected, requests));
        });
    }

    fn head(&self, ui: &mut Ui, state: &mut State, requests: &mut Vec<Request>) {
        let row = self.row;
        let size = vec2(ui.available_width(), self.look.line_height(Size::Body));
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        if in_sight(ui, rect) {
            state.in_sight.extend(&row.stands_for);
        }
        // The head is the control that selects the alert: as large as a target, with all that it says as its name.
        let target = rect.expand2(vec2(GRID / 2.0, (self.look.target() - rect.height()) / 2.0));
        let response = ui.interact(target, ui.id().with("select"), Sense::click());
        let name = format!("Look at {}: {}", row.whose, self.words());
        let selected = state.alert == Some(row.alert);
        response.widget_info(|| WidgetInfo::selected(WidgetType::Button, true, selected, &name));
        if response.gained_focus() {
            response.scroll_to_me(None);
        }
        if response.has_focus() || response.hovered() {
            let stroke = egui::Stroke::new(2.0, self.look.colors.own.color());
            ui.painter().rect_stroke(target, egui::CornerRadius::same(2), stroke, egui::StrokeKind::Inside);
        }
        state.queue_focused |= response.has_focus();
        if response.clicked() {
            requests.push(Request::SelectAlert(row.alert));
        }
        let builder = egui::UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center));
        ui.scope_builder(builder, |ui| self.title(ui));
    }

    fn title(&self, ui: &mut Ui) {
        let row = self.row;
        priority_mark(ui, row.mark, row.tone, row.priority, row.unacknowledged, GRID * 3.0 * self.look.scale);
        let font = self.look.strong(Size::Body);
        let color = self.look.colors.text_of(if row.stale { Tone::Stale } else { Tone::Normal }).color();
        ui.add(egui::Label::new(egui::RichText::new(&row.whose).font(font).color(color)).truncate());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(left) = row.left {
                let text = egui::RichText::new(view::countdown(left));
                let color = self.look.tone(Tone::Danger);
                ui.label(text.font(self.look.strong(Size::Body)).color(color));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                line(ui, Size::Body, row.tone, format!("{}, {}", row.severity, row.cause));
            });
        });
    }

    /// What it is, without what moves.
    fn words(&self) -> String {
        format!("{}, {} {}", self.row.severity, self.row.cause, self.row.subject)
    }

    /// Where it is: the state, since when, how often, and what it may follow from.
    fn standing(&self) -> String {
        let row = self.row;
        let mut parts = vec![row.hidden.as_ref().map_or_else(|| row.state.clone(), |how| how.text.clone())];
        parts.extend(row.raised.as_ref().map(|raised| format!("{raised} ago")));
        if row.count > 1 {
            parts.push(format!("{} times", row.count));
        }
        parts.extend(row.brought.clone());
        if row.first_out {
            parts.push("first of its agent".to_owned());
        }
        if row.stale {
            parts.push("old data".to_owned());
        }
        parts.join(" · ")
    }

    /// Keys stand on the selected card only, since that is what they act on.
    fn buttons(&self, ui: &mut Ui, state: &mut State, selected: bool, requests: &mut Vec<Request>) {
        let row = self.row;
        let key = |key: char| if selected { key_words(key) } else { String::new() };
        let whom = format!("{}: {} {}", row.whose, row.cause, row.subject);
        let mut press = |ui: &mut Ui, button: KeyButton, asks: [Option<Request>; 2]| {
            let response = button.small().one_line().show(ui);
            state.queue_focused |= response.has_focus();
            if response.clicked() {
                requests.extend(asks.into_iter().flatten());
            }
        };
        let or_recording = |why: Option<String>| self.why_not.clone().or(why);
        if let Some(how) = &row.hidden {
            let (word, why_not, does) = match how.by {
                HiddenBy::Shelf => ("Unshelve", None, Press::Unshelve(row.alert)),
                HiddenBy::Service => {
                    ("Return", row.can_put_back.as_ref().err().cloned(), Press::PutBack(row.alert))
                }
                HiddenBy::Rule => {
                    let taken = (!row.can_acknowledge).then(|| row.state.clone());
                    ("Ack", taken, Press::Acknowledge(row.alert))
                }
            };
            let name = format!("{word} {whom}");
            let button = KeyButton::new(word).name(name).why_not(or_recording(why_not));
            press(ui, button, [Some(Request::Press(does)), None]);
            return;
        }
        let taken = or_recording((!row.can_acknowledge).then(|| row.state.clone()));
        let button = KeyButton::new("Ack").key(key('a')).name(format!("Acknowledge {whom}")).why_not(taken);
        press(ui, button, [Some(Request::Press(Press::Acknowledge(row.alert))), None]);
        if row.can_reset {
            let button = KeyButton::new("Reset").name(format!("Reset {whom}")).why_not(self.why_not.clone());
            press(ui, button, [Some(Request::Press(Press::Reset(row.alert))), None]);
            return;
        }
        let why_not = or_recording(row.can_shelve.as_ref().err().cloned());
        let button = KeyButton::new("Shelve").key(key('z')).name(format!("Shelve {whom}")).why_not(why_not);
        press(ui, button, [Some(Request::Press(Press::Shelve(row.alert))), None]);
        if row.card != alerts::Card::Alone {
            return;
        }
        let button = KeyButton::new(format!("Take over {}", row.agent))
            .key(key(Action::Claim.key()))
            .name(format!("Take over {} because of {} {}", row.agent, row.cause, row.subject))
            .why_not(or_recording(self.why_not_claim.clone()));
        let claim = Request::Press(Press::Action(Action::Claim));
        press(ui, button, [Some(Request::SelectAlert(row.alert)), Some(claim)]);
    }
}

/// What somebody has taken note of does not shout any more.
const fn calmer(tone: Tone) -> Tone {
    match tone {
        Tone::Danger | Tone::Warning | Tone::Own => tone,
        Tone::Normal | Tone::Quiet | Tone::Stale => Tone::Quiet,
    }
}

/// Shows the place of an alert that is over.
pub(super) fn over(ui: &mut Ui, look: &Look) {
    ui.set_height(height(look));
    row_card(ui, Tone::Quiet, false, |ui| {
        ui.set_width(ui.available_width());
        ui.set_height(height(look) - GRID * 2.0);
        said(ui, Size::Body, Tone::Quiet, "Over.");
    });
}
