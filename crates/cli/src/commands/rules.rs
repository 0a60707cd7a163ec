//! `rules`: checks rules that people write, tries them on what happened, and puts them in force.

mod show;
mod table;

use crate::{
    backtest::{Backtest, Flip, Totals, Window},
    connection::login_name,
    out::{count, count_of, say},
    record::DataArguments,
    runs::{Course, follow},
    shutdown::Shutdown,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use watchkeeper_model::{Note, PersonId};
use watchkeeper_rules::RuleSet;
use watchkeeper_server::{RuleStore, Signature, clock::Clock};

/// How often `shadow` looks whether the record went on.
const EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(after_help = "A file of rules goes this way:
  watchkeeper rules check rules.toml                         is it a file of rules at all? line and reason if not
  watchkeeper rules backtest rules.toml                      which past decisions would it have changed?
  watchkeeper rules shadow rules.toml                        and which would it change now? nothing is raised
  watchkeeper rules activate rules.toml --reason 'wet yard'  it is in force, and a running monitor takes it up
  watchkeeper rules rollback rules.toml --reason 'too wet'   what was in force before is again
  watchkeeper rules list rules.toml                          every version: when, who, why

The monitor is told of the file once, in its configuration: `file = \"rules.toml\"` under `[rules]`. It never reads the
file itself, only versions that were put in force. docs/rules.md says how rules are written.")]
pub(crate) struct RulesArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reads a file and says what each rule does, or what is wrong, with line, column and reason
    Check {
        /// Rules in TOML, or Amazon A2I's activation conditions in JSON
        file: PathBuf,
    },
    /// Tries rules on recorded decisions and lists every one after which something else would have stood
    Backtest {
        /// The rules to try
        file: PathBuf,
        #[command(flatten)]
        data: DataArguments,
        /// Compares with these rules; without it, with those that were in force at the time
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// Looks at no decision before this moment, for example 2026-03-01T06:00:00Z
        #[arg(long, value_name = "RFC3339")]
        from: Option<jiff::Timestamp>,
        /// Looks at no decision from this moment on
        #[arg(long, value_name = "RFC3339")]
        to: Option<jiff::Timestamp>,
        /// One JSON object a line: a decision that changes each, and the counts last
        #[arg(long)]
        json: bool,
    },
    /// Tries rules beside a running monitor: says what they would have raised, and raises nothing
    Shadow {
        /// The rules to try
        file: PathBuf,
        #[command(flatten)]
        data: DataArguments,
        /// Ends after so long; without it at Ctrl-C
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Checks rules, keeps them as a version, and puts them in force
    Activate {
        /// The rules
        file: PathBuf,
        /// The file that the monitor's configuration names, where it is another one
        #[arg(long = "for", value_name = "FILE")]
        of: Option<PathBuf>,
        #[command(flatten)]
        who: WhoArguments,
    },
    /// Puts the version before in force again
    Rollback {
        /// The file that the monitor's configuration names
        file: PathBuf,
        /// Goes back to this version: the first digits that `list` shows
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        #[command(flatten)]
        who: WhoArguments,
    },
    /// Lists every version that was ever in force: when, who, why
    List {
        /// The file that the monitor's configuration names
        file: PathBuf,
    },
}

/// Who changes the rules, and why: both are kept with the version and in the monitor's record.
#[derive(Debug, Args)]
struct WhoArguments {
    /// Your name
    #[arg(long = "as", value_name = "NAME", default_value_t = login_name())]
    person: PersonId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl WhoArguments {
    fn sign(self) -> anyhow::Result<Signature> {
        let reason = Note::new(self.reason).context("reading --reason")?;
        Ok(Signature { by: self.person, reason, at: Clock.timestamp() })
    }
}

pub(crate) async fn run(arguments: RulesArguments) -> anyhow::Result<ExitCode> {
    match arguments.what {
        What::Check { file } => say(show::rules(&file, &*read(&file)?))?,
        What::Backtest { file, data, against, from, to, json } => {
            let candidate = read(&file)?;
            let against = against.map(|file| read(&file)).transpose()?;
            let mut told = 0;
            let tell = |flip: &Flip| print_flip(flip, json, &mut told);
            let mut backtest = Backtest::new(candidate, against, Window { from, to }, tell);
            follow(&data.open()?, &mut backtest)?;
            print_totals(backtest.totals(), json)?;
        }
        What::Shadow { file, data, seconds, json } => {
            let candidate = read(&file)?;
            Box::pin(shadow(candidate, &data, seconds.map(Duration::from_secs), json)).await?;
        }
        What::Activate { file, of, who } => {
            let rules = read(&file)?;
            let store = RuleStore::of(of.as_deref().unwrap_or(&file));
            store.activate(rules.text(), &who.sign()?).context("nothing was changed")?;
            let count = count_of(rules.rules().len(), "rule");
            say(format_args!("{count} in force, version {}", rules.version().short()))?;
            say(HEARD)?;
        }
        What::Rollback { file, to, who } => {
            let store = RuleStore::of(&file);
            let to = to.map(|digits| store.find(&digits)).transpose()?;
            let change = store.rollback(to, &who.sign()?).context("nothing was changed")?;
            say(format_args!("version {} is in force again", change.version.short()))?;
            say(HEARD)?;
        }
        What::List { file } => say(show::versions(&file, &RuleStore::of(&file).history()?))?,
    }
    Ok(ExitCode::SUCCESS)
}

const HEARD: &str = "a running monitor takes it up within a second and says so in its log";

fn read(path: &Path) -> anyhow::Result<Arc<RuleSet>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("reading the rules in {}", path.display()))?;
    let rules =
        RuleSet::parse(&text).with_context(|| format!("the rules in {} cannot be used", path.display()))?;
    Ok(Arc::new(rules))
}

/// Follows the record of a running monitor from now on. What happened before is only taken in, so that the candidate
/// stands where it would.
async fn shadow(
    candidate: Arc<RuleSet>,
    data: &DataArguments,
    span: Option<Duration>,
    json: bool,
) -> anyhow::Result<()> {
    let record = data.open()?;
    let mut told = 0;
    let tell = |flip: &Flip| print_flip(flip, json, &mut told);
    let window = Window { from: Some(Clock.timestamp()), to: None };
    let mut backtest = Backtest::new(candidate, None, window, tell);
    let mut course = Course::default();
    let deadline = span.map(|span| Clock.now().after(span));
    // What is on record already may take long, and ends with the first Ctrl-C as any program does.
    course.go_on(&record, &mut backtest)?;
    let mut shutdown = Shutdown::listen()?;
    loop {
        course.go_on(&record, &mut backtest)?;
        let left = deadline.map_or(EVERY, |deadline| Clock.now().until(deadline).min(EVERY));
        if left.is_zero() {
            break;
        }
        tokio::select! {
            () = shutdown.wanted() => break,
            () = tokio::time::sleep(left) => {}
        }
    }
    print_totals(backtest.totals(), json)
}

fn print_flip(flip: &Flip, json: bool, told: &mut u64) -> anyhow::Result<()> {
    *told += 1;
    if json {
        say(serde_json::to_string(flip)?)?;
        return Ok(());
    }
    if *told == 1 {
        say(show::flip_head())?;
    }
    say(show::flip(flip))?;
    Ok(())
}

fn print_totals(totals: &Totals, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string(totals)?)?;
        return Ok(());
    }
    let flips: u64 = totals.rules.values().map(|tally| tally.flips).sum();
    if flips > 0 {
        say("")?;
    }
    say(show::totals(totals))?;
    if totals.unjudged > 0 {
        let times = count(totals.unjudged, "time");
        say(format_args!(
            "{times} a rule could not judge a decision: something that it speaks of was missing; has() asks for it"
        ))?;
    }
    Ok(())
}
