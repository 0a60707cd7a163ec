//! Names on real certificates, and what a hello may say beside them.

use super::*;
use rcgen::{CertificateParams, KeyPair, SanType, SerialNumber};
use uuid::Uuid;
use watchkeeper_model::{AgentKind, BootId, Label, OperatorRole, PersonId};
use watchkeeper_protocol::{
    SessionKind,
    agent::AgentHello,
    operator::{ConsoleKind, OperatorHello},
};

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn read(names: Vec<SanType>) -> Result<AgentCertificate, NameFault> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.serial_number = Some(SerialNumber::from_slice(&[0x7b, 0x01]));
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    agent_certificate(certificate.der())
}

fn agent_hello(name: &str) -> Hello {
    Hello::Agent(AgentHello::first(
        AgentId::new(name).unwrap(),
        AgentKind::Generic,
        BootId(Uuid::from_u128(7)),
        Label::cut("test"),
    ))
}

fn operator_hello() -> Hello {
    Hello::Operator(OperatorHello {
        session: SessionKind::Operator,
        token: None,
        person: PersonId::new("kim").unwrap(),
        role: OperatorRole::Operator,
        console: ConsoleKind::Scripted,
        resume: None,
    })
}

#[test]
fn one_uri_names_the_agent_whatever_other_names_there_are() {
    let dns = SanType::DnsName("press-9.example".try_into().unwrap());
    let found = read(vec![dns, uri("spiffe://plant.example/agent/press-1")]).unwrap();
    assert_eq!(found.agent, AgentId::new("press-1").unwrap());
    assert_eq!(found.serial.to_string(), "7b01");
}

#[test]
fn a_certificate_with_no_uri_or_several_or_another_names_nobody() {
    let good = "spiffe://plant.example/agent/press-1";
    assert_eq!(read(vec![]), Err(NameFault::Absent));
    assert_eq!(read(vec![SanType::DnsName("press-1".try_into().unwrap())]), Err(NameFault::Absent));
    assert_eq!(read(vec![uri(good), uri("spiffe://plant.example/agent/press-2")]), Err(NameFault::Several));
    assert_eq!(read(vec![uri(good), uri(good)]), Err(NameFault::Several));
    assert_eq!(read(vec![uri(good), uri("https://plant.example")]), Err(NameFault::Several));
    for text in [
        "spiffe://plant.example/agent/",
        "spiffe://plant.example/agent/press-1/",
        "spiffe://plant.example/agent/press-1/more",
        "spiffe://plant.example/agent/press%2d1",
        "spiffe://plant.example/agent/press-1?x",
        "spiffe://plant.example/agent/press-1#x",
        "spiffe://plant.example//agent/press-1",
        "spiffe://plant.example/Agent/press-1",
        "spiffe://plant.example/operator/press-1",
        "spiffe://plant.example/x/agent/press-1",
        "spiffe:///agent/press-1",
        "spiffe://Plant.Example/agent/press-1",
        "spiffe://u@plant.example/agent/press-1",
        "spiffe://plant.example:443/agent/press-1",
        "SPIFFE://plant.example/agent/press-1",
        " spiffe://plant.example/agent/press-1",
        "https://plant.example/agent/press-1",
        "press-1",
    ] {
        assert_eq!(read(vec![uri(text)]), Err(NameFault::Malformed), "{text}");
    }
}

#[test]
fn what_is_no_certificate_names_nobody_and_stops_nothing() {
    let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let der = certificate.der().to_vec();
    for bytes in [&[][..], b"no certificate", der.get(..der.len() / 2).unwrap()] {
        assert_eq!(agent_certificate(&CertificateDer::from(bytes)), Err(NameFault::Malformed));
    }
    let longer = [der.as_slice(), b"more"].concat();
    assert_eq!(agent_certificate(&CertificateDer::from(longer)), Err(NameFault::Malformed));
}

#[test]
fn every_proof_goes_with_the_hellos_that_the_table_allows() {
    let certificate = || {
        Peer::Agent(AgentCertificate {
            agent: AgentId::new("press-1").unwrap(),
            serial: Serial::from_bytes(&[1]),
        })
    };
    let press_1 = || AgentId::new("press-1").unwrap();
    for (proof, hello, expected) in [
        (Peer::NotAsked, agent_hello("press-1"), Ok(())),
        (Peer::NotAsked, operator_hello(), Ok(())),
        (Peer::NoCertificate, agent_hello("press-1"), Err(IdentityRefusal::CertificateMissing)),
        (Peer::NoCertificate, operator_hello(), Ok(())),
        (certificate(), agent_hello("press-1"), Ok(())),
        (certificate(), agent_hello("press-2"), Err(IdentityRefusal::OtherAgent(press_1()))),
        (certificate(), agent_hello("Press-1"), Err(IdentityRefusal::OtherAgent(press_1()))),
        (certificate(), operator_hello(), Err(IdentityRefusal::AgentAtConsole)),
        (
            Peer::Nameless(NameFault::Several),
            agent_hello("press-1"),
            Err(IdentityRefusal::Nameless(NameFault::Several)),
        ),
        (
            Peer::Nameless(NameFault::Absent),
            operator_hello(),
            Err(IdentityRefusal::Nameless(NameFault::Absent)),
        ),
    ] {
        assert_eq!(check_identity(&hello, &proof), expected, "{proof:?} {hello:?}");
    }
}

#[test]
fn every_refusal_is_unauthorised_and_names_its_rule() {
    for (refusal, part) in [
        (IdentityRefusal::CertificateMissing, "SAN URI spiffe://<trust domain>/agent/<id>"),
        (IdentityRefusal::OtherAgent(AgentId::new("press-1").unwrap()), "which is press-1"),
        (IdentityRefusal::AgentAtConsole, "opens no console"),
        (IdentityRefusal::Nameless(NameFault::Several), "several URIs"),
        (IdentityRefusal::Denied, "deny-list"),
    ] {
        let report = refusal.report();
        assert_eq!(report.code, ErrorCode::Unauthorised);
        assert!(report.message.as_str().contains(part), "{part:?} is not in {}", report.message);
    }
}
