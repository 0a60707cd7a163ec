//! From TOML text to a checked scenario.

use super::{Fault, FaultKind, Scenario, ScenarioError, Start};
use crate::world::{Lane, Signal};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

type Number = Option<Spanned<f64>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    title: String,
    vehicles: Option<Spanned<u32>>,
    duration_secs: Number,
    step_millis: Option<Spanned<u64>>,
    circumference_meters: Number,
    desired_speed_mps: Number,
    desired_speed_spread: Number,
    headway_meters: Number,
    #[serde(default)]
    vehicle: Vec<VehicleTable>,
    #[serde(default)]
    fault: Vec<FaultTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VehicleTable {
    index: Spanned<u32>,
    desired_speed_mps: Number,
    lane: Option<LaneName>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum LaneName {
    Right,
    Left,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum KindName {
    FrozenSensor,
    FallingConfidence,
    PhantomBrake,
    Silent,
    FrozenPolicy,
    ActuatorStuck,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultTable {
    kind: Spanned<KindName>,
    vehicle: Spanned<u32>,
    start_secs: Spanned<f64>,
    end_secs: Number,
    heals_after_standstill_secs: Number,
    signal: Option<Spanned<String>>,
    rate_per_sec: Number,
    floor: Number,
    deceleration_mps2: Number,
    duration_secs: Number,
}

const DAY_SECS: f64 = 86_400.0;

pub(super) fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    let reader = Reader { text };
    let document: Document = toml::from_str(text).map_err(|error| reader.malformed(&error))?;
    let vehicles =
        document.vehicles.as_ref().map_or(Ok(8), |given| reader.whole("vehicles", given, 1, 64))?;
    let circumference_meters = reader.number(
        "circumference_meters",
        document.circumference_meters.as_ref(),
        1_000.0,
        300.0,
        10_000.0,
    )?;
    let headway = document.headway_meters.as_ref();
    let headway_meters = reader.number("headway_meters", headway, 45.0, 15.0, 1_000.0)?;
    let needed_meters = headway_meters * vehicles as f64;
    if vehicles > 1 && needed_meters > circumference_meters {
        let line = headway.map_or(1, |headway| reader.line(headway.span()));
        return Err(ScenarioError::TooLong { line, vehicles, needed_meters, circumference_meters });
    }
    let mut faults = Vec::with_capacity(document.fault.len());
    for table in &document.fault {
        faults.push(reader.fault(table, vehicles)?);
    }
    let duration = reader.number("duration_secs", document.duration_secs.as_ref(), 60.0, 1.0, DAY_SECS)?;
    let desired = document.desired_speed_mps.as_ref();
    let spread = document.desired_speed_spread.as_ref();
    Ok(Scenario {
        name: document.name,
        title: document.title,
        vehicles,
        duration: Duration::from_secs_f64(duration),
        step: reader.step(document.step_millis.as_ref())?,
        circumference_meters,
        desired_speed_mps: reader.number("desired_speed_mps", desired, 15.0, 3.0, 30.0)?,
        desired_speed_spread: reader.number("desired_speed_spread", spread, 0.03, 0.0, 0.3)?,
        headway_meters,
        starts: reader.starts(&document.vehicle, vehicles)?,
        faults,
    })
}

/// The text, to say on which line something stands.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, span: Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
    }

    fn malformed(&self, error: &toml::de::Error) -> ScenarioError {
        let line = error.span().map_or(1, |span| self.line(span));
        let content = self.text.lines().nth(line - 1).unwrap_or_default();
        let field = content.split('=').next().unwrap_or_default().trim().to_owned();
        ScenarioError::Malformed { line, field, reason: error.message().to_owned() }
    }

    fn check(
        &self,
        field: &'static str,
        given: &Spanned<f64>,
        low: f64,
        high: f64,
    ) -> Result<f64, ScenarioError> {
        let value = *given.get_ref();
        if value.is_finite() && (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(ScenarioError::OutOfRange { line: self.line(given.span()), field, value, low, high })
    }

    fn number(
        &self,
        field: &'static str,
        given: Option<&Spanned<f64>>,
        default: f64,
        low: f64,
        high: f64,
    ) -> Result<f64, ScenarioError> {
        given.map_or(Ok(default), |given| self.check(field, given, low, high))
    }

    fn whole(
        &self,
        field: &'static str,
        given: &Spanned<u32>,
        low: u32,
        high: u32,
    ) -> Result<usize, ScenarioError> {
        let value = *given.get_ref();
        let line = self.line(given.span());
        let refusal = ScenarioError::OutOfRange {
            line,
            field,
            value: f64::from(value),
            low: f64::from(low),
            high: f64::from(high),
        };
        if !(low..=high).contains(&value) {
            return Err(refusal);
        }
        Ok(usize::try_from(value).expect("at most 64"))
    }

    fn index(
        &self,
        field: &'static str,
        given: &Spanned<u32>,
        vehicles: usize,
    ) -> Result<usize, ScenarioError> {
        let last = u32::try_from(vehicles.saturating_sub(1)).expect("at most 64 vehicles");
        self.whole(field, given, 0, last)
    }

    fn step(&self, given: Option<&Spanned<u64>>) -> Result<Duration, ScenarioError> {
        let Some(given) = given else { return Ok(Duration::from_millis(20)) };
        let value = *given.get_ref();
        if value == 0 || !100_u64.is_multiple_of(value) {
            return Err(ScenarioError::UnevenStep { line: self.line(given.span()), value });
        }
        Ok(Duration::from_millis(value))
    }

    fn starts(
        &self,
        tables: &[VehicleTable],
        vehicles: usize,
    ) -> Result<BTreeMap<usize, Start>, ScenarioError> {
        let mut starts = BTreeMap::new();
        for table in tables {
            let index = self.index("index", &table.index, vehicles)?;
            let desired = table.desired_speed_mps.as_ref();
            let start = Start {
                desired_speed_mps: desired
                    .map(|given| self.check("desired_speed_mps", given, 3.0, 30.0))
                    .transpose()?,
                lane: table.lane.map(|lane| match lane {
                    LaneName::Right => Lane::Right,
                    LaneName::Left => Lane::Left,
                }),
            };
            if starts.insert(index, start).is_some() {
                return Err(ScenarioError::DescribedTwice { line: self.line(table.index.span()), index });
            }
        }
        Ok(starts)
    }

    fn fault(&self, table: &FaultTable, vehicles: usize) -> Result<Fault, ScenarioError> {
        let start_secs = self.check("start_secs", &table.start_secs, 0.0, DAY_SECS)?;
        let start = Duration::from_secs_f64(start_secs);
        let vehicle = self.index("vehicle", &table.vehicle, vehicles)?;
        let kind = self.kind(table)?;
        let end = match kind {
            FaultKind::PhantomBrake { .. } => {
                let given = self.needed(table, "duration_secs", table.duration_secs.as_ref())?;
                Some(start + Duration::from_secs_f64(self.check("duration_secs", given, 0.1, 30.0)?))
            }
            FaultKind::FrozenSensor { .. }
            | FaultKind::FallingConfidence { .. }
            | FaultKind::Silent
            | FaultKind::FrozenPolicy
            | FaultKind::ActuatorStuck => table
                .end_secs
                .as_ref()
                .map(|given| self.check("end_secs", given, start_secs, DAY_SECS))
                .transpose()?
                .map(Duration::from_secs_f64),
        };
        let heals = table.heals_after_standstill_secs.as_ref();
        let heals_after_standstill = heals
            .map(|given| self.check("heals_after_standstill_secs", given, 0.5, 3_600.0))
            .transpose()?
            .map(Duration::from_secs_f64);
        Ok(Fault { vehicle, kind, start, end, heals_after_standstill })
    }

    fn kind(&self, table: &FaultTable) -> Result<FaultKind, ScenarioError> {
        let (kind, known): (_, &[&str]) = match table.kind.get_ref() {
            KindName::FrozenSensor => (self.frozen(table)?, &["signal", "end_secs", HEALS]),
            KindName::FallingConfidence => {
                let rate = self.needed(table, "rate_per_sec", table.rate_per_sec.as_ref())?;
                let rate_per_sec = self.check("rate_per_sec", rate, 0.001, 1.0)?;
                let floor = self.number("floor", table.floor.as_ref(), 0.0, 0.0, 1.0)?;
                let known: &[&str] = &["rate_per_sec", "floor", "end_secs", HEALS];
                (FaultKind::FallingConfidence { rate_per_sec, floor }, known)
            }
            KindName::PhantomBrake => {
                let given = self.needed(table, "deceleration_mps2", table.deceleration_mps2.as_ref())?;
                let deceleration_mps2 = self.check("deceleration_mps2", given, 0.5, 8.0)?;
                (FaultKind::PhantomBrake { deceleration_mps2 }, &["deceleration_mps2", "duration_secs"])
            }
            KindName::Silent => (FaultKind::Silent, &["end_secs", HEALS]),
            KindName::FrozenPolicy => (FaultKind::FrozenPolicy, &["end_secs", HEALS]),
            KindName::ActuatorStuck => (FaultKind::ActuatorStuck, &["end_secs", HEALS]),
        };
        for (field, span) in given_fields(table) {
            if !known.contains(&field) {
                return Err(ScenarioError::Unused { line: self.line(span), field, kind: kind.name() });
            }
        }
        Ok(kind)
    }

    fn frozen(&self, table: &FaultTable) -> Result<FaultKind, ScenarioError> {
        let given = self.needed(table, "signal", table.signal.as_ref())?;
        let signal = Signal::named(given.get_ref()).ok_or_else(|| ScenarioError::UnknownSignal {
            line: self.line(given.span()),
            value: given.get_ref().clone(),
        })?;
        Ok(FaultKind::FrozenSensor { signal })
    }

    fn needed<'t, T>(
        &self,
        table: &FaultTable,
        field: &'static str,
        given: Option<&'t Spanned<T>>,
    ) -> Result<&'t Spanned<T>, ScenarioError> {
        let kind = match table.kind.get_ref() {
            KindName::FrozenSensor => "frozen_sensor",
            KindName::FallingConfidence => "falling_confidence",
            KindName::PhantomBrake => "phantom_brake",
            KindName::Silent => "silent",
            KindName::FrozenPolicy => "frozen_policy",
            KindName::ActuatorStuck => "actuator_stuck",
        };
        given.ok_or_else(|| ScenarioError::Needed { line: self.line(table.kind.span()), field, kind })
    }
}

const HEALS: &str = "heals_after_standstill_secs";

/// Lists the optional fields that a fault gives, with where they stand.
fn given_fields(table: &FaultTable) -> impl Iterator<Item = (&'static str, Range<usize>)> {
    let numbers = [
        ("end_secs", &table.end_secs),
        (HEALS, &table.heals_after_standstill_secs),
        ("rate_per_sec", &table.rate_per_sec),
        ("floor", &table.floor),
        ("deceleration_mps2", &table.deceleration_mps2),
        ("duration_secs", &table.duration_secs),
    ];
    let signal = table.signal.as_ref().map(|signal| ("signal", signal.span()));
    numbers
        .into_iter()
        .filter_map(|(field, given)| given.as_ref().map(|given| (field, given.span())))
        .chain(signal)
}
