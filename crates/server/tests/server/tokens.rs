//! A site whose keys say who is let in: as whom, for which agents, until when, and until it is revoked.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use crate::support::{
    Client, PATIENCE, agent_hello, decision, inputs, operator_hello, options, records, request,
};
use std::{net::Ipv4Addr, path::Path, time::Duration};
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use watchkeeper_engine::{Config, EngineInput};
use watchkeeper_identity::{KeyDirectory, Subject, issue};
use watchkeeper_ledger::{DirReader, Entry, Reader};
use watchkeeper_model::{
    AgentId, AgentPattern, BearerToken, CommandCode, Label, OperatorRole, PersonId, Scope,
};
use watchkeeper_protocol::{
    OperatorMessage, ToOperator, Wire, encode,
    operator::{AccessUpdate, Claim, LeaseEvent, LeaseUpdate, OperatorHello, Refresh},
    record::Opening,
    session::ErrorCode,
};
use watchkeeper_server::{
    AllowedSites, InsecureConsent, Mode, RunningServer, Server, ServerOptions, clock::Clock, ledger_dir,
};

const LIFE: Duration = Duration::from_mins(10);

struct Site {
    keys: KeyDirectory,
    server: RunningServer,
}

impl Site {
    async fn open(dir: &Path) -> Self {
        Self::open_with(dir, |_| {}).await
    }

    async fn open_with(dir: &Path, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let keys = KeyDirectory::new(dir.join("keys"));
        keys.create(Some(&Label::cut("yard"))).unwrap();
        let mut options = options(dir);
        options.keys = Some(keys.path().to_owned());
        change(&mut options);
        Self { server: Box::pin(crate::support::serve(options)).await, keys }
    }

    /// Opens one whose configuration consents to no TLS, and that others can reach like that where the flag says so too.
    async fn open_without_tls(dir: &Path, flag: bool) -> Self {
        Self::open_with(dir, |options| {
            options.config.site.insecure_i_know = true;
            options.insecure = InsecureConsent { flag, environment: true, ..InsecureConsent::default() };
            if flag {
                options.listen = (Ipv4Addr::UNSPECIFIED, 0).into();
                options.allowed = AllowedSites::new(&["localhost"], &[""; 0]).unwrap();
            }
        })
        .await
    }

    fn token(&self, subject: Subject) -> (Label, BearerToken) {
        let claims = self.keys.claims(subject, LIFE, Clock.timestamp()).unwrap();
        let token = issue(&self.keys.signing_key().unwrap(), &claims).unwrap();
        watchkeeper_canary::register(token.as_str());
        (claims.token_id, token)
    }

    /// Says hello, with a token that may be of somebody else.
    async fn operator(&self, name: &str, role: OperatorRole, token: &BearerToken) -> Client {
        let mut client = Client::upgrade(&self.server, request(&self.server)).await.unwrap();
        let hello = OperatorHello { role, ..operator_hello(name, token.as_str()) };
        client.send(encode("hello", &hello)).await;
        client
    }

    async fn agent(&self, name: &str, token: Option<&BearerToken>) -> Client {
        let mut client = Client::upgrade(&self.server, request(&self.server)).await.unwrap();
        client.send(encode("hello", &agent_hello(name, token.map(BearerToken::as_str)))).await;
        client
    }
}

fn anna(role: OperatorRole) -> Subject {
    let scope = Scope::new(["truck-*"]).unwrap();
    Subject::Person { person: PersonId::new("anna").unwrap(), role, scope }
}

fn agent(name: &str) -> Subject {
    Subject::Agent(AgentPattern::new(name).unwrap())
}

async fn refused(mut client: Client, rule: &str) {
    let report = client.error().await.expect("it is told why");
    assert_eq!(report.code, ErrorCode::Unauthorised);
    assert!(report.message.as_str().ends_with(&format!("(rule: {rule})")), "{}", report.message);
    client.ended().await;
}

async fn access(client: &mut Client) -> AccessUpdate {
    client.told(|message| if let ToOperator::Access(update) = message { Some(update) } else { None }).await
}

async fn lease(client: &mut Client) -> LeaseUpdate {
    client.told(|message| if let ToOperator::Lease(update) = message { Some(update) } else { None }).await
}

async fn claim(client: &mut Client, agent: &str) -> LeaseUpdate {
    let agent = AgentId::new(agent).unwrap();
    client.send(OperatorMessage::Claim(Claim { agent }).encode()).await;
    lease(client).await
}

#[tokio::test]
async fn a_token_lets_in_whom_it_names_and_nobody_else() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let site = Site::open(dir.path()).await;
    assert!(!site.server.token_file().exists(), "the secret of the run lets nobody in, so it lies nowhere");
    let run = BearerToken::new(site.server.token()).unwrap();
    refused(site.operator("anna", OperatorRole::Operator, &run).await, "token").await;
    refused(site.agent("truck-7", None).await, "token").await;
    let (_, operator) = site.token(anna(OperatorRole::Operator));
    let (_, truck) = site.token(agent("truck-7"));
    refused(site.operator("bob", OperatorRole::Operator, &operator).await, "subject").await;
    refused(site.operator("truck-7", OperatorRole::Operator, &truck).await, "subject").await;
    refused(site.agent("anna", Some(&operator)).await, "subject").await;
    refused(site.agent("truck-8", Some(&truck)).await, "subject").await;
    refused(site.operator("anna", OperatorRole::Supervisor, &operator).await, "role").await;
    refused(site.operator("anna", OperatorRole::Auditor, &operator).await, "role").await;
    site.agent("truck-7", Some(&truck)).await.is_served().await;
    let (_, gateway) = site.token(agent("truck-*"));
    refused(site.agent("card-1", Some(&gateway)).await, "subject").await;
    site.agent("truck-9", Some(&gateway)).await.is_served().await;
    for role in [OperatorRole::Operator, OperatorRole::Observer] {
        let told = access(&mut site.operator("anna", role, &operator).await).await;
        assert_eq!((told.role, told.development, told.expired), (role, false, false));
        let left = Duration::from_nanos(told.left_nanos.unwrap());
        assert!(
            left > LIFE && left <= LIFE + Duration::from_secs(31),
            "its life and half a minute: {left:?}"
        );
    }
    let mut bearer = request(&site.server);
    let value = HeaderValue::from_str(&format!("Bearer {}", truck.as_str())).unwrap();
    bearer.headers_mut().insert(header::AUTHORIZATION, value);
    let mut client = Client::upgrade(&site.server, bearer).await.unwrap();
    client.send(encode("hello", &agent_hello("truck-7", None))).await;
    client.is_served().await;
    site.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_site_that_others_reach_without_tls_says_so_at_every_console_and_on_record_and_no_other_does() {
    for (flag, mode) in [(true, Mode::InsecureSite), (false, Mode::Dev)] {
        let dir = watchkeeper_canary::tempdir().unwrap();
        let site = Site::open_without_tls(dir.path(), flag).await;
        assert_eq!(site.server.mode(), mode);
        let (_, token) = site.token(anna(OperatorRole::Operator));
        for role in [OperatorRole::Operator, OperatorRole::Observer] {
            let told = access(&mut site.operator("anna", role, &token).await).await;
            assert_eq!(told.in_the_clear, flag);
        }
        site.server.stop().await.unwrap();
        let reader = DirReader::open(ledger_dir(&dir.path().join("data"))).unwrap();
        let Some(Ok(Entry::Segment(first))) = Reader::new(&reader).unwrap().next() else {
            panic!("no segment")
        };
        let opening: Opening = rmp_serde::from_slice(&first.opening).unwrap();
        let config = Config::parse(&opening.configuration).unwrap();
        assert_eq!(config.site.insecure_i_know, flag);
    }
}

#[tokio::test]
async fn what_is_out_of_the_scope_is_neither_read_nor_driven() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let site = Site::open(dir.path()).await;
    let mut clients = Vec::new();
    for name in ["truck-7", "card-1"] {
        let (_, token) = site.token(agent(name));
        let mut client = site.agent(name, Some(&token)).await;
        client.send(decision(1)).await;
        client.is_served().await;
        clients.push(client);
    }
    let (_, token) = site.token(anna(OperatorRole::Operator));
    let mut console = site.operator("anna", OperatorRole::Operator, &token).await;
    let her_truck = |message: ToOperator| {
        let frame = message.encode();
        assert!(!frame.windows(6).any(|window| window == b"card-1"), "{message:?}");
        matches!(message, ToOperator::Snapshot(part) if part.agents.len() == 1 && part.last).then_some(())
    };
    console.told(her_truck).await;
    let answer = claim(&mut console, "card-1").await;
    assert_eq!((answer.event, answer.code), (LeaseEvent::Refused, Some(CommandCode::Denied)));
    assert!(answer.detail.unwrap().as_str().ends_with("(rule: scope)"));
    let answer = claim(&mut console, "truck-7").await;
    assert_ne!(answer.code, Some(CommandCode::Denied), "{answer:?}");
    site.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_newer_token_is_taken_over_the_open_connection_and_somebody_elses_is_not() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let site = Site::open(dir.path()).await;
    let (first_id, first) = site.token(anna(OperatorRole::Operator));
    let mut console = site.operator("anna", OperatorRole::Operator, &first).await;
    let begun = access(&mut console).await;
    let scope = Scope::new(["card-*"]).unwrap();
    let person = PersonId::new("anna").unwrap();
    let (second_id, newer) =
        site.token(Subject::Person { person, role: OperatorRole::Operator, scope: scope.clone() });
    console.send(OperatorMessage::Refresh(Refresh { token: newer.clone() }).encode()).await;
    let now = access(&mut console).await;
    assert_eq!((begun.scope, now.scope), (Scope::new(["truck-*"]).unwrap(), scope));
    let bob = Subject::Person {
        person: PersonId::new("bob").unwrap(),
        role: OperatorRole::Supervisor,
        scope: Scope::everything(),
    };
    let (_, bobs) = site.token(bob);
    for token in [bobs, BearerToken::new("v4.public.none").unwrap()] {
        console.send(OperatorMessage::Refresh(Refresh { token }).encode()).await;
        let report = console.error().await.expect("the session goes on");
        assert_eq!((report.code, report.kind.unwrap().as_str()), (ErrorCode::Unauthorised, "refresh"));
    }
    // The first may be revoked now; it holds nobody up any more. Who came with it hears of it when the monitor has.
    let mut other = site.operator("anna", OperatorRole::Observer, &first).await;
    assert!(!access(&mut other).await.expired);
    site.keys
        .revoke(|revoked| revoked.token(first_id.as_str(), Clock.timestamp()), Clock.timestamp())
        .unwrap();
    other.ended().await;
    console.is_served().await;
    site.server.stop().await.unwrap();

    // The record says which token allowed what, and holds none.
    let ids: Vec<String> = inputs(dir.path())
        .into_iter()
        .filter_map(|input| match input {
            EngineInput::OperatorConnected { access, .. } => access,
            EngineInput::AccessChanged { access, .. } => Some(access),
            EngineInput::AgentConnected { .. }
            | EngineInput::Disconnected { .. }
            | EngineInput::Agent { .. }
            | EngineInput::Operator { .. }
            | EngineInput::Delivered { .. }
            | EngineInput::Durable { .. }
            | EngineInput::LedgerPressure { .. }
            | EngineInput::RefusedFrames { .. }
            | EngineInput::RulesChanged { .. }
            | EngineInput::Timeout => None,
        })
        .map(|access| access.token_id.unwrap().to_string())
        .collect();
    assert_eq!(
        ids,
        [first_id.to_string(), second_id.to_string(), first_id.to_string(), first_id.to_string()]
    );
    for record in records(dir.path()) {
        for token in [&first, &newer] {
            let secret = token.as_str().as_bytes();
            assert!(!record.payload.windows(40).any(|window| secret.windows(40).any(|part| part == window)));
        }
    }
}

#[tokio::test]
async fn what_is_revoked_ends_within_a_second_and_lets_nobody_in_again() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let site = Site::open(dir.path()).await;
    let (_, token) = site.token(anna(OperatorRole::Operator));
    let (truck_id, truck) = site.token(agent("truck-7"));
    let mut console = site.operator("anna", OperatorRole::Operator, &token).await;
    assert!(!access(&mut console).await.expired);
    let mut agent = site.agent("truck-7", Some(&truck)).await;
    agent.is_served().await;
    let now = Clock.timestamp();
    let began = Clock.now();
    site.keys
        .revoke(
            |revoked| {
                revoked.person(&PersonId::new("anna").unwrap(), now);
                revoked.token(truck_id.as_str(), now);
            },
            now,
        )
        .unwrap();
    for client in [&mut console, &mut agent] {
        let report = tokio::time::timeout(PATIENCE, client.error()).await.unwrap().unwrap();
        assert_eq!(report.code, ErrorCode::Unauthorised);
        assert!(report.message.as_str().contains("revoked"), "{}", report.message);
        client.ended().await;
    }
    let took = Clock.now().since(began);
    assert!(took < Duration::from_secs(1), "security.md T29: {took:?}");
    refused(site.operator("anna", OperatorRole::Operator, &token).await, "token").await;
    refused(site.agent("truck-7", Some(&truck)).await, "token").await;
    site.server.stop().await.unwrap();
    let ended = inputs(dir.path()).into_iter().find_map(|input| {
        if let EngineInput::AccessChanged { access, .. } = input { access.acts_until } else { None }
    });
    assert!(
        ended.is_some_and(|ended| ended <= Clock.now()),
        "the engine took it from her before the session ended"
    );
}

#[tokio::test]
async fn a_site_without_keys_does_not_start_and_a_new_key_is_trusted_while_it_runs() {
    let dir = watchkeeper_canary::tempdir().unwrap();
    let mut nowhere = options(dir.path());
    nowhere.keys = Some(dir.path().join("nowhere"));
    let error = format!("{:#}", Server::start(nowhere).await.unwrap_err());
    assert!(error.contains("token keys"), "it says how they are made: {error}");
    let site = Site::open(dir.path()).await;
    let new_key = site.keys.add_key().unwrap();
    let (_, token) = site.token(anna(OperatorRole::Operator));
    let trusted = async {
        loop {
            let mut client = site.operator("anna", OperatorRole::Operator, &token).await;
            if client.is_welcome().await {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, trusted).await.expect("the directory is looked at again");
    // Whoever came with the new key's token leaves when that key is trusted no longer.
    let mut console = site.operator("anna", OperatorRole::Operator, &token).await;
    assert!(console.is_welcome().await);
    std::fs::remove_file(site.keys.path().join(format!("trusted/{new_key}.pub"))).unwrap();
    let report = console.error().await.expect("it is told why");
    assert_eq!(report.code, ErrorCode::Unauthorised);
    console.ended().await;
    site.server.stop().await.unwrap();
}
