//! The figures as people read them.

use super::*;

/// Two people, two shifts, and everything that a table can show, with names that are as long as names can be.
fn busy() -> Report {
    let shifts = Shifts::new([6, 14].map(|hour| jiff::civil::time(hour, 0, 0, 0)), 0);
    let mut stream = Stream::of(Period { shifts, ..Period::default() });
    for number in 0..40 {
        let named = Alarm {
            agent: AgentId::new(&format!("a-vehicle-with-a-long-name-{}", number % 7)).unwrap(),
            subject: Label::cut("a signal\u{1b}[2J with a name of its own"),
            priority: [Priority::High, Priority::Medium, Priority::Low][usize::try_from(number % 3).unwrap()],
            ..routed(&alarm(number), if number < 25 { "anna" } else { "somebody-with-a-long-name-indeed" })
        };
        stream.tell(20 * number, &named);
        if number % 2 == 0 {
            stream.tell(20 * number + 5, &acknowledged(&named, "anna"));
        }
    }
    stream.kpi.handle_demands(12_345);
    stream.kpi.handle_call(PageReason::Unanswered);
    stream.report(100_000)
}

#[test]
fn no_line_is_wider_than_a_hundred_columns_and_nothing_in_it_moves_the_terminal() {
    let printed = text(&busy());
    for line in printed.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn figures_end_where_the_name_of_their_column_ends() {
    let printed = text(&busy());
    for (table, column) in [("Alarms", "per hour"), ("Floods", "longest"), ("Until acknowledged", "p95")] {
        let mut lines =
            printed.lines().skip_while(|line| !line.starts_with(table)).take_while(|line| !line.is_empty());
        let title = lines.next().unwrap();
        let end = title.find(column).unwrap() + column.len();
        for line in lines {
            let letters: Vec<char> = line.chars().collect();
            let before = letters.get(end - 1).is_none_or(|letter| !letter.is_whitespace());
            let behind = letters.get(end).is_none_or(|letter| letter.is_whitespace());
            let is_empty = letters[..end.min(letters.len())].ends_with(&[' '; 2]) || letters.len() < end;
            assert!(behind && (before || is_empty), "{table}, {column}: {line}");
        }
    }
}

#[test]
fn the_tables_of_a_busy_day() {
    insta::assert_snapshot!(text(&busy()));
}

#[test]
fn of_an_empty_period_one_sentence_is_said() {
    let said = text(&Kpi::new(Period::default()).finish());
    assert_eq!(said, "The record tells nothing of this period: no run of a monitor was in it.");
}
