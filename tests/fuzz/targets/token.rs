//! Tokens: who has not the key makes none, and who has it makes none that says more than it may.

use jiff::{SignedDuration, Timestamp};
use pasetors::{
    keys::AsymmetricSecretKey,
    version4::{PublicToken, V4},
};
use std::sync::LazyLock;
use watchkeeper_identity::{
    Claims, MAX_LIFE, Revoked, SigningKey, Subject, TokenRefusal, VerifyingKeys, issue, verify,
};
use watchkeeper_model::{AgentPattern, BearerToken, Label, OperatorRole, PersonId, Scope};

/// The key of a deployment that exists nowhere else: always the same, so that an input means the same in every run.
const KEY: &str =
    "k4.secret.ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8prLrhQbzK8LIuGpTTTQvHNh5SbQv-EsiXlLyTIpZt1w";
const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

struct Site {
    key: SigningKey,
    secret: AsymmetricSecretKey<V4>,
    footer: String,
    trusted: VerifyingKeys,
    audience: Label,
    issued: Vec<(String, Claims)>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let key = SigningKey::from_text(KEY).expect("the key is one");
    let secret = AsymmetricSecretKey::<V4>::try_from(KEY).expect("the key is one");
    let mut trusted = VerifyingKeys::default();
    trusted.trust(&key.public_text()).expect("one key is not too many");
    let footer = format!("{{\"kid\":\"{}\"}}", key.key_id());
    let person = Subject::Person {
        person: PersonId::new("anna").expect("a name"),
        role: OperatorRole::Supervisor,
        scope: Scope::new(["truck-*", "lab-1"]).expect("a scope"),
    };
    let agent = Subject::Agent(AgentPattern::new("truck-7").expect("a pattern"));
    let issued = [person, agent].map(|subject| {
        let claims = Claims {
            token_id: Label::cut("6f1d"),
            subject,
            audience: Label::cut("yard"),
            valid_from: NOW,
            expires_at: NOW + SignedDuration::from_mins(10),
        };
        (issue(&key, &claims).expect("ten minutes are allowed").as_str().to_owned(), claims)
    });
    Site { key, secret, footer, trusted, audience: Label::cut("yard"), issued: issued.to_vec() }
});

/// The first byte says what the rest is: a token, changes to a real one, a signed text, or claims.
pub(crate) fn run(input: &[u8]) {
    let Some((way, rest)) = input.split_first() else { return };
    match way % 4 {
        0 => check_unissued(&String::from_utf8_lossy(rest)),
        1 => check_changed(rest),
        2 => check_signed(rest),
        _ => check_claims(rest),
    }
}

fn read(token: &str, now: Timestamp) -> Result<Claims, TokenRefusal> {
    verify(&SITE.trusted, &SITE.audience, &Revoked::default(), token, now).map(|good| good.claims)
}

/// Nobody is let in by what was not issued, letter for letter.
fn check_unissued(token: &str) {
    let issued = SITE.issued.iter().find(|(issued, _)| issued == token);
    match (read(token, NOW), issued) {
        (Ok(claims), Some((_, issued))) => assert_eq!(claims, *issued),
        (Ok(claims), None) => panic!("nobody issued {token:?}, which says {claims:?}"),
        (Err(refusal), None) => assert!(!refusal.to_string().is_empty()),
        (Err(refusal), Some(_)) => panic!("a token was issued, and is refused: {refusal}"),
    }
}

/// A real token in which letters are written over, put in, left out, or which is cut.
fn check_changed(changes: &[u8]) {
    let Some((which, changes)) = changes.split_first() else { return };
    let (token, _) = SITE.issued.get(usize::from(which % 2)).expect("two tokens were issued");
    let mut token = token.clone().into_bytes();
    for change in changes.as_chunks::<4>().0 {
        let [way, high, low, letter] = *change;
        let place = usize::from(u16::from_be_bytes([high, low])) % token.len().max(1);
        match way % 8 {
            0 => token.insert(place.min(token.len()), letter),
            1 => token.truncate(place),
            2 if !token.is_empty() => drop(token.remove(place)),
            3 => token.extend_from_slice(&[letter; 3]),
            _ => token.get_mut(place).map_or((), |old| *old = letter),
        }
    }
    check_unissued(&String::from_utf8_lossy(&token));
}

/// Whatever the key signs: only claims that fit together are believed, and they can be issued just so.
fn check_signed(message: &[u8]) {
    let site = &*SITE;
    let Ok(token) = PublicToken::sign(&site.secret, message, Some(site.footer.as_bytes()), None) else {
        return;
    };
    let Ok(claims) = read(&token, NOW) else { return };
    let life = claims.expires_at.duration_since(claims.valid_from);
    assert!(life > SignedDuration::ZERO && life <= SignedDuration::try_from(MAX_LIFE).expect("it fits"));
    assert_eq!(claims.audience, site.audience);
    assert!(claims.expires_at > NOW && claims.valid_from <= NOW + SignedDuration::from_secs(5));
    let issued = issue(&site.key, &claims).expect("what is believed may be said");
    assert_eq!(read(issued.as_str(), NOW), Ok(claims));
}

/// Any claims: what is issued is read as it was meant.
fn check_claims(bytes: &[u8]) {
    let Some((&[role, life, ahead, cut], words)) = bytes.split_first_chunk() else { return };
    let words = String::from_utf8_lossy(words);
    let middle = words.char_indices().map(|(at, _)| at).nth(usize::from(cut)).unwrap_or(words.len());
    let (name, rest) = words.split_at(middle);
    let subject = match OperatorRole::ALL.get(usize::from(role)) {
        None => AgentPattern::new(name).ok().map(Subject::Agent),
        Some(role) => PersonId::new(name)
            .ok()
            .zip(Scope::new(rest.split(',')).ok())
            .map(|(person, scope)| Subject::Person { person, role: *role, scope }),
    };
    let Some(subject) = subject else { return };
    let valid_from = NOW + SignedDuration::from_secs(i64::from(ahead) - 128);
    let claims = Claims {
        token_id: Label::cut(rest),
        subject,
        audience: SITE.audience.clone(),
        valid_from,
        expires_at: valid_from + SignedDuration::from_secs(i64::from(life) * 8),
    };
    match issue(&SITE.key, &claims) {
        Ok(token) => {
            assert!(token.as_str().len() <= BearerToken::LIMIT);
            assert_eq!(read(token.as_str(), valid_from), Ok(claims));
        }
        Err(TokenRefusal::Life) => assert!(life == 0 || u64::from(life) * 8 > MAX_LIFE.as_secs()),
        Err(refusal) => panic!("no token for {claims:?}: {refusal}"),
    }
}
