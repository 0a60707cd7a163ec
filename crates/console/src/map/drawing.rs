//! A drawing: triangles, texts, and what can be pressed; made anew from the picture, then put on the canvas.

use super::paint::{Ink, Shapes};
use bevy::math::{Rect, Vec2};
use watchkeeper_model::AgentId;

/// How near to a mark a press must be, points.
pub(crate) const REACH: f32 = 16.0;

/// Which text of its owner a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The name of an agent.
    Name,
    /// What is left of a demand.
    Countdown,
    /// The second line of a label.
    Detail,
    /// The rate of a tile.
    Rate,
    /// The age of a tile's data.
    Age,
    /// How sure a tile's agent is.
    Confidence,
    /// How odd a tile's agent looks.
    Score,
    /// A count of agents.
    Count,
    /// What is said of the whole map or wall.
    Note,
    /// The length of the scale bar.
    Scale,
}

/// What a text is, so that the same text keeps its place on the canvas from one drawing to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TextKey {
    /// Whose it is.
    pub(crate) agent: Option<AgentId>,
    /// Which of his.
    pub(crate) role: Role,
    /// Which of several alike.
    pub(crate) number: (i32, i32),
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Words {
    /// What it is.
    pub(crate) key: TextKey,
    /// Its upper left corner, points.
    pub(crate) at: Vec2,
    /// What it says.
    pub(crate) text: String,
    /// Its size, points.
    pub(crate) size: f32,
    /// It is bold.
    pub(crate) bold: bool,
    /// Its colour.
    pub(crate) ink: Ink,
    /// It lies above [`Drawing::over`], not below.
    pub(crate) over: bool,
    /// It changes all the time and does not matter much: it is brought up to date twice a second.
    pub(crate) calm: bool,
}

/// Something that can be pressed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hit {
    /// An agent's mark.
    Mark(Vec2, AgentId),
    /// An agent's label or tile.
    Card(Rect, AgentId),
    /// A count of agents.
    Crowd(Rect),
}

/// What a press means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Picked {
    /// This agent.
    Agent(AgentId),
    /// A closer look at the place.
    Closer(Vec2),
}

/// Everything that is drawn in the world rectangle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawing {
    /// The triangles below, those behind first.
    pub(crate) shapes: Shapes,
    /// The triangles above those and above the texts that are not [`Words::over`].
    pub(crate) over: Shapes,
    /// The texts.
    pub(crate) texts: Vec<Words>,
    /// What can be pressed.
    pub(crate) hits: Vec<Hit>,
}

impl Drawing {
    /// Returns an empty drawing for a screen with so many pixels a point.
    pub(crate) fn new(pixels_per_point: f32) -> Self {
        let shapes = Shapes::new(pixels_per_point);
        Self { over: shapes.clone(), shapes, ..Self::default() }
    }

    /// Returns what is at a point: the nearest mark within [`REACH`], else the card or count under it.
    pub(crate) fn pick(&self, at: Vec2) -> Option<Picked> {
        let nearest = self
            .hits
            .iter()
            .filter_map(|hit| match hit {
                Hit::Mark(place, agent) => Some((place.distance(at), agent)),
                Hit::Card(..) | Hit::Crowd(_) => None,
            })
            .filter(|(distance, _)| *distance <= REACH)
            .min_by(|(one, _), (other, _)| one.total_cmp(other));
        if let Some((_, agent)) = nearest {
            return Some(Picked::Agent(agent.clone()));
        }
        self.hits.iter().rev().find_map(|hit| match hit {
            Hit::Card(rect, agent) if rect.contains(at) => Some(Picked::Agent(agent.clone())),
            Hit::Crowd(rect) if rect.contains(at) => Some(Picked::Closer(rect.center())),
            Hit::Mark(..) | Hit::Card(..) | Hit::Crowd(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    fn drawing() -> Drawing {
        let mut drawing = Drawing::new(1.0);
        drawing.hits = vec![
            Hit::Crowd(Rect::new(100.0, 100.0, 130.0, 120.0)),
            Hit::Card(Rect::new(40.0, 0.0, 90.0, 30.0), agent("labelled")),
            Hit::Mark(Vec2::new(20.0, 20.0), agent("left")),
            Hit::Mark(Vec2::new(40.0, 20.0), agent("right")),
        ];
        drawing
    }

    #[test]
    fn the_nearest_mark_is_picked() {
        assert_eq!(drawing().pick(Vec2::new(27.0, 21.0)), Some(Picked::Agent(agent("left"))));
        assert_eq!(drawing().pick(Vec2::new(32.0, 21.0)), Some(Picked::Agent(agent("right"))));
    }

    #[test]
    fn a_mark_is_picked_within_its_reach_only() {
        assert_eq!(drawing().pick(Vec2::new(20.0, 35.9)), Some(Picked::Agent(agent("left"))));
        assert_eq!(drawing().pick(Vec2::new(20.0, 36.1)), None);
    }

    #[test]
    fn a_mark_goes_before_a_card_and_a_card_is_picked_elsewhere() {
        assert_eq!(drawing().pick(Vec2::new(45.0, 20.0)), Some(Picked::Agent(agent("right"))));
        assert_eq!(drawing().pick(Vec2::new(80.0, 10.0)), Some(Picked::Agent(agent("labelled"))));
    }

    #[test]
    fn a_count_asks_for_a_closer_look() {
        assert_eq!(drawing().pick(Vec2::new(101.0, 119.0)), Some(Picked::Closer(Vec2::new(115.0, 110.0))));
    }
}
