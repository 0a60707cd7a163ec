//! What an alert of a stream says to an operator.
//!
//! ```text
//! temperature is 62.1 °C, expected 83.5 to 87 °C: it never did this before; since 2013-12-16 17:25:00
//! As odd as once in 14,000 rows of this stream; above 79.2 °C there would have been no alert. Last values: ...
//! ```
//!
//! What is not known is left out. The stack keeps no names, times or past rows: the caller has them.

use super::{Channel, Scored};
use crate::phrase::Figures;
use watchkeeper_model::{Label, SignalSpec};

/// So many last values of the signal that led are told.
const SAMPLES: usize = 5;
/// Beyond so many rows nothing was seen that a figure could rest on.
const RAREST: f64 = 1e6;
/// A smaller share of an oddity is not worth a name.
const LEAST_SHARE: f64 = 0.01;

/// What a sentence says beside what was scored.
#[derive(Clone, Copy, Debug)]
pub struct AlertContext<'a, R> {
    /// Name and unit of each signal, in the order of a row's values.
    pub signals: &'a [SignalSpec],
    /// The scored row's time or number as people write it: `2013-12-16 17:25:00`, `row 4713`.
    pub since: &'a str,
    /// The last rows, oldest first, the scored one last; five are enough.
    pub rows: &'a [R],
}

impl Scored {
    /// Says in two lines what is odd about a row and since when, and then how rare that is, what would not have alerted
    /// and what came last; `None` where nothing is odd.
    pub fn sentence<R: AsRef<[f64]>>(&self, context: &AlertContext<'_, R>) -> Option<String> {
        let (lead, _) = self.top.first().copied().flatten()?;
        let of_lead = |row: &R| row.as_ref().get(lead).copied().unwrap_or(f64::NAN);
        let samples: Vec<f64> = context.rows.iter().rev().take(SAMPLES).map(of_lead).collect();
        let value = samples.first().copied().unwrap_or(f64::NAN);
        let what = self.what(context.signals, value)?;
        let rarity = self.rarity();
        let quiet = self.quiet_from(context.signals, value);
        let quiet = quiet.map_or(String::new(), |quiet| format!("; {quiet} there would have been no alert"));
        let shares = self.shares(context.signals);
        let unnamed = Label::default();
        let figures = self.figures(context.signals, value, &unnamed);
        let last: Vec<String> = samples.iter().rev().map(|sample| figures.number(*sample)).collect();
        Some(format!(
            "{what}; since {}\n{rarity}{quiet}.{shares} Last values: {}.",
            context.since,
            last.join(", ")
        ))
    }

    /// Says what is odd, where `value` is that of the signal that leads; `None` where nothing is.
    pub(crate) fn what(&self, signals: &[SignalSpec], value: f64) -> Option<String> {
        let channel = self.channel?;
        let unnamed = Label::default();
        let figures = self.figures(signals, value, &unnamed);
        let expected = self.why.map(|why| why.expected);
        let name = self.name(0, signals);
        let is_within = expected.is_some_and(|(low, high)| (low..=high).contains(&value));
        let shown = figures.measure(value);
        let found = match expected.map(|(low, high)| figures.range(Some(low), Some(high))) {
            Some(range) if is_within => format!("{name} is {shown}, within the expected {range}"),
            Some(range) => format!("{name} is {shown}, expected {range}"),
            None => format!("{name} is {shown}"),
        };
        let but = if is_within { ", but" } else { ":" };
        Some(match (channel, self.together(signals)) {
            (Channel::Novelty, _) if is_within => format!("{found}, but it never behaved like this before"),
            (Channel::Novelty, _) => format!("{found}: it never did this before"),
            (Channel::Joint, Some(names)) => {
                format!("{found}{but} {names} are no longer where they usually are together")
            }
            (Channel::Joint, None) => {
                format!("{found}{but} it is no longer where it usually is, alone or beside the others")
            }
        })
    }

    /// Says once in how many rows it is so odd.
    fn rarity(&self) -> String {
        if self.period > RAREST {
            "Rarer than once in 1,000,000 rows of this stream".to_owned()
        } else {
            format!("As odd as once in {} rows of this stream", rounded(self.period))
        }
    }

    /// Says from where on there would have been no alert: `below 13.9 m/s`; `None` where it does not hang on that value alone.
    /// Rounded to the side on which there is none.
    pub(crate) fn quiet_from(&self, signals: &[SignalSpec], value: f64) -> Option<String> {
        let unnamed = Label::default();
        let figures = self.figures(signals, value, &unnamed);
        let quiet = self.why?.counterfactual?;
        if quiet < value {
            Some(format!("below {}", figures.measure(figures.down(quiet))))
        } else if quiet > value {
            Some(format!("above {}", figures.measure(-figures.down(-quiet))))
        } else {
            None
        }
    }

    /// Returns how the numbers of the signal that leads are written.
    fn figures<'a>(&self, signals: &'a [SignalSpec], value: f64, unnamed: &'a Label) -> Figures<'a> {
        let lead = self.top.first().copied().flatten().and_then(|(lead, _)| signals.get(lead));
        let (low, high) = self.why.map(|why| why.expected).unzip();
        let quiet = self.why.and_then(|why| why.counterfactual);
        let told = [Some(value), low, high, quiet];
        Figures::new(told.into_iter().flatten(), lead.map_or(unnamed, |spec| &spec.unit))
    }

    /// Names the signals of an oddity; `None` where there is one only.
    fn together(&self, signals: &[SignalSpec]) -> Option<String> {
        let names: Vec<String> = self.named().map(|(place, _)| self.name(place, signals)).collect();
        let (last, others) = names.split_last()?;
        (!others.is_empty()).then(|| format!("{} and {last}", others.join(", ")))
    }

    /// Says what part of an oddity is whose, where there are several.
    fn shares(&self, signals: &[SignalSpec]) -> String {
        let shares: Vec<String> = self
            .named()
            .map(|(place, share)| format!("{} {:.0} %", self.name(place, signals), 100.0 * share))
            .collect();
        if shares.len() > 1 { format!(" It lies in {}.", shares.join(", ")) } else { String::new() }
    }

    /// Returns the places in [`Self::top`] of the signals that matter, and their shares.
    fn named(&self) -> impl Iterator<Item = (usize, f64)> {
        let shares = self.top.into_iter().flatten().map(|(_, share)| share).enumerate();
        shares.filter(|(_, share)| *share >= LEAST_SHARE)
    }

    /// Returns the name of a signal by its place in [`Self::top`].
    fn name(&self, place: usize, signals: &[SignalSpec]) -> String {
        let signal = self.top.get(place).copied().flatten().map_or(0, |(signal, _)| signal);
        let spec = signals.get(signal).filter(|spec| !spec.name.as_str().is_empty());
        spec.map_or_else(|| format!("signal {}", signal + 1), |spec| spec.name.to_string())
    }
}

/// Returns a count of rows to two digits: `14,000`; at most [`RAREST`].
fn rounded(rows: f64) -> String {
    let unit = libm::pow(10.0, (libm::log10(rows.max(1.0)).floor() - 1.0).max(0.0));
    let rows = (rows / unit).round() * unit;
    if rows >= RAREST {
        return "1,000,000".to_owned();
    }
    let thousands = (rows / 1_000.0).floor();
    if thousands < 1.0 {
        format!("{rows:.0}")
    } else {
        format!("{thousands:.0},{:03.0}", rows - 1_000.0 * thousands)
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn a_count_of_rows_has_two_digits() {
        for (rows, text) in
            [(7.4, "7"), (63.0, "63"), (2_049.0, "2,000"), (13_950.0, "14,000"), (999_999.0, "1,000,000")]
        {
            assert_eq!(rounded(rows), text);
        }
    }
}
