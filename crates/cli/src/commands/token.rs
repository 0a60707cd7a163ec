//! `token`: makes keys, issues tokens, and takes them back.

use crate::{
    out::{count_of, say},
    shutdown::Shutdown,
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use watchkeeper_identity::{KeyDirectory, MAX_LIFE, Subject, issue};
use watchkeeper_model::{AgentId, AgentPattern, Label, OperatorRole, PersonId, Scope};
use watchkeeper_server::clock::Clock;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  watchkeeper token keys ./keys --create
  watchkeeper token issue ./keys --person anna --role operator --scope 'truck-*' -o anna.token --keep-fresh
  watchkeeper token issue ./keys --agent truck-7 -o truck-7.token
  watchkeeper token revoke ./keys --person anna
  watchkeeper serve --keys ./keys

Who can read DIR/signing.key can issue tokens. The monitor reads DIR/trusted, DIR/deployment and DIR/revoked, and
follows their changes.")]
pub(crate) struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Makes keys, or shows which are trusted
    Keys(KeysArguments),
    /// Issues a token of fifteen minutes at most
    Issue(IssueArguments),
    /// Takes tokens back; the monitor acts on it within a second
    Revoke(RevokeArguments),
}

#[derive(Debug, Args)]
struct KeysArguments {
    /// The directory of keys
    directory: PathBuf,
    /// Makes the directory with a first key
    #[arg(long)]
    create: bool,
    /// What the deployment is called; tokens are good for no other. Without it, a name that nobody else has
    #[arg(long, value_name = "NAME", requires = "create", value_parser = label)]
    deployment: Option<Label>,
    /// Makes a new key that signs from now on; remove the old one's file in DIR/trusted a quarter of an hour later
    #[arg(long, conflicts_with = "create")]
    rotate: bool,
}

#[derive(Debug, Args)]
struct IssueArguments {
    /// The directory of keys
    directory: PathBuf,
    /// Whose token: a person's
    #[arg(long, value_name = "NAME")]
    person: Option<PersonId>,
    /// Whose token: an agent's, or that of a gateway, whose agents' ids all begin with what stands before the *
    #[arg(long, value_name = "PATTERN", value_parser = pattern, conflicts_with_all = ["person", "role", "scope"])]
    agent: Option<AgentPattern>,
    /// In which role: observer, auditor, operator or supervisor
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    role: OperatorRole,
    /// For which agents: an id, or the beginning of ids and a *; may be given up to 16 times
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    scope: Vec<String>,
    /// How long it lives
    #[arg(long, value_name = "MINUTES", default_value_t = MAX_LIFE.as_secs() / 60, value_parser = clap::value_parser!(u64).range(1..=15))]
    minutes: u64,
    /// Where to; without it, standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Goes on, and puts a new token there whenever two thirds of the last one's life are over, until Ctrl-C
    #[arg(long, requires = "output")]
    keep_fresh: bool,
}

#[derive(Debug, Args)]
struct RevokeArguments {
    /// The directory of keys
    directory: PathBuf,
    /// One token, by the id that `issue` printed
    #[arg(long, value_name = "ID", value_parser = token_id, conflicts_with_all = ["person", "agent"])]
    token: Option<String>,
    /// Every token that a person has now
    #[arg(long, value_name = "NAME", conflicts_with = "agent")]
    person: Option<PersonId>,
    /// Every token that was issued to an agent or a gateway
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    agent: Option<AgentPattern>,
}

fn label(text: &str) -> Result<Label, String> {
    let usable = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if usable { Label::new(text).map_err(|error| error.to_string()) } else { Err("is one word".to_owned()) }
}

fn pattern(text: &str) -> Result<AgentPattern, String> {
    AgentPattern::new(text).map_err(|error| error.to_string())
}

fn token_id(text: &str) -> Result<String, String> {
    AgentId::new(text).map(|_is_a_word| text.to_owned()).map_err(|error| error.to_string())
}

pub(crate) async fn run(arguments: TokenArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        TokenCommand::Keys(arguments) => keys(&arguments)?,
        TokenCommand::Issue(arguments) => issue_until_stopped(arguments).await?,
        TokenCommand::Revoke(arguments) => revoke(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn keys(arguments: &KeysArguments) -> anyhow::Result<()> {
    let directory = KeyDirectory::new(&arguments.directory);
    if arguments.create {
        let key = directory.create(arguments.deployment.as_ref()).context("making the keys")?;
        say(format_args!("made {key}"))?;
    } else if arguments.rotate {
        let key = directory.add_key().context("making a new key")?;
        say(format_args!("{key} signs from now on"))?;
    }
    let what = || format!("reading {}; --create makes it", arguments.directory.display());
    let trusted = directory.verifying_keys().with_context(what)?;
    let revoked = directory.revoked()?.to_text().lines().count();
    say(format_args!("deployment {}", directory.deployment().with_context(what)?))?;
    for key in trusted.key_ids() {
        say(format_args!("trusted {key}"))?;
    }
    say(count_of(revoked, "revocation"))?;
    Ok(())
}

async fn issue_until_stopped(arguments: IssueArguments) -> anyhow::Result<()> {
    let subject = match (arguments.agent, arguments.person) {
        (Some(agent), _) => Subject::Agent(agent),
        (None, Some(person)) => {
            let scope = Scope::new(arguments.scope.iter().map(String::as_str)).context("the scope")?;
            Subject::Person { person, role: arguments.role, scope }
        }
        (None, None) => bail!("say whose token it is: --person NAME or --agent ID"),
    };
    let directory = KeyDirectory::new(&arguments.directory);
    let life = Duration::from_secs(arguments.minutes * 60);
    let mut shutdown = Shutdown::listen()?;
    loop {
        let key = directory.signing_key().with_context(|| {
            format!(
                "reading the key that signs in {}; `token keys DIR --create` makes one",
                arguments.directory.display()
            )
        })?;
        let claims = directory.claims(subject.clone(), life, Clock.timestamp())?;
        let token = issue(&key, &claims)?;
        let Some(file) = &arguments.output else {
            say(token.as_str())?;
            return Ok(());
        };
        write(file, token.as_str())?;
        say(format_args!(
            "token {} of {}, until {}, in {}",
            claims.token_id,
            claims.subject,
            claims.expires_at,
            file.display()
        ))?;
        if !arguments.keep_fresh {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = shutdown.wanted() => return Ok(()),
            () = tokio::time::sleep(life * 2 / 3) => {}
        }
    }
}

/// Writes a token as a whole, for its owner only.
fn write(file: &Path, token: &str) -> anyhow::Result<()> {
    let unfinished = file.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut open = fs::OpenOptions::new();
        let mut opened = open.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        writeln!(opened, "{token}")?;
        fs::rename(&unfinished, file)
    };
    write().with_context(|| format!("writing the token into {}", file.display()))
}

fn revoke(arguments: RevokeArguments) -> anyhow::Result<()> {
    let directory = KeyDirectory::new(&arguments.directory);
    let now = Clock.timestamp();
    // A list in a directory that is none would be read by nobody.
    directory
        .deployment()
        .with_context(|| format!("{} is no directory of keys", arguments.directory.display()))?;
    let what = match (&arguments.token, &arguments.person, &arguments.agent) {
        (Some(token), _, _) => format!("token {token}"),
        (None, Some(person), _) => format!("every token of {person}"),
        (None, None, Some(agent)) => format!("every token of agent {}", agent.as_str()),
        (None, None, None) => bail!("say what: --token ID, --person NAME or --agent ID"),
    };
    directory
        .revoke(
            |revoked| match (arguments.token, arguments.person, arguments.agent) {
                (Some(token), _, _) => revoked.token(&token, now),
                (None, Some(person), _) => revoked.person(&person, now),
                (None, None, Some(agent)) => revoked.agent(&agent, now),
                (None, None, None) => {}
            },
            now,
        )
        .context("revoking")?;
    say(format_args!("revoked {what} up to now"))?;
    directory.verifying_keys().context("it is revoked, but other tokens cannot be checked")?;
    Ok(())
}
