//! How many false alerts are allowed: `1/day`, `2/hour`, `0.5/1000rows`.

use anyhow::{Context, bail, ensure};
use std::{fmt, str::FromStr};

/// So many false alerts in so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget {
    alerts: f64,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Per {
    Secs(f64),
    Rows(u32),
}

impl FromStr for Budget {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = "a number of false alerts with its unit, such as 1/day, 2/hour or 0.5/1000rows";
        let (alerts, per) = text.split_once('/').context(form)?;
        let alerts: f64 = alerts.trim().parse().context(form)?;
        ensure!(alerts.is_finite() && alerts > 0.0, "above 0, {form}");
        let per = match per.trim() {
            "day" => Per::Secs(86_400.0),
            "hour" => Per::Secs(3_600.0),
            per => match per.strip_suffix("rows").map(|rows| rows.trim().parse()) {
                Some(Ok(rows)) if rows > 0 => Per::Rows(rows),
                Some(_) | None => bail!(form),
            },
        };
        Ok(Self { alerts, per })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per {
            Per::Secs(secs) if secs < 86_400.0 => write!(f, "{}/hour", self.alerts),
            Per::Secs(_) => write!(f, "{}/day", self.alerts),
            Per::Rows(rows) => write!(f, "{}/{rows}rows", self.alerts),
        }
    }
}

impl Budget {
    /// Returns in how many rows one false alert is allowed, when a row comes every `interval_secs`.
    ///
    /// # Errors
    /// Where that is less than one row, or rows come at no time.
    pub(crate) fn rows_per_alert(self, interval_secs: Option<f64>) -> anyhow::Result<f64> {
        let rows = match (self.per, interval_secs) {
            (Per::Rows(rows), _) => f64::from(rows),
            (Per::Secs(secs), Some(interval)) => secs / interval,
            (Per::Secs(_), None) => {
                bail!("--budget {self}: the first column has no time that passes; say it in rows: 1/1000rows")
            }
        };
        let rows = rows / self.alerts;
        ensure!(rows >= 1.0, "--budget {self}: more false alerts than rows ({rows:.3} rows for each)");
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_in_rows() {
        for (text, interval, rows) in [
            ("1/1000rows", None, 1_000.0),
            ("0.5/1000rows", Some(60.0), 2_000.0),
            ("1/day", Some(60.0), 1_440.0),
            ("2/hour", Some(1.0), 1_800.0),
        ] {
            let budget: Budget = text.parse().unwrap();
            assert!((budget.rows_per_alert(interval).unwrap() - rows).abs() < 1e-9, "{text}");
            assert_eq!(budget.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_budget_says_what_one_is() {
        for text in ["1", "1/week", "0/day", "-1/day", "nan/day", "inf/day", "1/0rows", "1/rows", "/day", ""]
        {
            let error = text.parse::<Budget>().unwrap_err();
            assert!(format!("{error:#}").contains("0.5/1000rows"), "{text}: {error:#}");
        }
        let day: Budget = "1/day".parse().unwrap();
        assert!(day.rows_per_alert(None).unwrap_err().to_string().contains("1/1000rows"));
        assert!(
            day.rows_per_alert(Some(90_000.0))
                .unwrap_err()
                .to_string()
                .contains("more false alerts than rows")
        );
    }
}
