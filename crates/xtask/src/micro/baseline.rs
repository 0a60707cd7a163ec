//! The counts that are written down, and what becomes of them.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{counts::Counts, tools::Toolchain};

/// Counts of the same program are equal to a fraction of this; what a change of the program costs is mostly above.
pub(super) const TOLERANCE_PERCENT: u64 = 2;

const HEAD: &str = "\
# How many instructions each benchmark of `cargo xtask bench micro` needs; see docs/benchmarks.md.
# Written by `cargo xtask bench micro --bless \"reason\"`, in the same commit as what changed them.

";

/// What is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    /// What the counts were made with.
    pub(super) toolchain: Toolchain,
    /// By benchmark.
    pub(super) instructions: Counts,
    /// Why they are what they are, oldest first.
    #[serde(default)]
    pub(super) history: Vec<Entry>,
}

/// One change of the counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The day, in UTC.
    pub(super) date: String,
    /// Why they changed.
    pub(super) reason: String,
    /// What changed, old and new.
    pub(super) changes: Vec<String>,
}

/// A benchmark: what is written down of it, and what was counted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The benchmark.
    pub(super) name: String,
    /// What is written down; `None` for a new one.
    pub(super) baseline: Option<u64>,
    /// What was counted; `None` for one that is gone.
    pub(super) now: Option<u64>,
}

/// What is to be said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As written down, or near it.
    Within,
    /// It needs more.
    More,
    /// It needs less; that is to be written down too, or what comes next could use it up unseen.
    Less,
    /// It is not written down.
    New,
    /// It is written down and was not counted.
    Gone,
}

impl Verdict {
    /// Returns whether the baseline has to change before this may pass.
    pub(super) const fn is_wrong(self) -> bool {
        !matches!(self, Self::Within)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Within => "",
            Self::More => "MORE",
            Self::Less => "LESS",
            Self::New => "NEW",
            Self::Gone => "GONE",
        }
    }
}

impl Row {
    /// Judges.
    pub(super) fn verdict(&self) -> Verdict {
        match (self.baseline, self.now) {
            (Some(baseline), Some(now)) => {
                let apart = u128::from(now.abs_diff(baseline)) * 100;
                if apart <= u128::from(baseline) * u128::from(TOLERANCE_PERCENT) {
                    Verdict::Within
                } else if now > baseline {
                    Verdict::More
                } else {
                    Verdict::Less
                }
            }
            (None, _) => Verdict::New,
            (Some(_), None) => Verdict::Gone,
        }
    }

    /// Returns what a person must know of it, in one line.
    pub(super) fn sentence(&self) -> String {
        match (self.baseline, self.now) {
            (Some(baseline), Some(now)) => {
                format!("{}: {baseline} -> {now} ({})", self.name, change(baseline, now))
            }
            (None, Some(now)) => format!("{}: new with {now}, not in the baseline", self.name),
            (Some(baseline), None) => {
                format!("{}: gone, was {baseline} in the baseline and was not counted", self.name)
            }
            (None, None) => format!("{}: neither in the baseline nor counted", self.name),
        }
    }
}

fn change(baseline: u64, now: u64) -> String {
    if baseline == 0 {
        return "from nothing".to_owned();
    }
    let percent = (now as f64 / baseline as f64 - 1.0) * 100.0;
    format!("{percent:+.2} %")
}

impl Baseline {
    /// Reads what is written down.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Writes it down.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string_pretty(self).context("writing the baseline as TOML")?;
        fs::write(path, format!("{HEAD}{text}")).with_context(|| format!("writing {}", path.display()))
    }

    /// Returns every benchmark that is written down or was counted, by name.
    pub(super) fn compare(&self, now: &Counts) -> Vec<Row> {
        let names: BTreeSet<&String> = self.instructions.keys().chain(now.keys()).collect();
        let row = |name: &String| Row {
            name: name.clone(),
            baseline: self.instructions.get(name).copied(),
            now: now.get(name).copied(),
        };
        names.into_iter().map(row).collect()
    }

    /// Takes the counts over and keeps the reason; returns how many changed.
    ///
    /// What is near what is written down stays: many small steps are then seen once they add up. Only another toolchain
    /// changes them all.
    pub(super) fn bless(&mut self, toolchain: Toolchain, now: &Counts, reason: &str, today: &str) -> usize {
        let is_other = self.toolchain != toolchain;
        let mut changes = Vec::new();
        for row in self.compare(now) {
            if row.verdict().is_wrong() || is_other && row.now != row.baseline {
                match row.now {
                    Some(now) => self.instructions.insert(row.name.clone(), now),
                    None => self.instructions.remove(&row.name),
                };
                changes.push(row.sentence());
            }
        }
        if is_other {
            changes.push(format!("counted with {toolchain}"));
            self.toolchain = toolchain;
        }
        let count = changes.len();
        if count > 0 {
            self.history.push(Entry { date: today.to_owned(), reason: reason.to_owned(), changes });
        }
        count
    }
}

/// Returns the rows as a person reads them.
pub(super) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = format!("{:width$} {:>12} {:>12} {:>9}\n", "benchmark", "baseline", "now", "change");
    for row in rows {
        let figure = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let change =
            row.baseline.zip(row.now).map_or_else(String::new, |(baseline, now)| change(baseline, now));
        let (baseline, now) = (figure(row.baseline), figure(row.now));
        let line =
            format!("{:width$} {baseline:>12} {now:>12} {change:>9}  {}", row.name, row.verdict().word());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(figures: &[(&str, u64)]) -> Counts {
        figures.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn toolchain(rustc: &str) -> Toolchain {
        Toolchain {
            rustc: rustc.to_owned(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            libc: "glibc 2.36".to_owned(),
        }
    }

    fn planted() -> Baseline {
        Baseline {
            toolchain: toolchain("1.95.0"),
            instructions: counts(&[("codec::encode::alert", 100_000), ("score::decision::calm", 50_000)]),
            history: Vec::new(),
        }
    }

    fn verdicts(alert: u64) -> Vec<(String, Verdict)> {
        let now = counts(&[("codec::encode::alert", alert), ("score::decision::calm", 50_000)]);
        planted().compare(&now).into_iter().map(|row| (row.name.clone(), row.verdict())).collect()
    }

    #[test]
    fn three_per_cent_either_way_are_wrong_and_named() {
        for (count, verdict) in [(103_000, Verdict::More), (97_000, Verdict::Less)] {
            assert_eq!(
                verdicts(count),
                [
                    ("codec::encode::alert".to_owned(), verdict),
                    ("score::decision::calm".to_owned(), Verdict::Within)
                ]
            );
            assert!(verdict.is_wrong());
        }
        let row =
            Row { name: "codec::encode::alert".to_owned(), baseline: Some(100_000), now: Some(103_000) };
        assert_eq!(row.sentence(), "codec::encode::alert: 100000 -> 103000 (+3.00 %)");
    }

    #[test]
    fn one_per_cent_and_two_are_within() {
        for count in [99_000, 101_000, 102_000, 98_000] {
            assert!(verdicts(count).iter().all(|(_, verdict)| !verdict.is_wrong()), "{count}");
        }
        assert!(verdicts(102_001).iter().any(|(_, verdict)| verdict.is_wrong()));
    }

    #[test]
    fn what_is_on_one_side_only_is_wrong() {
        let now = counts(&[("codec::encode::alert", 100_000), ("gate::command::refused", 7)]);
        let rows = planted().compare(&now);
        let wrong: Vec<String> =
            rows.iter().filter(|row| row.verdict().is_wrong()).map(Row::sentence).collect();
        assert_eq!(
            wrong,
            [
                "gate::command::refused: new with 7, not in the baseline",
                "score::decision::calm: gone, was 50000 in the baseline and was not counted",
            ]
        );
    }

    #[test]
    fn nothing_counted_is_never_right() {
        assert!(planted().compare(&Counts::new()).iter().all(|row| row.verdict() == Verdict::Gone));
    }

    #[test]
    fn a_blessing_keeps_the_reason_the_day_and_the_old_figures() {
        let mut baseline = planted();
        let now = counts(&[("codec::encode::alert", 103_000), ("score::decision::calm", 50_400), ("new", 1)]);
        let changed = baseline.bless(toolchain("1.95.0"), &now, "alerts name the rule", "2026-11-30");
        assert_eq!(changed, 2);
        let expected =
            counts(&[("codec::encode::alert", 103_000), ("new", 1), ("score::decision::calm", 50_000)]);
        assert_eq!(baseline.instructions, expected, "what is within stays as it was");
        assert_eq!(
            baseline.history,
            [Entry {
                date: "2026-11-30".to_owned(),
                reason: "alerts name the rule".to_owned(),
                changes: vec![
                    "codec::encode::alert: 100000 -> 103000 (+3.00 %)".to_owned(),
                    "new: new with 1, not in the baseline".to_owned(),
                ],
            }]
        );
        assert!(baseline.compare(&now).iter().all(|row| !row.verdict().is_wrong()));
        let before = baseline.clone();
        assert_eq!(baseline.bless(toolchain("1.95.0"), &now, "again", "2026-12-01"), 0);
        assert_eq!(baseline, before, "a blessing of nothing leaves no trace");
    }

    #[test]
    fn another_toolchain_changes_every_figure() {
        let mut baseline = planted();
        let now = counts(&[("codec::encode::alert", 100_001), ("score::decision::calm", 50_000)]);
        baseline.bless(toolchain("1.96.0"), &now, "rustc 1.96", "2026-11-30");
        assert_eq!((baseline.toolchain, baseline.instructions), (toolchain("1.96.0"), now));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let file = std::env::temp_dir().join(format!("micro-baseline-{}.toml", std::process::id()));
        let mut baseline = planted();
        baseline.bless(toolchain("1.95.0"), &counts(&[("a", 1)]), "first \"figures\"", "2026-11-30");
        baseline.write(&file).expect("it can be written");
        let text = fs::read_to_string(&file).expect("it was written");
        assert!(text.starts_with("# How many"), "{text}");
        assert!(text.contains("\na = 1\n"), "one line a benchmark: {text}");
        assert_eq!(Baseline::read(&file).expect("it can be read"), baseline);
        fs::remove_file(&file).expect("it can be removed");
    }

    #[test]
    fn the_table_has_a_line_for_each() {
        let now = counts(&[("codec::encode::alert", 103_000), ("new", 1)]);
        assert_eq!(
            table(&planted().compare(&now)),
            "benchmark                 baseline          now    change\n\
             codec::encode::alert        100000       103000   +3.00 %  MORE\n\
             new                              -            1            NEW\n\
             score::decision::calm        50000            -            GONE\n"
        );
    }
}
