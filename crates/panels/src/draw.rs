//! The whole window: what is always there, and what each level shows in between.

pub(crate) mod layout;

pub(crate) use layout::alarm_height;

use crate::{
    Inputs, Output, State, agent_panel, alert_queue, bottom_bar, diagnosis, fleet_panel, help, lane,
    question, replay_bar, roster_panel, settings_panel, takeover_panel,
    theme::{self, Look, look},
    top_bar,
    widgets::{dimmed, panel_frame},
};
use egui::{
    Context, CornerRadius, Frame, Id, LayerId, Margin, Rect, ScrollArea, Stroke, StrokeKind, Ui, UiBuilder,
    WidgetInfo, WidgetType,
};
use layout::{Columns, Rows};
use watchkeeper_picture::view::{
    Tone,
    control_line::{ControlLine, control_line},
    status_line::status_line,
};

/// Draws one frame of all panels and returns what the person wants. Call it once in each pass of the context, and at
/// least ten times a second: ages and countdowns move. The world shows through at [`Output::world`].
pub fn draw(ctx: &Context, state: &mut State, inputs: &Inputs<'_>) -> Output {
    theme::apply(ctx, inputs.settings);
    let control = control_line(inputs.picture, inputs.now);
    let_go_of_controls(ctx, inputs);
    let screen = ctx.content_rect();
    let builder = UiBuilder::new().layer_id(LayerId::background()).max_rect(screen);
    let mut ui = Ui::new(ctx.clone(), Id::new("watchkeeper"), builder);
    let mut output = Output::default();
    state.in_sight.clear();
    Window { state, inputs, control: &control, output: &mut output }.show(&mut ui, screen);
    output.shown = std::mem::take(&mut state.in_sight);
    output.wants_keyboard = ctx.text_edit_focused();
    output.control_focused = ctx.memory(|memory| memory.focused().is_some());
    output
}

/// Says whether all of `head`, which says what an alert is about, can be seen: neither scrolled nor cut away, nor
/// below the end of the window. Only then was it presented to anybody.
pub(crate) fn in_sight(ui: &Ui, head: Rect) -> bool {
    // Half a point is lost in rounding to pixels.
    let seen = ui.clip_rect().intersect(ui.ctx().content_rect());
    seen.expand(0.5).contains_rect(head)
}

/// While a person steers by hand, Space and the arrows are his dead-man and his wheel: no control may have them.
fn let_go_of_controls(ctx: &Context, inputs: &Inputs<'_>) {
    if inputs.local.manual && !ctx.text_edit_focused() {
        ctx.memory_mut(|memory| {
            if let Some(focused) = memory.focused() {
                memory.surrender_focus(focused);
            }
        });
    }
}

/// One frame while it is drawn.
struct Window<'a, 'b> {
    state: &'a mut State,
    inputs: &'a Inputs<'b>,
    control: &'a ControlLine,
    output: &'a mut Output,
}

impl Window<'_, '_> {
    fn show(&mut self, ui: &mut Ui, screen: Rect) {
        let look = look(ui.ctx());
        let alarms = alarm_lines(self.inputs);
        // In a window too small for all of it the lower end is cut off, never what is demanded.
        let rows = Rows::new(
            screen,
            &look,
            &layout::Shown {
                alarm_lines: alarms.len(),
                question: self.inputs.hands.question().is_some(),
                replay: self.inputs.replay.is_some(),
            },
        );
        let colors = &look.colors;
        for rect in [rows.top, rows.lane, rows.bottom] {
            ui.painter().rect_filled(rect, CornerRadius::ZERO, colors.surface.color());
        }
        let control = self.control;
        self.region(
            ui,
            "top bar",
            rows.top,
            Frame::new().inner_margin(Margin::symmetric(8, 4)),
            |ui, this| {
                top_bar::show(ui, this.state, this.inputs, control, &mut this.output.requests);
            },
        );
        self.region(
            ui,
            "takeover lane",
            rows.lane,
            Frame::new().inner_margin(Margin::same(8)),
            |ui, this| {
                lane::show(ui, this.state, this.inputs, &mut this.output.requests);
            },
        );
        if let Some(rect) = rows.alarms {
            self.region(ui, "what is wrong with this console", rect, Frame::new(), |ui, _| {
                top_bar::alarms(ui, &alarms);
            });
        }
        self.level(ui, rows.content, &look);
        if let Some(rect) = rows.replay {
            self.region(ui, "replay", rect, panel_frame(ui), |ui, this| {
                replay_bar::show(ui, this.inputs, &mut this.output.requests);
            });
        }
        if let Some(rect) = rows.question {
            self.region(ui, "question", rect, panel_frame(ui), |ui, this| {
                question::show(ui, this.state, this.inputs, &mut this.output.requests);
            });
        } else {
            question::closed(self.state);
        }
        self.region(
            ui,
            "bottom bar",
            rows.bottom,
            Frame::new().inner_margin(Margin::symmetric(8, 4)),
            |ui, this| {
                bottom_bar::show(ui, this.state, this.inputs);
            },
        );
        self.frame(ui, screen, &look);
    }

    /// Shows what belongs to the level.
    fn level(&mut self, ui: &mut Ui, content: Rect, look: &Look) {
        let sheet = self.state.settings_open || self.state.help;
        let columns = Columns::new(self.state.level, content, look, sheet, self.shows_takeover());
        self.output.world = columns.world.filter(Rect::is_positive);
        if let Some(world) = self.output.world {
            world_edge(ui, world, look);
        }
        if let Some(rect) = columns.sheet {
            self.sheet(ui, rect);
        }
        let old = !self.inputs.picture.link().is_connected();
        let dim = self.control.driving || old;
        if let Some(rect) = columns.fleet {
            self.panel(ui, "fleet", rect, dim, |ui, this| {
                fleet_panel::show(ui, this.state, this.inputs, &mut this.output.requests);
            });
        }
        if let Some(rect) = columns.roster {
            self.panel(ui, "operators", rect, dim, |ui, this| roster_panel::show(ui, this.inputs));
        }
        if let Some(rect) = columns.agent {
            self.panel(ui, "agent", rect, old, |ui, this| {
                agent_panel::show(ui, this.state, this.inputs);
            });
        }
        if let Some(rect) = columns.takeover {
            self.panel(ui, "takeover", rect, old, |ui, this| {
                takeover_panel::show(ui, this.state, this.inputs, &mut this.output.requests);
            });
        }
        if let Some(rect) = columns.queue {
            self.panel(ui, "alert queue", rect, dim, |ui, this| {
                alert_queue::show(ui, this.state, this.inputs, &mut this.output.requests);
            });
        }
        if let Some(rect) = columns.diagnosis {
            self.panel(ui, "diagnosis", rect, dim, |ui, this| {
                diagnosis::show(ui, this.state, this.inputs);
            });
        }
    }

    /// The selected agent stands beside the world, calm or not: its STOP is always where it was.
    fn shows_takeover(&self) -> bool {
        self.state.selected.as_ref().is_some_and(|agent| self.inputs.picture.agent(agent).is_some())
    }

    fn sheet(&mut self, ui: &mut Ui, rect: Rect) {
        if rect.height() < layout::LEAST {
            return;
        }
        self.region(ui, "sheet", rect, panel_frame(ui), |ui, this| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                if this.state.settings_open {
                    settings_panel::show(ui, this.inputs, &mut this.output.requests);
                } else {
                    help::show(ui, &mut this.output.requests);
                }
            });
        });
    }

    /// Shows a panel; it is dimmed where something else is what matters.
    fn panel(
        &mut self,
        ui: &mut Ui,
        name: &'static str,
        rect: Rect,
        dim: bool,
        add: impl FnOnce(&mut Ui, &mut Self),
    ) {
        if rect.width() < layout::LEAST || rect.height() < layout::LEAST {
            return;
        }
        let frame = panel_frame(ui);
        self.region(ui, name, rect, frame, |ui, this| dimmed(ui, dim, |ui| add(ui, this)));
    }

    /// Gives `add` exactly this place of the window, whatever is in it.
    fn region(
        &mut self,
        ui: &mut Ui,
        name: &'static str,
        rect: Rect,
        frame: Frame,
        add: impl FnOnce(&mut Ui, &mut Self),
    ) {
        let builder = UiBuilder::new().max_rect(rect).id_salt(name);
        ui.scope_builder(builder, |ui| {
            ui.set_clip_rect(rect);
            ui.response().widget_info(|| WidgetInfo::labeled(WidgetType::Panel, true, name));
            frame.show(ui, |ui| {
                ui.set_min_size(ui.available_size().max(egui::Vec2::ZERO));
                add(ui, self);
            });
        });
    }

    /// The window has a frame while this person has control.
    fn frame(&self, ui: &Ui, screen: Rect, look: &Look) {
        let color = if self.control.driving { look.colors.own } else { look.colors.surface };
        let stroke = Stroke::new(layout::FRAME, color.color());
        ui.painter().rect_stroke(screen, CornerRadius::ZERO, stroke, StrokeKind::Inside);
    }
}

fn world_edge(ui: &Ui, world: Rect, look: &Look) {
    let edge = Stroke::new(1.0, look.colors.faint.color());
    ui.painter().rect_stroke(world, CornerRadius::ZERO, edge, StrokeKind::Inside);
}

/// Returns what is wrong with what this console shows, the loudest first; every line is there at every level.
fn alarm_lines(inputs: &Inputs<'_>) -> Vec<top_bar::AlarmLine> {
    let status = status_line(inputs.picture, inputs.now);
    let mut lines = Vec::new();
    if status.disconnected {
        let text = format!("{} - everything shown is old, nothing can be sent", status.connection);
        lines.push(top_bar::AlarmLine { tone: status.tone, text });
    }
    for (tone, text) in
        [(Tone::Danger, status.uplink), (Tone::Danger, status.degraded), (Tone::Warning, status.error)]
    {
        if !text.is_empty() {
            lines.push(top_bar::AlarmLine { tone, text });
        }
    }
    lines
}
