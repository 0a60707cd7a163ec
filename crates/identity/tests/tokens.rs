//! Tokens let in whom they name, and nothing that was changed lets anybody in.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;
use watchkeeper_identity::{
    Claims, DirectoryError, KeyDirectory, MAX_LIFE, Revoked, SigningKey, Subject, TokenRefusal,
    VerifyingKeys, issue, verify,
};
use watchkeeper_model::{AgentPattern, BearerToken, Label, OperatorRole, PersonId, Scope};

const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn anna(role: OperatorRole) -> Subject {
    let scope = Scope::new(["truck-*", "lab-1"]).unwrap();
    Subject::Person { person: PersonId::new("anna").unwrap(), role, scope }
}

fn claims(subject: Subject) -> Claims {
    Claims {
        token_id: Label::cut("6f1d"),
        subject,
        audience: Label::cut("yard"),
        valid_from: NOW,
        expires_at: NOW + SignedDuration::from_mins(10),
    }
}

/// A key, those that are trusted, and the deployment.
fn site() -> (SigningKey, VerifyingKeys, Label) {
    let key = SigningKey::generate().unwrap();
    let mut keys = VerifyingKeys::default();
    keys.trust(&key.public_text()).unwrap();
    (key, keys, Label::cut("yard"))
}

#[test]
fn a_token_says_what_it_was_issued_with() {
    let (key, keys, yard) = site();
    for role in OperatorRole::ALL {
        let issued = claims(anna(*role));
        let token = issue(&key, &issued).unwrap();
        assert!(token.as_str().starts_with("v4.public."));
        assert_eq!(
            verify(&keys, &yard, &Revoked::default(), token.as_str(), NOW).map(|good| good.claims),
            Ok(issued)
        );
    }
    let agent = claims(Subject::Agent(AgentPattern::new("truck-7").unwrap()));
    let token = issue(&key, &agent).unwrap();
    assert_eq!(
        verify(&keys, &yard, &Revoked::default(), token.as_str(), NOW).map(|good| good.claims),
        Ok(agent)
    );
}

#[test]
fn the_longest_token_fits_into_a_hello() {
    let (key, keys, yard) = site();
    let pattern = format!("{}*", "a".repeat(64));
    let scope = Scope::new(std::iter::repeat_n(pattern.as_str(), 16)).unwrap();
    let person = PersonId::new(&"p".repeat(64)).unwrap();
    let longest = claims(Subject::Person { person, role: OperatorRole::Supervisor, scope });
    let token = issue(&key, &longest).unwrap();
    assert!(
        verify(&keys, &yard, &Revoked::default(), token.as_str(), NOW).is_ok(),
        "{}",
        token.as_str().len()
    );
}

#[test]
fn times_and_places_are_checked() {
    let (key, keys, yard) = site();
    let revoked = Revoked::default();
    let token = issue(&key, &claims(anna(OperatorRole::Operator))).unwrap();
    let at =
        |seconds| verify(&keys, &yard, &revoked, token.as_str(), NOW + SignedDuration::from_secs(seconds));
    assert!(at(599).is_ok());
    assert_eq!(at(600), Err(TokenRefusal::Expired));
    assert!(at(-5).is_ok(), "clocks differ a little");
    assert_eq!(at(-6), Err(TokenRefusal::NotYet));
    let elsewhere = Label::cut("harbour");
    assert_eq!(verify(&keys, &elsewhere, &revoked, token.as_str(), NOW), Err(TokenRefusal::Audience));
    let (stranger, others, _) = site();
    assert_eq!(verify(&others, &yard, &revoked, token.as_str(), NOW), Err(TokenRefusal::UnknownKey));
    let forged = issue(&stranger, &claims(anna(OperatorRole::Supervisor))).unwrap();
    assert_eq!(verify(&keys, &yard, &revoked, forged.as_str(), NOW), Err(TokenRefusal::UnknownKey));
    let mut long = claims(anna(OperatorRole::Operator));
    long.expires_at = NOW + SignedDuration::try_from(MAX_LIFE).unwrap() + SignedDuration::from_secs(1);
    assert_eq!(issue(&key, &long).unwrap_err(), TokenRefusal::Life);
    long.expires_at = NOW;
    assert_eq!(issue(&key, &long).unwrap_err(), TokenRefusal::Life, "it would never be valid");
}

#[test]
fn the_name_of_another_key_does_not_help() {
    let (key, mut keys, yard) = site();
    let (other, ..) = site();
    let other_id = keys.trust(&other.public_text()).unwrap();
    let token = issue(&key, &claims(anna(OperatorRole::Operator))).unwrap();
    let theirs = issue(&other, &claims(anna(OperatorRole::Operator))).unwrap();
    let footer = |token: &BearerToken| token.as_str().rsplit_once('.').unwrap().1.to_owned();
    let swapped = format!("{}.{}", token.as_str().rsplit_once('.').unwrap().0, footer(&theirs));
    assert!(other_id.as_str().starts_with("k4.pid."));
    assert_eq!(
        verify(&keys, &yard, &Revoked::default(), &swapped, NOW),
        Err(TokenRefusal::Signature),
        "both keys are trusted, and still the footer belongs to the signature"
    );
}

#[test]
fn what_is_revoked_lets_nobody_in_and_what_is_issued_later_does() {
    let (key, keys, yard) = site();
    let issued = claims(anna(OperatorRole::Operator));
    let token = issue(&key, &issued).unwrap();
    let check = |revoked: &Revoked, token: &BearerToken| {
        verify(&keys, &yard, revoked, token.as_str(), NOW + SignedDuration::from_secs(2))
    };
    let mut revoked = Revoked::default();
    revoked.token("6f1d", NOW);
    assert_eq!(check(&revoked, &token), Err(TokenRefusal::Revoked));
    let mut revoked = Revoked::default();
    revoked.person(&PersonId::new("anna").unwrap(), NOW);
    assert_eq!(check(&revoked, &token), Err(TokenRefusal::Revoked));
    assert_eq!(Revoked::parse(&revoked.to_text()).unwrap(), revoked);
    let later = Claims { valid_from: NOW + SignedDuration::from_secs(1), ..issued };
    assert!(check(&revoked, &issue(&key, &later).unwrap()).is_ok());
    let gateway = claims(Subject::Agent(AgentPattern::new("truck-*").unwrap()));
    for (pattern, ends) in
        [("truck-7", true), ("truck-*", true), ("t*", true), ("card-*", false), ("truck", false)]
    {
        let mut revoked = Revoked::default();
        revoked.agent(&AgentPattern::new(pattern).unwrap(), NOW);
        assert_eq!(check(&revoked, &issue(&key, &gateway).unwrap()).is_err(), ends, "{pattern}");
    }
    let wrong =
        Revoked::parse("2026-11-30T10:00:00Z token a\n2026-11-30T10:00:00Z persn anna\n").unwrap_err();
    assert_eq!(wrong.line, 2);
}

/// Security.md T2: bits, characters, lengths, algorithms, pieces of other tokens.
#[test]
fn no_mutant_of_a_token_lets_anybody_in() {
    let (key, keys, yard) = site();
    let revoked = Revoked::default();
    let tokens: Vec<String> = OperatorRole::ALL
        .iter()
        .map(|role| issue(&key, &claims(anna(*role))).unwrap().as_str().to_owned())
        .collect();
    let accepted = |mutant: &str| verify(&keys, &yard, &revoked, mutant, NOW).is_ok();
    assert!(tokens.iter().all(|token| accepted(token)), "the tokens themselves are good");
    for header in ["v4.local.", "v3.public.", "v2.public.", "v4.none.", "none.", "", "V4.PUBLIC."] {
        let mutant = tokens[0].replacen("v4.public.", header, 1);
        assert!(!accepted(&mutant), "{header}");
    }
    let mutants: u64 =
        std::env::var("WATCHKEEPER_TOKEN_MUTANTS").map_or(100_000, |count| count.parse().unwrap());
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..mutants {
        let mut pick = |below: usize| random.random_range(0..below.max(1));
        let token = &tokens[pick(tokens.len())];
        let mut bytes = token.clone().into_bytes();
        let at = pick(bytes.len());
        match pick(6) {
            0 => bytes[at] ^= 1 << pick(8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, b"ABCabc019-_.="[pick(13)]),
            3 => drop(bytes.remove(at)),
            4 => {
                let other = &tokens[pick(tokens.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other.as_bytes()[pick(other.len())..]);
            }
            _ => {
                let with = pick(bytes.len());
                bytes.swap(at, with);
            }
        }
        let Ok(mutant) = String::from_utf8(bytes) else { continue };
        if !tokens.contains(&mutant) {
            assert!(!accepted(&mutant), "{mutant}");
        }
    }
}

#[test]
fn a_directory_of_keys_makes_rotates_and_keeps_its_secret() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let keys = KeyDirectory::new(dir.path().join("keys"));
    let first = keys.create(Some(&Label::cut("yard"))).unwrap();
    assert!(matches!(keys.create(None), Err(DirectoryError::Exists(_))));
    let old = issue(&keys.signing_key().unwrap(), &claims(anna(OperatorRole::Operator))).unwrap();
    let second = keys.add_key().unwrap();
    assert_ne!(first, second);
    let trusted = keys.verifying_keys().unwrap();
    assert_eq!(trusted.key_ids().count(), 2);
    let yard = keys.deployment().unwrap();
    assert!(
        verify(&trusted, &yard, &Revoked::default(), old.as_str(), NOW).is_ok(),
        "the old key is trusted still"
    );
    let fresh = keys.claims(anna(OperatorRole::Operator), Duration::from_mins(15), NOW).unwrap();
    let token = issue(&keys.signing_key().unwrap(), &fresh).unwrap();
    keys.revoke(|revoked| revoked.token(fresh.token_id.as_str(), NOW), NOW).unwrap();
    assert_eq!(
        verify(&trusted, &yard, &keys.revoked().unwrap(), token.as_str(), NOW),
        Err(TokenRefusal::Revoked)
    );
    let secret = dir.path().join("keys/signing.key");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(keys.signing_key(), Err(DirectoryError::Exposed { mode: 0o644, .. })));
    let shown = format!("{token:?} {keys:?}");
    assert!(!shown.contains(token.as_str()));
}
