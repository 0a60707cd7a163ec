//! A task as a person writes it: the verb, then what it needs, in one line. The same in every console and script.

use std::time::Duration;
use watchkeeper_model::{CommandArgs, Label, MAX_PLAN, Note, PlanPoint, TaskArg, TaskVerb, nanos};

/// Reads `freeze_card card-7 2h30m`; `offered` are the tasks that the agent does.
///
/// # Errors
/// What is needed instead, to be read after "needs".
pub fn read_task(text: &str, offered: &[TaskVerb]) -> Result<(TaskVerb, CommandArgs), String> {
    let (word, mut rest) = split(text);
    let Some(verb) = offered.iter().copied().find(|verb| verb.word() == word) else {
        let words: Vec<_> = offered.iter().map(|verb| verb.word()).collect();
        return Err(format!("one of {}", words.join(", ")));
    };
    let mut args = CommandArgs::default();
    for need in verb.needs() {
        // A text goes to the end of the line.
        let (value, after) = if *need == TaskArg::Text { (rest.trim(), "") } else { split(rest) };
        rest = after;
        take(*need, value, &mut args);
        if verb.check(&args) == Err(*need) {
            return Err(format!("{}: {}", need.word(), verb.usage()));
        }
    }
    if rest.trim().is_empty() { Ok((verb, args)) } else { Err(format!("no more than: {}", verb.usage())) }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// Reads one argument; what is none is left out.
fn take(need: TaskArg, value: &str, args: &mut CommandArgs) {
    match need {
        TaskArg::Target => args.target = Label::new(value).ok(),
        TaskArg::Ttl => args.ttl_nanos = span(value).map(nanos),
        TaskArg::Amount => args.amount = value.parse().ok(),
        TaskArg::Place | TaskArg::Path => {
            let points: Option<Vec<_>> = value.split(';').map(point).collect();
            args.path = points.filter(|points| points.len() <= MAX_PLAN).unwrap_or_default();
        }
        TaskArg::Text => args.text = Note::new(value).ok(),
    }
}

/// Reads `12.5,-3`: metres east and north.
fn point(text: &str) -> Option<PlanPoint> {
    let (east, north) = text.split_once(',')?;
    Some(PlanPoint { x_meters: east.trim().parse().ok()?, y_meters: north.trim().parse().ok()? })
}

/// Reads `45s`, `45m`, `2h` or `1h30m`; `None` for any other word.
pub(crate) fn span(word: &str) -> Option<Duration> {
    let mut rest = word;
    let mut secs: u64 = 0;
    for (unit, length) in [('h', 3_600), ('m', 60), ('s', 1)] {
        if let Some((digits, after)) = rest.split_once(unit) {
            if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
                return None;
            }
            // More than fits a number is far too long, and not another word.
            let count = digits.parse().unwrap_or(u64::MAX);
            secs = secs.saturating_add(count.saturating_mul(length));
            rest = after;
        }
    }
    (rest.is_empty() && !word.is_empty()).then(|| Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(TaskVerb, CommandArgs), String> {
        read_task(text, TaskVerb::ALL)
    }

    #[test]
    fn a_line_is_a_verb_and_what_it_needs() {
        let (verb, args) = read(" freeze_card  card-7 2h30m ").unwrap();
        let ttl_nanos = Some(9_000 * 1_000_000_000);
        let expected =
            CommandArgs { target: Some(Label::cut("card-7")), ttl_nanos, ..CommandArgs::default() };
        assert_eq!((verb, args), (TaskVerb::FreezeCard, expected));
        let (_, args) = read("reject call-3 not before  Monday").unwrap();
        assert_eq!(args.text.unwrap().as_str(), "not before  Monday");
        let (_, args) = read("goto 12.5,-3").unwrap();
        assert_eq!(args.path, [PlanPoint { x_meters: 12.5, y_meters: -3.0 }]);
        assert_eq!(read("propose_path 0,0;1,1;2,0").unwrap().1.path.len(), 3);
        assert_eq!(read("throttle 30").unwrap().1.amount, Some(30.0));
        assert_eq!(read("hazards").unwrap(), (TaskVerb::Hazards, CommandArgs::default()));
    }

    #[test]
    fn a_line_that_is_none_says_what_is_needed() {
        for (text, needs) in [
            ("", "one of hazards, "),
            ("freeze", "one of hazards, "),
            ("freeze_card", "TARGET: freeze_card TARGET SPAN"),
            ("freeze_card card-7", "SPAN: freeze_card TARGET SPAN"),
            ("freeze_card card-7 0m", "SPAN: "),
            ("freeze_card card-7 soon", "SPAN: "),
            ("freeze_card card-7 2h now", "no more than: freeze_card TARGET SPAN"),
            ("throttle nan", "NUMBER: throttle NUMBER"),
            ("throttle -1", "NUMBER: "),
            ("goto 1,2;3,4", "EAST,NORTH: "),
            ("goto inf,2", "EAST,NORTH: "),
            ("goto 1", "EAST,NORTH: "),
            ("reject call-3", "TEXT: "),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.starts_with(needs), "{text:?}: {found}");
        }
        let long = format!("edit call-3 {}", "x".repeat(Note::LIMIT + 1));
        assert!(read(&long).unwrap_err().starts_with("TEXT: "), "half of it would be another order");
        let found = read_task("throttle 3", &[TaskVerb::Hazards]).unwrap_err();
        assert_eq!(found, "one of hazards");
    }

    #[test]
    fn a_span_has_hours_minutes_and_seconds_in_this_order() {
        for (word, secs) in [("45s", 45), ("45m", 2_700), ("2h", 7_200), ("1h30m", 5_400), ("1h1m1s", 3_661)]
        {
            assert_eq!(span(word), Some(Duration::from_secs(secs)), "{word}");
        }
        for word in ["", "h", "m", "30", "1m2h", "-1m", "1.5h", "1h m"] {
            assert_eq!(span(word), None, "{word}");
        }
        assert!(span("99999999999999999999h").unwrap() > Duration::from_hours(1_000_000));
    }
}
