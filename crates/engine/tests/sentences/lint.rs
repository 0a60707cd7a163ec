//! What makes a sentence of an alert one that an operator understands.

/// An alert as a card shows it.
pub(crate) struct Card {
    /// Why, in the words that the card shows; its first line stands alone where there is little room.
    pub(crate) text: String,
    /// How the cause names what it is about: one of these is in the first line.
    pub(crate) subjects: Vec<String>,
    /// The cause has a range or a limit.
    pub(crate) is_bounded: bool,
    /// How long ago it was raised, where the card says so.
    pub(crate) raised: Option<String>,
    /// What happens if nobody acts: of an agent what it does, of a stream how it would have been no alert.
    pub(crate) next: String,
}

/// Longest first line, in characters.
const LONGEST: usize = 160;
/// Words that say how a value was found and not what is wrong.
const JARGON: [&str; 22] = [
    "sigma",
    "mewma",
    "ewma",
    "nats",
    "z =",
    "z-score",
    "scales",
    "statistic",
    "threshold",
    "residual",
    "quantile",
    "likelihood",
    "p-value",
    "robust",
    "outlier",
    "anomaly",
    "covariance",
    "novelty",
    "detector",
    "epoch",
    "seq ",
    "null",
];
/// What Rust prints and people do not write.
const DEBUG: [&str; 9] = ["Some(", "None", "NaN", "inf ", "inf,", "{", "}", "::", "\""];

/// Returns what is wrong with a card's sentence.
pub(crate) fn findings(card: &Card) -> Vec<String> {
    let first = card.text.lines().next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| first.contains(word));
    let mut found = Vec::new();
    let mut check = |is_well: bool, what: &str| {
        if !is_well {
            found.push(what.to_owned());
        }
    };
    check(card.subjects.iter().any(|subject| first.contains(subject.as_str())), "names no subject");
    let verbs =
        [" is ", " are ", " was ", " fell ", " asks", " come ", " broke ", " does not ", " has ", "no "];
    check(has(&verbs), "says nothing that was observed");
    check(!card.is_bounded || has(&["expected", "allows", "budget"]), "does not say what was expected");
    let told = has(&["; since ", "at decision ", " for "]);
    check(told || card.raised.is_some(), "does not say since when");
    let next = card.next.trim();
    check(!next.is_empty() && next != "not told", "does not say what happens next");
    check(first.chars().count() <= LONGEST, "has a first line that is too long");
    for text in [card.text.as_str(), next] {
        check(!text.contains("  "), "has two spaces in a row");
        check(!text.trim_end().ends_with([',', ';', ':']), "ends in the middle");
        let lower = text.to_lowercase();
        for word in JARGON {
            check(!lower.contains(word), &format!("says {word:?}"));
        }
        for word in DEBUG {
            check(!text.contains(word), &format!("prints {word:?}"));
        }
    }
    found
}

fn card(text: &str) -> Card {
    Card {
        text: text.to_owned(),
        subjects: vec!["speed".to_owned()],
        is_bounded: true,
        raised: None,
        next: "it goes on by itself".to_owned(),
    }
}

#[test]
fn a_sentence_with_all_its_parts_passes() {
    let found = findings(&card("speed is 3 m/s, expected 11.8 to 13.9 m/s; since decision 401"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn whatever_is_missing_or_too_much_is_named() {
    for (text, named) in [
        ("it is 3 m/s, expected 11.8 to 13.9 m/s; since decision 401", "names no subject"),
        ("speed, expected 11.8 to 13.9 m/s; since decision 401", "says nothing that was observed"),
        ("speed is 3 m/s; since decision 401", "does not say what was expected"),
        ("speed is 3 m/s, expected 11.8 to 13.9 m/s", "does not say since when"),
        ("speed is 3 m/s,  expected 11.8 m/s; since row 3", "has two spaces in a row"),
        ("speed is 3 m/s, expected 11.8 m/s (z = 4.9); since row 3", "says \"z =\""),
        ("speed is NaN, expected 11.8 m/s; since row 3", "prints \"NaN\""),
        ("speed is 3, expected Some(11.8); since row 3", "prints \"Some(\""),
        ("speed is 3 m/s, expected 11.8 m/s; since row 3;", "ends in the middle"),
    ] {
        assert_eq!(findings(&card(text)), [named], "{text}");
    }
    let long = format!("speed is {} m/s, expected 3 m/s; since row 3", "1".repeat(150));
    assert_eq!(findings(&card(&long)), ["has a first line that is too long"]);
    let next = Card { next: "not told".to_owned(), ..card("speed is 3, expected 4; since row 3") };
    assert_eq!(findings(&next), ["does not say what happens next"]);
}
