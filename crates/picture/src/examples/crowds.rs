//! Many at once: a flood of alerts, a thousand vehicles, a wall of tiles, and a fleet of both.

use super::{
    Situation, agent,
    findings::{self, FROZEN, demand, evidence},
    label,
    monitor::{BENS_SESSION, Monitor, millis},
    motion::Road,
    person, records,
    services::Service,
    takeover::lease,
    vehicles::{self, Vehicle},
};
use std::{f64::consts::FRAC_PI_4, time::Duration};
use watchkeeper_model::{
    Alarm, AlarmState, AlertId, CauseClass, CommonCause, ControlState, DemandId, DemandOrigin, FallbackLevel,
    Latch, LatchCause, LatchId, OperatorRole, Priority, Response, Severity, StateVersion,
};
use watchkeeper_protocol::operator::{AgentStatus, LeaseStatus};

/// A hundred alerts of forty vehicles at once, one of them a demand for a takeover.
pub fn flood() -> Situation {
    flood_of(false)
}

/// The same, counted by the monitor as this person's flood, while twenty of the vehicles lose one link.
pub fn summarised() -> Situation {
    flood_of(true)
}

fn flood_of(is_mine: bool) -> Situation {
    let roads = [Road::SIMULATOR, Road::Ring { centre: (420.0, 60.0), circumference_meters: 1_000.0 }];
    let mut fleet = Vec::new();
    for (first, road) in [0, 20].into_iter().zip(roads) {
        let names = (0..20).map(|index| (index, format!("vehicle-{:02}", first + index + 1)));
        fleet.extend(names.map(|(index, name)| Vehicle {
            seed: first + index + 1,
            ..Vehicle::cruising(&name, road, index, 20)
        }));
    }
    let mut monitor = Monitor::welcome("anna", OperatorRole::Operator, millis(12_000));
    let statuses: Vec<_> = fleet.iter().map(Vehicle::status).collect();
    monitor.snapshot(&statuses, &[], &records::earlier(), millis(12_000));
    for vehicle in &mut fleet {
        vehicle.odd = Some((0.55, millis(6_000)));
        vehicle.report(&mut monitor, 100, millis(100));
    }
    for alarm in flood_alerts(&fleet) {
        let ago = monitor.picture.monitor_now(super::monitor::console_now());
        let ago = ago.map_or(Duration::ZERO, |monitor| monitor.since(alarm.raised_at));
        monitor.alert(alarm, ago.saturating_sub(millis(4)));
    }
    let raised_ago = millis(3_400);
    monitor.alert(findings::frozen_speed("vehicle-17", raised_ago), raised_ago.saturating_sub(millis(3)));
    for vehicle in &fleet {
        let mut status = vehicle.status();
        status.score = 0.55;
        if vehicle.name == "vehicle-17" {
            status.control_state = ControlState::Requested;
            status.state_version = StateVersion(2);
            status.demand = Some(demand(findings::DEMAND, DemandOrigin::Monitor, FROZEN, millis(6_660)));
            status.score = 0.94;
        }
        monitor.status(status, millis(60));
    }
    monitor.second(false, vec![], vec![], millis(300));
    if is_mine {
        for alarm in lost_link(&fleet) {
            monitor.alert(alarm, millis(2_000));
        }
        monitor.flooded(millis(190_000), millis(200));
    }
    monitor.look(Some("vehicle-17"))
}

/// Returns the alerts of the second twenty vehicles, whose depot lost its link.
fn lost_link(fleet: &[Vehicle]) -> Vec<Alarm> {
    let members = (1..).zip(fleet.iter().skip(20));
    let alarms = members.map(|(number, vehicle)| {
        let raised_ago = millis(2_400 - 3 * u64::from(number));
        let text = "the agent is offline: no connection or no heartbeat";
        let silence = (CauseClass::Silence, "link");
        let id = 3_002_000 + u64::from(number);
        let mut alarm = findings::said(id, &vehicle.name, silence, Severity::Warning, text, raised_ago);
        alarm.priority = Priority::High;
        alarm.common = Some(CommonCause {
            id: AlertId(3_002_001),
            first_out: agent("vehicle-21"),
            area: Some(label("depot north")),
            since: alarm.raised_at,
            members: number,
        });
        alarm
    });
    alarms.collect()
}

/// Returns 99 alerts in different groups: the second and third of an agent follow from its first.
fn flood_alerts(fleet: &[Vehicle]) -> Vec<Alarm> {
    let mut alerts = Vec::new();
    let mut id = 3_001_000;
    for round in 0..3_u64 {
        for (index, vehicle) in (0..).zip(fleet) {
            if alerts.len() == 99 {
                return alerts;
            }
            id += 1;
            let ago = millis(7_500 - 1_600 * round - 31 * index);
            let mut alarm = match round {
                0 => {
                    let gap = evidence("gap", "m", 18.4, (42.0, 51.0), 0.9);
                    findings::unusual(id, &vehicle.name, gap, Severity::Warning, ago)
                }
                1 => findings::said(
                    id,
                    &vehicle.name,
                    (CauseClass::Confidence, "confidence"),
                    Severity::Warning,
                    "confidence is 0.61, expected at least 0.7; since decision 47981",
                    ago,
                ),
                _ => findings::said(
                    id,
                    &vehicle.name,
                    (CauseClass::Late, "decisions"),
                    Severity::Advisory,
                    "decisions come 140 ms late, expected within 100 ms",
                    ago,
                ),
            };
            alarm.count = 1 + index;
            if index % 13 == 5 {
                alarm.severity = Severity::Critical;
            }
            if round == 2 && index % 4 == 0 {
                alarm.state = AlarmState::AckedActive;
                alarm.acknowledged_by = Some(person("ben"));
            }
            alerts.push(alarm);
        }
    }
    alerts
}

/// A thousand vehicles on rings and streets within about 3 km, a handful of them not nominal.
pub fn thousand() -> Situation {
    let mut fleet = thousand_vehicles();
    let mut monitor = Monitor::welcome("anna", OperatorRole::Operator, millis(12_000));
    let statuses: Vec<_> = fleet.iter().map(Vehicle::status).collect();
    monitor.snapshot(&statuses, &[], &records::earlier(), millis(12_000));
    for vehicle in &mut fleet {
        match vehicle.name.as_str() {
            "vehicle-0417" => {
                vehicle.freeze(millis(4_500));
                vehicle.odd = Some((0.94, millis(3_000)));
            }
            "vehicle-0203" => vehicle.motion.braking = Some((7.0, 3.5, 0.0)),
            "vehicle-0311" | "vehicle-0640" => vehicle.motion.braking = Some((10.0, 3.5, 0.0)),
            "vehicle-0758" => vehicle.motion.braking = Some((9.0, 1.8, 6.0)),
            "vehicle-0122" | "vehicle-0999" => vehicle.silent_for = millis(4_700),
            "vehicle-0555" => vehicle.silent_for = millis(2_600),
            _ => {}
        }
        vehicle.report(&mut monitor, 40, millis(250));
    }
    let raised_ago = millis(2_400);
    monitor.alert(findings::frozen_speed("vehicle-0417", raised_ago), raised_ago.saturating_sub(millis(3)));
    let gap = evidence("gap", "m", 7.1, (10.0, 14.0), 0.8);
    monitor.alert(
        findings::unusual(3_000_021, "vehicle-0758", gap, Severity::Warning, millis(9_400)),
        millis(9_395),
    );
    for (vehicle, number) in fleet.iter().zip(0..) {
        let status = out_of_the_ordinary(vehicle.status());
        // Statuses are repeated spread over a second.
        let spread = millis(60 + number * 37 % 900);
        match vehicle.name.as_str() {
            "vehicle-0555" => {}
            _ if status.control_state == ControlState::Autonomous && status.offline_nanos.is_none() => {
                monitor.repeat(status, spread);
            }
            _ => monitor.status(status, millis(70)),
        }
    }
    monitor.second(false, vec![super::agent("vehicle-0758")], vec![], millis(300));
    monitor.look(Some("vehicle-0417"))
}

/// Changes the status of the handful that is not nominal.
fn out_of_the_ordinary(mut status: AgentStatus) -> AgentStatus {
    let latch = |id, cause| vec![Latch { latch_id: LatchId(id), cause }];
    match status.agent.as_str() {
        "vehicle-0417" => {
            status.control_state = ControlState::Requested;
            status.demand = Some(demand(findings::DEMAND, DemandOrigin::Monitor, FROZEN, millis(7_670)));
            status.score = 0.94;
        }
        "vehicle-0203" => {
            status.control_state = ControlState::Fallback;
            status.fallback_level = Some(FallbackLevel::COMFORTABLE);
            status.latches = latch(0x0203_0001, LatchCause::Fallback);
        }
        "vehicle-0311" => {
            status.control_state = ControlState::SafeHeld;
            status.condition_reached = true;
            status.latches = latch(0x0311_0001, LatchCause::Fallback);
        }
        "vehicle-0640" => {
            status.control_state = ControlState::Estopped;
            status.condition_reached = true;
            status.latches = latch(0x0640_0001, LatchCause::Estop);
        }
        "vehicle-0758" => {
            status.control_state = ControlState::Human;
            status.lease = Some(LeaseStatus { holder: person("ben"), session_id: BENS_SESSION, ..lease() });
        }
        "vehicle-0122" | "vehicle-0999" => {
            status.heartbeat_age_nanos = 4_600_000_000;
            status.offline_nanos = Some(2_600_000_000);
        }
        _ => return status,
    }
    status.state_version = StateVersion(2);
    status
}

/// Spreads a thousand vehicles over the roads of a town of about 3 km.
fn thousand_vehicles() -> Vec<Vehicle> {
    let ring = |x, y, circumference_meters| Road::Ring { centre: (x, y), circumference_meters };
    let street =
        |x, y, heading_radians, length_meters| Road::Street { start: (x, y), heading_radians, length_meters };
    let (east, north) = (0.0, 2.0 * FRAC_PI_4);
    let roads = [
        (Road::SIMULATOR, 60),
        (ring(0.0, 0.0, 8_200.0), 260),
        (ring(0.0, 0.0, 4_400.0), 150),
        (ring(-900.0, 650.0, 1_000.0), 60),
        (ring(880.0, -720.0, 1_300.0), 70),
        (ring(760.0, 840.0, 900.0), 50),
        (street(-1_450.0, 300.0, east, 2_900.0), 90),
        (street(1_450.0, 312.0, -2.0 * north, 2_900.0), 90),
        (street(-1_300.0, -900.0, east, 2_600.0), 60),
        (street(-420.0, -1_450.0, north, 2_900.0), 60),
        (street(-1_200.0, -1_200.0, FRAC_PI_4, 2_400.0), 50),
    ];
    let mut fleet = Vec::with_capacity(1_000);
    let mut number = 0;
    for (road, count) in roads {
        for index in 0..count {
            number += 1;
            let name = format!("vehicle-{number:04}");
            let mut vehicle = Vehicle::cruising(&name, road, index, count);
            vehicle.seed = number;
            vehicle.motion.cruise_mps = if road.length_meters() > 4_000.0 { 16.5 } else { 11.0 };
            vehicle.silent_for = millis(30 + number * 13 % 160);
            fleet.push(vehicle);
        }
    }
    fleet
}

/// Forty payment agents and twenty software agents; one payment agent wants a person.
pub fn tiles() -> Situation {
    let mut services = Service::payments(40);
    services.extend(Service::assistants(20));
    for service in &mut services {
        match service.name.as_str() {
            "cards-fr" => service.odd = Some((0.81, millis(21_000))),
            "refactor-a" => service.odd = Some((0.42, millis(40_000))),
            "payouts-nl" => service.silent_for = millis(17_000),
            _ => {}
        }
    }
    let mut monitor = Monitor::welcome("anna", OperatorRole::Operator, millis(61_000));
    let statuses: Vec<_> = services.iter().map(Service::status).collect();
    monitor.snapshot(&statuses, &[], &[], millis(61_000));
    for service in &services {
        service.report(&mut monitor);
    }
    tell_services(&mut monitor, &services);
    monitor.second(false, vec![super::agent("refactor-a")], vec![], millis(300));
    monitor.look(Some("cards-fr"))
}

fn tell_services(monitor: &mut Monitor, services: &[Service]) {
    let wanted = DemandId(3_000_031);
    let amount = evidence("amount", "EUR", 252.0, (12.0, 96.0), 0.7);
    let mut unusual = findings::unusual(3_000_041, "cards-fr", amount, Severity::Critical, millis(19_000));
    unusual.response = Response::Takeover;
    unusual.demand_id = Some(wanted);
    let reason = unusual.explanation.text.to_string();
    let calls = evidence("tool_calls", "1/min", 13.2, (2.0, 6.0), 0.8);
    let alerts = [
        (unusual, "cards-fr"),
        (findings::unusual(3_000_042, "refactor-a", calls, Severity::Warning, millis(38_000)), "refactor-a"),
    ];
    for (alarm, name) in alerts {
        if services.iter().any(|service| service.name == name) {
            let ago = if name == "cards-fr" { millis(18_996) } else { millis(37_995) };
            monitor.alert(alarm, ago);
        }
    }
    for (service, number) in services.iter().zip(0..) {
        let mut status = service.status();
        match service.name.as_str() {
            "cards-fr" => {
                status.control_state = ControlState::Requested;
                status.state_version = StateVersion(2);
                let left = millis(41_000 + 60);
                status.demand = Some(demand(wanted, DemandOrigin::Monitor, &reason, left));
                monitor.status(status, millis(60));
            }
            "refactor-a" => {
                status.control_state = ControlState::Human;
                status.state_version = StateVersion(3);
                let (holder, session_id) = (person("ben"), BENS_SESSION);
                status.lease =
                    Some(LeaseStatus { holder, session_id, left_nanos: 29_100_000_000, ..lease() });
                monitor.status(status, millis(60));
            }
            "payouts-nl" => {
                status.heartbeat_age_nanos = 16_900_000_000;
                status.offline_nanos = Some(6_900_000_000);
                monitor.status(status, millis(100));
            }
            _ => monitor.repeat(status, millis(60 + number * 53 % 850)),
        }
    }
}

/// Eight vehicles on the ring and twelve agents without a place, all in order but one payment agent.
pub fn mixed() -> Situation {
    let fleet = vehicles::ring();
    let mut services = Service::payments(8);
    services.extend(Service::assistants(4));
    if let Some(service) = services.iter_mut().find(|service| service.name == "cards-fr") {
        service.odd = Some((0.81, millis(21_000)));
    }
    let mut monitor = Monitor::welcome("anna", OperatorRole::Operator, millis(61_000));
    let statuses: Vec<_> =
        fleet.iter().map(Vehicle::status).chain(services.iter().map(Service::status)).collect();
    monitor.snapshot(&statuses, &[], &records::earlier(), millis(61_000));
    for vehicle in &fleet {
        vehicle.report(&mut monitor, 600, millis(100));
    }
    for service in &services {
        service.report(&mut monitor);
    }
    for (vehicle, number) in fleet.iter().zip(1..) {
        monitor.repeat(vehicle.status(), millis(110 * number));
    }
    tell_services(&mut monitor, &services);
    monitor.second(false, vec![], vec![], millis(300));
    monitor.look(Some("cards-fr"))
}
